//! The signature in a header: HMAC-SHA256 over a canonical request. Source: "V3 request structure and
//! signature" (reference 1.4).

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

/// Its name, first word of the string to sign and of the header.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// The SHA-256 of a body, or of a canonical request, in lower-case hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Method, path, canonicalized query, each header as `name:value`, the names, and the hash of the body, on
/// lines of their own. `headers`: lower-case names, sorted.
pub fn canonical_request(
    method: &str,
    canonical_query: &str,
    headers: &[(String, String)],
    hashed_body: &str,
) -> String {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}:{}", value.trim())).collect();
    let (lines, names) = (lines.join("\n"), signed_headers(headers));
    format!("{method}\n/\n{canonical_query}\n{lines}\n\n{names}\n{hashed_body}")
}

/// The names of the headers, joined by semicolons.
pub fn signed_headers(headers: &[(String, String)]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.join(";")
}

/// The algorithm, and the hash of the canonical request.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", hash(canonical_request.as_bytes()))
}

/// The signature in lower-case hexadecimal. The key is the plain secret.
pub fn signature(string_to_sign: &str, access_key_secret: &str) -> String {
    // HMAC takes keys of any length, so the empty string never serves.
    Hmac::<Sha256>::new_from_slice(access_key_secret.as_bytes()).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(string_to_sign.as_bytes());
            HEXLOWER.encode(&mac.finalize().into_bytes())
        },
    )
}

/// The Authorization header.
pub fn authorization(access_key_id: &str, headers: &[(String, String)], signature: &str) -> String {
    format!(
        "{ALGORITHM} Credential={access_key_id},SignedHeaders={},Signature={signature}",
        signed_headers(headers)
    )
}
