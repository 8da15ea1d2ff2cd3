//! `recover` and `history`: what the journal remembers, and how it stands now.

use renewctl::ids::{InstanceId, RegionId};
use renewctl::journal::fold::fold;
use renewctl::journal::history::{Deed, End, SettingEnd, history, months};
use renewctl::journal::{ChargeIntent, ChargeOutcome, Line, Record, VERSION};
use renewctl::term::Term;
use serde_json::Value;

use crate::folder::Folder;
use crate::support::time;

const WORLD: &str = "
now: 2026-12-01T12:17:00Z
effect_delay: 3h
instances:
  - { id: i-a, region: cn-beijing, expires_in: 10d, price_per_month: '100.00' }
  - { id: i-b, region: cn-beijing, expires_in: 90d, price_per_month: '100.00' }
";

const FILES: &str = "
version: 1
region: cn-beijing
limits: { max_charge: 500 CNY }
instances:
  - { id: i-a, min_remaining: 30d }
  - { id: i-b, auto_renew: 1mo }
";

const APPLY: &str = "apply --emulator -f renewals.yaml --auto-approve --verify-timeout 10s";

fn folder() -> Folder {
    Folder::of(WORLD, FILES)
}

#[test]
fn what_is_in_doubt_is_recovered_when_it_shows_and_the_ledger_is_told() {
    let folder = folder();
    let none = folder.run("history");
    assert_eq!((none.code, none.out.as_str()), (0, "Nothing was charged or set.\n"));
    let nothing = folder.run("recover --emulator");
    assert_eq!((nothing.code, nothing.out.as_str()), (0, "Nothing is in doubt.\n"), "{nothing:?}");
    assert!(
        nothing.err.contains("the journal .renewctl/journal.jsonl is not there, or empty"),
        "{nothing:?}"
    );

    assert_eq!(folder.run(APPLY).code, 7);
    let held = folder.run("recover --emulator");
    assert_eq!(held.code, 7, "{held:?}");
    let line = "order 234500000001 was acknowledged at 2026-12-01 20:17 +08:00 and its effect has not shown";
    assert!(
        held.out.contains(line)
            && held.out.contains("Until it shows, or 2026-12-04 20:17 +08:00, nothing is sent"),
        "{held:?}"
    );
    assert_eq!(folder.ledger().len(), 1, "nothing was sent");

    folder.run("emulator advance 3h");
    let journal = std::fs::read(folder.path(".renewctl/journal.jsonl")).unwrap();
    let recovered = folder.run("recover --emulator");
    assert_eq!(recovered.code, 0, "{recovered:?}");
    assert!(
        recovered.out.contains("renewed    i-a  cn-beijing  it expires 2027-01-11 20:17 +08:00 now"),
        "{recovered:?}"
    );
    assert_eq!(folder.run("recover --emulator").out, "Nothing is in doubt.\n");
    assert!(std::fs::read(folder.path(".renewctl/journal.jsonl")).unwrap().starts_with(&journal));

    let shown = folder.run("history");
    let text = shown.out.replace(&world(&folder), "WORLD");
    assert_eq!(
        text,
        " when                     instance  region      what                     price  how it stands
 2026-12-01 20:17 +08:00  i-b       cn-beijing  set auto-renew 1mo              set (not real)
 2026-12-01 20:17 +08:00  i-a       cn-beijing  renew 1mo           CNY 100.00  renewed, expires 2027-01-11 20:17 +08:00, order 234500000001 (not real)
2026-12 in WORLD, which is not real: 1 charge, CNY 100.00.
"
    );
    let json: Value = serde_json::from_str(&folder.run("history --format json").out).unwrap();
    assert_eq!(json["months"][0]["charge"][0]["amount"], "100.00");
    assert_eq!(json["entries"][1]["result"], "settled");
    assert_eq!(json["entries"][1]["token"], folder.ledger()[0]["client_token"]);
}

/// What is no subscription any more shows a date that means nothing.
#[test]
fn a_conversion_to_pay_as_you_go_recovers_nothing() {
    let folder = folder();
    assert_eq!(folder.run(APPLY).code, 7);
    let path = folder.path(".renewctl/emulator.json");
    let mut state: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    state["instances"]["i-a"]["charge_type"] = "PostPaid".into();
    std::fs::write(&path, serde_json::to_vec(&state).unwrap()).unwrap();
    let recovered = folder.run("recover --emulator");
    assert_eq!(recovered.code, 7, "{recovered:?}");
    assert!(recovered.out.contains("it is no subscription any more"), "{recovered:?}");
    assert!(!folder.run("history").out.contains("renewed, expires"), "{recovered:?}");
    // It ends by itself, as every doubt does.
    folder.run("emulator advance 73h");
    let over = folder.run("recover --emulator");
    assert_eq!(over.code, 0, "{over:?}");
}

