//! The JSON Schema against the loader: both accept the same files, except for what no schema can see.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, RngSeed};
use renewctl::config::{Loaded, MAX_AUTO_RENEW_OFF_DEFAULT, MAX_TERM_DEFAULT, WhenExceeded};
use renewctl::diagnostic::Severity;
use renewctl::term::{AutoRenewTerm, PurchaseTerm, Site, Term};
use serde_json::{Map, Value, json};

use super::{files, load_one, shown};

const SCHEMA: &str = include_str!("../../../schemas/desired-state.schema.json");

/// What only the loader sees.
struct Class {
    /// As the schema's description names it.
    name: &'static str,
    /// Why a schema cannot.
    why: &'static str,
    /// Parts of the loader's messages for it. None: any message, if no parser gets a value out of the file.
    messages: &'static [&'static str],
}

const BROKEN: Class = Class {
    name: "broken YAML",
    why: "a schema judges the value of a file, and here is none, or more than one",
    messages: &[],
};
const DOUBLED: Class = Class {
    name: "a key that stands twice",
    why: "a parser has kept one of the two values before a schema sees it, or neither",
    messages: &["stands here twice"],
};
const ADORNED: Class = Class {
    name: "anchors, aliases and tags",
    why: "a parser has put what they stand for in their place before a schema sees it",
    messages: &["anchors are not allowed", "aliases are not allowed", "tags are not allowed"],
};
const TWICE: Class = Class {
    name: "an instance asked for twice",
    why: "uniqueItems compares whole items, not their ids, and no schema sees several files",
    messages: &["is asked for twice"],
};
const MAX_TERM: Class = Class {
    name: "more than the max_term that a file gives",
    why: "no keyword compares two values of one document",
    messages: &[
        "is longer than `max_term`",
        "is more than one renewal can give",
        "is shorter than the shortest renewal",
    ],
};
const NOTATION: Class = Class {
    name: "numbers in another notation",
    why: "1.0 and 0x1 are the number 1: how it was written is gone",
    messages: &["`version` must be the number 1", "must be a number"],
};
const LARGE: Class = Class {
    name: "more digits than an amount can hold",
    why: "a decimal ends at 96 bits, which is not a number of digits",
    messages: &["is not an amount of money"],
};
const CLASSES: [&Class; 7] = [&BROKEN, &DOUBLED, &ADORNED, &TWICE, &MAX_TERM, &NOTATION, &LARGE];

/// The invalid files with such a fault and no other. A schema that learns to see one loses the line here.
const OUT_OF_REACH: &[(&str, &Class)] = &[
    ("auto-renew-beyond-max-term", &MAX_TERM),
    ("id-twice", &TWICE),
    ("key-empty", &BROKEN),
    ("key-list", &BROKEN),
    ("key-twice-deep", &DOUBLED),
    ("key-twice-top", &DOUBLED),
    ("lifetime-too-long-for-max-term", &MAX_TERM),
    ("max-charge-too-many-digits", &LARGE),
    ("max-renewals-hexadecimal", &NOTATION),
    ("max-term-in-weeks-without-renew-period", &MAX_TERM),
    ("renew-period-beyond-given-max-term", &MAX_TERM),
    ("version-float", &NOTATION),
    ("yaml-after-quote", &BROKEN),
    ("yaml-alias-unknown", &ADORNED),
    ("yaml-anchor", &ADORNED),
    ("yaml-at-sign", &BROKEN),
    ("yaml-brace-open", &BROKEN),
    ("yaml-bracket-extra", &BROKEN),
    ("yaml-bracket-open", &BROKEN),
    ("yaml-colon-in-text", &BROKEN),
    ("yaml-colon-space", &BROKEN),
    ("yaml-comma", &BROKEN),
    ("yaml-documents", &BROKEN),
    ("yaml-escape", &BROKEN),
    ("yaml-indentation", &BROKEN),
    ("yaml-indentation-deeper", &BROKEN),
    ("yaml-quote-open", &BROKEN),
    ("yaml-star", &BROKEN),
    ("yaml-tab", &BROKEN),
    ("yaml-tab-in-entry", &BROKEN),
    ("yaml-tag", &ADORNED),
];

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

