//! Sending charges: fresh reading, midnight, price, intent, call, outcome. In this order, always.
//!
//! A charge leaves here either with a result, or as a [`Sent`] one that only a later reading can
//! settle. This file never sends twice under two tokens.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{ChargeResult, Deeds, Progress, Stop, journal_failed, key};
use crate::calendar::{next_beijing_midnight, show_beijing};
use crate::cloud::{CallError, ReadId, RenewOrder};
use crate::ids::ClientToken;
use crate::journal::{ChargeIntent, ChargeOutcome, Record, fold::is_settled};
use crate::live::{Answer, Live};
use crate::plan::outcome::ChargeReport;
use crate::plan::step::ChargeStep;
use crate::plan::{PriceDecision, token, window};
use crate::retry::Class;

/// No charge on a reading older than this.
const READING_AGE_S_MAX: i64 = 60;
/// A quote older than this is asked again.
const QUOTE_AGE_MINUTES_MAX: i64 = 15;
/// How often a charge is sent again, under its token, while the cloud says that an earlier order or
/// request is in progress.
const BUSY_RESENDS_MAX: u32 = 6;
/// The wait before that. The official sample allows ten seconds for an order to take effect.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// A charge that was sent and whose effect has to show.
pub(super) struct Sent {
    pub(super) step: ChargeStep,
    pub(super) token: ClientToken,
    /// The order, if the cloud acknowledged it.
    pub(super) order_id: Option<String>,
    /// What is known, if it did not.
    pub(super) doubt: Option<String>,
}

/// Sends the charges of one wave, one after the other.
pub(super) async fn send_all(wave: &[ChargeStep], deeds: &Deeds<'_>, progress: &mut Progress) -> Vec<Sent> {
    let mut sent = Vec::new();
    let mut reading: Option<Live> = None;
    for (index, step) in wave.iter().enumerate() {
        if let Some(why) = progress.charges_stopped() {
            let why = format!("the run was stopped: {why}");
            record(progress, step, ChargeResult::NotTried { why });
            continue;
        }
        if !is_fresh(reading.as_ref(), deeds) {
            reading = read(wave.get(index..).unwrap_or_default(), deeds).await;
        }
        let verdict = match &reading {
            Some(live) => compare(step, live),
            None => Reading::Differs("it could not be read just before the charge".to_owned()),
        };
        match verdict {
            Reading::Same => match send_one(step, deeds, progress).await {
                Attempt::Sent(charge) => sent.push(*charge),
                Attempt::Ended(result) => record(progress, step, result),
            },
            Reading::Reached(expires_at) => record(progress, step, ChargeResult::Satisfied { expires_at }),
            Reading::Differs(why) => record(progress, step, ChargeResult::NotTried { why }),
        }
    }
    sent
}

pub(super) fn record(progress: &mut Progress, step: &ChargeStep, result: ChargeResult) {
    let report = ChargeReport { term: step.term, price: step.price.clone(), result };
    progress.outcome.charges.insert(key(step), report);
}

fn is_fresh(reading: Option<&Live>, deeds: &Deeds<'_>) -> bool {
    reading
        .is_some_and(|live| (deeds.cloud.server_now() - live.read_at).num_seconds().abs() < READING_AGE_S_MAX)
}

pub(super) async fn read(steps: &[ChargeStep], deeds: &Deeds<'_>) -> Option<Live> {
    let ids: Vec<ReadId> = steps
        .iter()
        .map(|step| ReadId { region: step.region.clone(), id: step.id.clone(), auto_renew: false })
        .collect();
    deeds.cloud.read(&ids, &|_, _| ()).await.ok()
}

/// What a reading says of a planned charge.
enum Reading {
    /// All is as planned.
    Same,
    /// The planned expiry, or a later one, is already there.
    Reached(DateTime<Utc>),
    /// Something else than planned.
    Differs(String),
}

fn compare(step: &ChargeStep, live: &Live) -> Reading {
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
    if instance.locks != step.locks {
        return Reading::Differs("it changed: its locks are others now; plan again".to_owned());
    }
    Reading::Same
}

enum Attempt {
    Sent(Box<Sent>),
    Ended(ChargeResult),
}

fn not_tried(why: impl Into<String>) -> Attempt {
    Attempt::Ended(ChargeResult::NotTried { why: why.into() })
}

