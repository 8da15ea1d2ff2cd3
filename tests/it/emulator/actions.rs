//! The five ECS actions: what each shows, changes and charges, and some refusals in context.

use chrono::TimeDelta;
use renewctl::emulator::Reply;
use serde_json::{Value, json};

use super::client::{Client, WALL, WORLD};
use crate::support::time;

#[test]
fn one_bad_id_refuses_the_whole_call() {
    let unknown = "InvalidParameter.InvalidInstanceId";
    for action in ["DescribeInstanceAutoRenewAttribute", "ModifyInstanceAutoRenewAttribute"] {
        for (ids, code) in [
            ("i-one,i-none", unknown),
            ("i-one,i-far", unknown),
            ("i-one,i-payg", "ChargeTypeViolation"),
            ("i-payg,i-none", "ChargeTypeViolation"),
        ] {
            let mut client = Client::new(WORLD);
            let own = [("RegionId", "cn-beijing"), ("InstanceId", ids), ("RenewalStatus", "NotRenewal")];
            assert_eq!(client.refusal(action, &own), (403, code.to_owned()), "{action} {ids}");
            assert_eq!(client.emulator.instance("i-one", time(WALL)).unwrap().renewal_status, "Normal");
        }
    }
}

#[test]
fn instances_are_shown_as_the_cloud_shows_them() {
    let mut client = Client::new(WORLD);
    let (_, body) = client.call("DescribeInstances", &[("RegionId", "cn-beijing"), ("MaxResults", "100")]);
    let all = body["Instances"]["Instance"].as_array().unwrap();
    let by = |id: &str| all.iter().find(|instance| instance["InstanceId"] == id).unwrap();
    assert_eq!(by("i-one")["ExpiredTime"], "2027-01-30T16:00Z", "without seconds");
    assert_eq!(by("i-one")["Tags"], json!({ "Tag": [{ "TagKey": "env", "TagValue": "prod" }] }));
    assert!(by("i-two").get("Tags").is_none());
    assert_eq!(by("i-payg")["ExpiredTime"], "2099-12-31T15:59Z");
    assert_eq!(by("i-dead")["Status"], "Stopped");
    assert_eq!(by("i-dead")["OperationLocks"]["LockReason"][0]["LockReason"], "financial");
    assert_eq!(by("i-two")["OperationLocks"]["LockReason"], json!([]));
    assert_eq!((&body["NextToken"], &body["TotalCount"]), (&json!(""), &json!(0)));
    assert_eq!(all.len(), 5);
}

