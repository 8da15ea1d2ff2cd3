//! Deciding, as a function: wanted, live and time in, verdicts out.

mod identity;
mod said;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::desired::DesiredState;
use renewctl::ids::{InstanceId, RegionId};
use renewctl::live::{Answer, ChargeType, Live, LiveInstance, Lock, Quote, Status, Unreadable};
use renewctl::plan::draft::{Draft, Holds, draft};
use renewctl::plan::price::{NoQuote, PriceError, Quotes, price};
use renewctl::plan::step::{Condition, steps};
use renewctl::plan::{Hold, HoldCode, Plan, Verdict, VerdictKind};
use renewctl::term::{LiveAutoRenew, Term};
use renewctl::text::Untrusted;

use crate::support::{desired, time};

/// Eight in the evening in Beijing: outside of all hours in which charges wait.
const NOW: &str = "2026-12-01T12:05:00Z";

fn key(id: &str) -> (RegionId, InstanceId) {
    (RegionId::parse("cn-beijing").unwrap(), InstanceId::parse(id).unwrap())
}

fn live_instance(expires_at: DateTime<Utc>, auto_renew: LiveAutoRenew) -> LiveInstance {
    let (region, id) = key("i-one");
    LiveInstance {
        id,
        name: Untrusted::new("one"),
        region,
        charge_type: ChargeType::Subscription,
        expires_at,
        status: Status::Running,
        locks: Vec::new(),
        auto_renew: Some(Ok(auto_renew)),
    }
}

fn reading(now: DateTime<Utc>, answer: Answer) -> Live {
    Live { read_at: now, answers: BTreeMap::from([(key("i-one"), answer)]) }
}

fn found(instance: LiveInstance) -> Answer {
    Answer::Found(Box::new(instance))
}

/// One instance with the given properties, in a file of its own.
fn file(properties: &str) -> DesiredState {
    file_with("", properties)
}

fn file_with(top: &str, properties: &str) -> DesiredState {
    desired(&format!(
        "version: 1\nregion: cn-beijing\n{top}\ninstances:\n  - {{ id: i-one, {properties} }}\n"
    ))
}

fn quotes(draft: &Draft, currency: &str) -> Quotes {
    draft
        .quotes()
        .into_iter()
        .map(|ask| {
            let amount = format!("100 {currency}").parse().unwrap();
            let quote = Quote { amount, list_amount: 120.into(), quoted_at: draft.evaluated_at };
            (ask, Ok(quote))
        })
        .collect()
}

fn plan_at(desired: &DesiredState, answer: Answer, now: DateTime<Utc>) -> Plan {
    let live = reading(now, answer);
    let draft = draft(desired, &live, now, &Holds::new());
    let quotes = quotes(&draft, "CNY");
    price(desired, draft, &quotes).unwrap()
}

fn plan(desired: &DesiredState, instance: LiveInstance) -> Plan {
    plan_at(desired, found(instance), time(NOW))
}

/// `renew 3mo` or the kind of the verdict; the same for the setting.
fn verdicts(plan: &Plan) -> (String, String) {
    let item = &plan.items[0];
    let renew = match &item.renew {
        None => "-".to_owned(),
        Some(Verdict::Change(renewal)) => renewal.term.term().to_string(),
        Some(Verdict::Held(hold)) => format!("held {}", hold.code.as_str()),
        Some(Verdict::Blocked(block)) => format!("blocked {}", block.code.as_str()),
        Some(Verdict::NoOp) => "no-op".to_owned(),
    };
    let set = match &item.set {
        None => "-".to_owned(),
        Some(Verdict::Change(setting)) => setting.after.to_string(),
        Some(Verdict::Blocked(block)) => format!("blocked {}", block.code.as_str()),
        Some(other) => other.kind().as_str().to_owned(),
    };
    (renew, set)
}

