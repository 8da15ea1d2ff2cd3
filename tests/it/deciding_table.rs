//! Deciding as one table: everything that can be wanted × everything that can be read × the minutes
//! around every boundary. What is expected comes from a small model, written from the words of the
//! design alone; it counts in minutes and on the wall calendar of `calendar`, and calls nothing of
//! `plan`. The two snapshots are parts of the table, to be read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::DateTime;
use renewctl::desired::DesiredState;
use renewctl::ids::{InstanceId, RegionId};
use renewctl::live::{Answer, ChargeType, Live, LiveInstance, Lock, Quote, Status, Unreadable};
use renewctl::plan::draft::{Holds, draft};
use renewctl::plan::price::{NoQuote, Quotes, price};
use renewctl::plan::{Hold, HoldCode, Item, Plan, Verdict, VerdictKind};
use renewctl::term::{LiveAutoRenew, Term};
use renewctl::text::Untrusted;

use crate::calendar::WallCalendar;
use crate::support::{desired, time};

/// Minutes since 1970, UTC. Everything in the model is whole minutes.
type Minute = i64;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
/// Beijing is ahead by so much.
const BEIJING: i64 = 8 * HOUR;

fn minute(text: &str) -> Minute {
    time(text).timestamp() / 60
}

// What is wanted and what is read.

#[derive(Clone, Copy, Debug, PartialEq)]
enum Auto {
    Absent,
    Off,
    Never,
    Every(Term),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Least {
    Absent,
    None,
    Hours(i64),
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    auto: Auto,
    least: Least,
    period: Term,
    international: bool,
    allow_unpriced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Setting {
    Off,
    Never,
    Every(Term),
    Unreadable,
    /// The reading did not ask for it.
    NotAsked,
}

/// What else can be so of an instance.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Case {
    Plain,
    Stopped,
    PayAsYouGo,
    OtherChargeType,
    Financial,
    Security,
    Recycling,
    Refunded,
    HostFinancial,
    OtherLock,
    /// The journal is in doubt about an earlier charge.
    Doubt(HoldCode),
    /// Both at once.
    DoubtAndSecurity,
    /// No quote came.
    Unquoted,
}

const CASES: [Case; 15] = [
    Case::Plain,
    Case::Stopped,
    Case::PayAsYouGo,
    Case::OtherChargeType,
    Case::Financial,
    Case::Security,
    Case::Recycling,
    Case::Refunded,
    Case::HostFinancial,
    Case::OtherLock,
    Case::Doubt(HoldCode::OutcomeUnknown),
    Case::Doubt(HoldCode::NotMoved),
    Case::Doubt(HoldCode::OlderReading),
    Case::DoubtAndSecurity,
    Case::Unquoted,
];

const MONTH: Term = Term::Months(1);
const SETTINGS: [Setting; 6] = [
    Setting::Off,
    Setting::Never,
    Setting::Every(MONTH),
    Setting::Every(Term::Months(3)),
    Setting::Unreadable,
    Setting::NotAsked,
];

impl Wanted {
    /// As a file says it.
    fn file(&self) -> String {
        let site = if self.international { "international" } else { "china" };
        let limits = if self.allow_unpriced { "limits: { allow_unpriced: true }\n" } else { "" };
        let mut properties = String::new();
        match self.auto {
            Auto::Absent => {}
            Auto::Off => properties.push_str(", auto_renew: off"),
            Auto::Never => properties.push_str(", auto_renew: never"),
            Auto::Every(term) => write!(properties, ", auto_renew: {term}").unwrap(),
        }
        match self.least {
            Least::Absent => {}
            Least::None => properties.push_str(", min_remaining: none"),
            Least::Hours(hours) => {
                write!(properties, ", min_remaining: {hours}h, renew_period: {}", self.period).unwrap();
            }
        }
        format!(
            "version: 1\nregion: cn-beijing\nsite: {site}\n{limits}instances:\n  - {{ id: i-one{properties} }}\n"
        )
    }

