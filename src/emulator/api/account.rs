//! QueryAccountBalance (BssOpenApi 2017-12-14) and GetCallerIdentity (Sts 2015-04-01): what the account
//! can pay, and whose it is.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::json;

use super::assume_role::ROLE_ID;
use super::{ApiError, Context, errors};
use crate::emulator::terms::Site;

/// What a world without a balance says that it has. Assumed: an account that never runs out shows some
/// large amount; no page says which.
const WITHOUT_END: &str = "999,999,999,999.99";
/// The one user of the world's account. Invented; the form is that of the page's sample.
const USER_ID: &str = "216959339000000001";

/// The balance, in the form of the page's sample. Thousands commas are assumed: no official sample has
/// them, some clients expect them (reference 6), and ours must take both.
pub(super) fn balance(context: &Context<'_>) -> Result<String, ApiError> {
    if context.host_site().is_some_and(|site| site != context.state.site) {
        return Err(errors::of("QueryAccountBalance", "NotApplicable"));
    }
    if context.is_denied() {
        return Err(errors::of("QueryAccountBalance", "NoPermission"));
    }
    // All of it is cash. The sample's quota is the available amount.
    let available = context.state.balance.map_or_else(|| WITHOUT_END.to_owned(), shown);
    Ok(json!({
        "Code": "200",
        "Message": "success",
        "RequestId": context.request_id,
        "Success": true,
        "Data": {
            "AvailableAmount": available,
            "CreditAmount": "0.00",
            "MybankCreditAmount": "0.00",
            "Currency": context.state.site.currency(),
            "AvailableCashAmount": available,
            "QuotaLimit": available,
        },
    })
    .to_string())
}

/// Whose key it is. It needs no permission, so that none can be taken away (the page's list of errors
/// is empty); a key with a session token is a role's.
pub(super) fn caller(context: &Context<'_>) -> String {
    let account = &context.state.account;
    let id = context.request.key_id().unwrap_or_default();
    let session = context.state.sessions.get(id);
    let is_role = context.state.key(id).is_some_and(|key| key.token.is_some());
    let mut reply = json!({ "AccountId": account, "RequestId": context.request_id });
    if is_role {
        reply["IdentityType"] = json!("AssumedRoleUser");
        reply["RoleId"] = json!(ROLE_ID);
        let role = session.and_then(|session| session.role.rsplit('/').next()).unwrap_or("emulator");
        let name = session.map_or(id, |session| &session.name);
        reply["PrincipalId"] = json!(format!("{ROLE_ID}:{name}"));
        reply["Arn"] = json!(context.assumed_arn(role, name));
    } else {
        reply["IdentityType"] = json!("RAMUser");
        reply["UserId"] = json!(USER_ID);
        reply["PrincipalId"] = json!(USER_ID);
        reply["Arn"] = json!(format!("acs:ram::{account}:user/{id}"));
    }
    reply.to_string()
}

/// An amount with two decimals and thousands commas.
fn shown(amount: Decimal) -> String {
    let cents = format!("{:.2}", amount.abs().round_dp_with_strategy(2, RoundingStrategy::ToZero));
    let (whole, part) = cents.split_once('.').unwrap_or((&cents, "00"));
    let mut out = String::from(if amount.is_sign_negative() && !amount.is_zero() { "-" } else { "" });
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{out}.{part}")
}

impl Context<'_> {
    /// The site that a billing host serves; `None` on other hosts (endpoints in reference 6).
    fn host_site(&self) -> Option<Site> {
        match self.request.host.split(':').next().unwrap_or_default() {
            "business.aliyuncs.com" => Some(Site::China),
            "business.ap-southeast-1.aliyuncs.com" => Some(Site::International),
            _ => None,
        }
    }
}
