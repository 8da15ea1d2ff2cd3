//! The desired-state loader: files that load, files that do not and what is then said, hostile bytes.

use std::fmt::Write as _;
use std::path::Path;
use std::rc::Rc;

use proptest::prelude::*;
use renewctl::config::{Config, Entry, Loaded, MinRemaining, load};
use renewctl::diagnostic::{Diagnostic, Source, render};
use renewctl::term::Term;
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
        assert!(mark.bytes.start <= mark.bytes.end && mark.bytes.end <= text.len().max(3), "{mark:?}");
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
    assert!(files.len() >= 12);
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
    assert!(files.len() >= 45);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../config/snapshots");
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
    insta::assert_snapshot!(lines(&valid("defaults")), @"");
    insta::assert_snapshot!(lines(&valid("never-drops-default")), @"");
    insta::assert_snapshot!(lines(&valid("off-is-text")), @"");
    insta::assert_snapshot!(lines(&valid("names")), @"");
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
fn a_file_carries_its_digest() {
    let text = "version: 1\nregion: cn-beijing\ninstances: [{ id: i-a1, auto_renew: off }]\n";
    let file = good(text).files.remove(0);
    assert_eq!(&*file.path, "renewals.yaml");
    // printf '…' | sha256sum
    insta::assert_snapshot!(file.sha256, @"");
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
    insta::assert_snapshot!(shown(&loaded), @"");
}

#[test]
fn a_warning_does_not_stop() {
    let text = "version: 1\nregion: cn-beijing\nlimits: { max_charge: 5 USD }\ninstances: [{ id: i-a1, auto_renew: off }]\n";
    let loaded = load_one(text);
    assert!(loaded.config.is_some());
    insta::assert_snapshot!(shown(&loaded), @"");
}

#[test]
fn byte_order_mark_and_crlf_are_accepted() {
    let text =
        "\u{feff}version: 1\r\nregion: cn-beijing\r\ninstances:\r\n  - id: i-a1\r\n    auto_renew: 1mo\r\n";
    insta::assert_snapshot!(lines(&good(text)), @"");
    insta::assert_snapshot!(bad(text.replace("1mo", "4mo")), @"");
}

#[test]
fn not_utf8() {
    insta::assert_snapshot!(bad(b"version: 1\nname: caf\xe9\n"), @"");
    insta::assert_snapshot!(bad(b"\xff\xfev\0e\0r\0s\0"), @"");
}

#[test]
fn nul_and_controls() {
    insta::assert_snapshot!(bad(b"version: 1\nregion: \0\n"), @"");
    insta::assert_snapshot!(bad("version: 1\nregion: \"a\u{202e}b\"\nna\u{1b}[31mme: x\ninstances: []\n"), @"");
}

#[test]
fn hostile_names_are_kept_but_not_printed() {
    let name = "web\u{202e}1";
    let text = format!(
        "version: 1\nregion: cn-beijing\ninstances:\n  - {{ id: i-a1, name: \"{name}\", auto_renew: 1mo }}\n"
    );
    assert_eq!(good(&text).files[0].entries[0].name.as_ref().unwrap().value, name);
    insta::assert_snapshot!(bad(text.replace("1mo", "4mo")), @"");
    let path: Rc<str> = Rc::from("a\u{1b}[2J.yaml");
    let loaded = load(&[(path, b"a".to_vec())]);
    check_safe(&loaded);
    assert!(shown(&loaded).contains(r"a\u{1b}[2J.yaml:1:1"));
}

#[test]
fn deep_nesting_ends_early() {
    let deep = |open: &str, times: usize| bad(open.repeat(times));
    insta::assert_snapshot!(deep("[", 100_000), @"");
    for open in
        ["[", "{", "- ", "? ", "{a: ", "[{a: ", "!a ", "&a ", "'", "\"", "-\n", "a:\n ", "*a ", "}", "%"]
    {
        for times in [33, 10_000, 50_000] {
            deep(open, times);
        }
    }
    let block: String = (0..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(bad(block).contains("error: the nesting is too deep"));
}

#[test]
fn a_bomb_of_aliases_does_not_go_off() {
    let mut bomb = String::from("a0: &a0 [x, x]\n");
    for level in 1..30 {
        let refs = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{refs}]").unwrap();
    }
    let message = bad(&bomb);
    assert!(message.contains("error: anchors are not allowed"));
    assert!(message.contains("error: aliases are not allowed"));
}

#[test]
fn huge_things_are_refused() {
    insta::assert_snapshot!(bad(format!("version: {}", "9".repeat(100_000))), @"");
    insta::assert_snapshot!(bad(vec![b' '; (16 << 20) + 1]), @"");
    let errors = bad("- &a x\n".repeat(5_000));
    assert!(errors.contains("error: too many errors in this file"));
    assert!(errors.ends_with("1,001 errors in renewals.yaml\n"));
}

#[test]
fn long_lines_are_cut() {
    let text = |pad: usize| format!("{{ version: 1,{} region: X, instances: [] }}", " ".repeat(pad));
    insta::assert_snapshot!(bad(text(300)), @"");
    insta::assert_snapshot!(bad(text(100_000)), @"");
    let long = format!("version: 1 # {}", "网".repeat(50_000));
    assert!(bad(long).lines().all(|line| line.chars().count() <= 200));
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
    insta::assert_snapshot!(render(&[lone], &[], false, WIDTH), @"");
}

/// A valid file with every key of this version.
const FULL: &str = "version: 1\nregion: cn-beijing\nsite: china\ndefaults: { auto_renew: 1mo, min_remaining: 15d }\nlimits:\n  max_charge: 5000 CNY\n  max_renewals: 20\n  max_term: 12mo\n  max_auto_renew_off: 3\n  allow_unpriced: false\ninstances:\n  - id: i-a1\n    name: 网站\n    renew_period: 1mo\n  - { id: i-b1, region: cn-shanghai, auto_renew: never }\n";

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        check_safe(&load_one(bytes));
    }

    #[test]
    fn any_text_of_signs_is_answered(text in r"([ \t\n\r\-:?,\[\]{}#&*!|>'%@`\\é网a1~<\x00\u{feff}]|\PC){0,120}") {
        check_safe(&load_one(text));
    }

    #[test]
    fn any_mutation_is_answered(
        cuts in proptest::collection::vec((0..FULL.len(), 0..12usize, r"[ \t\n\-:?,\[\]{}#&*!|>'%~<a-z0-9é]{0,6}"), 1..6),
    ) {
        let mut text = FULL.to_owned();
        for (at, length, new) in cuts {
            let at = text.floor_char_boundary(at);
            let end = text.floor_char_boundary(at + length);
            text.replace_range(at..end, &new);
        }
        let loaded = load_one(&text);
        check_safe(&loaded);
        prop_assert_eq!(loaded.config.is_none(), loaded.diagnostics.iter().any(|one| one.severity == renewctl::diagnostic::Severity::Error));
    }
}
