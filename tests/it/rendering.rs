//! Outputs, shown whole.

use renewctl::render::{Style, json, text};
use serde_json::Value;

use crate::support::{Options, Sim, run};

const QUICKSTART: &str = include_str!("../../examples/quickstart/renewals.yaml");
const TROUBLED: &str = include_str!("../../examples/troubled/renewals.yaml");

fn plan_of(files: &str) -> renewctl::plan::Plan {
    run(async { Sim::new(renewctl::emulator::DEMO_WORLD).plan(files).await })
}

#[test]
fn a_plan_as_text() {
    insta::assert_snapshot!("quickstart_text", text::plan(&plan_of(QUICKSTART), Style::default()));
    insta::assert_snapshot!(
        "troubled_text",
        text::plan(&plan_of(TROUBLED), Style { all: true, ..Style::default() })
    );
}

#[test]
fn a_plan_in_colour_says_the_same() {
    let style = Style { color: true, all: true, ..Style::default() };
    let colored = text::plan(&plan_of(TROUBLED), style);
    assert!(colored.contains("\u{1b}["));
    let plain = anstream::adapter::strip_str(&colored).to_string();
    assert_eq!(plain, text::plan(&plan_of(TROUBLED), Style { color: false, ..style }));
}

#[test]
fn a_plan_as_json() {
    insta::assert_snapshot!("quickstart_json", json::plan(&plan_of(QUICKSTART), "emulator:test").unwrap());
    insta::assert_snapshot!("troubled_json", json::plan(&plan_of(TROUBLED), "emulator:test").unwrap());
}

#[test]
fn hostile_names_reach_no_terminal() {
    let plan = plan_of(TROUBLED);
    for output in [
        text::plan(&plan, Style { all: true, ..Style::default() }),
        json::plan(&plan, "emulator:test").unwrap(),
    ] {
        let hostile = output.chars().find(|c| *c != '\n' && renewctl::text::is_hostile(*c));
        assert_eq!(hostile, None, "{output}");
    }
    let value: Value = serde_json::from_str(&json::plan(&plan, "emulator:test").unwrap()).unwrap();
    assert_eq!(value["format_version"], "1.0");
}

#[test]
fn a_report_has_numbers_that_add_up() {
    run(async {
        let sim = Sim::new(renewctl::emulator::DEMO_WORLD);
        sim.fault("{ action: RenewInstance, nth: 2, kind: code, http: 403, code: Instance.UnPaidOrder, message: 'The specified instance has unpaid order.' }");
        sim.fault("{ action: RenewInstance, nth: 3, kind: code, http: 400, code: IdempotenceParamNotMatch, message: x }");
        let applied =
            sim.apply_with(QUICKSTART, &Options { verify_timeout_s: 30, ..Options::default() }).await;
        let report = applied.out.split_once("Charge: CNY").unwrap().1.split_once('\n').unwrap().1.to_owned();
        insta::assert_snapshot!("report_text", report);
        assert_eq!(applied.exit, 7);
    });
    run(async {
        let sim = Sim::new(renewctl::emulator::DEMO_WORLD);
        sim.fault("{ action: RenewInstance, nth: 2, kind: code, http: 403, code: Instance.UnPaidOrder }");
        let options = Options { json: true, ..Options::default() };
        let applied = sim.apply_with(QUICKSTART, &options).await;
        let value: Value = serde_json::from_str(&applied.out).unwrap();
        assert_eq!(value["exit_code"], 3);
        let summary = value["apply"]["summary"].as_object().unwrap();
        let sum: u64 = summary.values().map(|number| number.as_u64().unwrap()).sum();
        let actions = value["apply"]["actions"].as_array().unwrap().len();
        assert_eq!(usize::try_from(sum).unwrap(), actions);
        assert_eq!(actions, 5);
    });
}
