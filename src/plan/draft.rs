//! What each instance needs, before anything is priced.
//!
//! The rules of design chapter 4, one function each. A missed renewal and a second charge are both
//! damage, so what is not known blocks a charge, unless waiting is the greater danger.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::{Block, BlockCode, Hold, Item, Renewal, Setting, Verdict, window};
use crate::calendar::{add_term, next_beijing_midnight, show_beijing, show_left, show_span, to_minute};
use crate::config::{Asked, Entry, MARGIN_HOURS, MAX_TERM_DEFAULT, MinRemaining};
use crate::desired::{Desired, DesiredFile, DesiredState};
use crate::ids::{InstanceId, RegionId};
use crate::live::{Answer, ChargeType, Live, LiveInstance, Lock, Status, Unreadable};
use crate::term::{AutoRenew, Lifetime, LiveAutoRenew, PurchaseTerm, Site, Term};
use crate::text::{Untrusted, escape};

/// An expired instance is released at 00:00 of the sixteenth day (China; reference 3.3). The
/// international billing guide has 30 days (dis); the earlier one is the one to fear.
pub(super) const RELEASED_AFTER_DAYS: i64 = 15;

/// Holds from the journal, by instance.
pub type Holds = BTreeMap<(RegionId, InstanceId), Hold>;

/// Everything decided but the prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The moment it was decided for.
    pub evaluated_at: DateTime<Utc>,
    /// The moment of the reading.
    pub read_at: DateTime<Utc>,
    /// Whether everything could be read.
    pub complete: bool,
    /// One item for each instance asked for, by region and id.
    pub items: Vec<Item<()>>,
    /// The files and their limits.
    pub files: Vec<DesiredFile>,
    /// How many instances of the files were left out.
    pub left_out: usize,
}

/// A price that a plan needs to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QuoteAsk {
    /// Where.
    pub region: RegionId,
    /// For which instance.
    pub id: InstanceId,
    /// For which term.
    pub term: Term,
}

impl Draft {
    /// The prices to ask for: of each renewal, and of what each new setting commits to. What the time for
    /// asking may not be enough for comes last: settings after renewals, and what expires later after what expires
    /// sooner.
    pub fn quotes(&self) -> Vec<QuoteAsk> {
        let mut ranked = Vec::new();
        for item in &self.items {
            let expires_at = item.live.as_ref().map(|live| live.expires_at);
            let mut ask = |is_setting, term| {
                let ask = QuoteAsk { region: item.region.clone(), id: item.id.clone(), term };
                ranked.push((is_setting, expires_at, ask));
            };
            if let Some(renewal) = item.renewal() {
                ask(false, renewal.term.term());
            }
            if let Some(Setting { after: AutoRenew::Every(term), .. }) = item.setting() {
                ask(true, term.term());
            }
        }
        ranked.sort();
        let mut known = BTreeSet::new();
        ranked.into_iter().map(|(_, _, ask)| ask).filter(|ask| known.insert(ask.clone())).collect()
    }
}

/// Decides for every desired instance. `now` is the cloud's time of the reading.
pub fn draft(desired: &DesiredState, live: &Live, now: DateTime<Utc>, holds: &Holds) -> Draft {
    let empty_regions = empty_regions(desired, live);
    let items = desired
        .instances
        .iter()
        .map(|wanted| {
            let key = (wanted.entry.region.clone(), wanted.entry.id.clone());
            let case = Case {
                wanted,
                max_term: desired
                    .files
                    .get(wanted.file)
                    .map_or(MAX_TERM_DEFAULT, |file| file.limits.max_term),
                now: to_minute(now),
                hold: holds.get(&key),
                region_empty: empty_regions.contains(&key.0),
                as_of: now > live.read_at,
            };
            case.decide(live.answers.get(&key))
        })
        .collect();
    Draft {
        evaluated_at: now,
        read_at: live.read_at,
        complete: live.is_complete(),
        items,
        files: desired.files.clone(),
        left_out: desired.left_out,
    }
}

/// Regions in which instances are expected and none was seen: more likely a missing right than an
/// empty region, because the cloud answers a key without permission with an empty list.
fn empty_regions(desired: &DesiredState, live: &Live) -> BTreeSet<RegionId> {
    let mut regions: BTreeSet<RegionId> = desired.instances.iter().map(|d| d.entry.region.clone()).collect();
    for ((region, _), answer) in &live.answers {
        if !matches!(answer, Answer::Absent) {
            regions.remove(region);
        }
    }
    regions
}

/// One instance with all that its verdicts depend on.
struct Case<'a> {
    wanted: &'a Desired,
    max_term: Term,
    /// To the minute.
    now: DateTime<Utc>,
    hold: Option<&'a Hold>,
    region_empty: bool,
    /// It is decided for a later moment than that of the reading.
    as_of: bool,
}