#[test]
fn a_renewal_is_needed_from_the_minute_on_at_which_too_little_is_left() {
    let wants = file("min_remaining: 15d");
    for (left, expected) in [
        (TimeDelta::days(15) + TimeDelta::minutes(1), "no-op"),
        (TimeDelta::days(15), "1mo"),
        (TimeDelta::days(15) - TimeDelta::minutes(1), "1mo"),
        (TimeDelta::minutes(1), "1mo"),
        (TimeDelta::zero(), "1mo"),
        (TimeDelta::days(-14), "1mo"),
        (TimeDelta::days(-14) - TimeDelta::minutes(1), "2mo"),
    ] {
        let plan = plan(&wants, live_instance(time(NOW) + left, LiveAutoRenew::Off));
        assert_eq!(verdicts(&plan).0, expected, "{left}");
    }
    // Seconds of the reading play no part.
    let expiry = time(NOW) + TimeDelta::days(15);
    let plan =
        plan_at(&wants, found(live_instance(expiry, LiveAutoRenew::Off)), time(NOW) + TimeDelta::seconds(59));
    assert_eq!(verdicts(&plan).0, "1mo");
    let plan =
        plan_at(&wants, found(live_instance(expiry, LiveAutoRenew::Off)), time(NOW) - TimeDelta::seconds(1));
    assert_eq!(verdicts(&plan).0, "no-op");
}

#[test]
fn the_term_is_the_shortest_that_serves() {
    let cases = [
        // properties, top, days left, expected
        ("min_remaining: 15d", "", 10, "1mo"),
        ("min_remaining: 15d, renew_period: 3mo", "", 10, "3mo"),
        ("min_remaining: 60d", "", 10, "2mo"),
        // 1 month to 11 January leaves 40 days: not the 40 days and a day that are wanted
        ("min_remaining: 40d", "", 9, "2mo"),
        ("min_remaining: 300d", "", 10, "1y"),
        ("min_remaining: 15d, renew_period: 2w", "", 10, "2w"),
        ("min_remaining: 15d, renew_period: 1w", "", 10, "1w"),
        ("min_remaining: 30d, renew_period: 1w", "", 10, "3w"),
        ("min_remaining: 60d, renew_period: 1w", "", 10, "2mo"),
        ("min_remaining: 15d", "limits: { max_term: 1mo }", 10, "1mo"),
        // even the longest term does not lift an instance that expired long ago
        ("min_remaining: 26d", "limits: { max_term: 1mo }", -14, "1mo"),
        ("min_remaining: 15d", "site: international", 10, "1mo"),
    ];
    for (properties, top, days, expected) in cases {
        let expiry = time("2026-12-01T16:00:00Z") + TimeDelta::days(days);
        let wants = file_with(top, properties);
        let draft = draft(
            &wants,
            &reading(time(NOW), found(live_instance(expiry, LiveAutoRenew::Off))),
            time(NOW),
            &Holds::new(),
        );
        let currency = if top.contains("international") { "USD" } else { "CNY" };
        let quotes = quotes(&draft, currency);
        let plan = price(&wants, draft, &quotes);
        let plan = plan.unwrap();
        let (renew, _) = verdicts(&plan);
        // Weeks cannot be quoted; here every term has a price.
        assert_eq!(renew, expected, "{properties} {top}");
    }
}

#[test]
fn every_setting_against_every_other() {
    let live = [
        LiveAutoRenew::Off,
        LiveAutoRenew::Never,
        LiveAutoRenew::Every(Term::Months(1)),
        LiveAutoRenew::Every(Term::Months(12)),
        LiveAutoRenew::Every(Term::Months(4)),
    ];
    let far = time(NOW) + TimeDelta::days(200);
    for wanted in ["off", "never", "1mo", "1y", "12mo", "1w"] {
        for before in live {
            let plan = plan(&file(&format!("auto_renew: {wanted}")), live_instance(far, before));
            let same =
                Term::parse(wanted).map_or(wanted.to_owned(), |term| term.to_string()) == before.to_string();
            let (renew, set) = verdicts(&plan);
            assert_eq!(renew, "-");
            assert_eq!(set == "no-op", same, "{before} → {wanted}: {set}");
        }
    }
}

