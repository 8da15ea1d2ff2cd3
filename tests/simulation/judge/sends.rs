//! What leaves a run: judged when it is sent, by what the run had been told.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{CLOCK_S, Judge, Line, READING_AGE_S_MAX, Rule, URGENT_H, months};
use crate::clock::{add_months, beijing_day, minute_of_day};
use crate::coverage::Seen;
use crate::draw::{Auto, Period, Version, Want};
use crate::process::{Process, Quoted, Reading};
use crate::transport::{Parameters, get};
use crate::world::{Sent, World};

/// So long an unknown outcome holds an instance (design 5).
const UNKNOWN_MINUTES: i64 = 45;
/// So long an acknowledged charge that does not show holds an instance (design 5).
const NOT_MOVED_HOURS: i64 = 72;

impl Judge {
    /// A run wants to send something, whether there is a connection or not. After a signal it must not be
    /// anything that has an effect, whether for the first time or again.
    pub fn begins(&self, world: &World, process: &Process, action: &str, parameters: &Parameters) {
        if !["RenewInstance", "ModifyInstanceAutoRenewAttribute"].contains(&action) {
            return;
        }
        let of = ["RenewalStatus", "PeriodUnit", "Duration", "InstanceId"].map(|name| get(parameters, name));
        let new = process.sent.borrow_mut().insert(format!("{action} {}", of.join(" ")));
        if let Some(since) = process.signals.since(1) {
            let ms = since.as_millis();
            let text = format!("run {}: {action} {ms} ms after a signal, new: {new}", process.number);
            self.blame(world, Rule::Interrupted, text);
        }
    }

    /// A request leaves a run. Returns the charge that it asks for, if it asks for one.
    pub fn sends(
        &self,
        world: &World,
        process: &Process,
        action: &str,
        parameters: &Parameters,
    ) -> Option<Sent> {
        match action {
            "RenewInstance" => self.sends_charge(world, process, parameters),
            "ModifyInstanceAutoRenewAttribute" => {
                self.sends_setting(world, process, parameters);
                None
            }
            _ => None,
        }
    }

    fn sends_charge(&self, world: &World, process: &Process, parameters: &Parameters) -> Option<Sent> {
        let (id, token, now) = (get(parameters, "InstanceId"), get(parameters, "ClientToken"), world.now());
        let scenario = &world.scenario;
        let version = &scenario.versions[process.version];
        let who = format!("run {} for {id}", process.number);
        let Some(number) = scenario.number_of(id) else {
            self.blame(world, Rule::OffPlan, format!("{who}: nobody knows it"));
            return None;
        };
        let reading = process.readings.borrow().get(id).copied();
        let intent = process.intents.borrow().get(token).cloned();
        if intent.as_ref().is_none_or(|(of, _)| of != id) {
            self.blame(world, Rule::Journal, format!("{who}: sent without a durable intent"));
        }
        let observed = intent.map_or_else(|| reading.map_or(now, |reading| reading.expires_at), |(_, at)| at);
        match &version.wants[number] {
            Some(want) => {
                self.check_reading(world, &who, want, reading, observed);
                self.check_term(world, &who, version, want, observed, parameters);
            }
            None => self.blame(world, Rule::OffPlan, format!("{who}: not in the file")),
        }
        let quoted = months(parameters)
            .and_then(|months| process.quotes.borrow().get(&(id.to_owned(), months)).copied());
        if let Some(Quoted { cents, planned, .. }) = quoted.filter(|quoted| quoted.cents > quoted.planned) {
            let text = format!("{who}: it costs {cents} cents now, and was planned with {planned}");
            self.blame(world, Rule::OffPlan, text);
        }
        self.check_saved_charge(world, &who, process, id, observed, parameters, quoted.map(|it| it.cents));
        self.check_hour(world, &who, process, id, observed);
        self.check_held(world, &who, process, id, observed);
        if process.refused_all.get() {
            self.blame(world, Rule::OffPlan, format!("{who}: sent after the account was refused"));
        }
        let again = process.moved.borrow_mut().insert(id.to_owned(), false).is_some();
        if again {
            world.seen.note(Seen::ResentCharges);
        }
        if minute_of_day(now) < 60 {
            world.seen.note(Seen::ChargesAtNight);
        }
        Some(Sent { id: id.to_owned(), token: token.to_owned(), observed, at: now, quoted, number })
    }

