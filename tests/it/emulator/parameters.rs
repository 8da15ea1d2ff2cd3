//! Every parameter that the emulator reads: its values and one beyond them, of another kind, empty
//! and missing, at both sites. What is valid comes from the `rules` of the actions' pages
//! (tests/vectors/api-actions.json), not from the emulator's tables.

use serde_json::Value;

use super::client::Client;

const REGION: (&str, &str) = ("RegionId", "cn-beijing");
const SITES: [(&str, &str); 2] = [("china", "china"), ("international", "intl")];

fn rules(action: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../../vectors/api-actions.json")).unwrap();
    all["actions"][action]["rules"].clone()
}

fn numbers(rule: &Value) -> Vec<i64> {
    rule.as_array().map(|all| all.iter().map(|n| n.as_i64().unwrap()).collect()).unwrap_or_default()
}

fn world(site: &str) -> String {
    format!(
        "now: 2026-12-01T02:05:00Z\nsite: {site}\ninstances:\n  - {{ id: i-one, name: web-1, region: cn-beijing, expires_in: 20d, price_per_month: 1, tags: {{ env: prod }} }}\n"
    )
}

/// The code of the answer, `-` for none.
fn code(client: &mut Client, action: &str, base: &[(&str, &str)], own: &[(&str, &str)]) -> String {
    let mut all = base.to_vec();
    all.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    all.extend_from_slice(own);
    client.refusal(action, &all).1
}

/// Tries each value of a parameter in a fresh world.
fn check(site: &str, action: &str, base: &[(&str, &str)], name: &str, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        let found = code(&mut Client::new(&world(site)), action, base, &[(name, value)]);
        assert_eq!(found, *expected, "{site} {action} {name}={value:?}");
    }
}

/// Tries every number and unit, and compares with the page's list for the site.
fn check_terms(
    action: &str,
    base: &[(&str, &str)],
    names: (&str, &str),
    codes: (&str, &str),
    valid: impl Fn(&str, &str) -> Option<Vec<i64>>,
) {
    for (site, page) in SITES {
        let mut client = Client::new(&world(site));
        for unit in ["Week", "Month", "Year", "week", "MONTH", "Day", "months"] {
            let known = ["Week", "Month", "Year"].into_iter().find(|known| known.eq_ignore_ascii_case(unit));
            let list = known.and_then(|known| valid(page, known));
            for number in -1i64..=61 {
                let expected = match &list {
                    None => codes.1,
                    Some(list) if list.contains(&number) => "-",
                    Some(_) => codes.0,
                };
                let found =
                    code(&mut client, action, base, &[(names.0, &number.to_string()), (names.1, unit)]);
                assert_eq!(found, expected, "{site} {action} {number} {unit}");
            }
        }
    }
}

const NO_NUMBERS: [&str; 7] = ["one", "1.0", "1e0", "1 ", "0x1", "9223372036854775808", "一"];

#[test]
fn what_can_be_bought_is_what_the_page_says() {
    let rules = rules("RenewInstance");
    let base = [("InstanceId", "i-one")];
    check_terms(
        "RenewInstance",
        &base,
        ("Period", "PeriodUnit"),
        ("InvalidPeriod", "InvalidPeriodUnit.ValueNotSupported"),
        |site, unit| {
            let units = rules["PeriodUnit"][site].as_array().unwrap();
            units.iter().any(|listed| listed == unit).then(|| numbers(&rules["Period"][site][unit]))
        },
    );
    for (site, _) in SITES {
        for text in NO_NUMBERS {
            check(site, "RenewInstance", &base, "Period", &[(text, "InvalidPeriod")]);
        }
        check(site, "RenewInstance", &base, "Period", &[("", "InvalidPeriod.NotFound"), ("1", "-")]);
        let whole = [("InstanceId", "i-one"), ("Period", "1")];
        check(
            site,
            "RenewInstance",
            &whole,
            "PeriodUnit",
            &[("", "-"), ("Month ", "InvalidPeriodUnit.ValueNotSupported")],
        );
        let unknown = "InvalidInstanceId.NotFound";
        check(
            site,
            "RenewInstance",
            &whole,
            "InstanceId",
            &[
                ("", "MissingInstanceId"),
                ("I-ONE", unknown),
                ("i-one,i-one", unknown),
                ("[\"i-one\"]", unknown),
            ],
        );
        let (longest, longer) = ("t".repeat(64), "t".repeat(65));
        let wrong = "InvalidClientToken.ValueNotSupported";
        check(
            site,
            "RenewInstance",
            &whole,
            "ClientToken",
            &[(&longest, "-"), (&longer, wrong), ("é", wrong), ("", "-"), (" ", "-")],
        );
        let (beyond, other) = ("InvalidExpectedRenewDay.ValueNotSupported", "InvalidParam.ExpectedRenewDay");
        check(
            site,
            "RenewInstance",
            &base,
            "ExpectedRenewDay",
            &[
                ("0", beyond),
                ("1", other),
                ("28", other),
                ("29", beyond),
                ("-1", beyond),
                ("one", beyond),
                ("", "InvalidPeriod.NotFound"),
            ],
        );
    }
}

