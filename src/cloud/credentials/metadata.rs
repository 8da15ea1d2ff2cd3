//! The role of the instance that this runs on, from the metadata service: with a token first, and without one
//! only if that is allowed (reference 7.2).

use super::{Around, Found, Issued, Reason, Source, sts};
use crate::cloud::endpoint::Endpoint;
use crate::ports::{HttpReply, HttpRequest, Method, TransportError};

/// Where the service is, on every instance.
const SERVICE: &str = "http://100.100.100.200/";
/// For tests and the emulator: another place, on this machine.
const ENDPOINT: &str = "RENEWCTL_METADATA_ENDPOINT";
const ROLE: &str = "ALIBABA_CLOUD_ECS_METADATA";
const DISABLED: &str = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
const TOKENS_ONLY: &str = "ALIBABA_CLOUD_IMDSV1_DISABLED";
/// How long a token of the service lasts, in seconds (credentials-go).
const TOKEN_TTL_S: u32 = 21_600;
/// Longest wait for an answer; a connection is waited for half as long.
const TIMEOUT_MS: u64 = 2_000;
const FOLDER: &str = "latest/meta-data/ram/security-credentials/";

/// The role of an instance.
pub(super) struct InstanceRole {
    /// Ends with a slash.
    service: String,
    /// The role, if it was named; otherwise the service is asked once, and the answer kept.
    role: std::cell::RefCell<Option<String>>,
    /// By a variable or a profile: then it is worth a warning if there is none.
    asked_for: bool,
    tokens_only: bool,
}

/// The role that the instance has, or that the environment names.
pub(super) fn find(around: &Around) -> Found {
    let asked_for = around.var(ROLE).is_some();
    role(around, None, asked_for)
}

/// The role that a profile names, or the environment, or the instance has.
pub(super) fn of_profile(around: &Around, name: Option<String>) -> Found {
    role(around, name, true).map_err(|reason| Reason::broken(reason.text))
}

fn role(around: &Around, role: Option<String>, asked_for: bool) -> Found {
    if around.says_true(DISABLED) {
        return Err(Reason::absent(format!("{DISABLED} is true")));
    }
    let role = role.or_else(|| around.var(ROLE));
    if role.as_deref().is_some_and(|role| !is_role(role)) {
        return Err(Reason::broken("the name of the instance's role has a character that no role has"));
    }
    let service = match around.var(ENDPOINT).map(|url| Endpoint::parse(&url)) {
        None => SERVICE.to_owned(),
        Some(Ok(Endpoint::Fixed { url, loopback: true })) if url.starts_with("http:") => url,
        Some(_) => return Err(Reason::broken(format!("{ENDPOINT} is for http:// to this machine only"))),
    };
    let tokens_only = around.says_true(TOKENS_ONLY);
    Ok(Source::Instance(InstanceRole { service, role: role.into(), asked_for, tokens_only }))
}

impl InstanceRole {
    pub(super) async fn issue(&self, around: &Around) -> Result<Issued, Reason> {
        let token = self.token(around).await?;
        let known = self.role.borrow().clone();
        let role = match known {
            Some(role) => role,
            None => self.ask_role(around, token.as_deref()).await?,
        };
        let asked_at = around.now();
        let reply = self.get(around, &format!("{FOLDER}{role}"), token.as_deref()).await?;
        let issued = sts::Told::read(reply, asked_at);
        let issued = issued.map_err(|reason| reason.at("the metadata service gives no session"))?;
        // The same role for the whole run.
        self.role.replace(Some(role));
        Ok(issued)
    }

    fn missing(&self, text: String) -> Reason {
        if self.asked_for { Reason::broken(text) } else { Reason::absent(text) }
    }

    /// A token of the service, or `None` where it gives none and can do without.
    async fn token(&self, around: &Around) -> Result<Option<String>, Reason> {
        let header = ("x-aliyun-ecs-metadata-token-ttl-seconds".to_owned(), TOKEN_TTL_S.to_string());
        let why = match self.send(around, Method::Put, "latest/api/token", vec![header]).await {
            // Nobody is there, so that nobody answers without a token either.
            Err(TransportError::NotSent(why)) => {
                let text = format!("there is no metadata service here ({why})");
                return Err(self.missing(text));
            }
            Err(TransportError::NoAnswer(why)) => why,
            Ok(reply) if reply.status == 200 => match text(&reply) {
                Some(token) => return Ok(Some(token)),
                None => "the token can be none".to_owned(),
            },
            Ok(reply) => format!("HTTP status {}", reply.status),
        };
        if self.tokens_only {
            let text = format!(
                "the metadata service gives no token ({why}), and {TOKENS_ONLY} forbids to do without"
            );
            return Err(Reason::broken(text));
        }
        tracing::debug!(why, "the metadata service gives no token");
        Ok(None)
    }

    async fn ask_role(&self, around: &Around, token: Option<&str>) -> Result<String, Reason> {
        let reply = self.get(around, FOLDER, token).await?;
        if reply.status != 200 {
            let text = format!("no role of an instance here (HTTP status {})", reply.status);
            return Err(self.missing(text));
        }
        let role = text(&reply).filter(|role| is_role(role));
        role.ok_or_else(|| Reason::broken("the metadata service names no role"))
    }

    /// Gets a page; once more without the token, where that is allowed and the first answer was no good one.
    async fn get(&self, around: &Around, path: &str, token: Option<&str>) -> Result<HttpReply, Reason> {
        let header = token.map(|token| ("x-aliyun-ecs-metadata-token".to_owned(), token.to_owned()));
        let mut reply = self.send(around, Method::Get, path, header.into_iter().collect()).await;
        let is_good = reply.as_ref().is_ok_and(|reply| reply.status == 200);
        if !is_good && token.is_some() && !self.tokens_only {
            reply = self.send(around, Method::Get, path, Vec::new()).await;
        }
        reply.map_err(|error| Reason::broken(format!("the metadata service: {error}")))
    }

    async fn send(
        &self,
        around: &Around,
        method: Method,
        path: &str,
        headers: Vec<(String, String)>,
    ) -> Result<HttpReply, TransportError> {
        let url = format!("{}{path}", self.service);
        let request = HttpRequest { method, url, headers, body: String::new(), timeout_ms: TIMEOUT_MS };
        around.doors.metadata.send(request).await
    }
}

/// A body of one plain word.
fn text(reply: &HttpReply) -> Option<String> {
    let text = std::str::from_utf8(&reply.body).ok()?.trim();
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| text.to_owned())
}

/// Letters, digits, hyphens, dots and underscores: what a role's name may have, so that no other page is asked.
fn is_role(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name != "." && name != ".." && name.bytes().all(plain)
}