    /// Everything that a file can want, in a few values of each kind.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        let autos = [Auto::Absent, Auto::Off, Auto::Never, Auto::Every(MONTH)];
        let hours = [20, 60, 360].map(Least::Hours);
        for auto in autos {
            for least in [Least::Absent, Least::None].into_iter().chain(hours) {
                let empty = auto == Auto::Absent && least == Least::Absent;
                let contradiction = auto == Auto::Never && matches!(least, Least::Hours(_));
                if empty || contradiction {
                    continue;
                }
                let periods: &[Term] = match least {
                    Least::Hours(_) => &[MONTH, Term::Months(3), Term::Weeks(1)],
                    _ => &[MONTH],
                };
                for (period, international) in periods.iter().flat_map(|p| [(*p, false), (*p, true)]) {
                    if !(international && matches!(period, Term::Weeks(_))) {
                        all.push(Self { auto, least, period, international, allow_unpriced: false });
                    }
                }
            }
        }
        let unpriced = Self {
            auto: Auto::Every(MONTH),
            least: Least::Hours(360),
            period: MONTH,
            international: false,
            allow_unpriced: true,
        };
        all.push(unpriced);
        all
    }
}

// The model. One function for each sentence of the design.

#[derive(Clone, Debug, PartialEq)]
struct Verdicts {
    renew: String,
    set: String,
    at_risk: &'static str,
    /// When the platform will deduct because of the new setting, and whether that counts.
    committed: Option<(Minute, bool)>,
}

struct Model<'a> {
    wall: &'a WallCalendar,
    wanted: Wanted,
    setting: Setting,
    case: Case,
    expiry: Minute,
    now: Minute,
}

