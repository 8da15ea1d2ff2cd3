//! What the journal tells of the past: every charge and every setting, and what the charges cost.
//!
//! Pure. One charge is one token: a run that repeats it tells more of the same charge, not of another.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{ChargeIntent, ChargeOutcome, Line, Record};
use crate::calendar::beijing;
use crate::ids::{InstanceId, RegionId};
use crate::money::{Money, Totals};

/// One charge or one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was first announced, by the cloud's clock.
    pub at: DateTime<Utc>,
    /// Which world it went to.
    pub world: String,
    /// The run that announced it last.
    pub run: String,
    /// What it was.
    pub deed: Deed,
}

/// What was done, or tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A renewal.
    Charge {
        /// What was announced.
        intent: ChargeIntent,
        /// The order, if one was acknowledged.
        order_id: Option<String>,
        /// How it stands.
        end: End,
    },
    /// A change of the auto-renewal setting.
    Setting {
        /// Where.
        region: RegionId,
        /// For whom.
        ids: Vec<InstanceId>,
        /// The value, as the desired-state file writes it.
        setting: String,
        /// How it stands.
        end: SettingEnd,
    },
}

/// How a setting stands, as far as the journal knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingEnd {
    /// The cloud accepted it.
    Set,
    /// It was refused, or not sent.
    NotSet(String),
    /// It may be set; why that is not known.
    Unknown(String),
}

impl SettingEnd {
    /// The word in the outputs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Set => "done",
            Self::NotSet(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// How a charge stands, as far as the journal knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A reading showed its effect.
    Settled(DateTime<Utc>),
    /// The cloud took the order, and its effect was not seen yet.
    Acknowledged,
    /// It may have happened.
    InDoubt(String),
    /// It was certainly not made.
    NotMade(String),
}

impl End {
    /// The word in the outputs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Settled(_) => "settled",
            Self::Acknowledged => "acknowledged",
            Self::InDoubt(_) => "in-doubt",
            Self::NotMade(_) => "not-made",
        }
    }
}

/// What the charges of one month and world cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Month {
    /// How many were made.
    pub charges: usize,
    /// What they cost, at the planned prices.
    pub amount: Totals,
    /// How many of them had no known price.
    pub unpriced: usize,
    /// How many more may have happened.
    pub in_doubt: usize,
    /// What those would cost.
    pub in_doubt_amount: Totals,
}

/// Every charge and setting, in the order in which they were first announced.
pub fn history(lines: &[Line]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in lines {
        match &line.record {
            Record::ChargeIntent(intent) => announce(&mut entries, line, intent),
            Record::ChargeOutcome { token, outcome, .. } => {
                if let Some((order_id, end)) = charge(&mut entries, line, token) {
                    *end = match outcome {
                        ChargeOutcome::Acknowledged { order_id: order, .. } => {
                            *order_id = Some(order.clone());
                            End::Acknowledged
                        }
                        // An order exists: what another call under its token was told changes nothing.
                        _ if order_id.is_some() => continue,
                        ChargeOutcome::NotMade { error } => End::NotMade(error.clone()),
                        // Another run has seen it meanwhile.
                        ChargeOutcome::Unknown { .. } if matches!(end, End::Settled(_)) => continue,
                        ChargeOutcome::Unknown { error, .. } => End::InDoubt(error.clone()),
                    };
                }
            }
            Record::ChargeSettled { token, expires_at, .. } => {
                if let Some((_, end)) = charge(&mut entries, line, token) {
                    *end = End::Settled(*expires_at);
                }
            }
            Record::SettingIntent { region, ids, setting } => {
                let (region, ids, setting) = (region.clone(), ids.clone(), setting.clone());
                let end = SettingEnd::Unknown("the journal has no outcome".to_owned());
                entries.push(entry(line, Deed::Setting { region, ids, setting, end }));
            }
            Record::SettingOutcome { region, ids, error, maybe_done, .. } => {
                let told = match error.clone() {
                    None => SettingEnd::Set,
                    Some(why) if *maybe_done => SettingEnd::Unknown(why),
                    Some(why) => SettingEnd::NotSet(why),
                };
                let same = entries.iter_mut().rev().filter(|entry| entry.run == line.run);
                let open = same.filter_map(|entry| match &mut entry.deed {
                    Deed::Setting { region: r, ids: i, end, .. } if r == region && i == ids => Some(end),
                    _ => None,
                });
                if let Some(end) = open.into_iter().next() {
                    *end = told;
                }
            }
            Record::Run { .. } | Record::End { .. } | Record::Torn { .. } => {}
        }
    }
    let made: Vec<(usize, String, ChargeIntent)> =
        entries.iter().enumerate().filter_map(|(index, entry)| made(index, entry)).collect();
    for (index, entry) in entries.iter_mut().enumerate() {
        if let Deed::Charge { intent, end: end @ End::InDoubt(_), .. } = &mut entry.deed
            && made.iter().any(|(later, world, other)| {
                *later > index && *world == entry.world && other.is_for_the_need_of(intent)
            })
        {
            *end = End::NotMade("a later charge for the same expiry was made".to_owned());
        }
    }
    entries
}

