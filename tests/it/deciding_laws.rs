//! Deciding, as laws: what must be so of every plan, whatever the fleet. Fleets are drawn at random,
//! over several files, regions and both sites, with everything that a reading can bring.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::select;
use renewctl::config::load;
use renewctl::desired::DesiredState;
use renewctl::ids::{InstanceId, RegionId};
use renewctl::live::{Answer, ChargeType, Live, LiveInstance, Lock, Quote, Status, Unreadable};
use renewctl::money::Totals;
use renewctl::plan::draft::{Holds, draft};
use renewctl::plan::price::{NoQuote, Quotes, price};
use renewctl::plan::step::{SET_BATCH, steps};
use renewctl::plan::{Hold, HoldCode, Item, Plan, PriceDecision, Verdict, VerdictKind};
use renewctl::term::{LiveAutoRenew, Term};
use renewctl::text::Untrusted;

use crate::support::time;

type Key = (RegionId, InstanceId);

/// One instance of a fleet: what its file says, what the cloud says, what the journal says.
#[derive(Clone, Debug)]
struct Member {
    file: usize,
    region: &'static str,
    auto_renew: &'static str,
    /// Hours; 0: absent; 1: `none`.
    least: u32,
    period: &'static str,
    answer: Reading,
    left_minutes: i64,
    setting: Option<LiveAutoRenew>,
    lock: Option<Lock>,
    charge_type: ChargeType,
    doubt: Option<HoldCode>,
    quoted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    Found,
    Absent,
    Unreadable,
}

/// Files, members and the moment.
#[derive(Clone, Debug)]
struct Fleet {
    /// Site, and whether unpriced renewals are allowed.
    files: Vec<(&'static str, bool)>,
    members: Vec<Member>,
    now: DateTime<Utc>,
}

fn any_setting() -> impl Strategy<Value = LiveAutoRenew> {
    prop_oneof![
        2 => Just(LiveAutoRenew::Off),
        1 => Just(LiveAutoRenew::Never),
        2 => select(vec![1u8, 2, 3, 4, 12, 60]).prop_map(|months| LiveAutoRenew::Every(Term::Months(months))),
        1 => (1u8..=4).prop_map(|weeks| LiveAutoRenew::Every(Term::Weeks(weeks))),
    ]
}

fn any_doubt() -> impl Strategy<Value = HoldCode> {
    select(vec![HoldCode::OutcomeUnknown, HoldCode::NotMoved, HoldCode::OlderReading])
}

fn any_lock() -> impl Strategy<Value = Lock> {
    select(vec![
        Lock::Financial,
        Lock::Security,
        Lock::Recycling,
        Lock::DedicatedHostFinancial,
        Lock::Refunded,
        Lock::Other(Untrusted::new("odd")),
    ])
}

/// Most members are whole and due, so that there is something to decide.
fn any_member() -> impl Strategy<Value = Member> {
    let wanted = (
        0usize..3,
        select(vec!["cn-beijing", "cn-shanghai", "eu-central-1"]),
        select(vec!["", "off", "1mo", "1y", "never"]),
        prop_oneof![Just(0u32), Just(1), 2u32..8_000, Just(360), Just(720)],
        select(vec!["1mo", "1mo", "2mo", "1y", "1w"]),
    );
    let live = (
        prop_oneof![8 => Just(Reading::Found), 1 => Just(Reading::Absent), 1 => Just(Reading::Unreadable)],
        prop_oneof![3 => -20_000i64..30_000, 1 => 30_000i64..600_000, 1 => 2_000i64..5_000],
        prop::option::weighted(0.9, any_setting()),
        prop::option::weighted(0.2, any_lock()),
        prop_oneof![
            9 => Just(ChargeType::Subscription),
            1 => Just(ChargeType::PayAsYouGo),
            1 => Just(ChargeType::Other(Untrusted::new("odd"))),
        ],
        prop::option::weighted(0.15, any_doubt()),
        prop::bool::weighted(0.85),
    );
    (wanted, live).prop_map(|((file, region, auto_renew, least, period), live)| {
        let (answer, left_minutes, setting, lock, charge_type, doubt, quoted) = live;
        let never = auto_renew == "never" || (auto_renew.is_empty() && least == 0);
        let least = if never { 1 } else { least };
        Member {
            file,
            region,
            auto_renew,
            least,
            period,
            answer,
            left_minutes,
            setting,
            lock,
            charge_type,
            doubt,
            quoted,
        }
    })
}

fn any_fleet() -> impl Strategy<Value = Fleet> {
    let file = (select(vec!["china", "international"]), any::<bool>());
    let members = prop::collection::vec(any_member(), 1..12);
    (prop::collection::vec(file, 3), members, 0i64..1_000_000).prop_map(|(files, members, minutes)| {
        let now = time("2026-01-01T00:00:00Z") + TimeDelta::minutes(minutes) + TimeDelta::seconds(17);
        Fleet { files, members, now }
    })
}

impl Fleet {
    fn key(&self, number: usize) -> Key {
        let region = RegionId::parse(self.members[number].region).unwrap();
        (region, InstanceId::parse(&format!("i-n{number}")).unwrap())
    }

