//! The desired-state loader: files that load, files that do not and what is then said.

mod hostile;
mod schema;

use std::fmt::Write as _;
use std::path::Path;
use std::rc::Rc;

use renewctl::config::{Config, Entry, Loaded, MinRemaining, WhenExceeded, load};
use renewctl::desired::DesiredState;
use renewctl::diagnostic::{Diagnostic, Source, render};
use renewctl::term::{Site, Term};
use renewctl::text::is_hostile;

const WIDTH: usize = 100;

fn load_one(bytes: impl AsRef<[u8]>) -> Loaded {
    load(&[(Rc::from("renewals.yaml"), bytes.as_ref().to_vec())])
}

fn shown(loaded: &Loaded) -> String {
    render(&loaded.diagnostics, &loaded.sources, false, WIDTH)
}

/// Loads text that has no errors and no warnings.
fn good(text: &str) -> Config {
    let loaded = load_one(text);
    assert_eq!(shown(&loaded), "");
    loaded.config.unwrap()
}

/// The message for bytes that do not load.
fn bad(bytes: impl AsRef<[u8]>) -> String {
    let loaded = load_one(bytes);
    assert!(loaded.config.is_none());
    check_safe(&loaded);
    shown(&loaded)
}

/// Marks lie within their source, and nothing hostile comes out.
fn check_safe(loaded: &Loaded) {
    for mark in loaded.diagnostics.iter().flat_map(|one| &one.marks) {
        let text = &loaded.sources[mark.source].text;
        assert!(mark.bytes.start <= mark.bytes.end && mark.bytes.end <= text.len(), "{mark:?}");
        assert!(text.get(mark.bytes.clone()).is_some(), "{mark:?}");
    }
    assert!(loaded.diagnostics.iter().all(|one| !one.marks.is_empty()));
    assert!(!shown(loaded).chars().any(|c| c != '\n' && is_hostile(c)));
    assert_eq!(loaded.config.is_some(), !shown(loaded).contains("error"));
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

#[test]
fn valid_files_load() {
    let files = files("valid");
    assert!(files.len() >= 20);
    for (name, bytes) in files {
        let loaded = load_one(&bytes);
        assert_eq!(shown(&loaded), "", "{name}");
        assert!(!loaded.config.unwrap().files[0].entries.is_empty(), "{name}");
    }
}

/// Each snapshot is what a person reads.
#[test]
fn invalid_files_are_explained() {
    let files = files("invalid");
    assert!(files.len() >= 60);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../config/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, bytes) in files {
            let message = bad(&bytes);
            assert!(message.contains("= help: "), "{name} does not say what to type");
            insta::assert_snapshot!(name, message);
        }
    });
}

/// An entry in one line.
fn line(entry: &Entry) -> String {
    let mut out = format!("{} {} {}", entry.id, entry.region, entry.place);
    if let Some(name) = &entry.name {
        write!(out, " name={:?}@{}:{}", name.value, name.place.line, name.place.column).unwrap();
    }
    if let Some(asked) = &entry.auto_renew {
        write!(out, " auto_renew={}@{}:{}", asked.value, asked.place.line, asked.place.column).unwrap();
    }
    if let Some(asked) = &entry.min_remaining {
        let value = match asked.value {
            MinRemaining::None => "none".to_owned(),
            MinRemaining::AtLeast(lifetime) => lifetime.to_string(),
        };
        write!(out, " min_remaining={value}@{}:{}", asked.place.line, asked.place.column).unwrap();
    }
    write!(out, " renew_period={}", entry.renew_period.term()).unwrap();
    out
}

fn lines(config: &Config) -> String {
    let entries = config.files.iter().flat_map(|file| &file.entries);
    entries.map(line).collect::<Vec<_>>().join("\n")
}

fn valid(name: &str) -> Config {
    let (_, bytes) = files("valid").into_iter().find(|(file, _)| file == name).unwrap();
    good(std::str::from_utf8(&bytes).unwrap())
}

