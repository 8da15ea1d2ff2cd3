//! `renewctl history`: the ledger of charges and settings, from the journal.

use std::fmt::Write as _;

use chrono::SecondsFormat;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::args::{JournalArgs, LedgerFormat};
use super::doors::{Doors, Failure};
use super::plan::{damage, note_empty, note_torn, read_journal};
use super::session::is_emulated;
use super::{Exit, note, result};
use crate::calendar::{show_beijing, show_minute};
use crate::journal::history::{Deed, End, Entry, Month, SettingEnd, history, months};
use crate::money::plain_amount;
use crate::system::JournalFile;
use crate::text::{count, escape};

/// Version of the JSON, major.minor; minor only adds.
const FORMAT_VERSION: &str = "1.0";

pub(super) fn run(args: &JournalArgs, quiet: bool, doors: &Doors) -> Result<Exit, Failure> {
    let name = args.journal.to_string_lossy().into_owned();
    let contents = read_journal(&JournalFile::new(args.journal.clone()), &name)?;
    let damaged = damage(&contents, &name);
    if let Some(text) = &damaged {
        note(doors, quiet, &format!("warning: {text}"));
    }
    note_torn(quiet, doors, &contents, &name);
    if damaged.is_none() {
        note_empty(quiet, doors, &contents, &name);
    }
    let entries = history(&contents.lines);
    let text = match args.format {
        LedgerFormat::Text => as_text(&entries),
        LedgerFormat::Json => as_json(&entries, damaged.is_none()),
    };
    result(doors, &text)?;
    Ok(if damaged.is_some() { Exit::Error } else { Exit::Ok })
}

fn as_text(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "Nothing was charged or set.\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["when", "instance", "region", "what", "price", "how it stands"]);
    for entry in entries {
        for row in rows(entry) {
            table.add_row(row);
        }
    }
    if let Some(price) = table.column_mut(4) {
        price.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = String::new();
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for ((world, month), sums) in months(entries) {
        text.push_str(&total(&world, &month, &sums));
    }
    text
}

/// One row for a charge; one for each instance of a setting.
fn rows(entry: &Entry) -> Vec<[String; 6]> {
    let at = show_beijing(entry.at);
    let real = if is_emulated(&entry.world) { " (not real)" } else { "" };
    match &entry.deed {
        Deed::Charge { intent, order_id, end } => {
            let order =
                order_id.as_ref().map_or_else(String::new, |order| format!(", order {}", escape(order)));
            let stands = match end {
                End::Settled(expires_at) => format!("renewed, expires {}{order}", show_beijing(*expires_at)),
                End::Acknowledged => format!("acknowledged, its effect was not seen yet{order}"),
                End::InDoubt(why) => format!("IN DOUBT: {}", escape(why)),
                End::NotMade(why) => format!("not made: {}", escape(why)),
            };
            let price = intent.price.as_ref().map_or_else(|| "unknown".to_owned(), |price| escape(price));
            let what = format!("renew {}", intent.term);
            vec![[at, intent.id.to_string(), intent.region.to_string(), what, price, stands + real]]
        }
        Deed::Setting { region, ids, setting, end } => {
            let stands = match end {
                SettingEnd::Set => "set".to_owned(),
                SettingEnd::NotSet(why) => format!("not set: {}", escape(why)),
                SettingEnd::Unknown(why) => format!("perhaps set: {}", escape(why)),
            };
            let what = format!("set auto-renew {}", escape(setting));
            let row = |id: &crate::ids::InstanceId| {
                let (at, what, stands) = (at.clone(), what.clone(), stands.clone() + real);
                [at, id.to_string(), region.to_string(), what, String::new(), stands]
            };
            ids.iter().map(row).collect()
        }
    }
}

fn total(world: &str, month: &str, sums: &Month) -> String {
    let place = match world {
        "cloud" => String::new(),
        emulated if is_emulated(emulated) => format!(" in {}, which is not real", escape(emulated)),
        other => format!(" in {}", escape(other)),
    };
    let unpriced = match sums.unpriced {
        0 => String::new(),
        number => format!(", and {number} without a known price"),
    };
    let doubt = match sums.in_doubt {
        0 => String::new(),
        number => format!(" In doubt: {} ({number}).", sums.in_doubt_amount),
    };
    format!("{month}{place}: {}, {}{unpriced}.{doubt}\n", count(sums.charges, "charge"), sums.amount)
}

fn as_json(entries: &[Entry], complete: bool) -> String {
    let amounts = |totals: &crate::money::Totals| -> Value {
        totals
            .amounts()
            .map(|money| json!({ "currency": money.currency, "amount": plain_amount(money.amount) }))
            .collect()
    };
    let months: Vec<Value> = months(entries)
        .into_iter()
        .map(|((world, month), sums)| {
            json!({
                "world": world, "month": month,
                "charges": sums.charges, "unpriced": sums.unpriced, "charge": amounts(&sums.amount),
                "in_doubt": sums.in_doubt, "in_doubt_charge": amounts(&sums.in_doubt_amount),
            })
        })
        .collect();
    let entries: Vec<Value> = entries.iter().map(entry_json).collect();
    let whole = json!({ "format_version": FORMAT_VERSION, "complete": complete, "months": months, "entries": entries });
    format!("{whole:#}\n")
}

fn entry_json(entry: &Entry) -> Value {
    let at = entry.at.to_rfc3339_opts(SecondsFormat::Secs, true);
    match &entry.deed {
        Deed::Charge { intent, order_id, end } => {
            let (why, expires_at) = match end {
                End::Settled(at) => (None, Some(show_minute(*at))),
                End::Acknowledged => (None, None),
                End::InDoubt(why) | End::NotMade(why) => (Some(why), None),
            };
            json!({
                "action": "renew", "at": at, "world": entry.world, "run": entry.run,
                "region": intent.region, "instance_id": intent.id, "term": intent.term.to_string(),
                "price": intent.price, "token": intent.token,
                "expires_before": show_minute(intent.expires_before),
                "expires_planned": show_minute(intent.expires_after),
                "order_id": order_id, "result": end.as_str(), "expires_at": expires_at, "reason": why,
            })
        }
        Deed::Setting { region, ids, setting, end } => {
            let why = match end {
                SettingEnd::Set => None,
                SettingEnd::NotSet(why) | SettingEnd::Unknown(why) => Some(why),
            };
            json!({
                "action": "set_auto_renew", "at": at, "world": entry.world, "run": entry.run,
                "region": region, "instance_ids": ids, "auto_renew": setting, "result": end.as_str(), "reason": why,
            })
        }
    }
}