#[test]
fn what_auto_renewal_can_be_set_to_is_what_the_page_says() {
    const ACTION: &str = "ModifyInstanceAutoRenewAttribute";
    let rules = rules(ACTION);
    let base = [REGION, ("InstanceId", "i-one"), ("RenewalStatus", "AutoRenewal")];
    check_terms(
        ACTION,
        &base,
        ("Duration", "PeriodUnit"),
        ("InvalidParameter.Duration", "InvalidPeriodUnit.ValueNotSupported"),
        |site, unit| {
            let units = rules["PeriodUnit"][site].as_array().unwrap();
            let list = &rules["Duration"][unit];
            let of_site = if list.is_object() { &list[site] } else { list };
            units.iter().any(|listed| listed == unit).then(|| numbers(of_site))
        },
    );
    let hundred = vec!["i-one"; 100].join(",");
    let more = format!("{hundred},i-one");
    for (site, _) in SITES {
        for text in NO_NUMBERS.into_iter().chain([""]) {
            check(site, ACTION, &base, "Duration", &[(text, "InvalidParameter.Duration")]);
        }
        let whole = [REGION, ("InstanceId", "i-one"), ("RenewalStatus", "AutoRenewal"), ("Duration", "1")];
        check(site, ACTION, &whole, "PeriodUnit", &[("", "-")]);
        check(
            site,
            ACTION,
            &whole,
            "RegionId",
            &[("", "MissingRegionId"), ("cn-shanghai", "InvalidParameter.InvalidInstanceId")],
        );
        check(
            site,
            ACTION,
            &whole,
            "InstanceId",
            &[
                ("", "MissingParameter.InstanceId"),
                (",", "MissingParameter.InstanceId"),
                (&hundred, "-"),
                (&more, "InvalidParameter.ToManyInstanceIds"),
                ("i-one,i-none", "InvalidParameter.InvalidInstanceId"),
                ("[\"i-one\"]", "InvalidParameter.InvalidInstanceId"),
            ],
        );
        let wrong = "InvalidParameter.RenewalStatus";
        check(
            site,
            ACTION,
            &whole,
            "RenewalStatus",
            &[("Normal", "-"), ("NotRenewal", "-"), ("", "-"), ("autorenewal", wrong), ("true", wrong)],
        );
        let flag = [REGION, ("InstanceId", "i-one")];
        check(
            site,
            ACTION,
            &flag,
            "AutoRenew",
            &[("true", "InvalidParameter.Duration"), ("false", "-"), ("", "-")],
        );
    }
}

