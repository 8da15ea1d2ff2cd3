//! The JSON of plan and apply is what `schemas/plan.schema.json` says: nothing else, and nothing less.

use renewctl::plan::{BlockCode, HoldCode};
use renewctl::planning::Moment;
use renewctl::render::json;
use serde_json::{Value, json};

use crate::support::{ONE, Options, Sim, WANT_ONE, run};

const QUICKSTART: &str = include_str!("../../examples/quickstart/renewals.yaml");
const TROUBLED: &str = include_str!("../../examples/troubled/renewals.yaml");

fn schema() -> Value {
    serde_json::from_str(include_str!("../../schemas/plan.schema.json")).unwrap()
}

/// The schema with every property that it does not describe forbidden. The published one allows them,
/// because a later minor version may add some.
fn strict(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut fields: serde_json::Map<String, Value> =
                fields.iter().map(|(key, value)| (key.clone(), strict(value))).collect();
            if fields.get("type") == Some(&json!("object")) && fields.contains_key("properties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(fields)
        }
        Value::Array(items) => Value::Array(items.iter().map(strict).collect()),
        other => other.clone(),
    }
}

#[track_caller]
fn check(document: &str) -> Value {
    let document: Value = serde_json::from_str(document).unwrap();
    let kind = if document.get("plan").is_some() { "report" } else { "plan" };
    let mut wanted = strict(&schema());
    // One branch only: a failure of `oneOf` would say nothing of where.
    wanted.as_object_mut().unwrap().remove("oneOf");
    wanted["$ref"] = json!(format!("#/$defs/{kind}"));
    let validator = jsonschema::validator_for(&wanted).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
    assert!(jsonschema::validator_for(&schema()).unwrap().is_valid(&document));
    document
}

#[test]
fn plans_are_as_the_schema_says() {
    run(async {
        let sim = Sim::new(renewctl::emulator::DEMO_WORLD);
        for files in [QUICKSTART, TROUBLED] {
            check(&json::plan(&sim.plan(files).await, "emulator:test").unwrap());
        }
        let later = sim.plan_at(QUICKSTART, Moment::After(chrono::TimeDelta::days(30))).await;
        let document = check(&json::plan(&later, "emulator:test").unwrap());
        assert_eq!(document["applyable"], false);
        assert_ne!(document["evaluated_at"], document["read_at"]);
        let unpriced = QUICKSTART
            .replace(
                "max_renewals: 10",
                "allow_unpriced: true, max_term: 60mo".replace(", ", "\n  ").as_str(),
            )
            .replace("min_remaining: 15d", "min_remaining: 15d\n  renew_period: 48mo");
        let document = check(&json::plan(&sim.plan(&unpriced).await, "emulator:test").unwrap());
        assert_eq!(document["changes"][0]["charge"]["amount"], Value::Null);
        sim.fault("{ action: DescribeInstances, nth: 1, times: 1000, kind: error_500_before }");
        assert_eq!(
            check(&json::plan(&sim.plan(QUICKSTART).await, "emulator:test").unwrap())["complete"],
            false
        );
    });
}

#[test]
fn reports_are_as_the_schema_says() {
    let cases: [(&str, &str, u8); 8] = [
        ("done", "{ action: DescribeInstances, nth: 999, kind: throttle }", 0),
        ("failed", "{ action: RenewInstance, nth: 1, kind: code, http: 403, code: Instance.UnPaidOrder }", 3),
        ("in doubt", "{ action: RenewInstance, nth: 1, times: 99, kind: lost_before }", 7),
        (
            "claimed",
            "{ action: RenewInstance, nth: 1, kind: code, http: 400, code: IdempotenceParamNotMatch }",
            7,
        ),
        ("stopped", "{ action: RenewInstance, nth: 1, kind: code, http: 400, code: InsufficientBalance }", 3),
        (
            "setting",
            "{ action: ModifyInstanceAutoRenewAttribute, nth: 1, kind: code, http: 403, code: IncorrectInstanceStatus }",
            3,
        ),
        ("not read", "{ action: DescribeInstances, nth: 1, times: 99, kind: error_500_before }", 3),
        ("too dear", "{ action: DescribeInstances, nth: 999, kind: throttle }", 4),
    ];
    for (name, fault, exit) in cases {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault(fault);
            let max_charge = (name == "too dear").then_some("1 CNY");
            let options = Options { json: true, verify_timeout_s: 30, max_charge, ..Options::default() };
            let files = WANT_ONE.replace("min_remaining", "auto_renew: 1mo, min_remaining");
            let applied = sim.apply_with(&files, &options).await;
            let document = check(&applied.out);
            assert_eq!((document["exit_code"].as_u64(), applied.exit), (Some(exit.into()), exit), "{name}");
        });
    }
}

#[test]
fn the_schema_names_every_code_and_no_other() {
    // Each leads to the next one, so that a new one cannot be forgotten.
    let next_block = |code: &BlockCode| {
        Some(match code {
            BlockCode::UnknownInstance => BlockCode::Unreadable,
            BlockCode::Unreadable => BlockCode::ChargeType,
            BlockCode::ChargeType => BlockCode::Locked,
            BlockCode::Locked => BlockCode::NoPrice,
            BlockCode::NoPrice => BlockCode::Expired,
            BlockCode::Expired => BlockCode::NoTerm,
            BlockCode::NoTerm => BlockCode::OverCap,
            BlockCode::OverCap => BlockCode::NotInPlan,
            BlockCode::NotInPlan => return None,
        })
    };
    let next_hold = |code: &HoldCode| {
        Some(match code {
            HoldCode::OutcomeUnknown => HoldCode::NotMoved,
            HoldCode::NotMoved => HoldCode::OlderReading,
            HoldCode::OlderReading => HoldCode::PlatformWindow,
            HoldCode::PlatformWindow => HoldCode::Midnight,
            HoldCode::Midnight => return None,
        })
    };
    let blocks = std::iter::successors(Some(BlockCode::UnknownInstance), next_block).map(BlockCode::as_str);
    let holds = std::iter::successors(Some(HoldCode::OutcomeUnknown), next_hold).map(HoldCode::as_str);
    let codes: Vec<&str> = blocks.chain(holds).collect();
    assert_eq!(schema()["$defs"]["stop"]["properties"]["code"]["enum"], json!(codes));
}

#[test]
fn the_schema_refuses_what_no_plan_says() {
    let plan: Value = serde_json::from_str(&run(async {
        json::plan(&Sim::new(ONE).plan(WANT_ONE).await, "emulator:test").unwrap()
    }))
    .unwrap();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    assert!(validator.is_valid(&plan));
    for (pointer, value) in [
        ("/format_version", json!("2.0")),
        ("/plan_id", json!("abc")),
        ("/read_at", json!("2026-12-01")),
        ("/summary/renew", json!(-1)),
        ("/changes/0/charge/amount", json!(100.0)),
        ("/changes/0/verdict", json!("maybe")),
        ("/changes/0/reason/source/line", json!(0)),
        ("/changes/0/charge/term", json!("30d")),
    ] {
        let mut wrong = plan.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&wrong), "{pointer}");
    }
    for key in plan.as_object().unwrap().keys() {
        let mut wrong = plan.clone();
        wrong.as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&wrong), "without {key}");
    }
}
