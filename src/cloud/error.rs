//! What an error answer means: one table of codes, then rules for families, then the HTTP status.
//!
//! Rows are from the documentation of the actions and the gateway (reference, `error-codes`);
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
    /// What was tried and what came back, and what a person can do about it, if that is known.
    pub fn advice(&self) -> String {
        let hint = self.hint.map(|hint| format!(". To do: {hint}")).unwrap_or_default();
        format!("{}{hint}", self.text())
    }

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
const BUSY_OWN: Class = Class::Busy { own: true };
const BUSY_OTHER: Class = Class::Busy { own: false };

/// Documented codes whose class is not [`Class::Refused`], and some that were only seen in the field.
const TABLE: &[(&str, Class)] = &[
    ("InternalError", RETRY),
    ("UnknownError", RETRY),
    ("UndefinedError", RETRY),
    ("ServiceUnavailable", RETRY),
    ("ServiceUnavailable.RegionMaintaining", RETRY),
    ("LastOrderProcessing", BUSY_OTHER),
    ("LastRequestProcessing", BUSY_OTHER),
    ("LastTokenProcessing", BUSY_OWN),
    ("Idempotence.Processing", BUSY_OWN),
    ("InvalidStatus.Upgrading", BUSY_OTHER),
    ("OperationConflict", BUSY_OTHER),
    ("IdempotenceParamNotMatch", Class::Claimed),
    ("IdempotentParameterMismatch", Class::Claimed),
    ("InvalidIdempotenceParameter.Mismatch", Class::Claimed),
    ("InvalidTimeStamp.Format", Class::Resign),
    ("InvalidTimeStamp.Expired", Class::Resign),
    ("SignatureNonceUsed", Class::Resign),
    ("SignatureDoesNotMatch", Class::Credentials),
    ("IncompleteSignature", Class::Credentials),
    ("InsufficientBalance", Class::Stop),
    ("InvalidAccountStatus.NotEnoughBalance", Class::Stop),
    ("InvalidPayMethod", Class::Stop),
    ("Forbidden.RiskControl", Class::Stop),
];

