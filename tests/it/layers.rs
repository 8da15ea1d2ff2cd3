//! The order of the layers: a module uses only modules above it in the list.

use std::fs;
use std::path::{Path, PathBuf};

/// From top to bottom. `lib.rs` explains it.
const ORDER: [&str; 22] = [
    // words
    "ids",
    "text",
    "term",
    "money",
    "calendar",
    "retry",
    "diagnostic",
    // states
    "config",
    "live",
    "desired",
    // thought
    "plan",
    "render",
    // doors
    "ports",
    "journal",
    // deeds
    "cloud",
    "planning",
    "apply",
    "verify",
    // worlds
    "emulator",
    "system",
    // face
    "cli",
    "main",
];

/// Besides the order: what a module must not know although it stands above.
const FORBIDDEN: [(&str, &[&str]); 2] = [
    ("cloud", &["plan", "render", "config", "desired", "journal"]),
    (
        "emulator",
        &[
            "ids",
            "text",
            "term",
            "money",
            "calendar",
            "retry",
            "diagnostic",
            "config",
            "live",
            "desired",
            "plan",
            "render",
            "journal",
            "cloud",
            "planning",
            "apply",
            "verify",
        ],
    ),
];

/// Words that only the two ends of the wire may say.
const API_WORDS: [&str; 4] = ["\"RenewalStatus\"", "\"PeriodUnit\"", "\"NextToken\"", "\"PageNumber\""];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let shown = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            let module = shown.split(['/', '.']).next().unwrap().to_owned();
            (shown, module, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The modules that a line names by `crate::`.
fn named(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| {
            // `crate::{a, b::c}` names a and b.
            let group = rest.strip_prefix('{').map(|group| group.split('}').next().unwrap_or_default());
            let word =
                |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            group
                .map_or_else(|| vec![word(rest)], |group| group.split(',').map(word).collect::<Vec<String>>())
        })
        .collect()
}

/// All places where `text` of `module` breaks the order.
fn violations(file: &str, module: &str, text: &str) -> Vec<String> {
    let rank = |name: &str| ORDER.iter().position(|known| *known == name);
    let Some(own) = rank(module) else {
        return vec![format!("src/{file}: {module} is not in the list of layers")];
    };
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for name in named(line) {
            let forbidden =
                FORBIDDEN.iter().any(|(who, what)| *who == module && what.contains(&name.as_str()));
            if rank(&name).is_some_and(|other| other > own) || forbidden {
                found.push(format!("src/{file}:{}: {module} must not use {name}", number + 1));
            }
        }
    }
    found
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let found: Vec<String> = all_sources()
        .iter()
        .filter(|(file, _, _)| file != "lib.rs")
        .flat_map(|(file, module, text)| violations(file, module, text))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_guard_of_the_layers_sees_a_violation() {
    let text = "use crate::ids::InstanceId;\nuse crate::cloud::Cloud; // no\n";
    assert_eq!(violations("plan/draft.rs", "plan", text), ["src/plan/draft.rs:2: plan must not use cloud"]);
    assert_eq!(violations("emulator/x.rs", "emulator", "let x = crate::term::Term;").len(), 1);
    assert_eq!(violations("util.rs", "util", "").len(), 1);
}

#[test]
fn api_words_stand_at_the_two_ends_of_the_wire_only() {
    for (file, module, text) in all_sources() {
        if file == "cloud/wire.rs" || module == "emulator" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let word = API_WORDS.iter().find(|word| line.contains(*word));
            assert!(word.is_none(), "src/{file}:{}: {}", number + 1, word.unwrap());
        }
    }
}

#[test]
fn the_world_is_touched_in_one_folder() {
    for (file, _, text) in all_sources() {
        let allowed = text.contains("clippy::disallowed_methods");
        assert!(
            !allowed || file == "system/mod.rs" || file == "main.rs",
            "src/{file} allows itself the world"
        );
    }
}
