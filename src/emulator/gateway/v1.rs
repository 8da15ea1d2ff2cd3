//! The signature in parameters: HMAC-SHA1 over the sorted query.
//!
//! Source: help.aliyun.com/zh/sdk/product-overview/rpc-mechanism.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::{Claim, Request, canonical_query, does_not_match, escape, mandatory, timestamp};
use crate::emulator::api::ApiError;
use crate::emulator::state::Key;

/// The string that a V1 signature is made over: every parameter but the signature, empty ones too.
pub fn string_to_sign(method: &str, parameters: &[(String, String)]) -> String {
    let signed: Vec<_> = parameters.iter().filter(|(name, _)| name != "Signature").cloned().collect();
    format!("{method}&{}&{}", escape("/"), escape(&canonical_query(&signed)))
}

/// The V1 signature of a string.
pub fn signature(string_to_sign: &str, secret: &str) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).ok()?;
    mac.update(string_to_sign.as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

/// Checks method, version, time and signature.
pub(super) fn check<'a>(request: &'a Request, key: &Key, now: DateTime<Utc>) -> Result<Claim<'a>, ApiError> {
    let method = mandatory(request, "SignatureMethod")?;
    let version = mandatory(request, "SignatureVersion")?;
    if !method.eq_ignore_ascii_case("HMAC-SHA1") || version != "1.0" {
        return Err(ApiError::new(400, "InvalidSignatureMethod", "Specified signature method is not valid."));
    }
    let claim = Claim {
        timestamp: mandatory(request, "Timestamp")?,
        nonce: mandatory(request, "SignatureNonce")?,
        token: request.filled("SecurityToken"),
    };
    timestamp(claim.timestamp, now)?;
    let claimed = mandatory(request, "Signature")?;
    let ours = string_to_sign(&request.method, &request.parameters);
    if signature(&ours, &key.secret).as_deref() == Some(claimed) {
        Ok(claim)
    } else {
        Err(does_not_match(&ours))
    }
}