thread_local! {
    /// Compiled once for many cases.
    static COMPILED: Validator = validator();
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// What the schema says of a file: `None` if no YAML parser gets a value out of it.
fn judged(validator: &Validator, text: &[u8]) -> Option<bool> {
    let value: Value = serde_yaml::from_slice(text).ok()?;
    Some(validator.is_valid(&value))
}

fn errors(loaded: &Loaded) -> Vec<&str> {
    let errors = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    errors.map(|one| one.message.as_str()).collect()
}

/// Whether a loader's error is of a class.
fn is_of(class: &Class, error: &str) -> bool {
    class.messages.iter().any(|part| error.contains(part))
}

#[test]
fn the_schema_accepts_valid_files() {
    let validator = validator();
    for (name, bytes) in files("valid") {
        assert_eq!(judged(&validator, &bytes), Some(true), "{name}");
    }
}

#[test]
fn the_schema_rejects_invalid_files() {
    let validator = validator();
    let (mut wrong, mut seen) = (String::new(), 0);
    for (name, bytes) in files("invalid") {
        let verdict = judged(&validator, &bytes);
        let loaded = load_one(&bytes);
        let errors = errors(&loaded);
        let class = OUT_OF_REACH.iter().find(|(file, _)| *file == name).map(|(_, class)| class);
        seen += usize::from(class.is_some());
        let problem = match class {
            None if verdict != Some(false) => "is accepted".to_owned(),
            Some(class) if verdict == Some(false) => format!("is rejected, although {}", class.why),
            Some(class) if class.messages.is_empty() && verdict.is_none() => continue,
            Some(class) if !errors.iter().all(|error| is_of(class, error)) => {
                format!("is not about {}", class.name)
            }
            _ => continue,
        };
        writeln!(wrong, "{name} {problem}: {errors:?}").unwrap();
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert_eq!(seen, OUT_OF_REACH.len(), "a file of the table is gone");
}

#[test]
fn the_schema_says_what_it_cannot_see() {
    let schema = schema();
    let description = schema["description"].as_str().unwrap();
    for class in CLASSES {
        assert!(description.contains(class.name), "{}", class.name);
        assert!(OUT_OF_REACH.iter().any(|(_, of)| of.name == class.name), "{} has no file", class.name);
    }
}

/// The desired-state files among the examples, and the YAML blocks of the READMEs.
fn published() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in fs::read_dir(root.join("examples")).unwrap() {
        let path = folder.unwrap().path().join("renewals.yaml");
        if let Ok(text) = fs::read_to_string(&path) {
            let modeline = "# yaml-language-server: $schema=../../schemas/desired-state.schema.json\n";
            assert!(text.starts_with(modeline), "{}: editors do not find the schema", path.display());
            texts.push((path.display().to_string(), text));
        }
    }
    for name in ["README.md", "README.zh-CN.md"] {
        let text = fs::read_to_string(root.join(name)).unwrap();
        let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
        texts.extend(
            blocks.filter(|block| block.contains("version: 1")).map(|block| (name.to_owned(), block)),
        );
    }
    texts
}

#[test]
fn what_is_published_is_valid() {
    let validator = validator();
    let texts = published();
    assert!(texts.len() >= 4, "{texts:?}");
    for (name, text) in texts {
        assert_eq!(shown(&load_one(&text)), "", "{name}");
        assert_eq!(judged(&validator, text.as_bytes()), Some(true), "{name}");
    }
}

#[test]
fn the_schema_is_one_and_is_printed() {
    assert!(jsonschema::meta::is_valid(&schema()));
    let run =
        Command::new(env!("CARGO_BIN_EXE_renewctl")).args(["schema", "desired-state"]).output().unwrap();
    assert_eq!((run.status.code(), String::from_utf8(run.stdout).unwrap()), (Some(0), SCHEMA.to_owned()));
    assert_eq!(String::from_utf8(run.stderr).unwrap(), "");
}

/// What a property says, with that of its `$ref`.
fn resolved(schema: &Value, property: &Value) -> Map<String, Value> {
    let target =
        property["$ref"].as_str().and_then(|pointer| schema.pointer(pointer.trim_start_matches('#')));
    let pairs =
        [target, Some(property)].into_iter().flatten().flat_map(|one| one.as_object().unwrap().clone());
    pairs.collect()
}

/// All properties that a file can have, each with its path.
fn properties(schema: &Value) -> Vec<(String, Map<String, Value>)> {
    let mut found = Vec::new();
    let places = ["", "/properties/defaults", "/properties/limits", "/properties/instances/items"];
    for place in places {
        for (key, property) in schema.pointer(place).unwrap()["properties"].as_object().unwrap() {
            found.push((format!("{place}/{key}"), resolved(schema, property)));
        }
    }
    found
}

/// An editor shows title and description, and offers words, examples and defaults.
#[test]
fn editors_have_something_to_show() {
    let schema = schema();
    for (path, property) in properties(&schema) {
        assert!(property.contains_key("title") && property.contains_key("description"), "{path}");
        let kind = property.get("type").and_then(Value::as_str).unwrap_or_default();
        let offers =
            ["const", "enum", "examples", "default"].into_iter().any(|key| property.contains_key(key));
        assert!(offers || matches!(kind, "object" | "array" | "boolean"), "{path} offers nothing");
        let mut alone = Value::Object(property.clone());
        alone["$defs"] = schema["$defs"].clone();
        let alone = jsonschema::validator_for(&alone).unwrap();
        let words = property.get("examples").into_iter().flat_map(|examples| examples.as_array().unwrap());
        for word in words.chain(property.get("default")) {
            assert!(alone.is_valid(word), "{path}: {word}");
        }
    }
}

#[test]
fn the_schema_knows_the_defaults() {
    let schema = schema();
    let default = |key: &str| {
        let pointer = format!("/properties/{key}/default");
        let value = schema.pointer(&pointer).or(schema.pointer(&format!("/properties/limits{pointer}")));
        value.unwrap_or_else(|| panic!("{key}")).clone()
    };
    assert_eq!(default("site"), Site::default().as_str());
    assert_eq!(Term::parse(default("max_term").as_str().unwrap()), Ok(MAX_TERM_DEFAULT));
    assert_eq!(default("max_auto_renew_off"), MAX_AUTO_RENEW_OFF_DEFAULT);
    assert_eq!(default("when_exceeded"), WhenExceeded::default().as_str());
    let words = schema.pointer("/properties/limits/properties/when_exceeded/enum").unwrap();
    assert_eq!(*words, json!(WhenExceeded::ALL.map(WhenExceeded::as_str)));
    assert_eq!(default("allow_unpriced"), false);
    assert_eq!(schema["$defs"]["renew_period"]["default"], "1mo");
}

/// A file with one instance that asks for one thing.
fn one(site: Site, max_term: Option<&str>, key: &str, word: &str) -> Value {
    let mut doc = json!({
        "version": 1,
        "region": "cn-beijing",
        "site": site.as_str(),
        "instances": [{ "id": "i-a1", "min_remaining": "none" }],
    });
    doc["instances"][0][key] = json!(word);
    if let Some(term) = max_term {
        doc["limits"] = json!({ "max_term": term });
    }
    doc
}

/// Whether the schema takes a document, after the loader said the same.
#[track_caller]
fn agreed(validator: &Validator, doc: &Value) -> bool {
    let loaded = load_one(doc.to_string());
    let valid = validator.is_valid(doc);
    assert_eq!(valid, loaded.config.is_some(), "{doc}\n{}", shown(&loaded));
    valid
}

#[test]
fn terms_are_those_of_the_site() {
    let validator = validator();
    let spelled = (1..=61).flat_map(|n| ["w", "mo", "y"].map(|unit| format!("{n}{unit}")));
    let spelled: Vec<String> =
        spelled.chain(["0mo", "01mo", "1m", "30d", "1MO", " 1mo"].map(str::to_owned)).collect();
    for site in [Site::China, Site::International] {
        // Without a limit it is a year; 20 years are beyond everything.
        for max_term in [None, Some("20y")] {
            let count = |key| {
                spelled.iter().filter(|word| agreed(&validator, &one(site, max_term, key, word))).count()
            };
            let longest = max_term.map_or(MAX_TERM_DEFAULT, |term| Term::parse(term).unwrap());
            let spellings = |terms: &[Term]| {
                let fit = terms.iter().filter(|term| term.cmp_length(longest).is_le());
                fit.map(|term| 1 + usize::from(matches!(term, Term::Months(n) if n % 12 == 0))).sum::<usize>()
            };
            let settings: Vec<Term> = AutoRenewTerm::all(site).into_iter().map(AutoRenewTerm::term).collect();
            let sold: Vec<Term> = PurchaseTerm::on_sale(site).into_iter().map(PurchaseTerm::term).collect();
            assert_eq!(count("auto_renew"), spellings(&settings));
            assert_eq!(count("renew_period"), spellings(&sold));
        }
    }
}

#[test]
fn bounds_are_exact() {
    let validator = validator();
    for site in [Site::China, Site::International] {
        for max_term in [None, Some("5y")] {
            let year = max_term.is_none() || site == Site::International;
            let bounds = if year {
                [(8_736, "h"), (364, "d"), (52, "w")]
            } else {
                [(43_800, "h"), (1_825, "d"), (260, "w")]
            };
            for (most, unit) in bounds {
                let powers = (0..5).map(|power| 10_u32.pow(power));
                for count in powers.flat_map(|power| [power - 1, power]).chain(most - 50..most + 50) {
                    let doc = one(site, max_term, "min_remaining", &format!("{count}{unit}"));
                    assert_eq!(agreed(&validator, &doc), (1..=most).contains(&count), "{doc}");
                }
            }
        }
        for word in ["255w", "256w", "250mo", "251mo", "20y", "21y", "199w", "9y", "199mo"] {
            agreed(&validator, &one(site, Some(word), "auto_renew", "1mo"));
        }
        for weeks in 1..=5 {
            let taken = agreed(&validator, &one(site, Some(&format!("{weeks}w")), "auto_renew", "off"));
            assert_eq!(taken, site == Site::China || weeks == 5);
        }
    }
    for (word, valid) in [
        ("1", true),
        ("12345678901234567890", true),
        ("123456789012345678901", false),
        ("", false),
        ("12 3", false),
    ] {
        let mut doc = one(Site::China, None, "auto_renew", "off");
        doc["account"] = json!(word);
        assert_eq!(agreed(&validator, &doc), valid, "{doc}");
    }
    let (id, region) = ("i-".to_owned() + &"a".repeat(62), "cn-".to_owned() + &"b".repeat(29));
    for (key, word, longer) in [("id", &id, "a"), ("region", &region, "b")] {
        assert!(agreed(&validator, &one(Site::China, None, key, word)));
        assert!(!agreed(&validator, &one(Site::China, None, key, &(word.clone() + longer))));
    }
    for (count, valid) in
        [(json!(0), true), (json!(u32::MAX), true), (json!(4_294_967_296_u64), false), (json!(-1), false)]
    {
        let mut doc = one(Site::China, None, "auto_renew", "off");
        doc["limits"] = json!({ "max_renewals": count });
        assert_eq!(agreed(&validator, &doc), valid, "{doc}");
    }
}

#[test]
fn amounts_have_their_forms() {
    let validator = validator();
    let valid = "5000 CNY|CNY 5000|5,000.00 CNY|0 CNY|0.5 JPY| 5  CNY |1,234,567.891 USD|5\tCNY";
    let invalid = "5000|CNY||CNY 5 CNY|5CNY|50,00 CNY|5,0000 CNY|,500 CNY|5. CNY|.5 CNY|5 cny|+5 CNY|1e3 CNY|5 CNYS|5 RMB|5 000 CNY";
    for (words, is_valid) in [(valid, true), (invalid, false)] {
        for word in words.split('|') {
            let mut doc = one(Site::China, None, "auto_renew", "off");
            doc["limits"] = json!({ "max_charge": word });
            assert_eq!(agreed(&validator, &doc), is_valid, "{word:?}");
        }
    }
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    proptest::sample::select(words).prop_map(Value::from)
}

fn number(range: std::ops::Range<u32>, units: &'static [&'static str]) -> impl Strategy<Value = Value> {
    (range, proptest::sample::select(units)).prop_map(|(number, unit)| format!("{number}{unit}").into())
}

