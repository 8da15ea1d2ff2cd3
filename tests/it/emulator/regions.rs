//! DescribeRegions, in the words of its page.

use serde_json::Value;

use super::client::Client;

const WORLD: &str = "
now: 2026-12-01T02:05:00Z
instances:
  - { id: i-one, region: cn-beijing, expires_in: 20d, price_per_month: '33.10' }
  - { id: i-two, region: cn-moon-1, expires_in: 20d, price_per_month: '33.10' }
";

#[test]
fn it_tells_the_recorded_regions_and_those_of_the_world() {
    let mut client = Client::new(WORLD);
    let (status, body) = client.call("DescribeRegions", &[]);
    assert_eq!(status, 200);
    let regions = body["Regions"]["Region"].as_array().unwrap();
    let ids: Vec<&str> = regions.iter().map(|region| region["RegionId"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), ids[0], ids[29]), (30, "cn-qingdao", "cn-moon-1"));
    assert_eq!(regions[1]["RegionEndpoint"], "ecs.cn-beijing.aliyuncs.com");
}

#[test]
fn it_refuses_as_its_page_says() {
    let all: Value = serde_json::from_str(include_str!("../../vectors/error-codes.json")).unwrap();
    let rows = all["per_action"]["DescribeRegions"].as_array().unwrap();
    for (parameter, code) in [
        ("AcceptLanguage", "InvalidAcceptLanguage.NotFound"),
        ("InstanceChargeType", "Invalid.InstanceChargeType"),
        ("ResourceType", "InvalidResourceType.NotFound"),
    ] {
        let (status, body) = Client::new(WORLD).call("DescribeRegions", &[(parameter, "nonsense")]);
        let row = rows.iter().find(|row| row["code"] == code).unwrap();
        let found = (&body["Code"], &body["Message"], u64::from(status));
        assert_eq!(found, (&row["code"], &row["message"], row["http"].as_u64().unwrap()));
    }
}
