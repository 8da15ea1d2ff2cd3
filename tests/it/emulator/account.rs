//! The balance and the caller: what the world's account answers, in the words of the pages
//! (tests/vectors/api-actions.json), in both styles of signature.

use renewctl::emulator::{Call, Emulator};
use serde_json::{Value, json};

use super::client::{Client, WALL, decode, sign_v3};
use crate::support::time;

const WORLD: &str = "
now: 2026-12-01T02:05:00Z
instances:
  - { id: i-one, region: cn-beijing, expires_in: 20d, price_per_month: '33.10' }
";
const BALANCE: &str = "QueryAccountBalance";
const CALLER: &str = "GetCallerIdentity";

fn page(action: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../../vectors/api-actions.json")).unwrap();
    all["actions"][action].clone()
}

fn send(client: &mut Client, call: &Call) -> (u16, Value) {
    decode(client.emulator.answer(call, client.wall))
}

fn keys(value: &Value) -> Vec<&String> {
    let mut keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    keys.sort();
    keys
}

/// The row of the page with this code: status, code, message.
fn row(code: &str) -> (u16, Value, Value) {
    let page = page(BALANCE);
    let row = page["errors"].as_array().unwrap().iter().find(|row| row["code"] == code).unwrap();
    (u16::try_from(row["http"].as_u64().unwrap()).unwrap(), row["code"].clone(), row["message"].clone())
}

#[track_caller]
fn refused(found: &(u16, Value), code: &str) {
    assert_eq!((found.0, found.1["Code"].clone(), found.1["Message"].clone()), row(code));
}

#[test]
fn the_balance_is_told_as_the_page_tells_it() {
    let sample = page(BALANCE)["example_response"].clone();
    for (site, balance, available, currency) in [
        ("china", "balance: 10000", "10,000.00", "CNY"),
        ("china", "balance: '1234567.891'", "1,234,567.89", "CNY"),
        ("china", "balance: 999.99", "999.99", "CNY"),
        ("china", "balance: 0", "0.00", "CNY"),
        ("china", "balance: '-1234.5'", "-1,234.50", "CNY"),
        ("international", "balance: 100", "100.00", "USD"),
        ("international", "", "999,999,999,999.99", "USD"),
        ("china", "", "999,999,999,999.99", "CNY"),
    ] {
        let mut client = Client::new(&format!("{WORLD}site: {site}\n{balance}\n"));
        let call = client.v3(BALANCE, &[], "", "emulator-secret");
        for (status, body) in [client.call(BALANCE, &[]), send(&mut client, &call)] {
            assert_eq!(
                (status, keys(&body), keys(&body["Data"])),
                (200, keys(&sample), keys(&sample["Data"]))
            );
            assert_eq!(
                (&body["Code"], &body["Success"], &body["Message"]),
                (&json!("200"), &json!(true), &json!("success"))
            );
            let amounts =
                ["AvailableAmount", "AvailableCashAmount", "QuotaLimit"].map(|name| &body["Data"][name]);
            assert_eq!(amounts, [available; 3], "{site} {balance}");
            assert_eq!(
                (&body["Data"]["CreditAmount"], &body["Data"]["Currency"]),
                (&json!("0.00"), &json!(currency))
            );
        }
    }
}

#[test]
fn a_charge_lowers_the_balance() {
    let mut client = Client::new(&format!("{WORLD}balance: 5000.00\n"));
    assert_eq!(client.call("RenewInstance", &[("InstanceId", "i-one"), ("Period", "2")]).0, 200);
    assert_eq!(client.call(BALANCE, &[]).1["Data"]["AvailableAmount"], "4,933.80");
}

#[test]
fn the_balance_needs_a_right_and_the_host_of_the_site() {
    let denied =
        "keys: [{ id: emulator, secret: emulator-secret, deny: [QueryAccountBalance, GetCallerIdentity] }]\n";
    for site in ["china", "international"] {
        let mut client = Client::new(&format!("{WORLD}site: {site}\n{denied}"));
        refused(&client.call(BALANCE, &[]), "NoPermission");
        let call = client.v3(BALANCE, &[], "", "emulator-secret");
        refused(&send(&mut client, &call), "NoPermission");
        assert_eq!(client.call(CALLER, &[]).0, 200, "it needs no right");
        for (host, home) in
            [("business.aliyuncs.com", "china"), ("business.ap-southeast-1.aliyuncs.com", "international")]
        {
            let mut client = Client::new(&format!("{WORLD}site: {site}\n"));
            client.host = host;
            let answer = client.call(BALANCE, &[]);
            if site == home { assert_eq!(answer.0, 200, "{site}") } else { refused(&answer, "NotApplicable") }
        }
    }
}

