//! A client of the emulator without any of the code under test: it signs by a composer of its own.

use std::cell::Cell;

use base64::Engine as _;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use renewctl::emulator::{Answer, Call, Emulator, Reply};
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::support::time;

pub const WALL: &str = "2026-11-23T00:00:00Z";

pub const WORLD: &str = "
now: 2026-12-01T02:05:00Z
effect_delay: 10s
instances:
  - { id: i-one, name: web-1, region: cn-beijing, expires_at: 2027-01-30T16:00:00Z, price_per_month: '33.10', list_price_per_month: 40, tags: { env: prod } }
  - { id: i-two, name: web-2, region: cn-beijing, expires_at: 2026-12-20T16:00:00Z, auto_renew: 2w }
  - { id: i-payg, region: cn-beijing, charge_type: PostPaid }
  - { id: i-lock, region: cn-beijing, expires_in: 5d, lock: security, price_per_month: 1 }
  - { id: i-dead, region: cn-beijing, expires_in: -2d, price_per_month: 1 }
  - { id: i-far, region: cn-shanghai, expires_in: 5d, price_per_month: 1 }
";

/// The version of an action's product.
fn version(action: &str) -> &'static str {
    match action {
        "QueryAccountBalance" => "2017-12-14",
        "GetCallerIdentity" | "AssumeRole" | "AssumeRoleWithOIDC" => "2015-04-01",
        _ => "2014-05-26",
    }
}

/// A client without any of the code under test.
pub struct Client {
    pub emulator: Emulator,
    pub wall: DateTime<Utc>,
    nonce: Cell<u32>,
    pub host: &'static str,
}

pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
                (b as char).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

impl Client {
    pub fn new(world: &str) -> Self {
        let emulator = Emulator::from_world(world, time(WALL), "0123456789abcdef").unwrap();
        Self { emulator, wall: time(WALL), nonce: Cell::new(0), host: "127.0.0.1:1" }
    }

    pub fn parameters(&self, action: &str, own: &[(&str, &str)]) -> Vec<(String, String)> {
        self.nonce.set(self.nonce.get() + 1);
        let common = [
            ("Action", action.to_owned()),
            ("Version", version(action).to_owned()),
            ("Format", "JSON".to_owned()),
            ("AccessKeyId", "emulator".to_owned()),
            ("SignatureMethod", "HMAC-SHA1".to_owned()),
            ("SignatureVersion", "1.0".to_owned()),
            ("SignatureType", String::new()),
            ("SignatureNonce", format!("n{}", self.nonce.get())),
            ("Timestamp", self.wall.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ];
        let mut all: Vec<(String, String)> = common.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        all.retain(|(key, _)| own.iter().all(|(name, _)| name != key));
        all.extend(own.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        all
    }

    pub fn send(&mut self, method: &str, mut parameters: Vec<(String, String)>, secret: &str) -> Answer {
        parameters.sort();
        let query: Vec<String> =
            parameters.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let query = query.join("&");
        let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).unwrap();
        mac.update(format!("{method}&%2F&{}", encode(&query)).as_bytes());
        let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        let signed = format!("{query}&Signature={}", encode(&signature));
        let form = method == "POST";
        let call = Call {
            method: method.to_owned(),
            host: self.host.to_owned(),
            path_and_query: if form { "/".to_owned() } else { format!("/?{signed}") },
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
            body: if form { signed.into_bytes() } else { Vec::new() },
        };
        self.emulator.answer(&call, self.wall)
    }

    pub fn call(&mut self, action: &str, own: &[(&str, &str)]) -> (u16, Value) {
        let parameters = self.parameters(action, own);
        decode(self.send("POST", parameters, "emulator-secret"))
    }

    /// A request in the newer style, signed over every header of it.
    pub fn v3(&self, action: &str, query: &[(&str, &str)], body: &str, secret: &str) -> Call {
        self.nonce.set(self.nonce.get() + 1);
        let mut headers = vec![
            ("host".to_owned(), self.host.to_owned()),
            ("x-acs-action".to_owned(), action.to_owned()),
            ("x-acs-content-sha256".to_owned(), HEXLOWER.encode(&Sha256::digest(body))),
            ("x-acs-date".to_owned(), self.wall.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
            ("x-acs-signature-nonce".to_owned(), format!("n{}", self.nonce.get())),
            ("x-acs-version".to_owned(), version(action).to_owned()),
        ];
        if !body.is_empty() {
            headers.insert(0, ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        }
        let mut sorted = query.to_vec();
        sorted.sort_unstable();
        let pairs: Vec<String> =
            sorted.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let mut call = Call {
            method: "POST".to_owned(),
            host: self.host.to_owned(),
            path_and_query: format!("/?{}", pairs.join("&")),
            headers,
            body: body.as_bytes().to_vec(),
        };
        sign_v3(&mut call, "emulator", secret);
        call
    }

    /// Status and code of a refusal.
    pub fn refusal(&mut self, action: &str, own: &[(&str, &str)]) -> (u16, String) {
        let (status, body) = self.call(action, own);
        (status, body["Code"].as_str().unwrap_or("-").to_owned())
    }

    pub fn expiry(&mut self, id: &str) -> Value {
        let (_, body) = self.call(
            "DescribeInstances",
            &[("RegionId", "cn-beijing"), ("InstanceIds", &format!("[\"{id}\"]"))],
        );
        body["Instances"]["Instance"][0]["ExpiredTime"].clone()
    }
}

/// Puts the Authorization header on a request: over all its headers, in order of their names.
pub fn sign_v3(call: &mut Call, key_id: &str, secret: &str) {
    call.headers.retain(|(name, _)| name != "authorization");
    call.headers.sort();
    let query = call.path_and_query.split_once('?').map_or("", |(_, query)| query);
    let lines: Vec<String> = call.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let lines = lines.concat();
    let names: Vec<&str> = call.headers.iter().map(|(name, _)| name.as_str()).collect();
    let (names, hash) = (names.join(";"), HEXLOWER.encode(&Sha256::digest(&call.body)));
    let canonical = format!("{}\n/\n{query}\n{lines}\n{names}\n{hash}", call.method);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("ACS3-HMAC-SHA256\n{}", HEXLOWER.encode(&Sha256::digest(canonical))).as_bytes());
    let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
    let value = format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}");
    call.headers.push(("authorization".to_owned(), value));
}

pub fn decode(answer: Answer) -> (u16, Value) {
    match answer.reply {
        Reply::Http(reply) => (reply.status, serde_json::from_slice(&reply.body).unwrap()),
        Reply::Hangup => (0, Value::Null),
    }
}
