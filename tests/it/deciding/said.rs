//! What people read beside a verdict, shown whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::live::{Answer, ChargeType, Live, LiveInstance, Lock, Unreadable};
use renewctl::plan::draft::{Holds, draft};
use renewctl::plan::price::price;
use renewctl::plan::{Block, Verdict};
use renewctl::term::{LiveAutoRenew, Term};
use renewctl::text::Untrusted;

use super::{NOW, file, found, key, live_instance, quotes, reading};
use crate::support::{desired, time};

/// What people read beside a verdict: why, what they can do, and warnings.
#[test]
fn what_is_said_beside_a_verdict() {
    let both = "min_remaining: 15d, auto_renew: 1mo";
    let left = |minutes: i64, change: fn(&mut LiveInstance)| {
        let mut instance = live_instance(time(NOW) + TimeDelta::minutes(minutes), LiveAutoRenew::Off);
        change(&mut instance);
        found(instance)
    };
    let soon = |change| left(5 * 1440, change);
    let weeks_late = time(NOW) + TimeDelta::days(20);
    let cases: Vec<(&str, &str, Answer, DateTime<Utc>)> = vec![
        ("the name is the same", "min_remaining: 15d, name: one", soon(|_| ()), time(NOW)),
        ("the name is another", "min_remaining: 15d, name: \"two\\n\"", soon(|_| ()), time(NOW)),
        ("absent", both, Answer::Absent, time(NOW)),
        ("unreadable", both, Answer::Unreadable(Unreadable::because("no")), time(NOW)),
        ("pay-as-you-go", both, soon(|i| i.charge_type = ChargeType::PayAsYouGo), time(NOW)),
        ("recycling", both, soon(|i| i.locks.push(Lock::Recycling)), time(NOW)),
        ("an unknown lock", both, soon(|i| i.locks.push(Lock::Other(Untrusted::new("x\n")))), time(NOW)),
        ("financial", both, soon(|i| i.locks.push(Lock::Financial)), time(NOW)),
        (
            "security",
            "min_remaining: 15d, auto_renew: off",
            {
                soon(|i| {
                    i.locks.push(Lock::Security);
                    i.auto_renew = Some(Ok(LiveAutoRenew::Every(Term::Months(1))));
                })
            },
            time(NOW),
        ),
        ("a minute left", both, left(1, |_| ()), time(NOW)),
        ("expires now", both, left(0, |_| ()), time(NOW)),
        ("expired", both, left(-61, |_| ()), time(NOW)),
        ("by then it is gone", both, soon(|_| ()), weeks_late),
        (
            "setting unreadable",
            both,
            left(60, |i| i.auto_renew = Some(Err(Unreadable::because("no")))),
            time(NOW),
        ),
        ("longer than can be bought", "min_remaining: 364d", left(-10 * 1440, |_| ()), time(NOW)),
    ];
    let mut shown = String::new();
    for (name, properties, answer, now) in cases {
        let desired = file(properties);
        let live = reading(time(NOW), answer);
        let draft = draft(&desired, &live, now, &Holds::new());
        let item = &price(&desired, draft.clone(), &quotes(&draft, "CNY")).unwrap().items[0];
        writeln!(shown, "{name}").unwrap();
        let said = |block: &Block| format!("{}; {}", block.text, block.hint);
        for (what, said) in [
            (
                "renew",
                item.renew
                    .as_ref()
                    .and_then(|it| if let Verdict::Blocked(block) = it { Some(said(block)) } else { None }),
            ),
            (
                "set",
                item.set
                    .as_ref()
                    .and_then(|it| if let Verdict::Blocked(block) = it { Some(said(block)) } else { None }),
            ),
            ("at risk", item.at_risk.clone()),
        ] {
            if let Some(said) = said {
                writeln!(shown, "  {what}: {said}").unwrap();
            }
        }
        for warning in &item.warnings {
            writeln!(shown, "  warning: {warning}").unwrap();
        }
    }
    // Another instance of the region that was seen says that the region and the right are not the reason.
    let two = desired(
        "version: 1\nregion: cn-beijing\ninstances:\n  - { id: i-one, min_remaining: 15d }\n  - { id: i-two, min_remaining: 15d }\n",
    );
    let answers = BTreeMap::from([(key("i-one"), soon(|_| ())), (key("i-two"), Answer::Absent)]);
    let draft = draft(&two, &Live { read_at: time(NOW), answers }, time(NOW), &Holds::new());
    let Some(Verdict::Blocked(block)) = &draft.items[1].renew else { panic!("{:?}", draft.items[1]) };
    writeln!(shown, "absent beside one that was seen\n  renew: {}; {}", block.text, block.hint).unwrap();
    insta::assert_snapshot!(shown);
}
