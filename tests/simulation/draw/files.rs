//! What the files ask for, in up to two versions, and what they allow.

use super::fleet::Instance;
use super::terms::{Auto, Period, Site};
use crate::dice::Dice;

/// What a file asks of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    pub min_remaining_h: Option<i64>,
    /// `min_remaining: none` is written out.
    pub none: bool,
    pub auto: Option<Auto>,
    pub renew: Period,
    /// Which of the parts of the version names it.
    pub part: usize,
}

/// One file of a version, with its own bounds.
#[derive(Clone, Debug)]
pub struct Part {
    /// In cents.
    pub max_charge: Option<i64>,
    pub max_renewals: Option<usize>,
    pub max_auto_renew_off: usize,
    pub allow_unpriced: bool,
    /// What fits is bought.
    pub soonest_first: bool,
}

/// What all files together ask for at one time.
#[derive(Clone, Debug)]
pub struct Version {
    pub parts: Vec<Part>,
    /// By number of instance; `None`: not named.
    pub wants: Vec<Option<Want>>,
    pub max_term: Period,
    pub texts: Vec<String>,
}

/// In cents: more than any fleet of a seed can cost.
pub(super) const LOOSE: i64 = 10_000_000_00;
pub(super) const LOOSE_COUNT: usize = 1000;

pub(super) fn first_version(dice: &Dice, site: Site, count: usize, tokens: bool) -> Version {
    let max_term = match dice.roll(8) {
        _ if tokens => Period::Months(12),
        0 => Period::Months(1),
        1 => Period::Months(3),
        2 => Period::Months(6),
        _ => Period::Months(12),
    };
    let parts = if dice.chance(200) { 2 } else { 1 };
    let part = Part {
        max_charge: None,
        max_renewals: None,
        max_auto_renew_off: LOOSE_COUNT,
        allow_unpriced: false,
        soonest_first: false,
    };
    let parts = parts.min(count);
    // Every part names at least one instance.
    let of_part = |number: usize| if number < parts { number } else { dice.index(parts) };
    let wants = (0..count).map(|number| Some(want(dice, site, max_term, of_part(number), tokens))).collect();
    Version { parts: vec![part; parts], wants, max_term, texts: Vec::new() }
}

pub(super) fn want(dice: &Dice, site: Site, max_term: Period, part: usize, tokens: bool) -> Want {
    let most_h = (max_term.days_min() - 1) * 24;
    let min_remaining_h = match dice.roll(10) {
        // All of them are due, so that every run has something to send.
        _ if tokens => Some(15 * 24),
        0 => None,
        1 => Some(24),
        2 => Some(72),
        3 => Some(7 * 24),
        4 => Some(30 * 24),
        5 => Some(45 * 24),
        _ => Some(15 * 24),
    }
    .map(|hours| hours.min(most_h));
    let auto = match dice.roll(10) {
        0 | 1 => Some(Auto::Every(Period::Months(1))),
        2 => Some(Auto::Off),
        3 => Some(Auto::Every(Period::Months(3))),
        4 if min_remaining_h.is_none() => Some(Auto::Never),
        5 => Some(Auto::Every(Period::Months(12))),
        _ => None,
    };
    let auto =
        auto.filter(|auto| !matches!(auto, Auto::Every(term) if term.days_min() > max_term.days_min()));
    let auto = if min_remaining_h.is_none() && auto.is_none() { Some(Auto::Off) } else { auto };
    let none = min_remaining_h.is_none() && auto != Some(Auto::Never) && dice.chance(500);
    Want { min_remaining_h, none, auto, renew: renew_period(dice, site, max_term), part }
}

pub(super) fn renew_period(dice: &Dice, site: Site, max_term: Period) -> Period {
    let period = match dice.roll(12) {
        0 => Period::Months(2),
        1 => Period::Months(3),
        2 => Period::Months(6),
        3 => Period::Months(12),
        4 if site == Site::China => Period::Weeks(1),
        5 if site == Site::China => Period::Weeks(2),
        _ => Period::Months(1),
    };
    if period.days_min() > max_term.days_min() { Period::Months(1) } else { period }
}

/// Another version of the files: somebody has merged a change while runs of the old ones go on.
pub(super) fn changed(dice: &Dice, first: &Version, site: Site, tokens: bool) -> Version {
    let mut other = first.clone();
    for want in &mut other.wants {
        let Some(asked) = want else { continue };
        match dice.roll(if tokens { 4 } else { 6 }) {
            0 | 1 => asked.renew = renew_period(dice, site, first.max_term),
            2 if asked.min_remaining_h.is_some() => {
                let most_h = (first.max_term.days_min() - 1) * 24;
                let hours = if tokens {
                    dice.pick(&[20 * 24, 40 * 24])
                } else {
                    dice.pick(&[24, 7 * 24, 20 * 24, 40 * 24])
                };
                asked.min_remaining_h = Some(hours.min(most_h));
            }
            4 if asked.min_remaining_h.is_some() => asked.auto = Some(Auto::Off),
            5 => *want = None,
            _ => {}
        }
    }
    // A file without instances is an error.
    for part in 0..other.parts.len() {
        if !other.wants.iter().flatten().any(|want| want.part == part) {
            other.wants.clone_from(&first.wants);
        }
    }
    other
}

/// Draws the bounds and returns `--max-charge`.
pub(super) fn bounds(
    dice: &Dice,
    instances: &[Instance],
    versions: &mut [Version],
    tokens: bool,
) -> Option<i64> {
    let month: i64 = instances.iter().filter_map(|instance| instance.price).sum();
    let cap = |kind: u64| match kind {
        0 => Some((month * dice.between(20, 300) / 100).max(1)),
        1..=5 => None,
        _ => Some(LOOSE),
    };
    let run_cap = if tokens { Some(LOOSE) } else { cap(dice.roll(12)) };
    let mut parts = versions[0].parts.clone();
    for part in &mut parts {
        part.max_charge = if tokens { None } else { cap(dice.roll(12)) };
        if run_cap.is_none() && part.max_charge.is_none() && !dice.chance(50) {
            part.max_charge = Some(LOOSE);
        }
        part.max_renewals = match dice.roll(8) {
            0 if !tokens => Some(dice.index(5)),
            1..=4 => Some(LOOSE_COUNT),
            _ => None,
        };
        part.max_auto_renew_off = if !tokens && dice.chance(30) { dice.index(3) } else { LOOSE_COUNT };
        part.allow_unpriced = tokens || dice.chance(500);
        if part.allow_unpriced && part.max_renewals.is_none() && dice.chance(if tokens { 1000 } else { 900 })
        {
            part.max_renewals = Some(LOOSE_COUNT);
        }
    }
    for version in versions {
        version.parts.clone_from(&parts);
    }
    run_cap
}
