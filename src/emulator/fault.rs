//! Faults on demand: the nth call of an action is throttled, fails, is lost, or is late.

use serde::{Deserialize, Serialize};

use super::api::{self, ApiError};

/// A fault as a world file writes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// On calls of this action.
    action: String,
    /// From the call with this number on, counted from 1 over all regions.
    nth: u64,
    /// Only on calls that name this one instance.
    #[serde(default)]
    instance: Option<String>,
    /// For so many calls.
    #[serde(default = "once")]
    times: u64,
    kind: Kind,
    /// With `throttle`: the wish in `x-acs-retry-after`.
    #[serde(default)]
    retry_after_ms: Option<u64>,
    /// With `delay`.
    #[serde(default)]
    ms: Option<u64>,
    /// With `code`.
    #[serde(default)]
    http: Option<u16>,
    /// With `code`.
    #[serde(default)]
    code: Option<String>,
    /// With `code`.
    #[serde(default)]
    message: Option<String>,
}

fn once() -> u64 {
    1
}

/// What happens instead of, or besides, the right answer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// 400 Throttling.User; nothing happens.
    Throttle,
    /// 500 InternalError; nothing happens.
    #[serde(rename = "error_500_before")]
    Error500Before,
    /// It happens, and the answer is 500 InternalError.
    #[serde(rename = "error_500_after")]
    Error500After,
    /// 503 ServiceUnavailable; nothing happens.
    #[serde(rename = "unavailable_503")]
    Unavailable503,
    /// The connection closes; nothing happens.
    LostBefore,
    /// It happens, and the connection closes without an answer.
    LostAfter,
    /// It happens, and the answer is late.
    Delay,
    /// A given error; nothing happens.
    Code,
}

/// A fault, worked out.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    Hangup { after: bool },
    Error { after: bool, error: ApiError },
    Delay { ms: u64 },
}

impl Fault {
    /// What is wrong with it, if something is.
    pub(super) fn problem(&self) -> Option<String> {
        if api::product(&self.action).is_none() {
            return Some(format!("faults: there is no action {:?}", self.action));
        }
        (self.nth == 0).then(|| "faults: nth counts from 1".to_owned())
    }

    pub(super) fn is_on(&self, action: &str, instance: Option<&str>, nth: u64) -> bool {
        let named = self.instance.is_none() || self.instance.as_deref() == instance;
        named && self.action == action && (self.nth..self.nth.saturating_add(self.times)).contains(&nth)
    }

    pub(super) fn effect(&self) -> Effect {
        let internal = || {
            ApiError::new(
                500,
                "InternalError",
                "The request processing has failed due to some unknown error.",
            )
        };
        match self.kind {
            Kind::Throttle => {
                let mut error =
                    ApiError::new(400, "Throttling.User", "Request was denied due to user flow control.");
                error.retry_after_ms = self.retry_after_ms;
                Effect::Error { after: false, error }
            }
            Kind::Error500Before => Effect::Error { after: false, error: internal() },
            Kind::Error500After => Effect::Error { after: true, error: internal() },
            Kind::Unavailable503 => {
                let message = "The request has failed due to a temporary failure of the server.";
                Effect::Error { after: false, error: ApiError::new(503, "ServiceUnavailable", message) }
            }
            Kind::LostBefore => Effect::Hangup { after: false },
            Kind::LostAfter => Effect::Hangup { after: true },
            Kind::Delay => Effect::Delay { ms: self.ms.unwrap_or(0) },
            Kind::Code => {
                let code = self.code.as_deref().unwrap_or("UnknownError");
                let message = self.message.as_deref().unwrap_or("The request processing has failed.");
                Effect::Error { after: false, error: ApiError::new(self.http.unwrap_or(400), code, message) }
            }
        }
    }
}
