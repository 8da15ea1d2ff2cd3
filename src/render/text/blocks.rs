//! Instances one by one: what is now, what will be, why, and what it costs.

use std::fmt::Write as _;

use anstyle::AnsiColor::{Cyan, Green, Red, Yellow};

use super::{Groups, columns, name};
use crate::calendar::{show_beijing, show_left, show_minute, to_minute};
use crate::live::LiveInstance;
use crate::money::show_amount;
use crate::plan::{Committed, Item, Plan, PriceDecision, Renewal, Stopped, Verdict, VerdictKind};
use crate::render::{Style, paint};
use crate::term::LiveAutoRenew;

/// Column at which the places of rules stand.
const PLACE_COLUMN: usize = 58;
/// Column at which what is said of an instance begins, after its label.
const TEXT_COLUMN: usize = 19;

/// Changes, then what is blocked, held or at risk.
pub(super) fn plan(out: &mut String, groups: &Groups<'_>, plan: &Plan, style: Style) {
    for item in groups.changes.iter().chain(&groups.troubled) {
        instance(out, item, plan, style);
    }
}

/// One labelled text, wrapped to the terminal.
fn line(out: &mut String, label: &str, text: &str, style: Style) {
    let head = columns::padded(&format!("      {label}"), TEXT_COLUMN);
    columns::wrapped(out, &head, text, TEXT_COLUMN, style.width);
}

/// One labelled text with something that stands at a column of its own, or on a line of its own where
/// the terminal is too narrow.
fn line_with(out: &mut String, label: &str, text: &str, tail: (usize, &str), style: Style) {
    let (column, tail) = tail;
    let head = format!("{}{text}", columns::padded(&format!("      {label}"), TEXT_COLUMN));
    let used = columns::width(&head);
    let whole = format!("{head}{}{tail}", " ".repeat(column.saturating_sub(used).max(2)));
    if style.width.is_none_or(|width| columns::width(&whole) <= width) {
        let _ = writeln!(out, "{whole}");
    } else {
        let _ = writeln!(out, "{head}");
        columns::wrapped(out, &" ".repeat(TEXT_COLUMN), tail, TEXT_COLUMN, style.width);
    }
}

pub(super) fn instance(out: &mut String, item: &Item<PriceDecision>, plan: &Plan, style: Style) {
    let changes = item.renewal().is_some() || item.setting().is_some();
    let mark = match item.verdict() {
        VerdictKind::Blocked => paint(style, Red, "x"),
        VerdictKind::Held => paint(style, Yellow, "="),
        _ if changes => paint(style, Cyan, "~"),
        _ => paint(style, Yellow, "!"),
    };
    header(out, item, &mark);
    if let Some(live) = &item.live {
        before_after(out, item, live, plan, style);
    }
    if let Some(committed) = &item.committed {
        commitment(out, committed, style);
    }
    trouble(out, item, style);
}

pub(super) fn header(out: &mut String, item: &Item<PriceDecision>, mark: &str) {
    let _ = writeln!(out, "  {mark} {}  {}  {}", item.id, name(item), item.region);
}

fn before_after(
    out: &mut String,
    item: &Item<PriceDecision>,
    live: &LiveInstance,
    plan: &Plan,
    style: Style,
) {
    if let Some(renewal) = item.renewal() {
        expires(out, renewal, style);
    } else if live.charge_type == crate::live::ChargeType::Subscription {
        let left = show_left(live.expires_at - to_minute(plan.evaluated_at));
        line(out, "expires", &format!("{}   ({left})", show_beijing(live.expires_at)), style);
    }
    if let Some(setting) = item.setting() {
        let after = paint(style, Green, &setting.after.to_string());
        let change = format!("{:<22}  →  {after}", setting.before);
        line_with(out, "auto-renew", &change, (PLACE_COLUMN, &setting.place.to_string()), style);
        if setting.before == LiveAutoRenew::Never && item.renewal().is_some() {
            line(out, "", &setting.reason, style);
        }
    }
    if let Some(renewal) = item.renewal() {
        charge(out, renewal, style);
    }
}

fn expires(out: &mut String, renewal: &Renewal<PriceDecision>, style: Style) {
    let after = paint(style, Green, &show_beijing(renewal.expires_after));
    let change = format!("{}  →  {after}", show_beijing(renewal.expires_before));
    line_with(out, "expires", &change, (0, &format!(" ({})", renewal.reason)), style);
    let (before, after) = (show_minute(renewal.expires_before), show_minute(renewal.expires_after));
    line(out, "    in UTC", &format!("{before:<22}  →  {after}"), style);
}

fn charge(out: &mut String, renewal: &Renewal<PriceDecision>, style: Style) {
    let price = price(renewal);
    line_with(out, "charge", &price, (PLACE_COLUMN, &renewal.place.to_string()), style);
}

/// `CNY 238.00 for 1mo (list 280.00)`.
pub(super) fn price(renewal: &Renewal<PriceDecision>) -> String {
    let term = renewal.term.term();
    match &renewal.price {
        PriceDecision::Quoted(quote) if quote.list_amount != quote.amount.amount => {
            format!("{} for {term} (list {})", quote.amount, show_amount(quote.list_amount))
        }
        PriceDecision::Quoted(quote) => format!("{} for {term}", quote.amount),
        PriceDecision::Unpriced => format!("unknown, for {term}"),
    }
}

fn commitment(out: &mut String, committed: &Committed, style: Style) {
    line(out, "commits to", &commitment_text(committed), style);
}

/// `CNY 238.00 for 1mo, deducted by the platform from 2027-01-02 08:00 +08:00`.
pub(super) fn commitment_text(committed: &Committed) -> String {
    let amount =
        committed.amount.as_ref().map_or_else(|| "an unknown amount".to_owned(), ToString::to_string);
    let (term, at) = (committed.term, show_beijing(committed.at));
    let soon = match (committed.counts, committed.times) {
        (false, _) => String::new(),
        (true, 0 | 1) => ", counted into the total".to_owned(),
        (true, times) => format!(", {times} times within 10 days, counted into the total"),
    };
    format!("{amount} for {term}, deducted by the platform from {at}{soon}")
}

/// What is blocked, held, at risk, or to be looked at.
pub(super) fn trouble(out: &mut String, item: &Item<PriceDecision>, style: Style) {
    let renew = item.renew.as_ref().and_then(Verdict::stopped);
    let set = item.set.as_ref().and_then(Verdict::stopped);
    match (renew, set) {
        (Some(renew), Some(set)) if renew == set => push_stopped(out, "", renew, item, style),
        (renew, set) => {
            for (action, stopped) in [("renewal: ", renew), ("setting: ", set)] {
                if let Some(stopped) = stopped {
                    push_stopped(out, action, stopped, item, style);
                }
            }
        }
    }
    if let Some(why) = &item.at_risk {
        line(out, &paint(style, Red, "at risk"), why, style);
    }
    for warning in &item.warnings {
        line(out, &paint(style, Yellow, "warning"), warning, style);
    }
}

fn push_stopped(
    out: &mut String,
    action: &str,
    stopped: Stopped<'_>,
    item: &Item<PriceDecision>,
    style: Style,
) {
    let color = if stopped.kind == VerdictKind::Held { Yellow } else { Red };
    let word = paint(style, color, stopped.kind.as_str());
    line(out, &word, &format!("{action}{} ({})", stopped.why, item.place), style);
    line(out, "", &stopped.next(), style);
}
