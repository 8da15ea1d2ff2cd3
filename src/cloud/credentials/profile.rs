//! Profiles of the official CLI: `~/.aliyun/config.json` (reference 7.3). The file is read and never written.

use std::path::PathBuf;

use chrono::DateTime;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::assume_role::AssumedRole;
use super::{
    Around, Credentials, Found, Issued, Reason, Source, Weight, external, metadata, oidc, shown, sts, uri,
};
use crate::text::escape;

const DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
const FILE: &str = "ALIBABA_CLOUD_CONFIG_FILE";
/// Most profiles that one can lead through by `source_profile`.
const SOURCES_MAX: usize = 10;

/// The profile that was asked for, or the current one. What somebody named and is not there is worth a warning.
pub(super) fn find(around: &Around) -> Found {
    if around.says_true(DISABLED) {
        return Err(Reason::absent(format!("{DISABLED} is true")));
    }
    let (path, content) = if let Some(path) = around.var(FILE).map(PathBuf::from) {
        let content = around.read(&path).map_err(|reason| reason.at_least(Weight::Missing).at(FILE))?;
        (path, content)
    } else {
        let path = around.home()?.join(".aliyun").join("config.json");
        let content = around.read(&path)?;
        (path, content)
    };
    let place = shown(&path);
    let file = File::read(content.expose_secret()).map_err(|reason| reason.at(&place))?;
    let asked = around.profile_name();
    let weight = if asked.is_some() { Weight::Missing } else { Weight::Absent };
    let name = asked.or_else(|| file.current.clone()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Reason::broken("it names no current profile").at(&place))?;
    file.source(around, &name, SOURCES_MAX).map_err(|reason| reason.at_least(weight).at(&place))
}

/// The file; profiles that are not asked for are not looked at.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(default)]
    current: Option<String>,
    #[serde(default, borrow)]
    profiles: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Name {
    #[serde(default)]
    name: Option<String>,
}

/// What renewctl needs of a profile.
#[allow(clippy::struct_field_names, reason = "source_profile is the file's word")]
#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    mode: Option<String>,
    access_key_id: Option<String>,
    access_key_secret: Option<SecretString>,
    sts_token: Option<SecretString>,
    /// Seconds since 1970; of the session that a login left.
    sts_expiration: Option<i64>,
    ram_role_arn: Option<String>,
    ram_session_name: Option<String>,
    ram_role_name: Option<String>,
    expired_seconds: Option<i64>,
    external_id: Option<String>,
    policy: Option<String>,
    sts_region: Option<String>,
    sts_endpoint: Option<String>,
    enable_vpc: Option<bool>,
    source_profile: Option<String>,
    oidc_provider_arn: Option<String>,
    oidc_token_file: Option<String>,
    process_command: Option<String>,
    credentials_uri: Option<String>,
}

impl File<'_> {
    /// What is wrong with the text is told by its place: the words of the parser may hold a secret.
    fn read(content: &[u8]) -> Result<File<'_>, Reason> {
        serde_json::from_slice(content).map_err(|error| wrong_json(&error))
    }

    fn source(&self, around: &Around, name: &str, sources_max: usize) -> Found {
        let place = format!("profile {:?}", escape(name));
        let at = |reason: Reason| reason.at(&place);
        let mut profiles = self.profiles.iter().flatten();
        let named = |raw: &&&RawValue| {
            let other: Result<Name, _> = serde_json::from_str(raw.get());
            other.is_ok_and(|other| other.name.as_deref() == Some(name))
        };
        let raw = profiles.find(named).ok_or_else(|| at(Reason::missing("it is not there")))?;
        let profile: Profile = serde_json::from_str(raw.get())
            .map_err(|_| at(Reason::broken("a field has another kind of value")))?;
        profile.without_empty().source(self, around, name, sources_max).map_err(at)
    }
}

fn wrong_json(error: &serde_json::Error) -> Reason {
    let (line, column) = (error.line(), error.column());
    let what = if error.is_data() { "something else than expected" } else { "no valid JSON" };
    Reason::broken(format!("{what} at line {line}, column {column}"))
}

impl Profile {
    /// Empty values count as missing.
    fn without_empty(mut self) -> Self {
        let texts = [
            &mut self.mode,
            &mut self.access_key_id,
            &mut self.ram_role_arn,
            &mut self.ram_session_name,
            &mut self.ram_role_name,
            &mut self.external_id,
            &mut self.policy,
            &mut self.sts_region,
            &mut self.sts_endpoint,
            &mut self.source_profile,
            &mut self.oidc_provider_arn,
            &mut self.oidc_token_file,
            &mut self.process_command,
            &mut self.credentials_uri,
        ];
        for text in texts {
            text.take_if(|text| text.is_empty());
        }
        for secret in [&mut self.access_key_secret, &mut self.sts_token] {
            secret.take_if(|secret| secret.expose_secret().is_empty());
        }
        self
    }

