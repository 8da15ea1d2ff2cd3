//! What the journal remembers of each charge, and which instances it therefore holds.
//!
//! Pure. Every hold ends by itself, and a reading that shows the effect ends it at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};

use super::{ChargeIntent, ChargeOutcome, Line, Record};
use crate::calendar::{show_beijing, show_minute};
use crate::ids::{ClientToken, InstanceId, RegionId};
use crate::live::{Answer, Live};
use crate::plan::draft::Holds;
use crate::plan::{Hold, HoldCode};
use crate::text::escape;

/// A charge whose outcome is unknown holds its instance so long. Assumed: the effect of an order is
/// visible within 30 minutes (the official sample says about ten seconds, cloudpods waits five
/// minutes; no page gives a bound).
pub const UNKNOWN_MINUTES: i64 = 45;
/// A charge that was acknowledged and does not show holds its instance so long: the money is spent,
/// and somebody should look.
pub const NOT_MOVED_HOURS: i64 = 72;
/// A reading older than one that the journal has seen holds its instance so long. Assumed: readings
/// of a lagging replica; a refund looks the same and is over after that time.
const OLDER_READING_HOURS: i64 = 24;
/// An observed expiry this near to the planned one is the planned one.
pub const SETTLED_WITHIN_HOURS: i64 = 24;

/// The lines that say that the effect of a charge, or of somebody else's order, was seen.
pub fn settled(intent: ChargeIntent, expires_at: DateTime<Utc>, foreign: bool) -> Vec<Record> {
    let ChargeIntent { region, id, token, .. } = intent;
    let not_made = foreign.then(|| Record::ChargeOutcome {
        region: region.clone(),
        id: id.clone(),
        token: token.clone(),
        outcome: ChargeOutcome::NotMade { error: "another order renewed it".to_owned() },
    });
    [Record::ChargeSettled { region, id, token, expires_at }].into_iter().chain(not_made).collect()
}

/// Whether `seen` is the expiry that was planned.
pub fn is_settled(planned: DateTime<Utc>, seen: DateTime<Utc>) -> bool {
    (seen - planned).abs() <= Duration::hours(SETTLED_WITHIN_HOURS)
}

/// Whether `seen` is the expiry that was planned, or a later one.
pub fn shows(planned: DateTime<Utc>, seen: DateTime<Utc>) -> bool {
    seen + Duration::hours(SETTLED_WITHIN_HOURS) >= planned
}

impl ChargeIntent {
    /// Whether an observed expiry shows the effect of this charge, or more than it.
    pub fn shows_in(&self, seen: DateTime<Utc>) -> bool {
        shows(self.expires_after, seen)
    }
}

#[derive(Clone, Debug)]
enum State {
    /// No outcome, or an unknown one, since then; whether ours was certainly not made.
    Unknown(DateTime<Utc>, bool),
    Acknowledged(DateTime<Utc>, String),
    NotMade,
    Settled,
}

#[derive(Clone, Debug)]
struct Charge {
    intent: ChargeIntent,
    state: State,
}

/// A charge that may have happened and is not known to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What was announced.
    pub intent: ChargeIntent,
    /// Why, and until when its effect may still come.
    pub hold: Hold,
    /// Ours was certainly not made: what may show is somebody else's order.
    pub foreign: bool,
}

impl Pending {
    /// Whether its effect may still come.
    pub fn is_held(&self, now: DateTime<Utc>) -> bool {
        now < self.hold.until
    }
}

#[derive(Clone, Debug, Default)]
struct Memory {
    charges: Vec<Charge>,
    /// The latest expiry that a reading showed, and when.
    seen: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// The memory of one world.
#[derive(Clone, Debug, Default)]
pub struct Fold(BTreeMap<(RegionId, InstanceId), Memory>);

/// Folds the lines of one world. Lines of other worlds are passed over.
pub fn fold(lines: &[Line], world: &str) -> Fold {
    let mut fold = Fold::default();
    for line in lines.iter().filter(|line| line.world == world) {
        fold.take(line);
    }
    fold
}

impl Fold {
    fn memory(&mut self, region: &RegionId, id: &InstanceId) -> &mut Memory {
        self.0.entry((region.clone(), id.clone())).or_default()
    }

    fn take(&mut self, line: &Line) {
        match &line.record {
            Record::ChargeIntent(intent) => {
                let charges = &mut self.memory(&intent.region, &intent.id).charges;
                let same = |charge: &Charge| charge.intent.token == intent.token;
                if !charges.iter().any(|charge| same(charge) && charge.is_made()) {
                    charges.retain(|charge| !same(charge));
                    charges.push(Charge { intent: intent.clone(), state: State::Unknown(line.at, false) });
                }
            }
            Record::ChargeOutcome { region, id, token, outcome } => {
                let state = match outcome {
                    ChargeOutcome::Acknowledged { order_id, .. } => {
                        State::Acknowledged(line.at, order_id.clone())
                    }
                    ChargeOutcome::NotMade { .. } => State::NotMade,
                    ChargeOutcome::Unknown { foreign, .. } => State::Unknown(line.at, *foreign),
                };
                self.memory(region, id).set(token, state);
            }
            Record::ChargeSettled { region, id, token, expires_at } => {
                let memory = self.memory(region, id);
                memory.set(token, State::Settled);
                if memory.seen.is_none_or(|(seen, _)| seen <= *expires_at) {
                    memory.seen = Some((*expires_at, line.at));
                }
            }
            _ => {}
        }
    }

