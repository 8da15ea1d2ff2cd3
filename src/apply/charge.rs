//! Sending charges: fresh reading, price, hours, intent, call, outcome. In this order, always.
//!
//! A charge leaves here either with a result, or as a [`Sent`] one that only a later reading can
//! settle. This file never sends twice under two tokens. What has to hold before the first send has
//! to hold before every resend too: [`Check`] is asked each time.

use std::cell::{Cell, RefCell};

use chrono::{DateTime, NaiveDate, Utc};

use super::interrupt::INTERRUPTED;
use super::{ChargeResult, Deeds, Progress, Stop, key};
use crate::calendar::{beijing_date, show_beijing};
use crate::cloud::{CallError, Gate, ReadId, RenewOrder};
use crate::ids::{ClientToken, InstanceId, RegionId};
use crate::journal::{ChargeIntent, ChargeOutcome, Record, fold::is_settled};
use crate::live::{Answer, Live, LiveInstance, Quote, are_same_locks};
use crate::plan::outcome::ChargeReport;
use crate::plan::step::ChargeStep;
use crate::plan::{PriceDecision, token, window};
use crate::ports::LocalFuture;
use crate::retry::Class;
use crate::term::Term;

/// No charge on a reading older than this.
const READING_AGE_S_MAX: i64 = 60;
/// No charge so long after its line in the journal: from there its hold counts, which has to outlast the effect.
const INTENT_AGE_MINUTES_MAX: i64 = 5;
/// A quote older than this is asked again.
const QUOTE_AGE_MINUTES_MAX: i64 = 15;
/// After so many failed readings in a row no further charge is tried: nothing can be checked.
const READ_FAILURES_MAX: usize = 3;

/// A charge that was sent and whose effect has to show.
pub(super) struct Sent {
    pub(super) step: ChargeStep,
    pub(super) token: ClientToken,
    /// The order, if the cloud acknowledged it.
    pub(super) order_id: Option<String>,
    /// What is known, if it did not.
    pub(super) doubt: Option<String>,
    /// Ours was certainly not made, but another order for the instance may exist.
    pub(super) foreign: bool,
    /// When the answer came, by the cloud's clock: the journal's hold counts from there.
    pub(super) at: DateTime<Utc>,
}

/// Sends the charges of one wave, one after the other.
pub(super) async fn send_all(wave: &[ChargeStep], deeds: &Deeds<'_>, progress: &mut Progress) -> Vec<Sent> {
    let mut sent = Vec::new();
    let mut reading: Option<Live> = None;
    for (index, step) in wave.iter().enumerate() {
        progress.heed(deeds);
        if let Some(why) = progress.charges_stopped() {
            let why = why.to_owned();
            halt(progress, step, &why);
            continue;
        }
        let rest = wave.get(index..).unwrap_or_default();
        refresh(&mut reading, rest, deeds, progress).await;
        if progress.charges_stopped().is_none() {
            let price = deeds.unless_interrupted(check_price(step, deeds)).await;
            if let Some(Err(why)) = price {
                record(progress, step, ChargeResult::NotTried { why });
                continue;
            }
            progress.heed(deeds);
            // Asking a price may take long.
            refresh(&mut reading, rest, deeds, progress).await;
        }
        // A signal may have come with the very last answer.
        progress.heed(deeds);
        if let Some(why) = progress.charges_stopped() {
            let why = why.to_owned();
            halt(progress, step, &why);
            continue;
        }
        let Some(live) = reading.clone() else {
            let why = "it could not be read just before the charge".to_owned();
            record(progress, step, ChargeResult::NotTried { why });
            continue;
        };
        match compare(step, &live, deeds.cloud.server_now()) {
            Reading::Same => match send_one(step, live, deeds, progress).await {
                Attempt::Sent(charge) => sent.push(*charge),
                Attempt::Ended(result) => record(progress, step, result),
            },
            Reading::Reached(expires_at) => record(progress, step, ChargeResult::Satisfied { expires_at }),
            Reading::Differs(why) => record(progress, step, ChargeResult::NotTried { why }),
        }
    }
    sent
}

