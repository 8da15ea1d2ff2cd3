//! Asking STS (2015-04-01): sessions of roles, and whose key one is. Safe to repeat.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Around, Credentials, Issued, Reason};
use crate::cloud::error::class;
use crate::cloud::replies::{parse_date, plain};
use crate::cloud::sign::request::Unsigned;
use crate::cloud::sign::{canonical_query, percent_encode};
use crate::ids::AccountId;
use crate::ports::{HttpReply, HttpRequest, Method};
use crate::retry::{Class, PATIENCE};

const VERSION: &str = "2015-04-01";
/// Longest wait for one answer (reference 7.2: five seconds for the connection, ten for the answer).
const TIMEOUT_MS: u64 = 10_000;
/// Attempts in all while the failure is transient. A session that ends soon is asked for again later.
const ATTEMPTS_MAX: u32 = 3;
/// Who the session is of, where nobody gave it a name. It stands in audit trails.
pub(super) const SESSION_NAME: &str = "renewctl";
/// The usual length of a session, in seconds, and the shortest one (reference 7.2).
pub(super) const DURATION_S: u32 = 3600;
const DURATION_S_MIN: u32 = 900;

/// What a role's session is asked for with, whoever vouches for it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) role_arn: String,
    pub(super) session_name: String,
    pub(super) duration_s: u32,
    pub(super) policy: Option<String>,
    /// The host of STS.
    pub(super) host: String,
}

impl Wanted {
    /// The parameters that both actions have.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![
            ("RoleArn", self.role_arn.clone()),
            ("RoleSessionName", self.session_name.clone()),
            ("DurationSeconds", self.duration_s.to_string()),
        ];
        parameters.extend(self.policy.clone().map(|policy| ("Policy", policy)));
        parameters
    }

    /// A length that STS can take.
    pub(super) fn duration_s(asked: Option<i64>) -> Result<u32, Reason> {
        // Zero is what a file has that does not say.
        match asked.filter(|seconds| *seconds != 0) {
            None => Ok(DURATION_S),
            Some(seconds) => u32::try_from(seconds)
                .ok()
                .filter(|seconds| *seconds >= DURATION_S_MIN)
                .ok_or_else(|| Reason::broken(format!("a session is of {DURATION_S_MIN} seconds at least"))),
        }
    }
}

/// The host of STS: the central one, or, with a region, that region's, also inside a VPC (reference 7.2).
pub(super) fn host(around: &Around, region: Option<&str>, vpc: Option<bool>) -> Result<String, Reason> {
    let from_environment = around.var("ALIBABA_CLOUD_STS_REGION");
    let Some(region) = region.filter(|region| !region.is_empty()).or(from_environment.as_deref()) else {
        return Ok("sts.aliyuncs.com".to_owned());
    };
    if !region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        return Err(Reason::broken("the region of STS is none: a region looks like cn-hangzhou"));
    }
    let vpc = vpc.unwrap_or_else(|| around.says_true("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"));
    Ok(format!("sts{}.{region}.aliyuncs.com", if vpc { "-vpc" } else { "" }))
}

/// A host with or without a port, in the form in which it is sent: lower-case, and without the usual port. A
/// signature is over what is sent.
pub(super) fn given_host(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    let url = reqwest::Url::parse(&format!("https://{text}/")).ok().filter(|_| text.bytes().all(plain))?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionReply {
    credentials: Told,
}

/// A session as STS, the metadata service and credentials URIs tell it. All of it may be missing.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Told {
    /// `Success`; STS does without.
    code: Option<String>,
    access_key_id: Option<String>,
    access_key_secret: Option<SecretString>,
    security_token: Option<SecretString>,
    /// `2026-12-01T03:05:00Z`.
    expiration: Option<String>,
}

impl Told {
    /// Reads the answer of a service that tells nothing but a session.
    pub(super) fn read(mut reply: HttpReply, asked_at: DateTime<Utc>) -> Result<Issued, Reason> {
        let body = body(&mut reply);
        if reply.status != 200 {
            return Err(Reason::broken(format!("HTTP status {}", reply.status)));
        }
        let told: Result<Self, _> = serde_json::from_slice(body.expose_secret());
        let told = told.map_err(|_| Reason::broken("the answer is not understood"))?;
        if told.code.as_deref() != Some("Success") {
            return Err(Reason::broken("the answer is not Success"));
        }
        told.issued(asked_at, reply.header("date").and_then(parse_date))
    }

