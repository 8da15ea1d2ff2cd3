"""Recomputes the signature of a recorded request with the signing code of the official SDKs."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from aliyunsdkcore.auth.algorithm import sha_hmac1
from aliyunsdkcore.auth.composer import rpc_signature_composer as composer
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest

from checks import same
from node_process import NodeProcess
from wire.server import Recorded

V3 = "ACS3-HMAC-SHA256"
SIGNER = Path(__file__).with_name("signer.cjs")
FORM = "application/x-www-form-urlencoded"
# Inside a module two underscores hide nothing; inside a class they would.
compose_string_to_sign = getattr(composer, "__compose_string_to_sign")
get_signature = getattr(composer, "__get_signature")


@dataclass(frozen=True)
class Read:
    """What a server reads from a request."""

    style: str
    key_id: str
    token: str | None
    nonce: str
    timestamp: str
    action: str
    version: str
    # Without the common ones.
    parameters: dict[str, str]


COMMON = {
    "Action", "Version", "Format", "AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp",
    "SecurityToken", "Signature",
}  # fmt: skip


def pairs(text: str) -> dict[str, str]:
    if not text:
        return {}
    found = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    if len(dict(found)) != len(found):
        raise AssertionError("a name came twice")
    return dict(found)


def split(request: Recorded) -> tuple[str, str]:
    path, _, query = request.target.partition("?")
    return path, query


def is_v3(request: Recorded) -> bool:
    return (request.header("authorization") or "").startswith(V3)


def read(request: Recorded) -> Read:
    path, query = split(request)
    same((request.method, path), ("POST", "/"))
    if is_v3(request):
        same(request.body, b"", "body")
        authorization = request.header("authorization").removeprefix(f"{V3} ")
        fields = dict(field.split("=", 1) for field in authorization.split(","))
        key_id = fields["Credential"]
        same(request.header("x-acs-accesskey-id") in (None, key_id), True, "x-acs-accesskey-id is the Credential")
        names = ("security-token", "signature-nonce", "date", "action", "version")
        return Read("v3", key_id, *(request.header(f"x-acs-{name}") for name in names), pairs(query))
    # An address may end up in a log: nothing of a V1 request is in it.
    same((query, request.header("content-type")), ("", FORM))
    form = pairs(request.body.decode("ascii"))
    same((form["Format"], form["SignatureMethod"], form["SignatureVersion"]), ("JSON", "HMAC-SHA1", "1.0"))
    own = {name: value for name, value in form.items() if name not in COMMON}
    names = ("SignatureNonce", "Timestamp", "Action", "Version")
    return Read("v1", form["AccessKeyId"], form.get("SecurityToken"), *(form[name] for name in names), own)


def claimed(request: Recorded) -> str:
    """The signature as it was sent: the parameter of V1, the whole header of V3."""
    if is_v3(request):
        return request.header("authorization")
    return pairs(request.body.decode("ascii"))["Signature"]


class Signers:
    """The signing code of each SDK."""

    def __init__(self):
        self.node = NodeProcess(SIGNER)

    def close(self) -> None:
        self.node.close()

    def recomputed(self, request: Recorded, secret: str) -> dict[str, str]:
        """What should have been sent, by each SDK that signs in this style."""
        if is_v3(request):
            hashed_body = hashlib.sha256(request.body).hexdigest()
            same(request.header("x-acs-content-sha256"), hashed_body, "hash of the body")
            return {
                "alibabacloud-tea-openapi": v3_by_python(request, hashed_body, secret),
                "@alicloud/openapi-core": self._v3_by_node(request, hashed_body, secret),
            }
        form = pairs(request.body.decode("ascii"))
        del form["Signature"]
        return {
            "aliyun-python-sdk-core": get_signature(compose_string_to_sign(request.method, form), secret, sha_hmac1),
            "alibabacloud-tea-openapi": Utils.get_rpcsignature(form, request.method, secret),
        }

    def _v3_by_node(self, request: Recorded, hashed_body: str, secret: str) -> str:
        path, query = split(request)
        arrived = {name.lower(): value for name, value in request.headers}
        signed = {"method": request.method, "pathname": path, "query": pairs(query), "headers": arrived}
        question = {"request": signed, "algorithm": V3, "hashedBody": hashed_body, "keyId": read(request).key_id}
        return self.node.ask(question | {"secret": secret})


def v3_by_python(request: Recorded, hashed_body: str, secret: str) -> str:
    """It signs every header that it is given: those that the request names, which must be all that matter."""
    names = request.header("authorization").split("SignedHeaders=")[1].split(",")[0].split(";")
    must = {name.lower() for name, _ in request.headers if name.lower().startswith("x-acs-")} | {"host"}
    same(must - set(names), set(), "headers that are not signed")
    path, query = split(request)
    signed = DaraRequest()
    signed.method, signed.pathname, signed.query = request.method, path, pairs(query)
    signed.headers = {name: request.header(name) for name in names}
    return Utils.get_authorization(signed, V3, hashed_body, read(request).key_id, secret)
