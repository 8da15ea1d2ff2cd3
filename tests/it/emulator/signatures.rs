//! Who may come in: the signature in headers (V3) against the official SDKs' vectors and whole
//! requests, altered in every part; sessions, disabled keys and keys without a right.

use chrono::TimeDelta;
use renewctl::emulator::gateway::{V3Signed, v3_signature};
use renewctl::emulator::{Call, Emulator};
use serde_json::Value;

use super::client::{Client, WALL, WORLD, decode, encode, sign_v3};
use crate::support::time;

const SECRET: &str = "emulator-secret";
const MISMATCH: (u16, &str) = (400, "SignatureDoesNotMatch");

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../vectors/signature-vectors.json")).unwrap()
}

fn pairs(object: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    object.as_object().unwrap().iter().map(|(name, value)| (name.to_lowercase(), text(value))).collect()
}

fn query(object: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    object.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn answer(emulator: &mut Emulator, call: &Call, wall: &str) -> (u16, String) {
    let (status, body) = decode(emulator.answer(call, time(wall)));
    (status, body["Code"].as_str().unwrap_or("-").to_owned())
}

fn outcome(client: &mut Client, call: &Call) -> (u16, String) {
    let (status, body) = decode(client.emulator.answer(call, client.wall));
    (status, body["Code"].as_str().unwrap_or("-").to_owned())
}

#[track_caller]
fn refused(found: (u16, String), expected: (u16, &str)) {
    assert_eq!((found.0, found.1.as_str()), expected);
}

#[test]
fn every_stage_of_v3_is_as_the_official_sdks_have_it() {
    let all = vectors();
    let vectors = all["v3"].as_array().unwrap();
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let id = &vector["id"];
        let names: Vec<&str> = vector["signed_headers"].as_str().unwrap().split(';').collect();
        let headers = pairs(&vector["headers"]);
        let of = |name: &&str| headers.iter().find(|(header, _)| header == name).unwrap().clone();
        let signed = V3Signed {
            method: vector["method"].as_str().unwrap().to_owned(),
            query: query(&vector["query_params"]),
            headers: names.iter().map(of).collect(),
            hashed_body: vector["hashed_payload"].as_str().unwrap().to_owned(),
        };
        assert_eq!(signed.canonical_request(), vector["canonical_request"], "{id}");
        assert_eq!(signed.string_to_sign(), vector["string_to_sign"], "{id}");
        let secret = vector["access_key_secret"].as_str().unwrap();
        assert_eq!(v3_signature(&signed.string_to_sign(), secret).unwrap(), vector["signature"], "{id}");
    }
}

/// A world that knows the vectors' key and instance.
fn vectors_world(key: &str, secret: &str, token: Option<&str>) -> Emulator {
    let token = token.map(|token| format!(", token: '{token}'")).unwrap_or_default();
    let world = format!(
        "now: 2026-12-01T02:05:00Z\nkeys: [{{ id: '{key}', secret: '{secret}'{token} }}]\ninstances:\n  - {{ id: i-bp67acfmxazb4p0001, region: cn-hangzhou, expires_in: 5d }}\n  - {{ id: i-uf6aaaaaaaaaaaaa0001, region: cn-shanghai, expires_in: 5d }}\n  - {{ id: i-uf6aaaaaaaaaaaaa0002, region: cn-shanghai, expires_in: 5d }}\n"
    );
    Emulator::from_world(&world, time(WALL), "x").unwrap()
}

