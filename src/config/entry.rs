//! What an entry of `instances`, or `defaults`, asks for, and whether it can be had.

use std::ops::Range;

use super::check::{MaxTerm, asked};
use super::fields::{At, Checking, Field, INSTANCE, Keys, find};
use super::tree::{Kind, Node, Pair};
use super::{Asked, Entry, MARGIN_HOURS, MinRemaining};
use crate::diagnostic::Diagnostic;
use crate::ids::{InstanceId, RegionId};
use crate::term::{AutoRenew, Lifetime, PurchaseTerm, Site, Term};

/// What all entries of a file share.
pub(super) struct Shared {
    /// The file's region.
    pub(super) region: Field<RegionId>,
    /// The site; `None` if it was wrong.
    pub(super) site: Option<Site>,
    /// The longest term.
    pub(super) max_term: MaxTerm,
    /// The defaults.
    pub(super) defaults: Wants,
    /// Whether some entry has a lifetime to keep and nobody said by which term.
    pub(super) renew_period_missing: bool,
}

/// What is asked for on one level.
pub(super) struct Wants {
    auto_renew: Field<AutoRenew>,
    min_remaining: Field<MinRemaining>,
    renew_period: Field<PurchaseTerm>,
}

impl Wants {
    /// Nothing.
    pub(super) fn none() -> Self {
        Self { auto_renew: Field::Absent, min_remaining: Field::Absent, renew_period: Field::Absent }
    }

    /// Reads the three properties and compares them with the longest term.
    pub(super) fn read(
        check: &mut Checking<'_>,
        pairs: &[Pair],
        keys: &Keys,
        site: Option<Site>,
        max: &MaxTerm,
    ) -> Self {
        let auto_renew = check.field(pairs, keys, "auto_renew", |check, pair| check.auto_renew(pair, site));
        let min_remaining = check.field(pairs, keys, "min_remaining", Checking::min_remaining);
        let renew_period = check.field(pairs, keys, "renew_period", |check, pair| check.purchase(pair, site));
        if let Some((AutoRenew::Every(term), at)) = auto_renew.given() {
            max.bound(check, "auto_renew", term.term(), at);
        }
        if let Some((MinRemaining::AtLeast(lifetime), at)) = min_remaining.given() {
            reachable(check, *lifetime, at, site, max);
        }
        if let Some((term, at)) = renew_period.given() {
            max.bound(check, "renew_period", term.term(), at);
        }
        Self { auto_renew, min_remaining, renew_period }
    }

    /// Reports `never` beside a lifetime on the same level.
    pub(super) fn contradiction(&self, check: &mut Checking<'_>) {
        contradiction(check, &self.auto_renew, &self.min_remaining);
    }
}

/// Reports `auto_renew: never` together with a lifetime.
fn contradiction(check: &mut Checking<'_>, auto_renew: &Field<AutoRenew>, lifetime: &Field<MinRemaining>) {
    let (Some((AutoRenew::Never, never)), Some((MinRemaining::AtLeast(least), at))) =
        (auto_renew.given(), lifetime.given())
    else {
        return;
    };
    let error = Diagnostic::error(format!("`min_remaining: {least}` contradicts `auto_renew: never`"))
        .at(check.index, at.value.clone(), "asks for renewals")
        .at(check.index, never.value.clone(), "forbids them")
        .why("`never` marks an instance as not to be renewed, so that it stops and is released")
        .help(
            "remove one of them; with `auto_renew: off` only the automatic renewal is off, and `min_remaining` still holds",
        );
    check.out.push(error);
}

/// Reports a lifetime that the longest renewal cannot give.
fn reachable(check: &mut Checking<'_>, lifetime: Lifetime, at: &At, site: Option<Site>, max: &MaxTerm) {
    let Some(longest) = max.buyable else { return };
    let wanted = i64::from(lifetime.hours()) + i64::from(MARGIN_HOURS);
    if wanted <= longest.days_min() * 24 {
        return;
    }
    let error = Diagnostic::error(format!("`min_remaining: {lifetime}` is more than one renewal can give"))
        .at(check.index, at.value.clone(), "");
    let error = max.explained(check, error).why(format!(
        "a renewal must leave this and {MARGIN_HOURS} h more ({}), and the longest that may be bought, {longest}, is {} days at its shortest",
        hours(wanted),
        longest.days_min()
    ));
    let less =
        format!("write `min_remaining: {}d` or less", longest.days_min() - i64::from(MARGIN_HOURS) / 24);
    let all = PurchaseTerm::on_sale(site.unwrap_or_default()).into_iter().map(PurchaseTerm::term);
    let enough = all.filter(|term| term.days_min() * 24 >= wanted && term.cmp_length(longest).is_gt());
    let help = match enough.min_by(|a, b| a.cmp_length(*b)) {
        Some(term) => format!("{less}, or allow more: `max_term: {term}` under `limits`"),
        None => less,
    };
    check.out.push(error.help(help));
}

