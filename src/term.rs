//! Terms and settings: how long a renewal is, what auto-renewal is set to, how much life must be left.
//!
//! What can be bought and what auto-renewal can be set to are different sets, which depend on the
//! site: two types, [`PurchaseTerm`] and [`AutoRenewTerm`], over one [`Term`]. Twelve months and one
//! year are the same term. Sources: `RenewInstance` and `ModifyInstanceAutoRenewAttribute` pages,
//! parameters Period, Duration and PeriodUnit.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Which of the two shops an account belongs to; it decides which terms are on sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Site {
    /// aliyun.com; prices in CNY.
    #[default]
    China,
    /// alibabacloud.com; prices in USD.
    International,
}

impl Site {
    /// The word in the desired-state file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::China => "china",
            Self::International => "international",
        }
    }
}

/// A length of time as it is sold: calendar months, or weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Term {
    /// So many times seven days.
    Weeks(u8),
    /// So many calendar months.
    Months(u8),
}

/// Why a text is no term.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermError {
    /// Not a number with a unit.
    #[error("a term is a number and a unit: 2w, 1mo or 1y")]
    Form,
    /// Not among the terms that can be bought.
    #[error("{term} is not on sale; on the {site} site one can buy {valid}")]
    NotOnSale {
        /// The term as given.
        term: Term,
        /// Where it was to be bought.
        site: &'static str,
        /// What there is instead.
        valid: String,
    },
    /// Not among the terms that auto-renewal can be set to.
    #[error("auto-renewal cannot be set to {term}; on the {site} site it can be {valid}")]
    NotForAutoRenew {
        /// The term as given.
        term: Term,
        /// Where it was to be set.
        site: &'static str,
        /// What there is instead.
        valid: String,
    },
}

impl Term {
    /// Reads `2w`, `1mo` or `1y`. A year is twelve months.
    ///
    /// # Errors
    /// [`TermError::Form`] for anything else, zero, and more than 250 months.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or(TermError::Form)?;
        let (digits, unit) = text.split_at(split);
        let number: u8 = digits.parse().map_err(|_| TermError::Form)?;
        if number == 0 || digits.starts_with('0') {
            return Err(TermError::Form);
        }
        match unit {
            "w" => Ok(Self::Weeks(number)),
            "mo" if number <= 250 => Ok(Self::Months(number)),
            "y" if number <= 20 => Ok(Self::Months(number * 12)),
            _ => Err(TermError::Form),
        }
    }

    /// The shortest that this term can be, in days: one month is 28 days, twelve are 365.
    pub fn days_min(self) -> i64 {
        /// The fewest days in a row of one to twelve calendar months, month ends clamped.
        const MONTHS: [i64; 13] = [0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334, 365];
        match self {
            Self::Weeks(weeks) => i64::from(weeks) * 7,
            Self::Months(months) => {
                let (years, rest) = (i64::from(months / 12), usize::from(months % 12));
                years * 365 + years / 4 + MONTHS.get(rest).copied().unwrap_or(0)
            }
        }
    }

    /// Orders terms by their shortest length; equal only when they are the same term.
    pub fn cmp_length(self, other: Self) -> Ordering {
        self.days_min().cmp(&other.days_min()).then(self.cmp(&other))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weeks(weeks) => f.pad(&format!("{weeks}w")),
            Self::Months(months) if months % 12 == 0 => f.pad(&format!("{}y", months / 12)),
            Self::Months(months) => f.pad(&format!("{months}mo")),
        }
    }
}

impl TryFrom<String> for Term {
    type Error = TermError;
    fn try_from(text: String) -> Result<Self, TermError> {
        Self::parse(&text)
    }
}

impl From<Term> for String {
    fn from(term: Term) -> Self {
        term.to_string()
    }
}

/// A term that `RenewInstance` sells at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PurchaseTerm(Term);

impl PurchaseTerm {
    /// All terms on sale, months first, each from short to long. China: months 1–9, 12, 24, 36, 48,
    /// 60 and weeks 1–4; international: months 1–9 and 12 (older pages allowed up to 60 months, the
    /// newest page decides: reference 2.4).
    pub fn on_sale(site: Site) -> Vec<Self> {
        let months: &[u8] = match site {
            Site::China => &[1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36, 48, 60],
            Site::International => &[1, 2, 3, 4, 5, 6, 7, 8, 9, 12],
        };
        let weeks: &[u8] = if site == Site::China { &[1, 2, 3, 4] } else { &[] };
        let months = months.iter().map(|n| Self(Term::Months(*n)));
        months.chain(weeks.iter().map(|n| Self(Term::Weeks(*n)))).collect()
    }

