//! Every error that the pages of the five ECS actions document, brought about and held against the row
//! of the page: status, code and message. A row that nothing here brings about fails the test, and so
//! does an entry here that fits no row.

use serde_json::Value;

use super::client::Client;

/// How an error is brought about.
enum Way {
    /// By parameters beside those of a good call; an empty one takes the good call's away.
    By(Vec<(&'static str, String)>),
    /// By what the world's instance is, or by another line of the world.
    World(&'static str),
    /// By a call before it, with these parameters.
    After(Vec<(&'static str, String)>),
    /// No request and no life of a world leads there: the instance is told to refuse.
    Refuses,
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../vectors/api-actions.json")).unwrap()
}

const ACTIONS: [&str; 5] = [
    "DescribeInstances",
    "DescribeInstanceAutoRenewAttribute",
    "ModifyInstanceAutoRenewAttribute",
    "RenewInstance",
    "DescribeRenewalPrice",
];

fn good_call(action: &str) -> Vec<(&'static str, String)> {
    let own: &[(&str, &str)] = match action {
        "RenewInstance" => &[("InstanceId", "i-one"), ("Period", "1"), ("ClientToken", "t")],
        "DescribeRenewalPrice" => &[("RegionId", "cn-beijing"), ("ResourceId", "i-one")],
        "DescribeInstances" => &[("RegionId", "cn-beijing")],
        "DescribeInstanceAutoRenewAttribute" => &[("RegionId", "cn-beijing"), ("InstanceId", "i-one")],
        _ => &[
            ("RegionId", "cn-beijing"),
            ("InstanceId", "i-one"),
            ("RenewalStatus", "AutoRenewal"),
            ("Duration", "1"),
        ],
    };
    own.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// How the row with this code is brought about; `message` tells rows with one code apart.
fn way(action: &str, code: &str, message: &str) -> Option<Way> {
    let by = |own: &[(&'static str, &str)]| {
        Some(Way::By(own.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()))
    };
    let hundred_and_one = (0..101).map(|n| format!("i-{n}")).collect::<Vec<_>>().join(",");
    let too_long = "t".repeat(65);
    match (action, code) {
        ("DescribeInstances", "InvalidInstanceChargeType.NotFound") => by(&[("InstanceChargeType", "Free")]),
        ("DescribeInstances", "InvalidInternetChargeType.ValueNotSupported") => {
            by(&[("InternetChargeType", "Free")])
        }
        ("DescribeInstances", "InvalidLockReason.NotFound") => by(&[("LockReason", "none")]),
        ("DescribeInstances", "InvalidFilterKey.NotFound") => by(&[("Filter.3.Key", "Expired")]),
        ("DescribeInstances", "InvalidNetworkType.NotFound") => by(&[("InstanceNetworkType", "lan")]),
        ("DescribeInstances", "InvalidStatus.NotFound") => by(&[("Status", "Sleeping")]),
        ("DescribeInstances", "InvalidTag.Mismatch") => by(&[("Tag.1.Value", "prod")]),
        ("DescribeInstances", "InvalidTagCount") => by(&[("Tag.21.Key", "env")]),
        ("DescribeInstances", "InvalidHpcClusterId.NotFound") => by(&[("HpcClusterId", "hpc-1")]),
        ("DescribeInstances", "DryRunOperation") => by(&[("DryRun", "true")]),

        (_, "InvalidParameter.ToManyInstanceIds") => by(&[("InstanceId", &hundred_and_one)]),
        (_, "InvalidParameter.InvalidInstanceId") | ("RenewInstance", "InvalidInstanceId.NotFound") => {
            by(&[("InstanceId", "i-none")])
        }
        (_, "InvalidParameter.RenewalStatus") => by(&[("RenewalStatus", "On")]),
        (_, "InvalidParameter.RenewalStatusInstanceId")
        | ("ModifyInstanceAutoRenewAttribute", "MissingParameter.InstanceId") => by(&[("InstanceId", "")]),
        (_, "InvalidParameter.PageSize") => by(&[("PageSize", "101")]),
        (_, "InvalidParameter.PageNumber") => by(&[("PageNumber", "0")]),
        (_, "InvalidParameter.Duration") => by(&[("Duration", "4")]),
        ("ModifyInstanceAutoRenewAttribute", "IncorrectInstanceStatus") => {
            Some(Way::World("expires_in: -1d"))
        }

        ("RenewInstance", "IdempotenceParamNotMatch") => Some(Way::After(vec![("Period", "2".to_owned())])),
        ("RenewInstance", "InvalidClientToken.ValueNotSupported") => by(&[("ClientToken", &too_long)]),
        ("RenewInstance", "MissingParamter") => by(&[("Period", ""), ("PeriodUnit", "Month")]),
        ("RenewInstance", "InvalidPeriod.NotFound") => by(&[("Period", "")]),
        ("RenewInstance", "InvalidExpectedRenewDay.Conflict") if message.ends_with("periodUnit.") => {
            by(&[("ExpectedRenewDay", "3"), ("Period", ""), ("PeriodUnit", "Month")])
        }
        ("RenewInstance", "InvalidParam.ExpectedRenewDay") => {
            by(&[("ExpectedRenewDay", "3"), ("Period", "")])
        }
        ("RenewInstance", "InvalidExpectedRenewDay.ValueNotSupported") => {
            by(&[("ExpectedRenewDay", "29"), ("Period", "")])
        }
        ("RenewInstance" | "DescribeRenewalPrice", "InvalidPeriod.ExceededMaximumExpirationDate") => {
            Some(Way::World("assumptions: { latest_expiry: 2026-12-25T16:00:00Z }"))
        }
        ("RenewInstance", "InstanceLockedForSecurity") => Some(Way::World("lock: security")),
        ("RenewInstance", "OperationDenied.UnfinishedOrder") => Some(Way::World("lock: refunded")),

        ("DescribeRenewalPrice", "InvalidResourceType.ValueNotSupported") => by(&[("ResourceType", "disk")]),
        ("DescribeRenewalPrice", "InvalidPriceUnit.ValueNotSupported") => by(&[("PriceUnit", "Week")]),
        ("DescribeRenewalPrice", "InvalidExpectedRenewDay.Conflict") if message.ends_with("priceUnit.") => {
            by(&[("ExpectedRenewDay", "3"), ("PriceUnit", "Month")])
        }
        ("DescribeRenewalPrice", "InvalidExpectedRenewDay.ValueNotSupported") => {
            by(&[("ExpectedRenewDay", "3")])
        }
        ("DescribeRenewalPrice", "OperationRestricted.Renewal") => Some(Way::World("no price")),
        ("DescribeRenewalPrice", "InvalidInstanceId.NotFound") => by(&[("ResourceId", "i-none")]),

        (_, "ChargeTypeViolation") => Some(Way::World("charge_type: PostPaid")),
        (_, "InvalidPeriod") => by(&[("Period", "10")]),
        (_, "InvalidPeriodUnit.ValueNotSupported") => by(&[("PeriodUnit", "Day")]),
        (_, "InvalidExpectedRenewDay.Conflict") => by(&[("ExpectedRenewDay", "3"), ("Period", "1")]),
        _ => REFUSED.contains(&(action, code)).then_some(Way::Refuses),
    }
}

/// What an instance has to be told to refuse: stock, dedicated hosts, orders of other kinds, starter
/// packages, failures of the platform, and rows that other actions left in the tables.
const REFUSED: [(&str, &str); 52] = [
    ("DescribeInstances", "InvalidHpcClusterId.Creating"),
    ("DescribeInstanceAutoRenewAttribute", "Throttling"),
    ("DescribeInstanceAutoRenewAttribute", "MissingParameter.InstanceId"),
    ("DescribeInstanceAutoRenewAttribute", "IncorrectInstanceStatus"),
    ("ModifyInstanceAutoRenewAttribute", "OperationDenied.StarterPackage"),
    ("ModifyInstanceAutoRenewAttribute", "InvalidPeriod.StarterPackage"),
    ("ModifyInstanceAutoRenewAttribute", "InternalError"),
    ("RenewInstance", "InvalidExpectedRenewDay.StarterPackageNotSupported"),
    ("RenewInstance", "QuotaExceed.AlignInstance"),
    ("RenewInstance", "InvalidPeriod.ExceededDedicatedHost"),
    ("RenewInstance", "InvalidDedicatedHostId.NotFound"),
    ("RenewInstance", "InvalidDedicatedHostStatus.NotSupport"),
    ("RenewInstance", "IncorrectDedicatedHostStatus"),
    ("RenewInstance", "InvalidStatus.Upgrading"),
    ("RenewInstance", "LastOrderProcessing"),
    ("RenewInstance", "Idempotence.Processing"),
    ("RenewInstance", "LastTokenProcessing"),
    ("RenewInstance", "OperationDenied"),
    ("RenewInstance", "InvalidLoanOrderStatus.Uncompleted"),
    ("RenewInstance", "OperationDenied.AbnormalInstanceInfo"),
    ("RenewInstance", "NoPermission.Price"),
    ("RenewInstance", "InvalidOperation.ClassicNetworkTypeNotSupported"),
    ("RenewInstance", "InvalidInstanceChargeType.NotFound"),
    ("RenewInstance", "IncorrectInstanceStatus"),
    ("RenewInstance", "InstanceSpecModification.NotEffective"),
    ("RenewInstance", "Instance.UnPaidOrder"),
    ("RenewInstance", "InvalidChargeType.NotSupported"),
    ("RenewInstance", "InstanceTypeNotSupported"),
    ("RenewInstance", "OperationDenied.NoStock"),
    ("RenewInstance", "OperationDenied.ImageNotValid"),
    ("RenewInstance", "InvalidPeriod.StarterPackage"),
    ("RenewInstance", "RenewDateNotSupported.StarterPackage"),
    ("RenewInstance", "InternalError"),
    ("RenewInstance", "InvalidInternetChargeType.ValueNotSupported"),
    ("RenewInstance", "InvalidInstanceType.NotSupported"),
    ("RenewInstance", "InvalidParameter"),
    ("RenewInstance", "InvalidRebootTime.Malformed"),
    ("RenewInstance", "InvalidRebootTime.ValueNotSupported"),
    ("RenewInstance", "InvalidInstanceType.ValueNotSupported"),
    ("RenewInstance", "InvalidInstanceType.codeUnauthorized"),
    ("RenewInstance", "InvalidInstanceType.ValueUnauthorized"),
    ("RenewInstance", "InvalidInternetChargeType.InstanceNotSupported"),
    ("RenewInstance", "Upgrade.NotSupported"),
    ("RenewInstance", "DependencyViolation.InstanceType"),
    ("RenewInstance", "Diskcategory.Mismatch"),
    ("RenewInstance", "InvalidDisk.NotAllowed"),
    ("RenewInstance", "InvalidDiskId.NotFound"),
    ("DescribeRenewalPrice", "Throttling"),
    ("DescribeRenewalPrice", "Throttling.User"),
    ("DescribeRenewalPrice", "InternalError"),
    ("DescribeRenewalPrice", "InvalidPeriod.ExceededDedicatedHost"),
    ("DescribeRenewalPrice", "InvalidAction.Unauthorized"),
];

/// A world with one instance; `line` is one of its properties, or stands at the top.
fn world(line: &str) -> String {
    let top = if line.starts_with("assumptions") { line } else { "" };
    let expiry = if line.starts_with("expires_in") { "" } else { "expires_in: 20d," };
    let price = if line == "no price" { "" } else { "price_per_month: 1," };
    let own = if top.is_empty() && line != "no price" { line } else { "" };
    format!(
        "now: 2026-12-01T02:05:00Z\n{top}\ninstances:\n  - {{ id: i-one, region: cn-beijing, {expiry} {price} {own} }}\n"
    )
}

/// The answer to a good call changed so that the row's error comes. A refusal charges nothing.
fn bring_about(action: &str, code: &str, message: &str, way: Way) -> (u16, Value) {
    let mut own = good_call(action);
    let (world, before) = match way {
        Way::By(changes) => {
            own.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
            own.extend(changes);
            (world(""), None)
        }
        Way::World(line) => (world(line), None),
        Way::After(changes) => (world(""), Some(changes)),
        // Two rows may have one code: then the message says which.
        Way::Refuses => {
            (world(&format!("refuses: {{ {action}: '{code}: {}' }}", message.replace('\'', "''"))), None)
        }
    };
    let mut client = Client::new(&world);
    let charges = usize::from(before.is_some());
    if let Some(changes) = before {
        let mut earlier = own.clone();
        earlier.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        earlier.extend(changes);
        let earlier: Vec<(&str, &str)> =
            earlier.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(client.call(action, &earlier).0, 200);
    }
    let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = client.call(action, &own);
    assert_eq!(client.emulator.ledger().len(), charges, "{action} {code}");
    answer
}

#[test]
fn every_documented_error_of_every_action_can_be_brought_about_as_documented() {
    let (mut rows, mut refused) = (0, Vec::new());
    let vectors = vectors();
    for action in ACTIONS {
        let own = good_call(action);
        let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(Client::new(&world("")).call(action, &own).0, 200, "{action}: a good call is answered");
        for row in vectors["actions"][action]["errors"].as_array().unwrap() {
            let (code, wording) = (row["code"].as_str().unwrap(), row["message"].as_str().unwrap());
            // "%s" stands for free text.
            let (wording, is_free) =
                wording.split_once("%s").map_or((wording, false), |(text, _)| (text.trim(), true));
            let way = way(action, code, wording);
            let way = way.unwrap_or_else(|| panic!("{action}: nobody brings about {row}"));
            if matches!(way, Way::Refuses) {
                refused.push((action, code));
            }
            let (status, body) = bring_about(action, code, wording, way);
            assert_eq!(
                (status, body["Code"].as_str()),
                (u16::try_from(row["http"].as_u64().unwrap()).unwrap(), Some(code)),
                "{action}: {row}: {body}"
            );
            let message = body["Message"].as_str().unwrap();
            assert!(
                if is_free { message.starts_with(wording) } else { message == wording },
                "{action}: {row}: {body}"
            );
            rows += 1;
        }
    }
    assert_eq!(rows, 57 + 11 + 10 + 11 + 16);
    for row in REFUSED {
        assert!(refused.contains(&row), "{row:?} is no row of the page, or comes about without a refusal");
    }
}
