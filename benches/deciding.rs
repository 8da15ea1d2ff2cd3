//! How long the thinking of a plan takes: loading a file, deciding, rendering. Ratios are against
//! encoding the same live state as JSON in the same run.
#![allow(
    missing_docs,
    clippy::semicolon_if_nothing_returned,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use renewctl::config::load;
use renewctl::desired::DesiredState;
use renewctl::ids::{InstanceId, RegionId};
use renewctl::live::{Answer, ChargeType, Live, LiveInstance, Quote, Status};
use renewctl::plan::draft::{Holds, draft};
use renewctl::plan::price::{Quotes, price};
use renewctl::render::{Style, json, text};
use renewctl::term::LiveAutoRenew;
use renewctl::text::Untrusted;

const INSTANCES: usize = 2000;

fn file() -> Vec<u8> {
    let mut text = String::from(
        "version: 1\nregion: cn-beijing\ndefaults: { min_remaining: 15d, auto_renew: 1mo }\ninstances:\n",
    );
    for number in 0..INSTANCES {
        writeln!(text, "  - id: i-n{number:05}\n    name: web-{number}").unwrap();
    }
    text.into_bytes()
}

/// Every tenth instance is due.
fn live(now: DateTime<Utc>) -> Live {
    let region = RegionId::parse("cn-beijing").unwrap();
    let answers: BTreeMap<_, _> = (0..INSTANCES)
        .map(|number| {
            let id = InstanceId::parse(&format!("i-n{number:05}")).unwrap();
            let days = if number % 10 == 0 { 12 } else { 200 };
            let instance = LiveInstance {
                id: id.clone(),
                name: Untrusted::new(format!("web-{number}")),
                region: region.clone(),
                charge_type: ChargeType::Subscription,
                expires_at: now + TimeDelta::days(days),
                status: Status::Running,
                locks: Vec::new(),
                auto_renew: Some(Ok(LiveAutoRenew::Off)),
            };
            ((region.clone(), id), Answer::Found(Box::new(instance)))
        })
        .collect();
    Live { read_at: now, answers }
}

fn deciding(criterion: &mut Criterion) {
    let now: DateTime<Utc> = "2026-12-01T12:05:00Z".parse().unwrap();
    let bytes = file();
    let desired: DesiredState = load(&[("renewals.yaml".into(), bytes.clone())]).config.unwrap().into();
    let live = live(now);
    let decided = draft(&desired, &live, now, &Holds::new());
    let quotes: Quotes = decided
        .quotes()
        .into_iter()
        .map(|ask| {
            let amount = "100 CNY".parse().unwrap();
            (ask, Ok(Quote { amount, list_amount: 120.into(), quoted_at: now }))
        })
        .collect();
    let plan = price(&desired, decided.clone(), &quotes).unwrap();
    let names: Vec<_> = plan.items.iter().map(|item| (&item.id, &item.name, &item.region)).collect();
    let mut group = criterion.benchmark_group("2000 instances");
    group.bench_function("reference: encode as JSON", |b| {
        b.iter(|| serde_json::to_string(black_box(&names)).unwrap())
    });
    group.bench_function("load", |b| b.iter(|| load(&[("renewals.yaml".into(), black_box(bytes.clone()))])));
    group.bench_function("draft", |b| b.iter(|| draft(black_box(&desired), &live, now, &Holds::new())));
    group.bench_function("price", |b| {
        b.iter(|| price(&desired, black_box(decided.clone()), &quotes).unwrap())
    });
    group.bench_function("text", |b| b.iter(|| text::plan(black_box(&plan), Style::default())));
    group.bench_function("json", |b| b.iter(|| json::plan(black_box(&plan), "emulator:test").unwrap()));
    group.finish();
}

criterion_group!(benches, deciding);
criterion_main!(benches);