/// Notes that a charge is not tried, because an earlier one stopped them all.
fn halt(progress: &mut Progress, step: &ChargeStep, why: &str) {
    progress.halted.insert(key(step));
    let why = format!("the run was stopped: {why}");
    record(progress, step, ChargeResult::NotTried { why });
}

fn record(progress: &mut Progress, step: &ChargeStep, result: ChargeResult) {
    let report = ChargeReport { term: step.term, price: step.price.clone(), result };
    progress.outcome.charges.insert(key(step), report);
}

fn is_fresh(live: &Live, deeds: &Deeds<'_>) -> bool {
    (deeds.cloud.server_now() - live.read_at).num_seconds().abs() < READING_AGE_S_MAX
}

/// Reads instances with their settings: both decide whether a charge may go.
pub(super) async fn read(steps: &[ChargeStep], deeds: &Deeds<'_>) -> Result<Live, CallError> {
    let ids: Vec<ReadId> = steps
        .iter()
        .map(|step| ReadId { region: step.region.clone(), id: step.id.clone(), auto_renew: true })
        .collect();
    deeds.cloud.read(&ids, &|_, _| ()).await
}

/// Reads again what is too old; wrong credentials stop everything, and a cloud that cannot be read
/// stops the charges.
async fn refresh(
    reading: &mut Option<Live>,
    steps: &[ChargeStep],
    deeds: &Deeds<'_>,
    progress: &mut Progress,
) {
    if reading.as_ref().is_some_and(|live| is_fresh(live, deeds)) {
        return;
    }
    let Some(read) = deeds.unless_interrupted(read(steps, deeds)).await else {
        progress.heed(deeds);
        *reading = None;
        return;
    };
    *reading = match read {
        Ok(live) => {
            let nothing = live.answers.values().all(|answer| matches!(answer, Answer::Unreadable(_)));
            progress.read_failures = if nothing { progress.read_failures + 1 } else { 0 };
            if progress.read_failures >= READ_FAILURES_MAX {
                progress.stop(Stop::Charges("the cloud cannot be read".to_owned()));
            }
            Some(live)
        }
        Err(error) => {
            progress.stop(Stop::Everything(error.text()));
            None
        }
    };
}

/// What a reading says of a planned charge.
enum Reading {
    /// All is as planned, and the hour is right.
    Same,
    /// The planned expiry, or a later one, is already there.
    Reached(DateTime<Utc>),
    /// Something else than planned, or not now.
    Differs(String),
}

fn compare(step: &ChargeStep, live: &Live, now: DateTime<Utc>) -> Reading {
    let instance = match live.answers.get(&key(step)) {
        Some(Answer::Found(instance)) => instance,
        Some(Answer::Unreadable(why)) => {
            return Reading::Differs(format!("it could not be read again: {}", why.reason));
        }
        Some(Answer::Absent) | None => {
            return Reading::Differs("it changed: it is no longer there".to_owned());
        }
    };
    let seen = instance.expires_at;
    if instance.charge_type != step.charge_type {
        return Reading::Differs("it changed: its charge type is another one now".to_owned());
    }
    if seen >= step.expires_after || (seen != step.expires_before && is_settled(step.expires_after, seen)) {
        return Reading::Reached(seen);
    }
    if seen != step.expires_before {
        return Reading::Differs(format!("it changed: it expires {} now; plan again", show_beijing(seen)));
    }
    if !are_same_locks(&instance.locks, &step.locks) {
        return Reading::Differs("it changed: its locks are others now; plan again".to_owned());
    }
    waiting(instance, now).map_or(Reading::Same, Reading::Differs)
}

