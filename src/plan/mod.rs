//! The plan: what is to be done at one moment, for every instance that the files ask for.
//!
//! The way here is `draft` (what each instance needs), then quotes from outside, then `price` (what
//! it costs, and the whole [`Plan`]; `budget` is what fits under its caps, `cost` adds up). A [`Verdict`] is
//! what it says of one action. `guard` bounds and approves it, `headroom` is what its caps leave, `file` saves it with all that it was decided from and `resume` takes it up again, `validity`
//! knows how long it holds, `step` puts it in order, `token` names its charges, `identity` names the plan itself,
//! `window` knows the hours in which charges wait, `risk` what may stop all the same, `outcome` holds
//! what came of it. All of it is pure: the same input gives the same plan, and nothing here knows that
//! a network, a disk or a clock exists.

mod budget;
mod cost;
pub mod draft;
pub mod file;
pub mod guard;
mod headroom;
pub mod identity;
pub mod outcome;
pub mod price;
pub mod resume;
mod risk;
pub mod step;
pub mod token;
mod validity;
mod verdict;
pub mod window;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::desired::{DesiredFile, LeftOver, WhyLeft};
use crate::diagnostic::Place;
use crate::ids::{AccountId, InstanceId, PlanId, RegionId};
use crate::live::{LiveInstance, Quote};
use crate::money::{Money, Totals};
use crate::term::{AutoRenew, LiveAutoRenew, PurchaseTerm, Site, Term};
use crate::text::Untrusted;

pub use cost::Bill;
pub use verdict::{Block, BlockCode, Hold, HoldCode, Stopped, Verdict, VerdictKind};

/// One renewal. `P` is `()` while it has no price, and [`PriceDecision`] in a plan: a charge without
/// a price decision cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal<P> {
    /// What to buy.
    pub term: PurchaseTerm,
    /// The expiry that was read; it goes into the token.
    pub expires_before: DateTime<Utc>,
    /// The expiry that the renewal leads to.
    pub expires_after: DateTime<Utc>,
    /// What it costs.
    pub price: P,
    /// The numbers: `10d 4h left, 15d wanted`.
    pub reason: String,
    /// The rule's place in the files.
    pub place: Place,
}

/// What is known of the price of a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriceDecision {
    /// Quoted.
    Quoted(Quote),
    /// Not quoted, and the file allows that.
    Unpriced,
}

/// One change of the auto-renewal setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As it was read.
    pub before: LiveAutoRenew,
    /// As it shall be.
    pub after: AutoRenew,
    /// Why.
    pub reason: String,
    /// The rule's place in the files.
    pub place: Place,
}

impl Setting {
    /// Whether the platform deducts no more for it than for the setting that is on already: a shorter
    /// term, or none.
    pub fn adds_nothing(&self) -> bool {
        match (self.before, self.after) {
            (LiveAutoRenew::Every(on), AutoRenew::Every(after)) => after.term().cmp_length(on).is_le(),
            (_, after) => !matches!(after, AutoRenew::Every(_)),
        }
    }

    /// Whether it ends automatic renewal.
    pub fn switches_off(&self) -> bool {
        matches!(self.before, LiveAutoRenew::Every(_)) && !matches!(self.after, AutoRenew::Every(_))
    }
}

/// What a new auto-renewal setting will make the platform charge next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Not before this instant.
    pub at: DateTime<Utc>,
    /// For this term.
    pub term: Term,
    /// Today's quote for one deduction, if there is one.
    pub amount: Option<Money>,
    /// When it was quoted.
    pub quoted_at: Option<DateTime<Utc>>,
    /// How many deductions come so soon that they count into the total and the caps: a week comes twice.
    pub times: usize,
    /// Whether it comes so soon that it counts into the total and the caps.
    pub counts: bool,
}

/// One instance in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<P> {
    /// Which instance.
    pub id: InstanceId,
    /// Where.
    pub region: RegionId,
    /// Its live name; the file's name if it could not be read.
    pub name: Untrusted,
    /// The entry's place in the files.
    pub place: Place,
    /// Which of the plan's files asks for it.
    pub file: usize,
    /// As it was read.
    pub live: Option<LiveInstance>,
    /// The verdict on renewing; `None` if no lifetime is asked for.
    pub renew: Option<Verdict<Renewal<P>>>,
    /// The verdict on the setting; `None` if no setting is asked for.
    pub set: Option<Verdict<Setting>>,
    /// Why it may stop soon although the file says to keep it.
    pub at_risk: Option<String>,
    /// What its new setting commits to.
    pub committed: Option<Committed>,
    /// What a reviewer should know besides.
    pub warnings: Vec<String>,
}

impl<P> Item<P> {
    /// The worst of its verdicts.
    pub fn verdict(&self) -> VerdictKind {
        let renew = self.renew.as_ref().map_or(VerdictKind::NoOp, Verdict::kind);
        let set = self.set.as_ref().map_or(VerdictKind::NoOp, Verdict::kind);
        renew.max(set)
    }

    /// The renewal, if one is to be done.
    pub fn renewal(&self) -> Option<&Renewal<P>> {
        self.renew.as_ref().and_then(Verdict::change)
    }