async fn send_one(step: &ChargeStep, deeds: &Deeds<'_>, progress: &mut Progress) -> Attempt {
    if let Err(why) = check_price(step, deeds).await {
        return not_tried(why);
    }
    let now = deeds.cloud.server_now();
    if let Some(hold) = window::midnight(now) {
        return not_tried(format!("{}; it can be sent from {}", hold.text, show_beijing(hold.until)));
    }
    let Some(resend_until) = next_beijing_midnight(now) else { return not_tried("the calendar ends here") };
    let token = token::derive(&step.region, &step.id, step.expires_before, now);
    let intent = ChargeIntent {
        region: step.region.clone(),
        id: step.id.clone(),
        expires_before: step.expires_before,
        expires_after: step.expires_after,
        term: step.term.term(),
        token: token.clone(),
        price: price_text(&step.price),
    };
    // Durable before anything is sent: a run that is cut off after this line is noticed.
    if let Err(error) = deeds.journal.write(now, Record::ChargeIntent(intent)) {
        progress.stop(journal_failed(&error));
        return not_tried("the journal cannot be written");
    }
    let answer = send(step, &token, resend_until, deeds).await;
    write_outcome(step, &token, &answer, deeds, progress);
    match answer {
        Answered::Acknowledged { order_id, .. } => sent(step, token, Some(order_id), None),
        Answered::Unknown(why) => sent(step, token, None, Some(why)),
        Answered::NotMade(error) => {
            let why = error.text();
            match error.class {
                Class::Stop => progress.stop(Stop::Charges(why.clone())),
                Class::Credentials => progress.stop(Stop::Everything(why.clone())),
                _ => {}
            }
            Attempt::Ended(ChargeResult::Failed { why })
        }
    }
}

fn sent(step: &ChargeStep, token: ClientToken, order_id: Option<String>, doubt: Option<String>) -> Attempt {
    Attempt::Sent(Box::new(Sent { step: step.clone(), token, order_id, doubt }))
}

fn price_text(price: &PriceDecision) -> Option<String> {
    if let PriceDecision::Quoted(quote) = price { Some(quote.amount.to_string()) } else { None }
}

/// Asks an old quote again. Dearer than planned, or no longer quoted, is not what was approved.
async fn check_price(step: &ChargeStep, deeds: &Deeds<'_>) -> Result<(), String> {
    let PriceDecision::Quoted(planned) = &step.price else { return Ok(()) };
    if (deeds.cloud.server_now() - planned.quoted_at).num_minutes().abs() < QUOTE_AGE_MINUTES_MAX {
        return Ok(());
    }
    let quote = deeds.cloud.quote(&step.region, &step.id, step.term.term()).await;
    let quote = quote.map_err(|error| format!("its price could not be asked again: {error}"))?;
    let same_currency = quote.amount.currency == planned.amount.currency;
    if same_currency && quote.amount.amount <= planned.amount.amount {
        return Ok(());
    }
    Err(format!("it changed: it costs {} now, planned was {}", quote.amount, planned.amount))
}

/// What a charge brought.
enum Answered {
    Acknowledged { order_id: String, request_id: String },
    NotMade(CallError),
    Unknown(String),
}

/// Sends under one token, again while an earlier order is in progress and the instance is unchanged.
async fn send(
    step: &ChargeStep,
    token: &ClientToken,
    resend_until: DateTime<Utc>,
    deeds: &Deeds<'_>,
) -> Answered {
    let order = RenewOrder { region: &step.region, id: &step.id, term: step.term, token };
    let mut resends = 0;
    loop {
        let error = match deeds.cloud.renew(&order, resend_until).await {
            Ok(receipt) => {
                return Answered::Acknowledged { order_id: receipt.order_id, request_id: receipt.request_id };
            }
            Err(error) => error,
        };
        let busy = error.class == Class::Busy;
        // Once an order is said to be in progress, it may be ours.
        if !busy && resends == 0 && !error.maybe_done && error.class != Class::Claimed {
            return Answered::NotMade(error);
        }
        resends += 1;
        if !busy || resends > BUSY_RESENDS_MAX {
            return Answered::Unknown(error.text());
        }
        tokio::time::sleep(BUSY_WAIT).await;
        let unchanged = match read(std::slice::from_ref(step), deeds).await {
            Some(live) => matches!(compare(step, &live), Reading::Same),
            None => false,
        };
        if !unchanged || deeds.cloud.server_now() >= resend_until {
            return Answered::Unknown(error.text());
        }
    }
}

fn write_outcome(
    step: &ChargeStep,
    token: &ClientToken,
    answer: &Answered,
    deeds: &Deeds<'_>,
    progress: &mut Progress,
) {
    let outcome = match answer {
        Answered::Acknowledged { order_id, request_id } => {
            ChargeOutcome::Acknowledged { order_id: order_id.clone(), request_id: request_id.clone() }
        }
        Answered::NotMade(error) => ChargeOutcome::NotMade { error: error.text() },
        Answered::Unknown(why) => ChargeOutcome::Unknown { error: why.clone() },
    };
    let (region, id, token) = (step.region.clone(), step.id.clone(), token.clone());
    let record = Record::ChargeOutcome { region, id, token, outcome };
    if let Err(error) = deeds.journal.write(deeds.cloud.server_now(), record) {
        progress.stop(journal_failed(&error));
    }
}
