//! The table of error codes, held against every documented row.

use renewctl::cloud::CallError;
use renewctl::cloud::error::{class, hint, leaves_doubt, may_be_one_member};
use renewctl::retry::Class;
use renewctl::text::Untrusted;
use serde_json::Value;

const ACTIONS: [&str; 6] = [
    "DescribeInstances",
    "DescribeInstanceAutoRenewAttribute",
    "DescribeRenewalPrice",
    "ModifyInstanceAutoRenewAttribute",
    "QueryAccountBalance",
    "RenewInstance",
];

fn word(class: Class) -> &'static str {
    match class {
        Class::Retry { .. } => "retry",
        Class::Busy { .. } => "busy",
        Class::Claimed => "claimed",
        Class::Resign => "resign",
        Class::Credentials => "credentials",
        Class::Stop => "stop",
        Class::Refused => "refused",
    }
}

/// Code, HTTP status and class of every row for the gateway and our actions.
fn rows() -> Vec<(String, u16, String)> {
    let all: Value = serde_json::from_str(include_str!("../vectors/error-codes.json")).unwrap();
    let of_actions = ACTIONS.iter().flat_map(|action| all["per_action"][action].as_array().unwrap());
    let rows = all["gateway_and_common"].as_array().unwrap().iter().chain(of_actions);
    rows.map(|row| {
        let code = row["code"].as_str().unwrap().replace("{ParamName}", "InstanceId");
        let status = row["http"].as_u64().unwrap();
        // What we never send, and the answer of a dry run that we never ask for, is a refusal.
        let class =
            row["class"].as_str().unwrap().replace("unused", "refused").replace("dry-run-ok", "refused");
        (code, u16::try_from(status).unwrap(), class)
    })
    .collect()
}

#[test]
fn every_documented_code_has_its_class_whatever_the_http_status() {
    let rows = rows();
    assert!(rows.len() > 139, "{}", rows.len());
    for (code, status, expected) in rows {
        for status in [status, 200, 403, 500] {
            assert_eq!(word(class(&code, status)), expected, "{code} with HTTP {status}");
        }
        let throttled = class(&code, status) == Class::Retry { throttled: true };
        assert_eq!(throttled, code.starts_with("Throttling"), "{code}");
    }
}

/// Nobody is left alone with a code: what is documented has words of its own, what is not says where to look.
#[test]
fn every_documented_code_says_what_can_be_done() {
    let unknown = hint("RenewInstance", "Whatever", Class::Refused);
    assert!(unknown.contains("RequestId"), "{unknown}");
    for (code, status, _) in rows() {
        for action in ACTIONS {
            let hint = hint(action, &code, class(&code, status));
            assert!(hint != unknown && hint.len() > 20 && !hint.ends_with('.'), "{code}: {hint}");
        }
    }
    for (action, code, status, part) in [
        ("QueryAccountBalance", "NoPermission", 400, "bss:DescribeAcccount"),
        ("RenewInstance", "NoPermission", 400, "renewctl policy"),
        ("RenewInstance", "PAY.CREDIT_NOT_ENOUGH", 400, "top it up"),
        ("RenewInstance", "Whatever", 503, "it is safe"),
        ("RenewInstance", "Whatever", 429, "--parallelism"),
        ("RenewInstance", "MissingWhatever", 400, "report it"),
        ("RenewInstance", "InvalidSecurityToken.Whatever", 400, "a new one"),
    ] {
        let hint = hint(action, code, class(code, status));
        assert!(hint.contains(part), "{action} {code}: {hint}");
    }
}

#[test]
fn families_and_unknown_codes() {
    for (code, status, expected) in [
        ("Throttling.ConcurrentLimitExceeded", 400, Class::Retry { throttled: true }),
        ("Throttling.Api", 503, Class::Retry { throttled: true }),
        ("", 429, Class::Retry { throttled: true }),
        ("Whatever", 429, Class::Retry { throttled: true }),
        ("Whatever", 502, Class::Retry { throttled: false }),
        ("", 504, Class::Retry { throttled: false }),
        ("Whatever", 409, Class::Refused),
        ("", 302, Class::Refused),
        ("", 400, Class::Refused),
        ("MissingWhatever", 500, Class::Refused),
        ("InvalidAccessKeyId.Whatever", 400, Class::Credentials),
        ("InvalidSecurityToken.Whatever", 500, Class::Credentials),
        ("PAY.CREDIT_NOT_ENOUGH", 500, Class::Stop),
        ("InvalidAccountStatus.Arrearage", 403, Class::Stop),
        ("Account.Arrearage", 500, Class::Stop),
        ("NoPayMethod", 400, Class::Stop),
        ("NotEnoughBalance", 429, Class::Stop),
        ("LastRequestProcessing", 400, Class::Busy { own: false }),
    ] {
        assert_eq!(class(code, status), expected, "{code} with HTTP {status}");
    }
}

#[test]
fn what_leaves_doubt() {
    for (code, status, expected) in [
        ("Throttling", 400, false),
        ("Throttling", 503, false),
        ("ServiceUnavailable", 503, true),
        ("InternalError", 500, true),
        ("InternalError", 400, true),
        ("UnknownError", 400, true),
        ("InsufficientBalance", 500, true),
        ("InsufficientBalance", 403, false),
        ("InvalidPeriod", 400, false),
        ("LastOrderProcessing", 400, false),
        ("Idempotence.Processing", 400, true),
        ("", 429, false),
        ("", 403, true),
        ("", 408, true),
        ("", 302, true),
        ("", 502, true),
    ] {
        assert_eq!(leaves_doubt(code, status), expected, "{code} with HTTP {status}");
    }
}

fn refusal(code: Option<&str>) -> CallError {
    CallError {
        action: "RenewInstance",
        class: Class::Refused,
        code: code.map(str::to_owned),
        message: Untrusted::new("red \u{1b}[31m\nsecond line"),
        request_id: Some("473469C7".into()),
        http_status: Some(403),
        attempts: 3,
        maybe_done: false,
        hint: None,
        also: None,
    }
}

#[test]
fn only_what_may_be_the_fault_of_one_member_is_split() {
    for (code, expected) in [
        (Some("InvalidParameter.InvalidInstanceId"), true),
        (Some("InvalidParameter"), true),
        (Some("ChargeTypeViolation"), true),
        (Some("Whatever"), true),
        (Some("Forbidden.RAM"), true),
        (Some("RealNameAuthenticationError"), false),
        (Some("InvalidAction.Unauthorized"), false),
        (Some("InvalidOperation.NotSupportedEndpoint"), false),
        (Some("MissingRegionId"), false),
        (None, false),
    ] {
        assert_eq!(may_be_one_member(&refusal(code)), expected, "{code:?}");
    }
    let throttled = CallError { class: Class::Retry { throttled: true }, ..refusal(Some("Throttling")) };
    assert!(!may_be_one_member(&throttled));
}

#[test]
fn the_text_is_one_escaped_line_with_the_request() {
    assert_eq!(
        refusal(Some("InvalidPeriod")).text(),
        "RenewInstance: InvalidPeriod: red \\u{1b}[31m\\u{a}second line, RequestId 473469C7, 3 attempts"
    );
}
