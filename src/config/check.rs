//! The tree of one file to its limits, defaults and entries.
//!
//! An error in a shared value is reported where it stands, once, and not again for each entry that
//! would use it.

use std::ops::Range;

use super::entry::{Shared, Wants};
use super::fields::{At, Checking, DEFAULTS, Field, LIMITS, TOP, find, misspelt};
use super::tree::{Core, Kind, Node, Pair};
use super::words::shown;
use super::{Asked, Entry, Limits, MAX_AUTO_RENEW_OFF_DEFAULT, MAX_TERM_DEFAULT, WhenExceeded};
use crate::diagnostic::Diagnostic;
use crate::ids::{AccountId, InstanceId};
use crate::money::Money;
use crate::term::{PurchaseTerm, Site, Term};

/// What came of one file. Of use only if there was no error.
pub(super) struct Checked {
    /// Its site.
    pub(super) site: Site,
    /// The account that it names.
    pub(super) account: Field<AccountId>,
    /// Its limits.
    pub(super) limits: Limits,
    /// Its correct entries.
    pub(super) entries: Vec<Entry>,
    /// All readable ids, also of entries with other errors, and where they stand.
    pub(super) ids: Vec<(InstanceId, Range<usize>)>,
}

/// The example that stands in messages about missing instances.
const INSTANCES_HELP: &str =
    "write `instances:` and under it entries such as `- { id: i-bp67acfmxazb4p0001, auto_renew: 1mo }`";

/// Checks one file.
pub(super) fn file(mut checking: Checking<'_>, tree: &Node) -> Checked {
    let check = &mut checking;
    if !matches!(tree.kind, Kind::Mapping(_) | Kind::Refused) {
        let why = "at the top stand keys with values: `version: 1`, `region: …`, `instances: …`";
        let help = "begin with `version: 1` and list the instances under `instances:`".to_owned();
        check.error("this is not a desired-state file".to_owned(), tree.span.clone(), "", why, help);
    }
    let Kind::Mapping(top) = &tree.kind else { return nothing() };
    if !version(check, top) {
        return nothing();
    }
    check.pairs(tree, &TOP);
    let region = check.field(top, &TOP, "region", Checking::region);
    let account = check.field(top, &TOP, "account", Checking::account);
    let site = check.field(top, &TOP, "site", Checking::site);
    let site = match site {
        Field::Absent => Some(Site::default()),
        Field::Wrong => None,
        Field::Given(site, _) => Some(site),
    };
    let (limits, max_term) = limits(check, find(top, "limits"), site);
    let max_term = MaxTerm::new(check, max_term, site);
    let defaults = match find(top, "defaults").and_then(|pair| mapping(check, pair)) {
        Some(node) => {
            let pairs = check.pairs(node, &DEFAULTS);
            Wants::read(check, pairs, &DEFAULTS, site, &max_term)
        }
        None => Wants::none(),
    };
    defaults.contradiction(check);
    let mut shared = Shared { region, site, max_term, defaults, renew_period_missing: false };
    let (entries, ids) = instances(check, top, &mut shared);
    if shared.renew_period_missing {
        shared.max_term.month_too_long(check);
    }
    Checked { site: site.unwrap_or_default(), account, limits, entries, ids }
}

fn nothing() -> Checked {
    let limits = Limits {
        max_charge: None,
        max_renewals: None,
        max_term: MAX_TERM_DEFAULT,
        max_auto_renew_off: MAX_AUTO_RENEW_OFF_DEFAULT,
        when_exceeded: WhenExceeded::default(),
        allow_unpriced: false,
    };
    let (site, account) = (Site::default(), Field::Absent);
    Checked { site, account, limits, entries: Vec::new(), ids: Vec::new() }
}

/// Whether it makes sense to read on: another version would mean other keys.
fn version(check: &mut Checking<'_>, top: &[Pair]) -> bool {
    let why = "the version says how the file is to be read, so that a newer renewctl reads it the same way";
    if misspelt(top, &TOP, "version") {
        return true;
    }
    let Some(pair) = find(top, "version") else {
        let help = "write `version: 1` as the first line".to_owned();
        check.error("`version` is missing".to_owned(), 0..0, "", why, help);
        return true;
    };
    let Some(scalar) = check.scalar(pair, "1") else { return true };
    let integer = scalar.core() == Core::Integer;
    if integer && scalar.text == "1" {
        return true;
    }
    let text = shown(&scalar.text);
    let at = pair.value.span.clone();
    if integer && scalar.text.trim_start_matches(['+', '0']) != "1" {
        let why = "this renewctl reads version 1";
        let help = "write `version: 1`, or use a newer renewctl".to_owned();
        check.error(format!("version {text} of the file is not known"), at, "", why, help);
        return false;
    }
    let why = if scalar.plain { why } else { "in quotes it is text, not a number" };
    check.error("`version` must be the number 1".to_owned(), at, "", why, "write `version: 1`".to_owned());
    true
}

