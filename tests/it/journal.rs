//! The journal's format and memory: torn and altered lines, holds and their ends.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use renewctl::ids::{ClientToken, InstanceId, RegionId};
use renewctl::journal::fold::fold;
use renewctl::journal::history::{Deed, End, history};
use renewctl::journal::{ChargeIntent, ChargeOutcome, Journal, Line, Link, Record, VERSION, encode, parse};
use renewctl::live::{Answer, ChargeType, Live, LiveInstance, Status};
use renewctl::plan::HoldCode;
use renewctl::term::Term;
use renewctl::text::Untrusted;

use crate::support::{MemoryJournal, time};

const BEFORE: &str = "2026-12-10T16:00:00Z";
const AFTER: &str = "2027-01-10T16:00:00Z";
const AT: &str = "2026-12-01T02:05:00Z";

fn key() -> (RegionId, InstanceId) {
    (RegionId::parse("cn-beijing").unwrap(), InstanceId::parse("i-one").unwrap())
}

fn token() -> ClientToken {
    renewctl::plan::token::derive(&key().0, &key().1, time(BEFORE), time(AT))
}

fn intent() -> Record {
    let (region, id) = key();
    Record::ChargeIntent(ChargeIntent {
        region,
        id,
        expires_before: time(BEFORE),
        expires_after: time(AFTER),
        term: Term::Months(1),
        token: token(),
        price: Some("CNY 100.00".to_owned()),
    })
}

fn outcome(outcome: ChargeOutcome) -> Record {
    let (region, id) = key();
    Record::ChargeOutcome { region, id, token: token(), outcome }
}

fn acknowledged() -> Record {
    outcome(ChargeOutcome::Acknowledged { order_id: "7".into(), request_id: "R".into() })
}

fn settled() -> Record {
    let (region, id) = key();
    Record::ChargeSettled { region, id, token: token(), expires_at: time(AFTER) }
}

fn line(at: &str, record: Record) -> Line {
    Line { v: VERSION, at: time(at), world: "cloud".into(), run: "r".into(), record }
}

fn lines(records: &[Record]) -> Vec<Line> {
    records.iter().map(|record| line(AT, record.clone())).collect()
}

fn bytes(lines: &[Line]) -> Vec<u8> {
    let (mut all, mut link) = (Vec::new(), Link::default());
    for line in lines {
        let (bytes, next) = encode(line, link).unwrap();
        all.extend(bytes);
        link = next;
    }
    all
}

fn reading(expires_at: &str) -> Live {
    let (region, id) = key();
    let instance = LiveInstance {
        id,
        name: Untrusted::default(),
        region,
        charge_type: ChargeType::Subscription,
        expires_at: time(expires_at),
        status: Status::Running,
        locks: Vec::new(),
        auto_renew: None,
    };
    Live { read_at: time(AT), answers: BTreeMap::from([(key(), Answer::Found(Box::new(instance)))]) }
}

fn hold(lines: &[Line], expires_at: &str, now: DateTime<Utc>) -> Option<(HoldCode, DateTime<Utc>)> {
    let holds = fold(lines, "cloud").holds(&reading(expires_at), now);
    holds.into_values().next().map(|hold| (hold.code, hold.until))
}

#[test]
fn a_written_line_is_read_again() {
    let all = lines(&[intent(), acknowledged(), settled()]);
    let contents = parse(&bytes(&all));
    assert_eq!((contents.lines, contents.torn, contents.damaged), (all, 0, None));
}

