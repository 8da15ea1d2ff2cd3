//! What the caps leave beyond the totals of a plan.

use super::Plan;
use super::cost::file_total;
use super::step::{Beyond, Unfunded};
use crate::desired::DesiredFile;
use crate::money::{Money, Totals};

/// What the caps leave beyond the totals of a plan.
pub(super) struct Headroom {
    beyond: Beyond,
    files: Vec<Option<Money>>,
    run: Option<Money>,
}

impl Headroom {
    /// What is left of the cap of each file, and of the whole run.
    pub(super) fn of(plan: &Plan, beyond: Beyond) -> Self {
        let left = |cap: &Money, total: &Totals| Money {
            amount: cap.amount - total.of(&cap.currency),
            currency: cap.currency.clone(),
        };
        let file = |(index, file): (usize, &DesiredFile)| {
            file.limits.max_charge.as_ref().map(|cap| left(&cap.value, &file_total(plan, index)))
        };
        let files = plan.files.iter().enumerate().map(file).collect();
        Self { beyond, files, run: plan.run_cap.as_ref().map(|cap| left(cap, &plan.total())) }
    }

    /// Takes `more` out for an instance of a file, if every cap that there is has room for it.
    ///
    /// # Errors
    /// [`Unfunded`]. Without any cap there is no room either: nobody has said how much.
    pub(super) fn take(&mut self, file: usize, more: &Money) -> Result<(), Unfunded> {
        if more.amount.is_zero() {
            return Ok(());
        }
        let of_file = self.files.get_mut(file).and_then(Option::as_mut);
        let mut caps: Vec<&mut Money> = of_file.into_iter().chain(self.run.as_mut()).collect();
        let fits = |cap: &&mut Money| cap.currency == more.currency && more.amount <= cap.amount;
        if caps.is_empty() || self.beyond == Beyond::Nothing {
            return Err(Unfunded::NotAgreed);
        }
        if !caps.iter().all(fits) {
            return Err(Unfunded::NoRoom);
        }
        for cap in &mut caps {
            cap.amount -= more.amount;
        }
        Ok(())
    }
}
