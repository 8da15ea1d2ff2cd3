//! Worlds: how they are written, saved and made to fail, and the ledger that they keep.

use renewctl::emulator::{DEMO_WORLD, Emulator, Reply, ledger_json, ledger_text};
use serde_json::{Value, json};

use super::client::{Client, WALL, WORLD, decode};
use crate::support::time;

#[test]
fn faults_strike_the_nth_call_and_say_when_it_happened_all_the_same() {
    let cases = [
        ("throttle, retry_after_ms: 500", 400, 0),
        ("error_500_before", 500, 0),
        ("error_500_after", 500, 1),
        ("unavailable_503", 503, 0),
        ("lost_before", 0, 0),
        ("lost_after", 0, 1),
        ("delay, ms: 1500", 200, 1),
        ("code, http: 409, code: OperationConflict", 409, 0),
    ];
    for (kind, status, charges) in cases {
        let mut client =
            Client::new(&format!("{WORLD}faults: [{{ action: RenewInstance, nth: 2, kind: {kind} }}]"));
        let own = [("InstanceId", "i-one"), ("Period", "1")];
        assert_eq!(client.call("RenewInstance", &own).0, 200, "{kind}");
        let parameters = client.parameters("RenewInstance", &own);
        let answer = client.send("POST", parameters, "emulator-secret");
        assert_eq!(answer.delay_ms, if kind.starts_with("delay") { 1500 } else { 0 });
        if let Reply::Http(reply) = &answer.reply {
            assert_eq!(reply.header("x-acs-retry-after"), kind.starts_with("throttle").then_some("500"));
        }
        assert_eq!(decode(answer).0, status, "{kind}");
        assert_eq!(client.emulator.ledger().len(), 1 + charges, "{kind}");
        assert_eq!(client.call("RenewInstance", &own).0, 200, "{kind}: the third call is served");
    }
}

#[test]
fn a_saved_world_goes_on_where_it_was() {
    let mut client =
        Client::new(&format!("{WORLD}faults: [{{ action: RenewInstance, nth: 2, kind: throttle }}]"));
    let own = [("InstanceId", "i-one"), ("Period", "1"), ("ClientToken", "t")];
    assert_eq!(client.call("RenewInstance", &own).0, 200);
    let saved = client.emulator.to_state();
    client.emulator = Emulator::from_state(&saved).unwrap();
    assert_eq!(client.emulator.to_state(), saved);
    assert_eq!(client.refusal("RenewInstance", &own).1, "Throttling.User", "counts go on");
    assert_eq!(client.call("RenewInstance", &own).0, 200);
    assert_eq!(client.emulator.ledger().len(), 1, "tokens are kept");
    assert!(Emulator::from_state("{}").is_err());
    assert!(Emulator::from_state(&saved.replace("\"version\": 2", "\"version\": 1")).is_err());
}

#[test]
fn a_wrong_world_says_what_is_wrong() {
    for (world, text) in [
        ("now: yesterday", "now"),
        ("instances: []", "missing field `now`"),
        ("now: 2026-12-01T02:05:00Z\ninstance: []", "unknown field `instance`"),
        (
            "now: 2026-12-01T02:05:00Z\ninstances: [{ id: i-a, region: r }]",
            "instance i-a: write either expires_in or expires_at",
        ),
        (
            "now: 2026-12-01T02:05:00Z\ninstances: [{ id: i-a, region: r, expires_in: 5 days }]",
            "expires_in is a span like 10d",
        ),
        (
            "now: 2026-12-01T02:05:00Z\ninstances: [{ id: i-a, region: r, expires_in: 5d, auto_renew: 5mo }]",
            "auto_renew is off, never",
        ),
        (
            "now: 2026-12-01T02:05:00Z\ninstances: [{ id: i-a, region: r, expires_in: 5d }, { id: i-a, region: r, expires_in: 5d }]",
            "twice",
        ),
        ("now: 2026-12-01T02:05:00Z\ninstances: [{ region: r, expires_in: 5d }]", "it has no id"),
        ("now: 2026-12-01T02:05:00Z\neffect_delay: soon", "effect_delay"),
        (
            "now: 2026-12-01T02:05:00Z\nfaults: [{ action: RenewInstance, nth: 1, kind: explode }]",
            "unknown variant `explode`",
        ),
    ] {
        let error = Emulator::from_world(world, time(WALL), "x").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(text), "{world}: {error}");
    }
}

#[test]
fn the_ledger_is_shown_with_its_totals() {
    let mut client = Client::new(DEMO_WORLD);
    assert_eq!(ledger_text(&client.emulator), "The emulator has made no charges.\n");
    client.call("RenewInstance", &[("InstanceId", "i-bp1quickweb1"), ("Period", "12")]);
    let expected = "
 order         at                 instance        term           amount  by   expires before     expires after
 234500000001  2026-12-01T02:05Z  i-bp1quickweb1  12 Month  CNY 2856.00  api  2026-12-10T16:00Z  2027-12-10T16:00Z
1 charge, CNY 2856.00 in all.
";
    assert_eq!(format!("\n{}", ledger_text(&client.emulator)), expected);
    let json: Value = serde_json::from_str(&ledger_json(&client.emulator)).unwrap();
    assert_eq!(json["totals"], json!([{ "currency": "CNY", "amount": "2856.00" }]));
}