/// What an instance or the defaults ask for.
fn wants() -> impl Strategy<Value = Value> {
    let setting = prop_oneof![
        12 => word(&["off", "1mo", "3mo", "12mo", "1y"]),
        3 => word(&["never", "2w", "2y", "60mo"]),
        1 => number(0..62, &["w", "mo", "y"]),
    ];
    let lifetime = prop_oneof![
        12 => word(&["none", "15d", "36h", "2w", "364d"]),
        3 => word(&["365d", "52w", "53w", "1825d", "1826d", "43801h"]),
        1 => number(0..50_000, &["h", "d", "w"]),
    ];
    let period = prop_oneof![
        12 => word(&["1mo", "9mo", "12mo", "1y"]),
        3 => word(&["1w", "2y", "60mo"]),
        1 => number(0..62, &["w", "mo", "y"]),
    ];
    let some = |likely, strategy: BoxedStrategy<Value>| proptest::option::weighted(likely, strategy);
    (some(0.7, setting.boxed()), some(0.6, lifetime.boxed()), some(0.2, period.boxed()))
        .prop_map(|(a, m, r)| object([("auto_renew", a), ("min_remaining", m), ("renew_period", r)]))
}

fn object<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Value {
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>().into()
}

fn limits() -> impl Strategy<Value = Value> {
    let max_term = word(&["12mo", "1y", "24mo", "60mo", "20y", "6mo", "4w", "5w"]);
    let charge = word(&["5000 CNY", "USD 5", "1,000.00 CNY"]);
    let some = proptest::option::of::<BoxedStrategy<Value>>;
    let count = || any::<u32>().prop_map(Value::from).boxed();
    let switch = any::<bool>().prop_map(Value::from).boxed();
    let exceeded = word(&["refuse", "soonest-first"]).boxed();
    (some(charge.boxed()), some(count()), some(max_term.boxed()), some(count()), some(switch), some(exceeded))
        .prop_map(|(charge, renewals, term, off, unpriced, exceeded)| {
            object([
                ("when_exceeded", exceeded),
                ("max_charge", charge),
                ("max_renewals", renewals),
                ("max_term", term),
                ("max_auto_renew_off", off),
                ("allow_unpriced", unpriced),
            ])
        })
}