/// The value of a key that must be a mapping.
fn mapping<'n>(check: &mut Checking<'_>, pair: &'n Pair) -> Option<&'n Node> {
    if matches!(pair.value.kind, Kind::Mapping(_)) {
        return Some(&pair.value);
    }
    if matches!(pair.value.kind, Kind::Refused) {
        return None;
    }
    let key = shown(&pair.key);
    let empty = matches!(&pair.value.kind, Kind::Scalar(scalar) if scalar.core() == Core::Null);
    let (message, at) = if empty {
        (format!("`{key}` is empty"), pair.key_span.clone())
    } else {
        (format!("`{key}` must hold keys with values"), pair.value.span.clone())
    };
    let help = format!("write the keys below `{key}:`, indented by two spaces, or remove `{key}`");
    check.error(message, at, "", "", help);
    None
}

fn limits(check: &mut Checking<'_>, pair: Option<&Pair>, site: Option<Site>) -> (Limits, Field<Term>) {
    let mut limits = nothing().limits;
    let Some(node) = pair.and_then(|pair| mapping(check, pair)) else {
        // A wrong `limits` must not bring errors about a default that was not meant.
        return (limits, if pair.is_some() { Field::Wrong } else { Field::Absent });
    };
    let pairs = check.pairs(node, &LIMITS);
    let max_term = check.field(pairs, &LIMITS, "max_term", Checking::term);
    let usual = if site == Some(Site::International) { "USD" } else { "CNY" };
    let charge = check.field(pairs, &LIMITS, "max_charge", |check, pair| check.money(pair, usual));
    let renewals = check.field(pairs, &LIMITS, "max_renewals", Checking::number);
    let off = check.field(pairs, &LIMITS, "max_auto_renew_off", Checking::number);
    let exceeded = check.field(pairs, &LIMITS, "when_exceeded", Checking::when_exceeded);
    let unpriced = check.field(pairs, &LIMITS, "allow_unpriced", Checking::switch);
    if let (Some((money, at)), Some(site)) = (charge.given(), site) {
        currency(check, money, at, site);
    }
    limits.max_charge = asked(check, charge);
    limits.max_renewals = asked(check, renewals);
    limits.max_auto_renew_off = off.given().map_or(limits.max_auto_renew_off, |(value, _)| *value);
    limits.when_exceeded = exceeded.given().map_or(limits.when_exceeded, |(value, _)| *value);
    limits.allow_unpriced = unpriced.given().is_some_and(|(value, _)| *value);
    limits.max_term = max_term.given().map_or(limits.max_term, |(term, _)| *term);
    (limits, max_term)
}

/// Takes a property together with its place.
pub(super) fn asked<T>(check: &Checking<'_>, field: Field<T>) -> Option<Asked<T>> {
    match field {
        Field::Given(value, at) => Some(Asked { value, place: check.place(at.key.start) }),
        Field::Absent | Field::Wrong => None,
    }
}

/// Warns of a cap in a currency in which the site does not sell.
fn currency(check: &mut Checking<'_>, money: &Money, at: &At, site: Site) {
    let sold: &[&str] = match site {
        Site::China => &["CNY"],
        Site::International => &["USD", "JPY"],
    };
    if sold.contains(&money.currency.as_str()) {
        return;
    }
    let sold = sold.join(" or ");
    let other = match money.currency.as_str() {
        "USD" | "JPY" => ", or `site: international` if that is where the account belongs",
        "CNY" => ", or `site: china` if that is where the account belongs",
        _ => "",
    };
    let (currency, site) = (&money.currency, site.as_str());
    let warning = Diagnostic::warning(format!("the {site} site does not sell in {currency}"))
        .at(check.index, at.value.clone(), "")
        .why(format!("a limit holds for its own currency only, and prices on the {site} site are in {sold}"))
        .help(format!("write the amount in {sold}{other}"));
    check.out.push(warning);
}

