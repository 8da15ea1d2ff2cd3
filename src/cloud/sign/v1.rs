//! The signature in parameters: HMAC-SHA1 over the sorted query. Source: "Request signatures"
//! (reference 1.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use sha1::Sha1;

use super::percent_encode;

/// `METHOD&%2F&` and the canonicalized query, encoded once more.
pub fn string_to_sign(method: &str, canonical_query: &str) -> String {
    format!("{method}&%2F&{}", percent_encode(canonical_query))
}

/// The signature in standard base64. The key is the secret and an ampersand.
pub fn signature(string_to_sign: &str, access_key_secret: &str) -> String {
    let key = Zeroizing::new(format!("{access_key_secret}&"));
    // HMAC takes keys of any length, so the empty string never serves.
    Hmac::<Sha1>::new_from_slice(key.as_bytes()).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(string_to_sign.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        },
    )
}
