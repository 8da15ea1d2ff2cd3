//! How a run ended, and whether that is true.

use std::time::Duration;

use chrono::TimeDelta;

use super::{GRAIN, Judge, Rule, has_setting};
use crate::coverage::Seen;
use crate::process::Process;
use crate::world::World;

/// So long after a first signal a run ends: what is under way, a last look of a second, a last reading of two.
const END_GRACE: Duration = Duration::from_secs(7);

impl Judge {
    /// A run that got a signal has ended.
    fn check_end(&self, world: &World, who: &str, process: &Process, code: u8) {
        let slow = [(1, END_GRACE), (2, Duration::ZERO)].into_iter().find_map(|(number, grace)| {
            let since = process.signals.since(number)?;
            (since > grace + GRAIN).then_some((number, since.as_millis()))
        });
        if let Some((number, ms)) = slow {
            self.blame(world, Rule::Interrupted, format!("{who} ended {ms} ms after signal {number}"));
        }
        if matches!(code, 130 | 143) && process.signals.count() == 0 {
            self.blame(world, Rule::ExitCode, format!("{who} ended with {code}, without a signal"));
        }
    }

    /// A run has ended by itself.
    pub fn ended(&self, world: &World, process: &Process, code: u8, said: &str) {
        let who = format!("run {}", process.number);
        let charged = process.charged.borrow();
        // A repetition of what has entered the ledger, whoever sent it, changes nothing any more.
        let emulator = world.emulator.borrow();
        let known = |token: &str| {
            emulator.ledger().iter().any(|charge| charge.client_token.as_deref() == Some(token))
        };
        let on_their_way = world.charges_on_their_way(process);
        let on_its_way = on_their_way.iter().any(|sent| !known(&sent.token) && !self.is_mistaken(sent));
        drop(emulator);
        self.check_end(world, &who, process, code);
        let says_so =
            ["sent", "charged", "changed"].iter().any(|what| said.contains(&format!("Nothing was {what}")));
        let nothing = says_so || matches!(code, 1 | 4 | 5 | 6 | 8 | 64);
        if nothing && (!charged.is_empty() || on_its_way || process.settings.get() > 0) {
            let text = format!(
                "{who} ended with {code} after {} charges and {} settings",
                charged.len(),
                process.settings.get()
            );
            self.blame(world, Rule::ExitCode, text);
        }
        let moved = process.moved.borrow();
        // Another run that shares its journal may have seen them.
        let told = |id: &str| said.contains(&format!("done: {id} "));
        let unknown =
            charged.iter().filter(|(sent, _)| moved.get(&sent.id) == Some(&false) && !told(&sent.id)).count();
        if unknown > 0 || on_its_way {
            world.seen.note(Seen::UnknownOutcomes);
        }
        if code != 7 && (unknown > 0 || on_its_way) {
            let text = format!("{who} ended with {code}, and could not know of {unknown} charges of its own");
            self.blame(world, Rule::ExitCode, text);
        }
        if code == 0 {
            self.check_converged(world, &who, process);
        }
    }

    /// Exit code 0: by the last readings of the run, which were true, nothing was left to do.
    fn check_converged(&self, world: &World, who: &str, process: &Process) {
        let version = &world.scenario.versions[process.version];
        let disturbed = self
            .flips
            .borrow()
            .iter()
            .any(|(at, by)| *at >= process.began.get() && *by != Some(process.number));
        for (instance, want) in world.scenario.instances.iter().zip(&version.wants) {
            let Some(want) = want else { continue };
            let id = instance.id.as_str();
            let Some(reading) = process.readings.borrow().get(id).copied() else {
                self.blame(world, Rule::ExitCode, format!("{who} ended with 0 and has never seen {id}"));
                continue;
            };
            // Plans count in whole minutes.
            let at = reading.answered - TimeDelta::minutes(1);
            if want.min_remaining_h.is_some_and(|hours| at >= reading.expires_at - TimeDelta::hours(hours)) {
                let text = format!("{who} ended with 0, and {id} expires {}", reading.expires_at);
                self.blame(world, Rule::ExitCode, text);
            }
            if disturbed || want.auto.is_none_or(|auto| has_setting(world, id, auto) != Some(false)) {
                continue;
            }
            self.blame(world, Rule::ExitCode, format!("{who} ended with 0, and {id} is not set as wanted"));
        }
    }
}