/// Why the charge has to wait at this moment, by the same rules as in the plan.
fn waiting(instance: &LiveInstance, now: DateTime<Utc>) -> Option<String> {
    if let Some(Err(why)) = &instance.auto_renew
        && !window::is_urgent(instance, now)
    {
        return Some(format!("its auto-renewal setting could not be read again: {}", why.reason));
    }
    let hold = window::midnight(now).or_else(|| window::platform(instance, now))?;
    Some(format!("{}; it can be sent from {}", hold.text, show_beijing(hold.until)))
}

enum Attempt {
    Sent(Box<Sent>),
    Ended(ChargeResult),
}

async fn send_one(step: &ChargeStep, live: Live, deeds: &Deeds<'_>, progress: &mut Progress) -> Attempt {
    let now = deeds.cloud.server_now();
    let token = token::derive(&step.region, &step.id, step.expires_before, now);
    // Durable before anything is sent: a run that is cut off after this line is noticed.
    if let Err(error) = announce(step, &token, now, deeds) {
        progress.stop_without_journal(deeds, &error);
        let why = "the journal cannot be written".to_owned();
        return Attempt::Ended(ChargeResult::NotTried { why });
    }
    let day = beijing_date(now);
    let ended = match still(step, &live, day, now, deeds).await {
        Reading::Same => None,
        Reading::Reached(at) => {
            Some(("it is renewed already".to_owned(), ChargeResult::Satisfied { expires_at: at }))
        }
        Reading::Differs(why) => Some((why.clone(), ChargeResult::NotTried { why })),
    };
    if let Some((error, result)) = ended {
        journal_outcome(step, &token, ChargeOutcome::NotMade { error }, deeds, progress);
        return Attempt::Ended(result);
    }
    let (reading, closed) = (RefCell::new(Some(live)), RefCell::new(None));
    let check = Check { step, token: &token, deeds, day, reading, may_have_acted: Cell::new(false), closed };
    let order = RenewOrder { region: &step.region, id: &step.id, term: step.term, token: &token };
    progress.sent = true;
    let Some(answer) = deeds.finish(deeds.cloud.renew(&order, &check)).await else {
        progress.heed(deeds);
        let why = format!("{INTERRUPTED} before its answer came");
        journal_outcome(
            step,
            &token,
            ChargeOutcome::Unknown { error: why.clone(), foreign: false },
            deeds,
            progress,
        );
        return Attempt::Sent(Box::new(Sent { doubt: Some(why), ..Sent::new(step, token, deeds) }));
    };
    write_outcome(step, &token, &answer, deeds, progress);
    match answer {
        Ok(receipt) => {
            let order_id = Some(receipt.order_id);
            Attempt::Sent(Box::new(Sent { order_id, ..Sent::new(step, token, deeds) }))
        }
        Err(error) => {
            let why = error.text();
            match error.class {
                Class::Stop => progress.stop(Stop::Charges(why.clone())),
                Class::Credentials => progress.stop(Stop::Everything(why.clone())),
                _ => {}
            }
            let closed = check.closed.into_inner();
            if is_unknown(&error) {
                let foreign = !error.maybe_done;
                let why = match closed {
                    Some(Reading::Differs(because)) => format!("{why}; not sent again: {because}"),
                    _ => why,
                };
                let sent = Sent { doubt: Some(why), foreign, ..Sent::new(step, token, deeds) };
                return Attempt::Sent(Box::new(sent));
            }
            // Nothing was sent, because waiting for a key took so long that something else is so by now.
            if error.attempts == 0 && !matches!(closed, Some(Reading::Reached(_))) {
                let why = match closed {
                    Some(Reading::Differs(because)) => because,
                    _ => error.advice(),
                };
                return Attempt::Ended(ChargeResult::NotTried { why });
            }
            Attempt::Ended(match closed {
                Some(Reading::Reached(expires_at)) => ChargeResult::Satisfied { expires_at },
                Some(Reading::Differs(because)) => {
                    ChargeResult::Failed { why: format!("{why}; not sent again: {because}") }
                }
                Some(Reading::Same) | None => ChargeResult::Failed { why: error.advice() },
            })
        }
    }
}

