//! A plan as text for people. The summary line is stable: scripts and eyes find it.

use std::fmt::Write as _;

use anstyle::AnsiColor::{Cyan, Green, Red, Yellow};

use super::{Style, charge_of_cap, paint};
use crate::calendar::{show_beijing, show_left, show_minute, show_span};
use crate::live::LiveInstance;
use crate::money::show_amount;
use crate::plan::{Committed, Item, Plan, PriceDecision, Renewal, Verdict, VerdictKind};

/// Column at which the places of rules stand.
const PLACE_COLUMN: usize = 58;

/// The whole plan: changes, then what is blocked, held or at risk, each soonest expiry first, then the
/// summary line.
pub fn plan(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    let has_changes = |item: &&Item<PriceDecision>| item.renewal().is_some() || item.setting().is_some();
    let (mut changes, others): (Vec<_>, Vec<_>) = plan.items.iter().partition(has_changes);
    let (mut troubled, mut unchanged): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|item| is_troubled(item));
    for group in [&mut changes, &mut troubled, &mut unchanged] {
        group.sort_by_key(|item| item.live.as_ref().map(|live| live.expires_at));
    }
    for item in changes.into_iter().chain(troubled) {
        instance(&mut out, item, plan, style);
    }
    for item in unchanged.into_iter().filter(|_| style.all) {
        as_wanted(&mut out, item, plan);
    }
    if !plan.has_changes() && plan.is_clean() {
        out.push_str("No changes. Every instance is as the files ask for.\n");
    }
    if !plan.complete {
        out.push_str(&paint(style, Yellow, "This plan is not complete: something could not be read.\n"));
    }
    out.push_str(&summary(plan));
    out
}

/// `Plan: 1 to renew, … Charge: CNY 238.00 of at most 5,000.00.`
pub fn summary(plan: &Plan) -> String {
    let sum = plan.summary();
    let mut line = format!(
        "Plan: {} to renew, {} to set auto-renew, {} to switch off, {} unchanged, {} blocked, {} held, {} at risk. Charge: {}.",
        sum.renew,
        sum.set_auto_renew,
        sum.switch_off,
        sum.noop,
        sum.blocked,
        sum.held,
        sum.at_risk,
        charge_of_cap(plan)
    );
    if sum.unpriced > 0 {
        let _ = write!(line, " Without a price: {}.", sum.unpriced);
    }
    if !plan.committed.is_empty() {
        let _ = write!(line, " Deducted by auto-renewal within 10 days: {}.", plan.committed);
    }
    line.push('\n');
    line
}

fn is_troubled(item: &Item<PriceDecision>) -> bool {
    item.verdict() > VerdictKind::Change || item.at_risk.is_some() || !item.warnings.is_empty()
}

fn instance(out: &mut String, item: &Item<PriceDecision>, plan: &Plan, style: Style) {
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
        commitment(out, committed);
    }
    trouble(out, item, style);
}

fn header(out: &mut String, item: &Item<PriceDecision>, mark: &str) {
    let name = if item.name.is_empty() { "-".to_owned() } else { item.name.shown() };
    let _ = writeln!(out, "  {mark} {}  {name}  {}", item.id, item.region);
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
        let left = show_left(live.expires_at - plan.evaluated_at);
        let _ = writeln!(out, "      expires      {}   ({left})", show_beijing(live.expires_at));
    }
    if let Some(setting) = item.setting() {
        let after = paint(style, Green, &setting.after.to_string());
        let shown = setting.after.to_string().chars().count();
        let head = format!("      auto-renew   {:<22}  →  ", setting.before);
        let used = head.chars().count() + shown;
        let _ = writeln!(out, "{head}{after}{}{}", gap(used), setting.place);
    }
    if let Some(renewal) = item.renewal() {
        charge(out, renewal);
    }
}

fn gap(used: usize) -> String {
    " ".repeat(PLACE_COLUMN.saturating_sub(used).max(2))
}

