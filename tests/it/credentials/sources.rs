//! Each kind of key: what is asked, of whom, and what is made of the answers.

use std::cell::Cell;
use std::rc::Rc;

use chrono::TimeDelta;
use renewctl::cloud::Provider;
use renewctl::cloud::sign::Signature;
use renewctl::ports::{Method, ProcessError, TransportError};
use serde_json::{Value, json};

use super::chain::{CONFIG, INI, OIDC, TOKEN};
use super::home::*;
use crate::support::{run, time};

/// A config file with these profiles; the first is the current one.
fn profiles(profiles: &[Value]) -> String {
    json!({"current": profiles[0]["name"], "profiles": profiles}).to_string()
}

fn with_key(id: &str, more: Value) -> Value {
    let mut profile =
        json!({"name": "p", "access_key_id": id, "access_key_secret": format!("secret-of-{id}")});
    profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    profile
}

fn assume(more: Value) -> Value {
    let mut all = json!({"mode": "RamRoleArn", "ram_role_arn": ROLE});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    with_key("base", all)
}

#[test]
fn a_role_is_assumed_by_the_key_of_its_profile() {
    run(async {
        let profile = assume(json!({
            "ram_session_name": "ci", "expired_seconds": 1800, "external_id": "42", "policy": "{\"Version\":\"1\"}",
        }));
        let home = Rc::new(Home::new(&[], &[(CONFIG, &profiles(&[profile]))]));
        assert_eq!(home.choice().await, Ok((Provider::CliProfile, "STS.1".to_owned())));
        let asked = home.asked.borrow()[0].clone();
        assert_eq!((asked.door, asked.http.method), (Door::Cloud, Method::Post));
        assert_eq!(asked.http.url, "https://sts.aliyuncs.com/");
        assert_eq!(signer(&asked), "base");
        let got =
            ["Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "Policy"];
        let got = got.map(|name| asked.get(name));
        assert_eq!(got, ["AssumeRole", "2015-04-01", ROLE, "ci", "1800", "42", "{\"Version\":\"1\"}"]);
    });
}

#[test]
fn a_role_is_assumed_in_the_style_that_was_asked_for() {
    run(async {
        let mut home = Home::new(&[], &[(CONFIG, &profiles(&[assume(json!({}))]))]);
        home.signature = Signature::V3;
        let home = Rc::new(home);
        home.keys().await.unwrap();
        let asked = home.asked.borrow()[0].clone();
        assert_eq!(asked.header("x-acs-action"), Some("AssumeRole"));
        assert!(asked.header("authorization").unwrap().contains("Credential=base,"));
        assert_eq!((asked.get("RoleSessionName"), asked.get("DurationSeconds")), ("renewctl", "3600"));
        assert!(asked.http.body.is_empty());
    });
}

#[test]
fn sts_is_asked_at_the_host_that_region_and_network_call_for() {
    const REGION: &str = "ALIBABA_CLOUD_STS_REGION";
    const VPC: &str = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";
    for (vars, fields, host) in [
        (vec![], json!({}), "sts.aliyuncs.com"),
        (vec![(VPC, "true")], json!({}), "sts.aliyuncs.com"),
        (vec![(REGION, "cn-beijing")], json!({}), "sts.cn-beijing.aliyuncs.com"),
        (vec![(REGION, "cn-beijing"), (VPC, "true")], json!({}), "sts-vpc.cn-beijing.aliyuncs.com"),
        (
            vec![(REGION, "cn-beijing")],
            json!({"sts_region": "eu-central-1"}),
            "sts.eu-central-1.aliyuncs.com",
        ),
        (
            vec![],
            json!({"sts_region": "cn-hangzhou", "enable_vpc": true}),
            "sts-vpc.cn-hangzhou.aliyuncs.com",
        ),
        (vec![], json!({"sts_endpoint": "sts.example.com"}), "sts.example.com"),
        (vec![], json!({"sts_endpoint": "STS.Example.com:443"}), "sts.example.com"),
        (vec![], json!({"sts_endpoint": "sts.example.com:8443"}), "sts.example.com:8443"),
    ] {
        run(async {
            let home = Rc::new(Home::new(&vars, &[(CONFIG, &profiles(&[assume(fields)]))]));
            home.keys().await.unwrap();
            assert_eq!(home.asked.borrow()[0].http.url, format!("https://{host}/"));
        });
    }
}

#[test]
fn profiles_lead_through_others_to_a_role() {
    run(async {
        let config = profiles(&[
            json!({"name": "top", "mode": "ChainableRamRoleArn", "source_profile": "middle", "ram_role_arn": "acs:ram::1:role/top"}),
            json!({"name": "middle", "mode": "chainableramrolearn", "source_profile": "p", "ram_role_arn": "acs:ram::1:role/middle"}),
            with_key("base", json!({"mode": "AK"})),
        ]);
        let home = Rc::new(Home::new(&[("ALIBABA_CLOUD_ROLE_SESSION_NAME", "night")], &[(CONFIG, &config)]));
        assert_eq!(home.choice().await, Ok((Provider::CliProfile, "STS.2".to_owned())));
        let asked = home.asked.borrow();
        let seen: Vec<(String, &str, &str)> = asked
            .iter()
            .take(2)
            .map(|asked| (signer(asked), asked.get("RoleArn"), asked.get("RoleSessionName")))
            .collect();
        let expected = [
            ("base".to_owned(), "acs:ram::1:role/middle", "night"),
            ("STS.1".to_owned(), "acs:ram::1:role/top", "night"),
        ];
        assert_eq!(seen, expected);
    });
}

#[test]
fn an_oidc_token_is_exchanged_without_a_signature() {
    let in_profile = json!({"name": "p", "mode": "OIDC", "ram_role_arn": ROLE, "oidc_provider_arn": PROVIDER,
        "oidc_token_file": "/run/token", "ram_session_name": "pod"});
    for (vars, config, provider, name) in [
        (OIDC.to_vec(), None, Provider::Oidc, "renewctl"),
        ([&OIDC[..], &[("ALIBABA_CLOUD_ROLE_SESSION_NAME", "ci")]].concat(), None, Provider::Oidc, "ci"),
        (vec![], Some(profiles(&[in_profile])), Provider::CliProfile, "pod"),
        (
            OIDC[1..].to_vec(),
            Some(profiles(&[json!({"name": "p", "mode": "OIDC", "ram_role_arn": ROLE})])),
            Provider::CliProfile,
            "renewctl",
        ),
    ] {
        run(async {
            let config = config.unwrap_or_default();
            let files = if config.is_empty() { vec![TOKEN] } else { vec![TOKEN, (CONFIG, config.as_str())] };
            let home = Rc::new(Home::new(&vars, &files));
            assert_eq!(home.choice().await, Ok((provider, "STS.1".to_owned())));
            let asked = home.asked.borrow()[0].clone();
            let (url, query) = asked.http.url.split_once('?').unwrap();
            assert_eq!(url, "https://sts.aliyuncs.com/");
            assert_eq!(
                query,
                "Action=AssumeRoleWithOIDC&Format=JSON&Timestamp=2026-11-25T08%3A00%3A00Z&Version=2015-04-01"
            );
            let names = ["RoleArn", "OIDCProviderArn", "OIDCToken", "RoleSessionName", "DurationSeconds"];
            let got = names.map(|name| asked.get(name));
            assert_eq!(got, [ROLE, PROVIDER, TOKEN.1.trim(), name, "3600"]);
            for secret in ["AccessKeyId", "Signature", "SignatureNonce"] {
                assert!(!asked.parameters.contains_key(secret), "{secret}");
            }
        });
    }
}

#[test]
fn a_refusal_of_sts_is_told_by_its_code_and_never_by_its_words() {
    let refusal = |code: &str| json!({"Code": code, "Message": format!("your token was {}", TOKEN.1), "RequestId": "REQ-1"});
    for (http, code, calls, said) in [
        (400, "AuthenticationFail.OIDCToken.Expired", 1, "the OIDC token has ended"),
        (404, "EntityNotExist.Role", 1, "check the ARN"),
        (403, "NoPermission", 1, "needs sts:AssumeRole"),
        (400, "Throttling.User", 3, "Throttling.User"),
        (500, "InternalError", 3, "InternalError"),
        (503, "", 3, "HTTP status 503"),
        (400, "InvalidTimeStamp.Expired", 2, "clock is more than 15 minutes off"),
    ] {
        run(async {
            let answer = refusal(code);
            let home = Home::new(&OIDC, &[TOKEN]).answering(move |asked| {
                (asked.get("Action") == "AssumeRoleWithOIDC").then(|| status(http, &answer))
            });
            let home = Rc::new(home);
            let text = home.refusal().await;
            assert!(text.contains(said), "{text}");
            assert!(!text.contains(TOKEN.1.trim()) && !text.contains("your token"), "{text}");
            assert!(text.contains("AssumeRoleWithOIDC was refused") && text.contains("REQ-1"), "{text}");
            assert_eq!(home.calls("AssumeRoleWithOIDC"), calls, "{code}");
        });
    }
}

#[test]
fn a_transient_failure_of_sts_is_tried_again() {
    run(async {
        let left = Cell::new(2);
        let home = Home::new(&OIDC, &[TOKEN]).answering(move |asked| {
            left.set(left.get() - i32::from(asked.get("Action") == "AssumeRoleWithOIDC"));
            (left.get() >= 0).then(|| Err(TransportError::NoAnswer("reset".to_owned())))
        });
        let home = Rc::new(home);
        assert_eq!(home.choice().await, Ok((Provider::Oidc, "STS.1".to_owned())));
        assert_eq!(home.calls("AssumeRoleWithOIDC"), 3);
    });
}

#[test]
fn an_answer_that_is_no_key_is_none() {
    let end = "2026-11-25T09:00:00Z";
    let whole = session("STS.x", time(end));
    let without = |name: &str| {
        let mut answer = whole.clone();
        answer.as_object_mut().unwrap().remove(name);
        answer
    };
    let with = |name: &str, value: &str| {
        let mut answer = whole.clone();
        answer[name] = json!(value);
        answer
    };
    for (answer, why) in [
        (without("AccessKeyId"), "lacks a part of the key"),
        (without("AccessKeySecret"), "lacks a part of the key"),
        (without("SecurityToken"), "lacks a part of the key"),
        (with("SecurityToken", ""), "lacks a part of the key"),
        (with("AccessKeySecret", "se cret"), "the access key secret in the answer can be none"),
        (without("Expiration"), "names no end"),
        (with("Expiration", "soon"), "names no end"),
        (with("Expiration", NOW), "has ended already"),
        (without("Code"), "the answer is not Success"),
        (with("Code", "Failure"), "the answer is not Success"),
        (json!("secret-of-STS.x"), "the answer is not understood"),
    ] {
        run(async {
            let answer_of_uri = answer.clone();
            let vars = [("ALIBABA_CLOUD_CREDENTIALS_URI", "http://10.0.0.7/x?y=z")];
            let home = Home::new(&vars, &[]);
            let home = Rc::new(
                home.answering(move |asked| (asked.door == Door::Nearby).then(|| ok(&answer_of_uri))),
            );
            let text = home.refusal().await;
            assert!(text.contains(why) && !text.contains("secret-of"), "{why}: {text}");
            assert_eq!(home.asked.borrow().last().unwrap().http.url, "http://10.0.0.7/x?y=z");
            if answer.get("Code") == Some(&json!("Success")) {
                let home = Home::new(&OIDC, &[TOKEN]).answering(move |asked| {
                    (asked.door == Door::Cloud).then(|| ok(json!({"Credentials": answer})))
                });
                let text = Rc::new(home).refusal().await;
                assert!(text.contains(why) && !text.contains("secret-of"), "{why}: {text}");
            }
        });
    }
}

#[test]
fn an_address_is_asked_by_the_door_that_fits() {
    for (url, door) in [
        ("http://127.0.0.1:8080/key", Door::Nearby),
        ("http://localhost/key", Door::Nearby),
        ("http://[::1]/key", Door::Nearby),
        ("http://192.168.1.1/key", Door::Nearby),
        ("http://169.254.1.1/key", Door::Nearby),
        ("http://100.100.1.1/key", Door::Nearby),
        ("https://keys.example.com/key", Door::Web),
        ("https://192.168.1.1/key", Door::Web),
        ("https://127.0.0.1:8443/key", Door::Loopback),
        ("https://LOCALHOST/key", Door::Loopback),
        ("https://[::1]/key", Door::Loopback),
    ] {
        for in_profile in [false, true] {
            run(async {
                let config =
                    profiles(&[json!({"name": "p", "mode": "CredentialsURI", "credentials_uri": url})]);
                let (vars, files) = if in_profile {
                    (vec![], vec![(CONFIG, config.as_str())])
                } else {
                    (vec![("ALIBABA_CLOUD_CREDENTIALS_URI", url)], vec![])
                };
                let answer = session("STS.uri", time(NOW) + TimeDelta::hours(1));
                let home = Home::new(&vars, &files);
                let home = home.answering(move |asked| (asked.door == door).then(|| ok(&answer)));
                // The metadata service is passed over.
                assert_eq!(Rc::new(home).choice().await.unwrap().1, "STS.uri", "{url}");
            });
        }
    }
}

/// What an instance answers: token, list of roles, session.
type Page = fn() -> Answer;
/// Variables, the three pages, what is asked, and how it ends.
type Row<'a> = (Vec<(&'a str, &'a str)>, [Page; 3], &'a [&'a str], Result<(), &'a str>);
const ONLY: (&str, &str) = ("ALIBABA_CLOUD_IMDSV1_DISABLED", "true");
const NAMED: (&str, &str) = ("ALIBABA_CLOUD_ECS_METADATA", "other");

#[test]
fn the_metadata_service_is_asked_with_a_token_first() {
    let silence: Page = || Err(TransportError::NoAnswer("timed out".to_owned()));
    let token: Page = || ok("t0ken\n");
    let no_token: Page = || status(404, "no");
    let role: Page = || ok("web-role\n");
    let key: Page = || ok(session("STS.i", time(NOW) + TimeDelta::hours(6)));
    let no_role: Page = || status(404, "no");
    let failed: Page = || ok(json!({"Code": "Failed"}));
    let base = "http://100.100.100.200/latest/";
    let list = "meta-data/ram/security-credentials/";
    let paths = |asked: &[&str]| -> Vec<String> {
        let path = |word: &&str| match *word {
            "token" => format!("PUT {base}api/token"),
            "list" => format!("GET {base}{list}"),
            name => format!("GET {base}{list}{name}"),
        };
        asked.iter().map(path).collect()
    };
    let rows: Vec<Row> = vec![
        (vec![], [token, role, key], &["token", "list", "web-role"], Ok(())),
        (vec![NAMED], [token, role, key], &["token", "other"], Ok(())),
        (vec![ONLY], [token, role, key], &["token", "list", "web-role"], Ok(())),
        (vec![], [no_token, role, key], &["token", "list", "web-role"], Ok(())),
        (vec![], [silence, role, key], &["token", "list", "web-role"], Ok(())),
        (vec![ONLY], [no_token, role, key], &["token"], Err("IMDSV1_DISABLED forbids to do without")),
        (vec![ONLY], [silence, role, key], &["token"], Err("IMDSV1_DISABLED forbids to do without")),
        (
            vec![],
            [token, no_role, key],
            &["token", "list", "list"],
            Err("no role of an instance here (HTTP status 404)"),
        ),
        (
            vec![ONLY],
            [token, no_role, key],
            &["token", "list"],
            Err("no role of an instance here (HTTP status 404)"),
        ),
        (vec![ONLY], [token, || ok("<html>"), key], &["token", "list"], Err("names no role")),
        (vec![], [token, role, failed], &["token", "list", "web-role"], Err("the answer is not Success")),
        (
            vec![],
            [token, role, silence],
            &["token", "list", "web-role", "web-role"],
            Err("no answer: timed out"),
        ),
    ];
    for (vars, [token, roles, key], asked, end) in rows {
        run(async {
            let home = Home::new(&vars, &[]).answering(move |asked| {
                let url = &asked.http.url;
                let page = if url.ends_with("/token") {
                    token
                } else if url.ends_with('/') {
                    roles
                } else {
                    key
                };
                (asked.door == Door::Metadata).then(page)
            });
            let home = Rc::new(home);
            let choice = home.choice().await;
            match end {
                Ok(()) => assert_eq!(choice, Ok((Provider::InstanceRole, "STS.i".to_owned())), "{vars:?}"),
                Err(why) => {
                    let text = choice.unwrap_err().to_string();
                    assert!(text.contains(why), "{why}: {text}");
                }
            }
            assert_eq!(home.metadata_paths(), paths(asked), "{vars:?}");
            for asked in home.asked.borrow().iter().filter(|asked| asked.door == Door::Metadata) {
                if asked.http.method == Method::Put {
                    assert_eq!(asked.header("x-aliyun-ecs-metadata-token-ttl-seconds"), Some("21600"));
                } else {
                    let token = asked.header("x-aliyun-ecs-metadata-token");
                    assert!(token.is_none_or(|token| token == "t0ken"));
                }
            }
        });
    }
}

#[test]
fn where_nobody_answers_the_metadata_service_is_asked_once() {
    run(async {
        let home = Rc::new(Home::new(&[], &[]));
        home.refusal().await;
        assert_eq!(home.metadata_paths(), ["PUT http://100.100.100.200/latest/api/token"]);
        let vars = [("RENEWCTL_METADATA_ENDPOINT", "http://127.0.0.1:99")];
        let home = Rc::new(Home::new(
            &vars,
            &[(CONFIG, &profiles(&[json!({"name": "p", "mode": "EcsRamRole", "ram_role_name": "r"})]))],
        ));
        let text = home.refusal().await;
        assert!(text.contains("CLI profile      there is no metadata service here"), "{text}");
        assert_eq!(home.metadata_paths()[0], "PUT http://127.0.0.1:99/latest/api/token");
    });
}

#[test]
fn a_command_prints_a_key() {
    let lasting = json!({"mode": "AK", "access_key_id": "out", "access_key_secret": "secret-of-out"});
    let session = json!({"mode": "StsToken", "access_key_id": "STS.out", "access_key_secret": "secret-of-STS.out",
        "sts_token": "token-of-STS.out", "expiration": "2026-11-25T09:00:00Z"});
    let command = |text: &str| profiles(&[json!({"name": "p", "mode": "External", "process_command": text})]);
    for (text, words, printed, key) in [
        ("/bin/get key", vec!["/bin/get", "key"], &lasting, "out"),
        (
            "  get  --as 'two words'\t\"and $three\" '' ",
            vec!["get", "--as", "two words", "and $three", ""],
            &session,
            "STS.out",
        ),
        (r#"a\ b "c\"d" '\' "\e""#, vec!["a b", "c\"d", "\\", "\\e"], &lasting, "out"),
    ] {
        run(async {
            let printed = printed.to_string();
            let home = Home::new(&[], &[(CONFIG, &command(text))]).printing(move |_| Ok(printed.clone()));
            let home = Rc::new(home);
            assert_eq!(home.choice().await, Ok((Provider::CliProfile, key.to_owned())));
            let ran = home.shelf.ran.borrow()[0].clone();
            assert_eq!([&[ran.program][..], &ran.arguments].concat(), words);
            assert_eq!(ran.timeout_ms, 60_000);
        });
    }
    for (printed, why) in [
        (
            Err(ProcessError::Failed("exit status: 3".into())),
            "it failed (exit status: 3); run it by hand to see why",
        ),
        (Err(ProcessError::TimedOut(60)), "it was ended after 60 seconds"),
        (Ok("hunter2"), "printed something else than a key"),
        (Ok("{\"access_key_id\": \"hunter2\"}"), "has no access_key_secret"),
        (Ok("{\"access_key_secret\": \"hunter2\"}"), "has no access_key_id"),
        (
            Ok(
                "{\"mode\": \"StsToken\", \"access_key_id\": \"hunter2\", \"access_key_secret\": \"hunter2\"}",
            ),
            "has no sts_token",
        ),
        (
            Ok(
                "{\"access_key_id\": \"hunter2\", \"access_key_secret\": \"hunter2\", \"expiration\": \"hunter2\"}",
            ),
            "is no time",
        ),
        (
            Ok(
                "{\"access_key_id\": \"a\", \"access_key_secret\": \"hunter2\", \"expiration\": \"2026-11-25T07:00:00Z\"}",
            ),
            "ended already",
        ),
        (
            Ok("{\"access_key_id\": \"a\", \"access_key_secret\": \"hunter 2\"}"),
            "the access key secret that it printed can be none",
        ),
    ] {
        run(async {
            let printed = printed.map(str::to_owned);
            let home = Home::new(&[], &[(CONFIG, &command("get"))]).printing(move |_| printed.clone());
            let text = Rc::new(home).refusal().await;
            assert!(text.contains(why) && !text.contains("hunter"), "{why}: {text}");
        });
    }
}

#[test]
fn a_session_that_a_login_left_is_used_while_it_lasts() {
    for mode in ["CloudSSO", "OAuth"] {
        run(async {
            let end = time(NOW) + TimeDelta::minutes(10);
            let profile = with_key(
                "STS.login",
                json!({"mode": mode, "sts_token": "token-of-STS.login",
                "sts_expiration": end.timestamp()}),
            );
            let home = Rc::new(Home::new(&[], &[(CONFIG, &profiles(&[profile]))]));
            assert_eq!(home.choice().await, Ok((Provider::CliProfile, "STS.login".to_owned())));
            let keys = home.keys().await.unwrap();
            let cloud = home.cloud(keys);
            home.jump.set(TimeDelta::minutes(9));
            cloud.balance(renewctl::term::Site::China).await.unwrap_err();
            home.jump.set(TimeDelta::minutes(10));
            let asked = home.asked.borrow().len();
            let error = cloud.balance(renewctl::term::Site::China).await.unwrap_err();
            let text = error.text();
            let help = format!("log in again: aliyun configure --profile p --mode {mode}");
            assert!(text.contains(&help), "{text}");
            assert_eq!((error.class, error.attempts), (renewctl::retry::Class::Credentials, 0));
            assert_eq!(home.asked.borrow().len(), asked, "nothing is sent without a key");
        });
    }
}

#[test]
fn sessions_in_variables_and_profiles_are_used_as_they_stand() {
    run(async {
        let vars = [
            ("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.env"),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret-of-STS.env"),
            ("ALIBABA_CLOUD_SECURITY_TOKEN", "token-of-STS.env"),
        ];
        let home = Rc::new(Home::new(&vars, &[]));
        assert_eq!(home.choice().await, Ok((Provider::Environment, "STS.env".to_owned())));
        let profile = with_key("STS.cli", json!({"mode": "StsToken", "sts_token": "token-of-STS.cli"}));
        let home = Rc::new(Home::new(&[], &[(CONFIG, &profiles(&[profile]))]));
        assert_eq!(home.choice().await, Ok((Provider::CliProfile, "STS.cli".to_owned())));
        // A token that an earlier session left in a profile with a lasting key.
        let profile = with_key("cli", json!({"mode": "AK", "sts_token": "old"}));
        let home = Rc::new(Home::new(&[], &[(CONFIG, &profiles(&[profile]))]));
        assert_eq!(home.choice().await, Ok((Provider::CliProfile, "cli".to_owned())));
    });
}

#[test]
fn an_ini_file_names_keys_roles_and_instances() {
    let key = "access_key_id = base\naccess_key_secret = secret-of-base";
    let end = time(NOW) + TimeDelta::hours(1);
    for (section, served, action) in [
        (format!("type = access_key\n{key}"), "base", ""),
        (format!("Type: access_key\n  {}", key.replace('=', ":")), "base", ""),
        (
            format!(
                "; a comment\n# another\ntype = ram_role_arn\n{key}\nrole_arn = {ROLE} # the role\nrole_session_name = ini\npolicy = {{}}"
            ),
            "STS.1",
            "AssumeRole",
        ),
        (
            format!(
                "type = oidc_role_arn\nrole_arn = {ROLE}\noidc_provider_arn = {PROVIDER}\noidc_token_file_path = /run/token"
            ),
            "STS.1",
            "AssumeRoleWithOIDC",
        ),
        ("type = ecs_ram_role\nrole_name = web-role".to_owned(), "STS.i", ""),
    ] {
        run(async {
            let text = format!("[default]\n{section}\n");
            let home = Home::new(&[], &[(INI, &text), TOKEN])
                .answering(move |asked| (asked.door == Door::Metadata).then(|| ok(session("STS.i", end))));
            let home = Rc::new(home);
            assert_eq!(home.choice().await, Ok((Provider::IniFile, served.to_owned())), "{section}");
            if !action.is_empty() {
                let asked = home.asked.borrow()[0].clone();
                assert_eq!((asked.get("Action"), asked.get("RoleArn")), (action, ROLE));
                assert_eq!(asked.get("Policy"), if action == "AssumeRole" { "{}" } else { "" });
            }
        });
    }
    run(async {
        let text = format!("[DEFAULT]\n{key}\n[default]\ntype = access_key\n");
        let home = Rc::new(Home::new(&[], &[(INI, &text)]));
        assert_eq!(home.choice().await, Ok((Provider::IniFile, "base".to_owned())));
    });
}