/// Writes a charge into the journal, before it is sent for the first time and before every time again: from
/// the last of these lines its hold counts, if the run is cut off.
fn announce(
    step: &ChargeStep,
    token: &ClientToken,
    now: DateTime<Utc>,
    deeds: &Deeds<'_>,
) -> std::io::Result<()> {
    let intent = ChargeIntent {
        region: step.region.clone(),
        id: step.id.clone(),
        expires_before: step.expires_before,
        expires_after: step.expires_after,
        term: step.term.term(),
        token: token.clone(),
        price: price_text(&step.price),
    };
    deeds.journal.write(now, Record::ChargeIntent(intent))
}

/// Why nothing is sent any more, whatever the reading says: a signal, or another day.
async fn over(day: NaiveDate, deeds: &Deeds<'_>) -> Option<Reading> {
    if deeds.was_interrupted().await {
        return Some(Reading::Differs(INTERRUPTED.to_owned()));
    }
    let is_today = beijing_date(deeds.cloud.server_now()) == day;
    let next = || Reading::Differs("a new day has begun in Beijing, and with it a new token".to_owned());
    (!is_today).then(next)
}

/// Whether a charge can be sent at this very moment, for the first time or again: before any signal, on a
/// reading of the last minute, on the day of its token, soon after it was announced, and as planned. Each of these
/// may have changed while something else was waited for: the journal's disk, an answer, a throttled reading.
async fn still(
    step: &ChargeStep,
    live: &Live,
    day: NaiveDate,
    announced: DateTime<Utc>,
    deeds: &Deeds<'_>,
) -> Reading {
    if let Some(over) = over(day, deeds).await {
        return over;
    }
    let now = deeds.cloud.server_now();
    if !is_fresh(live, deeds) {
        return Reading::Differs("it took so long that the reading before it is too old".to_owned());
    }
    if (now - announced).num_minutes().abs() >= INTENT_AGE_MINUTES_MAX {
        return Reading::Differs("it took so long that its line in the journal is too old".to_owned());
    }
    compare(step, live, now)
}

/// Whether the instance may have been charged for all the same: by this call, or by another order,
/// when the token is held by other parameters or an order is said to be in progress.
fn is_unknown(error: &CallError) -> bool {
    error.maybe_done || matches!(error.class, Class::Claimed | Class::Busy { .. })
}

impl Sent {
    fn new(step: &ChargeStep, token: ClientToken, deeds: &Deeds<'_>) -> Self {
        let at = deeds.cloud.server_now();
        Self { step: step.clone(), token, order_id: None, doubt: None, foreign: false, at }
    }
}

/// What has to hold before a resend: the same day, because the token is of that day; a reading of the
/// last minute that is as planned; and an hour in which charges go out. Unless the cloud certainly did
/// not act on any request so far, the reading has to be a new one.
struct Check<'a> {
    step: &'a ChargeStep,
    token: &'a ClientToken,
    deeds: &'a Deeds<'a>,
    day: NaiveDate,
    reading: RefCell<Option<Live>>,
    /// An answer, not only the last one, left open whether the cloud has acted.
    may_have_acted: Cell<bool>,
    /// Why the last answer was no.
    closed: RefCell<Option<Reading>>,
}

impl Gate for Check<'_> {
    fn closes(&self) -> LocalFuture<'_, ()> {
        Box::pin(async {
            self.deeds.interrupts.arrived(1).await;
        })
    }

    fn may_resend(&self, class: Class) -> LocalFuture<'_, bool> {
        Box::pin(async move {
            let verdict = self.verdict(class).await;
            let open = matches!(verdict, Reading::Same);
            self.closed.replace(Some(verdict));
            open
        })
    }
}