impl Case<'_> {
    fn entry(&self) -> &Entry {
        &self.wanted.entry
    }

    /// The wanted lifetime with its place, if this entry can ask for a renewal.
    fn lifetime(&self) -> Option<(Lifetime, &Asked<MinRemaining>)> {
        let asked = self.entry().min_remaining.as_ref()?;
        if let MinRemaining::AtLeast(lifetime) = asked.value { Some((lifetime, asked)) } else { None }
    }

    fn decide(&self, answer: Option<&Answer>) -> Item<()> {
        match answer {
            Some(Answer::Found(live)) => self.found(live),
            Some(Answer::Absent) => self.unseen(&self.absent()),
            Some(Answer::Unreadable(why)) => self.unseen(&unreadable(why)),
            None => self.unseen(&unreadable(&Unreadable::because("it was not asked for"))),
        }
    }

    fn absent(&self) -> Block {
        let region = &self.entry().region;
        let hint = if self.region_empty {
            format!(
                "none of the instances asked for was seen in {region}: check the ids, the account, the region, and the \
                 right ecs:DescribeInstances (the cloud answers a key without it with an empty list)"
            )
        } else {
            "check the id and the region; it may have been released, or the key may not see it".to_owned()
        };
        let text = format!("no such instance in {region}");
        Block { code: BlockCode::UnknownInstance, text, hint }
    }

    /// An instance of which nothing is known: all that is asked for is blocked.
    fn unseen(&self, block: &Block) -> Item<()> {
        let name = self.entry().name.as_ref().map(|name| Untrusted::new(name.value.clone()));
        Item {
            renew: self.lifetime().map(|_| Verdict::Blocked(block.clone())),
            set: self.entry().auto_renew.as_ref().map(|_| Verdict::Blocked(block.clone())),
            ..self.item(name.unwrap_or_default(), None)
        }
    }

    fn item(&self, name: Untrusted, live: Option<LiveInstance>) -> Item<()> {
        let entry = self.entry();
        Item {
            id: entry.id.clone(),
            region: entry.region.clone(),
            name,
            place: entry.place.clone(),
            file: self.wanted.file,
            live,
            renew: None,
            set: None,
            at_risk: None,
            committed: None,
            warnings: Vec::new(),
        }
    }

    fn found(&self, live: &LiveInstance) -> Item<()> {
        let mut item = self.item(live.name.clone(), Some(live.clone()));
        if let Some(name) = &self.entry().name
            && name.value != live.name.raw()
        {
            let (file, cloud) = (escape(&name.value), live.name.shown());
            item.warnings.push(format!("the file calls it \"{file}\", the cloud \"{cloud}\""));
        }
        if let Some(block) = charge_type_block(&live.charge_type) {
            item.renew = self.lifetime().map(|_| Verdict::Blocked(block.clone()));
            item.set = self.entry().auto_renew.as_ref().map(|_| Verdict::Blocked(block));
            return item;
        }
        for lock in &live.locks {
            item.warnings.extend(lock_warning(lock));
        }
        item.renew = self.renew(live, &mut item.warnings);
        item.set = setting(self.entry(), live, self.now, item.renew.as_ref());
        self.hold_in_doubt(&mut item.set);
        item
    }

    /// While a charge is in doubt, nothing is set, even if no renewal is asked for any more: its effect
    /// may still come, also for an instance that seems to have expired.
    fn hold_in_doubt(&self, set: &mut Option<Verdict<Setting>>) {
        let Some(hold) = self.hold.filter(|hold| hold.code.is_doubt()) else { return };
        let waits = match set {
            Some(Verdict::Change(_)) => true,
            // It waits for the renewal, not for itself.
            Some(Verdict::Blocked(block)) => {
                !matches!(block.code, BlockCode::ChargeType | BlockCode::Unreadable)
            }
            _ => false,
        };
        if waits {
            *set = Some(Verdict::Held(hold.clone()));
        }
    }

    fn renew(&self, live: &LiveInstance, warnings: &mut Vec<String>) -> Option<Verdict<Renewal<()>>> {
        let (lifetime, asked) = self.lifetime()?;
        if self.now < live.expires_at - lifetime.duration() {
            return Some(Verdict::NoOp);
        }
        if let Some(block) = live.locks.iter().find_map(lock_block) {
            return Some(Verdict::Blocked(block));
        }
        let left = live.expires_at - self.now;
        if self.as_of && left <= -Duration::days(RELEASED_AFTER_DAYS) {
            return Some(Verdict::Blocked(gone(live)));
        }
        if let Err(why) = read_setting(live) {
            // Whether the platform renews it too is not known: wait for a reading, but not to the end.
            if !window::is_urgent(live, self.now) {
                return Some(Verdict::Blocked(unreadable(&why)));
            }
            warnings.push(format!(
                "its auto-renewal setting could not be read ({}), and little time is left",
                why.reason
            ));
        }
        let Some((term, expires_after)) = self.choose(live, lifetime, warnings) else {
            let text = format!(
                "no term between renew_period {} and max_term {} is on sale",
                self.entry().renew_period.term(),
                self.max_term
            );
            let hint = "raise limits.max_term, or lower renew_period".to_owned();
            return Some(Verdict::Blocked(Block { code: BlockCode::NoTerm, text, hint }));
        };
        let hold = self
            .hold
            .cloned()
            .or_else(|| window::midnight(self.now))
            .or_else(|| window::platform(live, self.now));
        if let Some(hold) = hold {
            return Some(Verdict::Held(hold));
        }
        if left <= Duration::zero() {
            let ago = show_span(left);
            warnings.push(format!(
                "it expired {ago} ago; its computing resources may already be gone (OperationDenied.NoStock)"
            ));
        }
        Some(Verdict::Change(Renewal {
            term,
            expires_before: live.expires_at,
            expires_after,
            price: (),
            reason: format!("{}, {lifetime} wanted", show_left(left)),
            place: asked.place.clone(),
        }))
    }

    /// The instant from which a renewal counts (reference 3.1). China: always the old expiry.
    /// International: an instance that was suspended after its expiry counts from the day of renewal.
    fn anchor(&self, live: &LiveInstance) -> DateTime<Utc> {
        let suspended = self.now >= live.expires_at && live.status != Status::Running;
        if self.entry().site == Site::International && suspended {
            return next_beijing_midnight(self.now).unwrap_or(live.expires_at);
        }
        live.expires_at
    }

    /// The shortest term that is on sale, is at least `renew_period` and at most `max_term`, and
    /// leaves the wanted lifetime and a day. If none reaches so far, one that reaches furthest, with a warning.
    fn choose(
        &self,
        live: &LiveInstance,
        lifetime: Lifetime,
        warnings: &mut Vec<String>,
    ) -> Option<(PurchaseTerm, DateTime<Utc>)> {
        let anchor = self.anchor(live);
        let least = self.entry().renew_period.term();
        let weeks_too = matches!(least, Term::Weeks(_));
        let (from, to) = (add_term(anchor, least)?, add_term(anchor, self.max_term)?);
        let mut terms: Vec<(DateTime<Utc>, bool, PurchaseTerm)> = PurchaseTerm::on_sale(self.entry().site)
            .into_iter()
            .map(|term| (matches!(term.term(), Term::Weeks(_)), term))
            .filter(|(weeks, _)| weeks_too || !weeks)
            .filter_map(|(weeks, term)| Some((add_term(anchor, term.term())?, weeks, term)))
            .filter(|(end, _, _)| (from..=to).contains(end))
            .collect();
        // At one end, months before weeks: only months can be quoted.
        terms.sort();
        let wanted = self.now + lifetime.duration() + Duration::hours(i64::from(MARGIN_HOURS));
        if let Some((end, _, term)) = terms.iter().find(|(end, _, _)| *end >= wanted) {
            return Some((*term, *end));
        }
        let furthest = terms.last()?.0;
        let (end, _, term) = terms.iter().find(|(end, _, _)| *end == furthest)?;
        let left = show_left(*end - self.now);
        warnings.push(format!("even {}, the longest term allowed, leads only to {left}", term.term()));
        Some((*term, *end))
    }
}

