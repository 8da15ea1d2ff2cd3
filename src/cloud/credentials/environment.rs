//! Keys in environment variables: the first provider of the chain (reference 7.1).

use super::{Around, Credentials, Found, Issued, Reason, Source};

/// Variable of the key id.
pub(super) const KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
/// Variable of the secret.
pub(super) const KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
/// Variable of the session token; only for temporary keys.
const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// The key that the environment names.
pub(super) fn find(around: &Around) -> Found {
    let (key_id, secret) = match (around.var(KEY_ID), around.var(KEY_SECRET)) {
        (Some(key_id), Some(secret)) => (key_id, secret),
        (None, None) => return Err(Reason::absent(format!("{KEY_ID} is not set (or empty)"))),
        (Some(_), None) => {
            return Err(Reason::broken(format!("{KEY_ID} is set, and {KEY_SECRET} is not (or empty)")));
        }
        (None, Some(_)) => {
            return Err(Reason::broken(format!("{KEY_SECRET} is set, and {KEY_ID} is not (or empty)")));
        }
    };
    let token = around.var(SECURITY_TOKEN).map(Into::into);
    let key = Credentials::checked(key_id, secret.into(), token).map_err(|what| {
        let name = match what {
            "access key id" => KEY_ID,
            "access key secret" => KEY_SECRET,
            _ => SECURITY_TOKEN,
        };
        Reason::last(format!("{name} holds a blank, a line end or a character that no key has"))
    })?;
    Ok(Source::Fixed(Issued::lasting(key)))
}