impl Model<'_> {
    fn left(&self) -> i64 {
        self.expiry - self.now
    }

    fn beijing_day(at: Minute) -> i64 {
        (at + BEIJING) / DAY
    }

    fn beijing_time(&self) -> i64 {
        (self.now + BEIJING) % DAY
    }

    fn is_subscription(&self) -> bool {
        !matches!(self.case, Case::PayAsYouGo | Case::OtherChargeType)
    }

    fn doubt(&self) -> Option<HoldCode> {
        match self.case {
            Case::Doubt(code) => Some(code),
            Case::DoubtAndSecurity => Some(HoldCode::OutcomeUnknown),
            _ => None,
        }
    }

    /// "Locks: security, refunded, dedicatedhostfinancial: blocked."
    fn is_locked(&self) -> bool {
        matches!(self.case, Case::Security | Case::Refunded | Case::HostFinancial | Case::DoubtAndSecurity)
    }

    /// "Charges are held between 00:00 and 00:45 Beijing."
    fn is_midnight(&self) -> bool {
        self.beijing_time() < 45
    }

    /// "With live AutoRenewal, from the 9th day before expiry, between 07:30 and 18:30 Beijing time,
    /// unless less than 48 h remain."
    fn is_platform_hour(&self) -> bool {
        let day = Self::beijing_day(self.now) >= Self::beijing_day(self.expiry) - 9;
        let hour = (7 * HOUR + 30..18 * HOUR + 30).contains(&self.beijing_time());
        matches!(self.setting, Setting::Every(_)) && day && hour && self.left() >= 48 * HOUR
    }

    /// "The shortest term on sale that is ≥ renew_period, ≤ max_term, and leaves at least
    /// min_remaining + 24 h"; otherwise the longest. With the expiry that it leads to.
    fn term(&self, hours: i64) -> (Term, Minute) {
        let suspended = self.now >= self.expiry && self.case == Case::Stopped;
        let anchor = if self.wanted.international && suspended {
            (Self::beijing_day(self.now) + 1) * DAY - BEIJING
        } else {
            self.expiry
        };
        let weeks = matches!(self.wanted.period, Term::Weeks(_));
        let months = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12].map(Term::Months);
        let weeks = [1, 2, 3, 4].map(Term::Weeks).into_iter().filter(|_| weeks);
        let end = |term| self.wall.end(anchor * 60, term) / 60;
        let mut ends: Vec<(Term, Minute)> = months.into_iter().chain(weeks).map(|t| (t, end(t))).collect();
        ends.retain(|(_, at)| *at >= end(self.wanted.period));
        ends.sort_by_key(|(_, at)| *at);
        let enough = ends.iter().find(|(_, at)| *at >= self.now + hours * HOUR + DAY);
        *enough.unwrap_or(&ends[ends.len() - 1])
    }

    fn renew(&self) -> (String, Option<Minute>) {
        let plain = |text: &str| (text.to_owned(), None);
        let Least::Hours(hours) = self.wanted.least else { return plain("-") };
        if !self.is_subscription() {
            return plain("blocked charge-type");
        }
        // "A renewal is needed when now ≥ ExpiredTime − min_remaining."
        if self.now < self.expiry - hours * HOUR {
            return plain("no-op");
        }
        if self.is_locked() {
            return plain("blocked locked");
        }
        let unread = matches!(self.setting, Setting::Unreadable | Setting::NotAsked);
        if unread && self.left() >= 48 * HOUR {
            return plain("blocked unreadable");
        }
        if let Some(code) = self.doubt() {
            return (format!("held {}", code.as_str()), None);
        }
        if self.is_midnight() {
            return plain("held midnight");
        }
        if self.is_platform_hour() {
            return plain("held platform-window");
        }
        if self.case == Case::Unquoted && !self.wanted.allow_unpriced {
            return plain("blocked no-price");
        }
        let (term, end) = self.term(hours);
        (term.to_string(), Some(end))
    }

    fn set(&self, renew: &str, renewing: bool) -> String {
        // "Live NotRenewal with a renewal: first the setting, otherwise Normal."
        if self.wanted.auto == Auto::Absent {
            let lifted = renewing && self.setting == Setting::Never;
            return if lifted { "off".to_owned() } else { "-".to_owned() };
        }
        if !self.is_subscription() {
            return "blocked charge-type".to_owned();
        }
        let same = match (self.wanted.auto, self.setting) {
            (_, Setting::Unreadable | Setting::NotAsked) => return "blocked unreadable".to_owned(),
            (Auto::Off, Setting::Off) | (Auto::Never, Setting::Never) => true,
            (Auto::Every(wanted), Setting::Every(live)) => wanted == live,
            _ => false,
        };
        if same {
            return "no-op".to_owned();
        }
        // While a charge is in doubt, nothing is set.
        if self.doubt().is_some() {
            return "held".to_owned();
        }
        // After expiry auto-renewal cannot be set: it waits for the renewal, if one will come.
        if self.now >= self.expiry && !renewing {
            let waits = renew.starts_with("held");
            return if waits { "held".to_owned() } else { "blocked expired".to_owned() };
        }
        // Switching off waits for a renewal that is needed and cannot go out.
        let ends = matches!(self.wanted.auto, Auto::Off | Auto::Never);
        match self.wanted.auto {
            _ if ends && renew.starts_with("held") => "held".to_owned(),
            _ if ends && renew.starts_with("blocked") => renew.to_owned(),
            Auto::Off => "off".to_owned(),
            Auto::Never => "never".to_owned(),
            Auto::Every(term) => term.to_string(),
            Auto::Absent => unreachable!("returned above"),
        }
    }

    /// The platform deducts on the 9th day before expiry at 08:00, but not before tomorrow; what it
    /// deducts within 10 days counts.
    fn committed(&self, set: &str, renewed_until: Option<Minute>) -> Option<(Minute, bool)> {
        let Auto::Every(term) = self.wanted.auto else { return None };
        if set != term.to_string() {
            return None;
        }
        let first = Self::beijing_day(renewed_until.unwrap_or(self.expiry)) - 9;
        let day = first.max(Self::beijing_day(self.now) + 1);
        let at = day * DAY + 8 * HOUR - BEIJING;
        // A shorter term than the one that is on adds nothing to what the platform deducts anyway.
        let months_first = |term: Term| (term.days_min(), matches!(term, Term::Months(_)));
        let adds = !matches!(self.setting, Setting::Every(on) if months_first(term) <= months_first(on));
        Some((at, adds && at - self.now <= 10 * DAY))
    }

    /// Of an instance that the file does not let go: less than 72 h left and no charge in this plan.
    fn at_risk(&self, set: &str, renewing: bool) -> &'static str {
        let let_go = matches!(self.wanted.auto, Auto::Off | Auto::Never);
        let keep = matches!(self.wanted.least, Least::Hours(_)) || !let_go;
        if !keep || !self.is_subscription() || renewing || self.left() >= 72 * HOUR {
            return "";
        }
        let enabling = matches!(self.wanted.auto, Auto::Every(term) if set == term.to_string());
        if enabling && self.left() < 48 * HOUR { "too late" } else { "soon" }
    }

    fn verdicts(&self) -> Verdicts {
        let (renew, renewed_until) = self.renew();
        let renewing = renewed_until.is_some();
        let mut set = self.set(&renew, renewing);
        let mut committed = self.committed(&set, renewed_until);
        if self.case == Case::Unquoted
            && !self.wanted.allow_unpriced
            && committed.is_some_and(|(_, counts)| counts)
        {
            (set, committed) = ("blocked no-price".to_owned(), None);
        }
        let at_risk = self.at_risk(&set, renewing);
        Verdicts { renew, set, at_risk, committed }
    }
}

