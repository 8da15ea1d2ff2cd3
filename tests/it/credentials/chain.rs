//! Order and reasons: which provider serves in which home, and what is said when none does.

use std::rc::Rc;

use renewctl::cloud::Provider;
use serde_json::{Value, json};

use super::home::*;
use crate::support::run;

pub const ENV: [(&str, &str); 2] =
    [("ALIBABA_CLOUD_ACCESS_KEY_ID", "env"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret-of-env")];
pub const OIDC: [(&str, &str); 3] = [
    ("ALIBABA_CLOUD_ROLE_ARN", ROLE),
    ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER),
    ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/run/token"),
];
pub const TOKEN: (&str, &str) = ("/run/token", "eyJhbGciOi.J0b2tlbiI.c2ln\n");
pub const CONFIG: &str = "/home/ann/.aliyun/config.json";
pub const INI: &str = "/home/ann/.alibabacloud/credentials.ini";
pub const INI_TWO: &str = "/home/ann/.alibabacloud/credentials";
pub const CLI: &str = r#"{"current": "work", "profiles": [
    {"name": "default", "mode": "AK", "access_key_id": "cli-default", "access_key_secret": "secret-of-cli-default"},
    {"name": "work", "mode": "AK", "access_key_id": "cli-work", "access_key_secret": "secret-of-cli-work"}]}"#;
pub const SECTIONS: &str = "\
[default]
type = access_key
access_key_id = ini-default
access_key_secret = secret-of-ini-default

[work]
type=access_key
access_key_id=ini-work # the one for work
access_key_secret=secret-of-ini-work
[only-here]
type = access_key
access_key_id = ini-only
access_key_secret = secret-of-ini-only
";
const URI: (&str, &str) = ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:7/credentials");

/// An instance with a role, and a helper that tells a key.
fn instance_and_helper(asked: &Asked) -> Option<Answer> {
    let end = crate::support::time(NOW) + chrono::TimeDelta::hours(6);
    match asked.door {
        Door::Metadata if asked.http.url.ends_with("/latest/api/token") => Some(ok("metadata-token")),
        Door::Metadata if asked.http.url.ends_with("/security-credentials/") => Some(ok("web-role")),
        Door::Metadata => Some(ok(session("STS.instance", end))),
        Door::Nearby => Some(ok(session("STS.uri", end))),
        _ => None,
    }
}

/// Variables, files, who serves, and with which key.
type Row<'a> = (Vec<(&'a str, &'a str)>, &'a [(&'a str, &'a str)], Provider, &'a str);

