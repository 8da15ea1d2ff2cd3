//! Sessions that end while a run goes on.

use std::cell::Cell;
use std::rc::Rc;

use chrono::TimeDelta;
use renewctl::cloud::{CallError, Cloud, Gate, Receipt, RenewOrder};
use renewctl::ports::{LocalFuture, TransportError};
use renewctl::retry::Class;
use renewctl::term::{PurchaseTerm, Site, Term};
use serde_json::json;

use super::chain::{OIDC, TOKEN};
use super::home::*;
use crate::cloud_script::{beijing, id, token};
use crate::support::{run, time};

/// Counts the questions, and answers them.
struct Asked {
    classes: std::cell::RefCell<Vec<Class>>,
    open: bool,
    /// When it closes, in milliseconds from the first wait for that.
    closes_ms: Option<u64>,
}

impl Asked {
    fn new(open: bool) -> Self {
        Self { classes: std::cell::RefCell::default(), open, closes_ms: None }
    }
}

impl Gate for Asked {
    fn may_resend(&self, class: Class) -> LocalFuture<'_, bool> {
        self.classes.borrow_mut().push(class);
        Box::pin(std::future::ready(self.open))
    }
    fn closes(&self) -> LocalFuture<'_, ()> {
        Box::pin(async {
            match self.closes_ms {
                Some(ms) => tokio::time::sleep(std::time::Duration::from_millis(ms)).await,
                None => std::future::pending().await,
            }
        })
    }
}

async fn charge(cloud: &Cloud, gate: &Asked) -> Result<Receipt, CallError> {
    let (region, id, token) = (beijing(), id("i-one"), token());
    let term = PurchaseTerm::new(Term::Months(1), Site::China).unwrap();
    cloud.renew(&RenewOrder { region: &region, id: &id, term, token: &token }, gate).await
}

async fn set(cloud: &Cloud) -> Result<(), CallError> {
    cloud
        .set_auto_renew(
            &beijing(),
            &[id("i-one")],
            renewctl::term::AutoRenew::Off,
            &crate::cloud_script::Freely,
        )
        .await
        .map(drop)
}

/// A cloud that takes every key of ours.
fn takes_all(asked: &super::home::Asked) -> Option<Answer> {
    match asked.get("Action") {
        "RenewInstance" => Some(ok(json!({"OrderId": 1, "RequestId": "R"}))),
        "ModifyInstanceAutoRenewAttribute" => Some(ok(json!({"RequestId": "R"}))),
        _ => None,
    }
}

fn expired() -> Answer {
    status(400, json!({"Code": "InvalidSecurityToken.Expired", "Message": "expired", "RequestId": "R"}))
}

/// Who signed the calls of an action.
fn signers(home: &Home, action: &str) -> Vec<String> {
    home.asked.borrow().iter().filter(|asked| asked.get("Action") == action).map(signer).collect()
}

const SET: &str = "ModifyInstanceAutoRenewAttribute";
const EXCHANGE: &str = "AssumeRoleWithOIDC";

#[test]
fn a_session_is_renewed_when_three_minutes_are_left() {
    run(async {
        let home = Rc::new(Home::new(&OIDC, &[TOKEN]).answering(takes_all));
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        for (left_s, exchanges) in [(3600, 1), (181, 1), (180, 2)] {
            home.jump.set(TimeDelta::seconds(3600 - left_s));
            set(&cloud).await.unwrap();
            assert_eq!(home.calls(EXCHANGE), exchanges, "{left_s} s left");
        }
        assert_eq!(signers(&home, SET), ["STS.1", "STS.1", "STS.2"]);
    });
}

#[test]
fn the_token_file_is_read_anew_for_each_session() {
    run(async {
        let home = Rc::new(Home::new(&OIDC, &[TOKEN]).answering(takes_all));
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        home.shelf.write("/run/token", "another.token");
        // Variables are of the beginning of the run.
        home.shelf
            .vars
            .borrow_mut()
            .insert("ALIBABA_CLOUD_ROLE_ARN".to_owned(), "acs:ram::9:role/other".to_owned());
        home.jump.set(TimeDelta::minutes(59));
        set(&cloud).await.unwrap();
        let asked = home.asked.borrow();
        let exchanges: Vec<_> = asked.iter().filter(|asked| asked.get("Action") == EXCHANGE).collect();
        assert_eq!(exchanges[1].get("OIDCToken"), "another.token");
        assert_eq!(exchanges[1].get("RoleArn"), ROLE);
    });
}