// The code under test, in the same words.

fn key() -> (RegionId, InstanceId) {
    (RegionId::parse("cn-beijing").unwrap(), InstanceId::parse("i-one").unwrap())
}

fn live(setting: Setting, case: Case, expiry: Minute) -> LiveInstance {
    let (region, id) = key();
    let unreadable = || Some(Err(Unreadable::because("no")));
    LiveInstance {
        id,
        name: Untrusted::new("one"),
        region,
        charge_type: match case {
            Case::PayAsYouGo => ChargeType::PayAsYouGo,
            Case::OtherChargeType => ChargeType::Other(Untrusted::new("x")),
            _ => ChargeType::Subscription,
        },
        expires_at: DateTime::from_timestamp(expiry * 60, 0).unwrap(),
        status: if case == Case::Stopped { Status::Stopped } else { Status::Running },
        locks: match case {
            Case::Financial => vec![Lock::Financial],
            Case::Security | Case::DoubtAndSecurity => vec![Lock::Security],
            Case::Recycling => vec![Lock::Recycling],
            Case::Refunded => vec![Lock::Refunded],
            Case::HostFinancial => vec![Lock::DedicatedHostFinancial],
            Case::OtherLock => vec![Lock::Other(Untrusted::new("x"))],
            _ => Vec::new(),
        },
        auto_renew: match setting {
            Setting::Off => Some(Ok(LiveAutoRenew::Off)),
            Setting::Never => Some(Ok(LiveAutoRenew::Never)),
            Setting::Every(term) => Some(Ok(LiveAutoRenew::Every(term))),
            Setting::Unreadable => unreadable(),
            Setting::NotAsked => None,
        },
    }
}

fn holds(case: Case, now: Minute) -> Holds {
    let code = match case {
        Case::Doubt(code) => code,
        Case::DoubtAndSecurity => HoldCode::OutcomeUnknown,
        _ => return Holds::new(),
    };
    let until = DateTime::from_timestamp((now + 30) * 60, 0).unwrap();
    BTreeMap::from([(key(), Hold { code, until, text: "in doubt".to_owned() })])
}

fn plan(desired: &DesiredState, wanted: Wanted, instance: LiveInstance, case: Case, now: Minute) -> Plan {
    // Seconds of the reading play no part.
    let now_s = DateTime::from_timestamp(now * 60 + 59, 0).unwrap();
    let answers = BTreeMap::from([(key(), Answer::Found(Box::new(instance)))]);
    let live = Live { read_at: now_s, answers };
    let draft = draft(desired, &live, now_s, &holds(case, now));
    let currency = if wanted.international { "USD" } else { "CNY" };
    let quote = Quote {
        amount: format!("100 {currency}").parse().unwrap(),
        list_amount: 120.into(),
        quoted_at: now_s,
    };
    let quotes: Quotes = match case {
        Case::Unquoted => draft.quotes().into_iter().map(|ask| (ask, Err(NoQuote::Unquotable))).collect(),
        _ => draft.quotes().into_iter().map(|ask| (ask, Ok(quote.clone()))).collect(),
    };
    price(desired, draft, &quotes).unwrap()
}

