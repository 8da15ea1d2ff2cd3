//! The chain: providers in the order of the official SDKs (credentials-go 9ac55b4, credentials-python
//! 1.0.12). The first one that serves wins; why the others did not is kept for people.

use std::fmt;

use super::environment::{self, KEY_ID, KEY_SECRET};
use super::{Around, Found, Issued, Reason, Source, Weight, ini, metadata, oidc, profile, uri};

/// Where keys can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `ALIBABA_CLOUD_ACCESS_KEY_ID` and its companions.
    Environment,
    /// `ALIBABA_CLOUD_OIDC_TOKEN_FILE` and its companions.
    Oidc,
    /// `~/.aliyun/config.json`.
    CliProfile,
    /// `~/.alibabacloud/credentials.ini` or `~/.alibabacloud/credentials`.
    IniFile,
    /// The metadata service.
    InstanceRole,
    /// `ALIBABA_CLOUD_CREDENTIALS_URI`.
    Uri,
}

impl Provider {
    /// Its name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Oidc => "OIDC",
            Self::CliProfile => "CLI profile",
            Self::IniFile => "INI file",
            Self::InstanceRole => "ECS role",
            Self::Uri => "credentials URI",
        }
    }

    fn find(self, around: &Around) -> Found {
        match self {
            Self::Environment => environment::find(around),
            Self::Oidc => oidc::find(around),
            Self::CliProfile => profile::find(around),
            Self::IniFile => ini::find(around),
            Self::InstanceRole => metadata::find(around),
            Self::Uri => uri::find(around),
        }
    }
}

/// The order.
const CHAIN: [Provider; 6] = [
    Provider::Environment,
    Provider::Oidc,
    Provider::CliProfile,
    Provider::IniFile,
    Provider::InstanceRole,
    Provider::Uri,
];

/// Those that know profiles by name.
const NAMED: [Provider; 2] = [Provider::CliProfile, Provider::IniFile];

/// A provider that gave no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Which one.
    pub provider: Provider,
    reason: Reason,
}

impl PassedOver {
    /// Whether somebody has set it up, so that its failure is worth a warning.
    pub fn was_set_up(&self) -> bool {
        self.reason.weight != Weight::Absent
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.provider.as_str(), self.reason)
    }
}

/// No provider gave a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct NoKey {
    /// Why each of them did not, in the order of the chain.
    pub passed: Vec<PassedOver>,
    /// The profile that `--profile` named.
    named: Option<String>,
}

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no credentials: ")?;
        match (&self.named, self.passed.last()) {
            (_, Some(last)) if last.reason.weight == Weight::Final => {
                f.write_str("those that are set up cannot be used, and others might be another account's")?;
            }
            (Some(name), _) => write!(f, "no file has a usable profile {:?}", crate::text::escape(name))?,
            (None, _) => f.write_str("no provider gives a key")?,
        }
        for passed in &self.passed {
            write!(f, "\n  {:<16} {}", passed.provider.as_str(), passed.reason)?;
        }
        match &self.named {
            Some(_) => f.write_str("\n  help: see the profiles with aliyun configure list"),
            None => write!(
                f,
                "\n  help: export {KEY_ID} and {KEY_SECRET}, or set up a profile with aliyun configure, or try \
                 everything without an account: --emulator"
            ),
        }
    }
}

/// The provider that serves.
pub(super) struct Chosen {
    pub(super) provider: Provider,
    pub(super) source: Source,
    pub(super) issued: Issued,
    /// Those before it.
    pub(super) passed: Vec<PassedOver>,
}

/// Asks one after the other.
pub(super) async fn choose(around: &Around) -> Result<Chosen, NoKey> {
    let named = around.wishes.profile.clone();
    let chain: &[Provider] = if named.is_some() { &NAMED } else { &CHAIN };
    let mut passed = Vec::new();
    for provider in chain.iter().copied() {
        let found = provider.find(around);
        // A profile of that name elsewhere is another one: it serves only where this one is not there.
        let is_here = named.is_some() && found.as_ref().err().is_none_or(|reason| !reason.is_elsewhere());
        let answer = match found {
            Ok(source) => source.issue(around).await.map(|issued| (source, issued)),
            Err(reason) => Err(reason),
        };
        match answer {
            Ok((source, issued)) => return Ok(Chosen { provider, source, issued, passed }),
            Err(reason) => {
                tracing::debug!(provider = provider.as_str(), why = %reason, "gives no key");
                let last = is_here || reason.weight == Weight::Final;
                passed.push(PassedOver { provider, reason });
                if last {
                    break;
                }
            }
        }
    }
    Err(NoKey { passed, named })
}
