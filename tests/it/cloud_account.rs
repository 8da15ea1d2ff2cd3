//! The balance and the caller: what is asked of whom, how long, and replies with their traps.

use std::rc::Rc;
use std::time::Duration;

use renewctl::cloud::{CallError, Cloud, Credentials, Doors, Endpoint};
use renewctl::emulator::InProcess;
use renewctl::retry::Class;
use renewctl::term::{AutoRenew, Site};
use serde_json::{Value, json};

use crate::cloud_script::*;
use crate::support::{CountingEntropy, ONE, Sim, run, time};

fn told(data: &Value) -> Value {
    json!({"Code": "200", "Message": "success", "RequestId": "R-1", "Success": true, "Data": data})
}

fn balance(body: impl ToString) -> Result<String, CallError> {
    run(async {
        let world = World::script([ok(body)]);
        world.cloud().balance(Site::China).await.map(|balance| balance.available.to_string())
    })
}

fn caller(body: impl ToString) -> Result<String, CallError> {
    run(async {
        let world = World::script([ok(body)]);
        world.cloud().caller().await.map(|caller| caller.account.to_string())
    })
}

/// The official samples (tests/vectors/api-actions.json; GetCallerIdentity's page).
#[test]
fn the_samples_are_read() {
    let all: Value = serde_json::from_str(include_str!("../vectors/api-actions.json")).unwrap();
    let sample = &all["actions"]["QueryAccountBalance"]["example_response"];
    assert_eq!(balance(sample).unwrap(), "CNY 10,000.00");
    let sample = json!({"IdentityType": "RAMUser", "AccountId": "1968132000121234", "UserId": "2169593390001234",
        "RequestId": "3C87BF47-3724-5443-ADC1-5AEAD9A03EB1", "PrincipalId": "288774244375211234",
        "Arn": "acs:ram::1968132000121234:user/admin"});
    assert_eq!(caller(sample).unwrap(), "1968132000121234");
}

#[test]
fn an_amount_is_read_exactly_with_commas_or_without() {
    for (amount, currency, expected) in [
        (json!("10000.00"), "CNY", "CNY 10,000.00"),
        (json!("10,000.00"), "CNY", "CNY 10,000.00"),
        (json!("1,234,567.89"), "USD", "USD 1,234,567.89"),
        (json!("0"), "JPY", "JPY 0.00"),
        (json!("999,999,999,999.99"), "CNY", "CNY 999,999,999,999.99"),
        (json!(88.5), "CNY", "CNY 88.50"),
        // An account that owes can spend nothing.
        (json!("-12.30"), "CNY", "CNY 0.00"),
        (json!("-1,234.50"), "CNY", "CNY 0.00"),
        (json!(-5), "CNY", "CNY 0.00"),
    ] {
        let reply = told(&json!({"AvailableAmount": amount, "Currency": currency, "CreditAmount": "7.00"}));
        assert_eq!(balance(&reply).unwrap(), expected, "{reply}");
        let older = json!({"Code": "Success", "Success": true, "Data": reply["Data"]});
        assert_eq!(balance(&older).unwrap(), expected, "{older}");
    }
}