/// Another's id, what is asked for, region, name.
type Instance = (Option<&'static str>, Value, Option<Value>, Option<Value>);

/// A document that is valid, or not far from it.
fn document() -> impl Strategy<Value = Value> {
    let region = || word(&["cn-beijing", "us-west-1"]);
    let id = prop_oneof![19 => Just(None), 1 => Just(Some("i-a0"))];
    let name = proptest::option::weighted(0.3, word(&["web-1", "网站", "a: b # c", "no", "1"]));
    let instance = (id, wants(), proptest::option::weighted(0.4, region()), name);
    let instances = proptest::collection::vec(instance, 1..4).prop_map(|entries| {
        let entry = |(index, (id, mut entry, region, name)): (usize, Instance)| {
            entry["id"] = id.map_or_else(|| format!("i-a{index}"), str::to_owned).into();
            for (key, value) in [("region", region), ("name", name)] {
                if let Some(value) = value {
                    entry[key] = value;
                }
            }
            entry
        };
        Value::Array(entries.into_iter().enumerate().map(entry).collect())
    });
    let (site, region) = (word(&["china", "international"]), region());
    let some = |likely, strategy: BoxedStrategy<Value>| proptest::option::weighted(likely, strategy);
    (
        some(0.9, region.boxed()),
        some(0.5, site.boxed()),
        some(0.3, word(&["1234567890123456", "1", "00000000000000000000"]).boxed()),
        some(0.5, wants().boxed()),
        some(0.6, limits().boxed()),
        instances,
    )
        .prop_map(|(region, site, account, defaults, limits, instances)| {
            object([
                ("version", Some(json!(1))),
                ("region", region),
                ("site", site),
                ("account", account),
                ("defaults", defaults),
                ("limits", limits),
                ("instances", Some(instances)),
            ])
        })
}

/// What somebody does to a document by mistake.
#[derive(Clone, Debug)]
enum Mistake {
    Remove,
    Replace(Value),
    Add(&'static str, Value),
}

fn mistake() -> impl Strategy<Value = Mistake> {
    let junk = || {
        prop_oneof![
            word(&[
                "",
                " ",
                "x",
                "1mo",
                "1 month",
                "15d",
                "30",
                "Off",
                "no",
                "none",
                "i-b1",
                "cn-beijing",
                "China"
            ]),
            proptest::sample::select(vec![
                json!(null),
                json!(true),
                json!(0),
                json!(-1),
                json!(2),
                json!(1.5),
                json!([]),
                json!({})
            ]),
            "\\PC{0,4}".prop_map(Value::from),
        ]
    };
    let keys = vec![
        "auto_renew",
        "min_remaining",
        "id",
        "max_term",
        "region",
        "auto_renw",
        "account",
        "when_exceeded",
        "colour",
        "<<",
        "groups",
    ];
    prop_oneof![
        1 => Just(Mistake::Remove),
        3 => junk().prop_map(Mistake::Replace),
        1 => (proptest::sample::select(keys), junk()).prop_map(|(key, value)| Mistake::Add(key, value)),
    ]
}

/// All values below a document, the nearest first.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in children {
        let at = format!("{at}/{key}");
        found.push(at.clone());
        pointers(value, &at, found);
    }
}

