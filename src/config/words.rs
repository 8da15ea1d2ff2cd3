//! What was probably meant: suggestions for words that are not valid, ready to be typed.
//!
//! Pure text to text. Nothing here accepts a value: a suggestion is shown, never used.

use crate::term::Term;
use crate::text::{escape, nearest};

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

/// Words of the API, of its consoles and of other tools for keys of a desired-state file.
const KEYS: &[(&str, &str)] = &[
    ("accountid", "account"),
    ("aliuid", "account"),
    ("budget", "max_charge"),
    ("duration", "renew_period"),
    ("hostname", "name"),
    ("instanceid", "id"),
    ("instancename", "name"),
    ("lifetime", "min_remaining"),
    ("maxamount", "max_charge"),
    ("maxcost", "max_charge"),
    ("maxperiod", "max_term"),
    ("maxprice", "max_charge"),
    ("minlifetime", "min_remaining"),
    ("period", "renew_period"),
    ("regionid", "region"),
    ("remaining", "min_remaining"),
    ("renew", "auto_renew"),
    ("renewalperiod", "renew_period"),
    ("renewalstatus", "auto_renew"),
    ("servers", "instances"),
    ("term", "renew_period"),
    ("uid", "account"),
    ("unpriced", "allow_unpriced"),
];

/// The key that stands here for a word of elsewhere.
pub(super) fn key(word: &str) -> Option<&'static str> {
    let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    KEYS.iter().find(|(other, _)| *other == plain).map(|(_, key)| *key)
}

/// A number and the unit behind it, lower case and without blanks: `15 Days` is `15`, `days`, as is
/// `P15D` of ISO 8601.
fn split(text: &str) -> Option<(String, String)> {
    let lower: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let plain = lower.strip_prefix('p').unwrap_or(&lower);
    let digits = plain.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = plain.split_at_checked(digits)?;
    let number = number.trim_start_matches('0');
    (!number.is_empty()).then(|| (number.to_owned(), unit.to_owned()))
}

/// The unit that was probably meant: `h`, `d`, `w`, `mo` or `y`.
fn unit(text: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 10] = [
        ("hour", "h"),
        ("hours", "h"),
        ("day", "d"),
        ("days", "d"),
        ("week", "w"),
        ("weeks", "w"),
        ("month", "mo"),
        ("months", "mo"),
        ("year", "y"),
        ("years", "y"),
    ];
    match text {
        "h" | "hr" | "hrs" => Some("h"),
        "d" => Some("d"),
        "w" | "wk" | "wks" => Some("w"),
        "m" | "mo" | "mos" | "mon" => Some("mo"),
        "y" | "yr" | "yrs" => Some("y"),
        // Of two letters any word is near.
        word if word.len() > 2 => among(word, &WORDS),
        _ => None,
    }
}

/// What stands for the nearest of some words.
fn among(word: &str, words: &[(&'static str, &'static str)]) -> Option<&'static str> {
    let near = nearest(word, words.iter().map(|(word, _)| *word))?;
    words.iter().find(|(word, _)| *word == near).map(|(_, meant)| *meant)
}

/// The term that was probably meant.
pub(super) fn term(text: &str) -> Option<Term> {
    const NAMES: [(&str, &str); 10] = [
        ("week", "1w"),
        ("weekly", "1w"),
        ("month", "1mo"),
        ("monthly", "1mo"),
        ("quarter", "3mo"),
        ("quarterly", "3mo"),
        ("year", "1y"),
        ("yearly", "1y"),
        ("annual", "1y"),
        ("annually", "1y"),
    ];
    let Some((number, given)) = split(text) else {
        return Term::parse(among(text.trim(), &NAMES)?).ok();
    };
    let count: u32 = number.parse().ok()?;
    let (number, unit) = match if given.is_empty() { "mo" } else { unit(&given)? } {
        "d" if count.is_multiple_of(365) => (count / 365, "y"),
        "d" if count.is_multiple_of(30) => (count / 30, "mo"),
        "d" if count.is_multiple_of(7) => (count / 7, "w"),
        "d" | "h" => return None,
        unit => (count, unit),
    };
    Term::parse(&format!("{number}{unit}")).ok()
}

