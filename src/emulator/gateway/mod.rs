//! The gateway: reads parameters from query and form, and checks what every request must have before
//! an action sees it: action, version, key, signature (V1 or V3), time, nonce, session token. The
//! order of the checks is assumed. Of a request that needs no signature only action and version are checked:
//! that is assumed, too.

mod v1;
mod v3;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use super::Call;
use super::api::{self, ApiError};
use super::state::{Key, State};

pub use v1::{signature, string_to_sign};
pub use v3::{Signed as V3Signed, signature as v3_signature};

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
    /// Decoded names and values, in order of arrival. A V3 request has its action, version and format
    /// here too, as if it had been sent in the old style.
    pub parameters: Vec<(String, String)>,
    v3: Option<v3::Proof>,
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

    /// Who signed it.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.v3.as_ref().map_or_else(|| self.filled("AccessKeyId"), |proof| Some(proof.credential.as_str()))
    }
}

/// Decodes a request.
pub(super) fn read(call: &Call) -> Request {
    let query = call.path_and_query.split_once('?').map_or("", |(_, query)| query);
    let mut parameters = decode(query.as_bytes());
    let v3 = v3::Proof::read(call, &parameters);
    let form =
        |(name, value): &(String, String)| name == "content-type" && value.contains("x-www-form-urlencoded");
    if call.headers.iter().any(form) {
        parameters.extend(decode(&call.body));
    }
    if let Some(proof) = &v3 {
        parameters.extend(proof.named_in_headers());
    }
    Request { method: call.method.clone(), host: call.host.clone(), parameters, v3 }
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
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    for byte in text.bytes() {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Names and values encoded, sorted by name, joined as a query.
fn canonical_query(parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let pairs: Vec<String> =
        sorted.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// What a request claims about itself, in either style.
struct Claim<'a> {
    timestamp: &'a str,
    nonce: &'a str,
    token: Option<&'a str>,
}

/// Checks what every request must have.
pub(super) fn check(
    request: &Request,
    state: &State,
    nonces: &mut BTreeSet<String>,
    wall: DateTime<Utc>,
) -> Result<(), ApiError> {
    let product = api::product(mandatory(request, "Action")?);
    let product = product.filter(|product| product.is_served_by(&request.host));
    let product = product.ok_or_else(ApiError::no_such_action)?;
    if mandatory(request, "Version")? != product.version() {
        return Err(ApiError::new(400, "InvalidVersion", "Specified parameter Version is not valid."));
    }
    if api::is_unsigned(request.get("Action").unwrap_or_default()) {
        return Ok(());
    }
    let id = request.key_id().ok_or_else(|| ApiError::missing("AccessKeyId"))?;
    let Some(key) = state.key(id) else {
        return Err(ApiError::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."));
    };
    if key.inactive {
        return Err(ApiError::new(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled."));
    }
    let now = wall + state.skew();
    let claim = match &request.v3 {
        Some(proof) => proof.check(&request.method, key, now)?,
        None => v1::check(request, key, now)?,
    };
    session(claim.token, key, state, now)?;
    if nonces.len() >= NONCES_MAX {
        nonces.pop_first();
    }
    if !nonces.insert(format!("{id} {}", claim.nonce)) {
        return Err(ApiError::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."));
    }
    Ok(())
}

/// Refuses a session's key without its token, with another one, or after its end. Which code comes
/// when is assumed.
fn session(token: Option<&str>, key: &Key, state: &State, now: DateTime<Utc>) -> Result<(), ApiError> {
    let wrong =
        |kind: &str, message: &str| Err(ApiError::new(400, &format!("InvalidSecurityToken.{kind}"), message));
    match (&key.token, token) {
        (None, None) => Ok(()),
        (None, Some(_)) => wrong("Malformed", "Specified SecurityToken is malformed."),
        (Some(expected), Some(token)) if expected == token => {
            // A session ends by the world's clock, so that advancing it ends sessions too.
            let ended = key.token_expires_at.is_some_and(|end| state.now(now - state.skew()) >= end);
            if ended { wrong("Expired", "Specified SecurityToken is expired.") } else { Ok(()) }
        }
        (Some(_), _) => {
            wrong("MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.")
        }
    }
}

fn does_not_match(ours: &str) -> ApiError {
    let text =
        format!("Specified signature is not matched with our calculation. server string to sign is:{ours}");
    ApiError::new(400, "SignatureDoesNotMatch", &text)
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