#[test]
fn what_blocks_what() {
    let both = "min_remaining: 15d, auto_renew: 1mo";
    let soon = time(NOW) + TimeDelta::days(5);
    let with = |change: fn(&mut LiveInstance)| {
        let mut instance = live_instance(soon, LiveAutoRenew::Off);
        change(&mut instance);
        found(instance)
    };
    let cases: Vec<(&str, Answer, &str, &str)> = vec![
        (
            "pay-as-you-go",
            with(|i| i.charge_type = ChargeType::PayAsYouGo),
            "blocked charge-type",
            "blocked charge-type",
        ),
        (
            "unknown charge type",
            with(|i| i.charge_type = ChargeType::Other(Untrusted::new("x"))),
            "blocked charge-type",
            "blocked charge-type",
        ),
        ("financial lock", with(|i| i.locks.push(Lock::Financial)), "1mo", "1mo"),
        ("security lock", with(|i| i.locks.push(Lock::Security)), "blocked locked", "1mo"),
        ("refunded", with(|i| i.locks.push(Lock::Refunded)), "blocked locked", "1mo"),
        ("host in arrears", with(|i| i.locks.push(Lock::DedicatedHostFinancial)), "blocked locked", "1mo"),
        ("unknown lock", with(|i| i.locks.push(Lock::Other(Untrusted::new("x")))), "1mo", "1mo"),
        ("absent", Answer::Absent, "blocked unknown-instance", "blocked unknown-instance"),
        (
            "unreadable",
            Answer::Unreadable(Unreadable::because("no")),
            "blocked unreadable",
            "blocked unreadable",
        ),
        (
            "setting unreadable",
            with(|i| i.auto_renew = Some(Err(Unreadable::because("no")))),
            "blocked unreadable",
            "blocked unreadable",
        ),
        (
            "expired and security-locked",
            with(|i| {
                i.expires_at = time("2026-11-30T16:00:00Z");
                i.locks.push(Lock::Security);
            }),
            "blocked locked",
            "blocked expired",
        ),
    ];
    for (name, answer, renew, set) in cases {
        let plan = plan_at(&file(both), answer, time(NOW));
        assert_eq!(verdicts(&plan), (renew.to_owned(), set.to_owned()), "{name}");
        assert!(!plan.is_clean(), "{name}");
    }
}

#[test]
fn a_sentinel_date_decides_nothing() {
    let mut instance = live_instance(time("2099-12-31T15:59:00Z"), LiveAutoRenew::Off);
    assert_eq!(verdicts(&plan(&file("min_remaining: 15d"), instance.clone())).0, "no-op");
    instance.charge_type = ChargeType::PayAsYouGo;
    assert_eq!(verdicts(&plan(&file("min_remaining: 15d"), instance)).0, "blocked charge-type");
}

#[test]
fn an_unreadable_setting_does_not_let_an_instance_die() {
    let mut instance = live_instance(time(NOW) + TimeDelta::hours(47), LiveAutoRenew::Off);
    instance.auto_renew = Some(Err(Unreadable::because("no")));
    let plan = plan(&file("min_remaining: 15d"), instance);
    assert_eq!(verdicts(&plan).0, "1mo");
    assert!(plan.items[0].warnings[0].contains("could not be read"));
}

#[test]
fn without_a_price_there_is_no_charge_unless_the_file_allows_it() {
    let instance = live_instance(time(NOW) + TimeDelta::days(5), LiveAutoRenew::Off);
    for (top, renew, unpriced) in
        [("", "blocked no-price", 0), ("limits: { allow_unpriced: true }", "1mo", 1)]
    {
        let wants = file_with(top, "min_remaining: 15d");
        let live = reading(time(NOW), found(instance.clone()));
        let draft = draft(&wants, &live, time(NOW), &Holds::new());
        let cannot = |why: &NoQuote| draft.quotes().into_iter().map(|ask| (ask, Err(why.clone()))).collect();
        let plan = price(&wants, draft.clone(), &cannot(&NoQuote::Unquotable)).unwrap();
        assert_eq!(verdicts(&plan).0, renew);
        assert_eq!(plan.summary().unpriced, unpriced);
        assert!(plan.charge.is_empty());
        // A call that failed says nothing of the price.
        for quotes in [cannot(&NoQuote::Failed { why: "503".to_owned(), hint: None }), Quotes::new()] {
            let plan = price(&wants, draft.clone(), &quotes).unwrap();
            assert_eq!(verdicts(&plan).0, "blocked no-price");
        }
    }
}

