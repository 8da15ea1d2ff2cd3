//! The actions: what each checks, in which order, and what it answers.

mod account;
mod assume_role;
mod auto_renew;
pub(super) mod errors;
mod instances;
mod price;
mod regions;
mod renew;

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::gateway::Request;
use super::state::{Instance, State};

/// A product of the cloud: its actions have one version and their own hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Ecs,
    Billing,
    Sts,
}

/// The actions that there are.
const ACTIONS: [(&str, Product); 10] = [
    ("DescribeInstances", Product::Ecs),
    ("DescribeInstanceAutoRenewAttribute", Product::Ecs),
    ("ModifyInstanceAutoRenewAttribute", Product::Ecs),
    ("RenewInstance", Product::Ecs),
    ("DescribeRenewalPrice", Product::Ecs),
    ("DescribeRegions", Product::Ecs),
    ("QueryAccountBalance", Product::Billing),
    ("GetCallerIdentity", Product::Sts),
    ("AssumeRole", Product::Sts),
    ("AssumeRoleWithOIDC", Product::Sts),
];

/// Which product an action belongs to; `None` if there is no such action.
pub(super) fn product(action: &str) -> Option<Product> {
    ACTIONS.iter().find(|(name, _)| *name == action).map(|(_, product)| *product)
}

impl Product {
    /// Its name in addresses of the documentation.
    fn name(self) -> &'static str {
        match self {
            Self::Ecs => "Ecs",
            Self::Billing => "BssOpenApi",
            Self::Sts => "Sts",
        }
    }

    /// The version of its API.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Ecs => "2014-05-26",
            Self::Billing => "2017-12-14",
            Self::Sts => "2015-04-01",
        }
    }

    /// Whether a host serves it. Of the cloud's own hosts the first word says whose they are (`ecs`,
    /// `ecs-vpc`, `business`, `sts`: the endpoint tables); any other host serves all.
    pub(super) fn is_served_by(self, host: &str) -> bool {
        let name = host.split(':').next().unwrap_or_default();
        let Some(name) = name.strip_suffix(".aliyuncs.com") else { return true };
        let word = match self {
            Self::Ecs => "ecs",
            Self::Billing => "business",
            Self::Sts => "sts",
        };
        name.split(['.', '-']).next() == Some(word)
    }
}

/// What an action works on.
pub(super) struct Context<'a> {
    pub(super) state: &'a mut State,
    pub(super) request: &'a Request,
    pub(super) request_id: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// An error answer.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub(super) http: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) retry_after_ms: Option<u64>,
}

impl ApiError {
    pub(super) fn new(http: u16, code: &str, message: &str) -> Self {
        Self { http, code: code.to_owned(), message: message.to_owned(), retry_after_ms: None }
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::new(400, &format!("Missing{parameter}"), &format!("{parameter} is mandatory for this action."))
    }

    pub(super) fn forbidden() -> Self {
        Self::new(403, "Forbidden.RAM", "User not authorized to operate on the specified resource.")
    }

    pub(super) fn no_such_action() -> Self {
        let message = "Specified api is not found, please check your url and method.";
        Self::new(404, "InvalidAction.NotFound", message)
    }

    pub(super) fn to_json(&self, request_id: &str, host: &str, action: &str) -> String {
        let product = product(action).unwrap_or(Product::Ecs).name();
        let recommend = format!("https://api.aliyun.com/troubleshoot?q={}&product={product}", self.code);
        json!({
            "RequestId": request_id,
            "HostId": host,
            "Code": self.code,
            "Message": self.message,
            "Recommend": recommend,
        })
        .to_string()
    }
}

/// Whether an action changes the world.
pub(super) fn writes(action: &str) -> bool {
    matches!(
        action,
        "RenewInstance" | "ModifyInstanceAutoRenewAttribute" | "AssumeRole" | "AssumeRoleWithOIDC"
    )
}

/// Whether an action takes requests that nobody has signed.
pub(super) fn is_unsigned(action: &str) -> bool {
    action == "AssumeRoleWithOIDC"
}

