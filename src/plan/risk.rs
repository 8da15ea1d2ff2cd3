//! Which instances may stop soon although the file does not let them go.

use chrono::{DateTime, Duration, Utc};

use super::{Item, PriceDecision, Setting};
use crate::calendar::show_left;
use crate::config::{Entry, MinRemaining};
use crate::live::ChargeType;
use crate::term::AutoRenew;

/// With less left than this, and no charge in the plan, an instance is at risk.
const AT_RISK_HOURS: i64 = 72;
/// Auto-renewal takes effect the day after it was switched on, and not for an instance that expires
/// that day (reference 3.2).
const TOO_LATE_HOURS: i64 = 48;

/// Whether so little time is left that an instance without a charge is at risk.
pub(super) fn is_short(left: Duration) -> bool {
    left < Duration::hours(AT_RISK_HOURS)
}

/// Why an instance that the file says to keep may stop soon all the same (design 4.10).
pub(super) fn at_risk(item: &Item<PriceDecision>, entry: &Entry, now: DateTime<Utc>) -> Option<String> {
    let live = item.live.as_ref()?;
    let lifetime_wanted = matches!(&entry.min_remaining, Some(asked) if asked.value != MinRemaining::None);
    let let_go = matches!(&entry.auto_renew, Some(asked) if !matches!(asked.value, AutoRenew::Every(_)));
    let subscription = live.charge_type == ChargeType::Subscription;
    if !subscription || (let_go && !lifetime_wanted) {
        return None;
    }
    if let Some(renewal) = item.renewal() {
        let after = renewal.expires_after - now;
        return is_short(after).then(|| format!("{}, even after its renewal", show_left(after)));
    }
    let left = live.expires_at - now;
    let enabling = matches!(item.setting(), Some(Setting { after: AutoRenew::Every(_), .. }));
    if enabling && left < Duration::hours(TOO_LATE_HOURS) {
        let text = "auto-renewal takes effect the next day, which may be too late; nothing else renews it in this plan";
        return Some(format!("{}; {text}", show_left(left)));
    }
    is_short(left).then(|| format!("{} and no renewal of it in this plan", show_left(left)))
}