#[test]
fn every_hold_ends_by_itself_and_at_once_when_it_shows() {
    let unknown = || outcome(ChargeOutcome::Unknown { error: "lost".into(), foreign: false });
    let not_made = || outcome(ChargeOutcome::NotMade { error: "refused".into() });
    let minutes = TimeDelta::minutes;
    #[allow(clippy::type_complexity, reason = "a table")]
    let cases: Vec<(&str, Vec<Record>, Option<(HoldCode, TimeDelta)>)> = vec![
        ("nothing", vec![], None),
        ("an intent alone", vec![intent()], Some((HoldCode::OutcomeUnknown, minutes(45)))),
        ("unknown", vec![intent(), unknown()], Some((HoldCode::OutcomeUnknown, minutes(45)))),
        ("acknowledged", vec![intent(), acknowledged()], Some((HoldCode::NotMoved, minutes(72 * 60)))),
        ("not made", vec![intent(), not_made()], None),
        (
            "settled, and the reading is older",
            vec![intent(), acknowledged(), settled()],
            Some((HoldCode::OlderReading, minutes(24 * 60))),
        ),
        (
            "sent again after a refusal",
            vec![intent(), not_made(), intent()],
            Some((HoldCode::OutcomeUnknown, minutes(45))),
        ),
    ];
    for (name, records, expected) in cases {
        let all = lines(&records);
        let at = |after: TimeDelta| hold(&all, BEFORE, time(AT) + after);
        assert_eq!(at(TimeDelta::zero()), expected.map(|(code, span)| (code, time(AT) + span)), "{name}");
        if let Some((code, span)) = expected {
            assert!(at(span - minutes(1)).is_some_and(|(found, _)| found == code), "{name}: to the end");
            assert_eq!(at(span), None, "{name}: and no longer");
        }
        assert_eq!(hold(&all, AFTER, time(AT)), None, "{name}: the effect shows");
    }
}

#[test]
fn a_reading_older_than_the_old_expiry_does_not_free_an_instance_in_doubt() {
    let all = lines(&[intent()]);
    assert!(hold(&all, "2026-12-09T16:00:00Z", time(AT)).is_some());
}

#[test]
fn other_worlds_mean_nothing() {
    let all = lines(&[intent()]);
    assert!(fold(&all, "emulator:1").holds(&reading(BEFORE), time(AT)).is_empty());
}