fn world(folder: &Folder) -> String {
    let json: Value = serde_json::from_str(&folder.run("history --format json").out).unwrap();
    json["entries"][0]["world"].as_str().unwrap().to_owned()
}

#[test]
fn recover_tells_other_worlds_locks_and_damage_apart() {
    let folder = folder();
    assert_eq!(folder.run(APPLY).code, 7);
    let other = folder.run("recover --emulator=other.json");
    assert_eq!((other.code, other.out.as_str()), (0, "Nothing is in doubt.\n"), "another world's doubt");
    let json: Value = serde_json::from_str(&folder.run("recover --emulator --format json").out).unwrap();
    assert_eq!(json["charges"][0]["result"], "in-doubt");
    assert_eq!(json["charges"][0]["held_until"], "2026-12-04T12:17Z");

    // Released meanwhile: it stays in doubt, and nobody says that it was renewed.
    folder.run("emulator reset --world world.yaml");
    let path = folder.path(".renewctl/journal.jsonl");
    let bytes = std::fs::read(&path).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    folder.write(".renewctl/journal.jsonl", text.replacen("i-a", "i-x", 1));
    let damaged = folder.run("recover --emulator");
    assert_eq!(damaged.code, 1, "{damaged:?}");
    assert!(damaged.err.contains("its checksum does not fit"), "{damaged:?}");
    let history = folder.run("history");
    assert_eq!(history.code, 1, "{history:?}");
    assert!(
        history.err.contains("is bad") && history.out.contains("i-b"),
        "what can be read is shown: {history:?}"
    );
}

fn line(at: &str, world: &str, record: Record) -> Line {
    Line { v: VERSION, at: time(at), world: world.into(), run: "r".into(), record }
}

fn intent(at: &str, world: &str, price: Option<&str>) -> Line {
    let (region, id) = (RegionId::parse("cn-beijing").unwrap(), InstanceId::parse("i-a").unwrap());
    let before = time("2026-12-10T16:00:00Z");
    let token = renewctl::plan::token::derive(&region, &id, before, time(at));
    let intent = ChargeIntent {
        region,
        id,
        expires_before: before,
        expires_after: time("2027-01-10T16:00:00Z"),
        term: Term::Months(1),
        token,
        price: price.map(str::to_owned),
    };
    line(at, world, Record::ChargeIntent(intent))
}

fn outcome(of: &Line, at: &str, outcome: ChargeOutcome) -> Line {
    let Record::ChargeIntent(intent) = &of.record else { panic!() };
    let (region, id, token) = (intent.region.clone(), intent.id.clone(), intent.token.clone());
    line(at, &of.world, Record::ChargeOutcome { region, id, token, outcome })
}

/// A charge that was lost on one day and made on the next one is one charge, in doubt no more.
#[test]
fn a_need_is_counted_once_whatever_it_took() {
    let (monday, tuesday) = ("2026-11-30T12:17:00Z", "2026-12-01T12:17:00Z");
    let lost = intent(monday, "cloud", Some("CNY 100.00"));
    let unknown =
        outcome(&lost, monday, ChargeOutcome::Unknown { error: "no answer".into(), foreign: false });
    let again = intent(monday, "cloud", Some("CNY 100.00"));
    let next = intent(tuesday, "cloud", Some("CNY 100.00"));
    let order = ChargeOutcome::Acknowledged { order_id: "7".into(), request_id: "R".into() };
    let made = outcome(&next, tuesday, order);
    let elsewhere = intent(tuesday, "emulator:1", None);

    let doubt = [lost.clone(), unknown.clone(), again.clone()];
    let entries = history(&doubt);
    assert_eq!(entries.len(), 1, "one token is one charge");
    assert!(matches!(&entries[0].deed, Deed::Charge { end: End::InDoubt(_), .. }));
    assert_eq!(fold(&doubt, "cloud").pending().len(), 1);

    let all = [lost, unknown, again, next, made, elsewhere];
    let entries = history(&all);
    let ends: Vec<&str> = entries
        .iter()
        .map(|entry| match &entry.deed {
            Deed::Charge { end, .. } => end.as_str(),
            Deed::Setting { .. } => "setting",
        })
        .collect();
    assert_eq!(ends, ["not-made", "acknowledged", "in-doubt"]);
    let months = months(&entries);
    let shown: Vec<String> = months
        .iter()
        .map(|((world, month), sums)| {
            format!("{world} {month} {} {} {}", sums.charges, sums.amount, sums.in_doubt)
        })
        .collect();
    assert_eq!(shown, ["cloud 2026-12 1 CNY 100.00 0", "emulator:1 2026-12 0 nothing 1"]);
    assert_eq!(fold(&all, "cloud").pending().len(), 1, "the one whose effect has not shown");
}

