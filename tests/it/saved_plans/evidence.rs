//! What a saved plan was decided from is believed only within the calendar that plans are made in: times
//! beyond it could not be computed with.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::desired::Selection;
use renewctl::ids::{InstanceId, RegionId};
use renewctl::live::{Answer, ChargeType, Live, LiveInstance, Quote, Status};
use renewctl::plan::draft::draft;
use renewctl::plan::file::{Evidence, FileError, Inputs, SourceText, plan, read};
use renewctl::plan::{Hold, HoldCode};
use renewctl::term::LiveAutoRenew;
use renewctl::text::Untrusted;

use crate::support::{desired, time};

const FILE: &str = "version: 1\nregion: cn-beijing\ninstances:\n  - { id: i-a, min_remaining: 15d }\n  - { id: i-b, auto_renew: off }\n";

/// The times of a plan of one renewal and one held setting.
#[derive(Clone, Copy)]
struct Times {
    read_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    held_until: DateTime<Utc>,
    quoted_at: DateTime<Utc>,
}

/// A saved plan, whole and with the digest and the id that belong to it.
fn saved(times: Times) -> Vec<u8> {
    let region = RegionId::parse("cn-beijing").unwrap();
    let key = |id: &str| (region.clone(), InstanceId::parse(id).unwrap());
    let instance = |id: &str, expires_at| {
        Answer::Found(Box::new(LiveInstance {
            id: key(id).1,
            name: Untrusted::new("one"),
            region: region.clone(),
            charge_type: ChargeType::Subscription,
            expires_at,
            status: Status::Running,
            locks: Vec::new(),
            auto_renew: Some(Ok(LiveAutoRenew::Never)),
        }))
    };
    let answers = BTreeMap::from([
        (key("i-a"), instance("i-a", times.expires_at)),
        (key("i-b"), instance("i-b", time("2026-12-30T16:00:00Z"))),
    ]);
    let live = Live { read_at: times.read_at, answers };
    let hold = Hold { code: HoldCode::NotMoved, until: times.held_until, text: String::new() };
    let holds = BTreeMap::from([(key("i-b"), hold)]);
    let desired = desired(FILE);
    let draft = draft(&desired, &live, times.read_at, &holds);
    let amount = "100 CNY".parse().unwrap();
    let quote = Quote { amount, list_amount: 120.into(), quoted_at: times.quoted_at };
    let quotes = draft.quotes().into_iter().map(|ask| (ask, Ok(quote.clone()))).collect();
    let evidence = Evidence::new(&[], &live, &holds, &quotes);
    let made = plan(&desired, draft, &quotes, &[], &live).unwrap();
    let sources = vec![SourceText { path: "renewals.yaml".into(), text: FILE.to_owned() }];
    let inputs = Inputs { sources, selection: Selection::default(), max_charge: None, evidence };
    let (inputs, digest) = inputs.encode().unwrap();
    format!(
        r#"{{"format_version":"1.0","plan_id":"{}","world":"cloud","inputs_sha256":"{digest}","inputs":{}}}"#,
        made.id,
        inputs.get()
    )
    .into_bytes()
}

#[test]
fn times_beyond_the_calendar_are_no_evidence() {
    let at = time("2026-12-01T12:17:00Z");
    let sound = Times {
        read_at: at,
        expires_at: at + TimeDelta::days(5),
        held_until: at + TimeDelta::days(3),
        quoted_at: at,
    };
    let taken = read(&saved(sound)).unwrap();
    assert!(taken.plan.items[0].renewal().is_some() && taken.plan.items[1].set.is_some());
    for (year, is_sound) in [(1969, false), (1970, true), (2200, true), (2201, false)] {
        let far: DateTime<Utc> = format!("{year}-06-01T00:00:00Z").parse().unwrap();
        for (name, times) in [
            ("read", Times { read_at: far, ..sound }),
            ("expires", Times { expires_at: far, ..sound }),
            ("held", Times { held_until: far, ..sound }),
            ("quoted", Times { quoted_at: far, ..sound }),
        ] {
            let read = read(&saved(times));
            let told = matches!(read, Err(FileError::Differs(_)));
            assert_eq!(told, !is_sound, "{name} {year}: {read:?}");
        }
    }
}
