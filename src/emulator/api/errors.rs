//! Every error that the pages of the actions document: status, code and message as they stand
//! there. Source: the error tables of the actions' pages and the OpenAPI metadata.
//!
//! What a world cannot bring about by itself (stock, dedicated hosts, starter packages), an instance
//! can be told to answer: see `refuses` in the world file.

use super::{ApiError, Product, product};

/// Status, code, message.
type Row = (u16, &'static str, &'static str);

const DESCRIBE_INSTANCES: &[Row] = &[
    (404, "InvalidInstanceChargeType.NotFound", "The InstanceChargeType does not exist in our records"),
    (404, "InvalidInternetChargeType.ValueNotSupported", "The specified InternetChargeType is not valid"),
    (404, "InvalidLockReason.NotFound", "The specified LockReason is not found"),
    (404, "InvalidFilterKey.NotFound", ""),
    (404, "InvalidNetworkType.NotFound", "The specified InstanceNetworkType is not found"),
    (404, "InvalidStatus.NotFound", "The specified Status is not found"),
    (400, "InvalidTag.Mismatch", "The specified Tag.n.Key and Tag.n.Value are not match."),
    (400, "InvalidTagCount", "The specified tags are beyond the permitted range."),
    (400, "InvalidHpcClusterId.NotFound", "The specified HpcClusterId is not found."),
    (400, "InvalidHpcClusterId.Creating", "The specified HpcClusterId is creating."),
    (400, "DryRunOperation", "Request validation has been passed with DryRun flag set."),
];

