//! What a seed draws: the account, what the files ask of it, and how bad the weather is.
//!
//! Plain data. The envelope, that is what the tool is promised to survive, is named here.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::clock::next_beijing;
use crate::dice::Dice;
use crate::judge::{CLOCK_S, READING_AGE_S_MAX};

/// Envelope: an order shows within this time.
pub const LAG_S_MAX: i64 = 30 * 60;
/// Envelope: a request is carried out within this time after it was sent, or never, whatever has become of
/// its sender.
pub const FLIGHT_S_MAX: i64 = 90;
/// Envelope: a token is kept at least so much longer than an order takes to show.
///
/// This is exactly what the rules need. Whoever pays a second time under the same token has not seen the first
/// order, so that its reading was answered before the lag of that order was over. It sends at most
/// [`READING_AGE_S_MAX`] (and the grain of the clock, [`CLOCK_S`]) after that answer, and the request arrives
/// at most [`FLIGHT_S_MAX`] later. A token that is still known then makes it a repetition. With less, two
/// orders are possible although every rule is kept: the second half of a reading takes long, and meanwhile
/// another run buys, or the first request is carried out after it was given up. Where none of that can happen,
/// seconds are enough: see `brief_tokens`.
pub const RETENTION_BEYOND_LAG_S_MIN: i64 = READING_AGE_S_MAX + CLOCK_S + FLIGHT_S_MAX;

/// Envelope: the nightly job waits so much longer than an order takes to show (`--verify-timeout`).
/// Otherwise what it has bought is in doubt, and doubt ends a run.
pub const PATIENCE_BEYOND_LAG_S: u64 = 300;

/// An order that was acknowledged and does not show is held for 72 hours; after so many nights that is
/// over, too.
const NIGHTS: usize = 6;
/// Until every instance of that mix is renewed or has stopped.
const NIGHTS_OF_TOKENS: usize = 20;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    China,
    International,
}

/// A term to buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Weeks(u32),
    Months(u32),
}

impl Period {
    pub fn text(self) -> String {
        match self {
            Self::Weeks(n) => format!("{n}w"),
            Self::Months(n) => format!("{n}mo"),
        }
    }

    pub fn days_min(self) -> i64 {
        match self {
            Self::Weeks(n) => i64::from(n) * 7,
            Self::Months(1) => 28,
            Self::Months(2) => 59,
            Self::Months(n) => i64::from(n) * 365 / 12 - 2,
        }
    }
}

/// A setting, live or wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auto {
    Off,
    Never,
    Every(Period),
}

impl Auto {
    pub fn text(self) -> String {
        match self {
            Self::Off => "off".to_owned(),
            Self::Never => "never".to_owned(),
            Self::Every(period) => period.text(),
        }
    }
}

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
            // Dice of their own, so that what a seed draws besides stays as it was.
            scenario.widen(&Dice::new(seed ^ WIDER));
            scenario.weather.prices = Dice::new(seed ^ DEARER).pick(&[0, 0, 300, 700]);
            let dice = &Dice::new(seed ^ BRIEF);
            if dice.chance(100) {
                scenario.brief_tokens(dice);
            }
        }
        scenario.tight = scenario.is_tight();
        for index in 0..scenario.versions.len() {
            scenario.versions[index].texts = texts(&scenario, &scenario.versions[index]);
        }
        scenario
    }

    /// Signals, saved plans, and files that buy what fits.
    fn widen(&mut self, dice: &Dice) {
        self.weather.signal = dice.pick(&[0, 0, 0, 10, 60]);
        self.weather.saved = dice.pick(&[0, 0, 300, 900]);
        if !dice.chance(200) {
            return;
        }
        let month: i64 = self.instances.iter().filter_map(|instance| instance.price).sum();
        let mut parts = self.versions[0].parts.clone();
        for part in &mut parts {
            part.soonest_first = dice.chance(800);
            if dice.chance(400) {
                part.max_charge = Some((month * dice.between(20, 200) / 100).max(1));
            } else if dice.chance(300) {
                part.max_renewals = Some(1 + dice.index(4));
            }
        }
        for version in &mut self.versions {
            version.parts.clone_from(&parts);
        }
    }

    /// Tokens are forgotten some seconds after their order shows. Then nobody but the run itself must be able to
    /// send under the token: runs are single and minutes apart, and no request is late. And as readings are
    /// swift, a run must not come to grief by what it sends again: whenever its own order may exist it reads
    /// anew, and between that reading and the arrival lies less than a second.
    fn brief_tokens(&mut self, dice: &Dice) {
        self.brief_tokens = true;
        self.lag_s = dice.between(1, 15);
        self.retention_s = self.lag_s + dice.between(1, 10);
        self.patience_s = u64::try_from(self.lag_s).unwrap() + PATIENCE_BEYOND_LAG_S;
        self.flight_s_max = 0;
        let renew = self.weather.renew.max(450);
        self.weather = Weather { renew, read: 0, slow: 0, throttled: 300, ..self.weather };
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

    /// The world file.
    pub fn world(&self) -> String {
        let mut out = format!(
            "now: {}\nsite: {}\neffect_delay: {}s\n",
            self.now.format("%Y-%m-%dT%H:%M:%SZ"),
            if self.site == Site::China { "china" } else { "international" },
            self.lag_s
        );
        if let Some(cents) = self.balance {
            writeln!(out, "balance: \"{}\"", amount(cents)).unwrap();
        }
        write!(
            out,
            "assumptions: {{ token_retention_s: {}, refusals_stick: {}, batches_are_partial: {}, \
             off_keeps_duration: {} }}\ninstances:\n",
            self.retention_s, self.refusals_stick, self.batches_are_partial, self.off_keeps_duration
        )
        .unwrap();
        for instance in self.instances.iter().filter(|instance| !instance.missing) {
            write!(
                out,
                "- {{id: {}, region: {}, expires_at: {}, auto_renew: {}",
                instance.id,
                instance.region,
                instance.expires_at.format("%Y-%m-%dT%H:%M:%SZ"),
                instance.auto.text()
            )
            .unwrap();
            if let Some(cents) = instance.price {
                write!(out, ", price_per_month: \"{}\"", amount(cents)).unwrap();
            }
            if instance.post_paid {
                out.push_str(", charge_type: PostPaid");
            }
            if let Some(lock) = instance.lock {
                write!(out, ", lock: {lock}").unwrap();
            }
            out.push_str("}\n");
        }
        out
    }
}

