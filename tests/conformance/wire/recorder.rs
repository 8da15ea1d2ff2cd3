//! Sends the requests of a file, signed and transported by renewctl's own code, to a server that records
//! them: `conformance-recorder CASES URL`. `tests/conformance/run` calls it.
//!
//! It decides nothing: the values, the keys, the nonces and the timestamps are in the file.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and touches the world"
)]

use chrono::{DateTime, Utc};
use renewctl::cloud::Credentials;
use renewctl::cloud::sign::Signature;
use renewctl::cloud::sign::request::Unsigned;
use renewctl::ports::Transport as _;
use renewctl::system::{HttpTransport, Reach};
use serde::Deserialize;

/// The server is on this machine, and answers at once.
const TIMEOUT_MS: u64 = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    signature: String,
    action: String,
    version: String,
    parameters: Vec<(String, String)>,
    key: Key,
    nonce: String,
    at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    id: String,
    secret: String,
    token: Option<String>,
}

impl Key {
    fn credentials(&self) -> Credentials {
        let lasting = Credentials::new(&self.id, &self.secret);
        match &self.token {
            Some(token) => lasting.with_security_token(token),
            None => lasting,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cases, url] = arguments.as_slice() else { panic!("usage: conformance-recorder CASES URL") };
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(cases).unwrap()).unwrap();
    let transport = HttpTransport::new(Reach::Loopback { plain: true }, None);
    for case in &cases {
        send(&transport, url, case).await;
    }
}

async fn send(transport: &HttpTransport, url: &str, case: &Case) {
    let signature = match case.signature.as_str() {
        "v1" => Signature::V1,
        "v3" => Signature::V3,
        other => panic!("there is no signature {other}"),
    };
    let parameters: Vec<(&str, String)> =
        case.parameters.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let unsigned = Unsigned {
        url,
        action: &case.action,
        version: &case.version,
        parameters: &parameters,
        nonce: &case.nonce,
        at: case.at,
        timeout_ms: TIMEOUT_MS,
    };
    let reply = transport.send(unsigned.sign(signature, &case.key.credentials())).await.unwrap();
    assert_eq!(reply.status, 200, "{} {:?}", case.signature, case.parameters);
}
