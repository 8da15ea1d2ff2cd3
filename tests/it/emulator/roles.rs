//! Roles: who may assume them, how their sessions end, and what the metadata service tells.

use renewctl::emulator::{Answer, Call, Emulator, Reply};
use serde_json::{Value, json};

use super::client::{Client, WALL, decode, encode};
use crate::support::time;

const WORLD: &str = "
now: 2026-12-01T02:05:00Z
keys:
  - { id: emulator, secret: emulator-secret }
  - { id: other, secret: x }
  - { id: denied, secret: emulator-secret, deny: [AssumeRole] }
roles:
  - arn: acs:ram::1234567890123456:role/renewals
    trusts: [emulator, denied]
    deny: [RenewInstance]
    oidc: { provider: 'acs:ram::1234567890123456:oidc-provider/ci', tokens: [good-token], expired_tokens: [old-token] }
  - { arn: 'acs:ram::1234567890123456:role/next', trusts: ['acs:ram::1234567890123456:role/renewals'], longest_session: 12h }
  - { arn: 'acs:ram::1234567890123456:role/secretive', external_id: '42' }
metadata: { role: renewals }
instances:
  - { id: i-one, region: cn-beijing, expires_in: 20d, price_per_month: '33.10' }
";
const ROLE: &str = "acs:ram::1234567890123456:role/renewals";
const NEXT: &str = "acs:ram::1234567890123456:role/next";
const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/ci";

fn assume(client: &mut Client, own: &[(&str, &str)]) -> (u16, Value) {
    let mut all = vec![("RoleArn", ROLE), ("RoleSessionName", "ci")];
    all.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    all.extend(own);
    client.call("AssumeRole", &all)
}

/// A request in the name of a session.
fn as_session(client: &mut Client, reply: &Value, action: &str, own: &[(&str, &str)]) -> (u16, Value) {
    let key = &reply["Credentials"];
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let (id, token) = (text("AccessKeyId"), text("SecurityToken"));
    let all = [&[("AccessKeyId", id.as_str()), ("SecurityToken", token.as_str())], own].concat();
    let parameters = client.parameters(action, &all);
    decode(client.send("POST", parameters, &text("AccessKeySecret")))
}

/// An unsigned request.
fn exchange(client: &mut Client, own: &[(&str, &str)]) -> (u16, Value) {
    let mut all = vec![
        ("RoleArn", ROLE),
        ("RoleSessionName", "ci"),
        ("OIDCProviderArn", PROVIDER),
        ("OIDCToken", "good-token"),
    ];
    all.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    all.extend(own);
    let form: Vec<String> = all.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let call = Call {
        method: "POST".to_owned(),
        host: client.host.to_owned(),
        path_and_query: "/?Action=AssumeRoleWithOIDC&Format=JSON&Version=2015-04-01".to_owned(),
        headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
        body: form.join("&").into_bytes(),
    };
    decode(client.emulator.answer(&call, client.wall))
}

#[test]
fn a_session_has_the_rights_and_the_name_of_its_role() {
    let mut client = Client::new(WORLD);
    for reply in [assume(&mut client, &[]), exchange(&mut client, &[])] {
        assert_eq!(reply.0, 200, "{reply:?}");
        let reply = reply.1;
        assert_eq!(reply["Credentials"]["Expiration"], "2026-12-01T03:05:00Z");
        let arn = "acs:ram::1234567890123456:assumed-role/renewals/ci";
        assert_eq!(reply["AssumedRoleUser"]["Arn"], arn);
        let (_, caller) = as_session(&mut client, &reply, "GetCallerIdentity", &[]);
        let seen = (&caller["AccountId"], &caller["IdentityType"], &caller["Arn"]);
        assert_eq!(seen, (&json!("1234567890123456"), &json!("AssumedRoleUser"), &json!(arn)));
        let ids = [("RegionId", "cn-beijing"), ("InstanceIds", "[\"i-one\"]")];
        let (_, page) = as_session(&mut client, &reply, "DescribeInstances", &ids);
        assert_eq!(page["Instances"]["Instance"][0]["InstanceId"], "i-one");
        let (status, refused) =
            as_session(&mut client, &reply, "RenewInstance", &[("InstanceId", "i-one"), ("Period", "1")]);
        assert_eq!((status, &refused["Code"]), (403, &json!("Forbidden.RAM")));
    }
}