fn found<P>(item: &Item<P>) -> Verdicts {
    let renew = match &item.renew {
        None => "-".to_owned(),
        Some(Verdict::NoOp) => "no-op".to_owned(),
        Some(Verdict::Change(renewal)) => renewal.term.term().to_string(),
        Some(Verdict::Held(hold)) => format!("held {}", hold.code.as_str()),
        Some(Verdict::Blocked(block)) => format!("blocked {}", block.code.as_str()),
    };
    let set = match &item.set {
        None => "-".to_owned(),
        Some(Verdict::NoOp) => "no-op".to_owned(),
        Some(Verdict::Change(setting)) => setting.after.to_string(),
        Some(Verdict::Held(_)) => "held".to_owned(),
        Some(Verdict::Blocked(block)) => format!("blocked {}", block.code.as_str()),
    };
    let at_risk = match &item.at_risk {
        None => "",
        Some(text) if text.contains("takes effect the next day") => "too late",
        Some(_) => "soon",
    };
    let committed = item.committed.as_ref().map(|c| (c.at.timestamp() / 60, c.counts));
    Verdicts { renew, set, at_risk, committed }
}

/// Midnight in Beijing, as it usually is; noon, so that the last 48 and 72 hours begin within the
/// platform's hours; and evening, where nothing else happens.
const EXPIRIES: [&str; 3] = ["2026-12-20T16:00:00Z", "2026-12-31T04:00:00Z", "2027-03-01T12:00:00Z"];
/// Hours before expiry at which something begins: the needs, the last 48 and 72 hours, the expiry,
/// and 15 days after it.
const HOURS: [i64; 7] = [20, 48, 60, 72, 360, 0, -360];

fn beijing(expiry: Minute, days: i64, at: i64) -> Minute {
    ((expiry + BEIJING) / DAY + days) * DAY - BEIJING + at
}

