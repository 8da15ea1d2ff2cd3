//! Every documented code of the gateway and of our actions: what it means for a run, and what a person
//! can do.
//!
//! Rows are from the pages of the actions and the gateway (reference, `error-codes`); the classes are our
//! judgement on the rules of reference 5. No code means one thing for one action and another for the next.

use crate::retry::Class;

pub(super) const RETRY: Class = Class::Retry { throttled: false };
pub(super) const THROTTLED: Class = Class::Retry { throttled: true };
pub(super) const BUSY_OWN: Class = Class::Busy { own: true };
const BUSY_OTHER: Class = Class::Busy { own: false };
const REFUSED: Class = Class::Refused;

pub(super) const PASSING: &str = "a passing trouble of the cloud or the network; run again later: it is safe";
pub(super) const TOO_MANY_CALLS: &str =
    "too many calls (other tools of the account count, too); run again later or with a lower --parallelism";
/// The cloud has no reason to answer so, unless we asked wrongly.
pub(super) const OURS: &str =
    "renewctl should not have asked so; please report it with the code and the action";
const IN_PROGRESS: &str =
    "an earlier order of this instance is in progress; run again in some minutes: it is safe";
const CLAIMED: &str =
    "another order may exist under the same token; look at the instance's expiry and orders first";
const CLOCK: &str = "this machine's clock is more than 15 minutes off; set it";
const SECRET: &str = "the access key secret does not fit the access key id; check both";
const MONEY: &str = "the account cannot pay; top it up and run again";
const OTHER_SITE: &str =
    "the account is not at this site; write the right one into the file (site: china | international)";
const RIGHT: &str = "the key lacks a right; renewctl policy apply prints all that are needed";
const HOST: &str = "its dedicated host does not allow it now; look at the host in the console";
/// Left over on the pages from other actions.
const UNRELATED: &str =
    "the code belongs to parameters that renewctl never sends; please report it with the code and the action";

/// What is documented of a code.
pub(super) struct Row {
    code: &'static str,
    pub(super) class: Class,
    pub(super) hint: &'static str,
}

/// The row of a code.
pub(super) fn row(code: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.code == code)
}