    /// Whether there is anything to do for it.
    pub fn has_changes(&self) -> bool {
        self.renewal().is_some() || self.setting().is_some()
    }

    /// Whether something is to do for it that is not in the saved plan that is carried out.
    pub(super) fn leaves_out(&self) -> bool {
        let code = BlockCode::NotInPlan.as_str();
        let renew = self.renew.as_ref().and_then(Verdict::stopped);
        let set = self.set.as_ref().and_then(Verdict::stopped);
        renew.into_iter().chain(set).any(|stopped| stopped.code == code)
    }

    /// The setting, if one is to be changed.
    pub fn setting(&self) -> Option<&Setting> {
        self.set.as_ref().and_then(Verdict::change)
    }
}

/// An account that a plan is for, as the cloud named it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanAccount {
    /// Its id.
    pub uid: AccountId,
    /// Its site, as the files say.
    pub site: Site,
}

/// What is to be done, with what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its identity.
    pub id: PlanId,
    /// The moment it was decided for.
    pub evaluated_at: DateTime<Utc>,
    /// The moment of the reading.
    pub read_at: DateTime<Utc>,
    /// The first instant at which a planned change would be another one, or could not be made; `None`
    /// if nothing is planned. Hours in which a charge only waits do not count.
    pub valid_until: Option<DateTime<Utc>>,
    /// Whether everything could be read.
    pub complete: bool,
    /// The account that the files name, once it was found to be the key's; empty if none names one.
    pub accounts: Vec<PlanAccount>,
    /// One item for each instance asked for, by region and id.
    pub items: Vec<Item<PriceDecision>>,
    /// The files and their limits.
    pub files: Vec<DesiredFile>,
    /// The cap of the whole run, besides those of the files.
    pub run_cap: Option<Money>,
    /// How many instances of the files were left out of it.
    pub left_out: usize,
    /// The sum of all quoted charges.
    pub charge: Totals,
    /// The sum of what the platform will deduct so soon that it counts.
    pub committed: Totals,
    /// For how many instances the platform deducts within the same days because auto-renewal is on
    /// already: no cap of ours would stop that, so that it is said and not counted.
    pub deducted_anyway: usize,
}

/// The numbers of the summary line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Renewals to be done.
    pub renew: usize,
    /// Settings to be changed, those that switch off not counted.
    pub set_auto_renew: usize,
    /// Settings that end automatic renewal.
    pub switch_off: usize,
    /// Instances that need nothing.
    pub noop: usize,
    /// Instances with something blocked.
    pub blocked: usize,
    /// Instances with something held.
    pub held: usize,
    /// Instances at risk.
    pub at_risk: usize,
    /// Renewals, and deductions that count, without a price.
    pub unpriced: usize,
}

impl Summary {
    /// Counts some instances.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Item<PriceDecision>>) -> Self {
        let mut sum = Self::default();
        for item in items {
            sum.renew += usize::from(item.renewal().is_some());
            let off = item.setting().is_some_and(Setting::switches_off);
            sum.switch_off += usize::from(off);
            sum.set_auto_renew += usize::from(item.setting().is_some() && !off);
            sum.at_risk += usize::from(item.at_risk.is_some());
            match item.verdict() {
                VerdictKind::NoOp => sum.noop += 1,
                VerdictKind::Held => sum.held += 1,
                VerdictKind::Blocked => sum.blocked += 1,
                VerdictKind::Change => {}
            }
            sum.unpriced += item.unpriced();
        }
        sum
    }
}

impl Plan {
    /// Counts.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.items)
    }

    /// Whether it was decided for another moment than that of its reading: it is not applicable.
    pub fn is_as_of(&self) -> bool {
        self.evaluated_at != self.read_at
    }

    /// What it leaves out: a renewal, whatever stops it, and a setting that does not fit under a cap.
    pub fn left_over(&self) -> BTreeMap<(RegionId, InstanceId), LeftOver> {
        let of = |item: &Item<PriceDecision>| {
            let renewal = item.renew.as_ref().and_then(Verdict::stopped).map(Stopped::why_left);
            let setting = item.set.as_ref().and_then(Verdict::stopped).map(Stopped::why_left);
            let setting = setting.filter(|why| matches!(why, WhyLeft::OverCap(_)));
            let expires_at = item.live.as_ref()?.expires_at;
            let left_over = LeftOver { expires_at, renewal, setting };
            Some(((item.region.clone(), item.id.clone()), left_over))
        };
        self.items.iter().filter_map(of).collect()
    }

    /// Whether there is anything to do.
    pub fn has_changes(&self) -> bool {
        self.items.iter().any(Item::has_changes)
    }

    /// Whether nothing is to do, blocked, held or at risk: the proof of convergence.
    pub fn is_clean(&self) -> bool {
        let clean = |item: &Item<_>| item.verdict() == VerdictKind::NoOp && item.at_risk.is_none();
        self.complete && self.items.iter().all(clean)
    }

    /// What a person confirms: the charges and what will be deducted soon, for each currency.
    pub fn total(&self) -> Totals {
        let mut total = self.charge.clone();
        for money in self.committed.amounts() {
            // Both sums were bounded when the plan was made; see `price`.
            let _ = total.add(&money);
        }
        total
    }
}
