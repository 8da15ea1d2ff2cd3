//! Single values: text to term, setting, lifetime, amount, number, each with its errors.
//!
//! What values mean together is decided in `check`.

use super::fields::{Checking, Field, Keys, find, misspelt};
use super::tree::{Core, Pair};
use super::words::{self, shown};
use super::{MAX_AUTO_RENEW_OFF_DEFAULT, MinRemaining, WhenExceeded};
use crate::ids::{AccountId, InstanceId, RegionId};
use crate::money::{Money, MoneyError, parse_amount};
use crate::term::{AutoRenew, AutoRenewTerm, Lifetime, PurchaseTerm, Site, Term};
use crate::text::nearest;

/// What a term is written like.
const TERM_FORM: &str = "a term is a number and a unit: `2w` (weeks), `1mo` (months) or `1y` (years)";
/// What a lifetime is written like.
const LIFETIME_FORM: &str =
    "a lifetime is in hours, days of 24 hours, or weeks, at most five years: `36h`, `15d` or `2w`";

impl Checking<'_> {
    /// Reads a property with `parse` if its key is there. A misspelt key was reported already: then
    /// the property is not missing, but wrong.
    pub(super) fn field<T>(
        &mut self,
        pairs: &[Pair],
        keys: &Keys,
        key: &str,
        parse: impl FnOnce(&mut Self, &Pair) -> Option<T>,
    ) -> Field<T> {
        match find(pairs, key) {
            Some(pair) => parse(self, pair).map_or(Field::Wrong, |value| Field::Given(value, pair.at())),
            None if misspelt(pairs, keys, key) => Field::Wrong,
            None => Field::Absent,
        }
    }

    /// An instance id.
    pub(super) fn id(&mut self, pair: &Pair) -> Option<InstanceId> {
        let text = self.scalar(pair, "i-bp67acfmxazb4p0001")?.text.as_str();
        if let Ok(id) = InstanceId::parse(text) {
            return Some(id);
        }
        let why =
            "an instance id is `i-` and then ASCII letters, digits or hyphens, at most 64 characters in all";
        let help = InstanceId::parse(&text.trim().to_lowercase()).map_or_else(
            |_| "copy the id from the console; it looks like `id: i-bp67acfmxazb4p0001`".to_owned(),
            |id| format!("write `id: {id}`"),
        );
        self.error(
            format!("`{}` is not an instance id", shown(text)),
            pair.value.span.clone(),
            "",
            why,
            help,
        );
        None
    }

    /// A region id.
    pub(super) fn region(&mut self, pair: &Pair) -> Option<RegionId> {
        let text = self.scalar(pair, "cn-beijing")?.text.as_str();
        if let Ok(region) = RegionId::parse(text) {
            return Some(region);
        }
        let why = "a region id is lower-case ASCII letters, digits and hyphens, like `cn-beijing`";
        let meant = RegionId::parse(&words::region(text));
        let help = meant.map_or_else(
            |_| "write the region's id, for example `region: cn-beijing`".to_owned(),
            |region| format!("write `region: {region}`"),
        );
        self.error(format!("`{}` is not a region id", shown(text)), pair.value.span.clone(), "", why, help);
        None
    }

    /// A name.
    pub(super) fn name(&mut self, pair: &Pair) -> Option<String> {
        let text = self.text(pair, "web-1")?;
        if !text.trim().is_empty() {
            return Some(text.to_owned());
        }
        let help = "write the instance's name, or remove the line".to_owned();
        self.error("the name is empty".to_owned(), pair.value.span.clone(), "", "", help);
        None
    }

    /// Which site.
    pub(super) fn site(&mut self, pair: &Pair) -> Option<Site> {
        let text = self.scalar(pair, "china")?.text.as_str();
        let all = [Site::China, Site::International];
        if let Some(site) = all.into_iter().find(|site| site.as_str() == text) {
            return Some(site);
        }
        let near = match text.to_lowercase().as_str() {
            "cn" | "chinese" | "aliyun" | "aliyun.com" | "domestic" => Some("china"),
            "intl" | "global" | "overseas" | "alibabacloud" | "alibabacloud.com" => Some("international"),
            other => nearest(other, all.map(Site::as_str)),
        };
        let help = near.map_or_else(
            || "write `site: china` or `site: international`".to_owned(),
            |near| format!("write `site: {near}`"),
        );
        let why = "a site is `china` (aliyun.com) or `international` (alibabacloud.com); it decides which terms are on sale";
        self.error(format!("`{}` is not a site", shown(text)), pair.value.span.clone(), "", why, help);
        None
    }

    /// An account id. Without quotes it is a number, which other tools round beyond 15 digits.
    pub(super) fn account(&mut self, pair: &Pair) -> Option<AccountId> {
        let text = self.text(pair, "\"1234567890123456\"")?;
        if let Ok(account) = AccountId::parse(text) {
            return Some(account);
        }
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '_' | ',' | '.')).collect();
        let help = AccountId::parse(&digits).map_or_else(
            |_| "copy it from the console; it looks like `account: \"1234567890123456\"`".to_owned(),
            |account| format!("write `account: \"{account}\"`"),
        );
        let why = "an account id (UID) is digits, at most 20 of them; names and aliases are none";
        self.error(format!("`{}` is not an account id", shown(text)), pair.value.span.clone(), "", why, help);
        None
    }

    /// What becomes of a plan beyond its bounds.
    pub(super) fn when_exceeded(&mut self, pair: &Pair) -> Option<WhenExceeded> {
        let text = self.scalar(pair, "refuse")?.text.as_str();
        let words = WhenExceeded::ALL.map(WhenExceeded::as_str);
        if let Some(value) = WhenExceeded::ALL.into_iter().find(|value| value.as_str() == text) {
            return Some(value);
        }
        let near = match text.to_lowercase().as_str() {
            "stop" | "fail" | "error" | "abort" | "block" | "deny" | "none" => Some("refuse"),
            "soonest" | "soonest first" | "partial" | "cap" | "up-to-cap" => Some("soonest-first"),
            other => nearest(other, words),
        };
        let help = near.map_or_else(
            || "write `when_exceeded: refuse` or `when_exceeded: soonest-first`".to_owned(),
            |near| format!("write `when_exceeded: {near}`"),
        );
        let why =
            "beyond a limit `refuse` does nothing, and `soonest-first` buys what fits, soonest expiry first";
        let message = format!("`{}` is no value of `when_exceeded`", shown(text));
        self.error(message, pair.value.span.clone(), "", why, help);
        None
    }

    /// An auto-renewal setting. Without a known site all terms of any site are taken.
    pub(super) fn auto_renew(&mut self, pair: &Pair, site: Option<Site>) -> Option<AutoRenew> {
        let scalar = self.scalar(pair, "1mo")?;
        let text = scalar.text.as_str();
        match text {
            "off" => return Some(AutoRenew::Off),
            "never" => return Some(AutoRenew::Never),
            _ => {}
        }
        let at = pair.value.span.clone();
        // China has every term that there is.
        let shop = site.unwrap_or(Site::China);
        let all: Vec<Term> = AutoRenewTerm::all(shop).into_iter().map(AutoRenewTerm::term).collect();
        if let Ok(term) = Term::parse(text) {
            if let Ok(term) = AutoRenewTerm::new(term, shop) {
                return Some(AutoRenew::Every(term));
            }
            let near = words::nearest_term(term, &all);
            let message =
                format!("`auto_renew: {}` is not a term that auto-renewal can be set to", shown(text));
            let why = format!("on the {} site auto-renewal can be {}", shop.as_str(), terms(&all));
            self.error(message, at, "not on offer", &why, format!("write `auto_renew: {near}`"));
            return None;
        }
        let lower = text.to_lowercase();
        let help = match lower.as_str() {
            "false" | "no" | "n" | "disabled" | "disable" | "normal" | "none" | "manual" | "off" | "0" => {
                "write `auto_renew: off`; with `never` the instance is also marked as not to be renewed at all"
                    .to_owned()
            }
            "true" | "yes" | "y" | "on" | "enabled" | "enable" | "auto" | "autorenewal" => {
                "write by which term, for example `auto_renew: 1mo`".to_owned()
            }
            "notrenewal" => "write `auto_renew: never`".to_owned(),
            _ => match (nearest(&lower, ["off", "never"]), words::term(text)) {
                (Some(word), None) => format!("write `auto_renew: {word}`"),
                (_, Some(term)) => instead("auto_renew", term, words::nearest_term(term, &all), "on offer"),
                _ => "write for example `auto_renew: 1mo`, or `off`, or `never`".to_owned(),
            },
        };
        let message = format!("`{}` is not an auto-renewal setting", shown(text));
        self.error(message, at, "", &format!("it is a term, `off` or `never`; {TERM_FORM}"), help);
        None
    }

    /// The least lifetime.
    pub(super) fn min_remaining(&mut self, pair: &Pair) -> Option<MinRemaining> {
        let scalar = self.scalar(pair, "15d")?;
        let text = scalar.text.as_str();
        if text == "none" {
            return Some(MinRemaining::None);
        }
        if let Ok(lifetime) = Lifetime::parse(text) {
            return Some(MinRemaining::AtLeast(lifetime));
        }
        let meant = words::lifetime(text).filter(|meant| Lifetime::parse(meant).is_ok() && meant != text);
        let zero = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse() == Ok(0.0);
        let help = match (zero, meant.or_else(|| part_of_a_day(text))) {
            (true, _) => "write `min_remaining: none`".to_owned(),
            (_, Some(meant)) => format!("write `min_remaining: {meant}`"),
            _ if matches!(text.to_lowercase().as_str(), "off" | "no" | "never" | "false")
                || nearest(text, ["none"]).is_some() =>
            {
                "write `min_remaining: none`".to_owned()
            }
            _ => "write for example `min_remaining: 15d`, or `none`".to_owned(),
        };
        let months = text.contains("mo") || text.ends_with('y') || text.ends_with('m');
        let more = if months { ". Months and years differ in length" } else { "" };
        let why = format!("{LIFETIME_FORM}; `none` stands for never{more}");
        let message = format!("`{}` is not a lifetime", shown(text));
        self.error(message, pair.value.span.clone(), "", &why, help);
        None
    }

    /// Any term.
    pub(super) fn term(&mut self, pair: &Pair) -> Option<Term> {
        self.term_like(pair, "1y", |term| term)
    }

    /// A term; of one that is written wrongly, `near` is the nearest that is valid.
    fn term_like(&mut self, pair: &Pair, example: &str, near: impl Fn(Term) -> Term) -> Option<Term> {
        let text = self.scalar(pair, example)?.text.as_str();
        if let Ok(term) = Term::parse(text) {
            return Some(term);
        }
        let key = shown(&pair.key);
        let help = words::term(text).map_or_else(
            || format!("write for example `{key}: {example}`"),
            |term| instead(&key, term, near(term), "on sale"),
        );
        self.error(format!("`{}` is not a term", shown(text)), pair.value.span.clone(), "", TERM_FORM, help);
        None
    }

    /// A term that can be bought.
    pub(super) fn purchase(&mut self, pair: &Pair, site: Option<Site>) -> Option<PurchaseTerm> {
        let shop = site.unwrap_or(Site::China);
        let all: Vec<Term> = PurchaseTerm::on_sale(shop).into_iter().map(PurchaseTerm::term).collect();
        let term = self.term_like(pair, "1mo", |term| words::nearest_term(term, &all))?;
        if let Ok(term) = PurchaseTerm::new(term, shop) {
            return Some(term);
        }
        let near = words::nearest_term(term, &all);
        let key = shown(&pair.key);
        let message = format!("`{key}: {term}` is not a term that can be bought");
        let why = format!("on the {} site one can buy {}", shop.as_str(), terms(&all));
        self.error(message, pair.value.span.clone(), "not on sale", &why, format!("write `{key}: {near}`"));
        None
    }

    /// A whole number from 0.
    pub(super) fn number(&mut self, pair: &Pair) -> Option<u32> {
        let scalar = self.scalar(pair, "10")?;
        let (key, text) = (shown(&pair.key), scalar.text.as_str());
        let decimal =
            text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        if let (true, true, Ok(number)) = (scalar.plain, decimal, text.parse()) {
            return Some(number);
        }
        let digits: String = text.chars().filter(|c| *c != '_' && *c != ',').collect();
        let help = match digits.parse::<u32>() {
            Ok(number) => format!("write `{key}: {number}`"),
            Err(_) if key == "max_renewals" => {
                format!("write for example `{key}: 20`; without the line there is no such limit")
            }
            Err(_) => {
                format!("write for example `{key}: 20`; without the line it is {MAX_AUTO_RENEW_OFF_DEFAULT}")
            }
        };
        let why = "it is a whole number, 0 or more, in digits and without quotes";
        self.error(format!("`{key}` must be a number"), pair.value.span.clone(), "", why, help);
        None
    }

    /// `true` or `false`.
    pub(super) fn switch(&mut self, pair: &Pair) -> Option<bool> {
        let scalar = self.scalar(pair, "false")?;
        if let Core::Bool(value) = scalar.core() {
            return Some(value);
        }
        let key = shown(&pair.key);
        let help = match scalar.text.to_lowercase().as_str() {
            "yes" | "on" | "true" | "1" | "y" => format!("write `{key}: true`"),
            "no" | "off" | "false" | "0" | "n" => format!("write `{key}: false`"),
            word => nearest(word, ["true", "false"]).map_or_else(
                || format!("write `{key}: true` or `{key}: false`"),
                |near| format!("write `{key}: {near}`"),
            ),
        };
        let why = "in YAML 1.2 only `true` and `false`, without quotes, are truth values";
        self.error(format!("`{key}` must be `true` or `false`"), pair.value.span.clone(), "", why, help);
        None
    }

    /// An amount of money.
    pub(super) fn money(&mut self, pair: &Pair, currency: &'static str) -> Option<Money> {
        let text = self.scalar(pair, "5000 CNY")?.text.as_str();
        let error = match text.parse::<Money>() {
            Ok(money) if words::CURRENCIES.contains(&money.currency.as_str()) => return Some(money),
            Ok(money) => {
                self.unknown_currency(pair, text, money.currency.as_str(), currency);
                return None;
            }
            Err(error) => error,
        };
        let key = shown(&pair.key);
        let whole = self.cut_at_comma(pair, text);
        let text = whole.as_deref().unwrap_or(text);
        let plain = whole.as_ref().map(|whole| whole.replace(',', ""));
        let meant = plain.or_else(|| words::amount(text, currency));
        let meant = meant.filter(|meant| meant.parse::<Money>().is_ok());
        let help = meant.map_or_else(
            || format!("write for example `{key}: 5000 {currency}`"),
            |meant| format!("write `{key}: {meant}`"),
        );
        let bare = parse_amount(text).is_ok();
        let message = match error {
            MoneyError::Negative => format!("`{}` is below zero", shown(text)),
            MoneyError::Form if whole.is_some() => format!("`{}` is cut at its comma", shown(text)),
            MoneyError::Form if bare => format!("`{}` has no currency", shown(text)),
            MoneyError::Form => format!("`{}` is not an amount of money", shown(text)),
        };
        let why = "an amount is a number with its currency: `5000 CNY`, `CNY 5000` or `5,000.00 CNY`";
        let comma = if whole.is_some() {
            "; within `{ }` a comma ends the value, so leave it out or quote the amount"
        } else {
            ""
        };
        self.error(message, pair.value.span.clone(), "", &format!("{why}{comma}"), help);
        None
    }
}

