//! What a seed draws: the account, what the files ask of it, and how bad the weather is.
//!
//! Plain data. The envelope, that is what the tool is promised to survive, is named in `envelope`.

mod envelope;
mod files;
mod fleet;
mod terms;
mod texts;
mod weather;
mod wider;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

pub use files::{Version, Want};
pub use terms::{Auto, Period, Site};
pub use texts::amount;
pub use weather::Weather;

use envelope::{
    FLIGHT_S_MAX, LAG_S_MAX, NIGHTS, NIGHTS_OF_TOKENS, PATIENCE_BEYOND_LAG_S, RETENTION_BEYOND_LAG_S_MIN,
};
use files::{LOOSE, LOOSE_COUNT, bounds, changed, first_version};
use fleet::{Instance, fleet_size, instance};
use texts::texts;
use weather::{for_tokens, weather};

use crate::clock::next_beijing;
use crate::dice::Dice;

/// How the envelope is left on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Tokens are forgotten before their order shows.
    ShortRetention,
    /// Orders show after 31 minutes to 3 hours.
    LongLag,
    /// Requests are carried out up to 2 hours after their sender gave up.
    LongFlight,
    /// Machines sleep while an answer is on its way to them.
    Suspended,
    /// The nightly job waits for less long than an order takes to show.
    Impatient,
}

pub const OUTSIDE: [Outside; 5] =
    [Outside::ShortRetention, Outside::LongLag, Outside::LongFlight, Outside::Suspended, Outside::Impatient];

/// A case.
pub struct Scenario {
    pub now: DateTime<Utc>,
    pub site: Site,
    pub lag_s: i64,
    pub flight_s_max: i64,
    pub retention_s: i64,
    pub refusals_stick: bool,
    pub batches_are_partial: bool,
    pub off_keeps_duration: bool,
    pub balance: Option<i64>,
    pub small_pages: bool,
    pub instances: Vec<Instance>,
    pub versions: Vec<Version>,
    /// `--max-charge`, in cents.
    pub run_cap: Option<i64>,
    pub weather: Weather,
    pub acts: usize,
    /// A bound is so low that it may keep the fleet from converging.
    pub tight: bool,
    /// How long the nightly job waits for an effect, in seconds.
    pub patience_s: u64,
    /// Calm nights, at least (if the first one finds something to do) and at most.
    pub nights_min: usize,
    pub nights: usize,
    /// Machines may sleep while an answer is on its way.
    pub suspended: bool,
    /// Tokens are kept only seconds longer than an order takes to show.
    pub brief_tokens: bool,
}

/// Which mix is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Everything, inside the envelope.
    Inside,
    /// One thing outside of it.
    Outside(Outside),
    /// Lost answers, crashes, runs of different files at once, refusals that stick: what a token is for.
    Tokens,
}

impl Scenario {
    pub fn draw(seed: u64, mix: Mix) -> Self {
        let dice = &Dice::new(seed);
        let site = if dice.chance(250) { Site::International } else { Site::China };
        let now = start(dice);
        let tokens = mix == Mix::Tokens;
        // A long lag costs many readings, so it is drawn less often.
        let lag_s = match (mix, dice.roll(32)) {
            (Mix::Outside(Outside::LongLag), _) => dice.between(LAG_S_MAX + 60, 3 * 3600),
            (Mix::Outside(Outside::ShortRetention), _) => dice.between(300, LAG_S_MAX),
            (Mix::Outside(Outside::Impatient), _) => dice.between(600, LAG_S_MAX),
            (_, 0..=3) => 0,
            (_, 4..=15) => dice.between(1, 10),
            (_, 16..=25) => dice.between(10, 120),
            (_, 26..=29) => dice.between(120, 600),
            (_, 30) => dice.between(600, LAG_S_MAX),
            _ => LAG_S_MAX,
        };
        let retention_s = match (mix, dice.roll(4)) {
            (Mix::Outside(Outside::ShortRetention), _) => dice.between(1, lag_s),
            (Mix::Outside(_), _) => 86_400,
            (Mix::Tokens, _) => dice.pick(&[86_400, 3 * 86_400, 10 * 86_400]),
            (_, 0) => lag_s + RETENTION_BEYOND_LAG_S_MIN,
            (_, 1) => dice.between(lag_s + RETENTION_BEYOND_LAG_S_MIN, 86_400),
            (_, 2) => 10 * 86_400,
            _ => 86_400,
        };
        let count = fleet_size(dice, mix);
        let first = first_version(dice, site, count, tokens);
        let instances: Vec<Instance> =
            (0..count).map(|number| instance(dice, seed, number, now, site, &first, tokens)).collect();
        let mut versions = vec![first];
        if tokens || dice.chance(400) {
            let other = changed(dice, &versions[0], site, tokens);
            versions.push(other);
        }
        let run_cap = bounds(dice, &instances, &mut versions, tokens);
        let balance = (!tokens && dice.chance(60)).then(|| dice.between(0, 200_000));
        let mut scenario = Self {
            now,
            site,
            lag_s,
            flight_s_max: if mix == Mix::Outside(Outside::LongFlight) { 7200 } else { FLIGHT_S_MAX },
            retention_s,
            refusals_stick: dice.chance(if tokens { 700 } else { 300 }),
            batches_are_partial: dice.chance(200),
            off_keeps_duration: dice.chance(300),
            balance,
            small_pages: count > 10 && dice.chance(600),
            instances,
            versions,
            run_cap,
            weather: if tokens { for_tokens(dice) } else { weather(dice) },
            acts: 1 + dice.index(if tokens { 4 } else { 5 }),
            tight: false,
            patience_s: if mix == Mix::Outside(Outside::Impatient) {
                300
            } else {
                u64::try_from(lag_s).unwrap() + PATIENCE_BEYOND_LAG_S
            },
            nights_min: if tokens { NIGHTS_OF_TOKENS } else { 2 },
            nights: if tokens { NIGHTS_OF_TOKENS } else { NIGHTS },
            suspended: mix == Mix::Outside(Outside::Suspended),
            brief_tokens: false,
        };
        if mix == Mix::Inside {
            scenario.widen(seed);
        }
        scenario.tight = scenario.is_tight();
        for index in 0..scenario.versions.len() {
            scenario.versions[index].texts = texts(&scenario, &scenario.versions[index]);
        }
        scenario
    }

