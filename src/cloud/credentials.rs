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
    /// [`CredentialsError::Missing`].
    pub fn from_environment(environment: &dyn Environment) -> Result<Self, CredentialsError> {
        let var = |name| environment.var(name).ok_or(CredentialsError::Missing(name));
        let credentials = Self::new(&var(KEY_ID)?, &var(KEY_SECRET)?);
        Ok(match environment.var(SECURITY_TOKEN) {
            Some(token) => credentials.with_security_token(&token),
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
