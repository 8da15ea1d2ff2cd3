//! The name of a plan: a digest of what it decides, so that two plans with the same name do the same.
//!
//! Only decisions and limits go in: not the time of the reading, not what is held or blocked, not the wording.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{Committed, Item, PriceDecision};
use crate::calendar::show_minute;
use crate::config::WhenExceeded;
use crate::desired::DesiredFile;
use crate::ids::PlanId;
use crate::money::{Money, plain_amount};
use crate::term::LiveAutoRenew;

/// First line under the digest: another form would need another version.
const VERSION: &str = "renewctl-plan-2";

/// SHA-256 over one line for each decision, sorted, one for the limits of each file, and one for the
/// account that the files name, if they do. A plan for
/// another moment than that of its reading never has the name of one that can be applied.
pub fn plan_id(
    items: &[Item<PriceDecision>],
    files: &[DesiredFile],
    run_cap: Option<&Money>,
    as_of: Option<DateTime<Utc>>,
) -> PlanId {
    let mut lines: Vec<String> = items.iter().filter_map(decision).collect();
    lines.extend(as_of.map(|moment| format!("as of {}", show_minute(moment))));
    lines.extend(files.iter().map(limits));
    lines.extend(run_cap.map(|cap| format!("at most {} {}", plain_amount(cap.amount), cap.currency)));
    // All files that name one name the same.
    let account = files.iter().find_map(|file| file.account.as_ref());
    lines.extend(account.map(|account| format!("account {}", account.value)));
    lines.sort();
    let mut text = format!("{VERSION}\n");
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    PlanId(HEXLOWER.encode(&Sha256::digest(text.as_bytes())))
}

fn decision(item: &Item<PriceDecision>) -> Option<String> {
    let (renewal, setting) = (item.renewal(), item.setting());
    if renewal.is_none() && setting.is_none() {
        return None;
    }
    let mut line = format!("change {} {}", item.region, item.id);
    if let Some(live) = &item.live {
        let _ = write!(line, " seen {}", show_minute(live.expires_at));
        let _ = match &live.auto_renew {
            Some(Ok(setting)) => write!(line, " {setting}"),
            _ => write!(line, " unknown"),
        };
    }
    if let Some(renewal) = renewal {
        let _ = write!(line, " renew {} to {}", renewal.term.term(), show_minute(renewal.expires_after));
        let _ = match &renewal.price {
            PriceDecision::Quoted(quote) => {
                write!(line, " for {} {}", plain_amount(quote.amount.amount), quote.amount.currency)
            }
            PriceDecision::Unpriced => write!(line, " unpriced"),
        };
    }
    if let Some(setting) = setting {
        let _ = write!(line, " set {}", LiveAutoRenew::from(setting.after));
    }
    // Also what does not count into the total: after a refused charge it may.
    if let Some(Committed { term, amount, times, counts, .. }) = &item.committed {
        let times = if *counts { *times } else { 0 };
        let _ = match amount {
            Some(money) => {
                write!(
                    line,
                    " deducts {times} x {} {} per {term}",
                    plain_amount(money.amount),
                    money.currency
                )
            }
            None => write!(line, " deducts {times} x unknown per {term}"),
        };
    }
    Some(line)
}

fn limits(file: &DesiredFile) -> String {
    let limits = &file.limits;
    let charge = limits.max_charge.as_ref().map_or_else(|| "none".to_owned(), |cap| cap.value.to_string());
    let renewals =
        limits.max_renewals.as_ref().map_or_else(|| "none".to_owned(), |cap| cap.value.to_string());
    let (term, off, unpriced) = (limits.max_term, limits.max_auto_renew_off, limits.allow_unpriced);
    // Refusing came first, and goes unsaid.
    let exceeded = match limits.when_exceeded {
        WhenExceeded::Refuse => "",
        WhenExceeded::SoonestFirst => " soonest-first",
    };
    format!("limits {} {charge} {renewals} {term} {off} {unpriced}{exceeded}", file.path)
}