/// Turns a seed into that of the ways of working.
const WIDER: u64 = 0x5A7E_D501_EE57;
/// Turns a seed into that of how often prices move.
const DEARER: u64 = 0x00DE_A2E2_B111;
/// Turns a seed into that of tokens that are kept for seconds.
const BRIEF: u64 = 0x00B2_1EF7_0CE5;

/// In cents: more than any fleet of a seed can cost.
const LOOSE: i64 = 10_000_000_00;
const LOOSE_COUNT: usize = 1000;

pub fn amount(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
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

fn fleet_size(dice: &Dice, mix: Mix) -> usize {
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

fn first_version(dice: &Dice, site: Site, count: usize, tokens: bool) -> Version {
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

fn want(dice: &Dice, site: Site, max_term: Period, part: usize, tokens: bool) -> Want {
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

fn renew_period(dice: &Dice, site: Site, max_term: Period) -> Period {
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
fn changed(dice: &Dice, first: &Version, site: Site, tokens: bool) -> Version {
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

fn instance(
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
fn expiry(dice: &Dice, now: DateTime<Utc>, edge_h: i64, tokens: bool) -> DateTime<Utc> {
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

/// Draws the bounds and returns `--max-charge`.
fn bounds(dice: &Dice, instances: &[Instance], versions: &mut [Version], tokens: bool) -> Option<i64> {
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

fn weather(dice: &Dice) -> Weather {
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

fn for_tokens(dice: &Dice) -> Weather {
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

/// The files of a version, one for each part.
fn texts(scenario: &Scenario, version: &Version) -> Vec<String> {
    let currency = scenario.currency();
    let of_part = |(index, part): (usize, &Part)| {
        let mut out = String::from("version: 1\nregion: cn-beijing\n");
        if scenario.site == Site::International {
            out.push_str("site: international\n");
        }
        write!(
            out,
            "limits: {{max_term: {}, max_auto_renew_off: {}",
            version.max_term.text(),
            part.max_auto_renew_off
        )
        .unwrap();
        if let Some(cents) = part.max_charge {
            write!(out, ", max_charge: {} {currency}", amount(cents)).unwrap();
        }
        if let Some(most) = part.max_renewals {
            write!(out, ", max_renewals: {most}").unwrap();
        }
        if part.allow_unpriced {
            out.push_str(", allow_unpriced: true");
        }
        if part.soonest_first {
            out.push_str(", when_exceeded: soonest-first");
        }
        out.push_str("}\ninstances:\n");
        for (instance, want) in scenario.instances.iter().zip(&version.wants) {
            let Some(want) = want.as_ref().filter(|want| want.part == index) else { continue };
            write!(out, "- {{id: {}, region: {}", instance.id, instance.region).unwrap();
            if let Some(auto) = want.auto {
                write!(out, ", auto_renew: {}", auto.text()).unwrap();
            }
            match want.min_remaining_h {
                Some(hours) if hours % 24 == 0 => write!(out, ", min_remaining: {}d", hours / 24).unwrap(),
                Some(hours) => write!(out, ", min_remaining: {hours}h").unwrap(),
                None if want.none => out.push_str(", min_remaining: none"),
                None => {}
            }
            if want.min_remaining_h.is_some() {
                write!(out, ", renew_period: {}", want.renew.text()).unwrap();
            }
            out.push_str("}\n");
        }
        out
    };
    version.parts.iter().enumerate().map(of_part).collect()
}
