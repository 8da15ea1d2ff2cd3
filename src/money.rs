//! Money: a decimal with its currency. Never a float, and currencies are never added to each other.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::text::group_digits;

/// A currency by its three-letter code. The cloud quotes in CNY, USD or JPY.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(String);

/// Why a text is no money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an amount with a currency.
    #[error("an amount is a number with its currency: 5000 CNY or 120.50 USD")]
    Form,
    /// Below zero.
    #[error("an amount cannot be negative")]
    Negative,
}

impl Currency {
    /// Reads a code of three upper-case letters.
    ///
    /// # Errors
    /// [`MoneyError::Form`].
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let valid = text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
        if valid { Ok(Self(text.to_owned())) } else { Err(MoneyError::Form) }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0
    }
}

/// Reads a decimal exactly: digits, optional thousands commas where they belong, optional fraction.
///
/// # Errors
/// [`MoneyError`] for a sign, an exponent, misplaced commas and what does not fit exactly.
pub fn parse_amount(text: &str) -> Result<Decimal, MoneyError> {
    if text.starts_with('-') {
        return Err(MoneyError::Negative);
    }
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if fraction.is_some_and(|part| !digits(part)) {
        return Err(MoneyError::Form);
    }
    let plain = whole.replace(',', "");
    if !digits(&plain) || (whole.contains(',') && group_digits(&plain) != whole) {
        return Err(MoneyError::Form);
    }
    let exact = fraction.map_or_else(|| plain.clone(), |part| format!("{plain}.{part}"));
    Decimal::from_str_exact(&exact).map_err(|_| MoneyError::Form)
}

/// Shows an amount with two decimals at least and thousands commas.
pub fn show_amount(amount: Decimal) -> String {
    let mut amount = amount.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    group_digits(&amount.to_string())
}

/// The amount for machines: two decimals at least, no commas.
pub fn plain_amount(amount: Decimal) -> String {
    show_amount(amount).replace(',', "")
}

/// An amount of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// How much.
    pub amount: Decimal,
    /// Of what.
    pub currency: Currency,
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `5000 CNY`, `5,000.00 CNY` or `CNY 5000`.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let mut words = text.split_whitespace();
        let (Some(first), Some(second), None) = (words.next(), words.next(), words.next()) else {
            return Err(MoneyError::Form);
        };
        let (amount, currency) = match Currency::parse(first) {
            Ok(currency) => (second, currency),
            Err(_) => (first, Currency::parse(second)?),
        };
        Ok(Self { amount: parse_amount(amount)?, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.currency, show_amount(self.amount)))
    }
}

/// A sum for each currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<Currency, Decimal>);

/// A sum is beyond what a decimal can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sum is beyond what can be counted")]
pub struct SumTooLarge;

impl Totals {
    /// Adds up.
    ///
    /// # Errors
    /// [`SumTooLarge`].
    pub fn sum<'a>(amounts: impl IntoIterator<Item = &'a Money>) -> Result<Self, SumTooLarge> {
        let mut totals = Self::default();
        for money in amounts {
            totals.add(money)?;
        }
        Ok(totals)
    }

    /// Adds to the sum of its currency.
    ///
    /// # Errors
    /// [`SumTooLarge`] if the sum overflows: then nothing may be bought on it.
    pub fn add(&mut self, money: &Money) -> Result<(), SumTooLarge> {
        let sum = self.0.entry(money.currency.clone()).or_default();
        *sum = sum.checked_add(money.amount).ok_or(SumTooLarge)?;
        Ok(())
    }

    /// The sum in one currency.
    pub fn of(&self, currency: &Currency) -> Decimal {
        self.0.get(currency).copied().unwrap_or_default()
    }

    /// One amount for each currency, in order of their codes.
    pub fn amounts(&self) -> impl Iterator<Item = Money> + '_ {
        self.0.iter().map(|(currency, amount)| Money { amount: *amount, currency: currency.clone() })
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.pad("nothing");
        }
        let parts: Vec<String> = self.amounts().map(|money| money.to_string()).collect();
        f.pad(&parts.join(" + "))
    }
}