    /// Takes a term that is on sale at `site`.
    ///
    /// # Errors
    /// [`TermError::NotOnSale`] with what there is.
    pub fn new(term: Term, site: Site) -> Result<Self, TermError> {
        let all = Self::on_sale(site);
        if all.contains(&Self(term)) {
            return Ok(Self(term));
        }
        let valid = listed(all.iter().map(|t| t.0));
        Err(TermError::NotOnSale { term, site: site.as_str(), valid })
    }

    /// The length.
    pub fn term(self) -> Term {
        self.0
    }
}

/// A term that auto-renewal can be set to at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AutoRenewTerm(Term);

impl AutoRenewTerm {
    /// All settings. Months 1, 2, 3, 6 and one to five years; China also weeks 1–4 (older pages and
    /// the Terraform provider stop at 12 months; the newest page decides: reference 2.3).
    pub fn all(site: Site) -> Vec<Self> {
        let months = [1u8, 2, 3, 6, 12, 24, 36, 48, 60].into_iter().map(|n| Self(Term::Months(n)));
        let weeks: &[u8] = if site == Site::China { &[1, 2, 3, 4] } else { &[] };
        months.chain(weeks.iter().map(|n| Self(Term::Weeks(*n)))).collect()
    }

    /// Takes a term that auto-renewal can be set to at `site`.
    ///
    /// # Errors
    /// [`TermError::NotForAutoRenew`] with what there is.
    pub fn new(term: Term, site: Site) -> Result<Self, TermError> {
        let all = Self::all(site);
        if all.contains(&Self(term)) {
            return Ok(Self(term));
        }
        let valid = listed(all.iter().map(|t| t.0));
        Err(TermError::NotForAutoRenew { term, site: site.as_str(), valid })
    }

    /// The length.
    pub fn term(self) -> Term {
        self.0
    }
}

fn listed(terms: impl Iterator<Item = Term>) -> String {
    terms.map(|term| term.to_string()).collect::<Vec<_>>().join(", ")
}

/// The auto-renewal setting that a file asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AutoRenew {
    /// Renew by this term, again and again.
    Every(AutoRenewTerm),
    /// No automatic renewal, all reminders (RenewalStatus Normal).
    Off,
    /// No renewal wanted at all (RenewalStatus NotRenewal).
    Never,
}

/// The auto-renewal setting that was read: its term can be one that our tables do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LiveAutoRenew {
    /// Renews by this term.
    Every(Term),
    /// Manual, all reminders.
    Off,
    /// Marked as not to be renewed.
    Never,
}

impl From<AutoRenew> for LiveAutoRenew {
    fn from(wanted: AutoRenew) -> Self {
        match wanted {
            AutoRenew::Every(term) => Self::Every(term.term()),
            AutoRenew::Off => Self::Off,
            AutoRenew::Never => Self::Never,
        }
    }
}

impl fmt::Display for LiveAutoRenew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(term) => term.fmt(f),
            Self::Off => f.pad("off"),
            Self::Never => f.pad("never"),
        }
    }
}

impl fmt::Display for AutoRenew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        LiveAutoRenew::from(*self).fmt(f)
    }
}

/// How much lifetime must be left, in whole hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime {
    hours: u32,
}

/// Why a text is no lifetime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lifetime is a number of hours, days or weeks: 36h, 15d or 2w")]
pub struct LifetimeError;

impl Lifetime {
    /// Reads `36h`, `15d` (24 h each) or `2w`.
    ///
    /// # Errors
    /// [`LifetimeError`] for anything else, for zero, and for more than ten years.
    pub fn parse(text: &str) -> Result<Self, LifetimeError> {
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or(LifetimeError)?;
        let (digits, unit) = text.split_at(split);
        let number: u32 = digits.parse().map_err(|_| LifetimeError)?;
        let factor = match unit {
            "h" => 1,
            "d" => 24,
            "w" => 168,
            _ => return Err(LifetimeError),
        };
        let hours = number.checked_mul(factor).ok_or(LifetimeError)?;
        if hours == 0 || hours > 10 * 366 * 24 || digits.starts_with('0') {
            return Err(LifetimeError);
        }
        Ok(Self { hours })
    }

    /// Whole hours.
    pub fn hours(self) -> u32 {
        self.hours
    }

    /// As a duration.
    pub fn duration(self) -> chrono::Duration {
        chrono::Duration::hours(i64::from(self.hours))
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hours.is_multiple_of(24) {
            f.pad(&format!("{}d", self.hours / 24))
        } else {
            f.pad(&format!("{}h", self.hours))
        }
    }
}