#[test]
fn a_renewal_that_fails_leaves_the_session_while_it_lasts() {
    run(async {
        let down = Rc::new(Cell::new(false));
        let is_down = Rc::clone(&down);
        let home = Home::new(&OIDC, &[TOKEN]).answering(move |asked| {
            let lost = is_down.get() && asked.get("Action") == EXCHANGE;
            if lost { Some(Err(TransportError::NoAnswer("reset".to_owned()))) } else { takes_all(asked) }
        });
        let home = Rc::new(home);
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        down.set(true);
        home.jump.set(TimeDelta::seconds(3600 - 100));
        set(&cloud).await.unwrap();
        let tried = home.calls(EXCHANGE);
        assert_eq!(tried, 1 + 3);
        // Not at every call.
        set(&cloud).await.unwrap();
        assert_eq!((home.calls(EXCHANGE), signers(&home, SET)), (tried, vec!["STS.1".to_owned(); 2]));
        // Somewhat later once more.
        home.jump.set(TimeDelta::seconds(3600 - 50));
        set(&cloud).await.unwrap();
        assert_eq!(home.calls(EXCHANGE), tried + 3);
        // In the end there is no key any more, and nothing is sent.
        home.jump.set(TimeDelta::seconds(3600));
        let error = set(&cloud).await.unwrap_err();
        assert_eq!((error.class, error.attempts, error.maybe_done), (Class::Credentials, 0, false));
        assert!(
            error.text().contains("OIDC: AssumeRoleWithOIDC at sts.aliyuncs.com: no answer"),
            "{}",
            error.text()
        );
        assert_eq!(signers(&home, SET).len(), 3);
        // And when it is back, all is well a little later.
        down.set(false);
        home.jump.set(TimeDelta::seconds(3600 + 15));
        set(&cloud).await.unwrap();
        assert_eq!(signers(&home, SET).last().unwrap(), "STS.2");
    });
}

#[test]
fn a_refused_session_is_replaced_once() {
    for (ends_well, attempts) in [(true, 2), (false, 2)] {
        run(async {
            let home = Home::new(&OIDC, &[TOKEN]).answering(move |asked| {
                let refused = asked.get("AccessKeyId") == "STS.1" || !ends_well;
                if refused && asked.get("Action") == SET { Some(expired()) } else { takes_all(asked) }
            });
            let home = Rc::new(home);
            let keys = home.keys().await.unwrap();
            let cloud = home.cloud(keys);
            let end = set(&cloud).await;
            assert_eq!(end.is_ok(), ends_well);
            if let Err(error) = end {
                assert_eq!(
                    (error.class, error.code.as_deref()),
                    (Class::Credentials, Some("InvalidSecurityToken.Expired"))
                );
            }
            assert_eq!((signers(&home, SET).len(), home.calls(EXCHANGE)), (attempts, 2));
        });
    }
}

#[test]
fn a_lasting_key_that_is_refused_is_not_tried_again() {
    run(async {
        let home = Home::new(&super::chain::ENV, &[]).answering(|asked| {
            (asked.get("Action") == SET).then(|| {
                status(404, json!({"Code": "InvalidAccessKeyId.NotFound", "Message": "", "RequestId": "R"}))
            })
        });
        let home = Rc::new(home);
        let keys = home.keys().await.unwrap();
        set(&home.cloud(keys)).await.unwrap_err();
        assert_eq!(home.calls(SET), 1);
    });
}

#[test]
fn a_charge_goes_through_the_gate_again_after_its_session_was_replaced() {
    for open in [true, false] {
        run(async {
            let home = Home::new(&OIDC, &[TOKEN]).answering(|asked| {
                let refused = asked.get("AccessKeyId") == "STS.1" && asked.get("Action") == "RenewInstance";
                if refused { Some(expired()) } else { takes_all(asked) }
            });
            let home = Rc::new(home);
            let keys = home.keys().await.unwrap();
            let cloud = home.cloud(keys);
            let gate = Asked::new(open);
            let end = charge(&cloud, &gate).await;
            assert_eq!(*gate.classes.borrow(), [Class::Credentials]);
            let sent = home.asked.borrow();
            let tokens: Vec<&str> = sent
                .iter()
                .filter(|a| a.get("Action") == "RenewInstance")
                .map(|a| a.get("ClientToken"))
                .collect();
            if open {
                assert_eq!(end.unwrap().order_id, "1");
                assert!(tokens.len() == 2 && tokens[0] == tokens[1]);
            } else {
                let error = end.unwrap_err();
                assert_eq!((error.class, error.maybe_done, tokens.len()), (Class::Credentials, false, 1));
            }
        });
    }
}

