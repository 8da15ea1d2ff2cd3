//! What must hold for any bytes: one function for each reader of foreign bytes. The fuzz targets call
//! them with what libFuzzer finds, `cargo test` with every seed and thousands of mutations of it.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use renewctl::cloud::sign::Signature;
use renewctl::cloud::{
    Cloud, Credentials, Doors, Endpoint, Gate, KeyDoors, KeyWishes, Keys, ReadId, RenewOrder,
};
use renewctl::config::load;
use renewctl::diagnostic::render;
use renewctl::emulator::{Emulator, ledger_json, ledger_text};
use renewctl::ids::{InstanceId, RegionId};
use renewctl::journal::fold::fold;
use renewctl::journal::history::{history, months};
use renewctl::journal::{Journal, Record, parse};
use renewctl::plan::{file, token};
use renewctl::ports::{
    Clock, Entropy, Environment, Files, HttpReply, HttpRequest, JournalStorage, LocalFuture, ProcessError,
    ProcessRequest, Processes, Transport, TransportError,
};
use renewctl::render::{self, Style};
use renewctl::retry::Class;
use renewctl::term::{AutoRenew, PurchaseTerm, Site, Term};
use sha2::{Digest as _, Sha256};

const NOW: &str = "2026-12-01T12:17:00Z";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

/// Desired-state files: nothing panics, every error can be shown, and what is valid is valid again.
pub fn config(bytes: &[u8]) {
    let files = [("renewals.yaml".into(), bytes.to_vec())];
    let loaded = load(&files);
    let shown = render(&loaded.diagnostics, &loaded.sources, false, 100);
    assert_eq!(loaded.config.is_none(), shown.contains("error"), "{shown}");
    assert_eq!(loaded.config, load(&files).config);
}

/// A journal's storage in memory.
struct Memory(RefCell<Vec<u8>>);

impl JournalStorage for Memory {
    fn read(&self) -> io::Result<Vec<u8>> {
        Ok(self.0.borrow().clone())
    }
    fn lock(&self) -> io::Result<bool> {
        Ok(true)
    }
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }
}

/// Journals: nothing panics; one that is whole stays whole when a run writes to it, and loses no line.
pub fn journal(bytes: &[u8]) {
    let contents = parse(bytes);
    let worlds: Vec<String> = contents.lines.iter().map(|line| line.world.clone()).collect();
    for world in worlds.iter().map(String::as_str).chain(["cloud"]) {
        let memory = fold(&contents.lines, world);
        assert!(memory.in_doubt(now()).len() <= memory.pending().len());
    }
    let _ = months(&history(&contents.lines));
    let storage = Rc::new(Memory(RefCell::new(bytes.to_vec())));
    match Journal::open(storage.clone(), "cloud".to_owned(), "fuzz".to_owned(), now()) {
        Err(_) => assert!(contents.damaged.is_some()),
        Ok((journal, _)) => {
            assert!(contents.damaged.is_none());
            journal.write(now(), Record::End { converged: true }).unwrap();
            let after = parse(&storage.0.borrow());
            let torn = usize::from(contents.torn > 0);
            assert_eq!((after.damaged, after.torn), (None, 0));
            assert_eq!(after.lines.len(), contents.lines.len() + torn + 1);
            assert_eq!(after.lines[..contents.lines.len()], contents.lines);
        }
    }
}

/// Saved plans: nothing panics; what is read can be shown in every format.
pub fn plan(bytes: &[u8]) {
    if let Ok(saved) = file::read(bytes) {
        assert!(!render::text::plan(&saved.plan, Style::default()).is_empty());
        let context = render::markdown::Context { apply_command: "renewctl apply", is_emulator: true };
        assert!(!render::markdown::plan(&saved.plan, &context).is_empty());
        let json = render::json::plan(&saved.plan, &saved.world).unwrap();
        assert!(json.contains(&saved.plan.id.to_string()));
    }
}

/// What a plan is decided from, under a digest that fits: deciding on it does not panic, and does not lead
/// to a plan that it does not name.
pub fn evidence(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let digest = HEXLOWER.encode(&Sha256::digest(text.trim().as_bytes()));
    let inputs = text.trim();
    let whole = format!(
        r#"{{"format_version":"1.0","plan_id":"?","world":"cloud","inputs_sha256":"{digest}","inputs":{inputs}}}"#
    );
    assert!(file::read(whole.as_bytes()).is_err());
}

/// World files of the emulator: nothing panics, and what is read can live and be told.
pub fn world(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(mut emulator) = Emulator::from_world(text, now(), "00000000fuzz") {
        emulator.advance(40 * 86_400);
        emulator.live_on(now());
        let _ = (ledger_text(&emulator), ledger_json(&emulator));
    }
}

/// Answers every request with the same reply.
struct Wire(HttpReply);

impl Transport for Wire {
    fn send(&self, _: HttpRequest) -> LocalFuture<'_, Result<HttpReply, TransportError>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> DateTime<Utc> {
        now()
    }
}

#[derive(Default)]
struct Counting(Cell<u8>);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0.set(self.0.get().wrapping_add(1));
            *byte = self.0.get();
        }
    }
}

struct Open;

