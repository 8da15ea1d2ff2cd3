//! Many instances: what is to do by region, what is wrong by reason, in tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::AnsiColor;
use anstyle::AnsiColor::{Cyan, Green, Red, Yellow};
use chrono::{DateTime, Utc};

use super::columns::{Column, Grid, column, wrapped};
use super::{Groups, name};
use crate::calendar::{beijing, beijing_minute_of_day, show_span, to_minute};
use crate::ids::RegionId;
use crate::live::{ChargeType, LiveInstance};
use crate::plan::{Bill, Item, Plan, PriceDecision, Stopped, Verdict, VerdictKind};
use crate::render::{Style, paint};
use crate::text::count;

type Items<'a> = Vec<&'a Item<PriceDecision>>;

/// Changes by region, then what is blocked or held by reason, at risk, or to be looked at.
pub(super) fn plan(out: &mut String, groups: &Groups<'_>, plan: &Plan, style: Style) {
    let (renewals, settings): (Items<'_>, Items<'_>) =
        groups.changes.iter().partition(|item| item.renewal().is_some());
    if !renewals.is_empty() {
        heading(out, Cyan, "To renew", renewals.len(), &charge(&renewals).to_string(), style);
        by_region(out, &renewals, plan, style);
    }
    if !settings.is_empty() {
        heading(out, Cyan, "To set", settings.len(), "", style);
        by_region(out, &settings, plan, style);
    }
    let all: Items<'_> = groups.changes.iter().chain(&groups.troubled).copied().collect();
    stopped(out, "Blocked", Red, &all, VerdictKind::Blocked, plan, style);
    stopped(out, "Held", Yellow, &all, VerdictKind::Held, plan, style);
    at_risk(out, &all, plan, style);
    warnings(out, &all, style);
}

/// Instances that are as the files ask for.
pub(super) fn unchanged(out: &mut String, items: &[&Item<PriceDecision>], plan: &Plan, style: Style) {
    if items.is_empty() {
        return;
    }
    heading(out, Green, "Unchanged", items.len(), "", style);
    let mut grid = Grid::new(&[
        column("instance"),
        column("name").spare(1),
        column("region"),
        column("expires"),
        column("left").spare(2),
        column("auto-renew"),
        column("rule").spare(3),
    ]);
    for item in items {
        let live = item.live.as_ref();
        let setting = match live.and_then(|live| live.auto_renew.as_ref()) {
            Some(Ok(setting)) => setting.to_string(),
            _ => "not read".to_owned(),
        };
        grid.push(vec![
            item.id.to_string(),
            name(item),
            item.region.to_string(),
            live.map(|live| show_date(live.expires_at)).unwrap_or_default(),
            left(item, plan),
            setting,
            item.place.to_string(),
        ]);
    }
    grid.write(out, 2, style.width);
}

/// An empty line between two sections.
fn gap(out: &mut String) {
    if out.lines().nth(1).is_some() {
        out.push('\n');
    }
}

/// `To renew: 28 instances, CNY 6,664.00`.
fn heading(out: &mut String, color: AnsiColor, title: &str, number: usize, more: &str, style: Style) {
    let title = paint(style, color, title);
    gap(out);
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    let _ = writeln!(out, "{title}: {}{more}", count(number, "instance"));
}

/// What the renewals of some instances cost.
fn charge(items: &[&Item<PriceDecision>]) -> Bill {
    items.iter().filter_map(|item| item.renewal()).map(|renewal| &renewal.price).collect()
}