#[test]
fn a_session_ends_by_the_worlds_clock_and_lives_on_in_a_saved_world() {
    let mut client = Client::new(WORLD);
    let (_, reply) = assume(&mut client, &[("DurationSeconds", "900")]);
    assert_eq!(reply["Credentials"]["Expiration"], "2026-12-01T02:20:00Z");
    client.emulator = Emulator::from_state(&client.emulator.to_state()).unwrap();
    client.emulator.advance(899);
    assert_eq!(as_session(&mut client, &reply, "GetCallerIdentity", &[]).0, 200);
    client.emulator.advance(1);
    let (status, refused) = as_session(&mut client, &reply, "GetCallerIdentity", &[]);
    assert_eq!((status, &refused["Code"]), (400, &json!("InvalidSecurityToken.Expired")));
    let mut without = reply.clone();
    without["Credentials"]["SecurityToken"] = json!("another");
    let (_, refused) = as_session(&mut client, &without, "GetCallerIdentity", &[]);
    assert_eq!(refused["Code"], "InvalidSecurityToken.MismatchWithAccessKey");
}

#[test]
fn a_role_can_lead_to_the_next_one() {
    let mut client = Client::new(WORLD);
    let (_, reply) = assume(&mut client, &[]);
    let own = [("RoleArn", NEXT), ("RoleSessionName", "chained"), ("DurationSeconds", "43200")];
    let (status, next) = as_session(&mut client, &reply, "AssumeRole", &own);
    assert_eq!((status, &next["Credentials"]["Expiration"]), (200, &json!("2026-12-01T14:05:00Z")));
    assert_eq!(assume(&mut client, &[("RoleArn", NEXT)]).1["Code"], "NoPermission");
}

#[test]
fn what_is_not_as_it_should_be_is_refused() {
    let secretive = "acs:ram::1234567890123456:role/secretive";
    for (own, status, code) in [
        (vec![("RoleArn", "")], 400, "MissingRoleArn"),
        (vec![("RoleSessionName", "")], 400, "MissingRoleSessionName"),
        (vec![("RoleArn", "renewals")], 400, "InvalidParameter.RoleArn"),
        (vec![("RoleSessionName", "a")], 400, "InvalidParameter.RoleSessionName"),
        (vec![("RoleSessionName", "a b")], 400, "InvalidParameter.RoleSessionName"),
        (vec![("RoleArn", "acs:ram::1234567890123456:role/gone")], 404, "EntityNotExist.Role"),
        (vec![("DurationSeconds", "899")], 400, "InvalidParameter.DurationSeconds"),
        (vec![("DurationSeconds", "3601")], 400, "InvalidParameter.DurationSeconds"),
        (vec![("DurationSeconds", "long")], 400, "InvalidParameter.DurationSeconds"),
        (vec![("RoleArn", secretive)], 403, "NoPermission"),
        (vec![("RoleArn", secretive), ("ExternalId", "41")], 403, "NoPermission"),
        (vec![("RoleArn", secretive), ("ExternalId", "42")], 200, ""),
        (vec![("AccessKeyId", "denied")], 403, "NoPermission"),
        (vec![("AccessKeyId", "other")], 400, "SignatureDoesNotMatch"),
        (vec![("AccessKeyId", "nobody")], 404, "InvalidAccessKeyId.NotFound"),
    ] {
        let found = assume(&mut Client::new(WORLD), &own);
        let found = (found.0, found.1["Code"].as_str().unwrap_or_default().to_owned());
        assert_eq!(found, (status, code.to_owned()), "{own:?}");
    }
    for (own, status, code) in [
        (vec![("OIDCToken", "")], 400, "MissingOIDCToken"),
        (vec![("OIDCProviderArn", "")], 400, "MissingOIDCProviderArn"),
        (vec![("OIDCProviderArn", "acs:ram::1:oidc-provider/x")], 404, "EntityNotExist.OIDCProvider"),
        (vec![("OIDCToken", "old-token")], 400, "AuthenticationFail.OIDCToken.Expired"),
        (vec![("OIDCToken", "bad-token")], 400, "AuthenticationFail.OIDCToken.Invalid"),
        (vec![("RoleArn", NEXT)], 403, "AuthenticationFail.NoPermission"),
        (vec![("RoleArn", "acs:ram::1234567890123456:role/gone")], 404, "EntityNotExist.Role"),
        (vec![("DurationSeconds", "1")], 400, "InvalidParameter.DurationSeconds"),
    ] {
        let found = exchange(&mut Client::new(WORLD), &own);
        let found = (found.0, found.1["Code"].as_str().unwrap_or_default().to_owned());
        assert_eq!(found, (status, code.to_owned()), "{own:?}");
    }
    let mut client = Client::new(WORLD);
    client.host = "ecs.cn-beijing.aliyuncs.com";
    assert_eq!(exchange(&mut client, &[]).1["Code"], "InvalidAction.NotFound", "another product's host");
}

fn ask(client: &mut Client, method: &str, path: &str, header: Option<(&str, &str)>) -> (u16, String) {
    let headers = header.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    let (method, path_and_query) = (method.to_owned(), format!("/latest/{path}"));
    let call = Call { method, host: client.host.to_owned(), path_and_query, headers, body: Vec::new() };
    let Answer { reply: Reply::Http(reply), .. } = client.emulator.answer(&call, client.wall) else {
        panic!()
    };
    assert!(reply.header("date").is_some());
    (reply.status, String::from_utf8(reply.body).unwrap())
}

