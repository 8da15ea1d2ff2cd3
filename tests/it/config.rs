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
fn byte_order_mark_and_crlf_are_accepted() {
    let text =
        "\u{feff}version: 1\r\nregion: cn-beijing\r\ninstances:\r\n  - id: i-a1\r\n    auto_renew: 1mo\r\n";
    insta::assert_snapshot!(lines(&good(text)), @"i-a1 cn-beijing renewals.yaml:4 auto_renew=1mo@5:5 renew_period=1mo");
    insta::assert_snapshot!(bad(text.replace("1mo", "4mo")), @"
    error: `auto_renew: 4mo` is not a term that auto-renewal can be set to
     --> renewals.yaml:5:17
      |
    5 |     auto_renew: 4mo
      |                 ^^^ not on offer
      |
      = note: on the china site auto-renewal can be 1mo, 2mo, 3mo, 6mo, 1y, 2y, 3y, 4y, 5y, 1w, 2w, 3w, 4w
      = help: write `auto_renew: 3mo`

    1 error in renewals.yaml
    ");
}

#[test]
fn not_utf8() {
    insta::assert_snapshot!(bad(b"version: 1\nname: caf\xe9\n"), @"
    error: the file is not UTF-8
     --> renewals.yaml:2:10
      |
    2 | name: caf�
      |          ^ byte 0xE9
      |
      = note: YAML files are UTF-8; the first wrong byte is at offset 20, on line 2
      = help: save the file as UTF-8

    1 error in renewals.yaml
    ");
    insta::assert_snapshot!(bad(b"\xff\xfev\0e\0r\0s\0"), @"
    error: the file is not UTF-8
     --> renewals.yaml:1:1
      |
    1 | ��v�e�r�s�
      | ^ byte 0xFF
      |
      = note: it seems to be UTF-16; the first wrong byte is at offset 0, on line 1
      = help: save the file as UTF-8

    1 error in renewals.yaml
    ");
}

#[test]
fn nul_and_controls() {
    insta::assert_snapshot!(bad(b"version: 1\nregion: \0\n"), @"
    error: a NUL character stands here
     --> renewals.yaml:2:9
      |
    2 | region: �
      |         ^
      |
      = note: a text file holds none; the file may be damaged or UTF-16
      = help: remove it, or save the file as UTF-8

    1 error in renewals.yaml
    ");
    insta::assert_snapshot!(bad("version: 1\nregion: \"a\u{202e}b\"\nna\u{1b}[31mme: x\ninstances: []\n"), @r#"
    error: `a\u{202e}b` is not a region id
     --> renewals.yaml:2:9
      |
    2 | region: "a�b"
      |         ^^^^^
      |
      = note: a region id is lower-case ASCII letters, digits and hyphens, like `cn-beijing`
      = help: write the region's id, for example `region: cn-beijing`

    error: unknown key `na\u{1b}[31mme` at the top of the file
     --> renewals.yaml:3:1
      |
    3 | na�[31mme: x
      | ^^^^^^^^^
      |
      = note: valid at the top of the file are `version`, `region`, `site`, `defaults`, `limits` and `instances`
      = help: remove it, or write one of these keys

    error: the list of instances is empty
     --> renewals.yaml:4:12
      |
    4 | instances: []
      |            ^^
      |
      = note: a file without instances asks for nothing, which is more likely a mistake
      = help: write `instances:` and under it entries such as `- { id: i-bp67acfmxazb4p0001, auto_renew: 1mo }`

    3 errors in renewals.yaml
    "#);
}

#[test]
fn hostile_names_are_kept_but_not_printed() {
    let name = "web\u{202e}1";
    let text = format!(
        "version: 1\nregion: cn-beijing\ninstances:\n  - {{ id: i-a1, name: \"{name}\", auto_renew: 1mo }}\n"
    );
    assert_eq!(good(&text).files[0].entries[0].name.as_ref().unwrap().value, name);
    insta::assert_snapshot!(bad(text.replace("1mo", "4mo")), @r#"
    error: `auto_renew: 4mo` is not a term that auto-renewal can be set to
     --> renewals.yaml:4:44
      |
    4 |   - { id: i-a1, name: "web�1", auto_renew: 4mo }
      |                                            ^^^ not on offer
      |
      = note: on the china site auto-renewal can be 1mo, 2mo, 3mo, 6mo, 1y, 2y, 3y, 4y, 5y, 1w, 2w, 3w, 4w
      = help: write `auto_renew: 3mo`

    1 error in renewals.yaml
    "#);
    let path: Rc<str> = Rc::from("a\u{1b}[2J.yaml");
    let loaded = load(&[(path, b"a".to_vec())]);
    check_safe(&loaded);
    assert!(shown(&loaded).contains(r"a\u{1b}[2J.yaml:1:1"));
}

#[test]
fn deep_nesting_ends_early() {
    let deep = |open: &str, times: usize| bad(open.repeat(times));
    insta::assert_snapshot!(deep("[", 100_000), @"
    error: the nesting is too deep
     --> renewals.yaml:1:256
      |
    1 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
      |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: the limit is 32 levels; a desired-state file needs four
      = help: look for a bracket or brace that is not closed, or text that should be in quotes

    1 error in renewals.yaml
    ");
    for open in
        ["[", "{", "- ", "? ", "{a: ", "[{a: ", "!a ", "&a ", "'", "\"", "-\n", "a:\n ", "*a ", "}", "%"]
    {
        for times in [33, 10_000, 50_000] {
            deep(open, times);
        }
    }
    let block: Vec<String> = (0..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(bad(block.concat()).contains("error: the nesting is too deep"));
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
    insta::assert_snapshot!(bad(format!("version: {}", "9".repeat(100_000))), @"
    error: a value is too long
     --> renewals.yaml:1:10
      |
    1 | version: 999999999999999999999999999999999999999999999999999999999999999999999999999999999999...
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: the limit is 4,096 characters
      = help: shorten it; if it should be several lines, look for a quote that is not closed

    1 error in renewals.yaml
    ");
    insta::assert_snapshot!(bad(vec![b' '; (16 << 20) + 1]), @"
    error: the file is too large
    --> renewals.yaml:1:1
     |
     = note: it has 16,777,217 bytes, the limit is 16,777,216
     = help: split it; `-f` can be given several times

    1 error in renewals.yaml
    ");
    let errors = bad("- &a x\n".repeat(5_000));
    assert!(errors.contains("error: too many errors in this file"));
    assert!(errors.ends_with("1,001 errors in renewals.yaml\n"));
}

#[test]
fn long_lines_are_cut() {
    let text = |pad: usize| format!("{{ version: 1,{} region: X, instances: [] }}", " ".repeat(pad));
    insta::assert_snapshot!(bad(text(300)), @"
    error: `X` is not a region id
     --> renewals.yaml:1:323
      |
    1 | ...                                    region: X, instances: [] }
      |                                                ^
      |
      = note: a region id is lower-case ASCII letters, digits and hyphens, like `cn-beijing`
      = help: write the region's id, for example `region: cn-beijing`

    error: the list of instances is empty
     --> renewals.yaml:1:337
      |
    1 | ...                      region: X, instances: [] }
      |                                                ^^
      |
      = note: a file without instances asks for nothing, which is more likely a mistake
      = help: write `instances:` and under it entries such as `- { id: i-bp67acfmxazb4p0001, auto_renew: 1mo }`

    2 errors in renewals.yaml
    ");
    insta::assert_snapshot!(bad(text(100_000)), @"
    error: `X` is not a region id
    --> renewals.yaml:1:100023
     |
     = note: the line is too long to be shown
     = note: a region id is lower-case ASCII letters, digits and hyphens, like `cn-beijing`
     = help: write the region's id, for example `region: cn-beijing`

    error: the list of instances is empty
    --> renewals.yaml:1:100037
     |
     = note: the line is too long to be shown
     = note: a file without instances asks for nothing, which is more likely a mistake
     = help: write `instances:` and under it entries such as `- { id: i-bp67acfmxazb4p0001, auto_renew: 1mo }`

    2 errors in renewals.yaml
    ");
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
    insta::assert_snapshot!(render(&[lone], &[], false, WIDTH), @"
    warning: no file was found
     |
     = help: name one with `-f`

    1 warning
    ");
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
