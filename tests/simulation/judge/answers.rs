//! What reaches a run, and what it notes.

use chrono::{DateTime, NaiveDateTime, Utc};
use renewctl::emulator::Charge;
use renewctl::ports::HttpReply;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Judge, Line, Outcome, Rule};
use crate::policies::Policy;
use crate::process::{Process, Quoted, Reading};
use crate::transport::{Parameters, get};
use crate::world::World;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstancesReply<'a> {
    #[serde(borrow)]
    instances: InstanceList<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceList<'a> {
    #[serde(borrow)]
    instance: Vec<InstanceReply<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceReply<'a> {
    instance_id: &'a str,
    expired_time: &'a str,
}

impl Judge {
    /// A whole answer of the cloud reaches a run.
    pub fn receives(
        &self,
        process: &Process,
        action: &str,
        parameters: &Parameters,
        reply: &HttpReply,
        answered: DateTime<Utc>,
    ) {
        match action {
            "DescribeInstances" => {
                let Ok(told) = serde_json::from_slice::<InstancesReply<'_>>(&reply.body) else { return };
                for instance in told.instances.instance {
                    let Ok(naive) = NaiveDateTime::parse_from_str(instance.expired_time, "%Y-%m-%dT%H:%MZ")
                    else {
                        continue;
                    };
                    let reading = Reading { answered, expires_at: naive.and_utc() };
                    process.receives(instance.instance_id, reading);
                }
            }
            "DescribeInstanceAutoRenewAttribute" => {
                let told: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                let list = told["InstanceRenewAttributes"]["InstanceRenewAttribute"].as_array();
                for item in list.into_iter().flatten() {
                    let id = item["InstanceId"].as_str().unwrap_or_default().to_owned();
                    process.auto_renewing.borrow_mut().insert(id, item["RenewalStatus"] == "AutoRenewal");
                }
            }
            "DescribeRenewalPrice" => {
                let told: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                let price = &told["PriceInfo"]["Price"]["TradePrice"];
                let Ok(price) = price.to_string().parse::<Decimal>() else { return };
                let cents = i64::try_from(price * Decimal::ONE_HUNDRED).unwrap_or(i64::MAX);
                let number: u32 = get(parameters, "Period").parse().unwrap_or(1);
                let months = if get(parameters, "PriceUnit") == "Year" { number * 12 } else { number };
                let mut quotes = process.quotes.borrow_mut();
                let told = Quoted { cents, answered, planned: cents };
                let of = (get(parameters, "ResourceId").to_owned(), months);
                let last = quotes.entry(of).or_insert(told);
                *last = Quoted { planned: last.planned, ..told };
            }
            _ => {}
        }
    }

    /// Any answer to a charge reaches a run.
    pub fn told(&self, process: &Process, reply: &HttpReply) {
        const REFUSE_ALL: [&str; 5] =
            ["Balance", "RiskControl", "PayMethod", "InvalidSecurityToken", "InvalidAccessKeyId"];
        let text = String::from_utf8_lossy(&reply.body);
        let whole = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        if whole && reply.status != 200 && REFUSE_ALL.iter().any(|code| text.contains(code)) {
            process.refused_all.set(true);
        }
    }

    /// Lines of a run have become durable.
    pub fn journalled(&self, world: &World, process: &Process, bytes: &[u8]) {
        for text in bytes.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
            let Ok(Line { line }) = serde_json::from_slice::<Line<'_>>(text) else {
                let text = String::from_utf8_lossy(text).into_owned();
                self.blame(world, Rule::Journal, format!("not a line of JSON: {text}"));
                continue;
            };
            world.say(|| {
                let result = line.outcome.as_ref().map_or("", |outcome| outcome.result);
                format!("run {} notes {} {} {result}", process.number, line.kind, line.id.unwrap_or_default())
            });
            let (Some(id), Some(token)) = (line.id, line.token) else { continue };
            match (line.kind, line.expires_before, line.outcome) {
                ("charge-intent", Some(before), _) => {
                    process.intents.borrow_mut().insert(token.to_owned(), (id.to_owned(), before));
                }
                ("charge-outcome", _, Some(outcome)) => self.outcome(world, process, id, token, &outcome),
                _ => {}
            }
        }
    }

    fn outcome(&self, world: &World, process: &Process, id: &str, token: &str, outcome: &Outcome<'_>) {
        let who = format!("run {} for {id}", process.number);
        match (outcome.result, outcome.order_id) {
            ("acknowledged", Some(order)) => {
                let emulator = world.emulator.borrow();
                let is_it =
                    |charge: &&Charge| charge.instance_id == id && charge.order_id.to_string() == order;
                let found = emulator.ledger().iter().find(is_it);
                let token = Some(token).filter(|_| world.policy == Policy::Ours);
                if found.is_none_or(|charge| token.is_some() && charge.client_token.as_deref() != token) {
                    let text =
                        format!("{who}: order {order} is called acknowledged, and is not in the ledger");
                    self.blame(world, Rule::Journal, text);
                }
            }
            ("not-made", _) => {
                let charged = process.charged.borrow().iter().any(|(sent, _)| sent.token == token);
                if charged || world.charges_on_their_way(process).iter().any(|sent| sent.token == token) {
                    let text = format!("{who}: called not made, and it was, or is on its way");
                    self.blame(world, Rule::Journal, text);
                }
            }
            _ => {}
        }
    }
}

impl Process {
    fn receives(&self, id: &str, reading: Reading) {
        let mut readings = self.readings.borrow_mut();
        // Answers may overtake each other.
        if readings.get(id).is_some_and(|last| last.answered > reading.answered) {
            return;
        }
        if let Some(before) = readings.insert(id.to_owned(), reading)
            && reading.expires_at > before.expires_at
            && let Some(moved) = self.moved.borrow_mut().get_mut(id)
        {
            *moved = true;
        }
    }
}