#[test]
fn an_entry_beats_the_defaults() {
    insta::assert_snapshot!(lines(&valid("defaults")), @"
    i-a1 cn-beijing renewals.yaml:6 auto_renew=1mo@4:13 min_remaining=15d@4:30 renew_period=1mo
    i-a2 cn-beijing renewals.yaml:7 auto_renew=1mo@4:13 min_remaining=45d@8:5 renew_period=1mo
    i-a3 cn-beijing renewals.yaml:9 auto_renew=off@10:5 min_remaining=15d@4:30 renew_period=3mo
    ");
    insta::assert_snapshot!(lines(&valid("never-drops-default")), @"
    i-a1 cn-beijing renewals.yaml:5 auto_renew=never@5:17 renew_period=1mo
    i-a2 cn-beijing renewals.yaml:6 min_remaining=15d@3:13 renew_period=1mo
    ");
    insta::assert_snapshot!(lines(&valid("off-is-text")), @r#"
    i-a1 cn-beijing renewals.yaml:5 auto_renew=off@5:17 renew_period=1mo
    i-a2 cn-beijing renewals.yaml:6 auto_renew=off@6:17 renew_period=1mo
    i-a3 cn-beijing renewals.yaml:7 name="no"@7:17 auto_renew=never@7:27 renew_period=1mo
    "#);
    insta::assert_snapshot!(lines(&valid("names")), @r#"
    i-a1 cn-beijing renewals.yaml:4 name="123"@4:17 auto_renew=1mo@4:30 renew_period=1mo
    i-a2 cn-beijing renewals.yaml:5 name="网站 一"@5:17 auto_renew=1mo@5:29 renew_period=1mo
    i-a3 cn-beijing renewals.yaml:6 name="a: b # c"@6:17 auto_renew=1mo@6:35 renew_period=1mo
    "#);
}

#[test]
fn limits_are_read() {
    let limits = valid("limits").files.remove(0).limits;
    let charge = limits.max_charge.unwrap();
    assert_eq!(charge.value.to_string(), "CNY 5,000.00");
    assert_eq!((charge.place.line, charge.place.column), (4, 3));
    assert_eq!(limits.max_renewals.unwrap().value, 20);
    assert_eq!(limits.max_term, Term::Months(24));
    assert_eq!(limits.max_auto_renew_off, 0);
    assert!(limits.allow_unpriced);
}

#[test]
fn limits_have_defaults() {
    let limits = valid("minimal").files.remove(0).limits;
    assert_eq!((limits.max_charge, limits.max_renewals), (None, None));
    assert_eq!((limits.max_term, limits.max_auto_renew_off), (Term::Months(12), 10));
    assert!(!limits.allow_unpriced);
}

#[test]
fn a_file_carries_its_account_and_what_is_done_beyond_its_limits() {
    let file = valid("account").files.remove(0);
    let account = file.account.unwrap();
    assert_eq!(
        (account.value.as_str(), account.place.to_string().as_str()),
        ("1234567890123456", "renewals.yaml:3")
    );
    assert_eq!(account.place.column, 1);
    assert_eq!(file.limits.when_exceeded, WhenExceeded::SoonestFirst);
    for name in ["minimal", "when-exceeded-refuse"] {
        let file = valid(name).files.remove(0);
        assert_eq!((file.account, file.limits.when_exceeded), (None, WhenExceeded::Refuse), "{name}");
    }
    let desired = DesiredState::from(valid("account"));
    assert_eq!(desired.files[0].account.as_ref().unwrap().value.as_str(), "1234567890123456");
    assert_eq!(desired.files[0].limits.when_exceeded, WhenExceeded::SoonestFirst);
    assert_eq!(desired.files[0].site, Site::China);
    assert_eq!(DesiredState::from(valid("site-international")).files[0].site, Site::International);
}

fn for_account(path: &str, account: &str, id: &str) -> (Rc<str>, Vec<u8>) {
    let account = if account.is_empty() { String::new() } else { format!("account: \"{account}\"\n") };
    let text =
        format!("version: 1\nregion: cn-beijing\n{account}instances:\n  - {{ id: {id}, auto_renew: 1mo }}\n");
    (Rc::from(path), text.into_bytes())
}

#[test]
fn the_files_of_a_run_are_for_one_account() {
    let same = [("", "i-a1"), ("111", "i-a2"), ("111", "i-a3"), ("", "i-a4")];
    let files: Vec<_> = same.iter().map(|(account, id)| for_account(id, account, id)).collect();
    assert!(load(&files).config.is_some());
    let files = [
        for_account("a.yaml", "", "i-a1"),
        for_account("b.yaml", "111", "i-a2"),
        for_account("c.yaml", "222", "i-a3"),
        for_account("d.yaml", "111", "i-a4"),
        for_account("e.yaml", "0111", "i-a5"),
    ];
    let loaded = load(&files);
    assert!(loaded.config.is_none());
    check_safe(&loaded);
    insta::assert_snapshot!(shown(&loaded), @r#"
    error: the files are for two accounts, 111 and 222
     --> c.yaml:3:10
      |
    3 | account: "222"
      |          ^^^^^ another one
      |
     ::: b.yaml:3:10
      |
    3 | account: "111"
      |          ----- first here
      |
      = note: a run has one key, and a key belongs to one account
      = help: run the files of each account by themselves, or correct `account`

    error: the files are for two accounts, 111 and 0111
     --> e.yaml:3:10
      |
    3 | account: "0111"
      |          ^^^^^^ another one
      |
     ::: b.yaml:3:10
      |
    3 | account: "111"
      |          ----- first here
      |
      = note: a run has one key, and a key belongs to one account
      = help: run the files of each account by themselves, or correct `account`

    2 errors in 2 files
    "#);
}

#[test]
fn a_file_carries_its_digest() {
    let text = "version: 1\nregion: cn-beijing\ninstances: [{ id: i-a1, auto_renew: off }]\n";
    let file = good(text).files.remove(0);
    assert_eq!(&*file.path, "renewals.yaml");
    // printf '…' | sha256sum
    insta::assert_snapshot!(file.sha256, @"e756acbf853b9de14ae779f9f253617276f3ffca7e7dcabb2a79d4b528690c10");
}

#[test]
fn all_errors_of_all_files_come_in_order() {
    let entry = "version: 1\nregion: cn-beijing\ninstances:\n  - { id: i-a1, auto_renew: 1mo }\n";
    let files = [
        (Rc::from("b.yaml"), format!("{entry}  - {{ id: i-a1, auto_renew: 5mo }}\n").into_bytes()),
        (Rc::from("broken.yaml"), b"version: [1".to_vec()),
        (Rc::from("a.yaml"), format!("{entry}limits: {{ max_charge: 5 USD }}\n").into_bytes()),
    ];
    let loaded = load(&files);
    assert!(loaded.config.is_none());
    insta::assert_snapshot!(shown(&loaded), @"
    error: the instance i-a1 is asked for twice
     --> b.yaml:5:11
      |
    4 |   - { id: i-a1, auto_renew: 1mo }
      |           ---- first here
    5 |   - { id: i-a1, auto_renew: 5mo }
      |           ^^^^ again
      |
      = note: an instance id is unique in all regions, and an instance has one desired state
      = help: remove one of the two entries

    error: `auto_renew: 5mo` is not a term that auto-renewal can be set to
     --> b.yaml:5:29
      |
    5 |   - { id: i-a1, auto_renew: 5mo }
      |                             ^^^ not on offer
      |
      = note: on the china site auto-renewal can be 1mo, 2mo, 3mo, 6mo, 1y, 2y, 3y, 4y, 5y, 1w, 2w, 3w, 4w
      = help: write `auto_renew: 6mo`

    error: a bracket or brace does not fit
     --> broken.yaml:1:11
      |
    1 | version: [1
      |           ^
      |
      = note: inside `[…]` and `{…}` the parts are separated by commas, and what is opened is closed
      = help: add the missing `,`, `]` or `}`, or write the entry on several lines without brackets

    error: the instance i-a1 is asked for twice
     --> a.yaml:4:11
      |
    4 |   - { id: i-a1, auto_renew: 1mo }
      |           ^^^^ again
      |
     ::: b.yaml:4:11
      |
    4 |   - { id: i-a1, auto_renew: 1mo }
      |           ---- first here
      |
      = note: an instance id is unique in all regions, and an instance has one desired state
      = help: remove one of the two entries

    warning: the china site does not sell in USD
     --> a.yaml:5:23
      |
    5 | limits: { max_charge: 5 USD }
      |                       ^^^^^
      |
      = note: a limit holds for its own currency only, and prices on the china site are in CNY
      = help: write the amount in CNY, or `site: international` if that is where the account belongs

    4 errors and 1 warning in 3 files
    ");
}

#[test]
fn a_warning_does_not_stop() {
    let text = "version: 1\nregion: cn-beijing\nlimits: { max_charge: 5 USD }\ninstances: [{ id: i-a1, auto_renew: off }]\n";
    let loaded = load_one(text);
    assert!(loaded.config.is_some());
    insta::assert_snapshot!(shown(&loaded), @"
    warning: the china site does not sell in USD
     --> renewals.yaml:3:23
      |
    3 | limits: { max_charge: 5 USD }
      |                       ^^^^^
      |
      = note: a limit holds for its own currency only, and prices on the china site are in CNY
      = help: write the amount in CNY, or `site: international` if that is where the account belongs

    1 warning in renewals.yaml
    ");
}

#[test]
fn ten_thousand_instances_fit() {
    let mut text = String::from("version: 1\nregion: cn-beijing\ninstances:\n");
    for number in 0..10_000 {
        writeln!(
            text,
            "  - id: i-bp{number:018}\n    name: web-{number}\n    auto_renew: 3mo\n    min_remaining: 45d\n    renew_period: 1mo"
        )
        .unwrap();
    }
    let config = good(&text);
    let last = config.files[0].entries.last().unwrap();
    assert_eq!(last.min_remaining.as_ref().unwrap().place.line, 3 + 50_000 - 1);
}

#[test]
fn colour_is_only_added_on_request() {
    let loaded = load_one("version: 2");
    let color = render(&loaded.diagnostics, &loaded.sources, true, WIDTH);
    assert!(color.contains("\u{1b}[") && !shown(&loaded).contains('\u{1b}'));
    assert_eq!(render(&[], &[], true, WIDTH), "");
}

#[test]
fn places_count_characters() {
    let source = Source::new("a", "ab\r\n网站x\n\nlast");
    let place = |byte| {
        let place = source.place(byte);
        (place.line, place.column)
    };
    assert_eq!([0, 1, 4, 7, 10].map(place), [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]);
    assert_eq!([12, 13, 17, 99].map(place), [(3, 1), (4, 1), (4, 5), (4, 5)]);
    let long = Source::new("a", "é".repeat(2_000));
    assert_eq!((long.place(2_048).column, long.place(4_000).column, long.place(3).column), (1_025, 2_001, 2));
    let full = Source::new("a", "x".repeat(1_024));
    assert_eq!(full.place(1_024).column, 1_025);
}

#[test]
fn a_diagnostic_needs_no_place() {
    let lone = Diagnostic::warning("no file was found").help("name one with `-f`");
    insta::assert_snapshot!(render(&[lone], &[], false, WIDTH), @"
    warning: no file was found
     |
     = help: name one with `-f`

    1 warning
    ");
}
