//! AssumeRole and AssumeRoleWithOIDC (Sts 2015-04-01): sessions of the world's roles.
//!
//! Codes and messages: the STS pages, their FAQ and the RRSA guide, where they tell them. Which is checked first
//! is assumed, and so are the rows of [`ASSUMED`].

use serde_json::json;

use super::{ApiError, Context};
use crate::emulator::roles::{Role, Session};

/// How long a session is that nobody asked a length for, and the shortest one (the page of AssumeRole).
const DURATION_S: i64 = 3_600;
const DURATION_S_MIN: i64 = 900;
/// How long the name of a session may be (the page of AssumeRole).
const NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=64;
/// The number in ids of assumed roles. Invented; the form is that of the page's sample.
pub(super) const ROLE_ID: &str = "335376200829920001";

/// Refusals whose code is told somewhere, and whose status or words are assumed: status, code, message.
const ASSUMED: [(u16, &str, &str); 3] = [
    (404, "EntityNotExist.OIDCProvider", "The specified OIDC provider not exists."),
    (400, "AuthenticationFail.OIDCToken.Invalid", "This JsonWebToken is invalid."),
    (403, "AuthenticationFail.NoPermission", "This operation is forbidden by permission system."),
];

fn assumed(code: &str) -> ApiError {
    let row = ASSUMED.iter().find(|row| row.1 == code);
    let (http, message) = row.map_or((400, ""), |row| (row.0, row.2));
    ApiError::new(http, code, message)
}

/// A session for who signed the request.
pub(super) fn by_key(context: &mut Context<'_>) -> Result<String, ApiError> {
    let (role, name, duration_s) = wanted(context)?;
    let no_permission = || {
        let message = "You are not authorized to do this action. You should be authorized by RAM.";
        ApiError::new(403, "NoPermission", message)
    };
    let id = context.request.key_id().unwrap_or_default();
    let own_role = context.state.sessions.get(id).map(|session| session.role.as_str());
    let trusts = |trusted: &String| trusted == id || Some(trusted.as_str()) == own_role;
    let trusted = role.trusts.as_ref().is_none_or(|all| all.iter().any(trusts));
    let knows = role.external_id.as_deref().is_none_or(|known| context.filled("ExternalId") == Some(known));
    if !trusted || !knows || context.is_denied() {
        return Err(no_permission());
    }
    let session = context.state.give_session(&role, &name, context.now, duration_s);
    Ok(told(context, &role, &session))
}

/// A session for who has a token; nobody signs.
pub(super) fn by_token(context: &mut Context<'_>) -> Result<String, ApiError> {
    let provider = context.mandatory("OIDCProviderArn")?;
    let token = context.mandatory("OIDCToken")?;
    let trusts = context.state.roles.values().filter_map(|role| role.oidc.as_ref());
    let mut trusts = trusts.filter(|trust| trust.provider == provider);
    if trusts.clone().next().is_none() {
        return Err(assumed("EntityNotExist.OIDCProvider"));
    }
    if trusts.any(|trust| trust.expired_tokens.iter().any(|expired| expired == token)) {
        let message = "This JsonWebToken is expired.";
        return Err(ApiError::new(400, "AuthenticationFail.OIDCToken.Expired", message));
    }
    let (role, name, duration_s) = wanted(context)?;
    let trust = role.oidc.as_ref().filter(|trust| trust.provider == provider);
    let trust = trust.ok_or_else(|| assumed("AuthenticationFail.NoPermission"))?;
    if !trust.tokens.iter().any(|good| good == token) {
        return Err(assumed("AuthenticationFail.OIDCToken.Invalid"));
    }
    let session = context.state.give_session(&role, &name, context.now, duration_s);
    Ok(told(context, &role, &session))
}

/// Role, name and length of the session that is asked for.
fn wanted(context: &Context<'_>) -> Result<(Role, String, i64), ApiError> {
    let arn = context.mandatory("RoleArn")?;
    let name = context.mandatory("RoleSessionName")?;
    let wrong = |parameter: &str, message: &str| {
        ApiError::new(400, &format!("InvalidParameter.{parameter}"), message)
    };
    if !arn.starts_with("acs:ram::") || !arn.contains(":role/") {
        return Err(wrong("RoleArn", "The parameter RoleArn is wrongly formed."));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte);
    if !NAME_CHARS.contains(&name.len()) || !name.bytes().all(plain) {
        return Err(wrong("RoleSessionName", "The parameter RoleSessionName is wrongly formed."));
    }
    let not_there = || ApiError::new(404, "EntityNotExist.Role", "The specified Role not exists.");
    let role = context.state.roles.get(arn).ok_or_else(not_there)?;
    let too_long = wrong("DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.");
    let duration_s = context.number("DurationSeconds", &too_long)?.unwrap_or(DURATION_S);
    if !(DURATION_S_MIN..=role.longest_session_s()).contains(&duration_s) {
        return Err(too_long);
    }
    Ok((role.clone(), name.to_owned(), duration_s))
}

/// In the form of the page's sample.
fn told(context: &Context<'_>, role: &Role, session: &Session) -> String {
    let end = session.key.token_expires_at.map(|end| end.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    json!({
        "RequestId": context.request_id,
        "AssumedRoleUser": {
            "Arn": context.assumed_arn(role.name(), &session.name),
            "AssumedRoleId": format!("{ROLE_ID}:{}", session.name),
        },
        "Credentials": {
            "AccessKeyId": session.key.id,
            "AccessKeySecret": session.key.secret,
            "SecurityToken": session.key.token,
            "Expiration": end,
        },
    })
    .to_string()
}

impl Context<'_> {
    /// Who the session of a role is.
    pub(super) fn assumed_arn(&self, role: &str, session: &str) -> String {
        format!("acs:ram::{}:assumed-role/{role}/{session}", self.state.account)
    }
}
