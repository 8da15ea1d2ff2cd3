//! A plan as JSON for programs: typed structs, money and times as strings, arrays sorted by region
//! and id so that files diff well. `format_version` is major.minor; a minor version only adds.

mod report;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::diagnostic::Place;
use crate::ids::{AccountId, InstanceId, PlanId, RegionId};
use crate::live::{ChargeType, Quote};
use crate::money::{Totals, plain_amount};
use crate::plan::guard::exceeded;
use crate::plan::step::{Beyond, Condition, Steps, steps};
use crate::plan::{
    Committed, Item, Plan, PriceDecision, Renewal, Setting, Stopped, Summary, Verdict, VerdictKind,
};
use crate::term::{LiveAutoRenew, Term};
use crate::text::{Untrusted, escape_json};

pub use report::report;

/// Version of the form.
const FORMAT_VERSION: &str = "1.0";

/// `2026-12-02T16:00:00Z`.
fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The whole plan, pretty-printed and safe for a terminal, with a final line end. `world` is the name
/// of the account's world in the journal: a plan of the emulator must not look like a real one.
///
/// # Errors
/// If it cannot be encoded, which no plan brings about.
pub fn plan(plan: &Plan, world: &str) -> Result<String, serde_json::Error> {
    pretty(&view(plan, world))
}

/// A saved plan: the plan's JSON, and what it was decided from with its digest. `inputs` goes in as it is.
///
/// # Errors
/// If it cannot be encoded, which no plan brings about.
pub fn saved(
    plan: &Plan,
    world: &str,
    inputs: &RawValue,
    inputs_sha256: &str,
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct SavedView<'a> {
        #[serde(flatten)]
        plan: PlanView<'a>,
        inputs_sha256: &'a str,
        inputs: &'a RawValue,
    }
    pretty(&SavedView { plan: view(plan, world), inputs_sha256, inputs })
}

fn pretty<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    Ok(escape_json(&serde_json::to_string_pretty(value)?) + "\n")
}

/// The plan in the form of its JSON.
#[derive(Serialize)]
struct PlanView<'a> {
    format_version: &'static str,
    tool_version: &'static str,
    plan_id: &'a PlanId,
    world: &'a str,
    evaluated_at: String,
    read_at: String,
    /// The first instant at which a change would be another one, or could not be made.
    valid_until: Option<String>,
    /// Whether it can be carried out: it is for the moment of its reading, something is to do, and that is
    /// within the limits.
    applyable: bool,
    complete: bool,
    /// Empty: no file names an account, so that it was not asked.
    accounts: Vec<AccountView<'a>>,
    sources: Vec<SourceView<'a>>,
    limits: Vec<LimitsView<'a>>,
    summary: SummaryView,
    changes: Vec<ChangeView<'a>>,
    blocked: Vec<StopView<'a>>,
    held: Vec<StopView<'a>>,
    at_risk: Vec<RiskView<'a>>,
    steps: Vec<StepView>,
}

#[derive(Serialize)]
struct AccountView<'a> {
    uid: &'a AccountId,
    site: &'static str,
}

#[derive(Serialize)]
struct SourceView<'a> {
    path: &'a str,
    sha256: &'a str,
}

#[derive(Serialize)]
struct LimitsView<'a> {
    path: &'a str,
    max_charge: Option<AmountView>,
    max_renewals: Option<u32>,
    max_term: Term,
    max_auto_renew_off: u32,
    when_exceeded: &'static str,
    allow_unpriced: bool,
}

#[derive(Serialize)]
struct SummaryView {
    renew: usize,
    set_auto_renew: usize,
    switch_off: usize,
    noop: usize,
    blocked: usize,
    held: usize,
    at_risk: usize,
    /// Named ids only: what else is in the account was not read.
    unmanaged: Option<usize>,
    left_out: usize,
    deducted_anyway: usize,
    unpriced: usize,
    charge: Vec<AmountView>,
    committed: Vec<AmountView>,
}

#[derive(Serialize)]
struct AmountView {
    currency: String,
    amount: String,
}

#[derive(Serialize)]
struct StateView {
    expires_at: Option<String>,
    auto_renew: Option<String>,
}

#[derive(Serialize)]
struct ChargeView {
    term: Term,
    amount: Option<String>,
    list_amount: Option<String>,
    currency: Option<String>,
    quoted_at: Option<String>,
}

