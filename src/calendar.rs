//! The calendar on which terms are sold: Beijing's (UTC+8, no daylight saving).
//!
//! Months are added to the Beijing date, month ends clamped: 31 January + 1 month is 28 or 29
//! February (reference 3.1). Adding months is not associative, so a term is always added as a whole
//! to its anchor.

use std::ops::RangeInclusive;

use chrono::{DateTime, Duration, FixedOffset, Months, NaiveDate, NaiveTime, Timelike, Utc};

use crate::term::Term;

/// The years that a moment of an instance can lie in. Beyond them something that is added leaves the calendar,
/// and 2999, a sentinel of pay-as-you-go, means nothing (reference 2.1).
pub const YEARS: RangeInclusive<i32> = 1970..=2200;

/// Beijing's offset from UTC, in seconds.
const BEIJING_OFFSET_S: i32 = 8 * 3600;

/// The same instant on the Beijing clock.
pub fn beijing(time: DateTime<Utc>) -> DateTime<FixedOffset> {
    // An offset of eight hours is within a day, so the fallback never serves.
    let offset = FixedOffset::east_opt(BEIJING_OFFSET_S).unwrap_or_else(|| chrono::Offset::fix(&Utc));
    time.with_timezone(&offset)
}

/// The date in Beijing.
pub fn beijing_date(time: DateTime<Utc>) -> NaiveDate {
    beijing(time).date_naive()
}

/// Minutes since midnight in Beijing, 0 to 1439.
pub fn beijing_minute_of_day(time: DateTime<Utc>) -> u32 {
    let local = beijing(time);
    local.hour() * 60 + local.minute()
}

/// The instant at which a Beijing date reaches an hour and minute.
pub fn beijing_instant(date: NaiveDate, hour: u32, minute: u32) -> Option<DateTime<Utc>> {
    let local = date.and_time(NaiveTime::from_hms_opt(hour, minute, 0)?);
    local.checked_sub_signed(Duration::seconds(i64::from(BEIJING_OFFSET_S))).map(|naive| naive.and_utc())
}

/// The first midnight in Beijing after `time`: when the day of a purchase ends, its first cycle
/// starts (reference 3.1).
pub fn next_beijing_midnight(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    beijing_instant(beijing_date(time).succ_opt()?, 0, 0)
}

/// The end of a term that begins at `anchor`. `None` beyond the calendar.
pub fn add_term(anchor: DateTime<Utc>, term: Term) -> Option<DateTime<Utc>> {
    match term {
        Term::Weeks(weeks) => anchor.checked_add_signed(Duration::days(i64::from(weeks) * 7)),
        Term::Months(months) => {
            let local = beijing(anchor).naive_local();
            let end = local.checked_add_months(Months::new(u32::from(months)))?;
            end.checked_sub_signed(Duration::seconds(i64::from(BEIJING_OFFSET_S)))
                .map(|naive| naive.and_utc())
        }
    }
}

/// Cuts seconds off: the API tells expiries to the minute.
pub fn to_minute(time: DateTime<Utc>) -> DateTime<Utc> {
    time.with_second(0).and_then(|t| t.with_nanosecond(0)).unwrap_or(time)
}

/// `2027-01-03 00:00 +08:00`.
pub fn show_beijing(time: DateTime<Utc>) -> String {
    beijing(time).format("%Y-%m-%d %H:%M %:z").to_string()
}

/// `2027-01-02T16:00Z`: how the API writes an expiry, and how it enters a token.
pub fn show_minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%MZ").to_string()
}

/// `10d 4h`, `5h 10m`, `12m`; of a negative span its absolute value.
pub fn show_span(span: Duration) -> String {
    let minutes = span.num_minutes().abs();
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{rest}m"),
        (0, _) => format!("{hours}h {rest}m"),
        (_, 0) => format!("{days}d"),
        _ => format!("{days}d {hours}h"),
    }
}

/// `10d 4h left`, or `expired 2d ago`.
pub fn show_left(left: Duration) -> String {
    if left > Duration::zero() {
        format!("{} left", show_span(left))
    } else {
        format!("expired {} ago", show_span(left))
    }
}