    /// Only what was reviewed, at the price that was reviewed.
    #[allow(clippy::too_many_arguments, reason = "all that a charge says")]
    fn check_saved_charge(
        &self,
        world: &World,
        who: &str,
        process: &Process,
        id: &str,
        observed: DateTime<Utc>,
        parameters: &Parameters,
        quoted: Option<i64>,
    ) {
        let Some(saved) = &process.saved else { return };
        world.seen.note(Seen::PlanCharges);
        let planned = saved.changes.get(id);
        let same = planned.is_some_and(|planned| {
            planned.expires_before == Some(observed)
                && planned.charge.is_some_and(|(period, cents)| {
                    period == bought(parameters) && (cents.is_none() || quoted <= cents)
                })
        });
        if !same {
            let text = format!("{who}: {quoted:?} cents for {observed}, and its plan says {planned:?}");
            self.blame(world, Rule::OffPlan, text);
        }
    }

    fn check_reading(
        &self,
        world: &World,
        who: &str,
        want: &Want,
        reading: Option<Reading>,
        observed: DateTime<Utc>,
    ) {
        let now = world.now();
        let Some(reading) = reading else {
            return self.blame(world, Rule::Stale, format!("{who}: sent without any reading"));
        };
        let age = now - reading.answered;
        if age > TimeDelta::seconds(READING_AGE_S_MAX) {
            world.seen.note(Seen::OldReadings);
        }
        if age > TimeDelta::seconds(READING_AGE_S_MAX + CLOCK_S) {
            let text = format!("{who}: the last reading is {} s old", age.num_seconds());
            self.blame(world, Rule::Stale, text);
        }
        if reading.expires_at != observed {
            let text = format!("{who}: it was read as {}, and is renewed for {observed}", reading.expires_at);
            self.blame(world, Rule::Stale, text);
        }
        let Some(hours) = want.min_remaining_h else {
            return self.blame(world, Rule::OffPlan, format!("{who}: no lifetime is asked for"));
        };
        if now < reading.expires_at - TimeDelta::hours(hours) {
            let text = format!("{who}: {} is enough for {hours} h", reading.expires_at);
            self.blame(world, Rule::Stale, text);
        }
    }

    /// Nothing is sent for three quarters of an hour from midnight on, whether for the first time or
    /// again, nor while the platform may be renewing (design 4.9 and 5).
    fn check_hour(&self, world: &World, who: &str, process: &Process, id: &str, observed: DateTime<Utc>) {
        let now = world.now();
        let slack = CLOCK_S / 60 + 1;
        let minute = minute_of_day(now);
        if (slack..45 - slack).contains(&minute) {
            self.blame(world, Rule::Hours, format!("{who}: sent {minute} minutes after midnight"));
        }
        let from = beijing_day(observed) - TimeDelta::days(9);
        let on = process.auto_renewing.borrow().get(id) == Some(&true);
        let urgent = observed - now < TimeDelta::hours(URGENT_H) + TimeDelta::minutes(slack);
        let hours = 7 * 60 + 30 + slack..18 * 60 + 30 - slack;
        if on && !urgent && beijing_day(now) >= from && hours.contains(&minute) {
            self.blame(world, Rule::Hours, format!("{who}: sent while the platform may be renewing it"));
        }
    }

    /// What the run found in its journal: a charge for the same expiry whose outcome nobody knows, or
    /// that was acknowledged, holds the instance for a while.
    fn check_held(&self, world: &World, who: &str, process: &Process, id: &str, observed: DateTime<Utc>) {
        let found = process.found.borrow();
        let Some((disk, len)) = found.as_ref() else { return };
        let bytes = disk.bytes.borrow();
        let mut last: BTreeMap<String, (DateTime<Utc>, TimeDelta)> = BTreeMap::new();
        for text in bytes[..*len].split(|byte| *byte == b'\n') {
            let Ok(Line { line }) = serde_json::from_slice::<Line<'_>>(text) else { continue };
            let (Some(token), true) = (line.token, line.id == Some(id)) else { continue };
            let unknown = TimeDelta::minutes(UNKNOWN_MINUTES);
            match (line.kind, line.expires_before, line.outcome.as_ref().map(|outcome| outcome.result)) {
                ("charge-intent", Some(before), _) if before == observed => {
                    last.insert(token.to_owned(), (line.at, unknown));
                }
                ("charge-outcome", _, Some(result)) => {
                    let Some(hold) = last.get_mut(token) else { continue };
                    *hold = match result {
                        "acknowledged" => (line.at, TimeDelta::hours(NOT_MOVED_HOURS)),
                        "unknown" => (line.at, unknown),
                        _ => (line.at, TimeDelta::zero()),
                    };
                }
                ("charge-settled", ..) => {
                    last.remove(token);
                }
                _ => {}
            }
        }
        // The plan was made some time after the beginning. Lines that came in later are of another run.
        let began = process.began.get();
        let planned = began + TimeDelta::minutes(10);
        let holds = |(at, span): &&(DateTime<Utc>, TimeDelta)| *at < began && planned < *at + *span;
        if let Some((at, span)) = last.values().find(holds) {
            let text = format!("{who}: its journal holds it from {at} on for {} min", span.num_minutes());
            self.blame(world, Rule::Held, text);
        }
    }