#[derive(Serialize)]
struct ReasonView<'a> {
    code: &'static str,
    text: String,
    source: &'a Place,
}

#[derive(Serialize)]
struct CommittedView {
    at: String,
    term: Term,
    amount: Option<AmountView>,
    counted: bool,
}

#[derive(Serialize)]
struct ChangeView<'a> {
    instance_id: &'a InstanceId,
    name: &'a Untrusted,
    region: &'a RegionId,
    verdict: &'static str,
    actions: Vec<&'static str>,
    before: StateView,
    after: StateView,
    charge: Option<ChargeView>,
    committed: Option<CommittedView>,
    reason: ReasonView<'a>,
    at_risk: bool,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct StopView<'a> {
    instance_id: &'a InstanceId,
    name: &'a Untrusted,
    region: &'a RegionId,
    action: &'static str,
    code: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    before: Option<StateView>,
    source: &'a Place,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct RiskView<'a> {
    instance_id: &'a InstanceId,
    name: &'a Untrusted,
    region: &'a RegionId,
    text: &'a str,
    expires_at: Option<String>,
    source: &'a Place,
}

#[derive(Serialize)]
struct StepView {
    action: &'static str,
    region: RegionId,
    instance_ids: Vec<InstanceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    term: Option<Term>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_renew: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'static str>,
}

fn view<'a>(plan: &'a Plan, world: &'a str) -> PlanView<'a> {
    let items = &plan.items;
    PlanView {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION"),
        plan_id: &plan.id,
        world,
        evaluated_at: time(plan.evaluated_at),
        read_at: time(plan.read_at),
        valid_until: plan.valid_until.map(time),
        applyable: plan.has_changes() && !plan.is_as_of() && exceeded(plan).is_empty(),
        complete: plan.complete,
        accounts: plan
            .accounts
            .iter()
            .map(|account| AccountView { uid: &account.uid, site: account.site.as_str() })
            .collect(),
        sources: plan
            .files
            .iter()
            .map(|file| SourceView { path: &file.path, sha256: &file.sha256 })
            .collect(),
        limits: plan.files.iter().map(limits).collect(),
        summary: summary(plan, plan.summary()),
        changes: items.iter().filter_map(change).collect(),
        blocked: items.iter().flat_map(|item| stops(item, VerdictKind::Blocked)).collect(),
        held: items.iter().flat_map(|item| stops(item, VerdictKind::Held)).collect(),
        at_risk: items.iter().filter_map(risk).collect(),
        steps: step_views(&steps(plan, Beyond::Caps)),
    }
}

fn limits(file: &crate::desired::DesiredFile) -> LimitsView<'_> {
    let limits = &file.limits;
    LimitsView {
        path: &file.path,
        max_charge: limits.max_charge.as_ref().map(|cap| amount(&cap.value)),
        max_renewals: limits.max_renewals.as_ref().map(|cap| cap.value),
        max_term: limits.max_term,
        max_auto_renew_off: limits.max_auto_renew_off,
        when_exceeded: limits.when_exceeded.as_str(),
        allow_unpriced: limits.allow_unpriced,
    }
}

fn amount(money: &crate::money::Money) -> AmountView {
    AmountView { currency: money.currency.to_string(), amount: plain_amount(money.amount) }
}

fn amounts(totals: &Totals) -> Vec<AmountView> {
    totals.amounts().map(|money| amount(&money)).collect()
}

fn summary(plan: &Plan, sum: Summary) -> SummaryView {
    SummaryView {
        renew: sum.renew,
        set_auto_renew: sum.set_auto_renew,
        switch_off: sum.switch_off,
        noop: sum.noop,
        blocked: sum.blocked,
        held: sum.held,
        at_risk: sum.at_risk,
        unmanaged: None,
        left_out: plan.left_out,
        deducted_anyway: plan.deducted_anyway,
        unpriced: sum.unpriced,
        charge: amounts(&plan.charge),
        committed: amounts(&plan.committed),
    }
}

fn before(item: &Item<PriceDecision>) -> Option<StateView> {
    let live = item.live.as_ref()?;
    let expires_at = (live.charge_type == ChargeType::Subscription).then(|| time(live.expires_at));
    let auto_renew = match &live.auto_renew {
        Some(Ok(setting)) => Some(setting.to_string()),
        _ => None,
    };
    Some(StateView { expires_at, auto_renew })
}

