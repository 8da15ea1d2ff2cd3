//! How bad the weather is.

use crate::dice::Dice;

/// How often what goes wrong, of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub renew: u64,
    pub set: u64,
    pub read: u64,
    pub price: u64,
    pub slow: u64,
    pub crash: u64,
    pub journal: u64,
    pub killed: u64,
    pub people: u64,
    pub transient: u64,
    /// Signals at calls; if none come there, none come at all.
    pub signal: u64,
    /// Of a thousand acts, how many begin with a plan that is saved.
    pub saved: u64,
    /// Of a thousand plans that wait to be carried out, in how many a price moves meanwhile.
    pub prices: u64,
    /// Of a thousand charges, how many are throttled with a wish for up to a minute; if none, no dice are cast.
    pub throttled: u64,
}

impl Weather {
    pub fn of(&self, action: &str) -> u64 {
        match action {
            "RenewInstance" => self.renew,
            "ModifyInstanceAutoRenewAttribute" => self.set,
            "DescribeRenewalPrice" => self.price,
            _ => self.read,
        }
    }
}

pub(super) fn weather(dice: &Dice) -> Weather {
    let rates = match dice.roll(8) {
        0 => Weather { crash: 40, ..Weather::default() },
        1 | 2 => Weather { renew: 60, set: 60, read: 30, price: 30, crash: 10, ..Weather::default() },
        3 => Weather { renew: 900, crash: 20, ..Weather::default() },
        4 => Weather { read: 350, price: 350, ..Weather::default() },
        5 => Weather { set: 700, renew: 100, ..Weather::default() },
        _ => Weather { renew: 450, set: 200, read: 120, price: 100, crash: 30, ..Weather::default() },
    };
    Weather {
        slow: dice.pick(&[0, 0, 20, 300]),
        journal: dice.pick(&[0, 20, 80]),
        killed: dice.pick(&[0, 100, 400]),
        people: dice.pick(&[0, 0, 5, 20]),
        transient: dice.pick(&[0, 0, 0, 200]),
        ..rates
    }
}

pub(super) fn for_tokens(dice: &Dice) -> Weather {
    Weather {
        renew: dice.pick(&[200, 500, 800]),
        crash: 60,
        journal: 20,
        killed: 200,
        slow: 20,
        transient: dice.pick(&[0, 300]),
        ..Weather::default()
    }
}