/// To renew takes time, and what was known of the instance may be old then.
#[test]
fn the_first_sending_of_a_charge_asks_the_gate_if_the_session_had_to_be_renewed() {
    for (left_s, open, asked, sent) in [(3600, true, 0, 1), (100, true, 1, 1), (100, false, 1, 0)] {
        run(async {
            let home = Rc::new(Home::new(&OIDC, &[TOKEN]).answering(takes_all));
            let keys = home.keys().await.unwrap();
            let cloud = home.cloud(keys);
            home.jump.set(TimeDelta::seconds(3600 - left_s));
            let gate = Asked::new(open);
            let end = charge(&cloud, &gate).await;
            assert_eq!((gate.classes.borrow().len(), home.calls("RenewInstance")), (asked, sent));
            if let Err(error) = end {
                assert_eq!((error.attempts, error.maybe_done), (0, false));
            }
        });
    }
}

#[test]
fn a_charge_whose_answer_was_lost_stays_in_doubt_without_a_key() {
    run(async {
        let home = Home::new(&OIDC, &[TOKEN]);
        let end = home.time() + TimeDelta::hours(1);
        let home = Rc::new(home.answering(move |asked| match asked.get("Action") {
            "RenewInstance" => Some(Err(TransportError::NoAnswer("reset".to_owned()))),
            EXCHANGE if asked.get("OIDCToken") != TOKEN.1.trim() => {
                Some(status(400, json!({"Code": "AuthenticationFail.OIDCToken.Invalid"})))
            }
            EXCHANGE => Some(ok(json!({"Credentials": session("STS.1", end)}))),
            _ => None,
        }));
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        home.shelf.write("/run/token", "of-nobody");
        home.jump.set(TimeDelta::seconds(3599) + TimeDelta::milliseconds(900));
        // The session is gone during the wait before the second attempt.
        let error = charge(&cloud, &Asked::new(true)).await.unwrap_err();
        assert_eq!(
            (error.class, error.maybe_done, error.attempts),
            (Class::Credentials, true, 1),
            "{}",
            error.text()
        );
        assert!(error.text().contains("no credentials any more: OIDC:"), "{}", error.text());
    });
}

/// What counts is how long a session lasts by the clock of whoever gave it, not what this machine's clock says.
#[test]
fn a_wrong_clock_of_the_machine_shortens_no_session() {
    for skew_h in [-30, 30] {
        run(async {
            let home = Home::new(&OIDC, &[TOKEN]);
            let theirs = time(NOW) + TimeDelta::hours(skew_h);
            let home = Rc::new(home.answering(move |asked| match asked.get("Action") {
                EXCHANGE => {
                    let mut reply =
                        ok(json!({"Credentials": session("STS.1", theirs + TimeDelta::hours(1))})).unwrap();
                    let date = theirs.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
                    reply.headers.push(("date".to_owned(), date));
                    Some(Ok(reply))
                }
                _ => takes_all(asked),
            }));
            let keys = home.keys().await.unwrap();
            let cloud = home.cloud(keys);
            home.jump.set(TimeDelta::minutes(56));
            set(&cloud).await.unwrap();
            assert_eq!(home.calls(EXCHANGE), 1);
            home.jump.set(TimeDelta::minutes(58));
            set(&cloud).await.unwrap();
            assert_eq!(home.calls(EXCHANGE), 2);
        });
    }
}

#[test]
fn an_address_that_tells_the_key_of_another_account_ends_the_run() {
    for (second_account, ends_well) in [(ACCOUNT, true), ("999", false)] {
        run(async {
            let told = Rc::new(Cell::new(0));
            let vars = [
                ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1/"),
                ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"),
            ];
            let home = Home::new(&vars, &[]).answering(move |asked| {
                if asked.door == Door::Nearby {
                    told.set(told.get() + 1);
                    let end = time(NOW) + TimeDelta::hours(told.get());
                    return Some(ok(session(&format!("STS.{}", told.get()), end)));
                }
                if asked.get("Action") == "GetCallerIdentity" {
                    let first = asked.get("AccessKeyId") == "STS.1";
                    return Some(ok(json!({"AccountId": if first { ACCOUNT } else { second_account }})));
                }
                takes_all(asked)
            });
            let home = Rc::new(home);
            let keys = home.keys().await.unwrap();
            let cloud = home.cloud(keys);
            set(&cloud).await.unwrap();
            assert_eq!(home.calls("GetCallerIdentity"), 0);
            home.jump.set(TimeDelta::minutes(58));
            set(&cloud).await.unwrap();
            home.jump.set(TimeDelta::minutes(61));
            let end = set(&cloud).await;
            let last = if ends_well { "STS.2" } else { "STS.1" };
            assert_eq!((end.is_ok(), signers(&home, SET).last().unwrap().as_str()), (ends_well, last));
            if let Err(error) = end {
                assert_eq!(error.class, Class::Credentials);
                assert!(error.text().contains("is one of another account"), "{}", error.text());
            }
        });
    }
}

