//! What happens by itself as the world's clock runs: the platform's own renewals, stop and release.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::select;
use renewctl::emulator::{Buyer, Emulator, Event, Happening};

use super::client::{Client, WALL};
use crate::support::time;

/// The day of expiry is 21 December in Beijing; it begins with the expiry.
const EXPIRY: &str = "2026-12-20T16:00:00Z";

fn world(top: &str, instances: &[&str]) -> String {
    let lines: Vec<String> = instances
        .iter()
        .map(|line| {
            let expiry =
                if line.contains("expires") { String::new() } else { format!(", expires_at: {EXPIRY}") };
            format!("  - {{ region: cn-beijing, price_per_month: 100, {line}{expiry} }}\n")
        })
        .collect();
    format!("now: 2026-12-01T02:05:00Z\n{top}\ninstances:\n{}", lines.concat())
}

/// Lets the world's clock run to a moment.
fn live_until(client: &mut Client, moment: &str) {
    let seconds = (time(moment) - client.emulator.now(client.wall)).num_seconds();
    client.emulator.advance(seconds);
    client.emulator.live_on(client.wall);
}

/// `12-12 renewed`: the day in Beijing and what happened; the time only where it is not drawn.
fn events(emulator: &Emulator) -> Vec<String> {
    let line = |event: &Event| {
        let local = event.at + TimeDelta::hours(8);
        let (day, minute) = (local.format("%m-%d"), local.format("%m-%d %H:%M"));
        match &event.what {
            Happening::AutoRenewed { .. } => format!("{day} renewed"),
            Happening::AutoRenewalFailed { why } => format!("{day} {why}"),
            Happening::Stopped => format!("{minute} stopped"),
            Happening::Released => format!("{minute} released"),
        }
    };
    emulator.events().iter().map(line).collect()
}

fn lived(top: &str, instance: &str, until: &str) -> Vec<String> {
    let mut client = Client::new(&world(top, &[instance]));
    live_until(&mut client, until);
    events(&client.emulator)
}

#[test]
fn the_platform_renews_on_the_ninth_day_before_expiry_in_its_hours() {
    let mut client = Client::new(&world("", &["id: i-one, auto_renew: 1mo"]));
    live_until(&mut client, "2027-01-02T00:00:00Z");
    assert_eq!(events(&client.emulator), ["12-12 renewed"]);
    let charge = client.emulator.ledger()[0].clone();
    assert_eq!((charge.by, charge.client_token), (Buyer::Platform, None));
    assert_eq!((charge.period, charge.unit.as_str(), charge.amount), (1, "Month", 100.into()));
    assert_eq!(charge.expires_after, time("2027-01-20T16:00:00Z"));
    assert!((time("2026-12-12T00:00:00Z")..time("2026-12-12T10:00:00Z")).contains(&charge.at), "08 to 18 h");
    live_until(&mut client, "2027-02-15T00:00:00Z");
    assert_eq!(
        events(&client.emulator),
        ["12-12 renewed", "01-12 renewed", "02-12 renewed"],
        "again and again"
    );
}

#[test]
fn without_money_it_tries_every_day_then_the_instance_stops_and_is_released() {
    let low = "the balance is too low";
    let china = lived("balance: 99", "id: i-one, auto_renew: 1mo", "2027-03-01T00:00:00Z");
    let mut expected: Vec<String> = (12..=20).map(|day| format!("12-{day} {low}")).collect();
    expected.extend(["12-21 00:00 stopped".to_owned(), "01-05 00:00 released".to_owned()]);
    assert_eq!(china, expected);
    let top = "site: international\nbalance: 99";
    let international = lived(top, "id: i-one, auto_renew: 1mo", "2027-03-01T00:00:00Z");
    let expected = [
        "12-18 the balance is too low",
        "12-20 the balance is too low",
        "12-21 00:00 stopped",
        "12-21 the balance is too low",
        "12-27 the balance is too low",
        "01-04 the balance is too low",
        "01-05 00:00 released",
    ];
    assert_eq!(international, expected);
}