/// Every boundary with the minutes before and after it, each with its expiry.
fn boundaries() -> Vec<(Minute, Minute)> {
    let mut all = Vec::new();
    for expiry in EXPIRIES.map(minute) {
        all.extend(HOURS.map(|hours| (expiry, expiry - hours * HOUR)));
    }
    // The clock of the days around the 9th before expiry, of the last ones, and of the one after it.
    let expiry = minute(EXPIRIES[0]);
    for days in [-10, -9, -3, -2, -1, 0, 1] {
        for at in [0, 45, 7 * HOUR + 30, 18 * HOUR + 30, 20 * HOUR + 17] {
            all.push((expiry, beijing(expiry, days, at)));
        }
    }
    let mut all: Vec<_> =
        all.into_iter().flat_map(|(expiry, at)| [-1, 0, 1].map(|minute| (expiry, at + minute))).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// One moment of each kind.
fn samples() -> Vec<(Minute, Minute)> {
    let [midnight, noon, _] = EXPIRIES.map(minute);
    let mut all = HOURS.map(|hours| (noon, noon - hours * HOUR)).to_vec();
    for (days, at) in [(-9, 44), (-9, 12 * HOUR), (-9, 20 * HOUR + 17), (1, 44), (1, 20 * HOUR + 17)] {
        all.push((midnight, beijing(midnight, days, at)));
    }
    all
}

#[test]
fn the_plan_says_what_the_model_says_of_every_combination() {
    let wall = WallCalendar::new(2030);
    let mut compared = 0;
    let mut seen: BTreeMap<VerdictKind, usize> = BTreeMap::new();
    let mut odd = BTreeMap::new();
    let (boundaries, samples) = (boundaries(), samples());
    for wanted in Wanted::all() {
        let desired = desired(&wanted.file());
        for (setting, case) in SETTINGS.iter().flat_map(|s| CASES.iter().map(move |c| (*s, *c))) {
            let moments = if case == Case::Plain { &boundaries } else { &samples };
            for &(expiry, now) in moments {
                let plan = plan(&desired, wanted, live(setting, case, expiry), case, now);
                let model = Model { wall: &wall, wanted, setting, case, expiry, now };
                let (found, expected) = (found(&plan.items[0]), model.verdicts());
                if found != expected {
                    let at = DateTime::from_timestamp((now + BEIJING) * 60, 0).unwrap();
                    let (at, left) = (at.format("%m-%d %H:%M"), expiry - now);
                    odd.entry((wanted.file(), format!("{setting:?} {case:?}"))).or_insert(format!(
                        "{at} in Beijing, {left} minutes left:\n  plan  {found:?}\n  model {expected:?}"
                    ));
                }
                compared += 1;
                *seen.entry(plan.items[0].verdict()).or_default() += 1;
            }
        }
    }
    assert!(
        odd.is_empty(),
        "{} kinds, for example {:#?}",
        odd.len(),
        odd.iter().take(20).collect::<Vec<_>>()
    );
    assert!(compared > 100_000, "{compared}");
    assert!(seen.values().all(|count| *count > 5_000) && seen.len() == 4, "{seen:?}");
}

// The table to read.

/// `+1mo` buys, `=1mo` sets, `·` nothing to do, `?` held, `x` blocked, `-` not asked for, `!` at risk.
fn cell(wanted: Wanted, setting: Setting, case: Case, expiry: Minute, now: Minute) -> String {
    let plan = plan(&desired(&wanted.file()), wanted, live(setting, case, expiry), case, now);
    let found = found(&plan.items[0]);
    let short = |text: &str, sign: &str| match text {
        "-" => "-".to_owned(),
        "no-op" => "·".to_owned(),
        text if text.starts_with("held") => "?".to_owned(),
        text if text.starts_with("blocked") => "x".to_owned(),
        text => format!("{sign}{text}"),
    };
    let risk = if found.at_risk.is_empty() { "" } else { "!" };
    format!("{} {}{risk}", short(&found.renew, "+"), short(&found.set, "="))
}

fn table(rows: &[(String, Wanted, Setting, Case)]) -> String {
    let expiry = minute("2026-12-20T16:00:00Z");
    let columns = [
        ("16d left", "2026-12-04T12:17:00Z"),
        ("need-1m", "2026-12-05T15:59:00Z"),
        ("00:44", "2026-12-05T16:44:00Z"),
        ("00:45", "2026-12-05T16:45:00Z"),
        ("D-10 noon", "2026-12-11T04:00:00Z"),
        ("D-9 07:29", "2026-12-11T23:29:00Z"),
        ("07:30", "2026-12-11T23:30:00Z"),
        ("18:29", "2026-12-12T10:29:00Z"),
        ("18:30", "2026-12-12T10:30:00Z"),
        ("71h left", "2026-12-17T17:00:00Z"),
        ("47h, 08h", "2026-12-19T00:00:00Z"),
        ("expired", "2026-12-21T12:17:00Z"),
    ];
    let mut out = format!("{:<40}", "");
    for (name, _) in columns {
        write!(out, "{name:<11}").unwrap();
    }
    for (name, wanted, setting, case) in rows {
        write!(out, "\n{name:<40}").unwrap();
        for (_, at) in columns {
            write!(out, "{:<11}", cell(*wanted, *setting, *case, expiry, minute(at))).unwrap();
        }
    }
    out.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn wants(auto: Auto, least: Least) -> Wanted {
    Wanted { auto, least, period: MONTH, international: false, allow_unpriced: false }
}

#[test]
fn what_is_wanted_against_what_is_set() {
    let mut rows = Vec::new();
    for (name, auto, least) in [
        ("15d", Auto::Absent, Least::Hours(360)),
        ("15d, off", Auto::Off, Least::Hours(360)),
        ("15d, 1mo", Auto::Every(MONTH), Least::Hours(360)),
        ("off", Auto::Off, Least::Absent),
        ("never", Auto::Never, Least::Absent),
        ("1mo", Auto::Every(MONTH), Least::Absent),
    ] {
        for (live, setting) in ["off", "never", "1mo", "3mo", "unreadable"].into_iter().zip(SETTINGS) {
            rows.push((format!("wanted {name}; live {live}"), wants(auto, least), setting, Case::Plain));
        }
    }
    insta::assert_snapshot!(table(&rows));
}

#[test]
fn what_stands_in_the_way() {
    let mut rows = Vec::new();
    for (name, auto, setting) in [
        ("wants 15d, 1mo; off", Auto::Every(MONTH), Setting::Off),
        ("wants 15d, off; 1mo", Auto::Off, Setting::Every(MONTH)),
    ] {
        for case in CASES {
            let case_name = match case {
                Case::Doubt(code) => code.as_str().to_owned(),
                other => format!("{other:?}"),
            };
            rows.push((format!("{name}; {case_name}"), wants(auto, Least::Hours(360)), setting, case));
        }
    }
    insta::assert_snapshot!(table(&rows));
}
