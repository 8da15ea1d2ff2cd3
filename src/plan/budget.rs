//! What fits under the caps where a file says `when_exceeded: soonest-first`: what expires soonest is
//! bought, and what no longer fits is blocked, to be seen in the plan.
//!
//! One that does not fit does not stop the ones after it: a dear instance must not take the others with it.

use rust_decimal::Decimal;

use super::price::Pricing;
use super::{Block, BlockCode, Item, PriceDecision, Verdict};
use crate::config::WhenExceeded;
use crate::desired::{DesiredFile, DesiredState, WhyLeft};
use crate::money::{Money, Totals};

/// What is left of one cap.
struct Left {
    name: String,
    cap: Money,
    taken: Decimal,
}

impl Left {
    fn of(cap: &Money, name: String) -> Self {
        Self { name, cap: cap.clone(), taken: Decimal::ZERO }
    }

    /// Why `cost` does not fit, if it does not.
    fn refuses(&self, cost: &Money) -> Option<String> {
        if cost.currency != self.cap.currency {
            return Some(format!(
                "{cost} is not covered by {}, {}: a cap in another currency",
                self.name, self.cap
            ));
        }
        if cost.amount > self.cap.amount {
            let text = format!("{cost} alone is more than {}, {}: it never fits", self.name, self.cap);
            return Some(text);
        }
        let taken = Money { amount: self.taken, currency: self.cap.currency.clone() };
        let whole = self.taken.checked_add(cost.amount);
        whole.is_none_or(|whole| whole > self.cap.amount).then(|| {
            format!(
                "{cost} does not fit under {}, {}, of which what expires sooner takes {taken}",
                self.name, self.cap
            )
        })
    }
}

/// What is left for the changes of one file.
struct Budget {
    charge: Option<Left>,
    /// Renewals still allowed, and the bound with its place.
    renewals: Option<(usize, String)>,
}

impl Budget {
    fn of(file: &DesiredFile) -> Self {
        let limits = &file.limits;
        let charge = limits.max_charge.as_ref();
        let renewals = limits.max_renewals.as_ref();
        Self {
            charge: charge.map(|cap| Left::of(&cap.value, format!("limits.max_charge ({})", cap.place))),
            renewals: renewals.map(|cap| {
                let name = format!("limits.max_renewals, {} ({})", cap.value, cap.place);
                (usize::try_from(cap.value).unwrap_or(usize::MAX), name)
            }),
        }
    }
}

/// Blocks what a saved plan left out, and then what does not fit. Files that refuse as a whole are not touched, and what they charge is taken
/// from the cap of the run first.
pub(super) fn trim(items: &mut [Item<PriceDecision>], desired: &DesiredState, pricing: &Pricing<'_>) {
    leave_over(items, desired, pricing);
    let soonest = |file: &DesiredFile| file.limits.when_exceeded == WhenExceeded::SoonestFirst;
    if !desired.files.iter().any(soonest) {
        return;
    }
    let is_trimmed = |item: &Item<PriceDecision>| desired.files.get(item.file).is_some_and(soonest);
    let mut run = desired.run_cap.as_ref().map(|cap| Left::of(cap, "--max-charge".to_owned()));
    if let Some(run) = &mut run {
        let whole = items.iter().filter(|item| !is_trimmed(item)).flat_map(Item::costs);
        // A sum that cannot be counted ends the plan afterwards; it leaves nothing.
        run.taken = Totals::sum(whole).map_or(run.cap.amount, |whole| whole.of(&run.cap.currency));
    }
    let mut budgets: Vec<Budget> = desired.files.iter().map(Budget::of).collect();
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.retain(|index| items.get(*index).is_some_and(|item| is_trimmed(item) && item.has_changes()));
    order.sort_by_key(|index| {
        items.get(*index).and_then(|item| item.live.as_ref()).map(|live| live.expires_at)
    });
    for index in order {
        let (Some(item), Some(wanted)) = (items.get_mut(index), desired.instances.get(index)) else {
            continue;
        };
        let Some(budget) = budgets.get_mut(item.file) else { continue };
        if let Some(why) =
            item.renewal().is_some().then(|| take(item.charge(), 1, budget, run.as_mut())).flatten()
        {
            item.renew = Some(Verdict::Blocked(over(why)));
            pricing.decide_setting(item, &wanted.entry);
        }
        let unpriced = item.unpriced_deductions();
        if let Some(why) = take(item.deductions(), unpriced, budget, run.as_mut()) {
            item.set = Some(Verdict::Blocked(over(why)));
            item.committed = None;
        }
        pricing.judge_risk(item, &wanted.entry);
    }
}

/// What was stopped when a saved plan was made was reviewed as left out, and what is beside it as decided beside
/// that: it stays so, whatever room there is by now.
fn leave_over(items: &mut [Item<PriceDecision>], desired: &DesiredState, pricing: &Pricing<'_>) {
    if desired.left_over.is_empty() {
        return;
    }
    for (item, wanted) in items.iter_mut().zip(&desired.instances) {
        let key = (item.region.clone(), item.id.clone());
        let Some(left_over) = desired.left_over.get(&key) else { continue };
        if item.live.as_ref().is_none_or(|live| live.expires_at != left_over.expires_at) {
            continue;
        }
        if let Some(why) = left_over.renewal.as_ref().filter(|_| item.renewal().is_some()) {
            item.renew = Some(Verdict::Blocked(left(why)));
            pricing.decide_setting(item, &wanted.entry);
        }
        if let Some(why) = left_over.setting.as_ref().filter(|_| item.setting().is_some()) {
            item.set = Some(Verdict::Blocked(left(why)));
            item.committed = None;
        }
        pricing.judge_risk(item, &wanted.entry);
    }
}

fn left(why: &WhyLeft) -> Block {
    match why {
        WhyLeft::OverCap(why) => over(why.clone()),
        WhyLeft::Stopped(why) => Block::not_in_plan(why.clone()),
    }
}

fn over(text: String) -> Block {
    let hint = "raise the cap in time: with when_exceeded: soonest-first each run buys what expires soonest and fits";
    Block { code: BlockCode::OverCap, text, hint: hint.to_owned() }
}

/// Takes costs, and a number of renewals, out of all that bounds them, or out of nothing; returns why not.
fn take<'a>(
    costs: impl IntoIterator<Item = &'a Money>,
    number: usize,
    budget: &mut Budget,
    run: Option<&mut Left>,
) -> Option<String> {
    if let Some((left, name)) = budget.renewals.as_ref().filter(|(left, _)| number > *left) {
        return Some(format!("it is beyond {name}, of which {left} are left for it"));
    }
    let mut caps: Vec<&mut Left> = budget.charge.as_mut().into_iter().chain(run).collect();
    // All costs of one action are in one currency, that of the account.
    let mut cost: Option<Money> = None;
    for more in costs {
        let sum = cost.map_or(Some(more.amount), |sum| sum.amount.checked_add(more.amount));
        let Some(amount) = sum else {
            return Some(format!("what it costs, {more} several times, is beyond what can be counted"));
        };
        cost = Some(Money { amount, currency: more.currency.clone() });
    }
    if let Some(cost) = cost {
        if let Some(why) = caps.iter().find_map(|cap| cap.refuses(&cost)) {
            return Some(why);
        }
        for cap in &mut caps {
            cap.taken += cost.amount;
        }
    }
    if let Some((left, _)) = &mut budget.renewals {
        *left -= number;
    }
    None
}