#[test]
fn many_calls_at_once_renew_once() {
    run(async {
        let home = Rc::new(Home::new(&OIDC, &[TOKEN]).answering(takes_all));
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        home.jump.set(TimeDelta::minutes(59));
        let calls = (0..20).map(|_| set(&cloud));
        let ended = futures_util::future::join_all(calls).await;
        assert!(ended.iter().all(Result::is_ok));
        assert_eq!(home.calls(EXCHANGE), 2);
    });
}

#[test]
fn many_calls_that_are_refused_at_once_get_one_new_session() {
    run(async {
        let home = Home::new(&OIDC, &[TOKEN]).answering(|asked| {
            let refused = asked.get("AccessKeyId") == "STS.1" && asked.get("Action") == SET;
            if refused { Some(expired()) } else { takes_all(asked) }
        });
        let home = Rc::new(home);
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        let calls = (0..20).map(|_| set(&cloud));
        let ended = futures_util::future::join_all(calls).await;
        assert!(ended.iter().all(Result::is_ok));
        let first = signers(&home, SET).iter().filter(|key| *key == "STS.1").count();
        assert_eq!((first, home.calls(EXCHANGE)), (20, 2));
    });
}

/// A command that names no end: its session is renewed when it is refused, and whose it was is known from the start.
#[test]
fn a_session_without_an_end_is_replaced_by_one_of_the_same_account() {
    for (second_account, ends_well) in [(ACCOUNT, true), ("999", false)] {
        run(async {
            let runs = Cell::new(0);
            let config = json!({"current": "p", "profiles": [{"name": "p", "mode": "External", "process_command": "get"}]});
            let home = Home::new(&[], &[(super::chain::CONFIG, &config.to_string())]).printing(move |_| {
                runs.set(runs.get() + 1);
                let id = format!("STS.{}", runs.get());
                let (secret, token) = (format!("secret-of-{id}"), format!("token-of-{id}"));
                Ok(json!({"access_key_id": id, "access_key_secret": secret, "sts_token": token}).to_string())
            });
            let home = Rc::new(home.answering(move |asked| {
                let first = asked.get("AccessKeyId") == "STS.1";
                match asked.get("Action") {
                    "GetCallerIdentity" => {
                        Some(ok(json!({"AccountId": if first { ACCOUNT } else { second_account }})))
                    }
                    SET if first => Some(expired()),
                    _ => takes_all(asked),
                }
            }));
            let keys = home.keys().await.unwrap();
            assert_eq!(home.calls("GetCallerIdentity"), 1);
            let end = set(&home.cloud(keys)).await;
            assert_eq!(end.is_ok(), ends_well);
            if let Err(error) = end {
                assert_eq!(
                    (error.class, error.code.as_deref()),
                    (Class::Credentials, Some("InvalidSecurityToken.Expired"))
                );
                assert!(error.text().contains("is one of another account"), "{}", error.text());
            }
            assert_eq!(signers(&home, SET).len(), if ends_well { 2 } else { 1 });
        });
    }
}

#[test]
fn a_token_that_became_a_pipe_is_not_waited_for() {
    run(async {
        let home = Rc::new(Home::new(&OIDC, &[TOKEN]).answering(takes_all));
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        home.shelf.write("/run/token", "(a pipe)");
        home.jump.set(TimeDelta::hours(1));
        let error = set(&cloud).await.unwrap_err();
        assert!(error.text().contains("/run/token is a pipe or a device"), "{}", error.text());
    });
}

/// A cloud that refuses the first session, and an exchange that fails from then on: at once, or after its three
/// attempts.
fn refuses_and_exchanges_no_more(at_once: bool) -> Home {
    let exchanged = Cell::new(false);
    Home::new(&OIDC, &[TOKEN]).answering(move |asked| match asked.get("Action") {
        EXCHANGE if exchanged.replace(true) => Some(if at_once {
            status(400, json!({"Code": "AuthenticationFail.OIDCToken.Expired", "RequestId": "R"}))
        } else {
            Err(TransportError::NoAnswer("reset".to_owned()))
        }),
        EXCHANGE => None,
        _ => Some(expired()),
    })
}