fn expires(out: &mut String, renewal: &Renewal<PriceDecision>, style: Style) {
    let after = paint(style, Green, &show_beijing(renewal.expires_after));
    let before = show_beijing(renewal.expires_before);
    let _ = writeln!(out, "      expires      {before}  →  {after}   ({})", renewal.reason);
    let (before, after) = (show_minute(renewal.expires_before), show_minute(renewal.expires_after));
    let _ = writeln!(out, "          in UTC   {before:<22}  →  {after}");
}

fn charge(out: &mut String, renewal: &Renewal<PriceDecision>) {
    let term = renewal.term.term();
    let price = match &renewal.price {
        PriceDecision::Quoted(quote) if quote.list_amount != quote.amount.amount => {
            format!("{} for {term} (list {})", quote.amount, show_amount(quote.list_amount))
        }
        PriceDecision::Quoted(quote) => format!("{} for {term}", quote.amount),
        PriceDecision::Unpriced => format!("unknown, for {term}"),
    };
    let line = format!("      charge       {price}");
    let used = line.chars().count();
    let _ = writeln!(out, "{line}{}{}", gap(used), renewal.place);
}

fn commitment(out: &mut String, committed: &Committed) {
    let amount =
        committed.amount.as_ref().map_or_else(|| "an unknown amount".to_owned(), ToString::to_string);
    let (term, at) = (committed.term, show_beijing(committed.at));
    let soon = if committed.counts { ", counted into the total" } else { "" };
    let _ = writeln!(out, "      commits to   {amount} for {term}, deducted by the platform from {at}{soon}");
}

fn trouble(out: &mut String, item: &Item<PriceDecision>, style: Style) {
    let renew = item.renew.as_ref().and_then(verdict_lines);
    let set = item.set.as_ref().and_then(verdict_lines);
    match (renew, set) {
        (Some(renew), Some(set)) if renew == set => push_verdict(out, "", &renew, item, style),
        (renew, set) => {
            for (action, lines) in [("renewal: ", renew), ("setting: ", set)] {
                if let Some(lines) = lines {
                    push_verdict(out, action, &lines, item, style);
                }
            }
        }
    }
    if let Some(why) = &item.at_risk {
        let _ = writeln!(out, "      {}      {why}", paint(style, Red, "at risk"));
    }
    for warning in &item.warnings {
        let _ = writeln!(out, "      {}      {warning}", paint(style, Yellow, "warning"));
    }
}

/// The word, the reason and the hint of a verdict that stops something.
fn verdict_lines<T>(verdict: &Verdict<T>) -> Option<(&'static str, String, String)> {
    match verdict {
        Verdict::NoOp | Verdict::Change(_) => None,
        Verdict::Held(hold) => Some((
            "held",
            hold.text.clone(),
            format!("until {}; a later run decides", show_beijing(hold.until)),
        )),
        Verdict::Blocked(block) => Some(("blocked", block.text.clone(), block.hint.clone())),
    }
}

fn push_verdict(
    out: &mut String,
    action: &str,
    (word, why, hint): &(&'static str, String, String),
    item: &Item<PriceDecision>,
    style: Style,
) {
    let color = if *word == "held" { Yellow } else { Red };
    let pad = " ".repeat(13_usize.saturating_sub(word.len()));
    let _ = writeln!(out, "      {}{pad}{action}{why} ({})", paint(style, color, word), item.place);
    let _ = writeln!(out, "                   {hint}");
}

fn as_wanted(out: &mut String, item: &Item<PriceDecision>, plan: &Plan) {
    let Some(live) = &item.live else { return };
    let name = if item.name.is_empty() { "-".to_owned() } else { item.name.shown() };
    let left = live.expires_at - plan.evaluated_at;
    let setting = match &live.auto_renew {
        Some(Ok(setting)) => format!("auto-renew {setting}"),
        _ => "auto-renew not read".to_owned(),
    };
    let (expires, left) = (show_beijing(live.expires_at), show_span(left));
    let _ =
        writeln!(out, "    {}  {name}  {}  expires {expires} ({left} left), {setting}", item.id, item.region);
}