const fn row_of(code: &'static str, class: Class, hint: &'static str) -> Row {
    Row { code, class, hint }
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row_of("InternalError", RETRY, PASSING),
    row_of("UnknownError", RETRY, PASSING),
    row_of("UndefinedError", RETRY, PASSING),
    row_of("ServiceUnavailable", RETRY, PASSING),
    row_of("ServiceUnavailable.RegionMaintaining", RETRY, "the region is under maintenance; run again later: it is safe"),
    row_of("Throttling", THROTTLED, TOO_MANY_CALLS),
    row_of("Throttling.Api", THROTTLED, TOO_MANY_CALLS),
    row_of("Throttling.User", THROTTLED, TOO_MANY_CALLS),
    row_of("LastOrderProcessing", BUSY_OTHER, IN_PROGRESS),
    row_of("LastRequestProcessing", BUSY_OTHER, IN_PROGRESS),
    row_of("LastTokenProcessing", BUSY_OWN, IN_PROGRESS),
    row_of("Idempotence.Processing", BUSY_OWN, IN_PROGRESS),
    row_of("InvalidStatus.Upgrading", BUSY_OTHER, "its specification is being changed; run again when that has ended: it is safe"),
    row_of("OperationConflict", BUSY_OTHER, "something else is being done to it; run again in some minutes: it is safe"),
    row_of("IdempotenceParamNotMatch", Class::Claimed, CLAIMED),
    row_of("IdempotentParameterMismatch", Class::Claimed, CLAIMED),
    row_of("InvalidIdempotenceParameter.Mismatch", Class::Claimed, CLAIMED),
    row_of("InvalidTimeStamp.Format", Class::Resign, CLOCK),
    row_of("InvalidTimeStamp.Expired", Class::Resign, CLOCK),
    row_of("SignatureNonceUsed", Class::Resign, "two requests had the same nonce; run again, and report it if it stays"),
    row_of("SignatureDoesNotMatch", Class::Credentials, SECRET),
    row_of("IncompleteSignature", Class::Credentials, SECRET),
    row_of("InvalidAccessKeyId.NotFound", Class::Credentials, "this access key does not exist at this site; renewctl doctor tells where it comes from"),
    row_of("InvalidAccessKeyId.Inactive", Class::Credentials, "this access key is disabled; enable it in the RAM console or use another"),
    row_of("InvalidSecurityToken.Expired", Class::Credentials, "the session has ended; get a new one"),
    row_of("InvalidSecurityToken.Malformed", Class::Credentials, "the session token is no token of the cloud's; renewctl doctor tells where it comes from"),
    row_of("InvalidSecurityToken.MismatchWithAccessKey", Class::Credentials, "the session token belongs to another key; set all three of a session together"),
    row_of("InsufficientBalance", Class::Stop, MONEY),
    row_of("InvalidAccountStatus.NotEnoughBalance", Class::Stop, MONEY),
    row_of("InvalidPayMethod", Class::Stop, "the account has no way to pay that is accepted; look at its payment methods"),
    row_of("Forbidden.RiskControl", Class::Stop, "the cloud's risk control stopped the order; ask the support"),
    row_of("AuthSiteFail", REFUSED, OTHER_SITE),
    row_of("NotApplicable", REFUSED, OTHER_SITE),
    row_of("NotAuthorized", REFUSED, RIGHT),
    row_of("NoPermission", REFUSED, RIGHT),
    row_of("Forbidden.RAM", REFUSED, RIGHT),
    row_of("InvalidAction.Unauthorized", REFUSED, RIGHT),
    row_of("NoPermission.Price", REFUSED, "the key may not pay; the account itself, or a user with AliyunBSSOrderAccess, has to"),
    row_of("RealNameAuthenticationError", REFUSED, "the account has to pass the real-name authentication first"),
    row_of("InvalidOwner", REFUSED, "the key belongs to another account than the one that is asked about"),
    row_of("ChargeTypeViolation", REFUSED, "pay-as-you-go instances have no term to renew; take it out of the file"),
    row_of("InvalidChargeType.NotSupported", REFUSED, "pay-as-you-go instances have no term to renew; take it out of the file"),
    row_of("IncorrectInstanceStatus", REFUSED, "its status does not allow it now (just created, converted or expired?); look at it in the console"),
    row_of("InstanceLockedForSecurity", REFUSED, "it is locked for security reasons; unlock it first"),
    row_of("InstanceSpecModification.NotEffective", REFUSED, "a change of its specification is pending; restart it first"),
    row_of("Instance.UnPaidOrder", REFUSED, "an earlier order of this instance is not paid; pay or cancel it in the console"),
    row_of("InvalidLoanOrderStatus.Uncompleted", REFUSED, "an earlier order of this instance is not paid; pay or cancel it in the console"),
    row_of("OperationDenied.UnfinishedOrder", REFUSED, "a refund of this instance is not finished; wait for it or cancel it"),
    row_of("OperationDenied.AbnormalInstanceInfo", REFUSED, "the cloud's own record of it is broken; ask the support with the RequestId"),
    row_of("OperationDenied.NoStock", REFUSED, "its computing resources are gone and the zone has none; ask the support at once"),
    row_of("OperationRestricted.Renewal", REFUSED, "its zone is being closed and sells no renewals; move the instance"),
    row_of("InvalidOperation.ClassicNetworkTypeNotSupported", REFUSED, "instances of the classic network cannot be renewed; move it into a VPC"),
    row_of("OperationDenied", REFUSED, "the cloud refuses it for this kind of instance; look at it in the console"),
    row_of("OperationDenied.ImageNotValid", REFUSED, "its image may no longer be used by this account; look at it in the console"),
    row_of("InstanceTypeNotSupported", REFUSED, "its zone sells its instance type no more; change the type first"),
    row_of("IncorrectDedicatedHostStatus", REFUSED, HOST),
    row_of("InvalidDedicatedHostId.NotFound", REFUSED, HOST),
    row_of("InvalidDedicatedHostStatus.NotSupport", REFUSED, HOST),
    row_of("InvalidPeriod.ExceededDedicatedHost", REFUSED, "it cannot outlive its dedicated host; renew the host first"),
    row_of("InvalidPeriod.ExceededMaximumExpirationDate", REFUSED, "it cannot be paid so far ahead; lower renew_period"),
    row_of("InvalidPeriod", REFUSED, "this term is not sold for it; choose another renew_period"),
    row_of("InvalidPeriod.StarterPackage", REFUSED, "an instance of a Starter Package is renewed by months only; choose another renew_period"),
    row_of("RenewDateNotSupported.StarterPackage", REFUSED, "an instance of a Starter Package can be renewed within three days of its expiry only"),
    row_of("OperationDenied.StarterPackage", REFUSED, "an instance of a Starter Package has no auto-renewal; take auto_renew out"),
    row_of("InvalidExpectedRenewDay.StarterPackageNotSupported", REFUSED, OURS),
    row_of("InvalidPeriodUnit.ValueNotSupported", REFUSED, "this unit is not sold at this site; choose another term"),
    row_of("InvalidParameter.Duration", REFUSED, "this term cannot be set for it; choose another auto_renew"),
    row_of("InvalidParameter.RenewalStatus", REFUSED, OURS),
    row_of("InvalidInstanceId.NotFound", REFUSED, "no such instance for this key in this region; check id and `region`"),
    row_of("InvalidParameter.InvalidInstanceId", REFUSED, "no such instance for this key in this region; check id and `region`"),
    row_of("InvalidOperation.NotSupportedEndpoint", REFUSED, "the host that was asked does not serve this region; check `region`, and --endpoint-url if it is given"),
    row_of("InvalidProduct.NotFound", REFUSED, "the host that was asked does not serve this product; check `region`, and --endpoint-url if it is given"),
    row_of("InvalidProtocol.NeedSsl", REFUSED, "this host wants https; check --endpoint-url"),
    row_of("InvalidApi.NotFound", REFUSED, "the host that was asked does not know this action; check --endpoint-url if it is given"),
    row_of("InvalidAction.NotFound", REFUSED, "the host that was asked does not know this action; check --endpoint-url if it is given"),
    row_of("Unauthorized.EmptyRegion", REFUSED, "the account may use no region; ask its owner"),
    row_of("InvalidVersion", REFUSED, OURS),
    row_of("InvalidSignatureMethod", REFUSED, OURS),
    row_of("MissingParamter", REFUSED, OURS),
    row_of("MissingParameter", REFUSED, OURS),
    row_of("MissingParameter.InstanceId", REFUSED, OURS),
    row_of("InvalidPeriod.NotFound", REFUSED, OURS),
    row_of("InvalidClientToken.ValueNotSupported", REFUSED, OURS),
    row_of("InvalidExpectedRenewDay.Conflict", REFUSED, OURS),
    row_of("InvalidExpectedRenewDay.ValueNotSupported", REFUSED, OURS),
    row_of("InvalidParam.ExpectedRenewDay", REFUSED, OURS),
    row_of("QuotaExceed.AlignInstance", REFUSED, OURS),
    row_of("InvalidFilterKey.NotFound", REFUSED, OURS),
    row_of("InvalidInstanceChargeType.NotFound", REFUSED, OURS),
    row_of("InvalidLockReason.NotFound", REFUSED, OURS),
    row_of("InvalidNetworkType.NotFound", REFUSED, OURS),
    row_of("InvalidStatus.NotFound", REFUSED, OURS),
    row_of("InvalidTag.Mismatch", REFUSED, OURS),
    row_of("InvalidTagCount", REFUSED, OURS),
    row_of("InvalidParameter.PageNumber", REFUSED, OURS),
    row_of("InvalidParameter.PageSize", REFUSED, OURS),
    row_of("InvalidParameter.RenewalStatusInstanceId", REFUSED, OURS),
    row_of("InvalidParameter.ToManyInstanceIds", REFUSED, OURS),
    row_of("InvalidPriceUnit.ValueNotSupported", REFUSED, OURS),
    row_of("InvalidResourceType.ValueNotSupported", REFUSED, OURS),
    row_of("InvalidResourceType.NotFound", REFUSED, OURS),
    row_of("InvalidAcceptLanguage.NotFound", REFUSED, OURS),
    row_of("Invalid.InstanceChargeType", REFUSED, OURS),
    row_of("DryRunOperation", REFUSED, OURS),
    row_of("InvalidParameter", REFUSED, "the cloud finds a value wrong, which also happens for a while after an instance was made or converted; run again later"),
    row_of("DependencyViolation.InstanceType", REFUSED, UNRELATED),
    row_of("Diskcategory.Mismatch", REFUSED, UNRELATED),
    row_of("InvalidDisk.NotAllowed", REFUSED, UNRELATED),
    row_of("InvalidDiskId.NotFound", REFUSED, UNRELATED),
    row_of("InvalidHpcClusterId.Creating", REFUSED, UNRELATED),
    row_of("InvalidHpcClusterId.NotFound", REFUSED, UNRELATED),
    row_of("InvalidInstanceType.NotSupported", REFUSED, UNRELATED),
    row_of("InvalidInstanceType.ValueNotSupported", REFUSED, UNRELATED),
    row_of("InvalidInstanceType.ValueUnauthorized", REFUSED, UNRELATED),
    row_of("InvalidInstanceType.codeUnauthorized", REFUSED, UNRELATED),
    row_of("InvalidInternetChargeType.InstanceNotSupported", REFUSED, UNRELATED),
    row_of("InvalidInternetChargeType.ValueNotSupported", REFUSED, UNRELATED),
    row_of("InvalidRebootTime.Malformed", REFUSED, UNRELATED),
    row_of("InvalidRebootTime.ValueNotSupported", REFUSED, UNRELATED),
    row_of("Upgrade.NotSupported", REFUSED, UNRELATED),
];