/// The other documented codes: refused, whatever the HTTP status. Some stand on a page for parameters
/// that are never sent, and `DryRunOperation` answers a dry run, which is never asked for. No code
/// means one thing for one action and another for the next.
const REFUSED: &[&str] = &[
    "AuthSiteFail",
    "ChargeTypeViolation",
    "DependencyViolation.InstanceType",
    "Diskcategory.Mismatch",
    "DryRunOperation",
    "Forbidden.RAM",
    "IncorrectDedicatedHostStatus",
    "IncorrectInstanceStatus",
    "Instance.UnPaidOrder",
    "InstanceLockedForSecurity",
    "InstanceSpecModification.NotEffective",
    "InstanceTypeNotSupported",
    "InvalidAction.NotFound",
    "InvalidAction.Unauthorized",
    "InvalidApi.NotFound",
    "InvalidChargeType.NotSupported",
    "InvalidClientToken.ValueNotSupported",
    "InvalidDedicatedHostId.NotFound",
    "InvalidDedicatedHostStatus.NotSupport",
    "InvalidDisk.NotAllowed",
    "InvalidDiskId.NotFound",
    "InvalidExpectedRenewDay.Conflict",
    "InvalidExpectedRenewDay.StarterPackageNotSupported",
    "InvalidExpectedRenewDay.ValueNotSupported",
    "InvalidFilterKey.NotFound",
    "InvalidHpcClusterId.Creating",
    "InvalidHpcClusterId.NotFound",
    "InvalidInstanceChargeType.NotFound",
    "InvalidInstanceId.NotFound",
    "InvalidInstanceType.NotSupported",
    "InvalidInstanceType.ValueNotSupported",
    "InvalidInstanceType.ValueUnauthorized",
    "InvalidInstanceType.codeUnauthorized",
    "InvalidInternetChargeType.InstanceNotSupported",
    "InvalidInternetChargeType.ValueNotSupported",
    "InvalidLoanOrderStatus.Uncompleted",
    "InvalidLockReason.NotFound",
    "InvalidNetworkType.NotFound",
    "InvalidOperation.ClassicNetworkTypeNotSupported",
    "InvalidOperation.NotSupportedEndpoint",
    "InvalidOwner",
    "InvalidParam.ExpectedRenewDay",
    "InvalidParameter",
    "InvalidParameter.Duration",
    "InvalidParameter.InvalidInstanceId",
    "InvalidParameter.PageNumber",
    "InvalidParameter.PageSize",
    "InvalidParameter.RenewalStatus",
    "InvalidParameter.RenewalStatusInstanceId",
    "InvalidParameter.ToManyInstanceIds",
    "InvalidPeriod",
    "InvalidPeriod.ExceededDedicatedHost",
    "InvalidPeriod.ExceededMaximumExpirationDate",
    "InvalidPeriod.NotFound",
    "InvalidPeriod.StarterPackage",
    "InvalidPeriodUnit.ValueNotSupported",
    "InvalidPriceUnit.ValueNotSupported",
    "InvalidProduct.NotFound",
    "InvalidProtocol.NeedSsl",
    "InvalidRebootTime.Malformed",
    "InvalidRebootTime.ValueNotSupported",
    "InvalidResourceType.ValueNotSupported",
    "InvalidSignatureMethod",
    "InvalidStatus.NotFound",
    "InvalidTag.Mismatch",
    "InvalidTagCount",
    "InvalidVersion",
    "MissingParameter.InstanceId",
    "MissingParamter",
    "NoPermission",
    "NoPermission.Price",
    "NotApplicable",
    "NotAuthorized",
    "OperationDenied",
    "OperationDenied.AbnormalInstanceInfo",
    "OperationDenied.ImageNotValid",
    "OperationDenied.NoStock",
    "OperationDenied.StarterPackage",
    "OperationDenied.UnfinishedOrder",
    "OperationRestricted.Renewal",
    "QuotaExceed.AlignInstance",
    "RealNameAuthenticationError",
    "RenewDateNotSupported.StarterPackage",
    "Upgrade.NotSupported",
];

/// Parts of codes that mean that the account cannot pay or is not let. None is on RenewInstance's page
/// (reference 6), so they are found by substring.
const CANNOT_PAY: [&str; 5] = ["Balance", "Arrear", "PayMethod", "PAY.", "RiskControl"];

/// Beginnings of codes that refuse a request as a whole: without one of its members it would be
/// refused just as well, so that splitting only costs calls.
const WHOLE_REQUEST: [&str; 10] = [
    "Unauthorized",
    "InvalidAction",
    "InvalidApi",
    "InvalidProduct",
    "InvalidProtocol",
    "InvalidVersion",
    "InvalidSignatureMethod",
    "InvalidOperation.NotSupportedEndpoint",
    "Missing",
    "RealNameAuthentication",
];

/// The class of an error answer: documented codes first, then families, then the HTTP status.
pub fn class(code: &str, http_status: u16) -> Class {
    if let Some((_, class)) = TABLE.iter().find(|(known, _)| *known == code) {
        return *class;
    }
    if REFUSED.contains(&code) {
        return Class::Refused;
    }
    if CANNOT_PAY.iter().any(|part| code.contains(part)) {
        return Class::Stop;
    }
    if code.starts_with("Throttling") {
        return THROTTLED;
    }
    if code.starts_with("InvalidAccessKeyId") || code.starts_with("InvalidSecurityToken") {
        return Class::Credentials;
    }
    if code.starts_with("Missing") {
        return Class::Refused;
    }
    match http_status {
        429 => THROTTLED,
        408 | 500..=599 => RETRY,
        _ => Class::Refused,
    }
}