    fn site(&self, number: usize) -> &'static str {
        self.files[self.members[number].file].0
    }

    /// The texts of the files that ask for anything, entries in the order of `order`.
    fn texts(&self, order: &[usize]) -> Vec<(Rc<str>, Vec<u8>)> {
        let mut texts = Vec::new();
        for (file, (site, unpriced)) in self.files.iter().enumerate() {
            let mut text =
                format!("version: 1\nsite: {site}\nlimits: {{ allow_unpriced: {unpriced} }}\ninstances:\n");
            let mine: Vec<usize> = order.iter().copied().filter(|n| self.members[*n].file == file).collect();
            for number in &mine {
                let member = &self.members[*number];
                write!(text, "  - {{ id: i-n{number}, region: {}", member.region).unwrap();
                if !member.auto_renew.is_empty() {
                    write!(text, ", auto_renew: {}", member.auto_renew).unwrap();
                }
                match member.least {
                    0 => {}
                    1 => text.push_str(", min_remaining: none"),
                    hours => {
                        let weeks = member.period == "1w" && *site == "international";
                        let period = if weeks { "1mo" } else { member.period };
                        write!(text, ", min_remaining: {hours}h, renew_period: {period}").unwrap();
                    }
                }
                text.push_str(" }\n");
            }
            if !mine.is_empty() {
                texts.push((format!("file-{file}.yaml").into(), text.into_bytes()));
            }
        }
        texts
    }

    fn desired(texts: &[(Rc<str>, Vec<u8>)]) -> DesiredState {
        let loaded = load(texts);
        loaded.config.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics)).into()
    }

    fn live_of(&self, number: usize) -> LiveInstance {
        let member = &self.members[number];
        let (region, id) = self.key(number);
        let expires_at = renewctl::calendar::to_minute(self.now) + TimeDelta::minutes(member.left_minutes);
        LiveInstance {
            id,
            name: Untrusted::new("name"),
            region,
            charge_type: member.charge_type.clone(),
            expires_at,
            status: if member.left_minutes <= 0 { Status::Stopped } else { Status::Running },
            locks: member.lock.iter().cloned().collect(),
            auto_renew: Some(member.setting.ok_or_else(|| Unreadable::because("no"))),
        }
    }

    fn live(&self) -> Live {
        let answer = |number: usize| match self.members[number].answer {
            Reading::Found => Answer::Found(Box::new(self.live_of(number))),
            Reading::Absent => Answer::Absent,
            Reading::Unreadable => Answer::Unreadable(Unreadable::because("no")),
        };
        let answers = (0..self.members.len()).map(|number| (self.key(number), answer(number))).collect();
        Live { read_at: self.now, answers }
    }

    fn holds(&self) -> Holds {
        let hold = |code| Hold { code, until: self.now + TimeDelta::minutes(30), text: "in doubt".into() };
        let of = |number: usize| Some((self.key(number), hold(self.members[number].doubt?)));
        (0..self.members.len()).filter_map(of).collect()
    }

    /// Prices differ by instance and term, so that a sum over the wrong ones shows.
    fn price(&self, desired: &DesiredState, live: &Live, now: DateTime<Utc>, holds: &Holds) -> Plan {
        let draft = draft(desired, live, now, holds);
        let mut quotes = Quotes::new();
        for ask in draft.quotes() {
            let number: usize = ask.id.as_str()[3..].parse().unwrap();
            let currency = if self.site(number) == "china" { "CNY" } else { "USD" };
            let amount = format!("{}.{:02} {currency}", 100 + number, ask.term.days_min() % 100);
            let quote = Quote { amount: amount.parse().unwrap(), list_amount: 999.into(), quoted_at: now };
            let quote = if self.members[number].quoted { Ok(quote) } else { Err(NoQuote::Unquotable) };
            quotes.insert(ask, quote);
        }
        price(desired, draft, &quotes).unwrap()
    }

    fn plan(&self) -> Plan {
        let order: Vec<usize> = (0..self.members.len()).collect();
        self.price(&Self::desired(&self.texts(&order)), &self.live(), self.now, &self.holds())
    }

    fn number(item: &Item<PriceDecision>) -> usize {
        item.id.as_str()[3..].parse().unwrap()
    }
}

