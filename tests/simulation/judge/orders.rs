//! What enters the ledger.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::emulator::Charge;
use rust_decimal::Decimal;

use super::{By, CLOCK_S, Judge, Order, READING_AGE_S_MAX, Rule, URGENT_H};
use crate::coverage::Seen;
use crate::draw::Version;
use crate::process::{Process, Quoted};
use crate::world::{Sent, World};

impl Judge {
    /// A charge of a run enters the ledger.
    pub fn run_charged(&self, world: &World, process: &Process, sent: &Sent, charge: &Charge) {
        world.seen.note(Seen::Charges);
        let who = format!("run {} for {}", process.number, sent.id);
        self.check_unseen(world, &who, sent, charge);
        let on_top_of = self.is_mistaken(sent).then_some(sent.observed);
        self.order(By::Run(process.number), charge, on_top_of);
        let version = &world.scenario.versions[process.version];
        let part = version.wants[sent.number].as_ref().map_or(0, |want| want.part);
        process.charged.borrow_mut().push((sent.clone(), part));
        self.check_caps(world, &who, process, version);
        let amount = i64::try_from(charge.amount * Decimal::ONE_HUNDRED).unwrap_or(i64::MAX);
        let other = sent
            .quoted
            .filter(|quoted| quoted.cents != amount && !world.prices.have_moved(&sent.id, quoted.answered));
        if let Some(Quoted { cents, .. }) = other {
            let text = format!("{who}: {amount} cents charged, {cents} quoted");
            self.blame(world, Rule::Caps, text);
        }
        let ended = process.exit.get().filter(|code| *code != 7 && !self.is_mistaken(sent));
        if let Some(code) = ended {
            let text = format!("{who}: charged after the run had ended with {code}");
            self.blame(world, Rule::ExitCode, text);
        }
    }

    /// Somebody else's order for the same expiry shows as ours would: no run can tell them apart, and it
    /// takes its own for settled while it may still be on its way.
    pub(super) fn is_mistaken(&self, sent: &Sent) -> bool {
        let orders = self.orders.borrow();
        let mut of_it = orders.get(&sent.id).into_iter().flatten();
        of_it.any(|order| !matches!(order.by, By::Run(_)) && order.after > sent.observed)
    }

    /// Whether the sender had seen every order that the instance has.
    fn check_unseen(&self, world: &World, who: &str, sent: &Sent, charge: &Charge) {
        let orders = self.orders.borrow();
        let unseen: Vec<&Order> =
            orders.get(&sent.id).into_iter().flatten().filter(|order| order.after > sent.observed).collect();
        let recent = sent.at - TimeDelta::seconds(world.scenario.lag_s + READING_AGE_S_MAX + CLOCK_S);
        let mut worst: Option<(Rule, String)> = None;
        for order in &unseen {
            let text = format!(
                "{who}: charged at {} for an expiry of {}, when {:?} had paid until {} at {}",
                charge.at, sent.observed, order.by, order.after, order.at
            );
            match order.by {
                By::Run(_) if order.on_top_of.is_some_and(|seen| sent.observed > seen) => {
                    world.seen.note(Seen::Overlap);
                }
                // Another need: it came on top of somebody else's order, which this sender could not see yet.
                By::Run(_)
                    if unseen.iter().any(|other| {
                        !matches!(other.by, By::Run(_)) && other.at >= recent && other.after <= order.before
                    }) =>
                {
                    world.seen.note(Seen::Overlap);
                }
                By::Run(_) => worst = Some((Rule::Twice, text)),
                By::Platform if !self.is_excused(world, sent) && worst.is_none() => {
                    worst = Some((Rule::BesidePlatform, text));
                }
                _ => world.seen.note(Seen::Overlap),
            }
        }
        drop(orders);
        if let Some((rule, text)) = worst {
            self.blame(world, rule, text);
        }
    }

    /// Beside an order of the platform that did not show yet: at the last hour, or if somebody has just
    /// switched it off, so that it could not be told.
    fn is_excused(&self, world: &World, sent: &Sent) -> bool {
        let recent = sent.at - TimeDelta::seconds(world.scenario.lag_s + 120);
        sent.observed - sent.at < TimeDelta::hours(URGENT_H)
            || self.flips.borrow().iter().any(|(at, _)| *at >= recent)
    }

    fn check_caps(&self, world: &World, who: &str, process: &Process, version: &Version) {
        // An order that somebody took back is made again under its token: one planned charge.
        let mut tokens = BTreeSet::new();
        let charged = process.charged.borrow();
        let charged: Vec<_> = charged.iter().filter(|(sent, _)| tokens.insert(sent.token.as_str())).collect();
        let all: i64 = charged.iter().filter_map(|(sent, _)| Some(sent.quoted?.cents)).sum();
        if world.scenario.run_cap.is_some_and(|cap| all > cap) {
            self.blame(world, Rule::Caps, format!("{who}: {all} cents in this run, more than --max-charge"));
        }
        for (index, part) in version.parts.iter().enumerate() {
            let of_part = || charged.iter().filter(|(_, part)| *part == index);
            let sum: i64 = of_part().filter_map(|(sent, _)| Some(sent.quoted?.cents)).sum();
            if part.max_charge.is_some_and(|cap| sum > cap) {
                self.blame(
                    world,
                    Rule::Caps,
                    format!("{who}: {sum} cents in this run, more than max_charge"),
                );
            }
            if part.max_renewals.is_some_and(|most| of_part().count() > most) {
                self.blame(world, Rule::Caps, format!("{who}: more charges than max_renewals"));
            }
        }
    }

    fn order(&self, by: By, charge: &Charge, on_top_of: Option<DateTime<Utc>>) {
        let (before, after) = (charge.expires_before, charge.expires_after);
        let order = Order { by, at: charge.at, before, after, on_top_of };
        self.orders.borrow_mut().entry(charge.instance_id.clone()).or_default().push(order);
    }

    pub fn platform_charged(&self, world: &World, charge: &Charge) {
        world.seen.note(Seen::PlatformCharges);
        self.order(By::Platform, charge, None);
    }

    pub fn person_charged(&self, world: &World, charge: &Charge) {
        world.seen.note(Seen::PeopleCharges);
        self.order(By::Person, charge, None);
    }

    /// The expiry before the last order.
    pub fn last_order_before(&self, id: &str) -> Option<DateTime<Utc>> {
        self.orders.borrow().get(id).and_then(|orders| orders.last()).map(|order| order.before)
    }

    /// The last order of an instance no longer counts.
    pub fn refunded(&self, id: &str) {
        if let Some(orders) = self.orders.borrow_mut().get_mut(id) {
            orders.pop();
        }
    }
}