    fn check_term(
        &self,
        world: &World,
        who: &str,
        version: &Version,
        want: &Want,
        observed: DateTime<Utc>,
        parameters: &Parameters,
    ) {
        let bought = bought(parameters);
        let weeks = matches!(bought, Period::Weeks(_));
        let (end, least, most) =
            (end(observed, bought), end(observed, want.renew), end(observed, version.max_term));
        let unpriced = weeks || matches!(bought, Period::Months(48 | 60));
        let allowed = (least..=most).contains(&end)
            && (!weeks || matches!(want.renew, Period::Weeks(_)))
            && (!unpriced || version.parts[want.part].allow_unpriced);
        if !allowed {
            let text =
                format!("{who}: {bought:?} bought, from {:?} to {:?} allowed", want.renew, version.max_term);
            self.blame(world, Rule::OffPlan, text);
        }
    }

    fn sends_setting(&self, world: &World, process: &Process, parameters: &Parameters) {
        let version = &world.scenario.versions[process.version];
        let sent = match get(parameters, "RenewalStatus") {
            "AutoRenewal" => {
                let number = get(parameters, "Duration").parse().unwrap_or(0);
                Auto::Every(match get(parameters, "PeriodUnit") {
                    "Week" => Period::Weeks(number),
                    "Year" => Period::Months(number * 12),
                    _ => Period::Months(number),
                })
            }
            "NotRenewal" => Auto::Never,
            _ => Auto::Off,
        };
        let who = format!("run {}", process.number);
        for id in get(parameters, "InstanceId").split(',') {
            let want = world.scenario.number_of(id).and_then(|number| version.wants[number].as_ref());
            let asked = want.is_some_and(|want| want.auto == Some(sent));
            // A mark against renewal is lifted before a renewal.
            let lifted = want.is_some_and(|want| want.min_remaining_h.is_some() && sent == Auto::Off);
            if !asked && !lifted {
                let text = format!("{who}: {id} set to {sent:?}, the file says {want:?}");
                self.blame(world, Rule::OffPlan, text);
            }
            let Some(saved) = &process.saved else { continue };
            let planned = saved.changes.get(id);
            let reviewed = planned.is_some_and(|planned| {
                planned.auto == Some(sent) || (sent == Auto::Off && planned.charge.is_some())
            });
            if !reviewed {
                let text = format!("{who}: {id} set to {sent:?}, and its plan says {planned:?}");
                self.blame(world, Rule::OffPlan, text);
            }
        }
    }

    /// A saved plan cannot be read.
    pub fn unreadable(&self, world: &World, process: &Process, why: &str) {
        self.blame(world, Rule::Saved, format!("run {}: {why}", process.number));
    }

    /// A run has made a plan.
    pub fn planned(&self, world: &World, process: &Process) {
        if !process.sent.borrow().is_empty() {
            let text = format!("run {} was to plan, and sent {:?}", process.number, process.sent.borrow());
            self.blame(world, Rule::OffPlan, text);
        }
    }
}

/// The term that a charge asks for.
fn bought(parameters: &Parameters) -> Period {
    months(parameters)
        .map_or_else(|| Period::Weeks(get(parameters, "Period").parse().unwrap_or(0)), Period::Months)
}

fn end(from: DateTime<Utc>, period: Period) -> DateTime<Utc> {
    match period {
        Period::Weeks(weeks) => from + TimeDelta::weeks(i64::from(weeks)),
        Period::Months(months) => add_months(from, months),
    }
}