/// What a plan decides of each instance, without the places in the files.
fn decisions(plan: &Plan) -> BTreeMap<Key, String> {
    let of = |item: &Item<PriceDecision>| {
        let renew = item.renew.as_ref().map(|verdict| match verdict {
            Verdict::Change(r) => format!("{} {} {:?} {}", r.term.term(), r.expires_after, r.price, r.reason),
            Verdict::Held(hold) => format!("{hold:?}"),
            Verdict::Blocked(block) => format!("{:?}", block.code),
            Verdict::NoOp => "no-op".to_owned(),
        });
        let set = item.set.as_ref().map(|verdict| match verdict {
            Verdict::Change(setting) => format!("{} {} {}", setting.before, setting.after, setting.reason),
            Verdict::Held(hold) => format!("{hold:?}"),
            Verdict::Blocked(block) => format!("{:?}", block.code),
            Verdict::NoOp => "no-op".to_owned(),
        });
        format!("{renew:?} {set:?} {:?} {:?} {:?}", item.at_risk, item.committed, item.warnings)
    };
    plan.items.iter().map(|item| ((item.region.clone(), item.id.clone()), of(item))).collect()
}

/// What the cloud would show after all changes of the plan were carried out.
fn carried_out(plan: &Plan, live: &Live) -> Live {
    let mut after = live.clone();
    for item in &plan.items {
        let Some(Answer::Found(instance)) = after.answers.get_mut(&(item.region.clone(), item.id.clone()))
        else {
            continue;
        };
        if let Some(renewal) = item.renewal() {
            instance.expires_at = renewal.expires_after;
            instance.status = Status::Running;
        }
        if let Some(setting) = item.setting() {
            instance.auto_renew = Some(Ok(setting.after.into()));
        }
    }
    after
}