#[test]
fn requests_of_the_vectors_come_in_as_they_stand() {
    let mut came_in = 0;
    for vector in vectors()["v3"].as_array().unwrap() {
        let headers = pairs(&vector["headers"]);
        let header =
            |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, text)| text.as_str());
        let supported = ["RenewInstance", "DescribeInstances", "ModifyInstanceAutoRenewAttribute"];
        if !supported.contains(&header("x-acs-action").unwrap()) {
            continue;
        }
        let (date, token) = (header("x-acs-date").unwrap(), header("x-acs-security-token"));
        let authorization =
            ("authorization".to_owned(), vector["authorization"].as_str().unwrap().to_owned());
        let call = Call {
            method: vector["method"].as_str().unwrap().to_owned(),
            host: header("host").unwrap().to_owned(),
            path_and_query: format!("/?{}", vector["canonical_query_string"].as_str().unwrap()),
            headers: headers.iter().cloned().chain([authorization]).collect(),
            body: vector["body"].as_str().unwrap().as_bytes().to_vec(),
        };
        let mut emulator = vectors_world(
            vector["access_key_id"].as_str().unwrap(),
            vector["access_key_secret"].as_str().unwrap(),
            token,
        );
        assert_eq!(answer(&mut emulator, &call, date), (200, "-".to_owned()), "{}", vector["id"]);
        came_in += 1;
    }
    assert_eq!(came_in, 7, "the other two name actions that there are not");
}

#[test]
fn whole_requests_of_the_official_client_come_in_and_charge_in_both_styles() {
    for vector in vectors()["end_to_end"].as_array().unwrap() {
        let mut emulator =
            vectors_world("LTAI5tEXAMPLEKEYID000001", vector["access_key_secret"].as_str().unwrap(), None);
        let sent: Vec<String> = query(&vector["query"])
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let headers = pairs(&vector["headers"]);
        let call = Call {
            method: "POST".to_owned(),
            host: "ecs-cn-hangzhou.aliyuncs.com".to_owned(),
            path_and_query: format!("/?{}", sent.join("&")),
            headers,
            body: Vec::new(),
        };
        let altered =
            Call { path_and_query: call.path_and_query.replace("Period=1", "Period=2"), ..call.clone() };
        refused(answer(&mut emulator, &altered, "2026-03-01T02:03:04Z"), MISMATCH);
        refused(answer(&mut emulator, &call, "2026-03-01T02:18:05Z"), (400, "InvalidTimeStamp.Expired"));
        assert_eq!(
            answer(&mut emulator, &call, "2026-03-01T02:18:04Z"),
            (200, "-".to_owned()),
            "{}",
            vector["id"]
        );
        refused(answer(&mut emulator, &call, "2026-03-01T02:18:04Z"), (400, "SignatureNonceUsed"));
        let charge = &emulator.ledger()[0];
        assert_eq!((charge.instance_id.as_str(), charge.period), ("i-bp67acfmxazb4p0001", 1));
        assert_eq!(charge.client_token.as_deref(), Some("0c593ea1-3bea-11e9-b96b-88e9fe637760"));
    }
}

type Change = fn(&mut Call);

fn lengthen(call: &mut Call, header: &str) {
    for (_, value) in call.headers.iter_mut().filter(|(name, _)| name == header) {
        value.push('1');
    }
}

#[test]
fn a_v3_signature_covers_query_body_method_and_every_header_that_means_something() {
    let mut client = Client::new(WORLD);
    let good = |client: &Client| {
        client.v3("DescribeInstances", &[("RegionId", "cn-beijing")], "MaxResults=20", SECRET)
    };
    let call = good(&client);
    assert_eq!(outcome(&mut client, &call), (200, "-".to_owned()));
    let changes: [(&str, Change); 8] = [
        ("query", |call| call.path_and_query = call.path_and_query.replace("beijing", "shanghai")),
        ("another parameter", |call| call.path_and_query.push_str("&Status=Running")),
        ("body", |call| call.body = b"MaxResults=30".to_vec()),
        ("method", |call| call.method = "GET".to_owned()),
        ("host", |call| lengthen(call, "host")),
        ("nonce", |call| lengthen(call, "x-acs-signature-nonce")),
        ("hash", |call| call.headers.retain(|(name, _)| name != "x-acs-content-sha256")),
        // It would mean something, and the signature does not know it.
        ("unsigned header", |call| call.headers.push(("x-acs-accesskey-id".to_owned(), "other".to_owned()))),
    ];
    for (name, change) in changes {
        let mut call = good(&client);
        change(&mut call);
        let found = outcome(&mut client, &call);
        assert_eq!((found.0, found.1.as_str()), MISMATCH, "{name}");
    }
    // A header that means nothing may stay unsigned, as proxies add them.
    let mut call = good(&client);
    call.headers.push(("x-forwarded-for".to_owned(), "127.0.0.1".to_owned()));
    assert_eq!(outcome(&mut client, &call), (200, "-".to_owned()));
    // Signed, but not what was hashed.
    let mut call = good(&client);
    call.headers.retain(|(name, _)| name != "authorization" && name != "x-acs-content-sha256");
    call.headers.push(("x-acs-content-sha256".to_owned(), "0".repeat(64)));
    sign_v3(&mut call, "emulator", SECRET);
    refused(outcome(&mut client, &call), MISMATCH);
}

