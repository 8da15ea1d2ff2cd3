//! The name of a plan: two plans with the same name do the same, under the same limits.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use renewctl::live::{LiveInstance, Quote, Unreadable};
use renewctl::plan::draft::{Holds, draft};
use renewctl::plan::price::price;
use renewctl::plan::{Hold, HoldCode};
use renewctl::term::{LiveAutoRenew, Term};
use renewctl::text::Untrusted;

use super::{NOW, found, key, live_instance, reading};
use crate::support::{desired, time};

/// What a plan is made of, as far as it is told apart here.
struct Made {
    limits: &'static str,
    properties: &'static str,
    run_cap: Option<&'static str>,
    price: &'static str,
    change: fn(&mut LiveInstance),
    /// Minutes from the reading to the moment that is decided for.
    later_min: i64,
    held: bool,
}

const BOTH: &str = "min_remaining: 15d, auto_renew: 1mo";

fn made() -> Made {
    Made {
        limits: "max_charge: 500 CNY",
        properties: BOTH,
        run_cap: None,
        price: "100 CNY",
        change: |_| (),
        later_min: 0,
        held: false,
    }
}

fn id(made: &Made) -> String {
    let Made { limits, properties, price: amount, .. } = made;
    let mut desired = desired(&format!(
        "version: 1\nregion: cn-beijing\nlimits: {{ {limits} }}\ninstances:\n  - {{ id: i-one, {properties} }}\n"
    ));
    desired.run_cap = made.run_cap.map(|cap| cap.parse().unwrap());
    let mut instance = live_instance(time(NOW) + TimeDelta::days(5), LiveAutoRenew::Off);
    (made.change)(&mut instance);
    let hold = Hold { code: HoldCode::NotMoved, until: time(NOW), text: String::new() };
    let holds = if made.held { BTreeMap::from([(key("i-one"), hold)]) } else { Holds::new() };
    let now = time(NOW) + TimeDelta::minutes(made.later_min);
    let draft = draft(&desired, &reading(time(NOW), found(instance)), now, &holds);
    let quote = Quote { amount: amount.parse().unwrap(), list_amount: 120.into(), quoted_at: time(NOW) };
    let quotes = draft.quotes().into_iter().map(|ask| (ask, Ok(quote.clone()))).collect();
    price(&desired, draft, &quotes).unwrap().id.as_str().to_owned()
}

#[test]
fn whatever_decides_makes_another_name() {
    let limits = |limits| Made { limits, ..made() };
    let wants = |properties| Made { properties, ..made() };
    let seen = |change| Made { change, ..made() };
    let cases: Vec<(&str, Made)> = vec![
        ("as it is", made()),
        ("for a later moment", Made { later_min: 1, ..made() }),
        ("at another price", Made { price: "100.01 CNY", ..made() }),
        ("another cap", limits("max_charge: 501 CNY")),
        ("no cap", limits("")),
        ("a cap on renewals", limits("max_charge: 500 CNY, max_renewals: 2")),
        ("another longest term", limits("max_charge: 500 CNY, max_term: 9mo")),
        ("more to switch off", limits("max_charge: 500 CNY, max_auto_renew_off: 3")),
        ("without a price", limits("max_charge: 500 CNY, allow_unpriced: true")),
        ("a part of it", limits("max_charge: 500 CNY, when_exceeded: soonest-first")),
        ("a cap of the run", Made { run_cap: Some("500 CNY"), ..made() }),
        ("another cap of the run", Made { run_cap: Some("501 CNY"), ..made() }),
        ("a longer term", wants("min_remaining: 15d, renew_period: 2mo, auto_renew: 1mo")),
        ("another term of auto-renewal", wants("min_remaining: 15d, auto_renew: 2mo")),
        ("no setting", wants("min_remaining: 15d")),
        ("no renewal", wants("auto_renew: 1mo")),
        ("nothing", wants("min_remaining: 1d")),
        ("a minute later", seen(|i| i.expires_at += TimeDelta::minutes(1))),
        ("marked", seen(|i| i.auto_renew = Some(Ok(LiveAutoRenew::Never)))),
        ("on", seen(|i| i.auto_renew = Some(Ok(LiveAutoRenew::Every(Term::Months(3)))))),
        (
            "unknown",
            seen(|i| {
                i.expires_at = time(NOW) + TimeDelta::hours(40);
                i.auto_renew = Some(Err(Unreadable::because("no")));
            }),
        ),
        ("known", seen(|i| i.expires_at = time(NOW) + TimeDelta::hours(40))),
    ];
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for (what, made) in cases {
        assert_eq!(names.insert(id(&made), what), None, "{what}");
    }
}

/// What is not carried out does not name a plan, so that a reviewed one stays the reviewed one.
#[test]
fn what_decides_nothing_leaves_the_name() {
    let seen = |change| Made { change, ..made() };
    assert_eq!(id(&made()), id(&seen(|i| i.name = Untrusted::new("two"))));
    // Held and blocked actions, and none, are all nothing to do.
    let nothing = id(&Made { properties: "min_remaining: 1d", ..made() });
    assert_eq!(nothing, id(&Made { held: true, ..made() }), "held");
    let blocked = seen(|i| i.auto_renew = Some(Err(Unreadable::because("no"))));
    assert_eq!(nothing, id(&blocked), "blocked");
}