fn instances(
    check: &mut Checking<'_>,
    top: &[Pair],
    shared: &mut Shared,
) -> (Vec<Entry>, Vec<(InstanceId, Range<usize>)>) {
    let (mut entries, mut ids) = (Vec::new(), Vec::new());
    let Some(pair) = find(top, "instances") else {
        if misspelt(top, &TOP, "instances") {
            return (entries, ids);
        }
        let why = "a file without instances asks for nothing, which is more likely a mistake";
        check.error("`instances` is missing".to_owned(), 0..0, "", why, INSTANCES_HELP.to_owned());
        return (entries, ids);
    };
    let (message, at) = match &pair.value.kind {
        Kind::Sequence(nodes) if !nodes.is_empty() => {
            for node in nodes {
                if check.is_full() {
                    let why = "the entries from here on were not checked";
                    let help = "correct the errors above first".to_owned();
                    check.error("too many errors in this file".to_owned(), node.span.clone(), "", why, help);
                    break;
                }
                entries.extend(super::entry::read(check, node, shared, &mut ids));
            }
            return (entries, ids);
        }
        Kind::Refused => return (entries, ids),
        Kind::Scalar(scalar) if scalar.core() == Core::Null => {
            ("the list of instances is empty", &pair.key_span)
        }
        Kind::Sequence(_) => ("the list of instances is empty", &pair.value.span),
        Kind::Mapping(_) => ("`instances` must be a list, not a mapping", &pair.value.span),
        Kind::Scalar(_) => ("`instances` must be a list", &pair.value.span),
    };
    let why = match &pair.value.kind {
        Kind::Mapping(_) => "each entry of a list begins with `- `",
        _ => "a file without instances asks for nothing, which is more likely a mistake",
    };
    check.error(message.to_owned(), at.clone(), "", why, INSTANCES_HELP.to_owned());
    (entries, ids)
}

/// The longest term that one renewal may have, and where that is said.
pub(super) struct MaxTerm {
    /// `None` if it was wrong: then nothing is compared with it.
    pub(super) term: Option<Term>,
    /// The longest term on sale within it.
    pub(super) buyable: Option<Term>,
    /// Where it stands, if the file gives it.
    at: Option<At>,
}

impl MaxTerm {
    fn new(check: &mut Checking<'_>, field: Field<Term>, site: Option<Site>) -> Self {
        let (term, at) = match field {
            Field::Absent => (MAX_TERM_DEFAULT, None),
            Field::Wrong => return Self { term: None, buyable: None, at: None },
            Field::Given(term, at) => (term, Some(at)),
        };
        let Some(site) = site else { return Self { term: Some(term), buyable: None, at } };
        let on_sale = PurchaseTerm::on_sale(site).into_iter().map(PurchaseTerm::term);
        let buyable = on_sale.filter(|sold| sold.cmp_length(term).is_le()).max_by(|a, b| a.cmp_length(*b));
        if let (None, Some(at)) = (buyable, &at) {
            let why = format!("the shortest term on sale on the {} site is 1mo", site.as_str());
            let message = format!("nothing can be bought within `max_term: {term}`");
            check.error(message, at.value.clone(), "", &why, "write `max_term: 1mo` or more".to_owned());
            return Self { term: None, buyable: None, at: None };
        }
        Self { term: Some(term), buyable, at }
    }

    /// Reports a term that is longer.
    pub(super) fn bound(&self, check: &mut Checking<'_>, key: &str, term: Term, at: &At) {
        let Some(max) = self.term else { return };
        if term.cmp_length(max).is_le() {
            return;
        }
        let error = Diagnostic::error(format!("`{key}: {term}` is longer than `max_term`")).at(
            check.index,
            at.value.clone(),
            "",
        );
        let error = self.explained(check, error);
        check.out.push(
            error.help(format!(
                "write `{key}: {max}` or less, or allow more: `max_term: {term}` under `limits`"
            )),
        );
    }

    /// Adds what the limit is and where it comes from.
    pub(super) fn explained(&self, check: &Checking<'_>, error: Diagnostic) -> Diagnostic {
        let term = self.term.unwrap_or(MAX_TERM_DEFAULT);
        match &self.at {
            Some(at) => error.at(check.index, at.value.clone(), "the limit"),
            None => error.why(format!("without `max_term` under `limits` the limit is {term}")),
        }
    }

    /// Reports, where the limit stands, that the usual term to buy is beyond it.
    fn month_too_long(&self, check: &mut Checking<'_>) {
        let (Some(term), Some(at)) = (self.term, &self.at) else { return };
        if Term::Months(1).cmp_length(term).is_le() {
            return;
        }
        let why = "without `renew_period` renewals are by 1mo or more, and weeks are not bought";
        let help = format!("write `max_term: 1mo` or more, or `renew_period: {term}` under `defaults`");
        let message = format!("`max_term: {term}` is shorter than the shortest renewal");
        check.error(message, at.value.clone(), "", why, help);
    }
}
