"""Settings and renewals, judged by what is read again and by the ledger."""

from checks import Checks, same
from emulator import Emulator
from sdks.account import SESSION, Account


def check_modify(check: Checks, account: Account) -> None:
    names = ("RenewalStatus", "AutoRenewEnabled", "Duration", "PeriodUnit")
    modify = "ModifyInstanceAutoRenewAttribute"

    def settings(*ids: str) -> list[tuple]:
        return [tuple(account.setting(id)[name] for name in names) for id in ids]

    with check("ModifyInstanceAutoRenewAttribute by RenewalStatus, for two at once"):
        account.good(modify, InstanceId="i-one,i-two", RenewalStatus="AutoRenewal", Duration=6, PeriodUnit="Month")
        same(settings("i-one", "i-two"), [("AutoRenewal", True, 6, "Month")] * 2)
    with check("ModifyInstanceAutoRenewAttribute by AutoRenew, for a year"):
        account.good(modify, InstanceId="i-one", AutoRenew=True, Duration=1, PeriodUnit="Year")
        same(settings("i-one"), [("AutoRenewal", True, 1, "Year")])
    with check("NotRenewal"):
        account.good(modify, InstanceId="i-one", RenewalStatus="NotRenewal")
        same(settings("i-one")[0][:2], ("NotRenewal", False))
    with check("Normal"):
        account.good(modify, InstanceId="i-one", RenewalStatus="Normal")
        same(settings("i-one"), [("Normal", False, 0, "Month")])
    with check("neither RenewalStatus nor AutoRenew switches auto-renewal off"):
        account.good(modify, InstanceId="i-two")
        same(settings("i-two")[0][:2], ("Normal", False))


def check_renew(check: Checks, account: Account, emulator: Emulator) -> None:
    asked = {"InstanceId": "i-one", "Period": 1, "PeriodUnit": "Month", "ClientToken": "token-1"}
    first = None
    with check("RenewInstance charges at once, and the expiry moves later"):
        first = account.order(**asked)
        same(account.expiry("i-one"), "2026-12-10T16:00Z", "expiry just after the charge")
        (charge,) = emulator.charges()
        names = ("order_id", "instance_id", "period", "unit", "amount", "currency", "by", "client_token")
        same(tuple(charge[name] for name in names), (first, "i-one", 1, "Month", "238.00", "CNY", "api", "token-1"))
        account.wait_for_expiry("i-one", "2027-01-10T16:00Z")
    with check("the same ClientToken again gives the same OrderId, and no second charge"):
        same(account.order(**asked), first)
        same(len(emulator.charges()), 1, "charges")
    with check("other parameters under the ClientToken"):
        account.refused(400, "IdempotenceParamNotMatch", "RenewInstance", **asked | {"Period": 2})
        account.refused(400, "IdempotenceParamNotMatch", "RenewInstance", **asked | {"InstanceId": "i-two"})
        same(len(emulator.charges()), 1, "charges")
    with check("another ClientToken is another order, whose OrderId is a string"):
        second = account.order(**asked | {"ClientToken": "token-2"})
        same((second != first, len(emulator.charges())), (True, 2))
    with check("a session renews for a year"):
        order = account.order(key=SESSION, InstanceId="i-two", Period=12, PeriodUnit="Month", ClientToken="token-3")
        charge = emulator.charges()[-1]
        same((charge["order_id"], charge["period"], charge["amount"]), (order, 12, "1158.00"))
        account.wait_for_expiry("i-two", "2027-12-12T16:00Z")
    with check("two orders for one instance add up"):
        account.wait_for_expiry("i-one", "2027-02-10T16:00Z")
    with check("PeriodUnit is Month where it is left out, and weeks are on sale"):
        account.order(InstanceId="i-two", Period=1, ClientToken="token-4")
        account.order(InstanceId="i-expired", Period=1, PeriodUnit="Week", ClientToken="token-5")
        same([(charge["period"], charge["unit"]) for charge in emulator.charges()[-2:]], [(1, "Month"), (1, "week")])


def check_faults(check: Checks, account: Account, emulator: Emulator) -> None:
    client = account.client
    asked = {"InstanceId": "i-one", "Period": 1, "PeriodUnit": "Month", "ClientToken": "token-1"}
    with check("throttled"):
        answer = account.call("RenewInstance", **asked)
        same((answer.status, answer.code, answer.exception), (400, "Throttling.User", client.throttled))
        if client.reads_retry_after:
            same(answer.retry_after_ms, 1500, "x-acs-retry-after")
    with check("500 and 503"):
        account.refused(500, "InternalError", "RenewInstance", **asked)
        account.refused(503, "ServiceUnavailable", "RenewInstance", **asked)
    with check("a lost answer is no refusal, before the charge and after it"):
        for charges in (0, 1):
            answer = account.call("RenewInstance", **asked)
            same((answer.status, answer.code, answer.exception), (None, None, client.lost), answer.message)
            same(len(emulator.charges()), charges, "charges")
    with check("a resend under the same ClientToken finds the order of the lost answer"):
        order = account.order(**asked)
        same([charge["order_id"] for charge in emulator.charges()], [order])