#[test]
fn what_can_be_quoted_is_what_the_page_says() {
    const ACTION: &str = "DescribeRenewalPrice";
    let rules = rules(ACTION);
    let base = [REGION, ("ResourceId", "i-one")];
    check_terms(
        ACTION,
        &base,
        ("Period", "PriceUnit"),
        ("InvalidPeriod", "InvalidPriceUnit.ValueNotSupported"),
        |_, unit| rules["Period"].get(unit).map(numbers),
    );
    for (site, _) in SITES {
        for text in NO_NUMBERS {
            check(site, ACTION, &base, "Period", &[(text, "InvalidPeriod")]);
        }
        check(site, ACTION, &base, "Period", &[("", "-")]);
        check(site, ACTION, &base, "PriceUnit", &[("", "-")]);
        check(
            site,
            ACTION,
            &base,
            "RegionId",
            &[("", "MissingRegionId"), ("cn-shanghai", "InvalidInstanceId.NotFound")],
        );
        check(
            site,
            ACTION,
            &base,
            "ResourceId",
            &[("", "MissingResourceId"), ("i-none", "InvalidInstanceId.NotFound")],
        );
        let wrong = "InvalidResourceType.ValueNotSupported";
        check(
            site,
            ACTION,
            &base,
            "ResourceType",
            &[("instance", "-"), ("", "-"), ("Instance", wrong), ("disk", wrong)],
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    let (id, modify) = (("InstanceId", "i-one"), "ModifyInstanceAutoRenewAttribute");
    let describe = "DescribeInstanceAutoRenewAttribute";
    for (action, own, expected) in [
        ("RenewInstance", vec![("Period", "1")], "MissingInstanceId"),
        ("RenewInstance", vec![id], "InvalidPeriod.NotFound"),
        ("RenewInstance", vec![id, ("PeriodUnit", "Month")], "MissingParamter"),
        ("DescribeRenewalPrice", vec![REGION], "MissingResourceId"),
        ("DescribeRenewalPrice", vec![("ResourceId", "i-one")], "MissingRegionId"),
        (modify, vec![REGION], "MissingParameter.InstanceId"),
        (modify, vec![id], "MissingRegionId"),
        (modify, vec![REGION, id, ("RenewalStatus", "AutoRenewal")], "InvalidParameter.Duration"),
        (describe, vec![REGION], "InvalidParameter.RenewalStatusInstanceId"),
        (describe, vec![id], "MissingRegionId"),
        ("DescribeInstances", vec![], "MissingRegionId"),
    ] {
        for (site, _) in SITES {
            assert_eq!(code(&mut Client::new(&world(site)), action, &own, &[]), expected, "{action} {own:?}");
        }
    }
}

#[test]
fn pages_of_settings_are_numbered_within_their_bounds() {
    const ACTION: &str = "DescribeInstanceAutoRenewAttribute";
    let base = [REGION, ("InstanceId", "i-one")];
    let hundred = vec!["i-one"; 100].join(",");
    let more = format!("{hundred},i-one");
    for (site, _) in SITES {
        let (number, size) = ("InvalidParameter.PageNumber", "InvalidParameter.PageSize");
        check(
            site,
            ACTION,
            &base,
            "PageNumber",
            &[("0", number), ("1", "-"), ("999999", "-"), ("-1", number), ("one", number), ("", "-")],
        );
        check(
            site,
            ACTION,
            &base,
            "PageSize",
            &[("0", size), ("1", "-"), ("100", "-"), ("101", size), ("-1", size), ("ten", size), ("", "-")],
        );
        check(site, ACTION, &base, "RegionId", &[("", "MissingRegionId")]);
        check(
            site,
            ACTION,
            &base,
            "InstanceId",
            &[
                ("", "InvalidParameter.RenewalStatusInstanceId"),
                (&hundred, "-"),
                (&more, "InvalidParameter.ToManyInstanceIds"),
                ("i-none", "InvalidParameter.InvalidInstanceId"),
            ],
        );
        let wrong = "InvalidParameter.RenewalStatus";
        check(
            site,
            ACTION,
            &[REGION],
            "RenewalStatus",
            &[
                ("AutoRenewal", "-"),
                ("Normal", "-"),
                ("NotRenewal", "-"),
                ("normal", wrong),
                ("", "InvalidParameter.RenewalStatusInstanceId"),
            ],
        );
    }
}

#[test]
fn lists_take_what_the_page_lists() {
    const ACTION: &str = "DescribeInstances";
    let rules = rules(ACTION);
    let ids = |count| serde_json::to_string(&vec!["i-one"; count]).unwrap();
    let (hundred, more) = (ids(100), ids(101));
    for (site, _) in SITES {
        check(site, ACTION, &[REGION], "RegionId", &[("", "MissingRegionId"), ("cn-shanghai", "-")]);
        let malformed = "InvalidInstanceIds.Malformed";
        check(
            site,
            ACTION,
            &[REGION],
            "InstanceIds",
            &[
                ("", "-"),
                ("[]", "-"),
                (&hundred, "-"),
                (&more, "InvalidParameter.ToManyInstanceIds"),
                ("i-one", malformed),
                ("[1]", malformed),
                ("\"i-one\"", malformed),
                ("[\"i-one\"", malformed),
                ("{}", malformed),
            ],
        );
        for (name, wrong) in [
            ("InstanceChargeType", "InvalidInstanceChargeType.NotFound"),
            ("Status", "InvalidStatus.NotFound"),
            ("LockReason", "InvalidLockReason.NotFound"),
        ] {
            for listed in rules[name].as_array().unwrap() {
                check(site, ACTION, &[REGION], name, &[(listed.as_str().unwrap(), "-")]);
            }
            check(site, ACTION, &[REGION], name, &[("", "-"), ("Other", wrong)]);
        }
        // Both styles of paging; MaxResults is clamped, the rest is refused.
        check(
            site,
            ACTION,
            &[REGION],
            "MaxResults",
            &[
                ("0", "-"),
                ("1", "-"),
                ("100", "-"),
                ("101", "-"),
                ("-1", "-"),
                ("", "-"),
                ("ten", "InvalidMaxResults"),
            ],
        );
        check(
            site,
            ACTION,
            &[REGION],
            "NextToken",
            &[("", "-"), ("abc", "InvalidNextToken"), ("caeba", "InvalidNextToken")],
        );
        check(
            site,
            ACTION,
            &[REGION],
            "PageSize",
            &[
                ("0", "InvalidPageSize"),
                ("1", "-"),
                ("100", "-"),
                ("101", "InvalidPageSize"),
                ("ten", "InvalidPageSize"),
            ],
        );
        check(
            site,
            ACTION,
            &[REGION],
            "PageNumber",
            &[("0", "InvalidPageNumber"), ("1", "-"), ("99999999", "-"), ("-1", "InvalidPageNumber")],
        );
        // The official Python SDKs write `True`.
        let dry_runs = [("true", "DryRunOperation"), ("True", "DryRunOperation"), ("false", "-"), ("", "-")];
        check(site, ACTION, &[REGION], "DryRun", &dry_runs);
        for number in 1..=4 {
            let (key, value) = (format!("Filter.{number}.Key"), format!("Filter.{number}.Value"));
            let word = rules["Filter"][format!("Filter.{number}")].as_str().unwrap();
            let base = [REGION, (key.as_str(), word)];
            check(
                site,
                ACTION,
                &base,
                &value,
                &[
                    ("2026-12-01T00:00Z", "-"),
                    ("2026-12-01T00:00:00Z", "InvalidFilterValue"),
                    ("", "InvalidFilterValue"),
                ],
            );
            check(site, ACTION, &[REGION], &key, &[("OwnerId", "InvalidFilterKey.NotFound")]);
        }
        check(site, ACTION, &[REGION], "Tag.20.Key", &[("env", "-")]);
        check(site, ACTION, &[REGION], "Tag.21.Key", &[("env", "InvalidTagCount")]);
        check(site, ACTION, &[REGION], "Tag.20.Value", &[("prod", "InvalidTag.Mismatch")]);
    }
}

#[test]
fn a_filter_by_tag_or_resource_group_ends_at_a_thousand() {
    let like = "{ region: cn-beijing, expires_in: 9d, tags: { env: prod }, resource_group: rg-1 }";
    let world =
        format!("now: 2026-12-01T02:05:00Z\ngenerate: [{{ count: 1050, id_prefix: i-n, like: {like} }}]");
    let mut client = Client::new(&world);
    let mut total = |own: &[(&str, &str)]| {
        client.call("DescribeInstances", &[&[REGION], own].concat()).1["TotalCount"].clone()
    };
    assert_eq!(total(&[("Tag.1.Key", "env")]), 1000);
    assert_eq!(total(&[("ResourceGroupId", "rg-1")]), 1000);
    assert_eq!(total(&[("InstanceName", "*")]), 1050);
}