#[test]
fn a_replacement_that_fails_is_not_repeated_by_each_of_many_calls() {
    run(async {
        let home = Rc::new(refuses_and_exchanges_no_more(true));
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        let ended = futures_util::future::join_all((0..20).map(|_| set(&cloud))).await;
        for end in ended {
            let text = end.unwrap_err().text();
            assert!(text.contains("AuthenticationFail.OIDCToken.Expired"), "{text}");
        }
        assert_eq!((home.calls(SET), home.calls(EXCHANGE)), (20, 2));
        // Later it is worth another try.
        home.jump.set(TimeDelta::seconds(16));
        set(&cloud).await.unwrap_err();
        assert_eq!(home.calls(EXCHANGE), 3);
    });
}

#[test]
fn a_session_that_has_ended_and_cannot_be_renewed_is_asked_for_once_by_many_calls() {
    run(async {
        let home = Rc::new(refuses_and_exchanges_no_more(true));
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        home.jump.set(TimeDelta::hours(1));
        let ended = futures_util::future::join_all((0..20).map(|_| set(&cloud))).await;
        assert!(ended.iter().all(|end| end.as_ref().is_err_and(|error| error.attempts == 0)));
        assert_eq!((home.calls(SET), home.calls(EXCHANGE)), (0, 2));
    });
}

#[test]
fn a_replacement_takes_no_longer_than_reads_may() {
    run(async {
        let home = Rc::new(refuses_and_exchanges_no_more(false));
        let keys = home.keys().await.unwrap();
        let cloud = home.cloud(keys);
        let start = tokio::time::Instant::now();
        cloud.read_until(Some(start + std::time::Duration::from_millis(100)));
        let error = cloud.caller().await.unwrap_err();
        assert!(start.elapsed() <= std::time::Duration::from_millis(110), "{:?}", start.elapsed());
        let text = error.text();
        assert!(text.contains("Expired") && text.contains("--read-timeout"), "{text}");
    });
}

/// The cloud has certainly refused it, and certainly did not get it: neither is in doubt.
#[test]
fn a_charge_that_waits_for_a_session_when_all_closes_is_known() {
    for (jump_s, sent) in [(0, 1), (3600, 0)] {
        run(async {
            let home = Rc::new(refuses_and_exchanges_no_more(false));
            let keys = home.keys().await.unwrap();
            let cloud = home.cloud(keys);
            home.jump.set(TimeDelta::seconds(jump_s));
            let gate = Asked { closes_ms: Some(100), ..Asked::new(false) };
            let start = tokio::time::Instant::now();
            let error = charge(&cloud, &gate).await.unwrap_err();
            assert!(start.elapsed() <= std::time::Duration::from_millis(110), "{:?}", start.elapsed());
            assert_eq!(
                (home.calls("RenewInstance"), error.attempts, error.maybe_done),
                (sent, u32::try_from(sent).unwrap(), false)
            );
            assert_eq!(gate.classes.borrow().len(), 1);
        });
    }
}

#[test]
fn a_command_that_prints_the_refused_key_again_is_told_apart() {
    run(async {
        let config = json!({"current": "p", "profiles": [{"name": "p", "mode": "External", "process_command": "get"}]});
        let key = json!({"mode": "AK", "access_key_id": "own", "access_key_secret": "secret-of-own"});
        let home = Home::new(&[], &[(super::chain::CONFIG, &config.to_string())])
            .printing(move |_| Ok(key.to_string()))
            .answering(|_| {
                let body =
                    json!({"Code": "InvalidAccessKeyId.NotFound", "Message": "not here", "RequestId": "R7"});
                Some(status(404, body))
            });
        let home = Rc::new(home);
        let keys = home.keys().await.unwrap();
        let error = set(&home.cloud(keys)).await.unwrap_err();
        assert_eq!(
            (error.class, home.calls(SET), home.calls("GetCallerIdentity")),
            (Class::Credentials, 1, 0)
        );
        insta::assert_snapshot!(error.text(), @"ModifyInstanceAutoRenewAttribute: InvalidAccessKeyId.NotFound: not here, RequestId R7; no credentials any more: CLI profile: the same key came again");
    });
}