    /// The session, with its end by the machine's clock. What counts is how long it lasts: its end and the date
    /// of the answer are of one clock, which need not be ours.
    fn issued(self, asked_at: DateTime<Utc>, date: Option<DateTime<Utc>>) -> Result<Issued, Reason> {
        let lacks = || Reason::broken("the answer lacks a part of the key");
        let key_id = self.access_key_id.filter(|id| !id.is_empty()).ok_or_else(lacks)?;
        let filled = |secret: &SecretString| !secret.expose_secret().is_empty();
        let secret = self.access_key_secret.filter(filled).ok_or_else(lacks)?;
        let token = self.security_token.filter(filled).ok_or_else(lacks)?;
        let key = Credentials::checked(key_id, secret, Some(token));
        let key = key.map_err(|what| Reason::broken(format!("the {what} in the answer can be none")))?;
        let end = self.expiration.as_deref().and_then(|end| DateTime::parse_from_rfc3339(end).ok());
        let end = end.ok_or_else(|| Reason::broken("the answer names no end of the session"))?.to_utc();
        let left = end - date.unwrap_or(asked_at);
        if left <= Duration::zero() {
            return Err(Reason::broken("the session in the answer has ended already"));
        }
        Ok(Issued { key: key.into(), ends_at: Some(asked_at + left) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccountReply {
    account_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Refusal {
    code: String,
    request_id: String,
}

/// What is asked.
pub(super) struct Question<'a> {
    pub(super) action: &'static str,
    pub(super) host: &'a str,
    pub(super) parameters: &'a [(&'static str, String)],
    /// Who signs; AssumeRoleWithOIDC is not signed.
    pub(super) signed_by: Option<&'a Credentials>,
}

/// Asks for a session.
pub(super) async fn session(around: &Around, question: &Question<'_>) -> Result<Issued, Reason> {
    let asked_at = around.now();
    let (reply, date) = ask::<SessionReply>(around, question).await?;
    reply.credentials.issued(asked_at, date).map_err(|reason| reason.at(question.action))
}

/// Asks which account a key belongs to. No right is needed.
pub(super) async fn account(around: &Around, key: &Credentials) -> Result<String, Reason> {
    let host = host(around, None, None)?;
    let question =
        Question { action: "GetCallerIdentity", host: &host, parameters: &[], signed_by: Some(key) };
    let (reply, _) = ask::<AccountReply>(around, &question).await?;
    let account = AccountId::parse(&reply.account_id);
    account
        .map(|account| account.to_string())
        .map_err(|_| Reason::broken("GetCallerIdentity: the answer names no account"))
}

/// Asks, and asks again what is transient. Nothing of an answer is told but its code and its RequestId: its
/// message may repeat what was sent, and its body may hold a key.
async fn ask<T: DeserializeOwned>(
    around: &Around,
    question: &Question<'_>,
) -> Result<(T, Option<DateTime<Utc>>), Reason> {
    let (action, host) = (question.action, question.host);
    let mut correction = Duration::zero();
    let mut resigned = false;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let request = request(around, question, around.now() + correction);
        let (why, again) = match around.doors.cloud.send(request).await {
            Err(error) => (format!("{action} at {host}: {error}"), true),
            Ok(mut reply) => {
                let date = reply.header("date").and_then(parse_date);
                let body = body(&mut reply);
                if (200..300).contains(&reply.status) {
                    match serde_json::from_slice(body.expose_secret()) {
                        Ok(body) => return Ok((body, date)),
                        Err(_) => (format!("{action} at {host}: the answer is not understood"), true),
                    }
                } else {
                    let (class, why) = refusal(action, reply.status, body.expose_secret());
                    if class == Class::Resign && !resigned {
                        resigned = true;
                        correction = date.map_or(Duration::zero(), |date| date - around.now());
                        continue;
                    }
                    (why, matches!(class, Class::Retry { .. }))
                }
            }
        };
        tracing::debug!(action, why, "no answer from STS");
        if !again || attempt >= ATTEMPTS_MAX {
            return Err(Reason::broken(why));
        }
        let mut chance = [0];
        around.doors.entropy.fill(&mut chance);
        let [chance] = chance;
        tokio::time::sleep(PATIENCE.delay(attempt + 1, false, None, chance)).await;
    }
}

/// The body of a reply, which may hold a key: it is wiped when it goes.
fn body(reply: &mut HttpReply) -> SecretSlice<u8> {
    std::mem::take(&mut reply.body).into()
}

fn refusal(action: &str, status: u16, body: &[u8]) -> (Class, String) {
    let body: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let (code, request_id) = (plain(&body.code), plain(&body.request_id));
    let named = if code.is_empty() { format!("HTTP status {status}") } else { code.clone() };
    let request = if request_id.is_empty() { String::new() } else { format!(", RequestId {request_id}") };
    let hint = hint(&code).map(|hint| format!("; {hint}")).unwrap_or_default();
    (class(&code, status), format!("{action} was refused: {named}{request}{hint}"))
}

/// What a person can do about a refusal (codes: the STS pages and FAQ).
fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "NoPermission" => {
            "the key needs sts:AssumeRole, the role's trust policy has to name it, and a root account cannot do it"
        }
        "EntityNotExist.Role" => "there is no such role; check the ARN",
        "InvalidParameter.RoleArn" => "a role's ARN looks like acs:ram::1234567890123456:role/name",
        "InvalidParameter.DurationSeconds" => "the role allows no session that long",
        "InvalidAccessKeyId.NotFound" | "SignatureDoesNotMatch" => "check access key id and secret",
        "InvalidTimeStamp.Expired" => "this machine's clock is more than 15 minutes off; set it",
        _ if code.starts_with("AuthenticationFail.OIDC") => {
            "the OIDC token has ended, or its issuer, audience or subject is not the one that the role trusts"
        }
        _ if code.starts_with("EntityNotExist.OIDC") => "there is no such OIDC provider; check its ARN",
        _ => return None,
    })
}

fn request(around: &Around, question: &Question<'_>, at: DateTime<Utc>) -> HttpRequest {
    let url = around.wishes.endpoint.url_of_sts(question.host);
    if let Some(key) = question.signed_by {
        let mut nonce = [0; 16];
        around.doors.entropy.fill(&mut nonce);
        let unsigned = Unsigned {
            url: &url,
            action: question.action,
            version: VERSION,
            parameters: question.parameters,
            nonce: &HEXLOWER.encode(&nonce),
            at,
            timeout_ms: TIMEOUT_MS,
        };
        return unsigned.sign(around.wishes.signature, key);
    }
    let timestamp = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let query = format!(
        "Action={}&Format=JSON&Timestamp={}&Version={VERSION}",
        question.action,
        percent_encode(&timestamp)
    );
    let form: Vec<(String, String)> =
        question.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    HttpRequest {
        method: Method::Post,
        url: format!("{url}?{query}"),
        headers: vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ],
        body: canonical_query(&form),
        timeout_ms: TIMEOUT_MS,
    }
}