const DESCRIBE_AUTO_RENEW: &[Row] = &[
    (400, "Throttling", "Request was denied due to request throttling."),
    (403, "MissingParameter.InstanceId", "InstanceId should not be null."),
    (403, "InvalidParameter.ToManyInstanceIds", "InstanceId should be less than 100."),
    (403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation."),
    (403, "ChargeTypeViolation", "Pay-As-You-Go instances do not support this operation."),
    (403, "InvalidParameter.RenewalStatus", "The specified parameter RenewalStatus is not valid."),
    (
        403,
        "InvalidParameter.RenewalStatusInstanceId",
        "The parameter RenewalStatus and InstanceId can not be both empty.",
    ),
    (403, "InvalidParameter.PageSize", "The specified parameter PageSize is not valid."),
    (403, "InvalidParameter.PageNumber", "The specified parameter PageNumber is not valid."),
    (403, "InvalidParameter.InvalidInstanceId", "The specified InstanceId does not exist."),
];

const MODIFY_AUTO_RENEW: &[Row] = &[
    (
        400,
        "OperationDenied.StarterPackage",
        "Instance created with a Starter Package plan can not set auto renew.",
    ),
    (403, "MissingParameter.InstanceId", "InstanceId should not be null."),
    (403, "InvalidParameter.ToManyInstanceIds", "InstanceId should be less than 100."),
    (403, "InvalidParameter.InvalidInstanceId", ""),
    (403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation."),
    (403, "ChargeTypeViolation", "Pay-As-You-Go instances do not support this operation."),
    (403, "InvalidParameter.Duration", ""),
    (403, "InvalidParameter.RenewalStatus", ""),
    (403, "InvalidPeriodUnit.ValueNotSupported", "The specified parameter PeriodUnit is not valid."),
    (
        403,
        "InvalidPeriod.StarterPackage",
        "This instance was created by using a Starter Package plan and can only be renewed monthly, not yearly.",
    ),
    (500, "InternalError", "The request processing has failed due to some unknown error."),
];

const RENEW: &[Row] = &[
    (
        400,
        "IdempotenceParamNotMatch",
        "Request uses a client token in a previous request but is not identical to that request.",
    ),
    (400, "InvalidClientToken.ValueNotSupported", "The ClientToken provided is invalid."),
    (400, "InvalidPeriod", "The specified period is not valid."),
    (400, "MissingParamter", "The specified parameter \"Period\" is not null."),
    (400, "InvalidPeriodUnit.ValueNotSupported", "The specified parameter PeriodUnit is not valid."),
    (400, "InvalidPeriod.NotFound", "The specified period and expectedRenewDay cannot both be empty."),
    (400, "InvalidExpectedRenewDay.Conflict", "The specified expectedRenewDay is in conflict with period."),
    (
        400,
        "InvalidExpectedRenewDay.Conflict",
        "The specified expectedRenewDay is in conflict with periodUnit.",
    ),
    (
        400,
        "InvalidExpectedRenewDay.ValueNotSupported",
        "The specified parameter ExpectedRenewDay is not valid.",
    ),
    (
        400,
        "InvalidExpectedRenewDay.StarterPackageNotSupported",
        "The specified starterPackage cannot support renew with expectedRenewDay.",
    ),
    (400, "InvalidParam.ExpectedRenewDay", "The specified param ExpectedRenewDay is not valid."),
    (400, "QuotaExceed.AlignInstance", "The maximum number of align operations is exceeded."),
    (
        400,
        "InvalidPeriod.ExceededMaximumExpirationDate",
        "The specified renewal period cannot exceed the maximum expiration date. We recommend you try shortening the renewal period at next attempt.",
    ),
    (
        400,
        "InvalidPeriod.ExceededDedicatedHost",
        "Instance expired date can't exceed dedicated host expired date.",
    ),
    (400, "InvalidDedicatedHostId.NotFound", "The specified DedicatedHostId does not exist."),
    (400, "InvalidDedicatedHostStatus.NotSupport", "Operation denied due to dedicated host status."),
    (
        400,
        "IncorrectDedicatedHostStatus",
        "The current status of the resource does not support this operation.",
    ),
    (400, "InvalidStatus.Upgrading", "The instance is upgrading; please try again later."),
    (400, "LastOrderProcessing", "The previous order is still processing, please try again later."),
    (400, "Idempotence.Processing", "The previous request is still processing, please try again later."),
    (403, "LastTokenProcessing", "The last token request is processing."),
    (400, "OperationDenied", "Specified instance is in VPC."),
    (400, "OperationDenied", "The current user does not support this operation."),
    (
        400,
        "InvalidLoanOrderStatus.Uncompleted",
        "Any unpaid order must be cancelled before you try this action again. The scheduled unpaid order is a loan order that cannot be auto cancelled. For more information, visit the loan management center.",
    ),
    (
        400,
        "OperationDenied.UnfinishedOrder",
        "The current instance has unfinished refundOrder, this operation is denied.",
    ),
    (
        400,
        "OperationDenied.AbnormalInstanceInfo",
        "The current renewable operation is not supported due to abnormal information of the instance, please submit ticket to process.",
    ),
    (
        400,
        "NoPermission.Price",
        "The operation requires price permission. Please either apply for permission from your main account, or set the parameter AutoPay as true.",
    ),
    (
        400,
        "InvalidOperation.ClassicNetworkTypeNotSupported",
        "The classic network instance does not support this operation.",
    ),
    (400, "InvalidInstanceChargeType.NotFound", "The InstanceChargeType does not exist in our records."),
    (403, "ChargeTypeViolation", "The operation is not permitted due to charge type of the instance."),
    (403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation."),
    (
        403,
        "InstanceSpecModification.NotEffective",
        "The specified instance has been reserved for making a spec modification and not taken effective in the current contract period.",
    ),
    (403, "Instance.UnPaidOrder", "The specified instance has unpaid order."),
    (
        403,
        "InstanceLockedForSecurity",
        "The specified operation is denied as your instance is locked for security reasons.",
    ),
    (
        403,
        "InvalidChargeType.NotSupported",
        "The chargeType of the instance does not support this operation.",
    ),
    (403, "InstanceTypeNotSupported", "The specified zone does not offer the specified instancetype."),
    (
        403,
        "OperationDenied.NoStock",
        "The requested resource is sold out in the specified zone, try other types of resources or other regions and zones.",
    ),
    (403, "OperationDenied.NoStock", "The resource is out of usage."),
    (403, "OperationDenied.ImageNotValid", "The specified image is not authorized."),
    (
        403,
        "InvalidPeriod.StarterPackage",
        "This instance was created by using a Starter Package plan and can only be renewed monthly, not yearly.",
    ),
    (
        403,
        "RenewDateNotSupported.StarterPackage",
        "This instance was created by using a Starter Package plan and can only be renewed three days before it expires.",
    ),
    (404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist."),
    (500, "InternalError", "The request processing has failed due to some unknown error."),
    (400, "InvalidInternetChargeType.ValueNotSupported", "The specified InternetChargeType is not valid."),
    (400, "InvalidInstanceType.NotSupported", "The specified InstanceType is not Supported."),
    (400, "InvalidParameter", "The specified parameter \"InternetMaxBandwidthOut\" is not valid."),
    (400, "InvalidRebootTime.Malformed", "The specified RebootTime is not valid."),
    (400, "InvalidRebootTime.ValueNotSupported", "The specified RebootTime is out of the permitted range."),
    (
        400,
        "InvalidInstanceType.ValueNotSupported",
        "The specified InstanceType does not exist or beyond the permitted range.",
    ),
    (400, "InvalidInstanceType.codeUnauthorized", "The specified InstanceType is not authorized."),
    (400, "InvalidInstanceType.ValueUnauthorized", "The specified InstanceType is not authorized."),
    (
        400,
        "InvalidInternetChargeType.InstanceNotSupported",
        "The specified instance which is in vpc is not support the parameter InternetChargeType.",
    ),
    (400, "Upgrade.NotSupported", "Upgrade operation is not supported."),
    (400, "DependencyViolation.InstanceType", "Current instancetype cannot be changed to the specified one."),
    (
        403,
        "Diskcategory.Mismatch",
        "The disk specified to convert to portable is not allowed due to the disk category does not support.",
    ),
    (403, "InvalidDisk.NotAllowed", "The specified disk is not allowed to be converted to portable."),
    (404, "InvalidDiskId.NotFound", "The specified disk does not exist."),
];

const DESCRIBE_PRICE: &[Row] = &[
    (400, "InvalidResourceType.ValueNotSupported", "The specified parameter ResourceType is not valid."),
    (400, "InvalidPeriod", "The specified period is not valid."),
    (400, "InvalidPriceUnit.ValueNotSupported", "The specified parameter PriceUnit is not valid."),
    (400, "Throttling", "Request was denied due to request throttling."),
    (400, "Throttling.User", "Request was denied due to user flow control."),
    (400, "InternalError", "The request processing has failed due to some unknown error."),
    (
        400,
        "InvalidPeriod.ExceededMaximumExpirationDate",
        "The specified renewal period cannot exceed the maximum expiration date. We recommend you try shortening the renewal period at next attempt.",
    ),
    (400, "InvalidExpectedRenewDay.Conflict", "The specified expectedRenewDay is in conflict with period."),
    (
        400,
        "InvalidExpectedRenewDay.Conflict",
        "The specified expectedRenewDay is in conflict with priceUnit.",
    ),
    (
        400,
        "InvalidExpectedRenewDay.ValueNotSupported",
        "The specified parameter ExpectedRenewDay is not valid.",
    ),
    (
        400,
        "InvalidPeriod.ExceededDedicatedHost",
        "Instance expired date can not exceed dedicated host expired date.",
    ),
    (
        400,
        "OperationRestricted.Renewal",
        "The renewal operation has been restricted because the zone is closed.",
    ),
    (403, "ChargeTypeViolation", "The operation is not permitted due to charge type of the instance."),
    (403, "InvalidAction.Unauthorized", "The specified action is not valid."),
    (404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist."),
    (
        500,
        "InternalError",
        "The request processing has failed due to some unknown error, exception or failure.",
    ),
];

/// As they stand there, misspelt ones too. That the other site's host answers `NotApplicable` is how the
/// official Terraform provider reads it, which then asks the other host.
const QUERY_BALANCE: &[Row] = &[
    (400, "NotApplicable", "This API is not applicable for caller."),
    (400, "NotAuthorized", "This API is not authorized for caller."),
    (400, "MissingParameter", "Some parameters arte mandatoryfor this request."),
    (400, "InvalidParameter", "Some parametersare not valid."),
    (400, "InvalidOwner", "The specifiedowner doesn’t belong to caller"),
    (
        400,
        "InternalError",
        "The request processing has failed due to some unknown error, exception or failure.",
    ),
    (400, "NoPermission", "You are not authorized to perform this action."),
    (400, "AuthSiteFail", "auth site failed."),
    (500, "UndefinedError", "The request processing has failed due to some unknown error."),
];

/// The documented errors of an action.
fn rows(action: &str) -> &'static [Row] {
    match action {
        "DescribeInstances" => DESCRIBE_INSTANCES,
        "DescribeInstanceAutoRenewAttribute" => DESCRIBE_AUTO_RENEW,
        "ModifyInstanceAutoRenewAttribute" => MODIFY_AUTO_RENEW,
        "RenewInstance" => RENEW,
        "DescribeRenewalPrice" => DESCRIBE_PRICE,
        "QueryAccountBalance" => QUERY_BALANCE,
        _ => &[],
    }
}

/// A refusal as a world file writes it: a code, or `code: words of its message` where a page has
/// several rows with one code.
fn code_and_words(refusal: &str) -> (&str, &str) {
    refusal.split_once(": ").unwrap_or((refusal, ""))
}

/// Whether the page of an action documents a refusal that can be about an instance.
pub(crate) fn is_documented(action: &str, refusal: &str) -> bool {
    let (code, words) = code_and_words(refusal);
    product(action) == Some(Product::Ecs)
        && rows(action).iter().any(|row| row.1 == code && row.2.contains(words))
}

/// The documented error that a world file asks for.
pub(crate) fn refused(action: &str, refusal: &str) -> ApiError {
    let (code, words) = code_and_words(refusal);
    about(action, code, words)
}

/// The documented error of an action with this code.
pub(crate) fn of(action: &str, code: &str) -> ApiError {
    about(action, code, "")
}

/// The documented error with this code whose message speaks of `part`: some codes have several.
pub(crate) fn about(action: &str, code: &str, part: &str) -> ApiError {
    let row = rows(action).iter().find(|row| row.1 == code && row.2.contains(part));
    match row {
        Some((http, code, message)) => ApiError::new(*http, code, message),
        None => ApiError::new(400, code, "The request processing has failed."),
    }
}