#[test]
fn a_torn_last_line_is_closed_and_marked_and_what_follows_is_read() {
    let storage = Rc::new(MemoryJournal::default());
    let whole = bytes(&lines(&[intent(), acknowledged()]));
    for cut in 0..whole.len() {
        *storage.bytes.borrow_mut() = whole[..cut].to_vec();
        let (journal, _) = Journal::open(storage.clone(), "cloud".into(), "r2".into(), time(AT)).unwrap();
        journal.write(time(AT), settled()).unwrap();
        let contents = parse(&storage.bytes.borrow());
        assert_eq!((contents.damaged, contents.torn), (None, 0), "cut at {cut}");
        assert_eq!(contents.lines.last().unwrap().record, settled(), "cut at {cut}");
        let complete = whole[..cut].split(|byte| *byte == b'\n').count() - 1;
        let intents =
            contents.lines.iter().filter(|line| matches!(line.record, Record::ChargeIntent(_))).count();
        assert!(intents >= complete.min(1), "cut at {cut}: nothing durable is lost");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let whole = bytes(&lines(&[intent(), acknowledged()]));
    for index in 0..whole.len() {
        for bit in 0..8 {
            let mut altered = whole.clone();
            altered[index] ^= 1 << bit;
            let contents = parse(&altered);
            let noticed = contents.damaged.is_some() || contents.torn > 0;
            assert!(
                noticed || contents.lines == lines(&[intent(), acknowledged()]),
                "byte {index} bit {bit}"
            );
        }
    }
}

#[test]
fn a_line_taken_out_moved_or_put_in_again_is_noticed() {
    let all = lines(&[intent(), acknowledged(), settled(), intent()]);
    let texts: Vec<Vec<u8>> =
        bytes(&all).split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let damaged_at = |order: &[usize]| {
        let altered: Vec<u8> = order.iter().flat_map(|index| texts[*index].clone()).collect();
        parse(&altered).damaged.map(|(number, _)| number)
    };
    let cases: [(&[usize], Option<usize>); 9] = [
        (&[0, 1, 2, 1], Some(4)),
        (&[0, 1, 0, 1], Some(3)),
        (&[0, 1, 2, 3], None),
        // Missing at the end: an older copy.
        (&[0, 1], None),
        (&[1, 2, 3], Some(1)),
        (&[0, 2, 3], Some(2)),
        (&[0, 1, 3], Some(3)),
        (&[0, 2, 1, 3], Some(2)),
        (&[3], Some(1)),
    ];
    for (order, expected) in cases {
        assert_eq!(damaged_at(order), expected, "{order:?}");
    }
    // The second line of another journal.
    let mut other = bytes(&lines(&[settled()]));
    other.extend(&texts[1]);
    assert_eq!(parse(&other).damaged.map(|(number, _)| number), Some(2));
    // After one bad line the others are read, so that their holds remain.
    let without: Vec<u8> = [&texts[0], &texts[2], &texts[3]].into_iter().flatten().copied().collect();
    assert_eq!(parse(&without).lines.len(), 3);
}

/// On a file system whose locks do not work, two runs write after the same line.
#[test]
fn a_fork_loses_nothing_and_is_no_damage() {
    let storage = Rc::new(MemoryJournal::default());
    let open = |run: &str| Journal::open(storage.clone(), "cloud".into(), run.into(), time(AT)).unwrap().0;
    let (one, other) = (open("one"), open("other"));
    for journal in [&one, &other, &one, &other, &other] {
        journal.write(time(AT), intent()).unwrap();
    }
    let contents = parse(&storage.bytes.borrow());
    assert_eq!((contents.lines.len(), contents.damaged), (5, None));
}

/// The order of a token exists once it was acknowledged, whatever another run, whose lines stand beside it in
/// a fork, is told when it sends the same token.
#[test]
fn an_acknowledged_order_stays_whatever_another_run_is_told() {
    let not_made = || outcome(ChargeOutcome::NotMade { error: "refused".into() });
    let unknown = || outcome(ChargeOutcome::Unknown { error: "lost".into(), foreign: false });
    for told in [vec![], vec![not_made()], vec![unknown()]] {
        let mut records = vec![intent(), acknowledged(), intent()];
        records.extend(told.clone());
        let held = hold(&lines(&records), BEFORE, time(AT)).map(|(code, _)| code);
        assert_eq!(held, Some(HoldCode::NotMoved), "{told:?}");
        let entries = history(&lines(&records));
        let ends: Vec<&str> = entries
            .iter()
            .map(|entry| if let Deed::Charge { end, .. } = &entry.deed { end.as_str() } else { "?" })
            .collect();
        assert_eq!(ends, ["acknowledged"], "{told:?}");
    }
}

/// A reading is older than what the journal has seen if it is older than the latest of that, in whatever order
/// runs have noted it.
#[test]
fn the_latest_expiry_that_was_seen_is_remembered() {
    let seen = |expires_at: &str| {
        let (region, id) = key();
        Record::ChargeSettled { region, id, token: token(), expires_at: time(expires_at) }
    };
    let later = "2027-02-10T16:00:00Z";
    for order in [[AFTER, later], [later, AFTER]] {
        let all = lines(&order.map(seen));
        for (reading, held) in [(BEFORE, true), (AFTER, true), (later, false)] {
            let code = hold(&all, reading, time(AT)).map(|(code, _)| code);
            assert_eq!(code, held.then_some(HoldCode::OlderReading), "{order:?} {reading}");
        }
    }
}

/// A doubt is over when a later charge for the same need was made, and by nothing else: not by one for another
/// need, nor by one that was not made.
#[test]
fn only_a_charge_that_met_the_need_ends_a_doubt() {
    let unknown = ChargeOutcome::Unknown { error: "lost".into(), foreign: false };
    let made = ChargeOutcome::Acknowledged { order_id: "7".into(), request_id: "R".into() };
    let not_made = ChargeOutcome::NotMade { error: "refused".into() };
    for (before, result, open) in
        [(BEFORE, &made, false), (BEFORE, &not_made, true), (AFTER, &made, true), (AFTER, &not_made, true)]
    {
        let (region, id) = key();
        // A day later: another token.
        let later = renewctl::plan::token::derive(&region, &id, time(before), time("2026-12-02T02:05:00Z"));
        let Record::ChargeIntent(first) = intent() else { panic!() };
        let (expires_before, expires_after) = (time(before), time(before) + TimeDelta::days(31));
        let second = ChargeIntent { expires_before, expires_after, token: later.clone(), ..first };
        let told = Record::ChargeOutcome { region, id, token: later, outcome: result.clone() };
        let all = lines(&[intent(), outcome(unknown.clone()), Record::ChargeIntent(second), told]);
        let pending = fold(&all, "cloud").pending();
        let is_open = pending.iter().any(|pending| pending.intent.token == token());
        assert_eq!(is_open, open, "{before} {result:?}: {pending:?}");
    }
}

#[test]
fn a_newer_version_and_a_foreign_line_are_bad() {
    let mut newer = line(AT, intent());
    newer.v = VERSION + 1;
    for bad in [bytes(&[newer]), b"{}\n".to_vec(), b"\n".to_vec(), b"[1]\n".to_vec()] {
        let mut all = bad;
        all.extend(bytes(&lines(&[intent()])));
        assert!(matches!(parse(&all).damaged, Some((1, _))));
    }
}

/// A last line that is cut off is torn; one that never was a line is damage, at its own number.
#[test]
fn a_last_line_that_never_was_one_is_damage() {
    let good = bytes(&lines(&[intent()]));
    for rest in ["nonsense", "[", " {", "{}"] {
        let contents = parse(&[&good[..], rest.as_bytes()].concat());
        assert_eq!(contents.torn, 0, "{rest}");
        assert!(matches!(contents.damaged, Some((2, _))), "{rest}: {:?}", contents.damaged);
        assert_eq!(contents.lines.len(), 1);
    }
    let cut = &good[..good.len() / 2];
    let contents = parse(&[&good[..], cut].concat());
    assert_eq!((contents.torn, contents.damaged), (cut.len(), None));
}

/// What a run has to look at again: until the hold ends, and not any more from then on.
#[test]
fn a_doubt_ends_at_its_moment() {
    let fold = fold(&lines(&[intent()]), "cloud");
    let until = time(AT) + TimeDelta::minutes(45);
    for (now, held) in
        [(time(AT), 1), (until - TimeDelta::seconds(1), 1), (until, 0), (until + TimeDelta::days(1), 0)]
    {
        assert_eq!(fold.in_doubt(now).len(), held, "{now}");
        assert_eq!(fold.pending().len(), 1);
    }
}

/// More than the effect of a charge shows it, too.
#[test]
fn an_expiry_far_beyond_settles_a_charge() {
    let fold = fold(&lines(&[intent()]), "cloud");
    let shown = |hours| fold.settled_by(|_, _| Some(time(AFTER) + TimeDelta::hours(hours))).len();
    assert_eq!([-25, -24, 0, 24, 25, 24 * 400].map(shown), [0, 1, 1, 1, 1, 1]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }
}

/// A line that tells of a time at the end of the calendar is damage, and nothing breaks off over it.
#[test]
fn a_time_at_the_end_of_the_calendar_is_damage() {
    let far = DateTime::<Utc>::MAX_UTC;
    let (region, id) = key();
    let Record::ChargeIntent(intent) = intent() else { panic!("an intent") };
    let cases = [
        Line { at: far, ..line(AT, Record::ChargeIntent(intent.clone())) },
        line(AT, Record::ChargeIntent(ChargeIntent { expires_before: far, ..intent.clone() })),
        line(AT, Record::ChargeIntent(ChargeIntent { expires_after: far, ..intent })),
        line(AT, Record::ChargeSettled { region, id, token: token(), expires_at: far }),
    ];
    for bad in cases {
        let contents = parse(&bytes(std::slice::from_ref(&bad)));
        assert_eq!(contents.damaged, Some((1, "it tells of a time that cannot be")), "{bad:?}");
        let _ = (fold(&contents.lines, "cloud").in_doubt(time(AT)), history(&contents.lines));
    }
}

/// What another run has seen is not unknown because this one does not know it; what was somebody else's order is
/// not ours because it was seen.
#[test]
fn what_was_seen_stays_seen_in_the_history() {
    let unknown = || outcome(ChargeOutcome::Unknown { error: "x".into(), foreign: true });
    let not_made = || outcome(ChargeOutcome::NotMade { error: "another order renewed it".into() });
    for (records, end) in [
        (vec![intent(), unknown()], "in-doubt"),
        (vec![intent(), settled(), intent(), unknown()], "settled"),
        (vec![intent(), unknown(), settled()], "settled"),
        (vec![intent(), unknown(), settled(), not_made()], "not-made"),
    ] {
        let entries = history(&lines(&records));
        let [renewctl::journal::history::Entry { deed: Deed::Charge { end: found, .. }, .. }] = &entries[..]
        else {
            panic!("{entries:?}");
        };
        assert_eq!(found.as_str(), end, "{records:?}");
        assert_eq!(
            *found == End::InDoubt("x".into()),
            end == "in-doubt",
            "what came back is told: {found:?}"
        );
    }
}
