//! What came of a plan: one result for each action, and numbers that add up.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::ids::{InstanceId, RegionId};
use crate::plan::PriceDecision;
use crate::term::{AutoRenew, PurchaseTerm};

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
    },
}

impl ChargeResult {
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
    /// Not accepted, or not known to be: it is safe to try again.
    Failed {
        /// Why, for people.
        why: String,
    },
    /// Not sent.
    NotTried {
        /// Why, for people.
        why: String,
    },
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
    /// Settings by instance.
    pub settings: BTreeMap<(RegionId, InstanceId), (AutoRenew, SettingResult)>,
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
        self.settings.insert((region.clone(), id.clone()), (to, result));
    }

    /// What came of an instance's charge, if it had one.
    pub fn charge_of(&self, region: &RegionId, id: &InstanceId) -> Option<&ChargeResult> {
        self.charges.get(&(region.clone(), id.clone())).map(|report| &report.result)
    }

    /// Counts.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for report in self.charges.values() {
            *match report.result {
                ChargeResult::Done { .. } | ChargeResult::MovedFurther { .. } => &mut tally.done,
                ChargeResult::Satisfied { .. } => &mut tally.satisfied,
                ChargeResult::Failed { .. } => &mut tally.failed,
                ChargeResult::NotTried { .. } => &mut tally.not_tried,
                ChargeResult::InDoubt { .. } => &mut tally.in_doubt,
            } += 1;
        }
        for (_, result) in self.settings.values() {
            *match result {
                SettingResult::Done => &mut tally.done,
                SettingResult::Failed { .. } => &mut tally.failed,
                SettingResult::NotTried { .. } => &mut tally.not_tried,
            } += 1;
        }
        tally
    }

    /// Charges that moved an expiry further than planned.
    pub fn moved_further(&self) -> usize {
        let further = |report: &&ChargeReport| matches!(report.result, ChargeResult::MovedFurther { .. });
        self.charges.values().filter(further).count()
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
        let charge = |report: &ChargeReport| {
            matches!(
                report.result,
                ChargeResult::Done { .. } | ChargeResult::MovedFurther { .. } | ChargeResult::InDoubt { .. }
            )
        };
        let setting = |(_, result): &(AutoRenew, SettingResult)| *result == SettingResult::Done;
        self.charges.values().any(charge) || self.settings.values().any(setting)
    }
}
