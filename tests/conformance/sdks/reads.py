"""Lists by pages, fields of instances, settings, prices."""

import json

from checks import Checks, same
from sdks.account import READER, Account

PAGED = [f"i-page{number:04}" for number in range(1, 26)]
BEIJING = ["i-expired", "i-locked", "i-one", "i-payg", "i-sold-out", "i-two"]


def check_reads(check: Checks, account: Account, client) -> None:
    shanghai = Account(client, "cn-shanghai")
    with check("DescribeInstances by MaxResults and NextToken"):
        found, sizes, token = [], [], None
        while token != "":
            more = {} if token is None else {"NextToken": token}
            body = shanghai.good("DescribeInstances", MaxResults=10, **more)
            page = [instance["InstanceId"] for instance in body["Instances"]["Instance"]]
            found, sizes, token = found + page, sizes + [len(page)], body["NextToken"]
        same((sizes, sorted(found)), ([10, 10, 5], PAGED))
    with check("DescribeInstances by PageNumber and PageSize"):
        body = shanghai.good("DescribeInstances", PageNumber=2, PageSize=20)
        same((body["TotalCount"], body["PageNumber"], body["PageSize"]), (25, 2, 20))
        same(len(body["Instances"]["Instance"]), 5)
    with check("DescribeInstances by ids leaves unknown ones out"):
        same(account.ids(InstanceIds=json.dumps(["i-one", "i-none", "i-two"])), ["i-one", "i-two"])
    with check("an empty list is a list"):
        same(account.instances(InstanceIds='["i-none"]'), [])
    with check("fields of a subscription instance"):
        (one,) = account.instances(InstanceIds='["i-one"]')
        names = ("InstanceName", "RegionId", "ZoneId", "Status", "InstanceChargeType", "InstanceType")
        values = ("网页 one*+&=%20~ \"'[]", "cn-beijing", "cn-beijing-h", "Running", "PrePaid", "ecs.g7.large")
        same(tuple(one[name] for name in names), values)
        same((one["ExpiredTime"], one["SaleCycle"], one["ResourceGroupId"]), ("2026-12-10T16:00Z", "month", "rg-1"))
        same((one["OperationLocks"]["LockReason"], one["Recyclable"]), ([], False))
        same(one["SecurityGroupIds"]["SecurityGroupId"], ["sg-1", "sg-2"])
        tags = {tag["TagKey"]: tag["TagValue"] for tag in one["Tags"]["Tag"]}
        same(tags, {"env": "prod", "钥匙 +*~&=%20": "值 +*~&=%20"})
    with check("fields of a pay-as-you-go instance"):
        (payg,) = account.instances(InstanceChargeType="PostPaid")
        same((payg["InstanceId"], payg["ExpiredTime"]), ("i-payg", "2099-12-31T15:59Z"))
    with check("locks: by security, and by expiry"):
        locks = {one["InstanceId"]: one["OperationLocks"]["LockReason"] for one in account.instances(MaxResults=100)}
        reasons = {id: [lock["LockReason"] for lock in locks[id]] for id in ("i-locked", "i-expired", "i-two")}
        same(reasons, {"i-locked": ["security"], "i-expired": ["financial"], "i-two": []})
    with check("a filter by tag, whose text needs encoding"):
        same(account.ids(Tag=[{"Key": "钥匙 +*~&=%20", "Value": "值 +*~&=%20"}, {"Key": "env", "Value": "prod"}]), ["i-one"])
        same(account.ids(Tag=[{"Key": "env", "Value": "test"}]), [])
    with check("a filter by name, whose text needs encoding"):
        same(account.ids(InstanceName="网页 one*&=%20~ \"'[]"), ["i-one"])
        same(account.ids(InstanceName="t*"), ["i-two"])
    with check("a region without instances"):
        same(Account(client, "eu-central-1").ids(MaxResults=100), [])
    with check("a key without the right sees an empty list"):
        same(account.good("DescribeInstances", key=READER)["Instances"]["Instance"], [])
    check_settings(check, account, shanghai)
    check_prices(check, account)


def check_settings(check: Checks, account: Account, shanghai: Account) -> None:
    with check("DescribeInstanceAutoRenewAttribute by PageNumber and PageSize"):
        found = []
        for number, size in (("1", 10), ("2", 10), ("3", 5)):
            body = shanghai.settings(InstanceId=",".join(PAGED), PageNumber=number, PageSize="10")
            same((body["TotalCount"], body["PageNumber"], body["PageSize"]), (25, int(number), 10))
            page = body["InstanceRenewAttributes"]["InstanceRenewAttribute"]
            same(len(page), size, f"page {number}")
            found += [setting["InstanceId"] for setting in page]
        same(sorted(found), PAGED)
    with check("the default page has ten settings, however many ids are asked for"):
        body = shanghai.settings(InstanceId=",".join(PAGED))
        same((len(body["InstanceRenewAttributes"]["InstanceRenewAttribute"]), body["TotalCount"]), (10, 25))
    with check("settings by RenewalStatus, and their fields"):
        body = account.settings(RenewalStatus="AutoRenewal")
        (two,) = body["InstanceRenewAttributes"]["InstanceRenewAttribute"]
        names = ("InstanceId", "RenewalStatus", "AutoRenewEnabled", "Duration", "PeriodUnit")
        same(tuple(two[name] for name in names), ("i-two", "AutoRenewal", True, 3, "Month"))
    with check("a setting that is off"):
        names = ("RenewalStatus", "AutoRenewEnabled", "Duration")
        same(tuple(account.setting("i-one")[name] for name in names), ("Normal", False, 0))


def check_prices(check: Checks, account: Account) -> None:
    for period, unit, trade, listed in ((1, "Month", 238, 280), (2, "Month", 476, 560), (1, "Year", 2856, 3360)):
        with check(f"DescribeRenewalPrice for {period} {unit}"):
            asked = {"ResourceId": "i-one", "ResourceType": "instance", "Period": period, "PriceUnit": unit}
            price = account.good("DescribeRenewalPrice", **asked)["PriceInfo"]["Price"]
            same((price["TradePrice"], price["OriginalPrice"], price["Currency"]), (trade, listed, "CNY"))
            same(price["DiscountPrice"], listed - trade)