/// The verdict on the setting, beside the one on the renewal. An expired instance can be set only
/// after a renewal, and a mark against renewal has to go before it. While a renewal that is needed
/// cannot go out, auto-renewal may be all that keeps the instance: it is not switched off. While a
/// charge is in doubt, nothing is set.
pub(super) fn setting<P>(
    entry: &Entry,
    live: &LiveInstance,
    now: DateTime<Utc>,
    renew: Option<&Verdict<Renewal<P>>>,
) -> Option<Verdict<Setting>> {
    let renewing = matches!(renew, Some(Verdict::Change(_)));
    let wanted = setting_alone(entry, live, now, renewing)?;
    if let (Verdict::Blocked(Block { code: BlockCode::Expired, .. }), Some(Verdict::Held(hold))) =
        (&wanted, renew)
    {
        // It becomes possible with the renewal, which only waits.
        return Some(Verdict::Held(hold.clone()));
    }
    let Verdict::Change(setting) = &wanted else { return Some(wanted) };
    let ends = !matches!(setting.after, AutoRenew::Every(_));
    match renew {
        Some(Verdict::Held(hold)) if ends || hold.code.is_doubt() => Some(Verdict::Held(hold.clone())),
        Some(Verdict::Blocked(block)) if ends => Some(Verdict::Blocked(Block {
            text: format!("it waits for the renewal, which is blocked: {}", block.text),
            ..block.clone()
        })),
        _ => Some(wanted),
    }
}

