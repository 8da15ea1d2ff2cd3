//! Keys: where they come from, and how they stay fresh.
//!
//! The default chain of the official SDKs, in its order (reference 7.1): `environment`, `oidc`, `profile`
//! (the official CLI's), `ini`, `metadata`, `uri`. The first one that serves is remembered: no other is asked
//! again in the same run, so that a renewed session never charges another account. What a provider found out
//! is kept as a [`Source`]; a changed file changes nothing of a run that has begun.
//!
//! Secrets live in types that cannot be printed and are wiped when they go. Reasons for people hold names of
//! variables, files and profiles, codes and RequestIds, and never a value of a secret or the text of a reply.

mod assume_role;
mod chain;
mod environment;
mod external;
mod ini;
mod metadata;
mod oidc;
mod profile;
mod session;
mod sts;
mod uri;

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::endpoint::Endpoint;
use super::sign::Signature;
use crate::ports::{Clock, Entropy, Environment, Files, LocalFuture, Processes, Transport};
use crate::text::escape;

pub use chain::{NoKey, PassedOver, Provider};
pub use session::Keys;

use assume_role::AssumedRole;
use external::Command;
use metadata::InstanceRole;
use oidc::FederatedRole;
use uri::Address;

/// A key.
#[derive(Clone, Debug)]
pub struct Credentials {
    key_id: String,
    secret: SecretString,
    security_token: Option<SecretString>,
}

impl Credentials {
    /// A lasting key.
    pub fn new(key_id: &str, secret: &str) -> Self {
        Self { key_id: key_id.to_owned(), secret: secret.into(), security_token: None }
    }

    /// A key of a session.
    #[must_use]
    pub fn with_security_token(mut self, token: &str) -> Self {
        self.security_token = Some(token.into());
        self
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }

    pub(super) fn security_token(&self) -> Option<&str> {
        self.security_token.as_ref().map(ExposeSecret::expose_secret)
    }

    fn is(&self, other: &Self) -> bool {
        self.key_id == other.key_id
            && self.secret() == other.secret()
            && self.security_token() == other.security_token()
    }

    /// A key of values that somebody typed or a file holds.
    ///
    /// # Errors
    /// Which of them holds a blank, a line end or a character that no key has; its value is not repeated.
    fn checked(
        key_id: String,
        secret: SecretString,
        security_token: Option<SecretString>,
    ) -> Result<Self, &'static str> {
        let plain = |value: &str| value.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain(&key_id) {
            return Err("access key id");
        }
        if !plain(secret.expose_secret()) {
            return Err("access key secret");
        }
        if !security_token.as_ref().is_none_or(|token| plain(token.expose_secret())) {
            return Err("security token");
        }
        Ok(Self { key_id, secret, security_token })
    }
}

/// What the search for keys stands on.
#[derive(Clone)]
pub struct KeyDoors {
    /// To the cloud's own hosts, or to the one address for everything.
    pub cloud: Rc<dyn Transport>,
    /// HTTPS to any other host: credentials URIs.
    pub web: Rc<dyn Transport>,
    /// HTTPS to this machine, without proxies: credentials URIs.
    pub loopback: Rc<dyn Transport>,
    /// Plain HTTP to this machine and private addresses, without proxies: credentials URIs.
    pub nearby: Rc<dyn Transport>,
    /// Plain HTTP to the metadata service, without proxies, and with little patience.
    pub metadata: Rc<dyn Transport>,
    /// Profiles and tokens.
    pub files: Rc<dyn Files>,
    /// Variables.
    pub environment: Rc<dyn Environment>,
    /// Commands that print keys.
    pub processes: Rc<dyn Processes>,
    /// When sessions end.
    pub clock: Rc<dyn Clock>,
    /// Nonces and jitter.
    pub entropy: Rc<dyn Entropy>,
}

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct KeyWishes {
    /// `--profile`: this profile of the files, and no other provider.
    pub profile: Option<String>,
    /// How requests for sessions are signed.
    pub signature: Signature,
    /// Where requests for sessions go.
    pub endpoint: Endpoint,
}

/// Doors and wishes together.
#[derive(Clone)]
struct Around {
    doors: KeyDoors,
    wishes: KeyWishes,
}

impl Around {
    fn now(&self) -> DateTime<Utc> {
        self.doors.clock.now()
    }

    fn var(&self, name: &str) -> Option<String> {
        self.doors.environment.var(name)
    }

