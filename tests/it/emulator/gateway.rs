//! What every request must have, before an action sees it.

use chrono::TimeDelta;
use renewctl::emulator::Reply;

use super::client::{Client, WORLD, decode};

#[test]
fn the_gateway_checks_before_anything_else() {
    #[allow(clippy::type_complexity, reason = "a table")]
    let cases: [(&str, Vec<(&str, &str)>, &str, u16, &str); 13] = [
        (
            "unknown action",
            vec![("Action", "DescribeNothing")],
            "emulator-secret",
            404,
            "InvalidAction.NotFound",
        ),
        ("no action", vec![("Action", "")], "emulator-secret", 400, "MissingAction"),
        ("old version", vec![("Version", "2013-01-10")], "emulator-secret", 400, "InvalidVersion"),
        ("no key", vec![("AccessKeyId", "")], "emulator-secret", 400, "MissingAccessKeyId"),
        (
            "unknown key",
            vec![("AccessKeyId", "someone")],
            "emulator-secret",
            404,
            "InvalidAccessKeyId.NotFound",
        ),
        (
            "another method",
            vec![("SignatureMethod", "MD5")],
            "emulator-secret",
            400,
            "InvalidSignatureMethod",
        ),
        ("no time", vec![("Timestamp", "now")], "emulator-secret", 400, "InvalidTimeStamp.Format"),
        (
            "late by 16 minutes",
            vec![("Timestamp", "2026-11-22T23:44:00Z")],
            "emulator-secret",
            400,
            "InvalidTimeStamp.Expired",
        ),
        (
            "early by 16 minutes",
            vec![("Timestamp", "2026-11-23T00:16:00Z")],
            "emulator-secret",
            400,
            "InvalidTimeStamp.Expired",
        ),
        ("within 15 minutes", vec![("Timestamp", "2026-11-23T00:15:00Z")], "emulator-secret", 200, "-"),
        ("no nonce", vec![("SignatureNonce", "")], "emulator-secret", 400, "MissingSignatureNonce"),
        ("wrong secret", vec![], "other", 400, "SignatureDoesNotMatch"),
        ("no region", vec![("RegionId", "")], "emulator-secret", 400, "MissingRegionId"),
    ];
    for (name, own, secret, status, code) in cases {
        let mut client = Client::new(WORLD);
        let mut all = vec![("RegionId", "cn-beijing")];
        all.retain(|(key, _)| own.iter().all(|(name, _)| name != key));
        all.extend(own);
        let parameters = client.parameters("DescribeInstances", &all);
        let (found, body) = decode(client.send("POST", parameters, secret));
        assert_eq!((found, body["Code"].as_str().unwrap_or("-")), (status, code), "{name}");
    }
}

#[test]
fn a_nonce_serves_once_and_a_signature_fits_one_method() {
    let mut client = Client::new(WORLD);
    let parameters = client.parameters("DescribeInstances", &[("RegionId", "cn-beijing")]);
    assert_eq!(decode(client.send("GET", parameters.clone(), "emulator-secret")).0, 200);
    let (status, body) = decode(client.send("GET", parameters, "emulator-secret"));
    assert_eq!((status, body["Code"].as_str().unwrap()), (400, "SignatureNonceUsed"));
}

#[test]
fn a_host_serves_its_own_region() {
    let mut client = Client::new(WORLD);
    client.host = "ecs.cn-shanghai.aliyuncs.com";
    let wrong = (404, "InvalidOperation.NotSupportedEndpoint".to_owned());
    assert_eq!(client.refusal("RenewInstance", &[("InstanceId", "i-one"), ("Period", "1")]), wrong);
    assert_eq!(client.refusal("DescribeInstances", &[("RegionId", "cn-beijing")]), wrong);
    assert_eq!(client.call("RenewInstance", &[("InstanceId", "i-far"), ("Period", "1")]).0, 200);
}

#[test]
fn the_clock_is_the_worlds_in_the_date_and_the_machines_in_the_signature() {
    let mut client = Client::new(WORLD);
    client.wall += TimeDelta::minutes(3);
    let parameters = client.parameters("DescribeInstances", &[("RegionId", "cn-beijing")]);
    let Reply::Http(reply) = client.send("POST", parameters, "emulator-secret").reply else { panic!() };
    assert_eq!(reply.header("date"), Some("Tue, 01 Dec 2026 02:08:00 GMT"));
    let mut client = Client::new(&format!("{WORLD}assumptions: {{ clock_skew_s: 3600 }}"));
    let parameters = client.parameters("DescribeInstances", &[("RegionId", "cn-beijing")]);
    let Reply::Http(reply) = client.send("POST", parameters, "emulator-secret").reply else { panic!() };
    assert_eq!((reply.status, reply.header("date")), (400, Some("Mon, 23 Nov 2026 01:00:00 GMT")));
}

#[test]
fn xml_is_the_default_format() {
    let mut client = Client::new(WORLD);
    let parameters = client.parameters("DescribeInstances", &[("RegionId", "cn-shanghai"), ("Format", "")]);
    let Reply::Http(reply) = client.send("POST", parameters, "emulator-secret").reply else { panic!() };
    let text = String::from_utf8(reply.body).unwrap();
    assert!(text.starts_with("<?xml version='1.0' encoding='UTF-8'?><DescribeInstancesResponse>"), "{text}");
    assert!(text.contains("<Instance>") && text.contains("<InstanceId>i-far</InstanceId>"), "{text}");
}