#[test]
fn each_product_has_its_version_and_its_hosts() {
    let nothing = (404, "InvalidAction.NotFound".to_owned());
    for (action, host, version, expected) in [
        (BALANCE, "127.0.0.1:1", "2017-12-14", (200, "200".to_owned())),
        (BALANCE, "127.0.0.1:1", "2014-05-26", (400, "InvalidVersion".to_owned())),
        (BALANCE, "127.0.0.1:1", "2015-04-01", (400, "InvalidVersion".to_owned())),
        (CALLER, "127.0.0.1:1", "2017-12-14", (400, "InvalidVersion".to_owned())),
        (CALLER, "127.0.0.1:1", "2015-04-01", (200, "-".to_owned())),
        ("DescribeInstances", "127.0.0.1:1", "2015-04-01", (400, "InvalidVersion".to_owned())),
        (CALLER, "sts.aliyuncs.com", "2015-04-01", (200, "-".to_owned())),
        (CALLER, "sts-vpc.cn-beijing.aliyuncs.com", "2015-04-01", (200, "-".to_owned())),
        (CALLER, "ecs.cn-beijing.aliyuncs.com", "2015-04-01", nothing.clone()),
        (CALLER, "business.aliyuncs.com", "2015-04-01", nothing.clone()),
        (BALANCE, "ecs.cn-beijing.aliyuncs.com", "2017-12-14", nothing.clone()),
        (BALANCE, "sts.aliyuncs.com", "2017-12-14", nothing.clone()),
        ("DescribeInstances", "business.aliyuncs.com", "2014-05-26", nothing.clone()),
        ("DescribeInstances", "sts.aliyuncs.com", "2014-05-26", nothing.clone()),
    ] {
        let mut client = Client::new(WORLD);
        client.host = host;
        let own = [("Version", version), ("RegionId", "cn-beijing")];
        assert_eq!(client.refusal(action, &own), expected, "{action} {version} at {host}");
    }
}

#[test]
fn the_caller_is_told_with_the_worlds_account() {
    let session = "keys: [{ id: emulator, secret: emulator-secret, token: t }]\n";
    for (more, account, kind, arn) in [
        ("", "1234567890123456", "RAMUser", "acs:ram::1234567890123456:user/emulator"),
        ("account: '42'\n", "42", "RAMUser", "acs:ram::42:user/emulator"),
        (
            session,
            "1234567890123456",
            "AssumedRoleUser",
            "acs:ram::1234567890123456:assumed-role/emulator/emulator",
        ),
    ] {
        let mut client = Client::new(&format!("{WORLD}{more}"));
        let token = more.contains("token").then_some("t");
        let own: Vec<(&str, &str)> = token.map(|token| ("SecurityToken", token)).into_iter().collect();
        let mut call = client.v3(CALLER, &[], "", "emulator-secret");
        call.headers.extend(token.map(|token| ("x-acs-security-token".to_owned(), token.to_owned())));
        sign_v3(&mut call, "emulator", "emulator-secret");
        for (status, body) in [client.call(CALLER, &own), send(&mut client, &call)] {
            assert_eq!((status, &body["AccountId"]), (200, &json!(account)), "{body}");
            assert_eq!((&body["IdentityType"], &body["Arn"]), (&json!(kind), &json!(arn)));
            assert!(["PrincipalId", "RequestId"].iter().all(|name| body[name].is_string()), "{body}");
        }
    }
}

#[test]
fn an_account_is_digits_and_is_kept() {
    let mut emulator = Emulator::from_world(&format!("{WORLD}account: '77'\n"), time(WALL), "x").unwrap();
    let saved = emulator.to_state();
    emulator = Emulator::from_state(&saved).unwrap();
    assert_eq!(emulator.to_state(), saved);
    let account_of = |emulator: Emulator| {
        let mut client = Client::new(WORLD);
        client.emulator = emulator;
        client.call(CALLER, &[]).1["AccountId"].clone()
    };
    assert_eq!(account_of(emulator), "77");
    // A state of before there were accounts has the usual one.
    let old: String = saved.lines().filter(|line| !line.contains("\"account\"")).collect();
    assert_eq!(account_of(Emulator::from_state(&old).unwrap()), "1234567890123456");
    for (account, text) in [("''", "digits"), ("'12a'", "digits"), ("null", "digits")] {
        let wrong = Emulator::from_world(&format!("{WORLD}account: {account}\n"), time(WALL), "x");
        let wrong = wrong.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(wrong.contains("account") && wrong.contains(text), "{account}: {wrong}");
    }
}

#[test]
fn faults_strike_these_actions_and_instances_refuse_nothing_of_theirs() {
    let mut client =
        Client::new(&format!("{WORLD}faults: [{{ action: {BALANCE}, nth: 2, kind: throttle }}]\n"));
    let answers = [1, 2, 3].map(|_| client.refusal(BALANCE, &[]).0);
    assert_eq!(answers, [200, 400, 200]);
    assert_eq!(client.emulator.call_count(BALANCE), 3);
    let world = "now: 2026-12-01T02:05:00Z\ninstances: [{ id: i-one, region: cn-beijing, expires_in: 5d, refuses: { QueryAccountBalance: NoPermission } }]";
    assert!(Emulator::from_world(world, time(WALL), "x").is_err());
}