    /// Whether a variable says `true`, in any case.
    fn says_true(&self, name: &str) -> bool {
        self.var(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The home folder. Windows has another name for it.
    fn home(&self) -> Result<PathBuf, Reason> {
        let home = self.var("HOME").or_else(|| self.var("USERPROFILE"));
        home.map(PathBuf::from).ok_or_else(|| Reason::absent("HOME is not set"))
    }

    /// The profile that was asked for, if one was.
    fn profile_name(&self) -> Option<String> {
        self.wishes.profile.clone().or_else(|| self.var("ALIBABA_CLOUD_PROFILE"))
    }

    /// The whole of a small file that may hold secrets. A pipe would be waited for, deaf to every signal, and a
    /// session that is renewed could not read it a second time.
    fn read(&self, path: &Path) -> Result<SecretSlice<u8>, Reason> {
        let shown = shown(path);
        if self.doors.files.is_stream(path) {
            let why = "is a pipe or a device, as process substitution makes one: keys and tokens have to be in files";
            return Err(Reason::broken(format!("{shown} {why}")));
        }
        let read = self.doors.files.read_up_to(path, FILE_BYTES_MAX + 1);
        let content = read.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Reason::absent(format!("{shown} is not there")),
            _ => Reason::broken(format!("{shown} cannot be read: {error}")),
        })?;
        let content = SecretSlice::from(content);
        if content.expose_secret().len() > FILE_BYTES_MAX {
            return Err(Reason::broken(format!("{shown} is larger than {FILE_BYTES_MAX} bytes")));
        }
        Ok(content)
    }
}

/// The largest profile file or token that is read.
const FILE_BYTES_MAX: usize = 1 << 20;

/// A path for people.
fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy())
}

/// Why there is no key from somewhere. For people; it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    text: String,
    weight: Weight,
}

/// How much a reason matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Nobody asked for this provider.
    Absent,
    /// A file or a profile that was asked for by its name is not there: it may be elsewhere, which is worth a
    /// warning.
    Missing,
    /// It was asked for, or is half there, and gives no key: the next provider is tried, with a warning.
    Broken,
    /// The official SDKs would sign with what it gives, which no cloud can take: no other provider is tried,
    /// because its key could be that of another account.
    Final,
}

impl Reason {
    fn absent(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: Weight::Absent }
    }

    fn missing(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: Weight::Missing }
    }

    fn broken(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: Weight::Broken }
    }

    fn last(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: Weight::Final }
    }

    /// Whether what was looked for may still be elsewhere.
    fn is_elsewhere(&self) -> bool {
        self.weight <= Weight::Missing
    }

    /// The same, of at least this weight.
    fn at_least(mut self, weight: Weight) -> Self {
        self.weight = self.weight.max(weight);
        self
    }

    /// The same with a place before it.
    fn at(mut self, place: &str) -> Self {
        self.text = format!("{place}: {}", self.text);
        self
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A key with its end, if it is known to have one.
#[derive(Clone, Debug)]
struct Issued {
    key: Rc<Credentials>,
    /// By the machine's clock.
    ends_at: Option<DateTime<Utc>>,
}

impl Issued {
    fn lasting(key: Credentials) -> Self {
        Self { key: Rc::new(key), ends_at: None }
    }
}

/// Where keys come from, settled for the whole run.
enum Source {
    /// A key as it stands: nobody can renew it.
    Fixed(Issued),
    /// A session that a login left in the profile, and what to do when it has ended.
    Stored { issued: Issued, help: String },
    /// A role, by an OIDC token.
    Oidc(FederatedRole),
    /// A role, by another key.
    Role(Box<AssumedRole>),
    /// The role of the instance that this runs on.
    Instance(InstanceRole),
    /// An address that tells a key.
    Uri(Address),
    /// A command that prints a key.
    External(Command),
}

impl Source {
    /// Gets a key; a session anew each time.
    fn issue<'a>(&'a self, around: &'a Around) -> LocalFuture<'a, Result<Issued, Reason>> {
        Box::pin(async move {
            match self {
                Self::Fixed(issued) => Ok(issued.clone()),
                Self::Stored { issued, help } => {
                    let ended = issued.ends_at.is_some_and(|end| end <= around.now());
                    if ended { Err(Reason::broken(help.as_str())) } else { Ok(issued.clone()) }
                }
                Self::Oidc(role) => role.issue(around).await,
                Self::Role(role) => role.issue(around).await,
                Self::Instance(role) => role.issue(around).await,
                Self::Uri(address) => address.issue(around).await,
                Self::External(command) => command.issue(around).await,
            }
        })
    }

    /// Whether asking again can bring another key.
    fn renews(&self) -> bool {
        !matches!(self, Self::Fixed(_) | Self::Stored { .. })
    }

    /// Whether a renewed key could be that of another account: a role's name holds its account, and an
    /// instance stays in its own; what an address or a command tells can be any key.
    fn may_change_account(&self) -> bool {
        match self {
            Self::Uri(_) | Self::External(_) => true,
            Self::Fixed(_) | Self::Stored { .. } | Self::Oidc(_) | Self::Role(_) | Self::Instance(_) => false,
        }
    }
}

/// A provider of the chain that could be asked, or why not.
type Found = Result<Source, Reason>;
