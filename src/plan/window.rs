//! The hours in which a charge has to wait: the platform's own renewal, and the start of a day.

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::{Hold, HoldCode};
use crate::calendar::{add_term, beijing_date, beijing_instant, beijing_minute_of_day};
use crate::live::LiveInstance;
use crate::term::{LiveAutoRenew, Term};

/// The platform deducts from the 9th day before expiry on (ECS API text, both sites). The
/// international billing guide names other days (dis): 3 and 1 before and the day itself, which lie
/// within, and 6 and 14 after, when waiting would be worse.
const PLATFORM_DAYS: i64 = 9;
/// The platform deducts "usually between 08:00 and 18:00" Beijing time (China FAQ); half an hour is
/// left on both sides.
const PLATFORM_FROM_MINUTE: u32 = 7 * 60 + 30;
/// See [`PLATFORM_FROM_MINUTE`].
const PLATFORM_TO: (u32, u32) = (18, 30);
/// With less left than this, waiting is the greater danger.
const PLATFORM_HOURS_LEFT_MIN: i64 = 48;
/// A new day means new tokens: no first send until the effects of yesterday's charges are visible.
/// Assumed: the lag of an effect is at most 30 minutes.
const MIDNIGHT_TO: (u32, u32) = (0, 45);

/// Deductions that come within so many days count into the total and the caps (design 4.11).
const SOON_DAYS: i64 = 10;
/// The shortest term is a week: more deductions do not come soon, unless the instance is long expired.
const DEDUCTIONS_MAX: usize = 8;
/// The hour of the day, Beijing time, at which the platform begins to deduct.
const DEDUCTION_HOUR: u32 = 8;

/// When a setting that is made now lets the platform deduct for an expiry, at the earliest: on the
/// ninth day before, but not before tomorrow, when it takes effect.
pub(super) fn next_deduction(expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let tomorrow = beijing_date(now) + Duration::days(1);
    beijing_instant(first_deduction_day(expires_at).max(tomorrow), DEDUCTION_HOUR, 0)
}

/// Whether a deduction comes so soon that it counts into the total and the caps.
pub(super) fn is_soon(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at - now <= Duration::days(SOON_DAYS)
}

/// From when on the first deduction for an expiry comes soon.
pub(super) fn counts_from(expires_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let first = beijing_instant(first_deduction_day(expires_at), DEDUCTION_HOUR, 0)?;
    Some(first - Duration::days(SOON_DAYS))
}

/// How many deductions come soon: after each one the next expiry counts.
pub(super) fn deductions_soon(mut expires_at: DateTime<Utc>, term: Term, now: DateTime<Utc>) -> usize {
    let mut times = 0;
    while next_deduction(expires_at, now).is_some_and(|at| is_soon(at, now)) {
        times += 1;
        match add_term(expires_at, term) {
            Some(next) if next > expires_at && times < DEDUCTIONS_MAX => expires_at = next,
            _ => break,
        }
    }
    times
}

/// The first day, in Beijing, on which the platform deducts for an expiry.
fn first_deduction_day(expires_at: DateTime<Utc>) -> NaiveDate {
    beijing_date(expires_at) - Duration::days(PLATFORM_DAYS)
}

fn until_today(now: DateTime<Utc>, (hour, minute): (u32, u32)) -> Option<DateTime<Utc>> {
    beijing_instant(beijing_date(now), hour, minute).filter(|until| now < *until)
}

/// Holds every charge between 00:00 and 00:45 Beijing time.
pub fn midnight(now: DateTime<Utc>) -> Option<Hold> {
    let until = until_today(now, MIDNIGHT_TO)?;
    let text = "between 00:00 and 00:45 Beijing time no charge is sent, because tokens change with the day";
    Some(Hold { code: HoldCode::Midnight, until, text: text.to_owned() })
}

/// Whether so little time is left that waiting is the greater danger.
pub fn is_urgent(live: &LiveInstance, now: DateTime<Utc>) -> bool {
    live.expires_at - now < Duration::hours(PLATFORM_HOURS_LEFT_MIN)
}

/// Holds a charge while the platform itself may be renewing the instance.
pub fn platform(live: &LiveInstance, now: DateTime<Utc>) -> Option<Hold> {
    let Some(Ok(LiveAutoRenew::Every(_))) = live.auto_renew else { return None };
    if beijing_date(now) < first_deduction_day(live.expires_at) || is_urgent(live, now) {
        return None;
    }
    if beijing_minute_of_day(now) < PLATFORM_FROM_MINUTE {
        return None;
    }
    let until = until_today(now, PLATFORM_TO)?;
    let text = "auto-renewal is on and may renew it in these hours; a charge now could be a second one";
    Some(Hold { code: HoldCode::PlatformWindow, until, text: text.to_owned() })
}
