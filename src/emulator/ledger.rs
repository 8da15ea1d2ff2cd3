//! The ledger as text and as JSON: every charge that the emulator made, and what happened by itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::SecondsFormat;
use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};
use rust_decimal::Decimal;
use serde_json::json;

use super::{Emulator, Event, Happening};

fn totals(emulator: &Emulator) -> BTreeMap<&str, Decimal> {
    let mut totals: BTreeMap<&str, Decimal> = BTreeMap::new();
    for charge in emulator.ledger() {
        *totals.entry(&charge.currency).or_default() += charge.amount;
    }
    totals
}

/// A table with one row for each charge, and the totals.
pub fn ledger_text(emulator: &Emulator) -> String {
    if emulator.ledger().is_empty() {
        return "The emulator has made no charges.\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["order", "at", "instance", "term", "amount", "by", "expires before", "expires after"]);
    for charge in emulator.ledger() {
        table.add_row([
            charge.order_id.to_string(),
            charge.at.format("%Y-%m-%dT%H:%MZ").to_string(),
            charge.instance_id.clone(),
            format!("{} {}", charge.period, charge.unit),
            format!("{} {:.2}", charge.currency, charge.amount),
            charge.by.as_str().to_owned(),
            charge.expires_before.format("%Y-%m-%dT%H:%MZ").to_string(),
            charge.expires_after.format("%Y-%m-%dT%H:%MZ").to_string(),
        ]);
    }
    if let Some(column) = table.column_mut(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for column in table.column_iter_mut() {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    let mut out = String::new();
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let count = emulator.ledger().len();
    let sums: Vec<String> =
        totals(emulator).iter().map(|(currency, sum)| format!("{currency} {sum:.2}")).collect();
    let noun = if count == 1 { "charge" } else { "charges" };
    let _ = writeln!(out, "{count} {noun}, {} in all.", sums.join(" + "));
    out
}

/// One line for each thing that happened by itself.
pub fn happened(events: &[Event]) -> String {
    let mut out = String::new();
    for event in events {
        let at = event.at.format("%Y-%m-%dT%H:%MZ");
        let what = match &event.what {
            Happening::AutoRenewed { order_id } => format!("renewed by the platform, order {order_id}"),
            Happening::AutoRenewalFailed { why } => format!("not renewed by the platform: {why}"),
            Happening::Stopped => "stopped: its paid time ended".to_owned(),
            Happening::Released => "released with its disks".to_owned(),
        };
        let _ = writeln!(out, "  {at}  {}  {what}", event.instance_id);
    }
    out
}

/// `{charges: […], events: […], totals: [{currency, amount}]}`; amounts and times are strings.
pub fn ledger_json(emulator: &Emulator) -> String {
    let time = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let charges: Vec<_> = emulator
        .ledger()
        .iter()
        .map(|charge| {
            json!({
                "order_id": charge.order_id.to_string(),
                "at": time(charge.at),
                "instance_id": charge.instance_id,
                "region": charge.region,
                "period": charge.period,
                "unit": charge.unit,
                "amount": format!("{:.2}", charge.amount),
                "currency": charge.currency,
                "by": charge.by,
                "client_token": charge.client_token,
                "request_id": charge.request_id,
                "expires_before": time(charge.expires_before),
                "expires_after": time(charge.expires_after),
            })
        })
        .collect();
    let totals: Vec<_> = totals(emulator)
        .into_iter()
        .map(|(currency, amount)| json!({ "currency": currency, "amount": format!("{amount:.2}") }))
        .collect();
    let events = emulator.events();
    format!("{:#}\n", json!({ "charges": charges, "events": events, "totals": totals }))
}
