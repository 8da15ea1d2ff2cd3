//! The real program in a home of its own: plans through each kind of session, and no secret in any output.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::folder::{Folder, Run};

const WORLD: &str = "
now: 2026-12-01T02:05:00Z
effect_delay: 1s
keys:
  - { id: base, secret: base-secret-nobody-may-see }
roles:
  - arn: acs:ram::1234567890123456:role/renewals
    trusts: [base]
    oidc: { provider: 'acs:ram::1234567890123456:oidc-provider/ci', tokens: [oidc.token-nobody.may-see] }
metadata: { role: renewals, tokens_only: true }
instances:
  - { id: i-one, region: cn-beijing, expires_in: 10d, price_per_month: '100.00' }
";
const FILES: &str = "
version: 1
region: cn-beijing
account: '1234567890123456'
limits: { max_charge: 500 CNY }
instances:
  - { id: i-one, min_remaining: 15d, auto_renew: 1mo }
";
/// Parts of everything that is secret in this world.
const SECRETS: [&str; 5] =
    ["nobody-may-see", "nobody.may-see", "emulator-session-secret", "emulator-session-token", "Signature="];

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn of(folder: &Folder) -> Self {
        let mut child = folder.command("emulator serve").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.strip_prefix("listening on ").unwrap().trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A folder with a world, a home with one profile, and a served emulator.
fn home(profile: Value) -> (Folder, Server) {
    let folder = Folder::of(WORLD, FILES);
    fs::create_dir_all(folder.path("home/.aliyun")).unwrap();
    fs::write(folder.path("home/token"), "oidc.token-nobody.may-see\n").unwrap();
    if !profile.is_null() {
        let config = json!({"current": "p", "profiles": [profile]}).to_string();
        fs::write(folder.path("home/.aliyun/config.json"), config).unwrap();
    }
    let server = Server::of(&folder);
    (folder, server)
}

fn command(folder: &Folder, server: &Server, arguments: &str, vars: &[(&str, &str)]) -> Command {
    let mut command = folder.command(&format!("{arguments} --endpoint-url {}", server.url));
    command.env("HOME", folder.path("home")).envs(vars.iter().copied());
    command
}

/// Everything below a folder but the home and the emulator's own state.
fn written(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["home", "examples", "world.yaml", "emulator.json"].contains(&name.as_str()) {
            continue;
        }
        text += &if path.is_dir() {
            written(&path)
        } else {
            String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
        };
    }
    text
}

fn with_key(more: Value) -> Value {
    let mut profile =
        json!({"name": "p", "access_key_id": "base", "access_key_secret": "base-secret-nobody-may-see"});
    profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    profile
}

const ROLE: &str = "acs:ram::1234567890123456:role/renewals";
const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/ci";

#[test]
fn a_plan_is_made_and_carried_out_through_each_kind_of_key_and_no_secret_is_told() {
    let role = json!({"mode": "RamRoleArn", "ram_role_arn": ROLE, "expired_seconds": 900});
    let metadata = [("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "")];
    let session_page = "/latest/meta-data/ram/security-credentials/renewals";
    for (name, profile, provider) in [
        ("OIDC", Value::Null, "OIDC"),
        ("a role of a profile", with_key(role.clone()), "CLI profile"),
        ("a key of a profile", with_key(json!({"mode": "AK"})), "CLI profile"),
        ("the role of the instance", Value::Null, "ECS role"),
        (
            "a command",
            json!({"name": "p", "mode": "External", "process_command": "cat 'home/printed key.json'"}),
            "CLI profile",
        ),
        ("an address", Value::Null, "credentials URI"),
    ] {
        let (folder, server) = home(profile);
        let token = folder.path("home/token").to_string_lossy().into_owned();
        let printed =
            json!({"mode": "AK", "access_key_id": "base", "access_key_secret": "base-secret-nobody-may-see"});
        fs::write(folder.path("home/printed key.json"), printed.to_string()).unwrap();
        let address = format!("{}{session_page}", server.url);
        let vars: Vec<(&str, &str)> = match provider {
            "OIDC" => vec![
                ("ALIBABA_CLOUD_ROLE_ARN", ROLE),
                ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER),
                ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &token),
            ],
            "ECS role" => [&metadata[..], &[("RENEWCTL_METADATA_ENDPOINT", &server.url)]].concat(),
            "credentials URI" => vec![("ALIBABA_CLOUD_CREDENTIALS_URI", &address)],
            _ => vec![],
        };
        if provider == "credentials URI" {
            // This world's service wants a token, which a plain address does not have.
            let run = Run::from(command(&folder, &server, "plan -f renewals.yaml", &vars).output().unwrap());
            assert_eq!(run.code, 1, "{run:?}");
            assert!(run.err.contains("credentials URI  HTTP status 403"), "{run:?}");
            continue;
        }
        let mut told = String::new();
        for arguments in [
            "-v plan -f renewals.yaml --out plan.json",
            "-v --log-format json plan -f renewals.yaml --signature v3",
            "-v --log-format json apply -f renewals.yaml --auto-approve --format json",
        ] {
            let run = Run::from(command(&folder, &server, arguments, &vars).output().unwrap());
            assert_eq!(run.code, 0, "{name}: {arguments}: {run:?}");
            assert!(run.err.contains(provider), "{name}: {arguments}: {run:?}");
            told = [told, run.out, run.err].concat();
        }
        assert!(told.contains("Plan: 1 to renew, 1 to set auto-renew"), "{name}: {told}");
        told += &written(folder.0.path());
        assert!(told.contains("plan_id") && told.contains("acknowledged"), "files were read, too: {told}");
        for secret in SECRETS {
            assert!(!told.contains(secret), "{name}: {secret}\n{told}");
        }
        drop(server);
        assert_eq!(folder.ledger().len(), 1, "{name}");
    }
}