    pub fn currency(&self) -> &'static str {
        if self.site == Site::China { "CNY" } else { "USD" }
    }

    pub fn number_of(&self, id: &str) -> Option<usize> {
        // Ids end in their number.
        let number: usize = id.rsplit('x').next()?.parse().ok()?;
        self.instances.get(number).filter(|instance| instance.id == id).map(|_| number)
    }

    /// Whether some bound may keep a fleet that is otherwise well from being renewed.
    fn is_tight(&self) -> bool {
        let loose = |cap: Option<i64>| cap.is_none_or(|cap| cap >= LOOSE);
        self.balance.is_some()
            || !loose(self.run_cap)
            || self.versions.iter().any(|version| {
                version.parts.iter().any(|part| {
                    !loose(part.max_charge)
                        || (part.max_charge.is_none() && self.run_cap.is_none())
                        || part.max_renewals.is_some_and(|most| most < LOOSE_COUNT)
                        || (part.allow_unpriced && part.max_renewals.is_none())
                        || part.max_auto_renew_off < LOOSE_COUNT
                })
            })
    }

    /// Why an instance cannot be renewed whatever the tool does.
    pub fn is_hopeless(&self, number: usize, version: &Version) -> bool {
        let instance = &self.instances[number];
        let Some(want) = &version.wants[number] else { return true };
        let unpriced = instance.price.is_none()
            || (matches!(want.renew, Period::Weeks(_)) && !version.parts[want.part].allow_unpriced);
        instance.missing
            || instance.post_paid
            || unpriced
            || matches!(instance.lock, Some("security" | "refunded" | "dedicatedhostfinancial"))
    }
}

/// Any minute of two years; month ends, leap days, midnight and the platform's hours more often.
fn start(dice: &Dice) -> DateTime<Utc> {
    let day = match dice.roll(4) {
        0 => NaiveDate::from_ymd_opt(2028, 1, 1).unwrap() + TimeDelta::days(dice.between(26, 62)),
        1 => {
            let month = u32::try_from(dice.between(1, 12)).unwrap();
            NaiveDate::from_ymd_opt(2027, month, 1).unwrap() - TimeDelta::days(dice.between(0, 3))
        }
        _ => NaiveDate::from_ymd_opt(2026, 12, 1).unwrap() + TimeDelta::days(dice.between(0, 720)),
    };
    let midnight = day.and_hms_opt(0, 0, 0).unwrap().and_utc();
    let at = match dice.roll(6) {
        0 => next_beijing(midnight, 0) + TimeDelta::minutes(dice.between(-40, 70)),
        1 => next_beijing(midnight, 450) + TimeDelta::minutes(dice.between(-30, 60)),
        2 => next_beijing(midnight, 18 * 60) + TimeDelta::minutes(dice.between(-30, 60)),
        3 => next_beijing(midnight, 20 * 60 + 17),
        _ => midnight + TimeDelta::minutes(dice.between(0, 1439)),
    };
    at + TimeDelta::seconds(dice.between(0, 59))
}
