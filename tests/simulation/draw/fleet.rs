//! The instances of a case.

use chrono::{DateTime, TimeDelta, Utc};

use super::Mix;
use super::files::Version;
use super::terms::{Auto, Period, Site};
use crate::clock::next_beijing;
use crate::dice::Dice;

/// An instance as the world begins.
#[derive(Clone, Debug)]
pub struct Instance {
    pub id: String,
    pub region: &'static str,
    pub expires_at: DateTime<Utc>,
    pub auto: Auto,
    /// In cents a month; `None`: it cannot be quoted.
    pub price: Option<i64>,
    pub post_paid: bool,
    pub lock: Option<&'static str>,
    /// The file names it, and it does not exist.
    pub missing: bool,
}

pub(super) fn fleet_size(dice: &Dice, mix: Mix) -> usize {
    if mix == Mix::Tokens {
        return 1 + dice.index(3);
    }
    match dice.roll(1000) {
        0..=699 => 1 + dice.index(4),
        700..=949 => 5 + dice.index(8),
        950..=997 => 13 + dice.index(28),
        _ => 100 + dice.index(201),
    }
}

pub(super) fn instance(
    dice: &Dice,
    seed: u64,
    number: usize,
    now: DateTime<Utc>,
    site: Site,
    version: &Version,
    tokens: bool,
) -> Instance {
    let want = version.wants[number].as_ref();
    let edge_h = want.and_then(|want| want.min_remaining_h).unwrap_or(15 * 24);
    let expires_at = expiry(dice, now, edge_h, tokens);
    let auto = match dice.roll(10) {
        0 | 1 if !tokens => Auto::Every(Period::Months(1)),
        2 if !tokens => Auto::Never,
        3 if !tokens => Auto::Every(Period::Months(if site == Site::China { 3 } else { 6 })),
        4 if !tokens && site == Site::China => Auto::Every(Period::Weeks(1)),
        _ => Auto::Off,
    };
    let odd = if tokens { 99 } else { dice.roll(60) };
    Instance {
        id: format!("i-s{}x{number}", seed % 997),
        region: if tokens || dice.chance(700) { "cn-beijing" } else { "cn-shanghai" },
        expires_at,
        auto,
        price: (odd != 0).then(|| dice.between(1_00, 900_00)),
        post_paid: odd == 1,
        lock: match odd {
            2 => Some("security"),
            3 => Some("financial"),
            4 => Some("refunded"),
            5 => Some("Recycling"),
            _ => None,
        },
        missing: odd == 6,
    }
}

/// Around every boundary that a rule knows.
pub(super) fn expiry(dice: &Dice, now: DateTime<Utc>, edge_h: i64, tokens: bool) -> DateTime<Utc> {
    let near = |hours: i64| {
        let minutes = dice.pick(&[-1, 0, 1, -1, 0, 1, 30, -30, 300, -300, 1440, -1440]);
        now + TimeDelta::hours(hours) + TimeDelta::minutes(minutes)
    };
    let midnight = |at: DateTime<Utc>| next_beijing(at, 0);
    let at = match dice.roll(12) {
        // None stops before the calm nights begin: what stops then, stops because of its token.
        _ if tokens => now + TimeDelta::minutes(dice.between(5 * 1440, 14 * 1440)),
        0 => near(edge_h),
        1 => midnight(now + TimeDelta::days(dice.between(0, 14))),
        2 => near(48),
        3 => near(72),
        4 => now + TimeDelta::hours(dice.between(3, 13 * 24)),
        5 => midnight(now + TimeDelta::hours(edge_h - 24)),
        6 => near(9 * 24),
        7 => near(10 * 24),
        8 => now - TimeDelta::minutes(dice.between(0, 120)),
        9 => midnight(now - TimeDelta::days(dice.between(1, 13))),
        10 => midnight(now + TimeDelta::days(9)),
        _ => now + TimeDelta::hours(dice.between(1, 60 * 24)),
    };
    // Whole minutes, as the API tells them.
    at - TimeDelta::seconds(at.timestamp().rem_euclid(60))
}