#[test]
fn only_auto_renewal_renews_and_pay_as_you_go_knows_neither_stop_nor_release() {
    for setting in ["off", "never"] {
        let own = format!("id: i-one, auto_renew: {setting}");
        assert_eq!(lived("", &own, "2027-03-01T00:00:00Z"), ["12-21 00:00 stopped", "01-05 00:00 released"]);
    }
    assert!(lived("", "id: i-one, charge_type: PostPaid", "2027-03-01T00:00:00Z").is_empty());
    let later = "assumptions: { released_after_days: 30 }";
    assert_eq!(
        lived(later, "id: i-one", "2027-03-01T00:00:00Z"),
        ["12-21 00:00 stopped", "01-20 00:00 released"]
    );
}

/// Switches auto-renewal on at a moment, and says what happens before the second one.
fn enabled(site: &str, at: &str, until: &str) -> Vec<String> {
    let mut client = Client::new(&world(&format!("site: {site}"), &["id: i-one"]));
    live_until(&mut client, at);
    let own = [
        ("RegionId", "cn-beijing"),
        ("InstanceId", "i-one"),
        ("RenewalStatus", "AutoRenewal"),
        ("Duration", "1"),
    ];
    assert_eq!(client.call("ModifyInstanceAutoRenewAttribute", &own).0, 200);
    live_until(&mut client, until);
    events(&client.emulator)
}

#[test]
fn a_setting_takes_effect_the_next_day_and_not_for_an_expiry_on_that_day() {
    let (stopped, end) = ("12-21 00:00 stopped", "2026-12-22T00:00:00Z");
    for (site, at, expected) in [
        // The 11th in Beijing: in time for the 12th. From the 12th on always the day after.
        ("china", "2026-12-11T15:59:00Z", "12-12 renewed"),
        ("china", "2026-12-11T16:00:00Z", "12-13 renewed"),
        ("china", "2026-12-12T12:00:00Z", "12-13 renewed"),
        ("china", "2026-12-19T15:59:00Z", "12-20 renewed"),
        ("china", "2026-12-19T16:00:00Z", stopped),
        ("international", "2026-12-17T15:59:00Z", "12-18 renewed"),
        ("international", "2026-12-17T16:00:00Z", "12-20 renewed"),
        ("international", "2026-12-19T15:59:00Z", "12-20 renewed"),
    ] {
        assert_eq!(enabled(site, at, end), [expected], "{site} {at}");
    }
    let all = enabled("international", "2026-12-19T16:00:00Z", "2027-03-01T00:00:00Z");
    assert_eq!(all, [stopped, "01-05 00:00 released"], "also not after it");
}

#[test]
fn locks_that_forbid_renewal_forbid_the_platforms_too() {
    for (lock, first) in [
        ("security", "12-12 its lock: security"),
        ("refunded", "12-12 its lock: refunded"),
        ("financial", "12-12 renewed"),
    ] {
        let own = format!("id: i-one, auto_renew: 1mo, lock: {lock}");
        assert_eq!(lived("", &own, "2026-12-12T16:00:00Z"), [first]);
    }
}

#[test]
fn a_renewal_by_hand_before_the_window_moves_it() {
    for (at, expected) in [
        ("2026-12-11T15:00:00Z", vec!["01-12 renewed"]),
        // After the platform's own it is a second one.
        ("2026-12-12T12:00:00Z", vec!["12-12 renewed", "02-12 renewed"]),
    ] {
        let mut client = Client::new(&world("", &["id: i-one, auto_renew: 1mo"]));
        live_until(&mut client, at);
        assert_eq!(client.call("RenewInstance", &[("InstanceId", "i-one"), ("Period", "1")]).0, 200);
        live_until(&mut client, "2027-02-12T16:00:00Z");
        assert_eq!(events(&client.emulator)[..expected.len()], expected, "{at}");
    }
}

#[test]
fn a_suspended_instance_of_the_international_site_counts_from_the_next_midnight() {
    let mut client = Client::new(&world(
        "site: international\nassumptions: { deduction_days: [-6] }",
        &["id: i-one, auto_renew: 1mo", "id: i-two"],
    ));
    live_until(&mut client, "2026-12-28T00:00:00Z");
    let charge = client.emulator.ledger()[0].clone();
    assert_eq!((charge.instance_id.as_str(), charge.by), ("i-one", Buyer::Platform));
    assert_eq!((charge.expires_before, charge.expires_after), (time(EXPIRY), time("2027-01-27T16:00:00Z")));
    // The same by hand: suspended, so not from the old expiry.
    assert_eq!(client.call("RenewInstance", &[("InstanceId", "i-two"), ("Period", "1")]).0, 200);
    assert_eq!(client.emulator.ledger()[1].expires_after, time("2027-01-28T16:00:00Z"));
}

