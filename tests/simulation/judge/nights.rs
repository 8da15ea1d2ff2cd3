//! The calm nights: whoever reads their logs is told, and everything converges.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Judge, Rule, has_setting};
use crate::coverage::Seen;
use crate::draw::Want;
use crate::world::World;

/// A calm night: when its run began, how it ended, what it said.
pub(super) struct Night {
    began: DateTime<Utc>,
    exit: u8,
    said: String,
    /// Charges in the ledger at its end.
    charges: usize,
}

impl Night {
    /// Whether whoever reads the log knows that something is wrong with the instance: it is named, or nothing
    /// at all was done (an error, a stale plan, a journal in use).
    fn reported(&self, id: &str) -> bool {
        self.exit != 0 && (self.said.contains(id) || matches!(self.exit, 1 | 5 | 8))
    }
}

impl Judge {
    /// A calm night is over.
    pub fn night(&self, began: DateTime<Utc>, exit: u8, said: String, charges: usize) {
        self.nights.borrow_mut().push(Night { began, exit, said, charges });
    }

    pub fn last_nights(&self, count: usize) -> Vec<u8> {
        self.nights.borrow().iter().rev().take(count).map(|night| night.exit).collect()
    }

    /// Two nights in a row found nothing that they could do, or were refused, and held nothing: more
    /// nights would tell the same.
    pub fn is_settled(&self) -> bool {
        let nights = self.nights.borrow();
        let mut last = nights.iter().rev().take(2);
        let (Some(a), Some(b)) = (last.next(), last.next()) else { return false };
        let holds_nothing = |night: &Night| night.said.contains(" 0 held");
        let same = a.exit == b.exit && a.charges == b.charges;
        (a.exit == 0 && b.exit == 0) || (same && holds_nothing(a) && holds_nothing(b))
    }

    fn wanted<'a>(world: &'a World, id: &str) -> Option<&'a Want> {
        let want = world.scenario.versions[0].wants[world.scenario.number_of(id)?].as_ref()?;
        want.min_remaining_h.is_some().then_some(want)
    }

    pub fn stopped(&self, world: &World, id: &str, at: DateTime<Utc>) {
        if let Some(want) = Self::wanted(world, id) {
            world.seen.note(Seen::StoppedInstances);
            self.check_lost(world, id, want, at, "stopped");
        }
    }

    pub fn released(&self, world: &World, id: &str, at: DateTime<Utc>) {
        if let Some(want) = Self::wanted(world, id) {
            world.seen.note(Seen::ReleasedInstances);
            self.check_lost(world, id, want, at, "was released");
            self.removed(id);
        }
    }

    /// On each calm night on which it needed a renewal, somebody was told why there was none.
    fn check_lost(&self, world: &World, id: &str, want: &Want, at: DateTime<Utc>, how: &str) {
        let from = at - TimeDelta::hours(want.min_remaining_h.unwrap_or(0));
        let silent = {
            let nights = self.nights.borrow();
            let silent = nights.iter().find(|night| night.began >= from && !night.reported(id));
            silent.map(|night| (night.began, night.exit))
        };
        if let Some((night, exit)) = silent {
            let text =
                format!("{id} {how} at {at}, and the run of {night} ended with {exit} without a word of it");
            self.blame(world, Rule::Lost, text);
        }
    }

    /// The nights are over: everything that can be is as the files ask for.
    pub fn last_judgement(&self, world: &World) {
        let scenario = &world.scenario;
        let version = &scenario.versions[0];
        let now = world.now();
        let mut all_well = true;
        for (number, instance) in scenario.instances.iter().enumerate() {
            let id = instance.id.as_str();
            let locked = matches!(self.lock_of(id).as_deref(), Some("security" | "refunded"));
            let gone = self.removed.borrow().contains(id);
            let want = version.wants[number].as_ref();
            // With less than 72 hours left it is at risk, even if the file asks for less (design 4.10).
            all_well &= want.is_some_and(|want| want.min_remaining_h > Some(72)) && !locked && !gone;
            if scenario.is_hopeless(number, version) || locked || gone {
                all_well = false;
                continue;
            }
            let Some(want) = want else { continue };
            let Some(left) = self.left_to_do(world, id, want) else { continue };
            let said = self.nights.borrow().last().is_some_and(|night| night.reported(id));
            if !scenario.tight || !said {
                let nights = self.last_nights(9);
                let text = format!("{id}: {left} at {now}; the last nights ended with {nights:?}");
                self.blame(world, Rule::NotConverged, text);
            }
        }
        let last = self.last_nights(1);
        if all_well && !scenario.tight && last != [0] {
            let text =
                format!("everything is well, and the last nights ended with {:?}", self.last_nights(9));
            self.blame(world, Rule::NotConverged, text);
        }
    }

    fn left_to_do(&self, world: &World, id: &str, want: &Want) -> Option<String> {
        let began = self.nights.borrow().last()?.began;
        let view = world.emulator.borrow().instance(id, world.now())?;
        if let Some(hours) = want.min_remaining_h
            && began >= view.paid_until - TimeDelta::hours(hours)
        {
            return Some(format!("it expires {}", view.paid_until));
        }
        if view.paid_until <= world.now() {
            // Without a lifetime to keep it may expire, and then nothing can be set.
            return None;
        }
        let auto = want.auto?;
        (has_setting(world, id, auto) == Some(false)).then(|| format!("it is not set to {auto:?}"))
    }
}
