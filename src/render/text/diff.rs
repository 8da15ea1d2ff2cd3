//! Each change as a diff of YAML, before and after, for eyes that are used to diffs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::AnsiColor::{Green, Red};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::{Groups, blocks};
use crate::calendar::show_beijing;
use crate::plan::{Item, Plan, PriceDecision};
use crate::render::{Style, paint};
use crate::term::LiveAutoRenew;

/// What a diff shows of an instance.
#[derive(Serialize)]
struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    region: String,
    expires_at: Option<String>,
    auto_renew: Option<String>,
}

/// One diff for each change; what is blocked, held or at risk as it is shown otherwise.
pub(super) fn plan(out: &mut String, groups: &Groups<'_>, plan: &Plan, style: Style) {
    for item in &groups.changes {
        change(out, item, style);
        blocks::trouble(out, item, style);
    }
    for item in &groups.troubled {
        blocks::instance(out, item, plan, style);
    }
}

fn change(out: &mut String, item: &Item<PriceDecision>, style: Style) {
    let (before, after) = (before(item), after(item));
    let (before, after) = (yaml(item, before), yaml(item, after));
    let diff = TextDiff::from_lines(&before, &after);
    for change in diff.iter_all_changes() {
        let line = change.value().trim_end();
        let _ = match change.tag() {
            ChangeTag::Equal => writeln!(out, "    {line}"),
            ChangeTag::Delete => writeln!(out, "{}", paint(style, Red, &format!("  - {line}"))),
            ChangeTag::Insert => writeln!(out, "{}", paint(style, Green, &format!("  + {line}"))),
        };
    }
    if let Some(renewal) = item.renewal() {
        let _ = writeln!(out, "      # charge: {}", blocks::price(renewal));
        let _ = writeln!(out, "      # why: {} ({})", renewal.reason, renewal.place);
    } else if let Some(setting) = item.setting() {
        let _ = writeln!(out, "      # why: {} ({})", setting.reason, setting.place);
    }
    if let Some(committed) = &item.committed {
        let _ = writeln!(out, "      # commits to: {}", blocks::commitment_text(committed));
    }
}

fn before(item: &Item<PriceDecision>) -> State {
    let live = item.live.as_ref();
    State {
        name: (!item.name.is_empty()).then(|| item.name.shown()),
        region: item.region.to_string(),
        expires_at: live.map(|live| show_beijing(live.expires_at)),
        auto_renew: live.and_then(|live| live.auto_renew.as_ref()?.as_ref().ok().map(ToString::to_string)),
    }
}

fn after(item: &Item<PriceDecision>) -> State {
    let before = before(item);
    State {
        expires_at: item.renewal().map(|renewal| show_beijing(renewal.expires_after)).or(before.expires_at),
        auto_renew: item
            .setting()
            .map(|setting| LiveAutoRenew::from(setting.after).to_string())
            .or(before.auto_renew),
        ..before
    }
}

fn yaml(item: &Item<PriceDecision>, state: State) -> String {
    // A mapping of plain text always encodes.
    serde_yaml::to_string(&BTreeMap::from([(item.id.as_str(), state)])).unwrap_or_default()
}
