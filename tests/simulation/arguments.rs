//! Arguments: our own, and those that `cargo test` passes to every test binary.

use crate::draw::{Mix, Outside};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A filter names other tests.
    Nothing,
    List,
    One(u64),
    Inside,
    Envelope,
    Policies,
}

pub struct Arguments {
    pub task: Task,
    pub from: u64,
    /// How many, if somebody said so.
    pub seeds: Option<u64>,
    /// From which mix `--seed` draws.
    pub mix: Mix,
    pub threads: usize,
}

/// Options of libtest that have a value.
const WITH_VALUE: [&str; 7] =
    ["--test-threads", "--format", "--color", "--skip", "--logfile", "--shuffle-seed", "-Z"];

impl Arguments {
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let mut it = Self { task: Task::Inside, from: 0, seeds: None, mix: Mix::Inside, threads };
        let (mut filters, mut skips, mut exact) = (Vec::new(), Vec::new(), false);
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text:?} is no number"));
            match word.as_str() {
                "--seeds" => it.seeds = Some(number(value()?)?),
                "--from" => it.from = number(value()?)?,
                "--seed" => it.task = Task::One(number(value()?)?),
                "--threads" => it.threads = usize::try_from(number(value()?)?.max(1)).unwrap(),
                "--envelope" => it.task = Task::Envelope,
                "--token-policies" => it.task = Task::Policies,
                "--mix" => it.mix = mix(&value()?)?,
                "--list" => it.task = Task::List,
                // The simulation has no ignored tests.
                "--ignored" => it.task = Task::Nothing,
                "--exact" => exact = true,
                "--skip" => skips.push(value()?),
                option if WITH_VALUE.contains(&option) => {
                    value()?;
                }
                option if option.starts_with('-') => {}
                filter => filters.push(filter.to_owned()),
            }
        }
        let hit = |filter: &String| {
            if exact { filter == "simulation" } else { "simulation".contains(filter.as_str()) }
        };
        let run = filters.is_empty() || filters.iter().any(hit);
        if (!run || skips.iter().any(hit)) && it.task != Task::List {
            it.task = Task::Nothing;
        }
        Ok(it)
    }
}

fn mix(name: &str) -> Result<Mix, String> {
    Ok(match name {
        "inside" => Mix::Inside,
        "tokens" => Mix::Tokens,
        "short-retention" => Mix::Outside(Outside::ShortRetention),
        "long-lag" => Mix::Outside(Outside::LongLag),
        "long-flight" => Mix::Outside(Outside::LongFlight),
        "suspended" => Mix::Outside(Outside::Suspended),
        "impatient" => Mix::Outside(Outside::Impatient),
        _ => {
            return Err(format!("there is no mix {name:?}: inside, tokens, or a name that --envelope shows"));
        }
    })
}
