//! Sessions that are shorter than the run, judged by the emulator's ledger.

use std::collections::BTreeSet;
use std::rc::Rc;

use renewctl::cli::Exit;
use renewctl::cloud::sign::Signature;
use renewctl::cloud::{Endpoint, KeyDoors, KeyWishes, Keys};
use serde_json::json;

use super::chain::CONFIG;
use super::home::Shelf;
use crate::support::{Applied, CountingEntropy, Options, Sim, assert_exit, run};

const WORLD: &str = "
now: 2026-12-01T02:05:00Z
roles:
  - arn: acs:ram::1234567890123456:role/renewals
    oidc: { provider: 'acs:ram::1234567890123456:oidc-provider/ci', tokens: [good-token] }
instances:
  - { id: i-one, region: cn-beijing, expires_at: 2026-12-10T16:00:00Z, price_per_month: '100.00' }
  - { id: i-two, region: cn-beijing, expires_at: 2026-12-11T16:00:00Z, price_per_month: '100.00' }
  - { id: i-three, region: cn-beijing, expires_at: 2026-12-12T16:00:00Z, price_per_month: '100.00' }
";
const FILES: &str = "
version: 1
region: cn-beijing
limits: { max_charge: 500 CNY }
instances:
  - { id: i-one, min_remaining: 15d }
  - { id: i-two, min_remaining: 15d }
  - { id: i-three, min_remaining: 15d }
";
const ROLE: &str = "acs:ram::1234567890123456:role/renewals";

/// A world whose effects show after `delay`, and a home with one profile.
async fn sim(delay: &str, profile: serde_json::Value) -> (Sim, Rc<Shelf>) {
    let sim = Sim::new(&format!("{WORLD}effect_delay: {delay}\n"));
    let config = json!({"current": "p", "profiles": [profile]}).to_string();
    let shelf = Rc::new(Shelf::new(&[], &[(CONFIG, &config), ("/run/token", "good-token")]));
    let transport = sim.transport();
    let doors = KeyDoors {
        cloud: Rc::clone(&transport),
        web: Rc::clone(&transport),
        loopback: Rc::clone(&transport),
        nearby: Rc::clone(&transport),
        metadata: transport,
        files: shelf.clone(),
        environment: shelf.clone(),
        processes: shelf.clone(),
        clock: sim.clock.clone(),
        entropy: Rc::new(CountingEntropy::default()),
    };
    let wishes = KeyWishes { profile: None, signature: Signature::V1, endpoint: Endpoint::Regional };
    let keys = Keys::find(doors, wishes).await.unwrap();
    assert!(keys.origin().unwrap().1.iter().all(|passed| !passed.was_set_up()));
    sim.keys.set(Some(keys));
    (sim, shelf)
}

fn by_key() -> serde_json::Value {
    json!({"name": "p", "mode": "RamRoleArn", "ram_role_arn": ROLE, "expired_seconds": 900,
        "access_key_id": "emulator", "access_key_secret": "emulator-secret"})
}

fn by_token() -> serde_json::Value {
    json!({"name": "p", "mode": "OIDC", "ram_role_arn": ROLE, "expired_seconds": 900,
        "oidc_provider_arn": "acs:ram::1234567890123456:oidc-provider/ci", "oidc_token_file": "/run/token"})
}

async fn apply(sim: &Sim) -> Applied {
    sim.apply_with(FILES, &Options { verify_timeout_s: 35 * 60, ..Options::default() }).await
}

/// Who signed the calls of an action, and under which tokens.
fn seen(sim: &Sim, action: &str) -> (Vec<String>, BTreeSet<String>) {
    let emulator = sim.emulator.borrow();
    let records = emulator.records().iter().filter(|record| record.action == action);
    let get = |record: &renewctl::emulator::Record, name: &str| {
        record
            .parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    };
    let both = records.map(|record| (get(record, "AccessKeyId"), get(record, "ClientToken")));
    let (keys, tokens): (Vec<String>, Vec<String>) = both.unzip();
    (keys, tokens.into_iter().collect())
}

#[test]
fn a_run_outlives_its_sessions() {
    for (profile, exchange) in [(by_key(), "AssumeRole"), (by_token(), "AssumeRoleWithOIDC")] {
        run(async {
            let (sim, _) = sim("14m", profile).await;
            let applied = apply(&sim).await;
            assert_exit(&applied, Exit::Ok);
            assert_eq!(sim.ledger().len(), 3, "one charge for each need");
            let (signers, tokens) = seen(&sim, "RenewInstance");
            assert_eq!((signers.len(), tokens.len()), (3, 3));
            assert_ne!(signers[0], signers[2], "the later charges are signed by a later session");
            let exchanges = sim.emulator.borrow().call_count(exchange);
            assert!((2..=5).contains(&exchanges), "{exchanges}");
            let refused =
                sim.emulator.borrow().records().iter().filter(|record| record.code.is_some()).count();
            assert_eq!(refused, 0, "no session was used up to its end");
        });
    }
}