#[test]
fn a_setting_goes_when_the_renewal_that_it_needs_goes() {
    let expired = live_instance(time(NOW) - TimeDelta::days(1), LiveAutoRenew::Off);
    let marked = live_instance(time(NOW) + TimeDelta::days(5), LiveAutoRenew::Never);
    for (properties, instance, with, without) in [
        ("min_remaining: 15d, auto_renew: 1mo", expired, "1mo", "blocked expired"),
        ("min_remaining: 15d", marked, "off", "-"),
    ] {
        let wants = file(properties);
        let draft = draft(&wants, &reading(time(NOW), found(instance)), time(NOW), &Holds::new());
        let quotes = quotes(&draft, "CNY");
        assert_eq!(verdicts(&price(&wants, draft.clone(), &quotes).unwrap()).1, with);
        assert_eq!(verdicts(&price(&wants, draft, &Quotes::new()).unwrap()).1, without);
    }
}

#[test]
fn a_quote_in_the_other_sites_currency_stops_the_run() {
    for (site, currency, stops) in [
        ("china", "CNY", false),
        ("china", "USD", true),
        ("international", "USD", false),
        ("international", "CNY", true),
        ("international", "JPY", false),
    ] {
        let wants = file_with(&format!("site: {site}"), "min_remaining: 15d");
        let live =
            reading(time(NOW), found(live_instance(time(NOW) + TimeDelta::days(5), LiveAutoRenew::Off)));
        let draft = draft(&wants, &live, time(NOW), &Holds::new());
        let quotes = quotes(&draft, currency);
        let result = price(&wants, draft, &quotes);
        assert_eq!(matches!(result, Err(PriceError::OtherSite { .. })), stops, "{site} {currency}");
    }
}

#[test]
fn a_hold_comes_before_a_change_and_after_a_block() {
    let hold = Hold { code: HoldCode::OutcomeUnknown, until: time("2026-12-02T00:00:00Z"), text: "x".into() };
    let holds = Holds::from([(key("i-one"), hold)]);
    let wants = file("min_remaining: 15d");
    let mut instance = live_instance(time(NOW) + TimeDelta::days(5), LiveAutoRenew::Off);
    let kind = |instance: &LiveInstance| {
        let live = reading(time(NOW), found(instance.clone()));
        draft(&wants, &live, time(NOW), &holds).items[0].verdict()
    };
    assert_eq!(kind(&instance), VerdictKind::Held);
    instance.locks.push(Lock::Security);
    assert_eq!(kind(&instance), VerdictKind::Blocked);
    instance.locks.clear();
    instance.expires_at = time(NOW) + TimeDelta::days(50);
    assert_eq!(kind(&instance), VerdictKind::NoOp);
}

#[test]
fn who_is_at_risk() {
    let off = LiveAutoRenew::Off;
    let on = LiveAutoRenew::Every(Term::Months(1));
    for (properties, hours, before, at_risk) in [
        ("min_remaining: 15d", 71, off, false),
        ("min_remaining: 24h", 71, off, true),
        ("min_remaining: 24h", 72, off, false),
        ("auto_renew: 1mo", 71, on, true),
        ("auto_renew: 1mo", 73, on, false),
        ("auto_renew: 1mo", 47, off, true),
        ("auto_renew: 1mo", -1, on, true),
        ("auto_renew: off", 10, off, false),
        ("auto_renew: never", 10, LiveAutoRenew::Never, false),
        ("auto_renew: off, min_remaining: 8h", 10, off, true),
        // Named and not let go: nobody renews it, and the plan says so.
        ("min_remaining: none", 10, off, true),
    ] {
        let plan = plan(&file(properties), live_instance(time(NOW) + TimeDelta::hours(hours), before));
        assert_eq!(plan.items[0].at_risk.is_some(), at_risk, "{properties}, {hours} h left");
        assert!(plan.is_clean() || at_risk || plan.has_changes());
    }
}