    fn source(self, file: &File<'_>, around: &Around, name: &str, sources_max: usize) -> Found {
        let mode = self.mode.clone().unwrap_or_default();
        // The official CLI takes any case.
        match mode.to_ascii_lowercase().as_str() {
            // What the official CLI writes before anybody has told it anything.
            "" | "ak" if self.access_key_id.is_none() && self.access_key_secret.is_none() => {
                Err(Reason::absent("it is not set up yet"))
            }
            "ak" => Ok(Source::Fixed(Issued::lasting(self.key(Part::Lasting)?))),
            "ststoken" => Ok(Source::Fixed(Issued::lasting(self.key(Part::Session)?))),
            "ramrolearn" => {
                let base = Source::Fixed(Issued::lasting(self.key(Part::Any)?));
                self.role(around, base)
            }
            "chainableramrolearn" => {
                let source = self.source_profile.clone();
                let source = source.ok_or_else(|| Reason::broken("it has no source_profile"))?;
                let Some(left) = sources_max.checked_sub(1) else {
                    return Err(Reason::broken(
                        "its source_profile leads through too many profiles, or in a circle",
                    ));
                };
                let base = file.source(around, &source, left);
                let base = base.map_err(|reason| reason.at_least(Weight::Broken))?;
                self.role(around, base)
            }
            "ecsramrole" => metadata::of_profile(around, self.ram_role_name),
            "oidc" => {
                let wanted = self.wanted(around)?;
                oidc::of_profile(around, self.oidc_provider_arn, self.oidc_token_file, wanted)
            }
            "external" => external::of_profile(around, self.process_command.as_deref()),
            "credentialsuri" => uri::of_profile(around, self.credentials_uri),
            "cloudsso" | "oauth" => self.stored(around, name, &mode),
            "ramrolearnwithrolename" | "rsakeypair" | "bearertoken" | "anonymous" => {
                Err(Reason::broken("renewctl cannot use its mode; use a role, for example RamRoleArn"))
            }
            _ => Err(Reason::broken("its mode is not known")),
        }
    }

    fn key(&self, part: Part) -> Result<Credentials, Reason> {
        let lacks = |name: &str| Reason::broken(format!("it has no {name}"));
        let key_id = self.access_key_id.clone().ok_or_else(|| lacks("access_key_id"))?;
        let secret = self.access_key_secret.clone().ok_or_else(|| lacks("access_key_secret"))?;
        let token = match (part, &self.sts_token) {
            // One that an earlier session left.
            (Part::Lasting, _) => None,
            (Part::Session, None) => return Err(lacks("sts_token")),
            (_, token) => token.clone(),
        };
        Credentials::checked(key_id, secret, token)
            .map_err(|what| Reason::last(format!("its {what} holds a blank or a character that no key has")))
    }

    fn role(self, around: &Around, base: Source) -> Found {
        let wanted = self.wanted(around)?;
        Ok(Source::Role(Box::new(AssumedRole { wanted, external_id: self.external_id, base })))
    }

    fn wanted(&self, around: &Around) -> Result<sts::Wanted, Reason> {
        let host = match &self.sts_endpoint {
            None => sts::host(around, self.sts_region.as_deref(), self.enable_vpc)?,
            Some(host) => sts::given_host(host).ok_or_else(|| {
                Reason::broken("its sts_endpoint is no host; one looks like sts.aliyuncs.com")
            })?,
        };
        Ok(sts::Wanted {
            role_arn: oidc::role_arn(around, self.ram_role_arn.clone())?,
            session_name: oidc::session_name(around, self.ram_session_name.clone()),
            duration_s: sts::Wanted::duration_s(self.expired_seconds)?,
            policy: self.policy.clone(),
            host,
        })
    }

    /// The session that a login left, for as long as it lasts: to log in again takes a person and a browser.
    fn stored(self, around: &Around, name: &str, mode: &str) -> Found {
        let name = escape(name);
        let login = format!("aliyun configure --profile {name} --mode {mode}");
        let help = format!("its session has ended; log in again: {login}");
        let end = self.sts_expiration.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let key = self.key(Part::Session).map_err(|reason| match reason.weight {
            Weight::Final => reason,
            _ => Reason::broken(format!("it holds no session; log in: {login}")),
        })?;
        let Some(end) = end.filter(|end| *end > around.now()) else { return Err(Reason::broken(help)) };
        let issued = Issued { key: key.into(), ends_at: Some(end) };
        Ok(Source::Stored { issued, help })
    }
}

/// What of a profile's key has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Lasting,
    Session,
    Any,
}