/// An expiry is nearly always at midnight in Beijing; then the date says it all.
fn show_date(time: DateTime<Utc>) -> String {
    let form = if beijing_minute_of_day(time) == 0 { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
    beijing(time).format(form).to_string()
}

/// `10d 4h`, with a minus sign after the expiry.
fn left(item: &Item<PriceDecision>, plan: &Plan) -> String {
    let subscription = |live: &&LiveInstance| live.charge_type == ChargeType::Subscription;
    let Some(live) = item.live.as_ref().filter(subscription) else { return String::new() };
    let left = live.expires_at - to_minute(plan.evaluated_at);
    let sign = if left < chrono::Duration::zero() { "-" } else { "" };
    format!("{sign}{}", show_span(left))
}

const CHANGES: [Column; 10] = [
    column("instance"),
    column("name").spare(1),
    column("left").spare(4),
    column("expires"),
    column("until"),
    column("term"),
    column("charge").right(),
    column("auto-renew"),
    column("deducted later").spare(3),
    column("rule").spare(2),
];

fn by_region(out: &mut String, items: &[&Item<PriceDecision>], plan: &Plan, style: Style) {
    let mut regions: BTreeMap<&RegionId, Items<'_>> = BTreeMap::new();
    for item in items {
        regions.entry(&item.region).or_default().push(item);
    }
    let mut grid = Grid::new(&CHANGES);
    for (region, items) in regions {
        let charge = if items.iter().any(|item| item.renewal().is_some()) {
            format!(", {}", charge(&items))
        } else {
            String::new()
        };
        grid.heading(format!("{region}: {}{charge}", count(items.len(), "instance")));
        for item in items {
            grid.push(change(item, plan));
        }
    }
    grid.write(out, 4, style.width);
}

fn change(item: &Item<PriceDecision>, plan: &Plan) -> Vec<String> {
    let (renewal, setting) = (item.renewal(), item.setting());
    let price = renewal.map(|renewal| match &renewal.price {
        PriceDecision::Quoted(quote) => quote.amount.to_string(),
        PriceDecision::Unpriced => "unknown".to_owned(),
    });
    let later = item.committed.as_ref().map(|committed| {
        let amount = committed.amount.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let counts = if committed.counts { ", counted" } else { "" };
        format!("{amount} {}{counts}", beijing(committed.at).format("%Y-%m-%d"))
    });
    let place = renewal.map(|renewal| &renewal.place).or(setting.map(|setting| &setting.place));
    vec![
        item.id.to_string(),
        name(item),
        left(item, plan),
        item.live.as_ref().map(|live| show_date(live.expires_at)).unwrap_or_default(),
        renewal.map(|renewal| show_date(renewal.expires_after)).unwrap_or_default(),
        renewal.map(|renewal| renewal.term.term().to_string()).unwrap_or_default(),
        price.unwrap_or_default(),
        setting.map(|setting| format!("{} → {}", setting.before, setting.after)).unwrap_or_default(),
        later.unwrap_or_default(),
        place.map(ToString::to_string).unwrap_or_default(),
    ]
}

/// What stops an action, and what comes next.
type Reason = (String, String);

/// Instances with something of the verdict `kind`, under the reason that they share.
fn stopped(
    out: &mut String,
    title: &str,
    color: AnsiColor,
    items: &[&Item<PriceDecision>],
    kind: VerdictKind,
    plan: &Plan,
    style: Style,
) {
    let mut reasons: BTreeMap<Reason, Vec<(&'static str, &Item<PriceDecision>)>> = BTreeMap::new();
    let mut number = 0;
    for item in items {
        let reason = |stopped: Option<Stopped<'_>>| {
            stopped.filter(|s| s.kind == kind).map(|s| (s.why.to_owned(), s.next()))
        };
        let renew = reason(item.renew.as_ref().and_then(Verdict::stopped));
        let set = reason(item.set.as_ref().and_then(Verdict::stopped));
        number += usize::from(renew.is_some()) + usize::from(set.is_some());
        if renew.is_some() && renew == set {
            reasons.entry(renew.unwrap_or_default()).or_default().push(("renewal, setting", item));
            continue;
        }
        for (action, why) in [("renewal", renew), ("setting", set)] {
            if let Some(why) = why {
                reasons.entry(why).or_default().push((action, item));
            }
        }
    }
    if number == 0 {
        return;
    }
    gap(out);
    // Actions, as the verdicts are theirs: one instance may have a held renewal and a blocked setting.
    let _ = writeln!(out, "{}: {}", paint(style, color, title), count(number, "action"));
    for ((why, hint), items) in reasons {
        wrapped(out, "  ", &format!("{why}: {}", items.len()), 4, style.width);
        wrapped(out, "    ", &hint, 4, style.width);
        let mut grid = Grid::new(&[
            column("instance"),
            column("name").spare(1),
            column("region"),
            column("left"),
            column("action").spare(2),
            column("rule").spare(3),
        ]);
        for (action, item) in items {
            let (id, region, place) = (item.id.to_string(), item.region.to_string(), item.place.to_string());
            grid.push(vec![id, name(item), region, left(item, plan), action.to_owned(), place]);
        }
        grid.write(out, 4, style.width);
    }
}

fn at_risk(out: &mut String, items: &[&Item<PriceDecision>], plan: &Plan, style: Style) {
    let risks: Items<'_> = items.iter().filter(|item| item.at_risk.is_some()).copied().collect();
    if risks.is_empty() {
        return;
    }
    heading(out, Red, "At risk", risks.len(), "it may stop soon, and this plan does not save it", style);
    let mut grid = Grid::new(&[
        column("instance"),
        column("name").spare(1),
        column("region").spare(3),
        column("left").spare(2),
        column("why"),
    ]);
    for item in risks {
        let (id, region) = (item.id.to_string(), item.region.to_string());
        grid.push(vec![id, name(item), region, left(item, plan), item.at_risk.clone().unwrap_or_default()]);
    }
    grid.write(out, 2, style.width);
}

fn warnings(out: &mut String, items: &[&Item<PriceDecision>], style: Style) {
    let warned: Items<'_> = items.iter().filter(|item| !item.warnings.is_empty()).copied().collect();
    if warned.is_empty() {
        return;
    }
    heading(out, Yellow, "Warnings", warned.len(), "", style);
    for item in warned {
        for warning in &item.warnings {
            wrapped(out, &format!("  {}  ", item.id), warning, 4, style.width);
        }
    }
}
