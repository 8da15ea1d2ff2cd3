//! Only numbers: one row for each region, for a fleet that no screen holds.

use std::collections::BTreeMap;

use super::columns::{Grid, column};
use crate::ids::RegionId;
use crate::plan::{Bill, Item, Plan, PriceDecision, Summary};
use crate::render::Style;
use crate::text::grouped;

/// A table of regions.
pub(super) fn plan(out: &mut String, plan: &Plan, style: Style) {
    let mut rows: BTreeMap<&RegionId, Vec<&Item<PriceDecision>>> = BTreeMap::new();
    for item in &plan.items {
        rows.entry(&item.region).or_default().push(item);
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
    for (region, items) in rows {
        let sum = Summary::of(items.iter().copied());
        let numbers =
            [sum.renew, sum.set_auto_renew, sum.switch_off, sum.noop, sum.blocked, sum.held, sum.at_risk];
        let charge: Bill = items.iter().filter_map(|item| Some(&item.renewal()?.price)).collect();
        let mut cells = vec![region.to_string()];
        cells.extend(numbers.into_iter().map(grouped));
        cells.push(charge.to_string());
        grid.push(cells);
    }
    grid.write(out, 2, style.width);
}
