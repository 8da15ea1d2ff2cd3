"""@alicloud/ecs20140526: the Node SDK, in a process of its own."""

from dataclasses import asdict
from pathlib import Path

from node_process import NodeProcess
from sdks.answer import Answer, Key, Stamp, given

CLIENT = Path(__file__).with_name("client.cjs")


class NodeV3:
    name = "node V3"
    wrong_secret_code = "SignatureDoesNotMatch"
    client_error, server_error, throttled, lost = "ClientError", "ServerError", "ThrottlingError", "Error"
    reads_retry_after = True
    algorithm: str | None = None

    def __init__(self, host: str):
        self.host = host
        self.process = NodeProcess(CLIENT)

    def call(self, action: str, parameters: dict, key: Key, stamp: Stamp = Stamp()) -> Answer:
        question = {
            "host": self.host,
            "algorithm": self.algorithm,
            "action": action,
            "parameters": parameters,
            "key": asdict(key),
            "stamp": self._extends(stamp),
        }
        return Answer(**self.process.ask(question))

    def _extends(self, stamp: Stamp) -> dict:
        return {"headers": given({"x-acs-signature-nonce": stamp.nonce, "x-acs-date": stamp.timestamp})}

    def close(self) -> None:
        self.process.close()


class NodeV1(NodeV3):
    """The same SDK with the signature that its documentation calls v2."""

    name = "node V1"
    algorithm = "v2"

    def _extends(self, stamp: Stamp) -> dict:
        return {"queries": given({"SignatureNonce": stamp.nonce, "Timestamp": stamp.timestamp})}