fn make(doc: &mut Value, place: proptest::sample::Index, mistake: Mistake) {
    let mut all = Vec::new();
    pointers(doc, "", &mut all);
    let Some(pointer) = (!all.is_empty()).then(|| place.get(&all)) else { return };
    match mistake {
        Mistake::Replace(value) => *doc.pointer_mut(pointer).unwrap() = value,
        Mistake::Remove => {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            match doc.pointer_mut(parent).unwrap() {
                Value::Object(map) => drop(map.remove(key)),
                Value::Array(list) => drop(list.remove(key.parse().unwrap())),
                _ => {}
            }
        }
        Mistake::Add(key, value) => {
            let object = all
                .iter()
                .rev()
                .find(|one| pointer.starts_with(*one) && doc.pointer(one).unwrap().is_object());
            doc.pointer_mut(object.map_or("", String::as_str)).unwrap()[key] = value;
        }
    }
}

/// The loader's errors that a schema should see as well.
fn in_reach<'a>(doc: &Value, loaded: &'a Loaded) -> Vec<&'a str> {
    let given = doc.pointer("/limits/max_term").is_some();
    let unseen = |error: &str| is_of(&TWICE, error) || (given && is_of(&MAX_TERM, error));
    errors(loaded).into_iter().filter(|error| !unseen(error)).collect()
}

proptest! {
    #![proptest_config(Cases { cases: 800, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Cases::default() })]

    #[test]
    fn loader_and_schema_agree(
        mut doc in document(),
        mistakes in proptest::collection::vec((any::<proptest::sample::Index>(), mistake()), 0..2),
    ) {
        for (place, mistake) in mistakes {
            make(&mut doc, place, mistake);
        }
        let text = serde_yaml::to_string(&doc).unwrap();
        let loaded = load_one(&text);
        let valid = COMPILED.with(|validator| judged(validator, text.as_bytes()));
        if loaded.config.is_some() {
            prop_assert_eq!(valid, Some(true), "the schema rejects\n{}", text);
        } else if !in_reach(&doc, &loaded).is_empty() {
            prop_assert_eq!(valid, Some(false), "the schema accepts\n{}\n{}", text, shown(&loaded));
        }
    }
}
