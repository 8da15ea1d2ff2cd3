//! What came of a plan: one result for each action, and numbers that add up.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::ids::{InstanceId, RegionId};
use crate::plan::{Bill, Plan, PriceDecision};
use crate::term::{AutoRenew, LiveAutoRenew, PurchaseTerm};

/// What came of one charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeResult {
    /// Charged, and the new expiry shows.
    Done {
        /// The expiry that was read.
        expires_at: DateTime<Utc>,
        /// The order, if its number is known.
        order_id: Option<String>,
    },
    /// The expiry moved further than one renewal explains: somebody or something else renewed too.
    MovedFurther {
        /// The expiry that was read.
        expires_at: DateTime<Utc>,
        /// The order, if its number is known.
        order_id: Option<String>,
    },
    /// Found already done by the reading before the charge; nothing was sent.
    Satisfied {
        /// The expiry that was read.
        expires_at: DateTime<Utc>,
    },
    /// Sent or tried, and certainly not charged.
    Failed {
        /// Why, for people.
        why: String,
    },
    /// Not sent.
    NotTried {
        /// Why, for people.
        why: String,
    },
    /// A charge may have happened.
    InDoubt {
        /// What is known, for people.
        why: String,
        /// When to look again.
        until: DateTime<Utc>,
        /// Whether it may be ours: otherwise ours was not made, and somebody else's order may exist.
        ours: bool,
    },
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Carried out.
    Done,
    /// Charged, and the expiry moved further than one renewal explains.
    MovedFurther,
    /// Found already done.
    Satisfied,
    /// Tried in vain.
    Failed,
    /// Not sent.
    NotTried,
    /// Not known.
    InDoubt,
}

impl Ending {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::MovedFurther => "moved-further",
            Self::Satisfied => "satisfied",
            Self::Failed => "failed",
            Self::NotTried => "not-tried",
            Self::InDoubt => "in-doubt",
        }
    }
}

impl ChargeResult {
    /// How it ended.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Done { .. } => Ending::Done,
            Self::MovedFurther { .. } => Ending::MovedFurther,
            Self::Satisfied { .. } => Ending::Satisfied,
            Self::Failed { .. } => Ending::Failed,
            Self::NotTried { .. } => Ending::NotTried,
            Self::InDoubt { .. } => Ending::InDoubt,
        }
    }

    /// Whether a charge may have happened that does not show.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::InDoubt { .. })
    }
}

/// What came of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingResult {
    /// Accepted.
    Done,
    /// Found already so; nothing was sent.
    Satisfied,
    /// Not accepted, or not known to be: it is safe to try again.
    Failed {
        /// Why, for people.
        why: String,
        /// Whether it may be set all the same.
        maybe_done: bool,
    },
    /// Not sent.
    NotTried {
        /// Why, for people.
        why: String,
    },
}

impl SettingResult {
    /// How it ended.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Done => Ending::Done,
            Self::Satisfied => Ending::Satisfied,
            Self::Failed { .. } => Ending::Failed,
            Self::NotTried { .. } => Ending::NotTried,
        }
    }
}

/// One charge of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeReport {
    /// What was to be bought.
    pub term: PurchaseTerm,
    /// For how much.
    pub price: PriceDecision,
    /// What came of it.
    pub result: ChargeResult,
}

/// What came of all actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Charges by instance.
    pub charges: BTreeMap<(RegionId, InstanceId), ChargeReport>,
    /// Settings by instance, in the order of sending: a mark that is lifted before a renewal is
    /// followed by the wanted setting.
    pub settings: BTreeMap<(RegionId, InstanceId), Vec<(AutoRenew, SettingResult)>>,
    /// Why the run ended early, if it did.
    pub stopped: Option<String>,
}

/// How many actions ended how; renewals and settings together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Carried out.
    pub done: usize,
    /// Found already done.
    pub satisfied: usize,
    /// Tried in vain.
    pub failed: usize,
    /// Not sent.
    pub not_tried: usize,
    /// Not known.
    pub in_doubt: usize,
}

