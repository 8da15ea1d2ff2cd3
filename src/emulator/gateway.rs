//! The gateway: reads parameters from query and form, and checks what every request must have before
//! an action sees it. The order of the checks is assumed.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::Call;
use super::api::{ACTIONS, ApiError};
use super::state::State;

/// A timestamp further off is refused (reference 1.2).
const SKEW_MINUTES: i64 = 15;
/// Nonces that are remembered; beyond it the oldest in byte order go.
const NONCES_MAX: usize = 200_000;

/// A request with its parameters, of query and form together.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET or POST.
    pub method: String,
    /// The Host header.
    pub host: String,
    /// Decoded names and values, in order of arrival.
    pub parameters: Vec<(String, String)>,
}

impl Request {
    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter, if it is not empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

/// Decodes a request.
pub(super) fn read(call: &Call) -> Request {
    let query = call.path_and_query.split_once('?').map_or("", |(_, query)| query);
    let mut parameters = decode(query.as_bytes());
    let form =
        |(name, value): &(String, String)| name == "content-type" && value.contains("x-www-form-urlencoded");
    if call.headers.iter().any(form) {
        parameters.extend(decode(&call.body));
    }
    Request { method: call.method.clone(), host: call.host.clone(), parameters }
}

fn decode(text: &[u8]) -> Vec<(String, String)> {
    let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let cut = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(cut);
            (unescape(name), unescape(value.get(1..).unwrap_or_default()))
        })
        .collect()
}

fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, after) {
            (b'%', [high, low, tail @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                out.push(hex(high).unwrap_or(0) * 16 + hex(low).unwrap_or(0));
                rest = tail;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn escape(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The string that a V1 signature is made over: every parameter but the signature, empty ones too.
pub fn string_to_sign(method: &str, parameters: &[(String, String)]) -> String {
    let mut signed: Vec<_> = parameters.iter().filter(|(name, _)| name != "Signature").collect();
    signed.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let query: Vec<String> =
        signed.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    format!("{method}&{}&{}", escape("/"), escape(&query.join("&")))
}

/// The V1 signature of a string.
pub fn signature(string_to_sign: &str, secret: &str) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).ok()?;
    mac.update(string_to_sign.as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

/// Checks what every request must have.
pub(super) fn check(
    request: &Request,
    state: &State,
    nonces: &mut BTreeSet<String>,
    wall: DateTime<Utc>,
) -> Result<(), ApiError> {
    let action = mandatory(request, "Action")?;
    if !ACTIONS.contains(&action) {
        return Err(ApiError::new(
            404,
            "InvalidAction.NotFound",
            "Specified api is not found, please check your url and method.",
        ));
    }
    if mandatory(request, "Version")? != "2014-05-26" {
        return Err(ApiError::new(400, "InvalidVersion", "Specified parameter Version is not valid."));
    }
    let key = mandatory(request, "AccessKeyId")?;
    let Some(secret) = state.keys.get(key) else {
        return Err(ApiError::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."));
    };
    let method = mandatory(request, "SignatureMethod")?;
    let version = mandatory(request, "SignatureVersion")?;
    if !method.eq_ignore_ascii_case("HMAC-SHA1") || version != "1.0" {
        return Err(ApiError::new(400, "InvalidSignatureMethod", "Specified signature method is not valid."));
    }
    timestamp(mandatory(request, "Timestamp")?, wall + state.skew())?;
    let nonce = mandatory(request, "SignatureNonce")?;
    let claimed = mandatory(request, "Signature")?;
    let ours = string_to_sign(&request.method, &request.parameters);
    if signature(&ours, secret).as_deref() != Some(claimed) {
        let text = format!(
            "Specified signature is not matched with our calculation. server string to sign is:{ours}"
        );
        return Err(ApiError::new(400, "SignatureDoesNotMatch", &text));
    }
    if nonces.len() >= NONCES_MAX {
        nonces.pop_first();
    }
    if !nonces.insert(format!("{key} {nonce}")) {
        return Err(ApiError::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."));
    }
    Ok(())
}

fn mandatory<'a>(request: &'a Request, name: &str) -> Result<&'a str, ApiError> {
    request.filled(name).ok_or_else(|| ApiError::missing(name))
}

fn timestamp(text: &str, gateway_now: DateTime<Utc>) -> Result<(), ApiError> {
    let Ok(time) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ") else {
        let message = "Specified time stamp or date value is not well formatted.";
        return Err(ApiError::new(400, "InvalidTimeStamp.Format", message));
    };
    if (time.and_utc() - gateway_now).abs() > Duration::minutes(SKEW_MINUTES) {
        let message = "Specified time stamp or date value is expired.";
        return Err(ApiError::new(400, "InvalidTimeStamp.Expired", message));
    }
    Ok(())
}