/// Hours for people: in days where they are whole.
fn hours(hours: i64) -> String {
    if hours % 24 == 0 { format!("{} days", hours / 24) } else { format!("{hours} h") }
}

/// Reads one entry; `None` after an error. A readable id is noted in any case.
pub(super) fn read(
    check: &mut Checking<'_>,
    node: &Node,
    shared: &mut Shared,
    ids: &mut Vec<(InstanceId, Range<usize>)>,
) -> Option<Entry> {
    if !matches!(node.kind, Kind::Mapping(_) | Kind::Refused) {
        not_an_entry(check, node);
    }
    let Kind::Mapping(_) = &node.kind else { return None };
    let pairs = check.pairs(node, &INSTANCE);
    let id = check.field(pairs, &INSTANCE, "id", Checking::id);
    let head = find(pairs, "id").or(pairs.first()).map_or(node.span.clone(), |pair| pair.key_span.clone());
    if id.is_absent() {
        let why = "an entry is about one instance";
        let help = "add `id: i-…`; the console shows it".to_owned();
        check.error("this entry has no `id`".to_owned(), head.clone(), "", why, help);
    }
    if let Some((id, at)) = id.given() {
        ids.push((id.clone(), at.value.clone()));
    }
    let named = id.given().map_or_else(|| "this entry".to_owned(), |(id, _)| id.to_string());
    let name = check.field(pairs, &INSTANCE, "name", Checking::name);
    let region = check.field(pairs, &INSTANCE, "region", Checking::region);
    if region.is_absent() && shared.region.is_absent() {
        let why = "neither the entry nor the file says in which region the instance is";
        let help = "add `region: …` to the entry, or at the top of the file for all entries".to_owned();
        check.error(format!("{named} has no region"), head.clone(), "", why, help);
    }
    let own = Wants::read(check, pairs, &INSTANCE, shared.site, &shared.max_term);
    own.contradiction(check);
    let (auto_renew, min_remaining, renew_period) = merged(check, own, shared, &named, &head);
    let region = region.given().or(shared.region.given()).map(|(region, _)| region.clone());
    let Field::Given(id, _) = id else { return None };
    Some(Entry {
        id,
        region: region?,
        site: shared.site?,
        place: check.place(head.start),
        name: asked(check, name),
        auto_renew,
        min_remaining,
        renew_period: renew_period?,
    })
}

fn not_an_entry(check: &mut Checking<'_>, node: &Node) {
    let help = match &node.kind {
        Kind::Scalar(scalar) if InstanceId::parse(&scalar.text).is_ok() => {
            format!("write `- {{ id: {}, auto_renew: 1mo }}`", scalar.text)
        }
        _ => "write for example `- { id: i-bp67acfmxazb4p0001, auto_renew: 1mo }`".to_owned(),
    };
    let why = "an entry says which instance and what it asks for: at least `id` and one of `auto_renew` and `min_remaining`";
    check.error("an instance must be keys with values".to_owned(), node.span.clone(), "", why, help);
}

type Merged = (Option<Asked<AutoRenew>>, Option<Asked<MinRemaining>>, Option<PurchaseTerm>);

/// Lays what an entry asks for over the defaults.
fn merged(
    check: &mut Checking<'_>,
    own: Wants,
    shared: &mut Shared,
    named: &str,
    head: &Range<usize>,
) -> Merged {
    let defaults = &shared.defaults;
    let own_setting = !own.auto_renew.is_absent();
    let auto_renew = over(own.auto_renew, &defaults.auto_renew);
    let never = matches!(auto_renew.given(), Some((AutoRenew::Never, _)));
    let inherited = own.min_remaining.is_absent();
    let min_remaining = over(own.min_remaining, &defaults.min_remaining);
    let renew_period = over(own.renew_period, &defaults.renew_period);
    if auto_renew.is_absent() && min_remaining.is_absent() {
        let mut why = "neither the entry nor `defaults` has `auto_renew` or `min_remaining`".to_owned();
        if !renew_period.is_absent() {
            why.push_str("; `renew_period` alone only says by which term");
        }
        let help = "add `auto_renew: 1mo` or `min_remaining: 15d`, or remove the entry".to_owned();
        check.error(format!("{named} asks for nothing"), head.clone(), "", &why, help);
    }
    if !own_setting && !inherited {
        contradiction(check, &auto_renew, &min_remaining);
    }
    let min_remaining = if never && inherited { Field::Absent } else { min_remaining };
    let lifetime = matches!(min_remaining.given(), Some((MinRemaining::AtLeast(_), _)));
    shared.renew_period_missing |= lifetime && renew_period.is_absent();
    let month = shared.site.and_then(|site| PurchaseTerm::new(Term::Months(1), site).ok());
    let period = renew_period.given().map_or(month, |(term, _)| Some(*term));
    (asked(check, auto_renew), asked(check, min_remaining), period)
}

/// What an entry gives, otherwise what the defaults give.
fn over<T: Clone>(own: Field<T>, default: &Field<T>) -> Field<T> {
    if own.is_absent() { default.clone() } else { own }
}