#[test]
fn both_styles_of_paging_and_their_defaults() {
    let world = "now: 2026-12-01T02:05:00Z\ngenerate: [{ count: 250, id_prefix: i-n, like: { region: cn-beijing, expires_in: 9d } }]";
    let mut client = Client::new(world);
    let region = ("RegionId", "cn-beijing");
    let count = |body: &Value| body["Instances"]["Instance"].as_array().unwrap().len();
    for (own, expected) in [
        (vec![region], 10),
        (vec![region, ("MaxResults", "5")], 10),
        (vec![region, ("MaxResults", "500")], 100),
        (vec![region, ("PageSize", "100"), ("PageNumber", "3")], 50),
        (vec![region, ("PageSize", "100"), ("PageNumber", "4")], 0),
    ] {
        let (_, body) = client.call("DescribeInstances", &own);
        assert_eq!(count(&body), expected, "{own:?}");
    }
    let (mut seen, mut token) = (0, String::new());
    loop {
        let (_, body) =
            client.call("DescribeInstances", &[region, ("MaxResults", "100"), ("NextToken", &token)]);
        seen += count(&body);
        token = body["NextToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, 250);
    let ids = (1..=100).map(|n| format!("i-n{n:04}")).collect::<Vec<_>>().join(",");
    let (_, body) = client.call("DescribeInstanceAutoRenewAttribute", &[region, ("InstanceId", &ids)]);
    let shown = body["InstanceRenewAttributes"]["InstanceRenewAttribute"].as_array().unwrap().len();
    assert_eq!((shown, &body["TotalCount"]), (10, &json!(100)), "the default page is the trap");
}

#[test]
fn filters_choose() {
    let mut client = Client::new(WORLD);
    let region = ("RegionId", "cn-beijing");
    for (own, expected) in [
        (vec![("InstanceName", "web-*")], vec!["i-one", "i-two"]),
        (vec![("InstanceName", "*-2")], vec!["i-two"]),
        (vec![("InstanceName", "web")], vec![]),
        (vec![("Tag.1.Key", "env")], vec!["i-one"]),
        (vec![("Tag.1.Key", "env"), ("Tag.1.Value", "test")], vec![]),
        (vec![("InstanceChargeType", "PostPaid")], vec!["i-payg"]),
        (vec![("LockReason", "security")], vec!["i-lock"]),
        (vec![("Status", "Stopped")], vec!["i-dead"]),
        (
            vec![
                ("Filter.3.Key", "ExpiredStartTime"),
                ("Filter.3.Value", "2026-12-20T16:00Z"),
                ("Filter.4.Key", "ExpiredEndTime"),
                ("Filter.4.Value", "2026-12-31T16:00Z"),
            ],
            vec!["i-two"],
        ),
    ] {
        let mut all = vec![region];
        all.extend(own);
        let (_, body) = client.call("DescribeInstances", &all);
        let ids: Vec<&str> = body["Instances"]["Instance"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["InstanceId"].as_str().unwrap())
            .collect();
        assert_eq!(ids, expected, "{all:?}");
    }
}

#[test]
fn settings_are_set_and_a_call_with_neither_switch_turns_off() {
    let mut client = Client::new(WORLD);
    let region = ("RegionId", "cn-beijing");
    let attribute = |client: &mut Client| {
        let (_, body) = client.call("DescribeInstanceAutoRenewAttribute", &[region, ("InstanceId", "i-two")]);
        let item = &body["InstanceRenewAttributes"]["InstanceRenewAttribute"][0];
        (
            item["RenewalStatus"].as_str().unwrap().to_owned(),
            item["Duration"].as_i64().unwrap(),
            item["PeriodUnit"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(attribute(&mut client), ("AutoRenewal".into(), 2, "week".into()));
    for (own, expected) in [
        (
            vec![("RenewalStatus", "AutoRenewal"), ("Duration", "2"), ("PeriodUnit", "year")],
            ("AutoRenewal".into(), 2, "Year".into()),
        ),
        (vec![("AutoRenew", "true"), ("Duration", "3")], ("AutoRenewal".into(), 3, "Month".into())),
        (vec![("AutoRenew", "True"), ("Duration", "3")], ("AutoRenewal".into(), 3, "Month".into())),
        (vec![("RenewalStatus", "NotRenewal")], ("NotRenewal".into(), 0, "Month".into())),
        (
            vec![("RenewalStatus", "AutoRenewal"), ("AutoRenew", "false"), ("Duration", "1")],
            ("AutoRenewal".into(), 1, "Month".into()),
        ),
        (vec![], ("Normal".into(), 0, "Month".into())),
    ] {
        let mut all = vec![region, ("InstanceId", "i-two")];
        all.extend(own);
        assert_eq!(client.call("ModifyInstanceAutoRenewAttribute", &all).0, 200, "{all:?}");
        assert_eq!(attribute(&mut client), expected, "{all:?}");
    }
}

#[test]
fn a_batch_with_one_bad_id_changes_nothing_unless_assumed_otherwise() {
    for (assumed, expected) in [("", "Normal"), ("assumptions: { batches_are_partial: true }", "NotRenewal")]
    {
        let mut client = Client::new(&format!("{WORLD}{assumed}"));
        let own =
            [("RegionId", "cn-beijing"), ("InstanceId", "i-one,i-payg"), ("RenewalStatus", "NotRenewal")];
        assert_eq!(client.refusal("ModifyInstanceAutoRenewAttribute", &own).0, 403);
        assert_eq!(client.emulator.instance("i-one", time(WALL)).unwrap().renewal_status, expected);
    }
}

#[test]
fn a_price_is_a_number_without_a_float() {
    let mut client = Client::new(WORLD);
    let parameters = client.parameters(
        "DescribeRenewalPrice",
        &[("RegionId", "cn-beijing"), ("ResourceId", "i-one"), ("Period", "1"), ("PriceUnit", "Year")],
    );
    let Reply::Http(reply) = client.send("POST", parameters, "emulator-secret").reply else { panic!() };
    let text = String::from_utf8(reply.body).unwrap();
    assert!(text.contains("\"TradePrice\":397.2") && text.contains("\"OriginalPrice\":480,"), "{text}");
    assert!(text.contains("\"Currency\":\"CNY\""), "{text}");
}

#[test]
fn a_charge_is_at_once_in_the_ledger_and_later_in_the_expiry() {
    let mut client = Client::new(WORLD);
    let (status, body) =
        client.call("RenewInstance", &[("InstanceId", "i-one"), ("Period", "1"), ("PeriodUnit", "month")]);
    assert_eq!(status, 200);
    assert!(body["OrderId"].is_number() || body["OrderId"].is_string());
    assert_eq!(client.emulator.ledger().len(), 1);
    assert_eq!(client.expiry("i-one"), "2027-01-30T16:00Z");
    client.wall += TimeDelta::seconds(9);
    assert_eq!(client.expiry("i-one"), "2027-01-30T16:00Z");
    client.wall += TimeDelta::seconds(1);
    // 31 January in Beijing and a month: 28 February.
    assert_eq!(client.expiry("i-one"), "2027-02-27T16:00Z");
    let charge = &client.emulator.ledger()[0];
    assert_eq!((charge.amount.to_string().as_str(), charge.currency.as_str()), ("33.10", "CNY"));
}

#[test]
fn order_numbers_come_in_both_documented_forms() {
    let mut client = Client::new(WORLD);
    let mut order =
        || client.call("RenewInstance", &[("InstanceId", "i-one"), ("Period", "1")]).1["OrderId"].clone();
    assert!(order().is_number());
    assert!(order().is_string());
}

#[test]
fn tokens_repeat_their_answer_and_hold_their_parameters() {
    let renew = |client: &mut Client, period: &str, token: &str| {
        let (status, body) = client
            .call("RenewInstance", &[("InstanceId", "i-one"), ("Period", period), ("ClientToken", token)]);
        (status, body["OrderId"].clone(), body["Code"].clone())
    };
    let mut client = Client::new(WORLD);
    let first = renew(&mut client, "1", "t");
    assert_eq!(renew(&mut client, "1", "t"), first);
    assert_eq!(renew(&mut client, "2", "t").2, "IdempotenceParamNotMatch");
    assert_eq!(client.emulator.ledger().len(), 1);
    // Case matters, and without a token every call is a charge.
    renew(&mut client, "1", "T");
    renew(&mut client, "1", "");
    assert_eq!(client.emulator.ledger().len(), 3);
    client.wall += TimeDelta::hours(24);
    renew(&mut client, "1", "t");
    assert_eq!(client.emulator.ledger().len(), 4, "forgotten after its retention");
}

#[test]
fn refusals_stick_to_a_token_only_if_assumed() {
    for (assumed, status) in [("", 200), ("assumptions: { refusals_stick: true }", 403)] {
        let mut client = Client::new(&format!("{WORLD}{assumed}"));
        let own = [("InstanceId", "i-lock"), ("Period", "1"), ("ClientToken", "t")];
        assert_eq!(client.call("RenewInstance", &own).0, 403);
        client.emulator.set_lock("i-lock", None);
        assert_eq!(client.call("RenewInstance", &own).0, status);
    }
}

#[test]
fn a_balance_is_debited_and_then_ends() {
    let mut client = Client::new(&WORLD.replace("effect_delay: 10s", "balance: '66.20'"));
    let own = [("InstanceId", "i-one"), ("Period", "1")];
    assert_eq!(client.call("RenewInstance", &own).0, 200);
    assert_eq!(client.call("RenewInstance", &own).0, 200);
    assert_eq!(client.refusal("RenewInstance", &own), (400, "InsufficientBalance".to_owned()));
    assert_eq!(client.emulator.ledger().len(), 2);
}

#[test]
fn the_international_site_has_its_own_terms_currency_and_anchor() {
    let mut client = Client::new(
        &WORLD
            .replace("effect_delay: 10s", "site: international")
            .replace("auto_renew: 2w", "auto_renew: 2mo"),
    );
    assert_eq!(
        client.refusal("RenewInstance", &[("InstanceId", "i-one"), ("Period", "24")]).1,
        "InvalidPeriod"
    );
    assert_eq!(
        client
            .refusal("RenewInstance", &[("InstanceId", "i-one"), ("Period", "1"), ("PeriodUnit", "Week")])
            .1,
        "InvalidPeriodUnit.ValueNotSupported"
    );
    assert_eq!(client.call("RenewInstance", &[("InstanceId", "i-dead"), ("Period", "1")]).0, 200);
    let charge = &client.emulator.ledger()[0];
    assert_eq!((charge.currency.as_str(), charge.expires_after), ("USD", time("2027-01-01T16:00:00Z")));
}