#[test]
fn a_hostile_balance_is_an_error() {
    let good = json!({"AvailableAmount": "1.00", "Currency": "CNY"});
    let mut replies: Vec<Value> = [
        json!("1,00.00"),
        json!("1,0000"),
        json!(",1"),
        json!("1.000,50"),
        json!(""),
        json!("-"),
        json!("--1"),
        json!("- 1"),
        json!("+1"),
        json!("NaN"),
        json!("Infinity"),
        json!("1e3"),
        json!("0x10"),
        json!("１"),
        json!("1 CNY"),
        json!("79228162514264337593543950336"),
        json!(1e300),
        json!(null),
        json!(true),
        json!([]),
        json!({"value": 1}),
    ]
    .into_iter()
    .map(|amount| told(&json!({"AvailableAmount": amount, "Currency": "CNY"})))
    .collect();
    for currency in [json!(""), json!("cny"), json!("¥"), json!("CNYX"), json!(null), json!(1)] {
        replies.push(told(&json!({"AvailableAmount": "1.00", "Currency": currency})));
    }
    replies.extend([
        told(&json!({})),
        told(&Value::Null),
        told(&json!([1])),
        json!({}),
        json!(null),
        json!([]),
    ]);
    // Not said to have succeeded, or said to have failed.
    replies.extend([
        json!({"Data": good}),
        json!({"Code": "200", "Data": good}),
        json!({"Code": "200", "Success": false, "Data": good}),
        json!({"Code": "200", "Success": "true", "Data": good}),
        json!({"Code": "200", "Success": 1, "Data": good}),
        json!({"Code": "500", "Success": true, "Data": good}),
        json!({"Code": "", "Success": true, "Data": good}),
        json!({"Code": "InternalError", "Success": true, "Data": good}),
    ]);
    for reply in replies {
        assert!(balance(&reply).is_err(), "{reply}: {:?}", balance(&reply));
    }
    for body in ["", "{", "<html>", "\u{feff}{}", "{\"Success\":true,\"Success\":true}"] {
        assert!(balance(body).is_err(), "{body}");
    }
}

#[test]
fn a_hostile_caller_is_an_error() {
    for account in [
        json!(""),
        json!(" 1"),
        json!("12a"),
        json!("１２"),
        json!("-1"),
        json!("123456789012345678901"),
        json!(123),
        json!(null),
        json!(["1"]),
        json!("1\n"),
    ] {
        let reply = json!({"AccountId": account, "RequestId": "R-1"});
        assert!(caller(&reply).is_err(), "{reply}");
    }
    for body in ["", "{}", "null", "<html>"] {
        assert!(caller(body).is_err(), "{body}");
    }
    assert!(caller(json!({"AccountId": "12a", "RequestId": "R-1"})).unwrap_err().text().contains("R-1"));
}

#[test]
fn a_refusal_within_a_good_status_is_told_like_any_other() {
    for (code, class, hint) in [
        ("NotAuthorized", Class::Refused, Some("bss:DescribeAcccount")),
        ("NoPermission", Class::Refused, Some("bss:DescribeAcccount")),
        ("NotApplicable", Class::Refused, Some("site: china | international")),
        ("InvalidAccessKeyId.NotFound", Class::Credentials, Some("renewctl doctor")),
        ("InternalError", Class::Retry { throttled: false }, Some("it is safe")),
        ("Whatever", Class::Refused, Some("RequestId")),
    ] {
        let message = format!("no\u{1b}[31m: {SECRET}");
        let error = balance(json!({"Success": false, "Code": code, "Message": message, "RequestId": "R-1"}))
            .unwrap_err();
        let expected = format!("QueryAccountBalance: {code}: no\\u{{1b}}[31m: [hidden], RequestId R-1");
        assert_eq!((error.text(), error.class, error.maybe_done), (expected, class, false));
        assert_eq!(error.hint.is_some(), hint.is_some(), "{code}");
        assert!(error.hint.unwrap_or_default().contains(hint.unwrap_or_default()), "{:?}", error.hint);
        // As a bad status it means the same.
        let bad =
            run(async { World::script([error_as(code)]).cloud().balance(Site::China).await }).unwrap_err();
        assert_eq!((bad.class, bad.hint), (error.class, error.hint), "{code}");
    }
}

fn error_as(code: &str) -> Answer {
    error(400, code)
}

