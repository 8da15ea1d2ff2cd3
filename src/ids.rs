//! Identifiers, each its own type, checked once where it enters.
//!
//! An id travels in comma lists, JSON arrays and host names: what is not plain ASCII never gets in.
//! This file knows no API and does no I/O.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not of the form of an instance id.
    #[error("an instance id looks like i-bp67acfmxazb4p0001: \"i-\" and then ASCII letters and digits")]
    Instance,
    /// Not of the form of a region id.
    #[error("a region id looks like cn-beijing: lower-case ASCII letters, digits and hyphens")]
    Region,
    /// Not of the form of an account id.
    #[error("an account id looks like 1234567890123456: digits, at most 20 of them")]
    Account,
    /// Not of the form of a client token.
    #[error("a client token is 1 to 64 visible ASCII characters")]
    Token,
}

/// The id of an ECS instance: `i-` and ASCII letters, digits or hyphens, at most 64 in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(String);

impl InstanceId {
    /// Reads an instance id.
    ///
    /// # Errors
    /// [`IdError::Instance`] if `text` has another form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let tail = text.strip_prefix("i-").ok_or(IdError::Instance)?;
        let plain = tail.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if tail.is_empty() || text.len() > 64 || !plain {
            return Err(IdError::Instance);
        }
        Ok(Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a region, for example `cn-beijing`. It becomes part of a host name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegionId(String);

impl RegionId {
    /// Reads a region id.
    ///
    /// # Errors
    /// [`IdError::Region`] if `text` has another form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let letters_first = text.bytes().take(2).filter(u8::is_ascii_lowercase).count() == 2;
        let inner = !text.ends_with('-') && text.contains('-') && !text.contains("--");
        if text.len() > 32 || !plain || !letters_first || !inner {
            return Err(IdError::Region);
        }
        Ok(Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id (UID) of an account: digits, 16 of them in all samples (GetCallerIdentity, AccountId), at most
/// 20 here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// Reads an account id.
    ///
    /// # Errors
    /// [`IdError::Account`] if `text` has another form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        if text.is_empty() || text.len() > 20 || !digits {
            return Err(IdError::Account);
        }
        Ok(Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The idempotency token of one charge: at most 64 ASCII characters (`RenewInstance`, ClientToken).
/// Made in `plan::token` alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientToken(pub(crate) String);

impl ClientToken {
    /// Takes a token as it stands, 1 to 64 visible ASCII characters.
    ///
    /// # Errors
    /// [`IdError::Token`] if `text` has another form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        if text.is_empty() || text.len() > 64 || !visible {
            return Err(IdError::Token);
        }
        Ok(Self(text.to_owned()))
    }

    /// The token as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identity of a plan: SHA-256 over its decisions, 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanId(pub(crate) String);

impl PlanId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! id_text {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}
id_text!(InstanceId RegionId AccountId ClientToken PlanId);

impl TryFrom<String> for InstanceId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for RegionId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for AccountId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}
