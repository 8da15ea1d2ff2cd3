//! What was probably meant: suggestions for words that are not valid, ready to be typed.
//!
//! Pure text to text. Nothing here accepts a value: a suggestion is shown, never used.

use crate::term::Term;
use crate::text::escape;

/// Longest piece of the user's text that a message repeats, in characters.
const SHOWN_CHARS_MAX: usize = 60;

/// The user's text for a message: escaped, and cut if long.
pub(super) fn shown(text: &str) -> String {
    let mut kept: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    escape(&kept)
}

/// A number and the unit behind it, lower case and without blanks: `15 Days` is `15`, `days`.
fn split(text: &str) -> Option<(String, String)> {
    let lower: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let digits = lower.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = lower.split_at_checked(digits)?;
    let number = number.trim_start_matches('0');
    (!number.is_empty()).then(|| (number.to_owned(), unit.to_owned()))
}

/// The term that was probably meant.
pub(super) fn term(text: &str) -> Option<Term> {
    let meant = match text.trim().to_lowercase().as_str() {
        "weekly" | "week" => "1w".to_owned(),
        "monthly" | "month" => "1mo".to_owned(),
        "quarterly" | "quarter" => "3mo".to_owned(),
        "yearly" | "annually" | "annual" | "year" => "1y".to_owned(),
        other => {
            let (number, unit) = split(other)?;
            let unit = match unit.as_str() {
                "w" | "wk" | "wks" | "week" | "weeks" => "w",
                "" | "m" | "mo" | "mos" | "mon" | "month" | "months" => "mo",
                "y" | "yr" | "yrs" | "year" | "years" => "y",
                _ => return None,
            };
            format!("{number}{unit}")
        }
    };
    Term::parse(&meant).ok()
}

/// The valid term that is nearest in length, of the same unit if there is one. Of two as near the
/// shorter one: it costs less.
pub(super) fn nearest_term(wanted: Term, valid: impl Iterator<Item = Term>) -> Option<Term> {
    let weeks = |term: Term| matches!(term, Term::Weeks(_));
    valid.min_by_key(|term| {
        let distance = (term.days_min() - wanted.days_min()).abs();
        (weeks(*term) != weeks(wanted), distance, term.days_min())
    })
}

/// The lifetime that was probably meant.
pub(super) fn lifetime(text: &str) -> Option<String> {
    let (number, unit) = split(text)?;
    let count: u32 = number.parse().ok()?;
    let (number, unit) = match unit.as_str() {
        "h" | "hr" | "hrs" | "hour" | "hours" => (count, "h"),
        "" | "d" | "day" | "days" => (count, "d"),
        "w" | "wk" | "wks" | "week" | "weeks" => (count, "w"),
        "m" | "mo" | "mon" | "month" | "months" => (count.checked_mul(30)?, "d"),
        "y" | "yr" | "year" | "years" => (count.checked_mul(360)?, "d"),
        _ => return None,
    };
    Some(format!("{number}{unit}"))
}

/// The region id that was probably meant.
pub(super) fn region(text: &str) -> String {
    let joined: String = text.trim().chars().map(|c| if c == '_' || c == ' ' { '-' } else { c }).collect();
    joined.to_lowercase()
}

/// The amount that was probably meant, in the currency of the site if none was named. What could be
/// another number (`5k`, `1.000,50`) is not guessed at.
pub(super) fn amount(text: &str, currency: &str) -> Option<String> {
    let number: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let named: String = text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_uppercase();
    let currency = match named.as_str() {
        "" => currency,
        "RMB" | "YUAN" => "CNY",
        "DOLLAR" | "DOLLARS" | "US" => "USD",
        "YEN" => "JPY",
        name if name.len() == 3 => name,
        _ => return None,
    };
    (!text.contains([',', '-', '+'])).then(|| format!("{number} {currency}"))
}

/// `a`, `b` and `c`.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
