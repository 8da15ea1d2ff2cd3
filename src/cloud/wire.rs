//! What the actions are asked: their names and parameters. API words live here and in the
//! emulator, nowhere else. It signs nothing and sends nothing; the answers are in `replies`.

use super::endpoint::Service;
use crate::ids::{ClientToken, InstanceId, RegionId};
use crate::term::{AutoRenew, PurchaseTerm, Site, Term};

/// Ids in one call (InstanceIds and InstanceId, at most 100).
pub(super) const BATCH: usize = 100;

/// One action with its parameters, without the common ones, and who serves it.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) name: &'static str,
    pub(super) service: Service,
    pub(super) parameters: Vec<(&'static str, String)>,
}

impl Action {
    fn ecs(name: &'static str, region: &RegionId, parameters: Vec<(&'static str, String)>) -> Self {
        Self { name, service: Service::Ecs(region.clone()), parameters }
    }
}

/// DescribeInstances for named ids: a JSON array in a string, and the page size always stated,
/// because the default is 10.
pub(super) fn describe_instances(region: &RegionId, ids: &[InstanceId], next_token: Option<&str>) -> Action {
    let quoted: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    let mut parameters = vec![
        ("RegionId", region.to_string()),
        ("InstanceIds", format!("[{}]", quoted.join(","))),
        ("MaxResults", BATCH.to_string()),
    ];
    if let Some(token) = next_token {
        parameters.push(("NextToken", token.to_owned()));
    }
    Action::ecs("DescribeInstances", region, parameters)
}

/// DescribeInstances as a dry run: the right is checked, and nothing is listed.
pub(super) fn may_describe_instances(region: &RegionId) -> Action {
    let parameters = vec![("RegionId", region.to_string()), ("DryRun", "true".to_owned())];
    Action::ecs("DescribeInstances", region, parameters)
}

/// DescribeInstanceAutoRenewAttribute: a comma list, and the page size always stated: 100 ids with
/// the default page size return only 10.
pub(super) fn describe_auto_renew(region: &RegionId, ids: &[InstanceId], page: u32) -> Action {
    let parameters = vec![
        ("RegionId", region.to_string()),
        ("InstanceId", comma_list(ids)),
        ("PageNumber", page.to_string()),
        ("PageSize", BATCH.to_string()),
    ];
    Action::ecs("DescribeInstanceAutoRenewAttribute", region, parameters)
}

/// ModifyInstanceAutoRenewAttribute. RenewalStatus is always sent: without it and without AutoRenew
/// the call would switch auto-renewal off.
pub(super) fn modify_auto_renew(region: &RegionId, ids: &[InstanceId], setting: AutoRenew) -> Action {
    let mut parameters = vec![("RegionId", region.to_string()), ("InstanceId", comma_list(ids))];
    match setting {
        AutoRenew::Every(term) => {
            let (number, unit) = period(term.term());
            parameters.push(("RenewalStatus", "AutoRenewal".to_owned()));
            parameters.push(("Duration", number));
            parameters.push(("PeriodUnit", unit.to_owned()));
        }
        AutoRenew::Off => parameters.push(("RenewalStatus", "Normal".to_owned())),
        AutoRenew::Never => parameters.push(("RenewalStatus", "NotRenewal".to_owned())),
    }
    Action::ecs("ModifyInstanceAutoRenewAttribute", region, parameters)
}

/// RenewInstance. It has no RegionId: the host decides.
pub(super) fn renew(region: &RegionId, id: &InstanceId, term: PurchaseTerm, token: &ClientToken) -> Action {
    let (number, unit) = period(term.term());
    let parameters = vec![
        ("InstanceId", id.to_string()),
        ("Period", number),
        ("PeriodUnit", unit.to_owned()),
        ("ClientToken", token.to_string()),
    ];
    Action::ecs("RenewInstance", region, parameters)
}

/// DescribeRenewalPrice. 12, 24 and 36 months are asked as 1, 2 and 3 years; weeks, 48 and 60 months
/// cannot be asked (`None`). The unit is called PriceUnit here.
pub(super) fn renewal_price(region: &RegionId, id: &InstanceId, term: Term) -> Option<Action> {
    let (number, unit) = match term {
        Term::Months(months @ 1..=9) => (months, "Month"),
        Term::Months(months @ (12 | 24 | 36)) => (months / 12, "Year"),
        Term::Months(_) | Term::Weeks(_) => return None,
    };
    let parameters = vec![
        ("RegionId", region.to_string()),
        ("ResourceId", id.to_string()),
        ("ResourceType", "instance".to_owned()),
        ("Period", number.to_string()),
        ("PriceUnit", unit.to_owned()),
    ];
    Some(Action::ecs("DescribeRenewalPrice", region, parameters))
}

/// QueryAccountBalance. It has no parameters.
pub(super) fn account_balance(site: Site) -> Action {
    Action { name: "QueryAccountBalance", service: Service::Billing(site), parameters: Vec::new() }
}

/// GetCallerIdentity. It has no parameters.
pub(super) fn caller_identity() -> Action {
    Action { name: "GetCallerIdentity", service: Service::Sts, parameters: Vec::new() }
}

/// DescribeRegions.
pub(super) fn describe_regions(region: &RegionId) -> Action {
    Action::ecs("DescribeRegions", region, Vec::new())
}

/// An id that no instance has: theirs have one hyphen and twenty characters after it.
const NOBODY: &str = "i-nobody-renewctl-doctor";

/// DescribeInstanceAutoRenewAttribute of an instance that does not exist.
pub(super) fn auto_renew_of_nobody(region: &RegionId) -> Action {
    let parameters = vec![("RegionId", region.to_string()), ("InstanceId", NOBODY.to_owned())];
    Action::ecs("DescribeInstanceAutoRenewAttribute", region, parameters)
}

/// DescribeRenewalPrice of an instance that does not exist.
pub(super) fn price_of_nobody(region: &RegionId) -> Action {
    let parameters = vec![
        ("RegionId", region.to_string()),
        ("ResourceId", NOBODY.to_owned()),
        ("ResourceType", "instance".to_owned()),
    ];
    Action::ecs("DescribeRenewalPrice", region, parameters)
}

/// RenewInstance that cannot renew: nobody's instance, and no term.
pub(super) fn renew_nobody(region: &RegionId) -> Action {
    Action::ecs("RenewInstance", region, vec![("InstanceId", NOBODY.to_owned())])
}

/// ModifyInstanceAutoRenewAttribute of an instance that does not exist.
pub(super) fn set_nobody(region: &RegionId) -> Action {
    let parameters = vec![
        ("RegionId", region.to_string()),
        ("InstanceId", NOBODY.to_owned()),
        ("RenewalStatus", "Normal".to_owned()),
    ];
    Action::ecs("ModifyInstanceAutoRenewAttribute", region, parameters)
}

fn comma_list(ids: &[InstanceId]) -> String {
    ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(",")
}

/// Number and unit. Months are always sent as months: both sites take them.
fn period(term: Term) -> (String, &'static str) {
    match term {
        Term::Weeks(weeks) => (weeks.to_string(), "Week"),
        Term::Months(months) => (months.to_string(), "Month"),
    }
}