impl Checking<'_> {
    /// The whole of an amount that YAML has cut: within braces `5,000 CNY` is `5`, and a key `000 CNY`.
    fn cut_at_comma(&self, pair: &Pair, text: &str) -> Option<String> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let rest = self.source.text.get(pair.value.span.end..)?;
        if !digits(text) || !rest.starts_with(',') {
            return None;
        }
        let mut whole = text.to_owned();
        let mut rest = rest;
        // Groups of three digits, and then what is left of the value.
        while let Some(group) = rest.strip_prefix(',').and_then(|rest| rest.get(..3)).filter(|g| digits(g)) {
            whole = format!("{whole},{group}");
            rest = rest.get(4..)?;
        }
        let end = rest.find([',', '}', '\n', '#', ':']).unwrap_or(rest.len());
        whole.push_str(rest.get(..end)?.trim_end());
        (whole.len() > text.len()).then_some(whole)
    }

    /// Reports a currency in which the cloud has no prices: such a limit would allow nothing.
    fn unknown_currency(&mut self, pair: &Pair, text: &str, currency: &str, usual: &'static str) {
        let message = format!("the cloud has no prices in {currency}");
        let why = "they are in CNY on the china site, in USD or JPY on the international site";
        let help = match words::currency(currency, usual) {
            Some(near) => format!("write `{}: {}`", shown(&pair.key), shown(&text.replace(currency, near))),
            None => format!("write the amount in {usual}"),
        };
        self.error(message, pair.value.span.clone(), "", why, help);
    }
}

/// What to type for a term that was meant, and why it is another one.
fn instead(key: &str, meant: Term, near: Term, what: &str) -> String {
    let other = if near == meant { String::new() } else { format!("; {meant} is not {what}") };
    format!("write `{key}: {near}`{other}")
}

/// `1.5d` in hours: `36h`.
fn part_of_a_day(text: &str) -> Option<String> {
    let (days, tenths) = text.strip_suffix('d')?.split_once('.')?;
    let (days, tenths): (u32, u32) = (days.parse().ok()?, tenths.parse().ok().filter(|tenths| *tenths < 10)?);
    let hours = days.checked_mul(24)?.checked_add((tenths * 24).div_ceil(10))?;
    let meant = format!("{hours}h");
    Lifetime::parse(&meant).is_ok().then_some(meant)
}

/// Terms as a list.
fn terms(all: &[Term]) -> String {
    all.iter().map(Term::to_string).collect::<Vec<_>>().join(", ")
}
