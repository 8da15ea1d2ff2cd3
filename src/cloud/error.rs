//! What an error answer means: one table of codes, then rules for families, then the HTTP status.
//!
//! Rows are from the documentation of the five actions and the gateway (reference, `error-codes`);
//! the classes are our judgement on the rules of reference 5.

use crate::retry::Class;
use crate::text::Untrusted;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The action that was called.
    pub action: &'static str,
    /// What it means.
    pub class: Class,
    /// The cloud's code; `None` if there was no readable answer.
    pub code: Option<String>,
    /// The cloud's message, or ours.
    pub message: Untrusted,
    /// The cloud's name of the last request.
    pub request_id: Option<String>,
    /// The last HTTP status.
    pub http_status: Option<u16>,
    /// Attempts in all.
    pub attempts: u32,
    /// Whether any attempt may have taken effect: its answer was lost, unreadable, a 5xx, without a
    /// code of the cloud's, or said that something is in progress. Throttled and refused requests, and
    /// those that found no connection, certainly did not.
    pub maybe_done: bool,
    /// What a person can do.
    pub hint: Option<&'static str>,
}

impl CallError {
    /// One line for people: what, why, which request.
    pub fn text(&self) -> String {
        let code = self.code.as_deref().map_or_else(String::new, |code| format!("{code}: "));
        let message = self.message.shown();
        let request = self.request_id.as_deref().map_or_else(String::new, |id| format!(", RequestId {id}"));
        let attempts =
            if self.attempts > 1 { format!(", {} attempts", self.attempts) } else { String::new() };
        format!("{}: {code}{message}{request}{attempts}", self.action)
    }
}

const RETRY: Class = Class::Retry { throttled: false };
const THROTTLED: Class = Class::Retry { throttled: true };

/// Codes with a class of their own. Everything documented that is not here is [`Class::Refused`] by
/// [`class`]; a test holds the whole table against the reference.
const TABLE: &[(&str, Class)] = &[
    ("InternalError", RETRY),
    ("UnknownError", RETRY),
    ("ServiceUnavailable", RETRY),
    ("ServiceUnavailable.RegionMaintaining", RETRY),
    ("LastOrderProcessing", Class::Busy),
    ("LastRequestProcessing", Class::Busy),
    ("LastTokenProcessing", Class::Busy),
    ("Idempotence.Processing", Class::Busy),
    ("InvalidStatus.Upgrading", Class::Busy),
    ("OperationConflict", Class::Busy),
    ("IdempotenceParamNotMatch", Class::Claimed),
    ("IdempotentParameterMismatch", Class::Claimed),
    ("InvalidIdempotenceParameter.Mismatch", Class::Claimed),
    ("InvalidTimeStamp.Format", Class::Resign),
    ("InvalidTimeStamp.Expired", Class::Resign),
    ("SignatureNonceUsed", Class::Resign),
    ("SignatureDoesNotMatch", Class::Credentials),
    ("IncompleteSignature", Class::Credentials),
    ("Forbidden.RiskControl", Class::Stop),
];

/// Parts of codes that mean that the account cannot pay. None is on RenewInstance's page (reference
/// 6), so they are found by substring.
const CANNOT_PAY: [&str; 4] = ["Balance", "Arrear", "PayMethod", "PAY."];

/// The class of an answer.
pub fn class(code: &str, http_status: u16) -> Class {
    if let Some((_, class)) = TABLE.iter().find(|(known, _)| *known == code) {
        return *class;
    }
    if code.starts_with("Throttling") {
        return THROTTLED;
    }
    if code.starts_with("InvalidAccessKeyId") || code.starts_with("InvalidSecurityToken") {
        return Class::Credentials;
    }
    if CANNOT_PAY.iter().any(|part| code.contains(part)) {
        return Class::Stop;
    }
    match http_status {
        429 => THROTTLED,
        408 | 500..=599 => RETRY,
        _ => Class::Refused,
    }
}

/// What a person can do about a code.
pub(super) fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "SignatureDoesNotMatch" | "IncompleteSignature" => {
            "the access key secret does not fit the access key id; check both"
        }
        "InvalidAccessKeyId.NotFound" => {
            "this access key does not exist at this site; check ALIBABA_CLOUD_ACCESS_KEY_ID"
        }
        "InvalidAccessKeyId.Inactive" => {
            "this access key is disabled; enable it in the RAM console or use another"
        }
        "InvalidTimeStamp.Expired" => "this machine's clock is more than 15 minutes off; set it",
        "Forbidden.RAM" | "NoPermission" | "InvalidAction.Unauthorized" => {
            "the key lacks a right; it needs ecs:DescribeInstances, ecs:DescribeInstanceAutoRenewAttribute, \
             ecs:DescribeRenewalPrice, and for apply ecs:RenewInstance and ecs:ModifyInstanceAutoRenewAttribute"
        }
        "InvalidOperation.NotSupportedEndpoint" => "the instance is not in this region; check `region`",
        "OperationDenied.UnfinishedOrder" => {
            "a refund of this instance is not finished; wait for it or cancel it"
        }
        "Instance.UnPaidOrder" | "InvalidLoanOrderStatus.Uncompleted" => {
            "an earlier order of this instance is not paid; pay or cancel it in the console"
        }
        "OperationDenied.NoStock" => {
            "its computing resources are gone and the zone has none; ask the support at once"
        }
        "InvalidPeriod.ExceededMaximumExpirationDate" => "it cannot be paid so far ahead; lower renew_period",
        _ if code.starts_with("InvalidSecurityToken") => {
            "the session has ended or does not fit the key; get a new one"
        }
        _ if CANNOT_PAY.iter().any(|part| code.contains(part)) => {
            "the account cannot pay; top it up and run again"
        }
        _ => return None,
    })
}
