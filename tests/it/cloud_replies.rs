//! Replies with their traps, and what the client asks: the words on the wire.

use renewctl::cloud::QuoteError;
use renewctl::live::{Answer, ChargeType, LiveInstance, Lock, Status, Unreadable};
use renewctl::money::plain_amount;
use renewctl::term::{AutoRenew, AutoRenewTerm, LiveAutoRenew, PurchaseTerm, Site, Term};
use serde_json::{Value, json};

use crate::cloud_script::*;
use crate::support::{run, time};

/// Reads `i-one` of cn-beijing from a reply that is a sample with `changes` (null takes a field away).
fn decoded_instance(changes: &Value) -> Answer {
    let mut one = instance("i-one", "cn-beijing");
    for (name, value) in changes.as_object().unwrap() {
        one[name] = value.clone();
    }
    one.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    run(async {
        let world = World::new(move |_| page(std::slice::from_ref(&one), ""));
        let mut want = read_id("cn-beijing", "i-one");
        want.auto_renew = false;
        let live = world.cloud().read(&[want], &|_, _| ()).await.unwrap();
        live.answers.into_values().next().unwrap()
    })
}

#[track_caller]
fn found(changes: &Value) -> LiveInstance {
    match decoded_instance(changes) {
        Answer::Found(instance) => *instance,
        other => panic!("{changes}: {other:?}"),
    }
}

#[track_caller]
fn unreadable(changes: &Value, part: &str) {
    match decoded_instance(changes) {
        Answer::Unreadable(Unreadable { reason, .. }) => {
            assert!(reason.contains(part), "{changes}: {reason}");
        }
        other => panic!("{changes}: {other:?}"),
    }
}

#[test]
fn an_instance_is_read_with_its_traps() {
    let plain = found(&json!({}));
    assert_eq!(plain.expires_at, time("2026-12-02T16:00:00Z"));
    assert_eq!((plain.charge_type, plain.status), (ChargeType::Subscription, Status::Running));
    let seconds = found(&json!({"ExpiredTime": "2026-12-02T16:00:59Z"}));
    assert_eq!(seconds.expires_at, time("2026-12-02T16:00:00Z"));
    let postpaid = found(&json!({"InstanceChargeType": "PostPaid", "ExpiredTime": "2099-12-31T15:59Z"}));
    assert_eq!(postpaid.charge_type, ChargeType::PayAsYouGo);
    assert_eq!(
        found(&json!({"InstanceChargeType": "PostPaid", "ExpiredTime": ""})).charge_type,
        ChargeType::PayAsYouGo
    );
    let bare = found(&json!({"InstanceName": null, "OperationLocks": null, "Status": ""}));
    assert!(bare.name.is_empty() && bare.locks.is_empty());
    let reasons = json!([{"LockReason": "Recycling"}, {"LockReason": "financial", "LockMsg": ""}, {"LockReason": "recycling"},
        {"LockReason": "security"}, {"LockReason": "dedicatedhostfinancial"}, {"LockReason": "refunded"}]);
    let locked = found(&json!({"OperationLocks": {"LockReason": reasons}}));
    assert_eq!(locked.locks.len(), 6);
    assert_eq!(locked.locks.iter().filter(|lock| **lock == Lock::Recycling).count(), 2);
    let odd = found(&json!({"OperationLocks": {"LockReason": [{"LockReason": "haunted"}, {}]}}));
    assert!(odd.locks.iter().all(|lock| matches!(lock, Lock::Other(_))));
}

#[test]
fn what_is_not_understood_is_unreadable_and_never_guessed() {
    unreadable(&json!({"ExpiredTime": "soon\u{1b}"}), "soon\\u{1b}");
    unreadable(&json!({"ExpiredTime": null}), "no time");
    // Years that no calendar arithmetic survives, and the sentinel of what is no subscription.
    for far in ["-262143-01-01T00:00Z", "+262142-12-31T23:59Z", "2999-09-08T16:00Z", "1066-10-14T08:00Z"] {
        unreadable(&json!({"ExpiredTime": far}), "no time");
        let postpaid = found(&json!({"InstanceChargeType": "PostPaid", "ExpiredTime": far}));
        assert_eq!(postpaid.expires_at, time("1970-01-01T00:00:00Z"));
    }
    unreadable(&json!({"RegionId": "cn-shanghai"}), "cn-shanghai");
    unreadable(&json!({"RegionId": null}), "asked in cn-beijing");
    unreadable(&json!({"InstanceChargeType": "Rented", "ExpiredTime": ""}), "no time");
    assert!(matches!(found(&json!({"InstanceChargeType": "Rented"})).charge_type, ChargeType::Other(_)));
    assert_eq!(decoded_instance(&json!({"InstanceId": "i-other"})), Answer::Absent);
}

