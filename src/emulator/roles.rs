//! Roles of a world, and the sessions that were given for them.

use serde::{Deserialize, Serialize};

use super::state::{Key, State};
use super::world::{WorldError, span_s};

/// The usual longest session of a role, and the bounds that a role can set (the page of CreateRole).
const SESSION_S: i64 = 3_600;
const SESSION_S_BOUNDS: std::ops::RangeInclusive<i64> = 3_600..=43_200;
/// The length of an OIDC token (the page of AssumeRoleWithOIDC).
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 4..=20_000;
/// Sessions that are remembered, so that a server that runs for days does not grow; the oldest go.
const SESSIONS_MAX: usize = 10_000;

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    /// `acs:ram::<account>:role/<name>`.
    pub(super) arn: String,
    /// Key ids and ARNs of roles that may assume it; absent: whoever signs well.
    #[serde(default)]
    pub(super) trusts: Option<Vec<String>>,
    /// What an assumer has to know.
    #[serde(default)]
    pub(super) external_id: Option<String>,
    /// Whose tokens it trusts; absent: nobody's.
    #[serde(default)]
    pub(super) oidc: Option<Trust>,
    /// Actions that its policy does not allow.
    #[serde(default)]
    pub(super) deny: Vec<String>,
    /// The longest session: a span of one to twelve hours; absent: an hour.
    #[serde(default)]
    longest_session: Option<String>,
}

/// An OIDC provider, and the tokens that count as its.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trust {
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub(super) provider: String,
    /// Tokens that are good.
    pub(super) tokens: Vec<String>,
    /// Tokens that were good once.
    #[serde(default)]
    pub(super) expired_tokens: Vec<String>,
}

/// The metadata service of an instance in this world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    /// The name of the instance's role.
    pub(super) role: String,
    /// Whether it answers only who has a token of it.
    #[serde(default)]
    pub(super) tokens_only: bool,
    /// The session that it tells now. No matter of a world file, and refused there.
    #[serde(default)]
    pub(super) session: Option<String>,
}

/// A session of a role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) key: Key,
    /// The role's ARN.
    pub(super) role: String,
    /// Its name.
    pub(super) name: String,
}

impl Role {
    /// Its name: what follows `role/` in its ARN.
    pub(super) fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn longest_session_s(&self) -> i64 {
        self.longest_session.as_deref().and_then(span_s).unwrap_or(SESSION_S)
    }

    fn problem(&self, state: &State, roles: &[Self]) -> Option<String> {
        let wrong = |why: &str| Some(format!("role {:?}: {why}", self.arn));
        let of_account = |arn: &str, kind: &str| {
            let start = format!("acs:ram::{}:{kind}/", state.account);
            arn.strip_prefix(&start).is_some_and(|name| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            })
        };
        if !of_account(&self.arn, "role") {
            return wrong(&format!("its arn looks like acs:ram::{}:role/name", state.account));
        }
        let known = |id: &String| state.keys.contains_key(id) || roles.iter().any(|role| role.arn == *id);
        if let Some(id) = self.trusts.iter().flatten().find(|id| !known(id)) {
            return wrong(&format!("trusts: the world has no key and no role {id:?}"));
        }
        let span = self.longest_session.as_deref().map(span_s);
        if span.is_some_and(|span| !span.is_some_and(|span| SESSION_S_BOUNDS.contains(&span))) {
            return wrong("longest_session is a span from 1h to 12h");
        }
        let trust = self.oidc.as_ref()?;
        if !of_account(&trust.provider, "oidc-provider") {
            let form = format!("acs:ram::{}:oidc-provider/name", state.account);
            return wrong(&format!("oidc: its provider looks like {form}"));
        }
        let tokens = trust.tokens.iter().chain(&trust.expired_tokens);
        let fits = |token: &String| {
            TOKEN_CHARS.contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic())
        };
        if trust.tokens.is_empty() || !tokens.clone().all(fits) {
            return wrong("oidc: tokens are of 4 to 20000 characters, without blanks");
        }
        None
    }
}

/// Puts the roles and the metadata service of a world file into its state, which has its keys already.
pub(super) fn seed(
    state: &mut State,
    roles: Vec<Role>,
    metadata: Option<Metadata>,
) -> Result<(), WorldError> {
    if let Some(problem) = roles.iter().find_map(|role| role.problem(state, &roles)) {
        return Err(WorldError::Form(problem));
    }
    if let Some(metadata) = &metadata {
        if metadata.session.is_some() {
            return Err(WorldError::Form("metadata: unknown field `session`".to_owned()));
        }
        if !roles.iter().any(|role| role.name() == metadata.role) {
            let text = format!("metadata: the world has no role {:?}", metadata.role);
            return Err(WorldError::Form(text));
        }
    }
    for role in roles {
        let arn = role.arn.clone();
        if state.roles.insert(arn.clone(), role).is_some() {
            return Err(WorldError::Form(format!("role {arn:?}: it is there twice")));
        }
    }
    state.metadata = metadata;
    Ok(())
}

impl State {
    /// A key, or the key of a session.
    pub(super) fn key(&self, id: &str) -> Option<&Key> {
        self.keys.get(id).or_else(|| self.sessions.get(id).map(|session| &session.key))
    }

    /// Gives a session of a role. Ids, secrets and tokens are counted: nothing here is worth stealing.
    pub(super) fn give_session(
        &mut self,
        role: &Role,
        name: &str,
        now: chrono::DateTime<chrono::Utc>,
        duration_s: i64,
    ) -> Session {
        self.issued += 1;
        let number = self.issued;
        let ends_at = now + chrono::Duration::seconds(duration_s);
        let key = Key {
            id: format!("STS.EMULATOR{number:08}"),
            secret: format!("emulator-session-secret-{number}"),
            token: Some(format!("emulator-session-token-{number}")),
            // Replies tell whole seconds.
            token_expires_at: Some(chrono::SubsecRound::trunc_subsecs(ends_at, 0)),
            inactive: false,
            deny: role.deny.clone(),
        };
        let session = Session { key, role: role.arn.clone(), name: name.to_owned() };
        if self.sessions.len() >= SESSIONS_MAX {
            self.sessions.pop_first();
        }
        self.sessions.insert(session.key.id.clone(), session.clone());
        session
    }
}
