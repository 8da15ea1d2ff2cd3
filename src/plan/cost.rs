//! What the items of a plan cost: each charge and each deduction that counts, and their sums.

use std::fmt;

use super::{Item, Plan, PriceDecision};
use crate::money::{Money, SumTooLarge, Totals};
use crate::text::count;

impl Item<PriceDecision> {
    /// What its renewal costs, if it has a quoted one.
    pub fn charge(&self) -> Option<&Money> {
        match &self.renewal()?.price {
            PriceDecision::Quoted(quote) => Some(&quote.amount),
            PriceDecision::Unpriced => None,
        }
    }

    /// What the platform will deduct for it so soon that it counts, one amount for each time.
    pub fn deductions(&self) -> impl Iterator<Item = &Money> {
        let soon = self.committed.as_ref().filter(|committed| committed.counts);
        soon.into_iter().flat_map(|committed| {
            committed.amount.iter().flat_map(|one| (0..committed.times).map(move |_| one))
        })
    }

    /// Its charge and its deductions.
    pub fn costs(&self) -> impl Iterator<Item = &Money> {
        self.charge().into_iter().chain(self.deductions())
    }

    /// Deductions that count and whose price is not known.
    pub fn unpriced_deductions(&self) -> usize {
        let soon = self.committed.as_ref().filter(|committed| committed.counts && committed.amount.is_none());
        soon.map_or(0, |committed| committed.times)
    }

    /// Payments that this item leads to and whose price is not known.
    pub fn unpriced(&self) -> usize {
        let renewal = self.renewal().is_some_and(|renewal| renewal.price == PriceDecision::Unpriced);
        usize::from(renewal) + self.unpriced_deductions()
    }
}

/// The sums of a plan: what it charges, and what the platform will deduct so soon that it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) charge: Totals,
    pub(super) committed: Totals,
}

impl Sums {
    /// Adds up.
    ///
    /// # Errors
    /// [`SumTooLarge`] if the charges, the deductions or both together are beyond what can be counted.
    pub(super) fn of(items: &[Item<PriceDecision>]) -> Result<Self, SumTooLarge> {
        Totals::sum(items.iter().flat_map(Item::costs))?;
        Ok(Self {
            charge: Totals::sum(items.iter().filter_map(Item::charge))?,
            committed: Totals::sum(items.iter().flat_map(Item::deductions))?,
        })
    }
}

/// Charges and soon deductions of one file.
pub(super) fn file_total(plan: &Plan, index: usize) -> Totals {
    let costs = plan.items.iter().filter(|item| item.file == index).flat_map(Item::costs);
    // The sum over all files was bounded when the plan was made.
    Totals::sum(costs).unwrap_or_else(|_| plan.total())
}

/// What some renewals cost together, and how many of them have no known price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// The sum of the quoted ones.
    pub quoted: Totals,
    /// How many could not be quoted.
    pub unpriced: usize,
}

impl<'a> FromIterator<&'a PriceDecision> for Bill {
    fn from_iter<I: IntoIterator<Item = &'a PriceDecision>>(prices: I) -> Self {
        let mut bill = Self::default();
        for price in prices {
            match price {
                // A part of a plan's total, which was bounded when the plan was made.
                PriceDecision::Quoted(quote) => drop(bill.quoted.add(&quote.amount)),
                PriceDecision::Unpriced => bill.unpriced += 1,
            }
        }
        bill
    }
}

impl fmt::Display for Bill {
    /// `CNY 100.00 and 2 renewals without a known price`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unpriced = format!("{} without a known price", count(self.unpriced, "renewal"));
        match (self.quoted.is_empty(), self.unpriced) {
            (_, 0) => self.quoted.fmt(f),
            (true, _) => f.pad(&unpriced),
            (false, _) => f.pad(&format!("{} and {unpriced}", self.quoted)),
        }
    }
}
