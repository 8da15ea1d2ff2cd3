//! Bytes that nobody would write by hand: each is answered in time, and nothing of it drives a terminal.

use std::fmt::Write as _;
use std::rc::Rc;

use proptest::prelude::*;
use renewctl::config::load;
use renewctl::diagnostic::Severity;

use super::{bad, check_safe, good, lines, load_one, shown};

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
      = note: valid at the top of the file are `version`, `region`, `site`, `account`, `defaults`, `limits` and `instances`
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
     = note: the limit is 16,777,216 bytes
     = help: split it; `-f` can be given several times

    1 error in renewals.yaml
    ");
    let errors = bad("- &a x\n".repeat(5_000));
    assert!(errors.contains("error: too many errors in this file"));
    assert!(errors.ends_with("1,001 errors in renewals.yaml\n"));
    let errors = bad(format!("version: 1\ninstances:\n{}", "- x\n".repeat(12_000)));
    assert!(errors.contains("error: too many errors in this file"));
    assert!(errors.ends_with("10,001 errors in renewals.yaml\n"));
}

/// However a value is written, its length is found out before anything is made of it.
#[test]
fn huge_values_are_refused_in_every_form() {
    let entry = |value: &str| format!("version: 1\nregion: cn-beijing\ninstances:\n  - id: {value}\n");
    let long = "a".repeat(1 << 20);
    let block = format!("      {}\n", "a".repeat(50)).repeat(20_000);
    let forms = [
        entry(&long),
        entry(&format!("'{long}'")),
        entry(&format!("\"{}\"", "a ".repeat(1 << 19))),
        entry(&format!("\"{}\"", "\\u202e".repeat(1 << 17))),
        entry(&format!("|\n{block}")),
        entry(&format!(">\n{block}")),
        format!("{long}: 1\n"),
        format!("? {long}\n"),
    ];
    for text in forms {
        let message = bad(&text);
        assert!(message.starts_with("error: a value is too long\n"), "{message}");
        assert!(message.contains("= note: the limit is 4,096 characters\n") && message.len() < 1_000);
    }
    let padding = format!("#{long}\n{}", "\n".repeat(1 << 20));
    assert_eq!(good(&format!("{padding}{FULL}")).files[0].entries.len(), 2);
}

/// Work and words are bounded by counts, whatever a file repeats.
#[test]
fn what_is_said_has_an_end() {
    let head = "version: 1\nregion: cn-beijing\n";
    let files = [
        ("a: 1\n".repeat(5_000), "stands here twice"),
        ("- !a b\n".repeat(5_000), "tags are not allowed"),
        ("- &a b\n".repeat(5_000), "anchors are not allowed"),
        (format!("{head}instances:\n{}", "  - *a\n".repeat(5_000)), "aliases are not allowed"),
        (format!("{head}instances:\n{}", "  - <<: 1\n".repeat(5_000)), "merge keys are not allowed"),
        ("---\n".repeat(5_000), "a second document begins here"),
        (format!("{head}instances: [{}", "{ id: i-a1 }, ".repeat(5_000)), "does not fit"),
        ((0..2_000).map(|n| format!("{n:050}: 1\n")).collect::<Vec<_>>().concat(), "unknown key"),
        (format!("{head}instances:\n{}", "  - { id: i-a1 }\n".repeat(12_000)), "asks for nothing"),
    ];
    for (text, said) in files {
        let loaded = load_one(&text);
        assert!(
            loaded.config.is_none() && loaded.diagnostics.len() <= 20_002,
            "{}",
            loaded.diagnostics.len()
        );
        assert!(loaded.diagnostics.iter().any(|one| one.message.contains(said)), "{said}");
    }
}

#[test]
fn merge_keys_are_refused() {
    let entry = "version: 1\nregion: cn-beijing\ninstances:\n  - { id: i-a1, auto_renew: 1mo }\n";
    insta::assert_snapshot!(bad(format!("{entry}  - {{ <<: {{ auto_renew: off }}, id: i-a2 }}\n")), @"
    error: merge keys are not allowed
     --> renewals.yaml:5:7
      |
    5 |   - { <<: { auto_renew: off }, id: i-a2 }
      |       ^^
      |
      = note: every entry says by itself what it asks for, so that a reviewer sees it where it stands
      = help: write the keys out; what many entries share belongs under `defaults:`

    error: i-a2 asks for nothing
     --> renewals.yaml:5:32
      |
    5 |   - { <<: { auto_renew: off }, id: i-a2 }
      |                                ^^
      |
      = note: neither the entry nor `defaults` has `auto_renew` or `min_remaining`
      = help: add `auto_renew: 1mo` or `min_remaining: 15d`, or remove the entry

    2 errors in renewals.yaml
    ");
    // In quotes it is a key like others.
    assert!(
        bad(format!("{entry}  - {{ \"<<\": {{}}, id: i-a2, auto_renew: off }}\n"))
            .contains("unknown key `<<`")
    );
}

#[test]
fn tabs_are_shown_where_they_stand() {
    insta::assert_snapshot!(bad("version:\t1\nregion: cn-beijing\n"), @"
    error: a tab stands where only spaces may
     --> renewals.yaml:1:9
      |
    1 | version:    1
      |         ^^^^ a tab
      |
      = note: behind `:` and `-` not every YAML parser takes a tab
      = help: replace the tab by a space

    1 error in renewals.yaml
    ");
    let indented = bad("version: 1\ninstances:\n  - id: i-a1\n\t  auto_renew: 1mo\n");
    assert!(indented.contains("a tab stands where only spaces may\n --> renewals.yaml:4:1\n"), "{indented}");
    assert!(bad("\t".repeat(100_000)).starts_with("error: the file is empty\n"));
    let text =
        "version: 1\t# one\nregion: cn-beijing\t\ninstances:\n  - { id: i-a1,\tauto_renew: 1mo }\n\t\n";
    assert_eq!(good(text).files[0].entries.len(), 1);
}

#[test]
fn other_encodings_are_named() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let bytes = [&b"\xff\xfe"[..], &wide("version: 1\nname: \u{7f51}\n")].concat();
    assert!(bad(bytes).contains("= note: it seems to be UTF-16; "));
    // Without a byte order mark plain words are NUL characters between letters.
    assert!(
        bad(wide("version: 1\n"))
            .contains("= note: a text file holds none; the file may be damaged or UTF-16")
    );
    // A name in GBK.
    assert!(bad(b"version: 1\nname: \xcd\xf8\xd5\xbe\n").starts_with("error: the file is not UTF-8\n"));
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

/// A valid file with every key of this version.
const FULL: &str = "version: 1\nregion: cn-beijing\nsite: china\ndefaults: { auto_renew: 1mo, min_remaining: 15d }\nlimits:\n  max_charge: 5000 CNY\n  max_renewals: 20\n  max_term: 12mo\n  max_auto_renew_off: 3\n  allow_unpriced: false\ninstances:\n  - id: i-a1\n    name: 网站\n    renew_period: 1mo\n  - { id: i-b1, region: cn-shanghai, auto_renew: never }\n";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

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
        prop_assert_eq!(loaded.config.is_none(), loaded.diagnostics.iter().any(|one| one.severity == Severity::Error));
    }
}
