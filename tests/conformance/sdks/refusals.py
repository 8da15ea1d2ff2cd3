"""What is refused, and by which documented code. Nothing here may charge."""

import json

from checks import Checks, same
from emulator import Emulator
from sdks.account import READER, Account

MANY = [f"i-{number:03}" for number in range(101)]
RENEW, PRICE = "RenewInstance", "DescribeRenewalPrice"
ATTRIBUTE, MODIFY = "DescribeInstanceAutoRenewAttribute", "ModifyInstanceAutoRenewAttribute"

ON = {"RenewalStatus": "AutoRenewal", "Duration": 1, "PeriodUnit": "Month"}

# Status, code, action, parameters; codes and statuses as on the pages of the actions.
DOCUMENTED = [
    (403, "ChargeTypeViolation", RENEW, {"InstanceId": "i-payg", "Period": 1}),
    (403, "ChargeTypeViolation", PRICE, {"ResourceId": "i-payg", "ResourceType": "instance", "Period": 1}),
    (403, "ChargeTypeViolation", ATTRIBUTE, {"InstanceId": "i-one,i-payg"}),
    (403, "ChargeTypeViolation", MODIFY, {"InstanceId": "i-one,i-payg"} | ON),
    (403, "InvalidParameter.ToManyInstanceIds", ATTRIBUTE, {"InstanceId": ",".join(MANY)}),
    (403, "InvalidParameter.ToManyInstanceIds", MODIFY, {"InstanceId": ",".join(MANY)} | ON),
    # Assumed: the page of DescribeInstances has a limit of a hundred, and no code for it.
    (400, "InvalidParameter.ToManyInstanceIds", "DescribeInstances", {"InstanceIds": json.dumps(MANY)}),
    (400, "InvalidPeriod", RENEW, {"InstanceId": "i-one", "Period": 10, "PeriodUnit": "Month"}),
    (400, "InvalidPeriod", RENEW, {"InstanceId": "i-one", "Period": 5, "PeriodUnit": "Week"}),
    (400, "InvalidPeriodUnit.ValueNotSupported", RENEW, {"InstanceId": "i-one", "Period": 1, "PeriodUnit": "Day"}),
    (400, "InvalidPeriod.NotFound", RENEW, {"InstanceId": "i-one"}),
    (400, "InvalidExpectedRenewDay.Conflict", RENEW, {"InstanceId": "i-one", "Period": 1, "ExpectedRenewDay": 5}),
    (400, "InvalidClientToken.ValueNotSupported", RENEW, {"InstanceId": "i-one", "Period": 1, "ClientToken": "t" * 65}),
    (400, "InvalidPeriod", PRICE, {"ResourceId": "i-one", "ResourceType": "instance", "Period": 12, "PriceUnit": "Month"}),
    (400, "InvalidPriceUnit.ValueNotSupported", PRICE, {"ResourceId": "i-one", "Period": 1, "PriceUnit": "Week"}),
    (403, "InvalidParameter.Duration", MODIFY, {"InstanceId": "i-one"} | ON | {"Duration": 7}),
    (403, "InvalidParameter.RenewalStatus", MODIFY, {"InstanceId": "i-one", "RenewalStatus": "Always"}),
    (403, "InvalidPeriodUnit.ValueNotSupported", MODIFY, {"InstanceId": "i-one"} | ON | {"PeriodUnit": "Day"}),
    (404, "InvalidInstanceId.NotFound", RENEW, {"InstanceId": "i-none", "Period": 1}),
    (404, "InvalidInstanceId.NotFound", PRICE, {"ResourceId": "i-none", "ResourceType": "instance", "Period": 1}),
    (403, "InvalidParameter.InvalidInstanceId", ATTRIBUTE, {"InstanceId": "i-none"}),
    (403, "InvalidParameter.InvalidInstanceId", MODIFY, {"InstanceId": "i-none"} | ON),
    (403, "InvalidParameter.RenewalStatusInstanceId", ATTRIBUTE, {}),
    (403, "IncorrectInstanceStatus", MODIFY, {"InstanceId": "i-expired"} | ON),
    (403, "InstanceLockedForSecurity", RENEW, {"InstanceId": "i-locked", "Period": 1}),
    (403, "OperationDenied.NoStock", RENEW, {"InstanceId": "i-sold-out", "Period": 1}),
    (404, "InvalidStatus.NotFound", "DescribeInstances", {"Status": "Asleep"}),
    (404, "InvalidInstanceChargeType.NotFound", "DescribeInstances", {"InstanceChargeType": "Free"}),
    (400, "DryRunOperation", "DescribeInstances", {"DryRun": True}),
    (400, "MissingInstanceId", RENEW, {"Period": 1}),
]


def check_refusals(check: Checks, account: Account, emulator: Emulator) -> None:
    before = emulator.charges()
    for status, code, action, parameters in DOCUMENTED:
        with check(f"{action}: {code}"):
            account.refused(status, code, action, **parameters)
    with check("a key without the right"):
        for action, parameters in ((RENEW, {"InstanceId": "i-one", "Period": 1}), (MODIFY, {"InstanceId": "i-one"} | ON)):
            account.refused(403, "Forbidden.RAM", action, key=READER, **parameters)
    with check("nothing that was refused has charged"):
        same(emulator.charges(), before)