#[test]
fn a_session_that_is_refused_at_a_charge_costs_no_second_charge() {
    let expired = "kind: code, http: 400, code: InvalidSecurityToken.Expired";
    for faults in [
        vec![format!("{{ action: RenewInstance, nth: 1, {expired} }}")],
        vec![format!("{{ action: RenewInstance, nth: 2, {expired} }}")],
        // It happened, the answer was lost, and then the session is refused.
        vec![
            "{ action: RenewInstance, nth: 2, kind: lost_after }".to_owned(),
            format!("{{ action: RenewInstance, nth: 3, {expired} }}"),
        ],
        vec![
            "{ action: RenewInstance, nth: 1, kind: error_500_after }".to_owned(),
            format!("{{ action: RenewInstance, nth: 2, {expired} }}"),
        ],
    ] {
        run(async {
            let (sim, _) = sim("5s", by_key()).await;
            for fault in &faults {
                sim.fault(fault);
            }
            let applied = apply(&sim).await;
            assert_exit(&applied, Exit::Ok);
            assert_eq!(sim.ledger().len(), 3, "{faults:?}");
            let (signers, tokens) = seen(&sim, "RenewInstance");
            assert_eq!((signers.len(), tokens.len()), (3 + faults.len(), 3), "{faults:?}");
        });
    }
}

#[test]
fn a_session_that_cannot_be_renewed_ends_the_charges() {
    run(async {
        let (sim, shelf) = sim("20m", by_token()).await;
        // Once the first charge is on its way.
        *sim.journal.on_append.borrow_mut() = Some(Box::new(move |line| {
            if String::from_utf8_lossy(line).contains("acknowledged") {
                shelf.write("/run/token", "of-nobody");
            }
        }));
        let applied = apply(&sim).await;
        assert_exit(&applied, Exit::InDoubt);
        assert_eq!(sim.ledger().len(), 1, "{applied:?}");
        let text = format!("{}{}", applied.out, applied.err);
        assert!(text.contains("AuthenticationFail.OIDCToken.Invalid"), "{text}");
        assert!(!text.contains("of-nobody") && !text.contains("emulator-session"), "{text}");
    });
}

#[test]
fn a_session_that_is_refused_for_good_stops_everything() {
    run(async {
        let (sim, _) = sim("5s", by_key()).await;
        sim.fault(
            "{ action: RenewInstance, nth: 2, times: 100, kind: code, http: 400, code: InvalidSecurityToken.Expired }",
        );
        let applied = apply(&sim).await;
        assert_exit(&applied, Exit::NotConverged);
        assert_eq!((sim.ledger().len(), seen(&sim, "RenewInstance").0.len()), (1, 3), "{applied:?}");
    });
}

/// The cloud has said no, and that stays known when a signal comes while a new session is asked for.
#[test]
fn a_signal_while_a_refused_charge_waits_for_a_session_leaves_no_doubt() {
    async fn refused() -> Sim {
        let (sim, _) = sim("5s", by_key()).await;
        sim.fault(
            "{ action: RenewInstance, nth: 1, kind: code, http: 400, code: InvalidSecurityToken.Expired }",
        );
        sim
    }
    let call = Rc::new(std::cell::Cell::new(0));
    let found = Rc::clone(&call);
    run(async move {
        let sim = refused().await;
        assert_exit(&apply(&sim).await, Exit::Ok);
        let emulator = sim.emulator.borrow();
        let mut exchanges =
            emulator.records().iter().enumerate().filter(|(_, seen)| seen.action == "AssumeRole");
        found.set(exchanges.nth(1).unwrap().0 + 1);
    });
    run(async move {
        let sim = refused().await;
        sim.fault("{ action: AssumeRole, nth: 1, times: 1000, kind: delay, ms: 9000 }");
        sim.signals.at_call.set(Some((call.get(), 1)));
        let applied = apply(&sim).await;
        assert_exit(&applied, Exit::Interrupted);
        assert!(
            sim.ledger().is_empty() && sim.signals.sent_at.get().unwrap().elapsed().as_secs() < 2,
            "{applied:?}"
        );
        let text = format!("{}{}", applied.out, applied.err);
        assert!(text.contains("not sent again: it was interrupted") && text.contains("0 in doubt"), "{text}");
    });
}

/// A session that ends between the reading and the charge, and takes a minute to be renewed: what happened
/// meanwhile is what the report says, and nothing is sent.
#[test]
fn what_happens_while_a_charge_waits_for_a_session_is_said() {
    for (moved, said) in [
        ("2027-02-20T16:00:00Z", "already; this run charged nothing for it"),
        ("2026-12-09T16:00:00Z", "not renewed: it changed: it expires 2026-12-10 00:00 +08:00 now"),
    ] {
        run(async {
            let (sim, _) = sim("5s", by_key()).await;
            sim.fault("{ action: AssumeRole, nth: 2, kind: delay, ms: 70000 }");
            let clock = sim.clock.clone();
            *sim.journal.on_append.borrow_mut() = Some(Box::new(move |line| {
                if String::from_utf8_lossy(line).contains("charge-intent") {
                    clock.stalled_s.set(clock.stalled_s.get() + 30);
                }
            }));
            let (clock, emulator) = (sim.clock.clone(), Rc::clone(&sim.emulator));
            let think = move || clock.stalled_s.set(clock.stalled_s.get() + 700);
            let meanwhile = async {
                while emulator.borrow().call_count("AssumeRole") < 2 {
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
                for id in ["i-one", "i-two", "i-three"] {
                    emulator.borrow_mut().set_expiry(id, crate::support::time(moved));
                }
            };
            let (applied, ()) = tokio::join!(sim.apply_asked(FILES, "300", think), meanwhile);
            // Of the one that waited, and of those that are looked at after it.
            assert_eq!(applied.out.matches(said).count(), 3, "{moved}: {}\n{}", applied.out, applied.err);
            assert_eq!(sim.emulator.borrow().call_count("RenewInstance"), 0, "{}", applied.out);
            let announced = String::from_utf8_lossy(&sim.journal.bytes.borrow()).contains("charge-intent");
            assert!(announced, "it was about to be sent: {}", applied.out);
        });
    }
}