const ROLES: &str = "meta-data/ram/security-credentials/";
const TTL: &str = "x-aliyun-ecs-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aliyun-ecs-metadata-token";

#[test]
fn the_metadata_service_tells_role_and_session() {
    for tokens_only in [false, true] {
        let world =
            WORLD.replace("{ role: renewals }", &format!("{{ role: renewals, tokens_only: {tokens_only} }}"));
        let mut client = Client::new(&world);
        let (status, token) = ask(&mut client, "PUT", "api/token", Some((TTL, "21600")));
        assert_eq!(status, 200);
        let with = |client: &mut Client, path: &str| ask(client, "GET", path, Some((TOKEN, &token)));
        assert_eq!(with(&mut client, ROLES), (200, "renewals".to_owned()));
        let page = format!("{ROLES}renewals");
        let (_, first) = with(&mut client, &page);
        let first: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(
            (&first["Code"], &first["Expiration"]),
            (&json!("Success"), &json!("2026-12-01T08:05:00Z"))
        );
        let reply = json!({ "Credentials": first });
        let (_, caller) = as_session(&mut client, &reply, "GetCallerIdentity", &[]);
        assert_eq!(caller["Arn"], "acs:ram::1234567890123456:assumed-role/renewals/instance");
        // The same one for as long as it lasts well, then another.
        client.emulator.advance(19_000);
        let same: Value = serde_json::from_str(&with(&mut client, &page).1).unwrap();
        assert_eq!(same["AccessKeyId"], first["AccessKeyId"]);
        client.emulator.advance(1_000);
        let other: Value = serde_json::from_str(&with(&mut client, &page).1).unwrap();
        assert_ne!(other["AccessKeyId"], first["AccessKeyId"]);
        client.emulator.advance(1_600);
        assert_eq!(with(&mut client, &page).0, 403, "the token has ended");
        let without = ask(&mut client, "GET", &page, None).0;
        assert_eq!(without, if tokens_only { 403 } else { 200 });
    }
    let mut client = Client::new(WORLD);
    for (method, path, header, status) in [
        ("PUT", "api/token", None, 400),
        ("PUT", "api/token", Some((TTL, "0")), 400),
        ("PUT", "api/token", Some((TTL, "21601")), 400),
        ("GET", ROLES, Some((TOKEN, "guessed")), 403),
        ("GET", "meta-data/ram/security-credentials/other", None, 404),
        ("GET", "meta-data/instance-id", None, 404),
        ("POST", "api/token", None, 405),
    ] {
        assert_eq!(ask(&mut client, method, path, header).0, status, "{method} {path} {header:?}");
    }
    let mut client = Client::new("now: 2026-12-01T02:05:00Z");
    assert_eq!(ask(&mut client, "PUT", "api/token", Some((TTL, "60"))).0, 404, "no instance");
}

#[test]
fn a_wrong_world_says_what_is_wrong_with_its_roles() {
    let role = "arn: 'acs:ram::1234567890123456:role/a'";
    for (world, text) in [
        ("roles: [{ arn: a }]", "its arn looks like acs:ram::1234567890123456:role/name"),
        ("roles: [{ arn: 'acs:ram::9:role/a' }]", "its arn looks like acs:ram::1234567890123456:role/name"),
        (&format!("roles: [{{ {role}, trust: x }}]"), "unknown field `trust`"),
        (&format!("roles: [{{ {role}, trusts: [nobody] }}]"), "the world has no key and no role \"nobody\""),
        (&format!("roles: [{{ {role}, longest_session: 30m }}]"), "longest_session is a span from 1h to 12h"),
        (
            &format!("roles: [{{ {role}, longest_session: long }}]"),
            "longest_session is a span from 1h to 12h",
        ),
        (
            &format!("roles: [{{ {role}, oidc: {{ provider: ci, tokens: [good] }} }}]"),
            "its provider looks like",
        ),
        (
            &format!("roles: [{{ {role}, oidc: {{ provider: '{PROVIDER}', tokens: [] }} }}]"),
            "tokens are of 4 to 20000 characters",
        ),
        (&format!("roles: [{{ {role} }}, {{ {role} }}]"), "it is there twice"),
        (&format!("roles: [{{ {role} }}]\nmetadata: {{ role: b }}"), "metadata: the world has no role \"b\""),
        (&format!("roles: [{{ {role} }}]\nmetadata: {{ role: a, session: x }}"), "unknown field `session`"),
    ] {
        let world = format!("now: 2026-12-01T02:05:00Z\n{world}");
        let error = Emulator::from_world(&world, time(WALL), "x").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(text), "{world}: {error}");
    }
}
