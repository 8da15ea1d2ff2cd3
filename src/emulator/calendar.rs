//! The emulator's own calendar: civil dates from day numbers, without a date library's month
//! arithmetic, so that it can judge the client's.

use chrono::{DateTime, Utc};

/// Seconds between UTC and Beijing.
const BEIJING_S: i64 = 8 * 3600;
const DAY_S: i64 = 86_400;

/// Year, month and day of a day number (days since 1970-01-01).
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day number of a date.
pub fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Adds months on the Beijing date, month ends clamped; the time of day stays.
pub fn add_months(time: DateTime<Utc>, months: i64) -> Option<DateTime<Utc>> {
    let local = time.timestamp() + BEIJING_S;
    let (days, second) = (local.div_euclid(DAY_S), local.rem_euclid(DAY_S));
    let (year, month, day) = civil(days);
    let index = year * 12 + month - 1 + months;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    let end = day_number(year, month, day.min(days_in(year, month)));
    DateTime::from_timestamp(end * DAY_S + second - BEIJING_S, 0)
}

/// Adds weeks.
pub fn add_weeks(time: DateTime<Utc>, weeks: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.timestamp() + weeks * 7 * DAY_S, 0)
}

/// The day number of a moment in Beijing.
pub fn beijing_day(time: DateTime<Utc>) -> i64 {
    (time.timestamp() + BEIJING_S).div_euclid(DAY_S)
}

/// A minute of a Beijing day.
pub fn at_beijing(day: i64, minute: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(day * DAY_S + minute * 60 - BEIJING_S, 0)
}

/// The first Beijing midnight after `time`.
pub fn next_midnight(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    at_beijing(beijing_day(time) + 1, 0)
}