/// An old order that was acknowledged and never showed does not hide a new charge for the same need.
#[test]
fn a_new_doubt_is_not_hidden_by_an_old_order() {
    let (monday, friday) = ("2026-11-30T12:17:00Z", "2026-12-04T12:17:00Z");
    let old = intent(monday, "cloud", None);
    let order = ChargeOutcome::Acknowledged { order_id: "7".into(), request_id: "R".into() };
    let acknowledged = outcome(&old, monday, order);
    let lines = [old, acknowledged, intent(friday, "cloud", None)];
    assert_eq!(fold(&lines, "cloud").in_doubt(time("2026-12-04T12:18:00Z")).len(), 1);
    let ends: Vec<&str> = history(&lines)
        .iter()
        .filter_map(
            |entry| if let Deed::Charge { end, .. } = &entry.deed { Some(end.as_str()) } else { None },
        )
        .collect();
    assert_eq!(ends, ["acknowledged", "in-doubt"]);
}

/// Somebody else's order is never counted as ours, also when a later run sees its effect.
#[test]
fn somebody_elses_order_is_not_in_our_ledger() {
    let at = "2026-12-01T12:17:00Z";
    let sent = intent(at, "cloud", Some("CNY 100.00"));
    let busy =
        outcome(&sent, at, ChargeOutcome::Unknown { error: "LastOrderProcessing".into(), foreign: true });
    let mut lines = vec![sent, busy];
    let shown = time("2027-01-10T16:00:00Z");
    for record in fold(&lines, "cloud").settled_by(|_, _| Some(shown)) {
        lines.push(line(at, "cloud", record));
    }
    let months = months(&history(&lines));
    assert!(months.is_empty(), "{months:?}");
    assert!(fold(&lines, "cloud").pending().is_empty());
}

fn intent_of(name: &str, at: &str) -> Line {
    let mut line = intent(at, "cloud", None);
    let Record::ChargeIntent(intent) = &mut line.record else { panic!() };
    intent.id = InstanceId::parse(name).unwrap();
    intent.token = renewctl::plan::token::derive(&intent.region, &intent.id, intent.expires_before, line.at);
    line
}

/// Each instance has a fate of its own, whatever becomes of its neighbours in the same run.
#[test]
fn neighbours_do_not_answer_for_each_other() {
    let at = "2026-12-01T12:17:00Z";
    let (a, b) = (intent_of("i-a", at), intent_of("i-b", at));
    let order = ChargeOutcome::Acknowledged { order_id: "7".into(), request_id: "R".into() };
    let refused = ChargeOutcome::NotMade { error: "no".into() };
    let lines = [a.clone(), b.clone(), outcome(&b, at, order), outcome(&a, at, refused)];
    let ends = |lines: &[Line]| -> Vec<&str> {
        let end = |entry: &renewctl::journal::history::Entry| match &entry.deed {
            Deed::Charge { end, .. } => end.as_str(),
            Deed::Setting { .. } => "setting",
        };
        history(lines).iter().map(end).collect()
    };
    assert_eq!(ends(&lines), ["not-made", "acknowledged"]);
    // A later charge of another instance tells nothing of a doubt.
    assert_eq!(ends(&lines[..3]), ["in-doubt", "acknowledged"]);
    assert_eq!(fold(&lines[..3], "cloud").pending().len(), 2);
    let months = months(&history(&[lines[0].clone(), lines[1].clone(), lines[2].clone()]));
    let sums = months.values().next().unwrap();
    assert_eq!((sums.charges, sums.unpriced, sums.in_doubt), (1, 1, 1));
}

