//! Signatures as pure functions, one for each stage, so that each can be held against the official
//! SDKs' vectors. They know no action, no clock and no network.

pub mod request;
pub mod v1;
pub mod v3;

/// Which signature requests carry. The cloud takes both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signature {
    /// HMAC-SHA1 in a parameter: everything travels in a form.
    #[default]
    V1,
    /// ACS3-HMAC-SHA256 in a header, as the current official SDKs do: parameters travel in the query.
    V3,
}

/// Percent-encodes: UTF-8, `A-Z a-z 0-9 - _ . ~` stay, everything else becomes `%XX`, upper case.
pub fn percent_encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0')));
            }
        }
    }
    out
}

/// The canonicalized query: sorted by raw name in byte order, names and values encoded, `=` and `&`
/// between. An empty value stays.
pub fn canonical_query(parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort();
    let pairs: Vec<String> = sorted
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
        .collect();
    pairs.join("&")
}
