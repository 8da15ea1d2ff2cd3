//! Only numbers: one row for each region, for a fleet that no screen holds.

use std::collections::BTreeMap;

use super::columns::{Grid, column};
use crate::ids::RegionId;
use crate::money::Totals;
use crate::plan::{Item, Plan, PriceDecision, Setting, VerdictKind};
use crate::render::Style;
use crate::text::grouped;

#[derive(Default)]
struct Row {
    renew: usize,
    set: usize,
    off: usize,
    unchanged: usize,
    blocked: usize,
    held: usize,
    at_risk: usize,
    charge: Totals,
}

impl Row {
    fn count(&mut self, item: &Item<PriceDecision>) {
        let off = item.setting().is_some_and(Setting::switches_off);
        self.renew += usize::from(item.renewal().is_some());
        self.off += usize::from(off);
        self.set += usize::from(item.setting().is_some() && !off);
        self.at_risk += usize::from(item.at_risk.is_some());
        match item.verdict() {
            VerdictKind::NoOp => self.unchanged += 1,
            VerdictKind::Held => self.held += 1,
            VerdictKind::Blocked => self.blocked += 1,
            VerdictKind::Change => {}
        }
        if let Some(PriceDecision::Quoted(quote)) = item.renewal().map(|renewal| &renewal.price) {
            // A part of the plan's total, which was bounded when the plan was made.
            let _ = self.charge.add(&quote.amount);
        }
    }
}

/// A table of regions.
pub(super) fn plan(out: &mut String, plan: &Plan, style: Style) {
    let mut rows: BTreeMap<&RegionId, Row> = BTreeMap::new();
    for item in &plan.items {
        rows.entry(&item.region).or_default().count(item);
    }
    let number = |title| column(title).right();
    let mut grid = Grid::new(&[
        column("region"),
        number("renew"),
        number("set"),
        number("off"),
        number("unchanged"),
        number("blocked"),
        number("held"),
        number("at risk"),
        number("charge"),
    ]);
    for (region, row) in rows {
        let numbers = [row.renew, row.set, row.off, row.unchanged, row.blocked, row.held, row.at_risk];
        let mut cells = vec![region.to_string()];
        cells.extend(numbers.into_iter().map(grouped));
        cells.push(row.charge.to_string());
        grid.push(cells);
    }
    grid.write(out, 2, style.width);
}