/// A switch that was forgotten, or a journal of another name, is no all-clear; and what is in doubt weighs more
/// than an output that nobody can read.
#[test]
fn an_all_clear_names_what_it_did_not_look_at() {
    let folder = folder();
    assert_eq!(folder.run(APPLY).code, 7);
    let run = folder.run("recover --emulator=other.json");
    assert_eq!((run.code, run.out.as_str()), (0, "Nothing is in doubt.\n"), "{run:?}");
    assert!(run.err.contains("warning: 1 charge in doubt of emulator:"), "{run:?}");
    let own = folder.run("recover --emulator");
    assert!(own.code == 7 && !own.err.contains("warning"), "{own:?}");
    let typo = folder.run("history --journal typo.jsonl");
    assert!(typo.code == 0 && typo.err.contains("typo.jsonl is not there, or empty"), "{typo:?}");
    folder.write("bad.jsonl", "nothing\nmore\n");
    let bad = folder.run("recover --emulator --journal bad.jsonl");
    assert!(bad.code == 1 && !bad.err.contains("not there"), "{bad:?}");
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let unread = folder.command("recover --emulator").stdout(full.try_clone().unwrap()).status().unwrap();
        assert_eq!(unread.code(), Some(7));
        std::fs::remove_dir_all(folder.path(".renewctl")).unwrap();
        assert_eq!(folder.run("emulator reset --world world.yaml").code, 0);
        let mut command = folder.command(APPLY);
        let apply = command.stdout(full).stderr(std::process::Stdio::piped()).output().unwrap();
        let err = String::from_utf8_lossy(&apply.stderr).into_owned();
        assert!(apply.status.code() == Some(1) && err.contains("Nothing was sent."), "{err}");
        assert!(folder.ledger().is_empty());
    }
}

/// What an apply has read is in the ledger, also where it had nothing to do.
#[test]
fn an_apply_without_changes_notes_what_it_sees() {
    let folder = folder();
    assert_eq!(folder.run(APPLY).code, 7);
    assert!(folder.run("history").out.contains("its effect was not seen yet"));
    folder.run("emulator advance 4h");
    let run = folder.run(APPLY);
    assert_eq!(run.code, 0, "{run:?}");
    let past = folder.run("history");
    assert!(past.out.contains("renewed, expires 2027-01-11"), "{past:?}");
    assert_eq!(folder.run("recover --emulator").out, "Nothing is in doubt.\n");
}

/// The outcome of a setting belongs to the same ids, in the same region, of the same run.
#[test]
fn the_outcome_of_a_setting_finds_its_intent() {
    let at = "2026-12-01T12:17:00Z";
    let (beijing, shanghai) =
        (RegionId::parse("cn-beijing").unwrap(), RegionId::parse("cn-shanghai").unwrap());
    let ids = |names: &[&str]| -> Vec<InstanceId> {
        names.iter().map(|name| InstanceId::parse(name).unwrap()).collect()
    };
    let set = |run: &str, region: &RegionId, names: &[&str]| {
        let record = Record::SettingIntent { region: region.clone(), ids: ids(names), setting: "1mo".into() };
        Line { run: run.into(), ..line(at, "cloud", record) }
    };
    let told = |run: &str, region: &RegionId, names: &[&str], error: Option<&str>| {
        let (region, ids, error) = (region.clone(), ids(names), error.map(str::to_owned));
        let maybe_done = error.as_deref() == Some("lost");
        let record = Record::SettingOutcome { region, ids, request_id: None, error, maybe_done };
        Line { run: run.into(), ..line(at, "cloud", record) }
    };
    let lines = [
        set("one", &beijing, &["i-a"]),
        set("two", &beijing, &["i-a"]),
        set("two", &beijing, &["i-a", "i-b"]),
        set("two", &shanghai, &["i-a"]),
        set("two", &shanghai, &["i-b"]),
        told("two", &beijing, &["i-a"], None),
        told("two", &shanghai, &["i-a"], Some("no")),
        told("two", &shanghai, &["i-b"], Some("lost")),
    ];
    let ends: Vec<SettingEnd> = history(&lines)
        .into_iter()
        .map(|entry| if let Deed::Setting { end, .. } = entry.deed { end } else { panic!() })
        .collect();
    let open = || SettingEnd::Unknown("the journal has no outcome".to_owned());
    let (no, lost) = (SettingEnd::NotSet("no".to_owned()), SettingEnd::Unknown("lost".to_owned()));
    assert_eq!(ends, [open(), SettingEnd::Set, open(), no, lost]);
}