/// Runs the action that the request names.
pub(super) fn handle(context: &mut Context<'_>) -> Result<String, ApiError> {
    let action = context.request.get("Action").unwrap_or_default();
    // DescribeInstances answers a key without the right with an empty list, QueryAccountBalance and AssumeRole
    // have a code of their own, and GetCallerIdentity needs no right.
    let own_way = ["DescribeInstances", "QueryAccountBalance", "GetCallerIdentity", "AssumeRole"];
    let own_way = own_way.contains(&action);
    if context.is_denied() && !own_way {
        return Err(ApiError::forbidden());
    }
    match action {
        "DescribeInstances" => instances::describe(context),
        "DescribeInstanceAutoRenewAttribute" => auto_renew::describe(context),
        "ModifyInstanceAutoRenewAttribute" => auto_renew::modify(context),
        "RenewInstance" => renew::renew(context),
        "DescribeRegions" => regions::describe(context),
        "DescribeRenewalPrice" => price::describe(context),
        "QueryAccountBalance" => account::balance(context),
        "GetCallerIdentity" => Ok(account::caller(context)),
        "AssumeRole" => assume_role::by_key(context),
        "AssumeRoleWithOIDC" => assume_role::by_token(context),
        _ => Err(ApiError::no_such_action()),
    }
}

/// Refuses what the world says that an instance refuses.
fn check_refusal(action: &str, instance: &Instance) -> Result<(), ApiError> {
    instance.refuses.get(action).map_or(Ok(()), |refusal| Err(errors::refused(action, refusal)))
}

impl Context<'_> {
    fn filled(&self, name: &str) -> Option<&str> {
        self.request.filled(name)
    }

    fn mandatory(&self, name: &str) -> Result<&str, ApiError> {
        self.filled(name).ok_or_else(|| ApiError::missing(name))
    }

    /// The region that the host serves; `None` on loopback, where one host serves all.
    fn host_region(&self) -> Option<&str> {
        let host = self.request.host.split(':').next().unwrap_or_default();
        let name = host.strip_suffix(".aliyuncs.com")?;
        name.strip_prefix("ecs.").or_else(|| name.strip_prefix("ecs-vpc."))
    }

    /// Refuses a region that the host does not serve.
    fn check_host(&self, region: &str) -> Result<(), ApiError> {
        if self.host_region().is_none_or(|served| served == region) {
            return Ok(());
        }
        let message = "The specified endpoint cant operate this region. Please use API DescribeRegions to get the \
                       appropriate endpoint, or upgrade your SDK to latest version.(from POP)";
        Err(ApiError::new(404, "InvalidOperation.NotSupportedEndpoint", message))
    }

    /// Whether the key's policy does not allow the action.
    fn is_denied(&self) -> bool {
        let action = self.request.get("Action").unwrap_or_default();
        let key = self.request.key_id().and_then(|id| self.state.key(id));
        key.is_some_and(|key| key.deny.iter().any(|denied| denied == action))
    }

    /// A known instance of the request's region.
    fn instance(&self, region: &str, id: &str) -> Option<&Instance> {
        self.state.instances.get(id).filter(|instance| instance.region == region)
    }

    /// Whether a switch is on. The official Python SDKs write `True`, the others `true`.
    fn is_on(&self, name: &str) -> bool {
        self.filled(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// A whole number, or an error of the given code.
    fn number(&self, name: &str, error: &ApiError) -> Result<Option<i64>, ApiError> {
        match self.filled(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| error.clone()),
        }
    }
}

/// The same answer as XML, which is the default format of the API.
pub(super) fn xml(json: &str, action: &str, status: u16) -> String {
    let value: Value = serde_json::from_str(json).unwrap_or(Value::Null);
    let root = if status == 200 { format!("{action}Response") } else { "Error".to_owned() };
    let mut out = String::from("<?xml version='1.0' encoding='UTF-8'?>");
    element(&mut out, &root, &value);
    out
}

fn element(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| element(out, name, item)),
        Value::Object(fields) => {
            let _ = write!(out, "<{name}>");
            fields.iter().for_each(|(field, value)| element(out, field, value));
            let _ = write!(out, "</{name}>");
        }
        Value::String(text) => {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let _ = write!(out, "<{name}>{text}</{name}>");
        }
        other => {
            let _ = write!(out, "<{name}>{other}</{name}>");
        }
    }
}