impl Check<'_> {
    /// A signal closes the gate also while it reads: whoever asked the run to end must not be charged by an
    /// attempt that had not begun.
    async fn verdict(&self, class: Class) -> Reading {
        if !certainly_did_nothing(class) {
            self.may_have_acted.set(true);
        }
        if let Some(over) = over(self.day, self.deeds).await {
            return over;
        }
        // Before the reading, so that no disk lies between that and the sending.
        let announced = self.deeds.cloud.server_now();
        if let Err(error) = announce(self.step, self.token, announced, self.deeds) {
            return Reading::Differs(format!("the journal cannot be written ({error})"));
        }
        let known = self.reading.take();
        let known = known.filter(|live| !self.may_have_acted.get() && is_fresh(live, self.deeds));
        let live = match known {
            Some(live) => live,
            None => {
                match self.deeds.unless_interrupted(read(std::slice::from_ref(self.step), self.deeds)).await {
                    Some(Ok(live)) => live,
                    Some(Err(error)) => return Reading::Differs(error.text()),
                    None => return Reading::Differs(INTERRUPTED.to_owned()),
                }
            }
        };
        let verdict = still(self.step, &live, self.day, announced, self.deeds).await;
        self.reading.replace(Some(live));
        verdict
    }
}

/// Whether the cloud did not act on a request that was answered so: then the reading before it can stand for
/// a new one. After a lost answer, or one of an order in progress, everything may have changed.
fn certainly_did_nothing(class: Class) -> bool {
    matches!(class, Class::Retry { throttled: true } | Class::Resign | Class::Credentials)
}

fn price_text(price: &PriceDecision) -> Option<String> {
    if let PriceDecision::Quoted(quote) = price { Some(quote.amount.to_string()) } else { None }
}

/// Dearer than planned, or no longer quoted, is not what was approved.
async fn check_price(step: &ChargeStep, deeds: &Deeds<'_>) -> Result<(), String> {
    let PriceDecision::Quoted(planned) = &step.price else { return Ok(()) };
    still_costs(&step.region, &step.id, step.term.term(), planned, deeds).await
}

/// Asks an old quote again.
pub(super) async fn still_costs(
    region: &RegionId,
    id: &InstanceId,
    term: Term,
    planned: &Quote,
    deeds: &Deeds<'_>,
) -> Result<(), String> {
    if (deeds.cloud.server_now() - planned.quoted_at).num_minutes().abs() < QUOTE_AGE_MINUTES_MAX {
        return Ok(());
    }
    let quote = deeds.cloud.quote(region, id, term).await;
    let quote = quote.map_err(|error| format!("its price could not be asked again: {error}"))?;
    let same_currency = quote.amount.currency == planned.amount.currency;
    if same_currency && quote.amount.amount <= planned.amount.amount {
        return Ok(());
    }
    Err(format!("it changed: it costs {} now, planned was {}", quote.amount, planned.amount))
}

fn write_outcome(
    step: &ChargeStep,
    token: &ClientToken,
    answer: &Result<crate::cloud::Receipt, CallError>,
    deeds: &Deeds<'_>,
    progress: &mut Progress,
) {
    let outcome = match answer {
        Ok(receipt) => ChargeOutcome::Acknowledged {
            order_id: receipt.order_id.clone(),
            request_id: receipt.request_id.clone(),
        },
        Err(error) if is_unknown(error) => {
            ChargeOutcome::Unknown { error: error.text(), foreign: !error.maybe_done }
        }
        Err(error) => ChargeOutcome::NotMade { error: error.text() },
    };
    journal_outcome(step, token, outcome, deeds, progress);
}

fn journal_outcome(
    step: &ChargeStep,
    token: &ClientToken,
    outcome: ChargeOutcome,
    deeds: &Deeds<'_>,
    progress: &mut Progress,
) {
    let (region, id, token) = (step.region.clone(), step.id.clone(), token.clone());
    let record = Record::ChargeOutcome { region, id, token, outcome };
    if let Err(error) = deeds.journal.write(deeds.cloud.server_now(), record) {
        progress.stop_without_journal(deeds, &error);
    }
}
