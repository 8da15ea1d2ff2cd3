//! A home made of memory: variables, files, and a network that answers by a rule. The secret of the key `X` is
//! always `secret-of-X`, its token `token-of-X`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use renewctl::cloud::sign::{self, Signature};
use renewctl::cloud::{Cloud, Doors, Endpoint, KeyDoors, KeyWishes, Keys, NoKey, Provider};
use renewctl::ports::{
    Clock, Environment, Files, HttpReply, HttpRequest, LocalFuture, ProcessError, ProcessRequest, Processes,
    Transport, TransportError,
};
use serde_json::{Value, json};

use crate::cloud_script::decoded;
use crate::support::{CountingEntropy, time};

pub const NOW: &str = "2026-11-25T08:00:00Z";
pub const ROLE: &str = "acs:ram::1234567890123456:role/renewals";
pub const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/ci";
pub const ACCOUNT: &str = "1234567890123456";
/// The content of a file that is a pipe.
pub const PIPE: &[u8] = b"(a pipe)";

pub type Answer = Result<HttpReply, TransportError>;

/// By which door a request left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Cloud,
    Web,
    Loopback,
    Nearby,
    Metadata,
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub door: Door,
    pub http: HttpRequest,
    pub parameters: BTreeMap<String, String>,
}

impl Asked {
    pub fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.http.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Variables, files and programs.
#[allow(clippy::type_complexity, reason = "one callback")]
pub struct Shelf {
    pub vars: RefCell<BTreeMap<String, String>>,
    pub files: RefCell<BTreeMap<PathBuf, Vec<u8>>>,
    pub ran: RefCell<Vec<ProcessRequest>>,
    pub prints: RefCell<Box<dyn Fn(&ProcessRequest) -> Result<String, ProcessError>>>,
}

#[allow(clippy::type_complexity, reason = "callbacks")]
pub struct Home {
    pub shelf: Rc<Shelf>,
    pub asked: RefCell<Vec<Asked>>,
    /// Answers a request, if it wants to; otherwise the usual answer is given.
    pub answer: RefCell<Box<dyn Fn(&Asked) -> Option<Answer>>>,
    pub profile: Option<String>,
    pub signature: Signature,
    pub endpoint: Endpoint,
    /// Since the start, besides tokio's time.
    pub jump: Cell<TimeDelta>,
    start: tokio::time::Instant,
    issued: Cell<usize>,
}

impl Shelf {
    pub fn new(vars: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let files = files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()));
        let mut vars: BTreeMap<String, String> = vars.collect();
        vars.entry("HOME".to_owned()).or_insert_with(|| "/home/ann".to_owned());
        Self {
            vars: vars.into(),
            files: files.collect::<BTreeMap<_, _>>().into(),
            ran: RefCell::default(),
            prints: RefCell::new(Box::new(|_| Err(ProcessError::NotStarted("no such file".to_owned())))),
        }
    }

    pub fn write(&self, path: &str, content: &str) {
        self.files.borrow_mut().insert(path.into(), content.as_bytes().to_vec());
    }
}

impl Home {
    /// Made inside `run`.
    pub fn new(vars: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        Self {
            shelf: Rc::new(Shelf::new(vars, files)),
            asked: RefCell::default(),
            answer: RefCell::new(Box::new(|_| None)),
            profile: None,
            signature: Signature::V1,
            endpoint: Endpoint::Regional,
            jump: Cell::new(TimeDelta::zero()),
            start: tokio::time::Instant::now(),
            issued: Cell::new(0),
        }
    }

    pub fn answering(self, answer: impl Fn(&Asked) -> Option<Answer> + 'static) -> Self {
        *self.answer.borrow_mut() = Box::new(answer);
        self
    }

    pub fn printing(
        self,
        prints: impl Fn(&ProcessRequest) -> Result<String, ProcessError> + 'static,
    ) -> Self {
        *self.shelf.prints.borrow_mut() = Box::new(prints);
        self
    }

    pub fn time(&self) -> DateTime<Utc> {
        time(NOW) + TimeDelta::from_std(self.start.elapsed()).unwrap() + self.jump.get()
    }

    /// Paths that were asked for at the metadata service.
    pub fn metadata_paths(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let metadata = asked.iter().filter(|asked| asked.door == Door::Metadata);
        metadata.map(|asked| format!("{} {}", asked.http.method.as_str(), asked.http.url)).collect()
    }

    pub fn calls(&self, action: &str) -> usize {
        self.asked.borrow().iter().filter(|asked| asked.get("Action") == action).count()
    }

    /// The next session: `STS.1`, `STS.2` and so on, of an hour.
    pub fn session(&self) -> Value {
        self.issued.set(self.issued.get() + 1);
        session(&format!("STS.{}", self.issued.get()), self.time() + TimeDelta::hours(1))
    }

    fn usual(&self, asked: &Asked) -> Answer {
        match asked.get("Action") {
            "AssumeRole" | "AssumeRoleWithOIDC" => ok(json!({"Credentials": self.session()})),
            "GetCallerIdentity" => ok(json!({"AccountId": ACCOUNT})),
            _ => Err(TransportError::NotSent("nobody is there".to_owned())),
        }
    }

