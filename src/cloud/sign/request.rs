//! A signed request of an action, of either style: pure, and ready for the transport.
//!
//! It takes any action and any parameters, so that the official SDKs' signing code can judge requests
//! that no action of ours would send (`tests/conformance`).

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Signature, canonical_query, percent_encode, v1, v3};
use crate::cloud::credentials::Credentials;
use crate::ports::{HttpRequest, Method};

/// What is signed, and when.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// Absolute, ends with a slash.
    pub url: &'a str,
    /// Its name.
    pub action: &'a str,
    /// The version of its API.
    pub version: &'a str,
    /// Its own parameters, without the common ones; each name once.
    pub parameters: &'a [(&'a str, String)],
    /// Another one for each attempt.
    pub nonce: &'a str,
    /// The timestamp.
    pub at: DateTime<Utc>,
    /// The longest wait for the whole answer, in milliseconds.
    pub timeout_ms: u64,
}

impl Unsigned<'_> {
    /// Signs it.
    pub fn sign(&self, signature: Signature, key: &Credentials) -> HttpRequest {
        match signature {
            Signature::V1 => self.sign_v1(key),
            Signature::V3 => self.sign_v3(key),
        }
    }

    fn timestamp(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    fn own_parameters(&self) -> Vec<(String, String)> {
        self.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    /// Everything travels in a form, so that no address in a proxy's log holds a signature.
    fn sign_v1(&self, key: &Credentials) -> HttpRequest {
        let mut parameters = self.own_parameters();
        let common = [
            ("Action", self.action.to_owned()),
            ("Version", self.version.to_owned()),
            // The default is XML.
            ("Format", "JSON".to_owned()),
            ("AccessKeyId", key.key_id().to_owned()),
            ("SignatureMethod", "HMAC-SHA1".to_owned()),
            ("SignatureVersion", "1.0".to_owned()),
            ("SignatureNonce", self.nonce.to_owned()),
            ("Timestamp", self.timestamp()),
        ];
        parameters.extend(common.into_iter().map(|(name, value)| (name.to_owned(), value)));
        if let Some(token) = key.security_token() {
            parameters.push(("SecurityToken".to_owned(), token.to_owned()));
        }
        let query = canonical_query(&parameters);
        let signature = v1::signature(&v1::string_to_sign("POST", &query), key.secret());
        HttpRequest {
            method: Method::Post,
            url: self.url.to_owned(),
            headers: vec![
                ("accept".to_owned(), "application/json".to_owned()),
                ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ],
            body: format!("{query}&Signature={}", percent_encode(&signature)),
            timeout_ms: self.timeout_ms,
        }
    }

    /// Parameters travel in the query and the body is empty, as the official SDKs do it.
    fn sign_v3(&self, key: &Credentials) -> HttpRequest {
        let hashed_body = v3::hash(b"");
        let mut headers = vec![
            ("host".to_owned(), host(self.url)),
            ("x-acs-action".to_owned(), self.action.to_owned()),
            ("x-acs-content-sha256".to_owned(), hashed_body.clone()),
            ("x-acs-date".to_owned(), self.timestamp()),
            ("x-acs-signature-nonce".to_owned(), self.nonce.to_owned()),
            ("x-acs-version".to_owned(), self.version.to_owned()),
        ];
        if let Some(token) = key.security_token() {
            headers.push(("x-acs-accesskey-id".to_owned(), key.key_id().to_owned()));
            headers.push(("x-acs-security-token".to_owned(), token.to_owned()));
        }
        headers.sort();
        let query = canonical_query(&self.own_parameters());
        let request = v3::canonical_request("POST", &query, &headers, &hashed_body);
        let signature = v3::signature(&v3::string_to_sign(&request), key.secret());
        let authorization = v3::authorization(key.key_id(), &headers, &signature);
        // The transport writes the host itself, the same one.
        headers.retain(|(name, _)| name != "host");
        headers.push(("accept".to_owned(), "application/json".to_owned()));
        headers.push(("authorization".to_owned(), authorization));
        let mark = if query.is_empty() { "" } else { "?" };
        HttpRequest {
            method: Method::Post,
            url: format!("{}{mark}{query}", self.url),
            headers,
            body: String::new(),
            timeout_ms: self.timeout_ms,
        }
    }
}

/// The host with its port, as the Host header names it.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}