impl Gate for Open {
    fn may_resend(&self, _: Class) -> LocalFuture<'_, bool> {
        Box::pin(std::future::ready(true))
    }
}

const STATUSES: [u16; 8] = [200, 400, 403, 404, 429, 500, 503, 302];

/// Replies of the API: nothing panics, no id is lost, and a charge whose answer was a success that is not
/// understood is never called certainly not made. The first byte chooses the status and the headers.
pub fn replies(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let status = STATUSES[usize::from(choice & 7)];
    let mut headers = Vec::new();
    if choice & 8 != 0 {
        headers.push(("date".to_owned(), "Tue, 01 Dec 2026 12:17:03 GMT".to_owned()));
    }
    if choice & 16 != 0 {
        headers.push(("x-acs-retry-after".to_owned(), "50".to_owned()));
    }
    let reply = HttpReply { status, headers, body: body.to_vec() };
    let doors = Doors {
        transport: Rc::new(Wire(reply)),
        clock: Rc::new(Fixed),
        entropy: Rc::new(Counting::default()),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let cloud =
            Cloud::new(doors, Credentials::new("LTAIfuzz", "fuzz-secret-0123456789"), Endpoint::Regional, 4);
        let (region, id) = (RegionId::parse("cn-beijing").unwrap(), InstanceId::parse("i-bp1fuzz").unwrap());
        let ask = ReadId { region: region.clone(), id: id.clone(), auto_renew: true };
        if let Ok(live) = cloud.read(std::slice::from_ref(&ask), &|_, _| ()).await {
            assert!(live.answers.contains_key(&(region.clone(), id.clone())), "every id gets an answer");
        }
        let _ = cloud.quote(&region, &id, Term::Months(1)).await;
        let _ = cloud.set_auto_renew(&region, std::slice::from_ref(&id), AutoRenew::Off, &Open).await;
        let _ = cloud.balance(Site::China).await;
        let _ = cloud.caller().await;
        let token = token::derive(&region, &id, now(), now());
        let term = PurchaseTerm::new(Term::Months(1), Site::China).unwrap();
        let order = RenewOrder { region: &region, id: &id, term, token: &token };
        match cloud.renew(&order, &Open).await {
            Ok(receipt) => assert!(status == 200, "{receipt:?}"),
            Err(error) => {
                let unclear = (200..300).contains(&status) || status >= 500;
                assert!(error.maybe_done || !unclear, "HTTP {status}: {error:?}");
                assert!(!error.advice().contains("fuzz-secret"), "{}", error.advice());
            }
        }
    });
}

/// A home in which every file, every reply and every output has the same bytes.
struct Home {
    variables: Vec<(&'static str, &'static str)>,
    bytes: Vec<u8>,
}

impl Environment for Home {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }
}

impl Processes for Home {
    fn run(&self, _: ProcessRequest) -> LocalFuture<'_, Result<secrecy::SecretSlice<u8>, ProcessError>> {
        Box::pin(std::future::ready(Ok(self.bytes.clone().into())))
    }
}

impl Files for Home {
    fn read_up_to(&self, _: &Path, bytes: usize) -> io::Result<Vec<u8>> {
        Ok(self.bytes.iter().take(bytes).copied().collect())
    }
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::other("only small files are read"))
    }
    fn real_path(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::Error::other("not here"))
    }
    fn lock(&self, _: &Path) -> io::Result<Option<Box<dyn std::any::Any>>> {
        Err(io::Error::other("not here"))
    }
    fn is_stream(&self, _: &Path) -> bool {
        false
    }
    fn list(&self, _: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        Err(io::Error::other("not here"))
    }
    fn replace(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("nothing is written"))
    }
}

/// Profiles, INI files, tokens, and what STS, the metadata service, an address and a command answer: nothing
/// panics, and every reason can be shown.
pub fn credentials(bytes: &[u8]) {
    let base = vec![("HOME", "/home/ann")];
    let oidc = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/a"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/a"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token"),
    ];
    let uri = [("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1/")];
    for variables in [base.clone(), [&base[..], &oidc].concat(), [&base[..], &uri].concat()] {
        let home = Rc::new(Home { variables, bytes: bytes.to_vec() });
        let reply = HttpReply { status: 200, headers: Vec::new(), body: bytes.to_vec() };
        let wire: Rc<dyn Transport> = Rc::new(Wire(reply));
        let doors = KeyDoors {
            cloud: Rc::clone(&wire),
            web: Rc::clone(&wire),
            loopback: Rc::clone(&wire),
            nearby: Rc::clone(&wire),
            metadata: wire,
            files: home.clone(),
            environment: home.clone(),
            processes: home,
            clock: Rc::new(Fixed),
            entropy: Rc::new(Counting::default()),
        };
        let wishes = KeyWishes { profile: None, signature: Signature::V1, endpoint: Endpoint::Regional };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let text = match runtime.block_on(Keys::find(doors, wishes)) {
            Ok(keys) => {
                keys.origin().map_or(&[][..], |(_, passed)| passed).iter().map(ToString::to_string).collect()
            }
            Err(error) => error.to_string(),
        };
        let hostile = text.chars().find(|c| *c != '\n' && renewctl::text::is_hostile(*c));
        assert_eq!(hostile, None, "{text:?}");
    }
}
