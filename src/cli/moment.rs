//! Moments as people type them: `--as-of`.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};

use crate::calendar::beijing_instant;
use crate::planning::Moment;

/// A date alone means the time of the nightly run that the CI recipes have, 20:17 in Beijing: at
/// midnight no charge is planned.
const NIGHTLY: (u32, u32) = (20, 17);
/// Furthest look ahead, in days.
const AHEAD_DAYS_MAX: i64 = 10 * 366;

/// Reads `2027-01-31`, `2027-01-31T20:17`, `2027-01-31T20:17:00+08:00` (without an offset: Beijing
/// time), `+30d`, `+12h` or `+2w`.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let wrong = "a moment is a date (2027-01-31), a time (2027-01-31T20:17, Beijing time unless it has an offset) or a \
                 span from now (+30d, +12h, +2w)";
    span(text).map(Moment::After).or_else(|| instant(text).map(Moment::At)).ok_or_else(|| wrong.to_owned())
}

fn span(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+')?;
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: i64 = digits.parse().ok()?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return None,
    };
    let hours = number.checked_mul(hours).filter(|hours| *hours <= AHEAD_DAYS_MAX * 24)?;
    Some(Duration::hours(hours))
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return beijing_instant(date, NIGHTLY.0, NIGHTLY.1);
    }
    for form in ["%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%dT%H:%M%:z"] {
        if let Ok(time) = DateTime::parse_from_str(&text.replace('Z', "+00:00"), form) {
            return Some(time.to_utc());
        }
    }
    ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .and_then(|time| {
            Some(beijing_instant(time.date(), 0, 0)? + (time - time.date().and_hms_opt(0, 0, 0)?))
        })
}