/// Whether the longest term allowed was not enough, of which the plan warns.
fn falls_short(item: &Item<PriceDecision>) -> bool {
    item.warnings.iter().any(|warning| warning.contains("the longest term allowed"))
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(150))]

    /// Neither the order of entries, of files or of answers plays a part, nor who else is in the fleet.
    #[test]
    fn order_and_neighbours_do_not_matter(fleet in any_fleet(), seed in any::<u64>()) {
        let plan = fleet.plan();
        prop_assert_eq!(&fleet.plan(), &plan, "the same input gives the same plan");
        let mut order: Vec<usize> = (0..fleet.members.len()).collect();
        let turn = usize::try_from(seed % 97).unwrap() % order.len();
        order.rotate_left(turn);
        order.reverse();
        let mut texts = fleet.texts(&order);
        texts.reverse();
        let mut live = Live { read_at: fleet.now, answers: BTreeMap::new() };
        live.answers.extend(fleet.live().answers.into_iter().rev());
        let turned = fleet.price(&Fleet::desired(&texts), &live, fleet.now, &fleet.holds());
        prop_assert_eq!(decisions(&turned), decisions(&plan));
        prop_assert_eq!(&turned.id, &plan.id, "the name of a plan does not know the order");
        prop_assert_eq!((&turned.charge, &turned.committed), (&plan.charge, &plan.committed));
        let together = decisions(&plan);
        for number in 0..fleet.members.len() {
            let alone = fleet.price(&Fleet::desired(&fleet.texts(&[number])), &live, fleet.now, &fleet.holds());
            let key = fleet.key(number);
            prop_assert_eq!(decisions(&alone).remove(&key), together.get(&key).cloned());
        }
    }

    /// Every instance has one item and one verdict, in order, and the numbers add up.
    #[test]
    fn every_instance_has_one_verdict_and_the_numbers_add_up(fleet in any_fleet()) {
        let plan = fleet.plan();
        let keys: Vec<Key> = plan.items.iter().map(|item| (item.region.clone(), item.id.clone())).collect();
        let wanted: BTreeSet<Key> = (0..fleet.members.len()).map(|number| fleet.key(number)).collect();
        prop_assert_eq!(keys, wanted.into_iter().collect::<Vec<_>>(), "each once, sorted");
        let count = |kind| plan.items.iter().filter(|item| item.verdict() == kind).count();
        let sum = plan.summary();
        prop_assert_eq!((sum.noop, sum.held, sum.blocked),
            (count(VerdictKind::NoOp), count(VerdictKind::Held), count(VerdictKind::Blocked)));
        let changes = count(VerdictKind::Change);
        prop_assert_eq!(sum.noop + changes + sum.held + sum.blocked, plan.items.len());
        let settings = plan.items.iter().filter(|item| item.setting().is_some()).count();
        prop_assert_eq!(sum.set_auto_renew + sum.switch_off, settings);
        prop_assert_eq!(sum.renew, plan.items.iter().filter(|item| item.renewal().is_some()).count());
        prop_assert_eq!(plan.has_changes(), sum.renew + settings > 0);
        let clean = sum.noop == plan.items.len() && sum.at_risk == 0 && plan.complete;
        prop_assert_eq!(plan.is_clean(), clean);
        let whole = |member: &Member| match member.answer {
            Reading::Found => member.setting.is_some(),
            other => other == Reading::Absent,
        };
        prop_assert_eq!(plan.complete, fleet.members.iter().all(whole));
        for item in &plan.items {
            let member = &fleet.members[Fleet::number(item)];
            prop_assert_eq!(item.renew.is_some(), member.least > 1, "a verdict on what is asked for");
            prop_assert!(item.set.is_some() || member.auto_renew.is_empty());
            let holds = [item.renew.as_ref().and_then(held), item.set.as_ref().and_then(held)];
            for hold in holds.into_iter().flatten() {
                let day = fleet.now + TimeDelta::hours(24);
                prop_assert!(fleet.now < hold.until && hold.until <= day, "it ends");
            }
        }
    }

    /// Nothing is bought that must not be, nothing twice, and the total is the sum of the parts.
    #[test]
    fn what_is_bought_may_be_bought_once_and_is_counted(fleet in any_fleet()) {
        let plan = fleet.plan();
        let (mut charge, mut committed) = (Totals::default(), Totals::default());
        for item in &plan.items {
            let member = &fleet.members[Fleet::number(item)];
            let allowed = fleet.files[member.file].1;
            if let Some(renewal) = item.renewal() {
                prop_assert_eq!(member.answer, Reading::Found);
                prop_assert_eq!(&member.charge_type, &ChargeType::Subscription);
                let locked = [Lock::Security, Lock::Refunded, Lock::DedicatedHostFinancial];
                prop_assert!(member.lock.as_ref().is_none_or(|lock| !locked.contains(lock)));
                prop_assert_eq!(member.doubt, None);
                prop_assert!(member.quoted || allowed, "no price, no charge");
                prop_assert!(member.left_minutes <= i64::from(member.least) * 60, "it was needed");
                prop_assert!(renewal.expires_after > renewal.expires_before);
                let wanted = fleet.now + TimeDelta::hours(i64::from(member.least) + 24);
                prop_assert!(falls_short(item) || renewal.expires_after > wanted - TimeDelta::minutes(1));
                if let PriceDecision::Quoted(quote) = &renewal.price {
                    charge.add(&quote.amount).unwrap();
                }
            }
            let soon = item.committed.as_ref().filter(|committed| committed.counts);
            let known = soon.is_none_or(|soon| soon.amount.is_some());
            prop_assert!(known || allowed, "also what the platform takes");
            if let Some(amount) = soon.and_then(|soon| soon.amount.as_ref()) {
                committed.add(amount).unwrap();
            }
            prop_assert!(member.doubt.is_none() || item.setting().is_none(), "in doubt nothing is set");
        }
        prop_assert_eq!((&plan.charge, &plan.committed), (&charge, &committed));
        committed.amounts().for_each(|money| charge.add(&money).unwrap());
        prop_assert_eq!(plan.total(), charge);
        let steps = steps(&plan, renewctl::plan::step::Beyond::Caps);
        let charged: Vec<_> = steps.charges.iter().map(|step| (&step.region, &step.id)).collect();
        let bought = plan.items.iter().filter(|item| item.renewal().is_some());
        let planned: BTreeSet<_> = bought.map(|item| (&item.region, &item.id)).collect();
        prop_assert_eq!(charged.len(), planned.len(), "never two purchases for one instance");
        prop_assert_eq!(charged.into_iter().collect::<BTreeSet<_>>(), planned);
        prop_assert!(steps.charges.is_sorted_by_key(|step| step.expires_before), "soonest first");
        let mut set: BTreeMap<(&RegionId, &InstanceId), Vec<String>> = BTreeMap::new();
        for step in steps.first.iter().chain(&steps.last) {
            prop_assert!((1..=SET_BATCH).contains(&step.ids.len()));
            for id in &step.ids {
                set.entry((&step.region, id)).or_default().push(step.setting.to_string());
            }
        }
        for item in &plan.items {
            // The last value of the steps is the wanted one; before it there is at most a lifted mark.
            let values = set.remove(&(&item.region, &item.id)).unwrap_or_default();
            prop_assert_eq!(values.last().cloned(), item.setting().map(|setting| setting.after.to_string()));
            prop_assert!(values.len() <= 1 || values[..values.len() - 1] == ["off"]);
        }
        prop_assert!(set.is_empty());
    }

    /// Applying twice finds nothing to do: at once, and also tomorrow.
    #[test]
    fn a_plan_after_an_apply_is_empty(fleet in any_fleet()) {
        let order: Vec<usize> = (0..fleet.members.len()).collect();
        let (desired, live) = (Fleet::desired(&fleet.texts(&order)), fleet.live());
        let plan = fleet.price(&desired, &live, fleet.now, &fleet.holds());
        let after = carried_out(&plan, &live);
        let at_once = fleet.price(&desired, &after, fleet.now, &fleet.holds());
        let tomorrow = fleet.price(&desired, &after, fleet.now + TimeDelta::minutes(1439), &Holds::new());
        for ((item, at_once), tomorrow) in plan.items.iter().zip(&at_once.items).zip(&tomorrow.items) {
            if falls_short(item) {
                continue;
            }
            if item.renewal().is_some() {
                prop_assert!(matches!(at_once.renew, Some(Verdict::NoOp)), "at once");
                prop_assert!(matches!(tomorrow.renew, Some(Verdict::NoOp)), "tomorrow");
            }
            if item.setting().is_some() {
                prop_assert!(at_once.setting().is_none() && tomorrow.setting().is_none());
            }
            prop_assert_eq!(at_once.verdict() == VerdictKind::Change, false, "nothing new came up");
        }
    }
}

fn held<T>(verdict: &Verdict<T>) -> Option<&Hold> {
    if let Verdict::Held(hold) = verdict { Some(hold) } else { None }
}

proptest! {
    #![proptest_config(config(400))]

    /// Wanting more never buys less.
    #[test]
    fn raising_min_remaining_never_shortens_a_term(
        fleet in any_fleet(), low in 2u32..8_000, more in 0u32..4_000,
    ) {
        let due = |least: u32| {
            let mut fleet = fleet.clone();
            fleet.members.truncate(1);
            let member = &mut fleet.members[0];
            (member.least, member.answer) = (least, Reading::Found);
            if member.auto_renew == "never" {
                member.auto_renew = "off";
            }
            fleet.plan().items[0].renewal().map(|renewal| renewal.expires_after)
        };
        prop_assert!(due(low) <= due((low + more).min(8_700)), "never less, and never nothing");
    }
}