/// Whether an error answer with `code` and `http_status` leaves open that the request was carried
/// out: every 5xx but throttling; "unknown error", which also comes with 400; this very request in
/// progress; and an error without a code, which is not the cloud's own word
/// (408, for one, by which a proxy says that it stopped waiting).
pub fn leaves_doubt(code: &str, http_status: u16) -> bool {
    let class = class(code, http_status);
    if class == THROTTLED {
        return false;
    }
    http_status >= 500 || class == RETRY || class == BUSY_OWN || code.is_empty()
}

/// Whether a right is lacking: for the action as a whole, or, as policies can name single instances,
/// for one member of a batch.
pub(super) fn is_permission(error: &CallError) -> bool {
    let code = error.code.as_deref();
    code.is_some_and(|code| code.starts_with("Forbidden") || code.starts_with("NoPermission"))
}

/// Whether a refusal may be the fault of one member of a batch, so that the others deserve a try.
pub fn may_be_one_member(error: &CallError) -> bool {
    let code = error.code.as_deref();
    error.class == Class::Refused
        && code.is_some_and(|code| !WHOLE_REQUEST.iter().any(|start| code.starts_with(start)))
}

/// What a person can do about a code that an action was answered with.
pub(super) fn hint(action: &str, code: &str) -> Option<&'static str> {
    Some(match code {
        "Forbidden.RAM" | "NoPermission" | "NotAuthorized" if action == "QueryAccountBalance" => {
            // Three c: so it is spelled on the page (reference 4).
            "the key lacks a right; to read the balance it needs bss:DescribeAcccount, spelled so"
        }
        "NotApplicable" | "AuthSiteFail" => {
            "the account is not at this site; write the right one into the file (site: china | international)"
        }
        "SignatureDoesNotMatch" | "IncompleteSignature" => {
            "the access key secret does not fit the access key id; check both"
        }
        "InvalidAccessKeyId.NotFound" => {
            "this access key does not exist at this site; check ALIBABA_CLOUD_ACCESS_KEY_ID"
        }
        "InvalidAccessKeyId.Inactive" => {
            "this access key is disabled; enable it in the RAM console or use another"
        }
        "InvalidTimeStamp.Expired" | "InvalidTimeStamp.Format" => {
            "this machine's clock is more than 15 minutes off; set it"
        }
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
        "Forbidden.RiskControl" => "the cloud's risk control stopped the order; ask the support",
        "RealNameAuthenticationError" => "the account has to pass the real-name authentication first",
        "ChargeTypeViolation" => "pay-as-you-go instances have no term to renew; take it out of the file",
        "IncorrectInstanceStatus" => {
            "its status does not allow it now (just created, converted or expired?); look at it in the console"
        }
        "InstanceLockedForSecurity" => "it is locked for security reasons; unlock it first",
        "InstanceSpecModification.NotEffective" => {
            "a change of its specification is pending; restart it first"
        }
        "InvalidInstanceId.NotFound" => "no such instance for this key in this region; check id and `region`",
        "LastOrderProcessing" | "LastTokenProcessing" | "Idempotence.Processing" => {
            "an earlier order of this instance is in progress; run again in some minutes"
        }
        "IdempotenceParamNotMatch"
        | "IdempotentParameterMismatch"
        | "InvalidIdempotenceParameter.Mismatch" => {
            "another order may exist under the same token; look at the instance's expiry and orders first"
        }
        "OperationRestricted.Renewal" => "its zone is being closed and sells no renewals; move the instance",
        "InvalidPeriod.ExceededMaximumExpirationDate" => "it cannot be paid so far ahead; lower renew_period",
        _ if code.starts_with("InvalidSecurityToken") => {
            "the session has ended or does not fit the key; get a new one"
        }
        _ if code.starts_with("Throttling") => {
            "too many calls (other tools of the account count, too); run again later or with a lower --parallelism"
        }
        _ if CANNOT_PAY.iter().any(|part| code.contains(part)) => {
            "the account cannot pay; top it up and run again"
        }
        _ => return None,
    })
}