#[test]
fn each_goes_to_its_host_in_its_version() {
    for (site, host) in [
        (Site::China, "https://business.aliyuncs.com/"),
        (Site::International, "https://business.ap-southeast-1.aliyuncs.com/"),
    ] {
        run(async {
            let world = World::script([error(400, "NoPermission")]);
            let _ = world.cloud().balance(site).await;
            let _ = world.cloud().caller().await;
            let sent = world.sent.borrow();
            let seen: Vec<_> = sent
                .iter()
                .map(|sent| (sent.action(), sent.get("Version"), sent.http.url.as_str()))
                .collect();
            assert_eq!(
                seen,
                [
                    ("QueryAccountBalance", "2017-12-14", host),
                    ("GetCallerIdentity", "2015-04-01", "https://sts.aliyuncs.com/")
                ]
            );
            let own = |sent: &Sent| sent.parameters.len();
            assert_eq!(sent.iter().map(own).collect::<Vec<_>>(), [9, 9], "the common ones alone");
        });
    }
}

/// Answers after `latency`, `failure` for `failures` times and then well; how it ended and when.
fn patience(latency_ms: u64, failure: Answer, failures: usize) -> (Result<(), CallError>, Duration, usize) {
    run(async move {
        let count = std::cell::Cell::new(0);
        let world = World::with_latency(move |_| {
            count.set(count.get() + 1);
            let good = told(&json!({"AvailableAmount": "1.00", "Currency": "CNY"}));
            let answer = if count.get() <= failures { failure.clone() } else { ok(good) };
            (Duration::from_millis(latency_ms), answer)
        });
        let start = tokio::time::Instant::now();
        let answer = world.cloud().balance(Site::China).await.map(|_| ());
        (answer, start.elapsed(), world.calls("QueryAccountBalance"))
    })
}

#[test]
fn the_balance_is_asked_again_but_not_waited_for() {
    let most = Duration::from_secs(5);
    for (name, latency_ms, failure, failures, ends_well) in [
        ("at once", 0, lost(), 0, true),
        ("slow", 4_900, lost(), 0, true),
        ("too slow", 5_100, lost(), 0, false),
        ("never", 3_600_000, lost(), 0, false),
        ("once lost", 10, lost(), 1, true),
        ("once a 503", 10, error(503, "ServiceUnavailable"), 1, true),
        ("throttled for a moment", 10, throttled(500), 1, true),
        ("throttled for long", 10, throttled(30_000), 1, false),
        ("always lost", 10, lost(), 99, false),
        ("always slow and lost", 2_000, lost(), 99, false),
        ("no connection", 10, not_sent(), 99, false),
        ("always a 500", 10, error(500, "InternalError"), 99, false),
        ("garbage", 10, ok("<html>"), 99, false),
        ("clock", 10, error(400, "InvalidTimeStamp.Expired"), 1, true),
        ("refused", 10, error(400, "NoPermission"), 99, false),
    ] {
        let (answer, took, calls) = patience(latency_ms, failure, failures);
        assert_eq!(answer.is_ok(), ends_well, "{name}: {answer:?}");
        assert!(took <= most, "{name}: {took:?}");
        if ends_well {
            assert_eq!(calls, failures + 1, "{name}");
        }
        if name == "throttled for long" || name == "refused" {
            assert_eq!(calls, 1, "{name}");
            assert!(took < Duration::from_secs(1), "{name}: waiting in vain");
        }
        if let Err(error) = answer {
            assert!(!error.maybe_done, "{name}");
        }
    }
    let (answer, ..) = patience(3_600_000, lost(), 0);
    let error = answer.unwrap_err();
    assert_eq!(error.text(), "QueryAccountBalance: no answer: not within 5 seconds");
    assert!(error.hint.is_some());
}

#[test]
fn the_caller_is_asked_as_patiently_as_any_reading_and_once() {
    run(async {
        let good = || ok(json!({"AccountId": "42", "RequestId": "R"}));
        let world = World::script([lost(), throttled(40_000), error(503, "ServiceUnavailable"), good()]);
        let cloud = world.cloud();
        let start = tokio::time::Instant::now();
        for _ in 0..3 {
            assert_eq!(cloud.caller().await.unwrap().account.as_str(), "42");
        }
        assert!(start.elapsed() > Duration::from_secs(40));
        assert_eq!(world.calls("GetCallerIdentity"), 4, "three failures and one answer, which is remembered");

        let world = World::script([error(404, "InvalidAccessKeyId.NotFound"), good()]);
        let cloud = world.cloud();
        let error = cloud.caller().await.unwrap_err();
        assert_eq!((error.class, error.attempts), (Class::Credentials, 1));
        assert_eq!(cloud.caller().await.unwrap().account.as_str(), "42", "a failure is not remembered");

        let world = World::script([lost()]);
        assert_eq!(world.cloud().caller().await.unwrap_err().attempts, 8);
    });
}