fn change(item: &Item<PriceDecision>) -> Option<ChangeView<'_>> {
    let (renewal, setting) = (item.renewal(), item.setting());
    let reason = match (renewal, setting) {
        (Some(Renewal { reason, place, .. }), _) => {
            ReasonView { code: "min-remaining", text: reason.clone(), source: place }
        }
        (None, Some(Setting { reason, place, .. })) => {
            ReasonView { code: "auto-renew", text: reason.clone(), source: place }
        }
        (None, None) => return None,
    };
    let before = before(item)?;
    let after = StateView {
        expires_at: renewal.map(|r| time(r.expires_after)).or_else(|| before.expires_at.clone()),
        auto_renew: setting
            .map(|s| LiveAutoRenew::from(s.after).to_string())
            .or_else(|| before.auto_renew.clone()),
    };
    let actions = [renewal.map(|_| "renew"), setting.map(|_| "set")];
    Some(ChangeView {
        instance_id: &item.id,
        name: &item.name,
        region: &item.region,
        verdict: item.verdict().as_str(),
        actions: actions.into_iter().flatten().collect(),
        before,
        after,
        charge: renewal.map(charge),
        committed: item.committed.as_ref().map(committed),
        reason,
        at_risk: item.at_risk.is_some(),
        warnings: &item.warnings,
    })
}

fn charge(renewal: &Renewal<PriceDecision>) -> ChargeView {
    let quote: Option<&Quote> = match &renewal.price {
        PriceDecision::Quoted(quote) => Some(quote),
        PriceDecision::Unpriced => None,
    };
    ChargeView {
        term: renewal.term.term(),
        amount: quote.map(|quote| plain_amount(quote.amount.amount)),
        list_amount: quote.map(|quote| plain_amount(quote.list_amount)),
        currency: quote.map(|quote| quote.amount.currency.to_string()),
        quoted_at: quote.map(|quote| time(quote.quoted_at)),
    }
}

fn committed(committed: &Committed) -> CommittedView {
    CommittedView {
        at: time(committed.at),
        term: committed.term,
        amount: committed.amount.as_ref().map(amount),
        counted: committed.counts,
    }
}

/// The actions of an instance that have the verdict `kind`.
fn stops(item: &Item<PriceDecision>, kind: VerdictKind) -> Vec<StopView<'_>> {
    let renew = item.renew.as_ref().and_then(Verdict::stopped).map(|stopped| ("renew", stopped));
    let set = item.set.as_ref().and_then(Verdict::stopped).map(|stopped| ("set", stopped));
    let of_kind = [renew, set].into_iter().flatten().filter(|(_, stopped)| stopped.kind == kind);
    of_kind.map(|(action, stopped)| stop(item, action, stopped)).collect()
}

fn stop<'a>(item: &'a Item<PriceDecision>, action: &'static str, stopped: Stopped<'a>) -> StopView<'a> {
    StopView {
        instance_id: &item.id,
        name: &item.name,
        region: &item.region,
        action,
        code: stopped.code,
        text: stopped.why,
        hint: stopped.hint,
        until: stopped.until.map(time),
        before: before(item),
        source: &item.place,
        warnings: &item.warnings,
    }
}

fn risk(item: &Item<PriceDecision>) -> Option<RiskView<'_>> {
    Some(RiskView {
        instance_id: &item.id,
        name: &item.name,
        region: &item.region,
        text: item.at_risk.as_ref()?,
        expires_at: item.live.as_ref().map(|live| time(live.expires_at)),
        source: &item.place,
    })
}

fn step_views(steps: &Steps) -> Vec<StepView> {
    let set = |step: &crate::plan::step::SetStep| StepView {
        action: "set",
        region: step.region.clone(),
        instance_ids: step.ids.clone(),
        term: None,
        auto_renew: Some(step.setting.to_string()),
        condition: match step.condition {
            Condition::None => None,
            Condition::NotInDoubt => Some("charge-not-in-doubt"),
            Condition::Settled | Condition::Budgeted(_) => Some("charge-settled"),
        },
    };
    let charges = steps.charges.iter().map(|step| StepView {
        action: "renew",
        region: step.region.clone(),
        instance_ids: vec![step.id.clone()],
        term: Some(step.term.term()),
        auto_renew: None,
        condition: None,
    });
    steps.first.iter().map(set).chain(charges).chain(steps.last.iter().map(set)).collect()
}