#[test]
fn v3_signs_with_the_plain_secret_and_says_what_is_missing() {
    let mut client = Client::new(WORLD);
    for (secret, expected) in [("emulator-secret&", MISMATCH), ("", MISMATCH), (SECRET, (200, "-"))] {
        let call = client.v3("DescribeInstances", &[("RegionId", "cn-beijing")], "", secret);
        refused(outcome(&mut client, &call), expected);
    }
    for (header, expected) in [
        ("x-acs-action", (400, "MissingAction")),
        ("x-acs-version", (400, "MissingVersion")),
        ("x-acs-date", (400, "Missingx-acs-date")),
        ("x-acs-signature-nonce", (400, "Missingx-acs-signature-nonce")),
    ] {
        let mut call = client.v3("DescribeInstances", &[("RegionId", "cn-beijing")], "", SECRET);
        call.headers.retain(|(name, _)| name != header);
        sign_v3(&mut call, "emulator", SECRET);
        refused(outcome(&mut client, &call), expected);
    }
    let mut call = client.v3("DescribeInstances", &[("RegionId", "cn-beijing")], "", SECRET);
    sign_v3(&mut call, "someone", SECRET);
    refused(outcome(&mut client, &call), (404, "InvalidAccessKeyId.NotFound"));
    for (minutes, expected) in
        [(15, (200, "-")), (16, (400, "InvalidTimeStamp.Expired")), (-16, (400, "InvalidTimeStamp.Expired"))]
    {
        let mut late = Client::new(WORLD);
        let call = late.v3("DescribeInstances", &[("RegionId", "cn-beijing")], "", SECRET);
        late.wall += TimeDelta::minutes(minutes);
        refused(outcome(&mut late, &call), expected);
    }
    // A nonce serves once, in either style.
    let call = client.v3("DescribeInstances", &[("RegionId", "cn-beijing")], "", SECRET);
    assert_eq!(outcome(&mut client, &call).0, 200);
    refused(outcome(&mut client, &call), (400, "SignatureNonceUsed"));
}

