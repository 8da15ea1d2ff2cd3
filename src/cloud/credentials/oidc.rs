//! A role by an OIDC token in a file: AssumeRoleWithOIDC, which is not signed (reference 7.2). CI systems and
//! Kubernetes replace the file before the token ends, so that it is read anew for each session.

use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::{Around, Found, Issued, Reason, Source, shown, sts};

const ROLE_ARN: &str = "ALIBABA_CLOUD_ROLE_ARN";
const PROVIDER_ARN: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
const SESSION_NAME: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
/// How long a token may be (the page of AssumeRoleWithOIDC).
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 4..=20_000;

/// A role, and whose token vouches for it.
pub(super) struct FederatedRole {
    pub(super) wanted: sts::Wanted,
    pub(super) provider_arn: String,
    pub(super) token_file: PathBuf,
}

/// The role that the environment names.
pub(super) fn find(around: &Around) -> Found {
    let values = [ROLE_ARN, PROVIDER_ARN, TOKEN_FILE].map(|name| (name, around.var(name)));
    // The role's name alone serves other providers, too.
    let begun = values.iter().any(|(name, value)| *name != ROLE_ARN && value.is_some());
    if let Some((missing, _)) = values.iter().find(|(_, value)| value.is_none()) {
        let text = format!("{missing} is not set (or empty)");
        return Err(if begun { Reason::broken(text) } else { Reason::absent(text) });
    }
    let [role_arn, provider_arn, token_file] = values.map(|(_, value)| value.unwrap_or_default());
    let wanted = sts::Wanted {
        role_arn,
        session_name: session_name(around, None),
        duration_s: sts::DURATION_S,
        policy: None,
        host: sts::host(around, None, None)?,
    };
    Ok(Source::Oidc(FederatedRole { wanted, provider_arn, token_file: token_file.into() }))
}

/// The role, provider and token file of a profile, or those of the environment where it names none: so do
/// the official SDKs.
pub(super) fn of_profile(
    around: &Around,
    provider_arn: Option<String>,
    token_file: Option<String>,
    wanted: sts::Wanted,
) -> Found {
    let or = |value: Option<String>, name: &str, field: &str| {
        value.or_else(|| around.var(name)).ok_or_else(|| Reason::broken(format!("it has no {field}")))
    };
    let provider_arn = or(provider_arn, PROVIDER_ARN, "OIDC provider ARN")?;
    let token_file = or(token_file, TOKEN_FILE, "OIDC token file")?.into();
    Ok(Source::Oidc(FederatedRole { wanted, provider_arn, token_file }))
}

/// The ARN of a profile's role, or that of the environment.
pub(super) fn role_arn(around: &Around, value: Option<String>) -> Result<String, Reason> {
    value.or_else(|| around.var(ROLE_ARN)).ok_or_else(|| Reason::broken("it has no role ARN"))
}

/// The name of a session.
pub(super) fn session_name(around: &Around, value: Option<String>) -> String {
    value.or_else(|| around.var(SESSION_NAME)).unwrap_or_else(|| sts::SESSION_NAME.to_owned())
}

impl FederatedRole {
    pub(super) async fn issue(&self, around: &Around) -> Result<Issued, Reason> {
        let content = around.read(&self.token_file).map_err(|reason| Reason::broken(reason.text))?;
        let token = std::str::from_utf8(content.expose_secret()).unwrap_or_default().trim();
        let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || !TOKEN_CHARS.contains(&token.len()) {
            return Err(Reason::broken(format!("{} holds no OIDC token", shown(&self.token_file))));
        }
        let mut parameters = self.wanted.parameters();
        parameters.push(("OIDCProviderArn", self.provider_arn.clone()));
        parameters.push(("OIDCToken", token.to_owned()));
        let question = sts::Question {
            action: "AssumeRoleWithOIDC",
            host: &self.wanted.host,
            parameters: &parameters,
            signed_by: None,
        };
        sts::session(around, &question).await
    }
}
