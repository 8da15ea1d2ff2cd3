//! INI files with a section for each profile (reference 7.4): `~/.alibabacloud/credentials.ini`, which the
//! Python and Java SDKs read, and `~/.alibabacloud/credentials`, which the Go SDK reads.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::assume_role::AssumedRole;
use super::{Around, Credentials, Found, Issued, Reason, Source, Weight, metadata, oidc, shown, sts};
use crate::text::escape;

const FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";
const FOLDER: &str = ".alibabacloud";
const NAMES: [&str; 2] = ["credentials.ini", "credentials"];
/// The section when no profile was asked for.
const SECTION: &str = "default";
/// Its values stand for those that another section does not have (Python's configparser).
const DEFAULTS: &str = "DEFAULT";

/// The profile of the first file that has it. One that is there and cannot be used ends the search: the key of
/// the other file could be that of another account.
pub(super) fn find(around: &Around) -> Found {
    if let Some(path) = around.var(FILE) {
        let found = in_file(around, Path::new(&path));
        return found.map_err(|reason| reason.at_least(Weight::Missing).at(FILE));
    }
    let folder = around.home()?.join(FOLDER);
    let mut passed: Option<Reason> = None;
    for name in NAMES {
        match in_file(around, &folder.join(name)) {
            Err(reason) if reason.is_elsewhere() => {
                passed = Some(match passed {
                    Some(first) if first.weight == reason.weight => {
                        Reason { text: format!("{first}; {reason}"), ..reason }
                    }
                    Some(first) if first.weight > reason.weight => first,
                    None | Some(_) => reason,
                });
            }
            found => return found,
        }
    }
    let reason = passed.unwrap_or_else(|| Reason::absent("there is no such file"));
    // The last place for a profile that was asked for.
    let asked = around.profile_name().is_some();
    Err(reason.at_least(if asked { Weight::Missing } else { Weight::Absent }))
}

fn in_file(around: &Around, path: &Path) -> Found {
    let shown = shown(path);
    let content = around.read(path)?;
    let text = std::str::from_utf8(content.expose_secret());
    let text = text.map_err(|_| Reason::broken(format!("{shown} is not UTF-8 text")))?;
    let mut sections = parse(text).map_err(|reason| reason.at(&shown))?;
    let asked = around.profile_name();
    let name = asked.as_deref().unwrap_or(SECTION);
    let place = format!("{shown}, section [{}]", escape(name));
    let Some(section) = sections.remove(name) else {
        return Err(Reason::missing("it is not there").at(&place));
    };
    let defaults = sections.remove(DEFAULTS).unwrap_or_default();
    Profile { own: section, defaults }.source(around).map_err(|reason| reason.at(&place))
}

type Section = BTreeMap<String, SecretString>;

/// Sections with their values. A value ends at the first `#`, as the Python SDK has it.
fn parse(text: &str) -> Result<BTreeMap<String, Section>, Reason> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut current: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        let wrong = |why: &str| Reason::broken(format!("line {}: {why}", index + 1));
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name)
        {
            if sections.insert(name.to_owned(), Section::new()).is_some() {
                return Err(wrong("this section is there twice"));
            }
            current = Some(name.to_owned());
            continue;
        }
        let pair = line.find(['=', ':']).and_then(|cut| line.split_at_checked(cut));
        let (key, value) = pair.ok_or_else(|| wrong("neither [section] nor name = value"))?;
        let value = value.get(1..).unwrap_or_default().split('#').next().unwrap_or_default().trim();
        let section = current.as_ref().and_then(|name| sections.get_mut(name));
        let section = section.ok_or_else(|| wrong("it stands before the first [section]"))?;
        if section.insert(key.trim().to_ascii_lowercase(), value.into()).is_some() {
            return Err(wrong("this name is there twice in its section"));
        }
    }
    Ok(sections)
}

struct Profile {
    own: Section,
    defaults: Section,
}

impl Profile {
    /// A value that is there and not empty.
    fn secret(&self, name: &str) -> Option<SecretString> {
        let value = self.own.get(name).or_else(|| self.defaults.get(name));
        value.filter(|value| !value.expose_secret().is_empty()).cloned()
    }

    fn get(&self, name: &str) -> Option<String> {
        self.secret(name).map(|value| value.expose_secret().to_owned())
    }

    fn source(&self, around: &Around) -> Found {
        let kind = self.get("type").ok_or_else(|| Reason::broken("it has no type"))?;
        match kind.as_str() {
            "access_key" => Ok(Source::Fixed(Issued::lasting(self.key()?))),
            "ram_role_arn" => Ok(Source::Role(Box::new(AssumedRole {
                wanted: self.wanted(around)?,
                external_id: None,
                base: Source::Fixed(Issued::lasting(self.key()?)),
            }))),
            "oidc_role_arn" => {
                let (provider, file) = (self.get("oidc_provider_arn"), self.get("oidc_token_file_path"));
                oidc::of_profile(around, provider, file, self.wanted(around)?)
            }
            "ecs_ram_role" => metadata::of_profile(around, self.get("role_name")),
            "rsa_key_pair" => {
                Err(Reason::broken("key pairs (rsa_key_pair) are no longer supported; use a role"))
            }
            _ => Err(Reason::broken(
                "its type is none of access_key, ram_role_arn, oidc_role_arn, ecs_ram_role",
            )),
        }
    }

    fn key(&self) -> Result<Credentials, Reason> {
        let lacks = |name: &str| Reason::broken(format!("it has no {name}"));
        let key_id = self.get("access_key_id").ok_or_else(|| lacks("access_key_id"))?;
        let secret = self.secret("access_key_secret").ok_or_else(|| lacks("access_key_secret"))?;
        Credentials::checked(key_id, secret, None)
            .map_err(|what| Reason::last(format!("its {what} holds a blank or a character that no key has")))
    }

    fn wanted(&self, around: &Around) -> Result<sts::Wanted, Reason> {
        Ok(sts::Wanted {
            role_arn: oidc::role_arn(around, self.get("role_arn"))?,
            session_name: oidc::session_name(around, self.get("role_session_name")),
            duration_s: sts::DURATION_S,
            policy: self.get("policy"),
            host: sts::host(around, None, None)?,
        })
    }
}