/// A charge that was made for certain: a need is met once, so that no earlier one for it was.
fn made(index: usize, entry: &Entry) -> Option<(usize, String, ChargeIntent)> {
    match &entry.deed {
        Deed::Charge { intent, end: End::Settled(_) | End::Acknowledged, .. } => {
            Some((index, entry.world.clone(), intent.clone()))
        }
        _ => None,
    }
}

fn entry(line: &Line, deed: Deed) -> Entry {
    Entry { at: line.at, world: line.world.clone(), run: line.run.clone(), deed }
}

fn announce(entries: &mut Vec<Entry>, line: &Line, new: &ChargeIntent) {
    let known = entries.iter_mut().find(|entry| {
        entry.world == line.world
            && matches!(&entry.deed, Deed::Charge { intent, .. } if intent.token == new.token)
    });
    let doubt = || End::InDoubt("the journal has no outcome".to_owned());
    match known {
        None => {
            let deed = Deed::Charge { intent: new.clone(), order_id: None, end: doubt() };
            entries.push(entry(line, deed));
        }
        Some(entry) => {
            entry.run.clone_from(&line.run);
            if let Deed::Charge { intent, end, .. } = &mut entry.deed {
                intent.clone_from(new);
                if matches!(end, End::NotMade(_)) {
                    *end = doubt();
                }
            }
        }
    }
}

/// The order and the end of the charge with a token.
fn charge<'a>(
    entries: &'a mut [Entry],
    line: &Line,
    token: &crate::ids::ClientToken,
) -> Option<(&'a mut Option<String>, &'a mut End)> {
    entries.iter_mut().rev().filter(|entry| entry.world == line.world).find_map(|entry| {
        match &mut entry.deed {
            Deed::Charge { intent, order_id, end } if intent.token == *token => Some((order_id, end)),
            _ => None,
        }
    })
}

/// Totals by world and month (`2026-12`, in Beijing, as the bills are).
pub fn months(entries: &[Entry]) -> BTreeMap<(String, String), Month> {
    let mut months: BTreeMap<(String, String), Month> = BTreeMap::new();
    for entry in entries {
        let Deed::Charge { intent, end, .. } = &entry.deed else { continue };
        if matches!(end, End::NotMade(_)) {
            continue;
        }
        let name = beijing(entry.at).format("%Y-%m").to_string();
        let month = months.entry((entry.world.clone(), name)).or_default();
        let price: Option<Money> = intent.price.as_deref().and_then(|text| text.parse().ok());
        let (count, amount) = if matches!(end, End::InDoubt(_)) {
            (&mut month.in_doubt, &mut month.in_doubt_amount)
        } else {
            month.unpriced += usize::from(price.is_none());
            (&mut month.charges, &mut month.amount)
        };
        *count += 1;
        if let Some(price) = price {
            // Prices that a plan could add up; of altered ones the sum is what it was.
            let _ = amount.add(&price);
        }
    }
    months
}
