"""@alicloud/ecs20140526: the Node SDK, in a process of its own."""

import json
import select
import subprocess
from dataclasses import asdict
from pathlib import Path

from sdks.answer import Answer, Key, Stamp

CLIENT = Path(__file__).with_name("client.cjs")
ANSWER_TIMEOUT_S = 30


class NodeV3:
    name = "node V3"
    wrong_secret_code = "SignatureDoesNotMatch"
    client_error, server_error, throttled, lost = "ClientError", "ServerError", "ThrottlingError", "Error"
    reads_retry_after = True
    algorithm = None

    def __init__(self, host: str):
        self.host = host
        self.process = subprocess.Popen(
            ["node", str(CLIENT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def call(self, action: str, parameters: dict, key: Key, stamp: Stamp = Stamp()) -> Answer:
        question = {
            "host": self.host,
            "algorithm": self.algorithm,
            "action": action,
            "parameters": parameters,
            "key": asdict(key),
            "stamp": self._extends(stamp),
        }
        self.process.stdin.write(json.dumps(question) + "\n")
        if not select.select([self.process.stdout], [], [], ANSWER_TIMEOUT_S)[0]:
            raise RuntimeError("the Node SDK does not answer")
        return Answer(**json.loads(self.process.stdout.readline()))

    def _extends(self, stamp: Stamp) -> dict:
        headers = {"x-acs-signature-nonce": stamp.nonce, "x-acs-date": stamp.timestamp}
        return {"headers": {name: value for name, value in headers.items() if value is not None}}

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


class NodeV1(NodeV3):
    """The same SDK with the signature that its documentation calls v2."""

    name = "node V1"
    algorithm = "v2"

    def _extends(self, stamp: Stamp) -> dict:
        queries = {"SignatureNonce": stamp.nonce, "Timestamp": stamp.timestamp}
        return {"queries": {name: value for name, value in queries.items() if value is not None}}