/// The valid term that is nearest in length, of the same unit if there is one. Of two as near the
/// shorter one: it costs less.
pub(super) fn nearest_term(wanted: Term, valid: &[Term]) -> Term {
    let weeks = |term: Term| matches!(term, Term::Weeks(_));
    let nearest = valid.iter().min_by_key(|term| {
        let distance = (term.days_min() - wanted.days_min()).abs();
        (weeks(**term) != weeks(wanted), distance, term.days_min())
    });
    nearest.copied().unwrap_or(Term::Months(1))
}

/// The lifetime that was probably meant.
pub(super) fn lifetime(text: &str) -> Option<String> {
    let (number, given) = split(text)?;
    let count: u32 = number.parse().ok()?;
    let (number, unit) = match if given.is_empty() { "d" } else { unit(&given)? } {
        // `90m` are minutes.
        "mo" if given == "m" && count > 12 => return None,
        "mo" => (count.checked_mul(30)?, "d"),
        "y" => (count.checked_mul(360)?, "d"),
        unit => (count, unit),
    };
    Some(format!("{number}{unit}"))
}

/// The region id that was probably meant.
pub(super) fn region(text: &str) -> String {
    /// Where most instances are: the city alone is enough to name them.
    const CITIES: [&str; 12] = [
        "cn-beijing",
        "cn-chengdu",
        "cn-guangzhou",
        "cn-hangzhou",
        "cn-heyuan",
        "cn-hongkong",
        "cn-nanjing",
        "cn-qingdao",
        "cn-shanghai",
        "cn-shenzhen",
        "cn-wulanchabu",
        "cn-zhangjiakou",
    ];
    let joined: String = text.trim().chars().map(|c| if c == '_' || c == ' ' { '-' } else { c }).collect();
    let lower = joined.to_lowercase();
    if lower.contains('-') {
        return lower;
    }
    let city = lower.strip_prefix("cn").unwrap_or(&lower);
    nearest(&format!("cn-{city}"), CITIES).map_or(lower, str::to_owned)
}

/// The currencies of the cloud (DescribeRenewalPrice, QueryAccountBalance: Currency).
pub(super) const CURRENCIES: [&str; 3] = ["CNY", "USD", "JPY"];

/// The currency that was probably meant, where `usual` is that of the site and of an amount without one.
pub(super) fn currency(text: &str, usual: &'static str) -> Option<&'static str> {
    let upper = text.trim_matches(['(', ')', '.']).to_uppercase();
    match upper.as_str() {
        "" => Some(usual),
        "RMB" | "CNH" | "YUAN" | "元" => Some("CNY"),
        "$" | "US$" | "DOLLAR" | "DOLLARS" | "US" => Some("USD"),
        "YEN" | "円" => Some("JPY"),
        "¥" | "￥" => Some(if usual == "USD" { "JPY" } else { usual }),
        word => CURRENCIES.into_iter().find(|known| *known == word).or_else(|| nearest(word, CURRENCIES)),
    }
}

/// The amount that was probably meant, in the currency of the site if none was named. What could be
/// another number (`5k`, `1e3`, `1.000,50`) is not guessed at.
pub(super) fn amount(text: &str, usual: &'static str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let (before, rest) = text.split_at_checked(start)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, behind) = rest.split_at_checked(end)?;
    let other = |c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+');
    let mut words = before.split_whitespace().chain(behind.split_whitespace());
    let (named, more) = (words.next().unwrap_or_default(), words.next());
    if more.is_some() || before.contains(other) || behind.contains(other) {
        return None;
    }
    Some(format!("{number} {}", currency(named, usual)?))
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
