//! The signature in headers: HMAC-SHA256 over a canonical request, which the current SDKs use.
//!
//! Source: help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature. The clients
//! differ in which headers they sign, so the list in the Authorization header rules, and it must hold
//! the host and every `x-acs-` header.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::{Claim, canonical_query, does_not_match, timestamp};
use crate::emulator::Call;
use crate::emulator::api::ApiError;
use crate::emulator::state::Key;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What a V3 signature is made over.
#[derive(Clone, Debug, Default)]
pub struct Signed {
    /// GET or POST.
    pub method: String,
    /// Decoded parameters of the query; those of a form are covered by the body's hash.
    pub query: Vec<(String, String)>,
    /// Lower-case names with values, sorted by name: the signed ones only.
    pub headers: Vec<(String, String)>,
    /// Hexadecimal SHA-256 of the body.
    pub hashed_body: String,
}

impl Signed {
    /// The canonical request.
    pub fn canonical_request(&self) -> String {
        let mut headers = String::new();
        for (name, value) in &self.headers {
            let _ = writeln!(headers, "{name}:{}", value.trim());
        }
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let query = canonical_query(&self.query);
        format!("{}\n/\n{query}\n{headers}\n{}\n{}", self.method, names.join(";"), self.hashed_body)
    }

    /// The algorithm and the hash of the canonical request.
    pub fn string_to_sign(&self) -> String {
        format!("{ALGORITHM}\n{}", hash(self.canonical_request().as_bytes()))
    }
}

/// The V3 signature of a string: the plain secret, no `&`.
pub fn signature(string_to_sign: &str, secret: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(string_to_sign.as_bytes());
    Some(HEXLOWER.encode(&mac.finalize().into_bytes()))
}

fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The headers of a V3 request, and what its Authorization header says.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) credential: String,
    signed_names: Vec<String>,
    signature: String,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    hashed_body: String,
}

impl Proof {
    /// The proof of a V3 request; `None` if it has no such Authorization header.
    pub(super) fn read(call: &Call, query: &[(String, String)]) -> Option<Self> {
        let mut headers = call.headers.clone();
        if !headers.iter().any(|(name, _)| name == "host") {
            headers.push(("host".to_owned(), call.host.clone()));
        }
        let authorization = &headers.iter().find(|(name, _)| name == "authorization")?.1;
        let fields = authorization.strip_prefix(ALGORITHM)?;
        let field = |wanted: &str| {
            let parts = fields.split(',').filter_map(|part| part.trim().split_once('='));
            parts.filter(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned()).next()
        };
        let (credential, names, signature) =
            (field("Credential"), field("SignedHeaders"), field("Signature"));
        Some(Self {
            credential: credential.unwrap_or_default(),
            signed_names: names.unwrap_or_default().split(';').map(str::to_owned).collect(),
            signature: signature.unwrap_or_default(),
            hashed_body: hash(&call.body),
            query: query.to_vec(),
            headers,
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn mandatory(&self, name: &str) -> Result<&str, ApiError> {
        self.header(name).filter(|value| !value.is_empty()).ok_or_else(|| ApiError::missing(name))
    }

    /// What V1 has as parameters.
    pub(super) fn named_in_headers(&self) -> Vec<(String, String)> {
        let named = [("Action", "x-acs-action"), ("Version", "x-acs-version")];
        let named = named.into_iter().filter_map(|(name, header)| Some((name, self.header(header)?)));
        // This style always answers JSON.
        named.chain([("Format", "JSON")]).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Checks time, the hash of the body, the list of signed headers, and the signature.
    pub(super) fn check(&self, method: &str, key: &Key, now: DateTime<Utc>) -> Result<Claim<'_>, ApiError> {
        let claim = Claim {
            timestamp: self.mandatory("x-acs-date")?,
            nonce: self.mandatory("x-acs-signature-nonce")?,
            token: self.header("x-acs-security-token").filter(|token| !token.is_empty()),
        };
        timestamp(claim.timestamp, now)?;
        let signed = Signed {
            method: method.to_owned(),
            query: self.query.clone(),
            headers: self.signed_headers(),
            hashed_body: self.hashed_body.clone(),
        };
        let ours = signed.string_to_sign();
        let whole = self.header("x-acs-content-sha256") == Some(self.hashed_body.as_str());
        let right = signature(&ours, &key.secret).is_some_and(|ours| ours == self.signature);
        if whole && right && self.names_all() { Ok(claim) } else { Err(does_not_match(&ours)) }
    }

    fn signed_headers(&self) -> Vec<(String, String)> {
        let of = |name: &String| Some((name.clone(), self.header(name)?.to_owned()));
        self.signed_names.iter().filter_map(of).collect()
    }

    /// Whether nothing that means something is left out of the signature.
    fn names_all(&self) -> bool {
        let must = |name: &str| name == "host" || name.starts_with("x-acs-");
        let mut needed = self.headers.iter().map(|(name, _)| name).filter(|name| must(name));
        needed.all(|name| self.signed_names.contains(name))
    }
}
