//! DescribeRegions (Ecs 2014-05-26).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ApiError, Context};

/// The regions of a recorded reply (2023-12), in its order.
const REGIONS: [&str; 29] = [
    "cn-qingdao",
    "cn-beijing",
    "cn-zhangjiakou",
    "cn-huhehaote",
    "cn-wulanchabu",
    "cn-hangzhou",
    "cn-shanghai",
    "cn-nanjing",
    "cn-shenzhen",
    "cn-heyuan",
    "cn-guangzhou",
    "cn-fuzhou",
    "cn-wuhan-lr",
    "cn-chengdu",
    "cn-hongkong",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-6",
    "ap-southeast-5",
    "ap-south-1",
    "ap-southeast-7",
    "us-east-1",
    "us-west-1",
    "eu-west-1",
    "me-east-1",
    "eu-central-1",
];
/// Names of regions are told in these languages (list of errors of the action).
const LANGUAGES: [&str; 7] = ["zh-CN", "zh_TW", "en-US", "ja", "fr", "de", "ko"];
/// Values of InstanceChargeType and ResourceType (rules of the action).
const CHARGE_TYPES: [&str; 4] = ["PrePaid", "PostPaid", "SpotWithPriceLimit", "SpotAsPriceGo"];
const RESOURCE_TYPES: [&str; 4] = ["instance", "disk", "reservedinstance", "scu"];

/// All regions, and those of the world that are not among them. The local name is the id: names are assumed
/// to matter to nobody here.
pub(super) fn describe(context: &Context<'_>) -> Result<String, ApiError> {
    let check = |name: &str, known: &[&str], http, code: &str, message: &str| match context.filled(name) {
        Some(value) if !known.contains(&value) => Err(ApiError::new(http, code, message)),
        _ => Ok(()),
    };
    let language = "Only Chinese (zh-CN), English (en-US), and Japanese (ja) are allowed.";
    check("AcceptLanguage", &LANGUAGES, 404, "InvalidAcceptLanguage.NotFound", language)?;
    let charge_type = "The specified instanceChargeType is not valid.";
    check("InstanceChargeType", &CHARGE_TYPES, 403, "Invalid.InstanceChargeType", charge_type)?;
    let resource_type = "The ResourceType provided does not exist in our records.";
    check("ResourceType", &RESOURCE_TYPES, 404, "InvalidResourceType.NotFound", resource_type)?;
    let own: BTreeSet<&str> =
        context.state.instances.values().map(|instance| instance.region.as_str()).collect();
    let more = own.into_iter().filter(|region| !REGIONS.contains(region));
    let regions: Vec<Value> = REGIONS
        .into_iter()
        .chain(more)
        .map(|id| {
            json!({ "RegionId": id, "RegionEndpoint": format!("ecs.{id}.aliyuncs.com"), "LocalName": id })
        })
        .collect();
    Ok(json!({ "RequestId": context.request_id, "Regions": { "Region": regions } }).to_string())
}
