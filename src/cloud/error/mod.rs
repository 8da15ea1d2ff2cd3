//! What an error answer means: one table of codes, then rules for families, then the HTTP status.

mod table;

use table::{BUSY_OWN, RETRY, THROTTLED, TOO_MANY_CALLS};

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
    pub request_id: Option<Box<str>>,
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
    /// Why it could not be tried again, where that is another matter than what came back. Boxed, because an
    /// error travels in many results.
    pub also: Option<Box<Untrusted>>,
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
        let also = self.also.as_ref().map_or_else(String::new, |also| format!("; {}", also.shown()));
        format!("{}: {code}{message}{request}{attempts}{also}", self.action)
    }
}

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
    if let Some(row) = table::row(code) {
        return row.class;
    }
    if let Some(family) = family(code) {
        return family.class;
    }
    match http_status {
        429 => THROTTLED,
        408 | 500..=599 => RETRY,
        _ => Class::Refused,
    }
}

/// What is known of a code by its form alone.
struct Family {
    class: Class,
    hint: &'static str,
}

fn family(code: &str) -> Option<Family> {
    let known = |class, hint| Some(Family { class, hint });
    if CANNOT_PAY.iter().any(|part| code.contains(part)) {
        return known(Class::Stop, "the account cannot pay; top it up and run again");
    }
    if code.starts_with("Throttling") {
        return known(THROTTLED, TOO_MANY_CALLS);
    }
    if code.starts_with("InvalidAccessKeyId") {
        return known(Class::Credentials, "the access key is not accepted; look at it in the RAM console");
    }
    if code.starts_with("InvalidSecurityToken") {
        return known(Class::Credentials, "the session has ended or does not fit the key; get a new one");
    }
    code.starts_with("Missing").then_some(Family { class: Class::Refused, hint: table::OURS })
}

/// What a person can do about an answer.
pub fn hint(action: &str, code: &str, class: Class) -> &'static str {
    // What these codes mean is another thing where money is kept.
    if action == "QueryAccountBalance" && ["Forbidden.RAM", "NoPermission", "NotAuthorized"].contains(&code) {
        // Three c: so it is spelled on the page (reference 4).
        return "the key lacks a right; to read the balance it needs bss:DescribeAcccount, spelled so";
    }
    let known = table::row(code).map(|row| row.hint).or_else(|| family(code).map(|family| family.hint));
    known.unwrap_or(match class {
        Class::Retry { throttled: true } => TOO_MANY_CALLS,
        Class::Retry { throttled: false } => table::PASSING,
        _ => "look the code up on the action's page, or ask the support with the RequestId",
    })
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