    /// The charges that may have happened and are not known to show, also those whose hold is over. One
    /// whose need a later charge has met is not among them: a need is met once.
    pub fn pending(&self) -> Vec<Pending> {
        self.0.values().flat_map(Memory::open).collect()
    }

    /// Instances whose need a charge may have met and, when its hold had ended, had not.
    pub fn doubted(&self) -> BTreeSet<(RegionId, InstanceId)> {
        self.pending().into_iter().map(|pending| (pending.intent.region, pending.intent.id)).collect()
    }

    /// What a new reading says of the pending ones: a line for each whose effect shows in it, so that the
    /// journal's history is right.
    pub fn settled_by(&self, seen: impl Fn(&RegionId, &InstanceId) -> Option<DateTime<Utc>>) -> Vec<Record> {
        let mut records = Vec::new();
        for Pending { intent, foreign, .. } in self.pending() {
            let shows = seen(&intent.region, &intent.id).filter(|seen| intent.shows_in(*seen));
            let Some(expires_at) = shows else { continue };
            records.extend(settled(intent, expires_at, foreign));
        }
        records
    }

    /// Those of them that are held at `now`, without any reading.
    pub fn in_doubt(&self, now: DateTime<Utc>) -> Vec<Pending> {
        self.pending().into_iter().filter(|pending| pending.is_held(now)).collect()
    }

    /// Which of the instances just read are held.
    pub fn holds(&self, live: &Live, now: DateTime<Utc>) -> Holds {
        let mut holds = Holds::new();
        for (key, memory) in &self.0 {
            if let Some(Answer::Found(instance)) = live.answers.get(key)
                && let Some(hold) = memory.hold(instance.expires_at, now)
            {
                holds.insert(key.clone(), hold);
            }
        }
        holds
    }
}

impl Memory {
    fn open(&self) -> Vec<Pending> {
        let open = self.charges.iter().enumerate().filter(|(index, charge)| {
            let meets = |other: &Charge| other.intent.is_for_the_need_of(&charge.intent) && other.is_made();
            !self.charges.iter().skip(index + 1).any(meets)
        });
        let pending = |(_, charge): (usize, &Charge)| {
            let foreign = matches!(charge.state, State::Unknown(_, true));
            Some(Pending { intent: charge.intent.clone(), hold: charge.doubt()?, foreign })
        };
        open.filter_map(pending).collect()
    }

    fn set(&mut self, token: &ClientToken, state: State) {
        if let Some(charge) = self.charges.iter_mut().rev().find(|charge| charge.intent.token == *token) {
            let next = Charge { intent: charge.intent.clone(), state };
            if next.is_made() || !charge.is_made() {
                *charge = next;
            }
        }
    }

    /// The hold that lasts longest, if any still lasts.
    fn hold(&self, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Hold> {
        let mut holds: Vec<Hold> = self.charges.iter().filter_map(|charge| charge.hold(expires_at)).collect();
        if let Some((seen, at)) = self.seen
            && expires_at < seen
        {
            let text = format!(
                "the reading says {}, and the journal has seen {}",
                show_minute(expires_at),
                show_minute(seen)
            );
            let until = at + Duration::hours(OLDER_READING_HOURS);
            holds.push(Hold { code: HoldCode::OlderReading, until, text });
        }
        holds.into_iter().filter(|hold| now < hold.until).max_by_key(|hold| hold.until)
    }
}

impl Charge {
    /// Whether there is an order: no call under the same token makes it undone.
    fn is_made(&self) -> bool {
        matches!(self.state, State::Settled | State::Acknowledged(..))
    }

    fn hold(&self, expires_at: DateTime<Utc>) -> Option<Hold> {
        // The effect shows, or more than it: the new reading decides. A move that is short of it is
        // somebody else's, and ours may still come.
        if self.intent.shows_in(expires_at) {
            return None;
        }
        self.doubt()
    }

    /// The hold of a charge whose effect has not been seen.
    fn doubt(&self) -> Option<Hold> {
        let (code, until, text) = match &self.state {
            State::Unknown(at, _) => {
                let when = show_beijing(*at);
                let text = format!("a renewal was sent at {when} and its outcome is not known");
                (HoldCode::OutcomeUnknown, *at + Duration::minutes(UNKNOWN_MINUTES), text)
            }
            State::Acknowledged(at, order) => {
                let order = escape(order);
                let text = format!(
                    "order {order} was acknowledged at {} and its effect has not shown",
                    show_beijing(*at)
                );
                (HoldCode::NotMoved, *at + Duration::hours(NOT_MOVED_HOURS), text)
            }
            State::NotMade | State::Settled => return None,
        };
        Some(Hold { code, until, text })
    }
}
