//! The key that signs. For now from the environment, the first provider of the official chain.
//!
//! Secrets live in types that cannot be printed and are wiped when they go.

use secrecy::{ExposeSecret, SecretString};

use crate::ports::Environment;

/// Variable of the key id.
const KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
/// Variable of the secret.
const KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
/// Variable of the session token; only for temporary keys.
const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// A key.
#[derive(Clone, Debug)]
pub struct Credentials {
    key_id: String,
    secret: SecretString,
    security_token: Option<SecretString>,
}

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// A variable is missing or empty.
    #[error(
        "no credentials: the environment variable {0} is not set (or empty).\n  help: export {KEY_ID} and {KEY_SECRET} \
         (and {SECURITY_TOKEN} for a session), or try everything without an account: --emulator"
    )]
    Missing(&'static str),
    /// A value with a blank, a line end or a character outside ASCII. It is not repeated here.
    #[error(
        "the environment variable {0} holds a blank, a line end or a character that no key has.\n  help: set it \
         again, without quotes or blanks around the value"
    )]
    Malformed(&'static str),
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

    /// The key that the environment names.
    ///
    /// # Errors
    /// [`CredentialsError`], which names the variable.
    pub fn from_environment(environment: &dyn Environment) -> Result<Self, CredentialsError> {
        let plain = |name, value: String| {
            let valid = value.bytes().all(|b| b.is_ascii_graphic());
            if valid { Ok(value) } else { Err(CredentialsError::Malformed(name)) }
        };
        let var = |name| environment.var(name).ok_or(CredentialsError::Missing(name));
        let required = |name| var(name).and_then(|value| plain(name, value));
        let credentials = Self::new(&required(KEY_ID)?, &required(KEY_SECRET)?);
        Ok(match environment.var(SECURITY_TOKEN) {
            Some(token) => credentials.with_security_token(&plain(SECURITY_TOKEN, token)?),
            None => credentials,
        })
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
}
