//! How fast reads go: side by side over regions, at the pace that each region bears, and never without an end.

use std::cell::RefCell;
use std::time::Duration;

use renewctl::cloud::{QuoteAsk, QuoteError};
use renewctl::live::Answer;
use renewctl::term::Term;
use serde_json::json;
use tokio::time::Instant;

use crate::cloud_script::*;
use crate::support::run;

const LATENCY: Duration = Duration::from_millis(300);

fn asks(regions: &[&str], count: usize) -> Vec<QuoteAsk> {
    let of = |name: &&str| {
        let name = (*name).to_owned();
        (0..count).map(move |n| QuoteAsk {
            region: region(&name),
            id: id(&format!("i-{n}")),
            term: Term::Months(1),
        })
    };
    regions.iter().flat_map(of).collect()
}

fn price() -> Answered {
    ok(json!({"PriceInfo": {"Price": {"TradePrice": 1, "Currency": "CNY"}}}))
}

type Answered = crate::cloud_script::Answer;

/// A region that bears two requests at one time, and others that bear all.
#[test]
fn a_throttled_region_is_asked_at_its_own_pace_and_keeps_no_other_waiting() {
    run(async {
        let taken = RefCell::new(Vec::<Duration>::new());
        let world = World::with_latency(move |sent| {
            if sent.get("RegionId") != "cn-beijing" {
                return (LATENCY, price());
            }
            let mut taken = taken.borrow_mut();
            taken.retain(|at| sent.at < *at + LATENCY);
            if taken.len() >= 2 {
                return (Duration::from_millis(5), throttled(1_000));
            }
            taken.push(sent.at);
            (LATENCY, price())
        });
        let asks = asks(&["cn-beijing", "cn-shanghai", "cn-shenzhen"], 40);
        let quotes = world.cloud().quotes(&asks, &|_, _| ()).await;
        assert!(quotes.len() == 120 && quotes.iter().all(Result::is_ok));
        assert!(world.busiest.get() <= 8, "{}", world.busiest.get());
        let sent = world.sent.borrow();
        let of = |name: &'static str| sent.iter().filter(move |sent| sent.get("RegionId") == name);
        let refused = of("cn-beijing").count() - 40;
        assert!((5..=25).contains(&refused), "{refused} of 40 calls were throttled first");
        for name in ["cn-shanghai", "cn-shenzhen"] {
            let last = of(name).map(|sent| sent.at).max().unwrap();
            // Eighty calls by eight at a time take three seconds.
            assert!(of(name).count() == 40 && last < Duration::from_secs(4), "{name}: {last:?}");
        }
    });
}

#[test]
fn a_region_that_bears_more_again_gets_more_again() {
    run(async {
        let world = World::with_latency(|sent| {
            let bad = sent.at < Duration::from_secs(2);
            if bad { (Duration::from_millis(5), throttled(500)) } else { (LATENCY, price()) }
        });
        let quotes = world.cloud().quotes(&asks(&["cn-beijing"], 400), &|_, _| ()).await;
        assert!(quotes.iter().all(Result::is_ok));
        // One at a time it would be two minutes; by eight at a time from the beginning, 15 seconds.
        let last = world.sent.borrow().last().unwrap().at;
        assert!(last < Duration::from_secs(40), "{last:?}");
    });
}

#[test]
fn reading_ends_when_its_time_is_over() {
    run(async {
        let world = World::new(|_| throttled(45_000));
        let cloud = world.cloud();
        let began = Instant::now();
        cloud.read_until(Some(began + Duration::from_secs(60)));
        let live =
            cloud.read(&[read_id("cn-beijing", "i-a"), read_id("cn-shanghai", "i-b")], &|_, _| ()).await;
        assert!(began.elapsed() <= Duration::from_secs(60), "{:?}", began.elapsed());
        for answer in live.unwrap().answers.values() {
            assert!(matches!(answer, Answer::Unreadable(_)), "{answer:?}");
        }
        // What is asked afterwards is not sent at all.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let sent = world.sent.borrow().len();
        for quote in cloud.quotes(&asks(&["cn-beijing"], 3), &|_, _| ()).await {
            let Err(QuoteError::Call(error)) = quote else { panic!("{quote:?}") };
            assert!(
                error.text().contains("the time for reading is over (--read-timeout)"),
                "{}",
                error.text()
            );
        }
        assert_eq!(world.sent.borrow().len(), sent);
    });
}