fn setting_alone(
    entry: &Entry,
    live: &LiveInstance,
    now: DateTime<Utc>,
    renewing: bool,
) -> Option<Verdict<Setting>> {
    let asked = entry.auto_renew.as_ref();
    if let Some(block) = charge_type_block(&live.charge_type) {
        return asked.map(|_| Verdict::Blocked(block));
    }
    let before = match read_setting(live) {
        Ok(before) => before,
        Err(why) => return asked.map(|_| Verdict::Blocked(unreadable(&why))),
    };
    let Some(asked) = asked else {
        // The API asks for the mark to be taken off before a renewal (DescribeInstanceAutoRenewAttribute).
        let needed = renewing && before == LiveAutoRenew::Never;
        return needed.then(|| {
            let reason = "it is marked as not to be renewed, and a renewal needs that lifted".to_owned();
            let place = entry.min_remaining.as_ref().map_or(&entry.place, |asked| &asked.place).clone();
            Verdict::Change(Setting { before, after: AutoRenew::Off, reason, place })
        });
    };
    if LiveAutoRenew::from(asked.value) == before {
        return Some(Verdict::NoOp);
    }
    if now >= live.expires_at && !renewing {
        let text = "auto-renewal cannot be set after expiry".to_owned();
        let hint = "renew it first: ask for min_remaining, or renew it by hand".to_owned();
        return Some(Verdict::Blocked(Block { code: BlockCode::Expired, text, hint }));
    }
    let reason = format!("{before} now, {} wanted", asked.value);
    Some(Verdict::Change(Setting { before, after: asked.value, reason, place: asked.place.clone() }))
}

/// The setting as it was read. One that was not asked for is as unknown as one that could not be read.
fn read_setting(live: &LiveInstance) -> Result<LiveAutoRenew, Unreadable> {
    let not_asked = || Err(Unreadable::because("its setting was not asked for"));
    live.auto_renew.clone().unwrap_or_else(not_asked)
}

fn unreadable(why: &Unreadable) -> Block {
    let hint = why
        .hint
        .as_deref()
        .unwrap_or("run again; if it stays, look at every call with renewctl plan -v")
        .to_owned();
    Block { code: BlockCode::Unreadable, text: format!("it could not be read: {}", why.reason), hint }
}

/// By the charge type, never by the date: a pay-as-you-go instance has a sentinel for an expiry.
fn charge_type_block(charge_type: &ChargeType) -> Option<Block> {
    let text = match charge_type {
        ChargeType::Subscription => return None,
        ChargeType::PayAsYouGo => "it is pay-as-you-go, so there is nothing to renew".to_owned(),
        ChargeType::Other(word) => format!("its charge type is \"{}\", which is not known", word.shown()),
    };
    let hint = "take it out of the file, or convert it to a subscription first".to_owned();
    Some(Block { code: BlockCode::ChargeType, text, hint })
}

/// For a plan of a later moment: by then there would be nothing to renew.
fn gone(live: &LiveInstance) -> Block {
    let text = format!("by then it may have been released, {RELEASED_AFTER_DAYS} days after its expiry");
    let release = live.expires_at + Duration::days(RELEASED_AFTER_DAYS);
    let hint = format!("renew it before {}", show_beijing(release));
    Block { code: BlockCode::Expired, text, hint }
}

fn lock_block(lock: &Lock) -> Option<Block> {
    let (text, hint) = match lock {
        Lock::Security => {
            ("it is locked for security reasons", "have the lock lifted in the security centre")
        }
        Lock::Refunded => ("it was refunded", "take it out of the file"),
        Lock::DedicatedHostFinancial => {
            ("its dedicated host is in arrears", "renew the dedicated host first")
        }
        Lock::Financial | Lock::Recycling | Lock::Other(_) => return None,
    };
    Some(Block { code: BlockCode::Locked, text: text.to_owned(), hint: hint.to_owned() })
}

fn lock_warning(lock: &Lock) -> Option<String> {
    match lock {
        Lock::Recycling => Some("it is locked for recycling; a renewal may be refused".to_owned()),
        Lock::Other(word) => Some(format!("it has a lock that is not known: \"{}\"", word.shown())),
        _ => None,
    }
}
