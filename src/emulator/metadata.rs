//! The metadata service of an instance, as far as it tells the session of the instance's role.
//!
//! Source: "Access instance metadata" and credentials-go, ecs_ram_role.go. What it answers to a request that is
//! not as it should be is assumed.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::Call;
use super::roles::{Metadata, Session};
use super::state::State;
use crate::ports::HttpReply;

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
/// The longest time that a token can be asked for, in seconds.
const TOKEN_TTL_S_MAX: i64 = 21_600;
/// A session of the service lasts so long. Assumed: the longest that a role of the service can have.
const SESSION_S: i64 = 21_600;
/// The same session is told until so much of it is left. Assumed.
const SESSION_LEFT_S_MIN: i64 = 1_800;
/// To who has no token where one is needed, or a wrong or old one. Assumed.
const FORBIDDEN: u16 = 403;

/// Whether a path is one of the service's.
pub(super) fn serves(path_and_query: &str) -> bool {
    path_and_query.starts_with("/latest/")
}

/// Tokens of the service, with their ends. They are forgotten when the emulator ends, as at a restart.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    given: u64,
    ends: BTreeMap<String, DateTime<Utc>>,
}

/// Answers a request; also tells whether the state changed.
pub(super) fn answer(
    call: &Call,
    state: &mut State,
    tokens: &mut Tokens,
    now: DateTime<Utc>,
) -> (HttpReply, bool) {
    let path = call.path_and_query.split('?').next().unwrap_or_default();
    let Some(metadata) = state.metadata.clone() else { return (text(404, "Not Found", now), false) };
    match (call.method.as_str(), path) {
        ("PUT", TOKEN) => (token(call, tokens, now), false),
        ("GET", _) => {
            if !may_ask(call, &metadata, tokens, now) {
                return (text(FORBIDDEN, "Forbidden", now), false);
            }
            match path.strip_prefix(ROLES) {
                Some("") => (text(200, &metadata.role, now), false),
                Some(role) if role == metadata.role => {
                    let (session, changed) = session(state, &metadata, now);
                    (
                        session.map_or_else(|| text(404, "Not Found", now), |session| tell(&session, now)),
                        changed,
                    )
                }
                _ => (text(404, "Not Found", now), false),
            }
        }
        _ => (text(405, "Method Not Allowed", now), false),
    }
}

fn header<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn token(call: &Call, tokens: &mut Tokens, now: DateTime<Utc>) -> HttpReply {
    let ttl = header(call, "x-aliyun-ecs-metadata-token-ttl-seconds").and_then(|ttl| ttl.parse().ok());
    let Some(ttl) = ttl.filter(|ttl| (1..=TOKEN_TTL_S_MAX).contains(ttl)) else {
        return text(400, "Bad Request", now);
    };
    tokens.given += 1;
    let token = format!("emulator-metadata-token-{}", tokens.given);
    tokens.ends.retain(|_, end| *end > now);
    tokens.ends.insert(token.clone(), now + Duration::seconds(ttl));
    text(200, &token, now)
}

fn may_ask(call: &Call, metadata: &Metadata, tokens: &Tokens, now: DateTime<Utc>) -> bool {
    match header(call, "x-aliyun-ecs-metadata-token") {
        None => !metadata.tokens_only,
        Some(token) => tokens.ends.get(token).is_some_and(|end| *end > now),
    }
}

/// The session that is told now, and whether it is a new one.
fn session(state: &mut State, metadata: &Metadata, now: DateTime<Utc>) -> (Option<Session>, bool) {
    let known = metadata.session.as_ref().and_then(|id| state.sessions.get(id));
    let lasts = |session: &&Session| {
        let end = session.key.token_expires_at;
        end.is_some_and(|end| end - now > Duration::seconds(SESSION_LEFT_S_MIN))
    };
    if let Some(known) = known.filter(lasts) {
        return (Some(known.clone()), false);
    }
    let Some(role) = state.roles.values().find(|role| role.name() == metadata.role).cloned() else {
        return (None, false);
    };
    let session = state.give_session(&role, "instance", now, SESSION_S);
    state.metadata = Some(Metadata { session: Some(session.key.id.clone()), ..metadata.clone() });
    (Some(session), true)
}

fn tell(session: &Session, now: DateTime<Utc>) -> HttpReply {
    let time = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let body = json!({
        "AccessKeyId": session.key.id,
        "AccessKeySecret": session.key.secret,
        "Expiration": session.key.token_expires_at.map(time),
        "SecurityToken": session.key.token,
        "LastUpdated": time(now),
        "Code": "Success",
    });
    text(200, &body.to_string(), now)
}

fn text(status: u16, body: &str, now: DateTime<Utc>) -> HttpReply {
    let headers = vec![
        ("content-type".to_owned(), "text/plain".to_owned()),
        ("date".to_owned(), now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
    ];
    HttpReply { status, headers, body: body.as_bytes().to_vec() }
}