#[test]
fn stop_and_release_show_in_the_replies() {
    let mut client = Client::new(&world("", &["id: i-one"]));
    let region = ("RegionId", "cn-beijing");
    let status = |client: &mut Client| {
        let (_, body) = client.call("DescribeInstances", &[region]);
        body["Instances"]["Instance"][0]["Status"].as_str().map(str::to_owned)
    };
    live_until(&mut client, "2026-12-20T15:59:59Z");
    assert_eq!(status(&mut client).as_deref(), Some("Running"));
    live_until(&mut client, EXPIRY);
    assert_eq!(status(&mut client).as_deref(), Some("Stopped"));
    live_until(&mut client, "2027-01-04T15:59:59Z");
    assert_eq!(status(&mut client).as_deref(), Some("Stopped"), "still there, and renewable");
    let renew = [("InstanceId", "i-one"), ("Period", "1")];
    let mut other = Client::new(&world("", &["id: i-one"]));
    live_until(&mut other, "2027-01-04T15:59:59Z");
    assert_eq!(other.call("RenewInstance", &renew).0, 200);
    live_until(&mut client, "2027-01-04T16:00:00Z");
    assert_eq!(status(&mut client), None);
    assert_eq!(client.refusal("RenewInstance", &renew), (404, "InvalidInstanceId.NotFound".to_owned()));
    live_until(&mut other, "2027-01-04T16:00:00Z");
    assert_eq!(status(&mut other).as_deref(), Some("Running"), "renewed in the last second");
}