#[test]
fn a_session_needs_its_token_until_it_ends_by_the_worlds_clock() {
    let session = "keys:\n  - { id: emulator, secret: emulator-secret, token: right, token_expires_at: 2026-12-01T03:05:00Z }\n  - { id: plain, secret: emulator-secret }\n";
    let world = format!("{WORLD}{session}");
    let kind = |text: &str| format!("InvalidSecurityToken.{text}");
    for (key, token, expected) in [
        ("emulator", Some("right"), (200, "-".to_owned())),
        ("emulator", None, (400, kind("MismatchWithAccessKey"))),
        ("emulator", Some(""), (400, kind("MismatchWithAccessKey"))),
        ("emulator", Some("wrong"), (400, kind("MismatchWithAccessKey"))),
        ("emulator", Some("RIGHT"), (400, kind("MismatchWithAccessKey"))),
        ("plain", Some("right"), (400, kind("Malformed"))),
        ("plain", None, (200, "-".to_owned())),
    ] {
        let mut client = Client::new(&world);
        let mut own = vec![("RegionId", "cn-beijing"), ("AccessKeyId", key)];
        own.extend(token.map(|token| ("SecurityToken", token)));
        assert_eq!(client.refusal("DescribeInstances", &own), expected, "V1 {key} {token:?}");
        let mut call = client.v3("DescribeInstances", &[("RegionId", "cn-beijing")], "", SECRET);
        call.headers.extend(token.map(|token| ("x-acs-security-token".to_owned(), token.to_owned())));
        sign_v3(&mut call, key, SECRET);
        assert_eq!(outcome(&mut client, &call), expected, "V3 {key} {token:?}");
    }
    let mut client = Client::new(&world);
    let own = [("RegionId", "cn-beijing"), ("SecurityToken", "right")];
    client.emulator.advance(3599);
    assert_eq!(client.call("DescribeInstances", &own).0, 200);
    client.emulator.advance(1);
    assert_eq!(client.refusal("DescribeInstances", &own), (400, kind("Expired")));
}

#[test]
fn a_disabled_key_does_not_come_in_and_the_first_that_does_is_offered() {
    let keys = "keys:\n  - { id: emulator, secret: emulator-secret, inactive: true }\n  - { id: zweiter, secret: s, token: t }\n";
    let mut client = Client::new(&format!("{WORLD}{keys}"));
    let inactive = (400, "InvalidAccessKeyId.Inactive".to_owned());
    assert_eq!(client.refusal("DescribeInstances", &[("RegionId", "cn-beijing")]), inactive);
    assert_eq!(client.emulator.key(None), Some(("zweiter", "s", Some("t"))));
    assert_eq!(client.emulator.key(Some("no such key")), client.emulator.key(None));
}

#[test]
fn a_key_without_a_right_is_forbidden_and_sees_an_empty_list() {
    let region = ("RegionId", "cn-beijing");
    let calls: [(&str, Vec<(&str, &str)>); 5] = [
        ("DescribeInstances", vec![region]),
        ("DescribeInstanceAutoRenewAttribute", vec![region, ("InstanceId", "i-one")]),
        ("ModifyInstanceAutoRenewAttribute", vec![region, ("InstanceId", "i-one")]),
        ("RenewInstance", vec![("InstanceId", "i-one"), ("Period", "1")]),
        ("DescribeRenewalPrice", vec![region, ("ResourceId", "i-one")]),
    ];
    for (denied, _) in &calls {
        let keys = format!("keys: [{{ id: emulator, secret: emulator-secret, deny: [{denied}] }}]");
        for (action, own) in &calls {
            let mut client = Client::new(&format!("{WORLD}{keys}"));
            let (status, body) = client.call(action, own);
            let shown = body["Instances"]["Instance"].as_array().map(Vec::len);
            match (action == denied, *action) {
                (false, _) => assert_eq!(status, 200, "{action}, {denied} denied"),
                (true, "DescribeInstances") => assert_eq!((status, shown), (200, Some(0))),
                (true, _) => assert_eq!((status, &body["Code"]), (403, &"Forbidden.RAM".into()), "{action}"),
            }
            assert_eq!(
                client.emulator.ledger().len(),
                usize::from(*action == "RenewInstance" && action != denied)
            );
        }
    }
    // DryRun tells an empty region from a missing right.
    for (keys, expected) in [
        ("", (400, "DryRunOperation")),
        (
            "keys: [{ id: emulator, secret: emulator-secret, deny: [DescribeInstances] }]",
            (403, "Forbidden.RAM"),
        ),
    ] {
        let mut client = Client::new(&format!("{WORLD}{keys}"));
        refused(
            client.refusal("DescribeInstances", &[("RegionId", "eu-west-1"), ("DryRun", "true")]),
            expected,
        );
    }
}
