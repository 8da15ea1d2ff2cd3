//! Prices, which move: by people's hands, and between a plan and its charges.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::coverage::Seen;
use crate::dice::Dice;
use crate::world::World;

/// The prices that have changed.
pub struct Prices {
    /// Dice of their own, so that a seed tells its older story as long as no price moves.
    dice: Dice,
    /// In cents a month, and since when.
    changed: RefCell<BTreeMap<String, (i64, DateTime<Utc>)>>,
}

impl Prices {
    pub fn new(dice: Dice) -> Self {
        Self { dice, changed: RefCell::default() }
    }

    /// Whether a price is, or may be, another one than it was then.
    pub fn have_moved(&self, id: &str, since: DateTime<Utc>) -> bool {
        self.changed.borrow().get(id).is_some_and(|(_, at)| *at >= since)
    }
}

/// The price of an instance changes.
pub fn set(world: &World, id: &str, cents: i64) {
    world.say(|| format!("  ++  the price of {id} changes to {cents} cents a month"));
    world.prices.changed.borrow_mut().insert(id.to_owned(), (cents, world.now()));
    world.emulator.borrow_mut().set_price(id, Decimal::new(cents, 2));
}

/// Some time has gone by since somebody planned to charge for these: the price of one of them may have moved.
pub fn may_move<'a>(world: &World, planned: impl Iterator<Item = &'a str>) {
    let dice = &world.prices.dice;
    let planned: Vec<&str> = planned.collect();
    if planned.is_empty() || !dice.chance(world.scenario.weather.prices) {
        return;
    }
    let id = dice.pick(&planned);
    let Some(number) = world.scenario.number_of(id) else { return };
    let first = world.scenario.instances[number].price;
    let changed = world.prices.changed.borrow().get(id).map(|(cents, _)| *cents);
    let Some(now) = changed.or(first) else { return };
    let cents = match dice.roll(5) {
        0 => now + 1,
        1 => now * dice.between(101, 200) / 100 + 1,
        2 => now - 1,
        3 => now * dice.between(50, 99) / 100,
        _ => first.unwrap_or(now),
    };
    if cents == now || cents < 1 {
        return;
    }
    world.seen.note(if cents > now { Seen::Dearer } else { Seen::Cheaper });
    set(world, id, cents);
}