#[test]
fn one_balance_serves_in_the_order_of_time() {
    // i-b expires a day earlier, so it comes first whatever the names.
    let own = ["id: i-a, auto_renew: 1mo", "id: i-b, auto_renew: 1mo, expires_at: 2026-12-19T16:00:00Z"];
    let mut client = Client::new(&world("balance: 150", &own));
    live_until(&mut client, "2026-12-13T00:00:00Z");
    assert_eq!(client.emulator.ledger().len(), 1);
    assert_eq!(client.emulator.ledger()[0].instance_id, "i-b");
    // Many on one day: each at its own minute, and only the first two are paid.
    let many: Vec<String> = (0..20).map(|n| format!("id: i-{n}, auto_renew: 1mo")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut client = Client::new(&world("balance: 200", &many));
    live_until(&mut client, "2026-12-12T16:00:00Z");
    let events = client.emulator.events();
    assert_eq!(events.len(), 20);
    assert!(events.is_sorted_by_key(|event| event.at));
    let renewed = |event: &Event| matches!(event.what, Happening::AutoRenewed { .. });
    assert_eq!(events.iter().map(renewed).collect::<Vec<_>>()[..4], [true, true, false, false]);
    assert_eq!(events.iter().filter(|event| renewed(event)).count(), 2);
}

#[test]
fn an_expiry_at_the_very_minute_of_a_vain_deduction_stops_it_too() {
    let top = "site: international\nbalance: 0\nassumptions: { deduction_days: [0] }";
    let mut client = Client::new(&world(top, &["id: i-one, auto_renew: 1mo"]));
    live_until(&mut client, "2026-12-22T00:00:00Z");
    let tried = client.emulator.events().iter().find(|event| event.what != Happening::Stopped).unwrap().at;
    let own = format!("id: i-one, auto_renew: 1mo, expires_at: {}", tried.to_rfc3339());
    let happened = lived(top, &own, "2026-12-22T00:00:00Z");
    assert_eq!(happened.len(), 2, "{happened:?}");
    assert!(happened[0].ends_with("too low") && happened[1].ends_with("stopped"), "{happened:?}");
}

#[test]
fn what_is_overdue_from_the_start_is_released_at_once_however_small_the_steps() {
    let mut client = Client::new(&world("", &["id: i-one, expires_in: -40d"]));
    for _ in 0..5 {
        client.wall += TimeDelta::milliseconds(300);
        client.emulator.live_on(client.wall);
    }
    assert_eq!(events(&client.emulator), ["12-01 10:05 released"]);
}

#[test]
fn a_release_ends_what_the_platform_would_try_for_ever() {
    // Set back by somebody else at the very moment of a deduction, long past its release.
    let top = "balance: 0\nassumptions: { deduction_days: [9, -20] }";
    let mut client = Client::new(&world(top, &["id: i-one, auto_renew: 1mo"]));
    live_until(&mut client, "2026-12-12T16:00:00Z");
    let tried = client.emulator.events()[0].at;
    let mut client = Client::new(&world(top, &["id: i-one, auto_renew: 1mo"]));
    live_until(&mut client, &tried.to_rfc3339());
    client.emulator.set_expiry("i-one", tried - TimeDelta::days(20));
    live_until(&mut client, "2026-12-13T00:00:00Z");
    assert!(events(&client.emulator).last().unwrap().ends_with("released"));
}

#[test]
fn the_clock_never_runs_out() {
    let mut client = Client::new(&world("", &["id: i-one, auto_renew: 1mo"]));
    for _ in 0..3 {
        client.emulator.advance(i64::MAX);
    }
    client.emulator.live_on(client.wall);
    assert!(client.emulator.now(client.wall) > time("2100-01-01T00:00:00Z"));
    assert_eq!(client.call("DescribeInstances", &[("RegionId", "cn-beijing")]).0, 200);
}

#[test]
fn tokens_and_effects_know_the_worlds_clock() {
    let top = "effect_delay: 2h\nassumptions: { token_retention_s: 86400 }";
    let own = [("InstanceId", "i-one"), ("Period", "1"), ("ClientToken", "t")];
    for (seconds, charges) in [(86_399, 1), (86_400, 2)] {
        let mut client = Client::new(&world(top, &["id: i-one"]));
        assert_eq!(client.call("RenewInstance", &own).0, 200);
        client.emulator.advance(2 * 3600 - 1);
        assert_eq!(client.expiry("i-one"), "2026-12-20T16:00Z");
        client.emulator.advance(1);
        assert_eq!(client.expiry("i-one"), "2027-01-20T16:00Z", "visible by the world's clock");
        client.emulator.advance(seconds - 2 * 3600);
        assert_eq!(client.call("RenewInstance", &own).0, 200);
        assert_eq!(client.emulator.ledger().len(), charges, "after {seconds} s");
    }
}

/// An instance as a world file has it.
fn any_instance() -> impl Strategy<Value = String> {
    (
        -60_000i64..120_000,
        select(vec!["off", "never", "1mo", "1mo", "3mo"]),
        select(vec!["", "", "", ", lock: security", ", lock: financial", ", charge_type: PostPaid"]),
    )
        .prop_map(|(minutes, setting, more)| {
            let span = if minutes < 0 { format!("-{}m", -minutes) } else { format!("{minutes}m") };
            format!("expires_in: {span}, auto_renew: {setting}{more}")
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Many small steps, saved and loaded in between, lead where one jump leads.
    #[test]
    fn one_jump_is_many_steps(
        instances in prop::collection::vec(any_instance(), 1..6),
        site in select(vec!["china", "international"]),
        balance in select(vec!["", "\nbalance: 250", "\nbalance: 1000"]),
        steps in prop::collection::vec(prop_oneof![0i64..2, 1i64..100_000, 100_000i64..2_000_000], 1..25),
        millis in 0i64..1000,
    ) {
        let lines: Vec<String> =
            instances.iter().enumerate().map(|(n, own)| format!("id: i-{n}, {own}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let world = world(&format!("site: {site}{balance}\neffect_delay: 90s"), &lines);
        let wall = time(WALL) + TimeDelta::milliseconds(millis);
        let mut jump = Emulator::from_world(&world, time(WALL), "x").unwrap();
        jump.advance(steps.iter().sum());
        jump.live_on(wall);
        let mut walk = Emulator::from_world(&world, time(WALL), "x").unwrap();
        walk.live_on(wall);
        for step in &steps {
            walk.advance(*step);
            walk.live_on(wall);
            walk = Emulator::from_state(&walk.to_state()).unwrap();
        }
        prop_assert_eq!(walk.to_state(), jump.to_state());
        let at: Vec<DateTime<Utc>> = jump.events().iter().map(|event| event.at).collect();
        prop_assert!(at.is_sorted() && at.iter().all(|at| *at <= jump.now(wall)));
    }
}