#[test]
fn the_first_provider_that_serves_is_taken() {
    const DISABLED: (&str, &str) = ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    let files = [TOKEN, (CONFIG, CLI), (INI, SECTIONS)];
    let all = [&ENV[..], &OIDC[..], &[URI]].concat();
    let without = |names: &[&str]| {
        let kept = all.iter().filter(|(name, _)| !names.contains(name)).copied();
        kept.collect::<Vec<_>>()
    };
    let no_env = without(&["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"]);
    let only_uri = vec![URI];
    let with =
        |vars: &[(&'static str, &'static str)], more: &[(&'static str, &'static str)]| [vars, more].concat();
    let rows: Vec<Row> = vec![
        (all.clone(), &files, Provider::Environment, "env"),
        (with(&all, &[("ALIBABA_CLOUD_SECURITY_TOKEN", "")]), &files, Provider::Environment, "env"),
        (no_env.clone(), &files, Provider::Oidc, "STS.1"),
        // The post step of a CI action sets its variables to empty strings.
        (
            with(&no_env, &[("ALIBABA_CLOUD_ACCESS_KEY_ID", ""), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")]),
            &files,
            Provider::Oidc,
            "STS.1",
        ),
        (with(&no_env, &[("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "")]), &files, Provider::CliProfile, "cli-work"),
        (only_uri.clone(), &files, Provider::CliProfile, "cli-work"),
        (
            with(&only_uri, &[("ALIBABA_CLOUD_PROFILE", "default")]),
            &files,
            Provider::CliProfile,
            "cli-default",
        ),
        (with(&only_uri, &[("ALIBABA_CLOUD_PROFILE", "")]), &files, Provider::CliProfile, "cli-work"),
        (with(&only_uri, &[("ALIBABA_CLOUD_PROFILE", "only-here")]), &files, Provider::IniFile, "ini-only"),
        (
            with(&only_uri, &[("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "TRUE")]),
            &files,
            Provider::IniFile,
            "ini-default",
        ),
        (
            with(&only_uri, &[("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "1")]),
            &files,
            Provider::CliProfile,
            "cli-work",
        ),
        (
            with(&only_uri, &[("ALIBABA_CLOUD_CONFIG_FILE", "/elsewhere")]),
            &[("/elsewhere", CLI), (INI, SECTIONS)],
            Provider::CliProfile,
            "cli-work",
        ),
        (only_uri.clone(), &[(INI, SECTIONS)], Provider::IniFile, "ini-default"),
        (only_uri.clone(), &[(INI_TWO, SECTIONS)], Provider::IniFile, "ini-default"),
        (
            only_uri.clone(),
            &[(INI, SECTIONS), (INI_TWO, "[default]\nbroken")],
            Provider::IniFile,
            "ini-default",
        ),
        (
            with(&only_uri, &[("ALIBABA_CLOUD_PROFILE", "work")]),
            &[(INI, "[default]\ntype=access_key"), (INI_TWO, SECTIONS)],
            Provider::IniFile,
            "ini-work",
        ),
        (
            with(&only_uri, &[("ALIBABA_CLOUD_CREDENTIALS_FILE", "/keys.ini")]),
            &[("/keys.ini", SECTIONS)],
            Provider::IniFile,
            "ini-default",
        ),
        (only_uri.clone(), &[], Provider::InstanceRole, "STS.instance"),
        (
            with(&only_uri, &[("ALIBABA_CLOUD_ECS_METADATA", "web-role")]),
            &[],
            Provider::InstanceRole,
            "STS.instance",
        ),
        (with(&only_uri, &[DISABLED]), &[], Provider::Uri, "STS.uri"),
        // What cannot serve is passed over.
        (only_uri.clone(), &[(CONFIG, "{"), (INI, SECTIONS)], Provider::IniFile, "ini-default"),
        (
            only_uri.clone(),
            &[(CONFIG, "(nobody may read this)"), (INI, SECTIONS)],
            Provider::IniFile,
            "ini-default",
        ),
        (with(&no_env, &[DISABLED]), &[], Provider::Uri, "STS.uri"),
    ];
    for (vars, files, provider, key) in rows {
        run(async {
            let home = Rc::new(Home::new(&vars, files).answering(instance_and_helper));
            let choice = home.choice().await;
            assert_eq!(
                choice,
                Ok((provider, key.to_owned())),
                "{vars:?} {:?}",
                files.iter().map(|f| f.0).collect::<Vec<_>>()
            );
        });
    }
}

#[test]
fn a_named_profile_goes_before_everything_and_nobody_else_is_asked() {
    for (name, files, expected) in [
        ("default", vec![(CONFIG, CLI), (INI, SECTIONS)], Ok((Provider::CliProfile, "cli-default"))),
        ("only-here", vec![(CONFIG, CLI), (INI, SECTIONS)], Ok((Provider::IniFile, "ini-only"))),
        ("nowhere", vec![(CONFIG, CLI), (INI, SECTIONS)], Err("profile \"nowhere\": it is not there")),
        ("default", vec![], Err("config.json is not there")),
    ] {
        run(async {
            let vars = [&ENV[..], &OIDC[..], &[URI, ("ALIBABA_CLOUD_PROFILE", "work")]].concat();
            let mut home = Home::new(&vars, &files).answering(instance_and_helper);
            home.profile = Some(name.to_owned());
            let home = Rc::new(home);
            match expected {
                Ok((provider, key)) => {
                    assert_eq!(home.choice().await, Ok((provider, key.to_owned())), "{name}");
                }
                Err(why) => {
                    let text = home.refusal().await;
                    assert!(text.contains(why) && text.contains("aliyun configure list"), "{text}");
                    assert!(!text.contains("metadata"), "{text}");
                    assert!(home.asked.borrow().is_empty());
                }
            }
        });
    }
}

#[test]
fn when_nobody_serves_everybody_says_why() {
    run(async {
        let text = Rc::new(Home::new(&[], &[])).refusal().await;
        insta::assert_snapshot!(text, @r#"
        no credentials: no provider gives a key
          environment      ALIBABA_CLOUD_ACCESS_KEY_ID is not set (or empty)
          OIDC             ALIBABA_CLOUD_ROLE_ARN is not set (or empty)
          CLI profile      /home/ann/.aliyun/config.json is not there
          INI file         /home/ann/.alibabacloud/credentials.ini is not there; /home/ann/.alibabacloud/credentials is not there
          ECS role         there is no metadata service here (nobody is there)
          credentials URI  ALIBABA_CLOUD_CREDENTIALS_URI is not set (or empty)
          help: export ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or set up a profile with aliyun configure, or try everything without an account: --emulator
        "#);
    });
}

/// Variables, files, and what is said.
type Failing<'a> = (Vec<(&'a str, &'a str)>, Vec<(String, String)>, &'a str);

/// One provider that fails, and what is said of it.
#[test]
fn each_way_to_fail_has_its_reason_and_repeats_no_value() {
    let profile = |fields: Value| json!({"current": "p", "profiles": [fields]}).to_string();
    let cli = |fields: Value| {
        let mut fields = fields;
        fields["name"] = json!("p");
        profile(fields)
    };
    let key = json!({"access_key_id": "hunter2", "access_key_secret": "hunter2"});
    let with = |more: Value| {
        let mut fields = key.clone();
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        cli(fields)
    };
    let id = "ALIBABA_CLOUD_ACCESS_KEY_ID";
    let secret = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
    let token = "ALIBABA_CLOUD_SECURITY_TOKEN";
    let ini = |text: &str| vec![(INI.to_owned(), text.to_owned())];
    let config = |text: String| vec![(CONFIG.to_owned(), text)];
    let rows: Vec<Failing> = vec![
        (
            vec![(id, "hunter2")],
            vec![],
            "ALIBABA_CLOUD_ACCESS_KEY_ID is set, and ALIBABA_CLOUD_ACCESS_KEY_SECRET is not",
        ),
        (
            vec![(secret, "hunter2")],
            vec![],
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET is set, and ALIBABA_CLOUD_ACCESS_KEY_ID is not",
        ),
        (vec![(id, "hunter2 "), (secret, "x")], vec![], "ALIBABA_CLOUD_ACCESS_KEY_ID holds a blank"),
        (vec![(id, "x"), (secret, "hunter2\n")], vec![], "ALIBABA_CLOUD_ACCESS_KEY_SECRET holds a blank"),
        (
            vec![(id, "x"), (secret, "x"), (token, "hunter2é")],
            vec![],
            "ALIBABA_CLOUD_SECURITY_TOKEN holds a blank",
        ),
        (OIDC[..2].to_vec(), vec![], "OIDC             ALIBABA_CLOUD_OIDC_TOKEN_FILE is not set"),
        (OIDC.to_vec(), vec![], "OIDC             /run/token is not there"),
        (OIDC.to_vec(), vec![("/run/token".into(), "two hunter2".into())], "/run/token holds no OIDC token"),
        (OIDC.to_vec(), vec![("/run/token".into(), String::new())], "/run/token holds no OIDC token"),
        (
            [&OIDC[..], &[("ALIBABA_CLOUD_STS_REGION", "evil.example.com/")]].concat(),
            vec![],
            "a region looks like cn-hangzhou",
        ),
        (
            vec![],
            config("{\"current\": \"p\",\n  \"profiles\": hunter2".into()),
            "config.json: no valid JSON at line 2, column 15",
        ),
        (
            vec![],
            config("{\"current\": \"p\", \"profiles\": \"hunter2\"}".into()),
            "something else than expected at line 1",
        ),
        (vec![], config("{}".into()), "it names no current profile"),
        (vec![], config("{\"current\": \"p\"}".into()), "profile \"p\": it is not there"),
        (vec![], config("(nobody may read this)".into()), "config.json cannot be read: permission denied"),
        (vec![], config("x".repeat((1 << 20) + 1)), "config.json is larger than"),
        (
            vec![],
            with(json!({"mode": "AK", "expired_seconds": "hunter2"})).into_config(),
            "a field has another kind of value",
        ),
        (vec![], cli(json!({"mode": ""})).into_config(), "it is not set up yet"),
        (vec![], cli(json!({"mode": "AK"})).into_config(), "it is not set up yet"),
        (
            vec![],
            cli(json!({"mode": "AK", "access_key_id": "hunter2"})).into_config(),
            "it has no access_key_secret",
        ),
        (
            vec![],
            cli(json!({"mode": "AK", "access_key_secret": "hunter2"})).into_config(),
            "it has no access_key_id",
        ),
        (
            vec![],
            cli(json!({"mode": "AK", "access_key_id": "x", "access_key_secret": "hunter2 "})).into_config(),
            "its access key secret holds a blank",
        ),
        (vec![], with(json!({"mode": "StsToken"})).into_config(), "it has no sts_token"),
        (vec![], with(json!({"mode": "RamRoleArn"})).into_config(), "it has no role ARN"),
        (
            vec![],
            with(json!({"mode": "RamRoleArn", "ram_role_arn": ROLE, "expired_seconds": 899})).into_config(),
            "a session is of 900 seconds at least",
        ),
        (
            vec![],
            with(json!({"mode": "RamRoleArn", "ram_role_arn": ROLE, "sts_endpoint": "evil/?"})).into_config(),
            "its sts_endpoint is no host",
        ),
        (
            vec![],
            with(json!({"mode": "RamRoleArn", "ram_role_arn": ROLE, "sts_endpoint": ":443"})).into_config(),
            "its sts_endpoint is no host",
        ),
        (
            vec![],
            cli(json!({"mode": "RamRoleArn", "ram_role_arn": ROLE})).into_config(),
            "it has no access_key_id",
        ),
        (
            vec![],
            cli(json!({"mode": "ChainableRamRoleArn", "ram_role_arn": ROLE})).into_config(),
            "it has no source_profile",
        ),
        (
            vec![],
            cli(json!({"mode": "ChainableRamRoleArn", "ram_role_arn": ROLE, "source_profile": "q"}))
                .into_config(),
            "profile \"p\": profile \"q\": it is not there",
        ),
        (
            vec![],
            cli(json!({"mode": "ChainableRamRoleArn", "ram_role_arn": ROLE, "source_profile": "p"}))
                .into_config(),
            "too many profiles, or in a circle",
        ),
        (
            vec![],
            cli(json!({"mode": "OIDC", "ram_role_arn": ROLE})).into_config(),
            "it has no OIDC provider ARN",
        ),
        (
            vec![],
            cli(json!({"mode": "OIDC", "ram_role_arn": ROLE, "oidc_provider_arn": PROVIDER})).into_config(),
            "it has no OIDC token file",
        ),
        (
            vec![],
            cli(json!({"mode": "OIDC", "oidc_provider_arn": PROVIDER, "oidc_token_file": "/t"}))
                .into_config(),
            "it has no role ARN",
        ),
        (vec![], cli(json!({"mode": "External"})).into_config(), "it has no process_command"),
        (
            vec![],
            cli(json!({"mode": "External", "process_command": "get 'key"})).into_config(),
            "process_command has a quote that does not end",
        ),
        (
            vec![],
            cli(json!({"mode": "External", "process_command": " "})).into_config(),
            "process_command names no program",
        ),
        (
            vec![],
            cli(json!({"mode": "External", "process_command": "get"})).into_config(),
            "process_command: it cannot be started: no such file",
        ),
        (
            vec![("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "true")],
            cli(json!({"mode": "External", "process_command": "get"})).into_config(),
            "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS forbids it",
        ),
        (
            vec![("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "1")],
            cli(json!({"mode": "CredentialsURI", "credentials_uri": "http://127.0.0.1/"})).into_config(),
            "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS forbids it",
        ),
        (vec![], cli(json!({"mode": "CredentialsURI"})).into_config(), "it has no credentials_uri"),
        (
            vec![],
            cli(json!({"mode": "CloudSSO"})).into_config(),
            "log in: aliyun configure --profile p --mode CloudSSO",
        ),
        (
            vec![],
            with(json!({"mode": "CloudSSO", "sts_token": "hunter2", "sts_expiration": 1_000})).into_config(),
            "its session has ended; log in again: aliyun configure --profile p --mode CloudSSO",
        ),
        (
            vec![],
            with(json!({"mode": "OAuth", "sts_token": "hunter2"})).into_config(),
            "its session has ended; log in again: aliyun configure --profile p --mode OAuth",
        ),
        (
            vec![],
            cli(json!({"mode": "BearerToken", "bearer_token": "hunter2"})).into_config(),
            "renewctl cannot use its mode",
        ),
        (vec![], with(json!({"mode": "RsaKeyPair"})).into_config(), "renewctl cannot use its mode"),
        (vec![], with(json!({"mode": "Other"})).into_config(), "its mode is not known"),
        (
            vec![("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "True")],
            cli(json!({"mode": "EcsRamRole"})).into_config(),
            "ALIBABA_CLOUD_ECS_METADATA_DISABLED is true",
        ),
        (vec![("ALIBABA_CLOUD_PROFILE", "q")], config(CLI.into()), "profile \"q\": it is not there"),
        (vec![], ini("hunter2"), "credentials.ini: line 1: neither [section] nor name = value"),
        (vec![], ini("type = access_key"), "line 1: it stands before the first [section]"),
        (vec![], ini("[default]\ntype=x\n[default]"), "line 3: this section is there twice"),
        (vec![], ini("[default]\ntype=x\nType=y"), "line 3: this name is there twice in its section"),
        (vec![], ini("[other]\n"), "credentials.ini, section [default]: it is not there"),
        (vec![], ini("[default]\n"), "section [default]: it has no type"),
        (vec![], ini("[default]\ntype = hunter2"), "its type is none of access_key"),
        (vec![], ini("[default]\ntype = rsa_key_pair"), "rsa_key_pair"),
        (vec![], ini("[default]\ntype = access_key\naccess_key_id = hunter2"), "it has no access_key_secret"),
        (
            vec![],
            ini("[default]\ntype = access_key\naccess_key_id = #\naccess_key_secret = hunter2"),
            "it has no access_key_id",
        ),
        (
            vec![],
            ini("[default]\ntype = access_key\naccess_key_id = a b\naccess_key_secret = hunter2"),
            "its access key id holds a blank",
        ),
        (
            vec![],
            ini("[default]\ntype = ram_role_arn\naccess_key_id = x\naccess_key_secret = hunter2"),
            "it has no role ARN",
        ),
        (
            vec![("ALIBABA_CLOUD_CREDENTIALS_FILE", "/gone")],
            ini(SECTIONS),
            "INI file         ALIBABA_CLOUD_CREDENTIALS_FILE: /gone is not there",
        ),
        (vec![("HOME", "")], vec![], "CLI profile      HOME is not set"),
        (
            vec![("ALIBABA_CLOUD_ECS_METADATA", "../x")],
            vec![],
            "the name of the instance's role has a character",
        ),
        (
            vec![("RENEWCTL_METADATA_ENDPOINT", "http://example.com")],
            vec![],
            "is for http:// to this machine only",
        ),
        (
            vec![("RENEWCTL_METADATA_ENDPOINT", "https://127.0.0.1")],
            vec![],
            "is for http:// to this machine only",
        ),
        (vec![("ALIBABA_CLOUD_CREDENTIALS_URI", "hunter2")], vec![], "it is no address"),
        (vec![("ALIBABA_CLOUD_CREDENTIALS_URI", "file:///etc/hunter2")], vec![], "it is no address"),
        (
            vec![("ALIBABA_CLOUD_CREDENTIALS_URI", "http://keys.example.com/")],
            vec![],
            "plain HTTP would tell the key",
        ),
        (vec![("ALIBABA_CLOUD_CREDENTIALS_URI", "http://8.8.8.8/")], vec![], "plain HTTP would tell the key"),
        (
            vec![("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1/")],
            vec![],
            "credentials URI  no connection: nobody is there",
        ),
    ];
    for (vars, files, why) in rows {
        run(async {
            let files: Vec<(&str, &str)> =
                files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            let home = Rc::new(Home::new(&vars, &files));
            let text = home.refusal().await;
            assert!(text.contains(why), "{why}\n--- instead\n{text}");
            assert!(!text.contains("hunter2"), "{text}");
        });
    }
}

trait IntoConfig {
    fn into_config(self) -> Vec<(String, String)>;
}

impl IntoConfig for String {
    fn into_config(self) -> Vec<(String, String)> {
        vec![(CONFIG.to_owned(), self)]
    }
}

#[test]
fn a_key_that_no_cloud_can_take_is_not_silently_another_ones() {
    let rows = [
        (
            vec![("ALIBABA_CLOUD_ACCESS_KEY_ID", "env"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "with blank")],
            CLI,
            "environment",
        ),
        (
            vec![],
            r#"{"current": "p", "profiles": [{"name": "p", "mode": "AK", "access_key_id": "a", "access_key_secret": "b c"}]}"#,
            "CLI profile",
        ),
    ];
    for (vars, config, provider) in rows {
        run(async {
            let home = Rc::new(
                Home::new(&vars, &[(CONFIG, config), (INI, SECTIONS)]).answering(instance_and_helper),
            );
            let text = home.refusal().await;
            assert!(text.contains("might be another account's"), "{text}");
            assert!(text.lines().rev().nth(1).unwrap().trim_start().starts_with(provider), "{text}");
            assert!(home.asked.borrow().is_empty());
        });
    }
}

#[test]
fn a_provider_that_is_set_up_and_fails_is_worth_a_warning() {
    run(async {
        let vars = [&OIDC[..], &[("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")]].concat();
        let home = Rc::new(Home::new(&vars, &[(CONFIG, "{"), (INI, SECTIONS)]));
        let keys = home.keys().await.unwrap();
        let (provider, passed) = keys.origin().unwrap();
        assert_eq!(provider, Provider::IniFile);
        let set_up: Vec<String> =
            passed.iter().filter(|passed| passed.was_set_up()).map(ToString::to_string).collect();
        assert_eq!(set_up.len(), 2, "{set_up:?}");
        assert!(set_up[0].starts_with("OIDC: /run/token is not there"), "{set_up:?}");
        assert!(
            set_up[1].starts_with("CLI profile: /home/ann/.aliyun/config.json: no valid JSON"),
            "{set_up:?}"
        );
    });
}

#[test]
fn a_pipe_is_no_place_for_a_key() {
    for (vars, files, reason) in [
        (&OIDC[..], [(TOKEN.0, "(a pipe)")], "OIDC             /run/token is a pipe or a device"),
        (&[], [(CONFIG, "(a pipe)")], "CLI profile      /home/ann/.aliyun/config.json is a pipe or a device"),
        (
            &[],
            [(INI, "(a pipe)")],
            "INI file         /home/ann/.alibabacloud/credentials.ini is a pipe or a device",
        ),
    ] {
        run(async {
            let text = Rc::new(Home::new(vars, &files)).refusal().await;
            assert!(text.contains(reason) && text.contains("have to be in files"), "{text}");
        });
    }
}

const BROKEN_SESSION: &str = r#"{"current": "work", "profiles": [{"name": "work", "mode": "CloudSSO"}]}"#;

/// What is told of the providers before the one that serves.
async fn warnings(home: Home) -> (Provider, Vec<String>) {
    let keys = Rc::new(home).keys().await.unwrap();
    let (provider, passed) = keys.origin().unwrap();
    let told = passed.iter().filter(|passed| passed.was_set_up()).map(ToString::to_string);
    (provider, told.collect())
}

#[test]
fn the_first_ini_file_that_has_the_profile_decides() {
    const BLANK: &str = "[default]\ntype=access_key\naccess_key_id=a\naccess_key_secret=b c";
    run(async {
        let home = Home::new(&[], &[(INI, BLANK), (INI_TWO, SECTIONS)]).answering(instance_and_helper);
        let home = Rc::new(home);
        let text = home.refusal().await;
        assert!(text.contains("its access key secret holds a blank"), "{text}");
        assert!(text.contains("might be another account's") && home.asked.borrow().is_empty(), "{text}");
    });
    for broken in ["[default]\nbroken", "[default]\ntype = magic", "(a pipe)", "(nobody may read this)"] {
        run(async {
            let home = Home::new(&[], &[(INI, broken), (INI_TWO, SECTIONS)]).answering(instance_and_helper);
            let (provider, told) = warnings(home).await;
            assert_eq!(provider, Provider::InstanceRole, "{broken}");
            assert!(told.len() == 1 && told[0].contains("credentials.ini"), "{told:?}");
        });
    }
}

#[test]
fn what_a_variable_names_and_is_not_there_is_worth_a_warning() {
    let empty = r#"{"current": "p", "profiles": [{"name": "p", "mode": "AK"}]}"#;
    for (variable, files, provider, said) in [
        (
            ("ALIBABA_CLOUD_CONFIG_FILE", "/gone"),
            vec![(CONFIG, CLI), (INI, SECTIONS)],
            Provider::IniFile,
            vec!["CLI profile: ALIBABA_CLOUD_CONFIG_FILE: /gone is not there"],
        ),
        (
            ("ALIBABA_CLOUD_CREDENTIALS_FILE", "/gone"),
            vec![(INI, SECTIONS)],
            Provider::InstanceRole,
            vec!["INI file: ALIBABA_CLOUD_CREDENTIALS_FILE: /gone is not there"],
        ),
        (
            ("ALIBABA_CLOUD_PROFILE", "gone"),
            vec![],
            Provider::InstanceRole,
            vec!["INI file: /home/ann/.alibabacloud/credentials.ini is not there; "],
        ),
        (
            ("ALIBABA_CLOUD_PROFILE", "gone"),
            vec![(CONFIG, CLI), (INI, SECTIONS)],
            Provider::InstanceRole,
            vec!["CLI profile: ", "INI file: "],
        ),
        (
            ("ALIBABA_CLOUD_PROFILE", "p"),
            vec![(CONFIG, empty), (INI, "[p]\ntype=access_key\naccess_key_id=a\naccess_key_secret=b")],
            Provider::IniFile,
            vec!["CLI profile: /home/ann/.aliyun/config.json: profile \"p\": it is not set up yet"],
        ),
        (("ALIBABA_CLOUD_PROFILE", "work"), vec![(INI, SECTIONS)], Provider::IniFile, vec![]),
        (("OTHER", ""), vec![(CONFIG, empty)], Provider::InstanceRole, vec![]),
    ] {
        run(async {
            let (served, told) =
                warnings(Home::new(&[variable], &files).answering(instance_and_helper)).await;
            assert_eq!((served, told.len()), (provider, said.len()), "{variable:?} {told:?}");
            let fits = told.iter().zip(&said).all(|(told, said)| told.starts_with(said));
            assert!(fits, "{variable:?} {told:?}");
        });
    }
}

#[test]
fn a_named_profile_that_is_broken_has_no_namesake() {
    let source_gone =
        r#"{"profiles": [{"name": "work", "mode": "ChainableRamRoleArn", "source_profile": "gone"}]}"#;
    let instance = r#"{"profiles": [{"name": "work", "mode": "EcsRamRole"}]}"#;
    for (config, said) in [
        (BROKEN_SESSION, "it holds no session; log in"),
        (source_gone, "profile \"gone\": it is not there"),
        (instance, "there is no metadata service here"),
        ("{", "no valid JSON"),
        ("(a pipe)", "is a pipe or a device"),
    ] {
        run(async {
            let mut home = Home::new(&[], &[(CONFIG, config), (INI, SECTIONS)]);
            home.profile = Some("work".to_owned());
            let text = Rc::new(home).refusal().await;
            assert!(text.contains(said) && !text.contains("INI file"), "{text}");
        });
    }
    for files in [vec![(INI, SECTIONS)], vec![(CONFIG, r#"{"profiles": []}"#), (INI, SECTIONS)]] {
        run(async {
            let mut home = Home::new(&[], &files);
            home.profile = Some("work".to_owned());
            assert_eq!(Rc::new(home).choice().await, Ok((Provider::IniFile, "ini-work".to_owned())));
        });
    }
    // Without --profile the chain is the official one.
    run(async {
        let home =
            Home::new(&[("ALIBABA_CLOUD_PROFILE", "work")], &[(CONFIG, BROKEN_SESSION), (INI, SECTIONS)]);
        let (provider, told) = warnings(home).await;
        assert_eq!((provider, told.len()), (Provider::IniFile, 1));
    });
}