#[test]
fn the_emulators_account_is_told_at_both_sites() {
    for (site, word, expected) in
        [(Site::China, "china", "CNY 1,234.50"), (Site::International, "international", "USD 1,234.50")]
    {
        run(async {
            let sim = Sim::new(&format!("{ONE}site: {word}\nbalance: 1234.50\naccount: '77'\n"));
            assert_eq!(sim.cloud().balance(site).await.unwrap().available.to_string(), expected);
            assert_eq!(sim.cloud().caller().await.unwrap().account.as_str(), "77");
            let other = if site == Site::China { Site::International } else { Site::China };
            let error = sim.cloud().balance(other).await.unwrap_err();
            assert_eq!(error.code.as_deref(), Some("NotApplicable"));
            sim.fault("{ action: QueryAccountBalance, nth: 3, kind: delay, ms: 20000 }");
            let start = tokio::time::Instant::now();
            assert!(sim.cloud().balance(site).await.is_err());
            assert_eq!(start.elapsed(), Duration::from_secs(5));

            // One address for everything.
            let sim = Sim::new(&format!("{ONE}site: {word}\nbalance: 1234.50\naccount: '77'\n"));
            let transport = InProcess::new(Rc::clone(&sim.emulator), sim.clock.clone(), Rc::new(|_| Ok(())));
            let doors = Doors {
                transport: Rc::new(transport),
                clock: sim.clock.clone(),
                entropy: Rc::new(CountingEntropy::default()),
            };
            let key = Credentials::new("emulator", "emulator-secret");
            let fixed = Cloud::new(doors, key, Endpoint::parse("http://127.0.0.1:1").unwrap(), 1);
            assert_eq!(fixed.balance(other).await.unwrap().available.to_string(), expected);
            assert_eq!(fixed.caller().await.unwrap().account.as_str(), "77");
        });
    }
    run(async {
        let keys = "keys: [{ id: emulator, secret: emulator-secret, deny: [QueryAccountBalance] }]\n";
        let error = Sim::new(&format!("{ONE}{keys}")).cloud().balance(Site::China).await.unwrap_err();
        assert_eq!((error.code.as_deref(), error.http_status), (Some("NoPermission"), Some(400)));
        assert!(error.hint.unwrap().contains("bss:DescribeAcccount"));
    });
}

#[test]
fn only_the_clock_of_ecs_decides() {
    run(async {
        let far = [("date", "Tue, 01 Dec 2026 02:05:00 GMT")];
        let world = World::new(move |sent| match sent.action() {
            "QueryAccountBalance" => {
                reply(200, &far, told(&json!({"AvailableAmount": "1", "Currency": "CNY"})))
            }
            "GetCallerIdentity" => reply(200, &far, json!({"AccountId": "42"})),
            _ => reply(200, &[("date", "Mon, 23 Nov 2026 04:01:00 GMT")], json!({"RequestId": "R"})),
        });
        let cloud = world.cloud();
        cloud.balance(Site::China).await.unwrap();
        cloud.caller().await.unwrap();
        assert_eq!((cloud.server_offset(), cloud.server_now()), (None, time(START)));
        cloud.set_auto_renew(&beijing(), &[id("i-one")], AutoRenew::Off, &Freely).await.unwrap();
        assert_eq!(cloud.server_now(), time("2026-11-23T04:01:00Z"));
        cloud.balance(Site::China).await.unwrap();
        assert_eq!(cloud.server_now(), time("2026-11-23T04:01:00Z"));
    });
}
