//! The account that a file is for: it is asked first and once, another one ends the run before anything
//! is decided, and a plan carries it. Beside it `when_exceeded`, which a plan carries, too.

use std::cell::Cell;

use renewctl::cli::Exit;
use renewctl::config::load;
use renewctl::desired::DesiredState;
use renewctl::journal::fold::Fold;
use renewctl::plan::Plan;
use renewctl::planning::{self, Moment, PlanningError};
use renewctl::render::json;
use renewctl::term::Site;
use serde_json::{Value, json};

use crate::support::{FakeTerminal, ONE, Options, Sim, WANT_ONE, assert_exit, run};

const ASKED: &str = "GetCallerIdentity";

fn for_account(account: &str) -> String {
    WANT_ONE.replace("version: 1\n", &format!("version: 1\naccount: \"{account}\"\n"))
}

fn calls(sim: &Sim) -> Vec<String> {
    sim.emulator.borrow().records().iter().map(|record| record.action.clone()).collect()
}

fn count(sim: &Sim, action: &str) -> usize {
    sim.emulator.borrow().call_count(action)
}

#[test]
fn a_file_without_an_account_asks_for_none() {
    run(async {
        let sim = Sim::new(ONE);
        assert!(sim.plan(WANT_ONE).await.accounts.is_empty());
        assert_exit(&sim.apply(WANT_ONE).await, Exit::Ok);
        assert_eq!(count(&sim, ASKED), 0);
        assert_eq!(sim.ledger().len(), 1);
    });
}

#[test]
fn the_right_account_is_asked_first_and_once() {
    for site in ["china", "international"] {
        run(async {
            let sim = Sim::new(&format!("{ONE}site: {site}\n"));
            let files = for_account("1234567890123456")
                .replace("version: 1\n", &format!("version: 1\nsite: {site}\n"))
                .replace("500 CNY", if site == "china" { "500 CNY" } else { "500 USD" });
            let applied = sim.apply(&files).await;
            assert_exit(&applied, Exit::Ok);
            let calls = calls(&sim);
            assert_eq!(calls.first().map(String::as_str), Some(ASKED), "{calls:?}");
            assert_eq!(count(&sim, ASKED), 1, "also with the plan that verifies: {calls:?}");
            assert!(count(&sim, "DescribeInstances") > 1, "{calls:?}");
            assert_eq!(sim.ledger().len(), 1);
        });
    }
}

#[test]
fn another_account_ends_the_run_before_anything_is_read() {
    run(async {
        let sim = Sim::new(&format!("{ONE}account: '5555'\n"));
        for options in [
            Options::default(),
            Options { auto_approve: false, interactive: true, answers: vec!["100"], ..Options::default() },
            Options { json: true, ..Options::default() },
        ] {
            let applied = sim.apply_with(&for_account("1234567890123456"), &options).await;
            assert_exit(&applied, Exit::Error);
            assert_eq!(
                applied.err,
                "error: no plan could be made: renewals.yaml:3 says account 1234567890123456, and this key is of \
                 account 5555\n  hint: use a key of account 1234567890123456, or correct `account` in the file\n\
                 Nothing was changed.\n"
            );
            assert_eq!(applied.out, "");
        }
        assert_eq!(calls(&sim), [ASKED; 3], "nothing but the question");
        assert!(sim.ledger().is_empty() && sim.journal.bytes.borrow().is_empty());
        // Digits that differ in form are different accounts.
        assert_exit(&sim.apply(&for_account("05555")).await, Exit::Error);
        assert_exit(&sim.apply(&for_account("5555")).await, Exit::Ok);
    });
}

#[test]
fn an_account_that_cannot_be_asked_ends_the_run() {
    for (name, fault, part, hint) in [
        ("always a 500", "times: 99, kind: error_500_before", "InternalError", "run again later: it is safe"),
        ("lost", "times: 99, kind: lost_before", "no answer", "check the network"),
        ("refused", "kind: code, http: 403, code: Whatever, message: no", "Whatever: no", "look the code up"),
        (
            "key",
            "kind: code, http: 404, code: InvalidAccessKeyId.NotFound",
            "InvalidAccessKeyId",
            "does not exist",
        ),
    ] {
        run(async {
            let sim = Sim::new(ONE);
            sim.fault(&format!("{{ action: {ASKED}, nth: 1, {fault} }}"));
            let applied = sim.apply(&for_account("1234567890123456")).await;
            assert_exit(&applied, Exit::Error);
            for part in [
                "renewals.yaml:3 says account 1234567890123456, and whose key this is was not told: GetCallerIdentity: ",
                part,
                "\n  hint: ",
                hint,
                "; without `account` in the files it is not asked\nNothing was changed.\n",
            ] {
                assert!(applied.err.contains(part), "{name}: {part}\n{}", applied.err);
            }
            assert!(calls(&sim).iter().all(|action| action == ASKED), "{name}: {:?}", calls(&sim));
            assert!(sim.ledger().is_empty() && sim.journal.bytes.borrow().is_empty(), "{name}");
        });
    }
    // What passes by itself is waited for.
    run(async {
        let sim = Sim::new(ONE);
        sim.fault(&format!("{{ action: {ASKED}, nth: 1, times: 3, kind: throttle, retry_after_ms: 9000 }}"));
        assert_exit(&sim.apply(&for_account("1234567890123456")).await, Exit::Ok);
    });
}

fn two_files(first: &str, second: &str) -> DesiredState {
    let file = |account: &str, id: &str| {
        let account = if account.is_empty() { String::new() } else { format!("account: \"{account}\"\n") };
        format!("version: 1\nregion: cn-beijing\n{account}instances: [{{ id: {id}, min_remaining: 15d }}]\n")
    };
    let files = [("a.yaml".into(), file(first, "i-one")), ("b.yaml".into(), file(second, "i-two"))];
    let files = files.map(|(path, text)| (path, text.into_bytes()));
    load(&files).config.unwrap().into()
}