#[test]
fn a_failure_tells_no_secret_either() {
    let wrong_secret = with_key(
        json!({"mode": "RamRoleArn", "ram_role_arn": ROLE, "access_key_secret": "wrong-secret-nobody-may-see"}),
    );
    let external = |command: &str| json!({"name": "p", "mode": "External", "process_command": command});
    for (profile, said) in [
        (wrong_secret, "AssumeRole was refused: SignatureDoesNotMatch"),
        (
            with_key(json!({"mode": "RamRoleArn", "ram_role_arn": "acs:ram::1:role/gone"})),
            "EntityNotExist.Role",
        ),
        (
            with_key(json!({"mode": "AK", "access_key_secret": "with a blank-nobody-may-see"})),
            "its access key secret holds a blank",
        ),
        (external("printf nobody-may-see"), "printed something else than a key"),
        (external("sh -c 'echo nobody-may-see >&2; exit 3'"), "it failed (exit status: 3)"),
        (external("/no/such/program"), "it cannot be started"),
    ] {
        let (folder, server) = home(profile);
        for arguments in ["-v plan -f renewals.yaml", "-v --log-format json plan -f renewals.yaml"] {
            let run = Run::from(command(&folder, &server, arguments, &[]).output().unwrap());
            assert_eq!((run.code, run.out.as_str()), (1, ""), "{run:?}");
            assert!(run.err.contains(said), "{said}: {run:?}");
            for secret in SECRETS {
                assert!(!run.err.contains(secret), "{secret}: {run:?}");
            }
        }
    }
}

#[test]
fn a_named_profile_wins_over_the_environment() {
    let (folder, server) = home(with_key(json!({"mode": "AK"})));
    let vars = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "nobody"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "x")];
    let plan = "plan -f renewals.yaml";
    let run = Run::from(command(&folder, &server, plan, &vars).output().unwrap());
    assert!(run.code == 1 && run.err.contains("InvalidAccessKeyId.NotFound"), "{run:?}");
    let run = Run::from(command(&folder, &server, &format!("--profile p {plan}"), &vars).output().unwrap());
    assert_eq!(run.code, 0, "{run:?}");
    let run = Run::from(command(&folder, &server, &format!("--profile q {plan}"), &vars).output().unwrap());
    assert!(run.code == 1 && run.err.contains("no file has a usable profile \"q\""), "{run:?}");
    let run = folder.run("plan -f renewals.yaml --emulator --profile p");
    assert_eq!(run.code, 64, "{run:?}");
}

#[test]
fn a_provider_that_was_passed_over_is_told() {
    let (folder, server) = home(with_key(json!({"mode": "AK"})));
    let vars = [
        ("ALIBABA_CLOUD_ROLE_ARN", ROLE),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/no/such/token"),
    ];
    let run = Run::from(command(&folder, &server, "plan -f renewals.yaml", &vars).output().unwrap());
    assert_eq!(run.code, 0, "{run:?}");
    let warning =
        "warning: OIDC: /no/such/token is not there\n  the key of another provider is used: CLI profile";
    assert!(run.err.contains(warning), "{run:?}");
    let run = Run::from(command(&folder, &server, "-q plan -f renewals.yaml", &vars).output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
}

#[test]
fn the_emulator_never_looks_at_real_credentials() {
    let folder = Folder::of(WORLD, FILES);
    fs::create_dir_all(folder.path("home/.aliyun")).unwrap();
    fs::write(folder.path("home/.aliyun/config.json"), "broken").unwrap();
    let mut command = folder.command("-v plan --emulator -f renewals.yaml");
    command.env("HOME", folder.path("home")).env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/no/such/token");
    command.env("ALIBABA_CLOUD_CREDENTIALS_URI", "broken").env("SSL_CERT_FILE", "/no/such/file");
    let run = Run::from(command.output().unwrap());
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!run.err.contains("warning") && !run.err.contains("config.json"), "{run:?}");
}