impl Outcome {
    /// Notes what came of one setting.
    pub fn set(&mut self, region: &RegionId, id: &InstanceId, to: AutoRenew, result: SettingResult) {
        self.settings.entry((region.clone(), id.clone())).or_default().push((to, result));
    }

    /// Adds what was found satisfied before anything was sent.
    pub fn absorb(&mut self, satisfied: Self) {
        for (key, report) in satisfied.charges {
            // What came of a call is never overwritten.
            self.charges.entry(key).or_insert(report);
        }
        for (key, results) in satisfied.settings {
            self.settings.entry(key).or_insert(results);
        }
    }

    /// Takes settings whose answer was lost, and that a later reading shows, for what they are: done.
    pub fn confirm(&mut self, after: &Plan) {
        for item in &after.items {
            let Some(live) = &item.live else { continue };
            let sent = self.settings.get_mut(&(item.region.clone(), item.id.clone()));
            if let Some((to, result @ SettingResult::Failed { maybe_done: true, .. })) =
                sent.and_then(|sent| sent.last_mut())
                && live.auto_renew == Some(Ok(LiveAutoRenew::from(*to)))
            {
                *result = SettingResult::Done;
            }
        }
    }

    /// Every setting with its instance.
    pub fn each_setting(&self) -> impl Iterator<Item = (&(RegionId, InstanceId), AutoRenew, &SettingResult)> {
        self.settings.iter().flat_map(|(key, sent)| sent.iter().map(move |(to, result)| (key, *to, result)))
    }

    /// What came of an instance's charge, if it had one.
    pub fn charge_of(&self, region: &RegionId, id: &InstanceId) -> Option<&ChargeResult> {
        self.charges.get(&(region.clone(), id.clone())).map(|report| &report.result)
    }

    /// How every action ended.
    fn endings(&self) -> impl Iterator<Item = Ending> {
        let charges = self.charges.values().map(|report| report.result.ending());
        charges.chain(self.each_setting().map(|(_, _, result)| result.ending()))
    }

    /// Counts.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for ending in self.endings() {
            *match ending {
                Ending::Done | Ending::MovedFurther => &mut tally.done,
                Ending::Satisfied => &mut tally.satisfied,
                Ending::Failed => &mut tally.failed,
                Ending::NotTried => &mut tally.not_tried,
                Ending::InDoubt => &mut tally.in_doubt,
            } += 1;
        }
        tally
    }

    /// Charges of ours that may have happened.
    pub fn ours_in_doubt(&self) -> usize {
        let ours = |report: &&ChargeReport| matches!(report.result, ChargeResult::InDoubt { ours: true, .. });
        self.charges.values().filter(ours).count()
    }

    /// Charges that moved an expiry further than planned.
    pub fn moved_further(&self) -> usize {
        self.endings().filter(|ending| *ending == Ending::MovedFurther).count()
    }

    /// What the charges that showed cost, at the quoted prices.
    pub fn charged(&self) -> Bill {
        self.bill(&[Ending::Done, Ending::MovedFurther])
    }

    /// What the charges that may have happened cost, at the quoted prices.
    pub fn in_doubt(&self) -> Bill {
        self.bill(&[Ending::InDoubt])
    }

    fn bill(&self, endings: &[Ending]) -> Bill {
        let reports = self.charges.values().filter(|report| endings.contains(&report.result.ending()));
        reports.map(|report| &report.price).collect()
    }

    /// Whether every action ended as planned.
    pub fn is_smooth(&self) -> bool {
        let tally = self.tally();
        self.stopped.is_none()
            && tally.failed + tally.not_tried + tally.in_doubt == 0
            && self.moved_further() == 0
    }

    /// Whether any call of the run had, or may have had, an effect.
    pub fn had_effect(&self) -> bool {
        let effect = [Ending::Done, Ending::MovedFurther, Ending::InDoubt];
        let maybe = |result: &SettingResult| matches!(result, SettingResult::Failed { maybe_done: true, .. });
        self.endings().any(|ending| effect.contains(&ending))
            || self.each_setting().any(|(_, _, result)| maybe(result))
    }
}
