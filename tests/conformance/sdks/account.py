"""An SDK on the world of `world.yaml`: shorthands for the calls of the checks."""

import time

from checks import same
from sdks.answer import Answer, Key, Stamp

JUDGE = Key("judge", "s+e/c=r&e%t~*")
READER = Key("reader", "reader-secret")
SESSION = Key("session", "session-secret", "CAIS+tok/en==%20&~*")

EFFECT_TIMEOUT_S = 20
REQUEST_ID_CHARS = 36


class Account:
    def __init__(self, client, region: str = "cn-beijing", key: Key = JUDGE):
        self.client, self.region, self.key = client, region, key

    def call(self, action: str, key: Key | None = None, stamp: Stamp = Stamp(), **parameters) -> Answer:
        # RenewInstance has no region: the host decides.
        here = {} if action == "RenewInstance" else {"RegionId": self.region}
        return self.client.call(action, here | parameters, key or self.key, stamp)

    def good(self, action: str, **more) -> dict:
        """The body of an answer that must be good."""
        answer = self.call(action, **more)
        same((answer.status, answer.code, answer.exception), (200, None, None), f"{action}, {answer.message}")
        same(len(answer.request_id), REQUEST_ID_CHARS, "length of the RequestId")
        return answer.body

    def refused(self, status: int, code: str, action: str, **more) -> Answer:
        """An answer that must carry a code, in the exception that the SDK has for such."""
        answer = self.call(action, **more)
        kind = self.client.client_error if status < 500 else self.client.server_error
        same((answer.status, answer.code, answer.exception), (status, code, kind), f"{action}, {answer.message}")
        same(len(answer.request_id or ""), REQUEST_ID_CHARS, "length of the RequestId")
        return answer

    def instances(self, **parameters) -> list[dict]:
        return self.good("DescribeInstances", **parameters)["Instances"]["Instance"]

    def ids(self, **parameters) -> list[str]:
        return [instance["InstanceId"] for instance in self.instances(**parameters)]

    def expiry(self, id: str) -> str:
        (instance,) = self.instances(InstanceIds=f'["{id}"]')
        return instance["ExpiredTime"]

    def settings(self, **parameters) -> dict:
        return self.good("DescribeInstanceAutoRenewAttribute", **parameters)

    def setting(self, id: str) -> dict:
        (setting,) = self.settings(InstanceId=id)["InstanceRenewAttributes"]["InstanceRenewAttribute"]
        return setting

    def order(self, **parameters) -> str:
        """The number of an order: odd ones come as numbers, and the SDKs hand them on as they come."""
        return str(self.good("RenewInstance", **parameters)["OrderId"])

    def wait_for_expiry(self, id: str, expected: str) -> None:
        end = time.monotonic() + EFFECT_TIMEOUT_S
        while (found := self.expiry(id)) != expected:
            if time.monotonic() > end:
                raise AssertionError(f"{id} still expires at {found}, not {expected}")
            time.sleep(0.2)
