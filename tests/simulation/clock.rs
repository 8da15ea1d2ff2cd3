//! Time: tokio's paused clock is the only one, and the world's and every machine's are read from it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use renewctl::ports::Clock;

/// The true time.
pub struct Hands {
    start: tokio::time::Instant,
    base: DateTime<Utc>,
    /// Time that went by while the one thread did something else than wait: a slow disk, a person.
    stalled_ms: Cell<i64>,
}

impl Hands {
    /// Must be made inside the runtime.
    pub fn new(base: DateTime<Utc>) -> Self {
        Self { start: tokio::time::Instant::now(), base, stalled_ms: Cell::new(0) }
    }

    pub fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.start.elapsed()).unwrap();
        self.base + elapsed + TimeDelta::milliseconds(self.stalled_ms.get())
    }

    pub fn stall(&self, ms: i64) {
        self.stalled_ms.set(self.stalled_ms.get() + ms);
    }

    pub async fn sleep(&self, span: TimeDelta) {
        tokio::time::sleep(span.to_std().unwrap_or(Duration::ZERO)).await;
    }

    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        self.sleep(at - self.now()).await;
    }
}

/// One machine's clock, which may be wrong.
pub struct MachineClock {
    pub hands: Rc<Hands>,
    pub skew: TimeDelta,
}

impl Clock for MachineClock {
    fn now(&self) -> DateTime<Utc> {
        self.hands.now() + self.skew
    }
}

const BEIJING: TimeDelta = TimeDelta::hours(8);

pub fn beijing_day(at: DateTime<Utc>) -> NaiveDate {
    (at + BEIJING).date_naive()
}

/// Minutes since midnight in Beijing.
pub fn minute_of_day(at: DateTime<Utc>) -> i64 {
    (at + BEIJING).time().signed_duration_since(chrono::NaiveTime::MIN).num_minutes()
}

/// The next moment after `now` at which it is so many minutes after midnight in Beijing.
pub fn next_beijing(now: DateTime<Utc>, minute_of_day: i64) -> DateTime<Utc> {
    let midnight = beijing_day(now).and_hms_opt(0, 0, 0).unwrap().and_utc() - BEIJING;
    let at = midnight + TimeDelta::minutes(minute_of_day);
    if at > now { at } else { at + TimeDelta::days(1) }
}

/// Months added on the Beijing calendar, month ends clamped.
pub fn add_months(at: DateTime<Utc>, months: u32) -> DateTime<Utc> {
    (at + BEIJING).checked_add_months(chrono::Months::new(months)).unwrap() - BEIJING
}
