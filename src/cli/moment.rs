//! Moments and spans as people type them: `--as-of`, `--verify-timeout`.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};

use crate::calendar::beijing_instant;
use crate::planning::Moment;

/// A date alone means the time of the nightly run that the CI recipes have, 20:17 in Beijing: at
/// midnight no charge is planned.
const NIGHTLY: (u32, u32) = (20, 17);
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
    Duration::try_hours(number.checked_mul(hours)?)
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

/// The longest wait that can be asked for, in seconds.
const WAIT_S_MAX: u64 = 24 * 3600;

/// Reads the time that an effect is waited for, in seconds.
pub(super) fn patience(text: &str) -> Result<u64, String> {
    let enough = |seconds: &u64| (10..=WAIT_S_MAX).contains(seconds);
    let seconds = Some(seconds(text)?).filter(enough);
    seconds.ok_or_else(|| "a time from 10s (an effect takes about so long) to 24h".to_owned())
}

/// Reads the time that a lock is waited for, in seconds; it may be none.
pub(super) fn wait(text: &str) -> Result<u64, String> {
    let seconds = Some(seconds(text)?).filter(|seconds| *seconds <= WAIT_S_MAX);
    seconds.ok_or_else(|| "a time from 0s to 24h".to_owned())
}

/// Reads `90s`, `5m` or `1h` as seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let message = || "a time is a number of seconds, minutes or hours: 90s, 5m or 1h".to_owned();
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(message)?;
    let (digits, unit) = text.split_at(split);
    let number: u64 = digits.parse().map_err(|_| message())?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(message()),
    };
    number.checked_mul(factor).ok_or_else(message)
}