async fn plan(sim: &Sim, desired: &DesiredState) -> Result<Plan, PlanningError> {
    let made =
        planning::plan(desired, &sim.cloud(), &Fold::default(), &FakeTerminal::default(), Moment::Reading)
            .await;
    made.map(|(plan, _)| plan)
}

#[test]
fn one_file_of_several_speaks_for_the_whole_run() {
    run(async {
        let sim = Sim::new(ONE);
        for desired in [two_files("9", ""), two_files("", "9"), two_files("9", "9")] {
            let error = plan(&sim, &desired).await.unwrap_err();
            let place = if desired.files[0].account.is_some() { "a.yaml:3" } else { "b.yaml:3" };
            assert_eq!(
                error.to_string(),
                format!("{place} says account 9, and this key is of account 1234567890123456")
            );
            // Also when all its instances were left out.
            let mut rest = desired.clone();
            rest.instances.retain(|wanted| desired.files[wanted.file].account.is_none());
            assert!(matches!(plan(&sim, &rest).await, Err(PlanningError::OtherAccount { .. })));
        }
        // A state whose files disagree is made by no loader; it stops all the same.
        let mut desired = two_files("1234567890123456", "1234567890123456");
        desired.files[1].account = two_files("9", "9").files.remove(1).account;
        let error = plan(&sim, &desired).await.unwrap_err().to_string();
        assert!(error.starts_with("b.yaml:3 says account 9, "), "{error}");
        let good = plan(&sim, &two_files("", "1234567890123456")).await.unwrap();
        assert_eq!((good.accounts.len(), good.accounts[0].site), (1, Site::China));
        assert_eq!(good.accounts[0].uid.as_str(), "1234567890123456");
    });
}

fn document(files: &str) -> Value {
    run(async {
        let account =
            files.split_once("account: \"").map_or("1", |(_, rest)| rest.split('"').next().unwrap());
        let sim = Sim::new(&format!("{ONE}account: '{account}'\n"));
        serde_json::from_str(&json::plan(&sim.plan(files).await, "emulator:test").unwrap()).unwrap()
    })
}

#[test]
fn the_json_names_the_account_that_was_checked() {
    assert_eq!(document(WANT_ONE)["accounts"], json!([]));
    assert_eq!(document(&for_account("77"))["accounts"], json!([{"uid": "77", "site": "china"}]));
    assert_eq!(document(WANT_ONE)["limits"][0]["when_exceeded"], "refuse");
    let soonest = WANT_ONE.replace("500 CNY", "500 CNY, when_exceeded: soonest-first");
    assert_eq!(document(&soonest)["limits"][0]["when_exceeded"], "soonest-first");
    let schema: Value = serde_json::from_str(include_str!("../../schemas/plan.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for files in [WANT_ONE.to_owned(), for_account("77"), soonest] {
        let plan = document(&files);
        assert!(validator.is_valid(&plan), "{plan}");
        for (pointer, wrong) in [
            ("/accounts", json!([{"uid": "77"}])),
            ("/accounts", json!([{"uid": 77, "site": "china"}])),
            ("/accounts", json!([{"uid": "x", "site": "china"}])),
            ("/accounts", json!([{"uid": "77", "site": "mars"}])),
            ("/limits/0/when_exceeded", json!("cheapest-first")),
        ] {
            let mut plan = plan.clone();
            *plan.pointer_mut(pointer).unwrap() = wrong;
            assert!(!validator.is_valid(&plan), "{pointer}");
        }
    }
}

#[test]
fn the_plan_id_covers_account_and_way_and_is_as_before_without_them() {
    let id = |files: &str| document(files)["plan_id"].as_str().unwrap().to_owned();
    let plain = id(WANT_ONE);
    // Pinned: another id would make every reviewed plan another one.
    assert_eq!(plain, "8cf5f10c90dfc5536541b09b78efb1c1d954aaf6bbe8fb3752a7ace84706531c");
    let with = |text: &str| WANT_ONE.replace("500 CNY", &format!("500 CNY, when_exceeded: {text}"));
    assert_eq!(id(&with("refuse")), plain, "it is what a file without it says");
    let ids = [plain, id(&with("soonest-first")), id(&for_account("77")), id(&for_account("78"))];
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    // A file more or less that names the same account: only its limits make the difference.
    let of = |desired: DesiredState| run(async { plan(&Sim::new(ONE), &desired).await.unwrap().id });
    let uid = "1234567890123456";
    assert_eq!(of(two_files(uid, "")), of(two_files("", uid)));
    assert_eq!(of(two_files(uid, "")), of(two_files(uid, uid)));
    assert_ne!(of(two_files(uid, "")), of(two_files("", "")));
}

#[test]
fn the_account_is_not_asked_again_by_a_client_that_knows_it() {
    run(async {
        let sim = Sim::new(&ONE.replace("instances:", "account: '77'\ninstances:"));
        let (cloud, made) = (sim.cloud(), Cell::new(0));
        let loaded = load(&[("renewals.yaml".into(), for_account("77").into_bytes())]);
        let desired: DesiredState = loaded.config.unwrap().into();
        for _ in 0..3 {
            let memory = Fold::default();
            planning::plan(&desired, &cloud, &memory, &FakeTerminal::default(), Moment::Reading)
                .await
                .unwrap();
            made.set(made.get() + 1);
        }
        assert_eq!((made.get(), count(&sim, ASKED)), (3, 1));
    });
}