#[test]
fn what_a_new_setting_commits_to() {
    for (properties, days, at, counts) in [
        // on the ninth day before expiry, at eight in Beijing
        ("auto_renew: 1mo", 60, "2027-01-22T00:00:00Z", false),
        ("auto_renew: 1mo", 15, "2026-12-08T00:00:00Z", true),
        // already within the nine days: tomorrow
        ("auto_renew: 1mo", 5, "2026-12-02T00:00:00Z", true),
        // after a renewal: counted from the new expiry
        ("auto_renew: 1mo, min_remaining: 10d", 5, "2026-12-29T00:00:00Z", false),
    ] {
        let expiry = time("2026-12-01T16:00:00Z") + TimeDelta::days(days);
        let plan = plan(&file(properties), live_instance(expiry, LiveAutoRenew::Off));
        let committed = plan.items[0].committed.as_ref().unwrap();
        assert_eq!((committed.at, committed.counts), (time(at), counts), "{properties} {days}");
        let charges = if plan.items[0].renewal().is_some() { 100 } else { 0 } + if counts { 100 } else { 0 };
        let total: Vec<String> = plan.total().amounts().map(|money| money.to_string()).collect();
        assert_eq!(total, if charges == 0 { vec![] } else { vec![format!("CNY {charges}.00")] });
    }
}

#[test]
fn a_suspended_instance_of_the_international_site_counts_from_the_day_of_renewal() {
    let wants = file_with("site: international", "min_remaining: 15d");
    let mut instance = live_instance(time("2026-11-20T16:00:00Z"), LiveAutoRenew::Off);
    let after = |instance: &LiveInstance| {
        let live = reading(time(NOW), found(instance.clone()));
        draft(&wants, &live, time(NOW), &Holds::new()).items[0].renewal().unwrap().expires_after
    };
    assert_eq!(after(&instance), time("2026-12-20T16:00:00Z"), "still working: from the old expiry");
    instance.status = Status::Stopped;
    assert_eq!(
        after(&instance),
        time("2027-01-01T16:00:00Z"),
        "suspended: from the next midnight in Beijing"
    );
}

#[test]
fn calls_are_put_in_order() {
    let text = "version: 1\nregion: cn-beijing\ninstances:\n  - { id: i-a, min_remaining: 15d, auto_renew: 1mo }\n  - { id: i-b, min_remaining: 15d }\n  - { id: i-c, auto_renew: 1mo }\n  - { id: i-d, min_remaining: 15d, auto_renew: off }\n  - { id: i-e, min_remaining: 15d }\n";
    let wants = desired(text);
    let days = |days| time(NOW) + TimeDelta::days(days);
    let mut live = Live { read_at: time(NOW), answers: BTreeMap::new() };
    for (id, expiry, auto) in [
        ("i-a", days(12), LiveAutoRenew::Off),
        ("i-b", days(11), LiveAutoRenew::Off),
        ("i-c", days(100), LiveAutoRenew::Off),
        ("i-d", days(13), LiveAutoRenew::Every(Term::Months(1))),
        ("i-e", days(10), LiveAutoRenew::Never),
    ] {
        let instance = LiveInstance { id: key(id).1, ..live_instance(expiry, auto) };
        live.answers.insert(key(id), found(instance));
    }
    let draft = draft(&wants, &live, time(NOW), &Holds::new());
    let quotes = quotes(&draft, "CNY");
    let steps = steps(&price(&wants, draft, &quotes).unwrap(), renewctl::plan::step::Beyond::Caps);
    let ids = |ids: &[InstanceId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let charges: Vec<String> = steps.charges.iter().map(|step| step.id.to_string()).collect();
    assert_eq!(charges, ["i-e", "i-b", "i-a", "i-d"], "soonest expiry first");
    let first: Vec<_> =
        steps.first.iter().map(|s| (s.setting.to_string(), ids(&s.ids), s.condition)).collect();
    assert_eq!(
        first,
        [("1mo".into(), "i-c".into(), Condition::None), ("off".into(), "i-e".into(), Condition::None)]
    );
    let last: Vec<_> = steps.last.iter().map(|s| (s.setting.to_string(), ids(&s.ids), s.condition)).collect();
    assert_eq!(
        last,
        [
            ("1mo".into(), "i-a".into(), Condition::NotInDoubt),
            ("off".into(), "i-d".into(), Condition::Settled)
        ]
    );
}
