//! The checks of the fuzz targets on a stable toolchain: every seed, and seeded mutations of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dice::Dice;

#[path = "../../fuzz/checks.rs"]
mod checks;

/// Mutations of each seed.
const MUTATIONS: usize = 150;

/// Words that the readers know, to be put in anywhere.
const WORDS: [&str; 20] = [
    "\n",
    "\0",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "-1",
    "99999999999999999999",
    "1e999",
    "&a",
    "*a",
    "<<",
    "\u{202e}",
    "charge-intent",
    "min_remaining",
    "0mo",
];

fn seeds(target: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("fuzz/seeds").join(target)];
    match target {
        "config" => folders.extend([root.join("tests/config/valid"), root.join("tests/config/invalid")]),
        "world" => folders.push(root.join("examples/worlds")),
        _ => {}
    }
    let mut found: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten())
        .map(|file| file.unwrap().path())
        .collect();
    found.retain(|path| path.is_file());
    found.sort();
    assert!(!found.is_empty(), "{target} has no seeds");
    found
}

fn mutate(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = |dice: &mut Dice, length: usize| usize::try_from(dice.roll(length as u64 + 1)).unwrap();
    for _ in 0..=dice.roll(3) {
        let place = at(dice, bytes.len());
        match dice.roll(6) {
            0 if !bytes.is_empty() => {
                let index = place.min(bytes.len() - 1);
                bytes[index] ^= 1 << dice.roll(8);
            }
            1 => bytes.truncate(place),
            2 => {
                let word = dice.pick(&WORDS).as_bytes();
                bytes.splice(place..place, word.iter().copied());
            }
            3 => {
                let end = at(dice, bytes.len()).max(place);
                bytes.drain(place..end);
            }
            4 => {
                let (from, to) = (at(dice, other.len()), at(dice, other.len()));
                let part = other[from.min(to)..from.max(to)].to_vec();
                bytes.splice(place..place, part);
            }
            _ => {
                let line =
                    bytes.split_inclusive(|byte| *byte == b'\n').nth(place % 7).unwrap_or_default().to_vec();
                bytes.extend(line);
            }
        }
    }
}

fn check(target: &str, mutations: usize, check: fn(&[u8])) {
    let contents: Vec<Vec<u8>> = seeds(target).iter().map(|path| fs::read(path).unwrap()).collect();
    let mut dice = Dice(7);
    for seed in &contents {
        check(seed);
        for _ in 0..mutations {
            let mut bytes = seed.clone();
            let other = &contents[usize::try_from(dice.roll(contents.len() as u64)).unwrap()];
            mutate(&mut bytes, other, &mut dice);
            check(&bytes);
        }
    }
}

#[test]
fn any_desired_state_file_is_read_without_harm() {
    check("config", MUTATIONS / 20, checks::config);
}

#[test]
fn any_journal_is_read_without_harm_and_can_be_written_on() {
    check("journal", MUTATIONS * 3, checks::journal);
}

#[test]
fn any_saved_plan_is_read_without_harm() {
    check("plan", MUTATIONS, checks::plan);
}

#[test]
fn any_evidence_is_decided_on_without_harm() {
    check("evidence", MUTATIONS * 3, checks::evidence);
}

#[test]
fn any_world_is_read_without_harm() {
    check("world", MUTATIONS / 3, checks::world);
}

#[test]
fn any_home_is_read_without_harm() {
    check("credentials", MUTATIONS * 2, checks::credentials);
}

#[test]
fn any_reply_is_read_without_harm_and_no_doubt_is_lost() {
    check("replies", MUTATIONS, checks::replies);
}