fn decoded_setting(item: Value) -> Result<LiveAutoRenew, Unreadable> {
    run(async {
        let world = World::new(move |sent| match sent.action() {
            "DescribeInstances" => all_there(sent),
            _ => settings(std::slice::from_ref(&item), 1),
        });
        let live = world.cloud().read(&[read_id("cn-beijing", "i-one")], &|_, _| ()).await.unwrap();
        match live.answers.into_values().next().unwrap() {
            Answer::Found(instance) => instance.auto_renew.unwrap(),
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn a_setting_is_read_with_its_traps() {
    let months = |n| Some(LiveAutoRenew::Every(Term::Months(n)));
    for (item, expected) in [
        (
            json!({"RenewalStatus": "AutoRenewal", "AutoRenewEnabled": true, "Duration": 3, "PeriodUnit": "month"}),
            months(3),
        ),
        (json!({"RenewalStatus": "AutoRenewal", "Duration": 1, "PeriodUnit": "Year"}), months(12)),
        (json!({"RenewalStatus": "AutoRenewal", "Duration": 12, "PeriodUnit": "Month"}), months(12)),
        (
            json!({"RenewalStatus": "AutoRenewal", "Duration": 2, "PeriodUnit": "week"}),
            Some(LiveAutoRenew::Every(Term::Weeks(2))),
        ),
        (
            json!({"RenewalStatus": "Normal", "AutoRenewEnabled": false, "Duration": 0, "PeriodUnit": "Month"}),
            Some(LiveAutoRenew::Off),
        ),
        (
            json!({"RenewalStatus": "Normal", "Duration": 6, "PeriodUnit": "Fortnight"}),
            Some(LiveAutoRenew::Off),
        ),
        (
            json!({"RenewalStatus": "NotRenewal", "AutoRenewEnabled": false, "Duration": 1}),
            Some(LiveAutoRenew::Never),
        ),
        (json!({"AutoRenewEnabled": true, "Duration": 1}), months(1)),
        (json!({"AutoRenewEnabled": false, "Duration": 1}), Some(LiveAutoRenew::Off)),
        (json!({"RenewalStatus": "", "AutoRenewEnabled": false}), Some(LiveAutoRenew::Off)),
        (json!({"RenewalStatus": "Sometimes", "AutoRenewEnabled": false}), None),
        (json!({"RenewalStatus": "AutoRenewal", "Duration": 0, "PeriodUnit": "Month"}), None),
        (json!({"RenewalStatus": "AutoRenewal", "Duration": 1, "PeriodUnit": "Fortnight"}), None),
        (json!({"RenewalStatus": "AutoRenewal", "Duration": -1, "PeriodUnit": "Month"}), None),
        (json!({"Duration": 1}), None),
    ] {
        let mut item = item;
        item["InstanceId"] = json!("i-one");
        assert_eq!(decoded_setting(item.clone()).ok(), expected, "{item}");
    }
    assert!(decoded_setting(setting("i-other")).is_err(), "a setting that is missing is not guessed");
}

fn quoted(price: &str) -> Result<(String, String), String> {
    let body =
        format!("{{\"RequestId\":\"R-9\",\"PriceInfo\":{{\"Price\":{price},\"Rules\":{{\"Rule\":[]}}}}}}");
    run(async {
        let world = World::script([ok(body)]);
        let quote = world.cloud().quote(&beijing(), &id("i-one"), Term::Months(1)).await;
        quote
            .map(|quote| (quote.amount.to_string(), plain_amount(quote.list_amount)))
            .map_err(|error| error.to_string())
    })
}

#[test]
fn prices_are_read_exactly_from_the_text() {
    for (trade, original, amount, list) in [
        ("3712.8", "4368", "CNY 3,712.80", "4368.00"),
        ("\"3712.80\"", "\"4,368.00\"", "CNY 3,712.80", "4368.00"),
        ("0.1", "0.30", "CNY 0.10", "0.30"),
        ("123456789012345678.99", "1", "CNY 123,456,789,012,345,678.99", "1.00"),
        ("1.0E7", "1.25e+3", "CNY 10,000,000.00", "1250.00"),
        ("1.5E-1", "1", "CNY 0.15", "1.00"),
        ("0", "0", "CNY 0.00", "0.00"),
    ] {
        let price = format!("{{\"TradePrice\":{trade},\"OriginalPrice\":{original},\"Currency\":\"CNY\"}}");
        assert_eq!(quoted(&price).unwrap(), (amount.to_owned(), list.to_owned()), "{trade}");
    }
    for price in [
        r#"{"TradePrice":-1,"Currency":"CNY"}"#,
        r#"{"TradePrice":1,"Currency":""}"#,
        r#"{"TradePrice":1,"Currency":"yuan"}"#,
        r#"{"TradePrice":null,"Currency":"CNY"}"#,
        r#"{"TradePrice":"","Currency":"CNY"}"#,
        r#"{"TradePrice":"1E2","Currency":"CNY"}"#,
        r#"{"TradePrice":"1_000","Currency":"CNY"}"#,
        r#"{"TradePrice":1E40,"Currency":"CNY"}"#,
        r#"{"TradePrice":1E-40,"Currency":"CNY"}"#,
        r#"{"TradePrice":79228162514264337593543950336,"Currency":"CNY"}"#,
        r#"{"TradePrice":true,"Currency":"CNY"}"#,
        r#"{"Currency":"CNY"}"#,
        "{}",
    ] {
        assert!(quoted(price).is_err(), "{price}: {:?}", quoted(price));
    }
    assert!(quoted(r#"{"TradePrice":-1,"Currency":"CNY"}"#).unwrap_err().contains("R-9"));
}

#[test]
fn a_price_is_asked_in_the_documented_forms_only() {
    for (term, form) in [
        (Term::Months(1), Some(("1", "Month"))),
        (Term::Months(9), Some(("9", "Month"))),
        (Term::Months(12), Some(("1", "Year"))),
        (Term::Months(24), Some(("2", "Year"))),
        (Term::Months(36), Some(("3", "Year"))),
        (Term::Months(10), None),
        (Term::Months(48), None),
        (Term::Months(60), None),
        (Term::Weeks(1), None),
    ] {
        run(async {
            let price = json!({"TradePrice": 1, "Currency": "CNY"});
            let world = World::script([ok(json!({"PriceInfo": {"Price": price}}))]);
            let answer = world.cloud().quote(&beijing(), &id("i-one"), term).await;
            let sent = world.sent.borrow();
            let Some((period, unit)) = form else {
                assert_eq!(answer, Err(QuoteError::Unquotable(term)));
                assert!(sent.is_empty());
                return;
            };
            assert_eq!((sent[0].get("Period"), sent[0].get("PriceUnit")), (period, unit), "{term}");
            assert_eq!((sent[0].get("ResourceId"), sent[0].get("ResourceType")), ("i-one", "instance"));
            assert_eq!((sent[0].get("RegionId"), sent[0].get("PeriodUnit")), ("cn-beijing", ""));
        });
    }
}

#[test]
fn a_setting_always_says_its_renewal_status() {
    let every = |term| AutoRenew::Every(AutoRenewTerm::new(term, Site::China).unwrap());
    for (wanted, expected) in [
        (every(Term::Months(3)), ["AutoRenewal", "3", "Month"]),
        (every(Term::Months(12)), ["AutoRenewal", "12", "Month"]),
        (every(Term::Weeks(1)), ["AutoRenewal", "1", "Week"]),
        (AutoRenew::Off, ["Normal", "", ""]),
        (AutoRenew::Never, ["NotRenewal", "", ""]),
    ] {
        run(async {
            let world = World::script([ok(json!({"RequestId": "REQ-1"}))]);
            let ids = [id("i-a"), id("i-b")];
            let done = world.cloud().set_auto_renew(&beijing(), &ids, wanted, &Freely).await.unwrap();
            assert_eq!(done.request_id, "REQ-1");
            let sent = world.sent.borrow();
            let words = ["RenewalStatus", "Duration", "PeriodUnit"].map(|name| sent[0].get(name));
            assert_eq!(words, expected);
            assert_eq!((sent[0].get("InstanceId"), sent[0].get("RegionId")), ("i-a,i-b", "cn-beijing"));
            assert_eq!(sent[0].get("AutoRenew"), "");
        });
    }
}

#[test]
fn a_charge_says_exactly_what_is_bought() {
    for (term, period, unit) in
        [(Term::Months(1), "1", "Month"), (Term::Months(24), "24", "Month"), (Term::Weeks(2), "2", "Week")]
    {
        run(async {
            let world = World::script([ok(json!({"OrderId": "2012345", "RequestId": "R"}))]);
            let (region, id, token) = (beijing(), id("i-one"), token());
            let term = PurchaseTerm::new(term, Site::China).unwrap();
            let order = renewctl::cloud::RenewOrder { region: &region, id: &id, term, token: &token };
            let receipt = world.cloud().renew(&order, &Freely).await.unwrap();
            assert_eq!((receipt.order_id.as_str(), receipt.request_id.as_str()), ("2012345", "R"));
            let sent = world.sent.borrow();
            let mut own: Vec<&str> = sent[0].parameters.keys().map(String::as_str).collect();
            own.retain(|name| !COMMON.contains(name));
            assert_eq!(own, ["ClientToken", "InstanceId", "Period", "PeriodUnit"]);
            assert_eq!((sent[0].get("Period"), sent[0].get("PeriodUnit")), (period, unit));
            assert_eq!(sent[0].get("ClientToken"), token.as_str());
            assert_eq!(sent[0].http.url, "https://ecs.cn-beijing.aliyuncs.com/");
        });
    }
}

const COMMON: [&str; 9] = [
    "AccessKeyId",
    "Action",
    "Format",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureVersion",
    "Timestamp",
    "Version",
];