    pub async fn keys(self: &Rc<Self>) -> Result<Keys, NoKey> {
        let door = |door| -> Rc<dyn Transport> { Rc::new(Wire { home: Rc::clone(self), door }) };
        let doors = KeyDoors {
            cloud: door(Door::Cloud),
            web: door(Door::Web),
            loopback: door(Door::Loopback),
            nearby: door(Door::Nearby),
            metadata: door(Door::Metadata),
            files: self.shelf.clone(),
            environment: self.shelf.clone(),
            processes: self.shelf.clone(),
            clock: Rc::new(HomeClock(Rc::clone(self))),
            entropy: Rc::new(CountingEntropy::default()),
        };
        let wishes = KeyWishes {
            profile: self.profile.clone(),
            signature: self.signature,
            endpoint: self.endpoint.clone(),
        };
        Keys::find(doors, wishes).await
    }

    pub fn cloud(self: &Rc<Self>, keys: Keys) -> Cloud {
        let doors = Doors {
            transport: Rc::new(Wire { home: Rc::clone(self), door: Door::Cloud }),
            clock: Rc::new(HomeClock(Rc::clone(self))),
            entropy: Rc::new(CountingEntropy::default()),
        };
        Cloud::new(doors, keys, self.endpoint.clone(), 1).signing_with(self.signature)
    }

    /// Who serves, and with which key.
    pub async fn choice(self: &Rc<Self>) -> Result<(Provider, String), NoKey> {
        let keys = self.keys().await?;
        let provider = keys.origin().unwrap().0;
        self.cloud(keys).caller().await.unwrap();
        let asked = self.asked.borrow();
        Ok((provider, signer(asked.last().unwrap())))
    }

    /// Why there is no key.
    pub async fn refusal(self: &Rc<Self>) -> String {
        match self.choice().await {
            Ok(choice) => panic!("{choice:?}"),
            Err(error) => error.to_string(),
        }
    }
}

/// The id of the key that signed a V1 request. Its secret and its token are checked.
pub fn signer(asked: &Asked) -> String {
    let id = asked.get("AccessKeyId").to_owned();
    let mut parameters: Vec<(String, String)> = asked.parameters.clone().into_iter().collect();
    parameters.retain(|(name, _)| name != "Signature");
    let text = sign::v1::string_to_sign("POST", &sign::canonical_query(&parameters));
    assert_eq!(asked.get("Signature"), sign::v1::signature(&text, &format!("secret-of-{id}")), "{id}");
    let token = asked.parameters.get("SecurityToken");
    assert!(token.is_none_or(|token| *token == format!("token-of-{id}")), "{id}: {token:?}");
    assert_eq!(token.is_some(), id.starts_with("STS."), "{id}");
    id
}

pub fn session(id: &str, end: DateTime<Utc>) -> Value {
    json!({
        "Code": "Success",
        "AccessKeyId": id,
        "AccessKeySecret": format!("secret-of-{id}"),
        "SecurityToken": format!("token-of-{id}"),
        "Expiration": end.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    })
}

pub fn ok(body: impl ToString) -> Answer {
    status(200, body)
}

pub fn status(status: u16, body: impl ToString) -> Answer {
    Ok(HttpReply { status, headers: Vec::new(), body: body.to_string().into_bytes() })
}

struct Wire {
    home: Rc<Home>,
    door: Door,
}

impl Transport for Wire {
    fn send(&self, http: HttpRequest) -> LocalFuture<'_, Answer> {
        Box::pin(async move {
            let query = http.url.split_once('?').map_or("", |(_, query)| query);
            let mut parameters = decoded(&format!("{query}&{}", http.body));
            let named = http.headers.iter().find(|(name, _)| name == "x-acs-action");
            parameters.extend(named.map(|(_, action)| ("Action".to_owned(), action.clone())));
            let asked = Asked { door: self.door, http, parameters };
            self.home.asked.borrow_mut().push(asked.clone());
            // Others may send, too, before the answer comes.
            tokio::task::yield_now().await;
            let own = (self.home.answer.borrow())(&asked);
            own.unwrap_or_else(|| self.home.usual(&asked))
        })
    }
}

struct HomeClock(Rc<Home>);

impl Clock for HomeClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.time()
    }
}

impl Environment for Shelf {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.borrow().get(name).filter(|value| !value.is_empty()).cloned()
    }
}

impl Processes for Shelf {
    fn run(
        &self,
        request: ProcessRequest,
    ) -> LocalFuture<'_, Result<secrecy::SecretSlice<u8>, ProcessError>> {
        let printed = (self.prints.borrow())(&request);
        self.ran.borrow_mut().push(request);
        Box::pin(std::future::ready(printed.map(|text| text.into_bytes().into())))
    }
}

impl Files for Shelf {
    fn read_up_to(&self, path: &Path, bytes: usize) -> io::Result<Vec<u8>> {
        match self.files.borrow().get(path) {
            Some(content) if content == PIPE => panic!("{} would be waited for", path.display()),
            Some(content) if content == b"(nobody may read this)" => {
                Err(io::Error::from(io::ErrorKind::PermissionDenied))
            }
            Some(content) => Ok(content.iter().take(bytes).copied().collect()),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
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
    fn is_stream(&self, path: &Path) -> bool {
        self.files.borrow().get(path).is_some_and(|content| content == PIPE)
    }
    fn list(&self, _: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        Err(io::Error::other("not here"))
    }
    fn replace(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("nothing is written"))
    }
}
