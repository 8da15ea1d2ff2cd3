//! The emulator's own tables of terms, per site. Source: the pages of the two actions.

use serde::{Deserialize, Serialize};

/// Which site the world is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Site {
    #[default]
    China,
    International,
}

impl Site {
    pub(super) fn currency(self) -> &'static str {
        match self {
            Self::China => "CNY",
            Self::International => "USD",
        }
    }
}

/// The unit of a period, in any case of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Unit {
    Week,
    Month,
    Year,
}

impl Unit {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "week" => Some(Self::Week),
            "month" => Some(Self::Month),
            "year" => Some(Self::Year),
            _ => None,
        }
    }

    /// As replies spell it: the documentation has "week" in samples and "Month" elsewhere.
    pub(super) fn spelled(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "Month",
            Self::Year => "Year",
        }
    }
}

/// Whether RenewInstance takes the unit at all.
pub(super) fn renews_in(unit: Unit, site: Site) -> bool {
    matches!((unit, site), (Unit::Month, _) | (Unit::Week, Site::China))
}

/// Whether RenewInstance sells the period.
pub(super) fn sells(period: i64, unit: Unit, site: Site) -> bool {
    match (unit, site) {
        (Unit::Week, Site::China) => (1..=4).contains(&period),
        (Unit::Month, Site::China) => (1..=9).contains(&period) || [12, 24, 36, 48, 60].contains(&period),
        (Unit::Month, Site::International) => (1..=9).contains(&period) || period == 12,
        _ => false,
    }
}

/// Whether auto-renewal takes the unit at all.
pub(super) fn auto_renews_in(unit: Unit, site: Site) -> bool {
    unit != Unit::Week || site == Site::China
}

/// Whether auto-renewal can be set to the duration.
pub(super) fn auto_renews(duration: i64, unit: Unit, site: Site) -> bool {
    match unit {
        Unit::Week => site == Site::China && (1..=4).contains(&duration),
        Unit::Month => [1, 2, 3, 6, 12, 24, 36, 48, 60].contains(&duration),
        Unit::Year => (1..=5).contains(&duration),
    }
}
