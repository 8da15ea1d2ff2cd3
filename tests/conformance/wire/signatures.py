"""Recomputes the signature of a recorded request with the signing code of the official SDKs."""

import hashlib
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aliyunsdkcore.auth.algorithm import sha_hmac1
from aliyunsdkcore.auth.composer import rpc_signature_composer as composer
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest

from checks import same
from wire.server import Recorded

V3 = "ACS3-HMAC-SHA256"
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


COMMON = "Action Version Format AccessKeyId SignatureMethod SignatureVersion SignatureNonce Timestamp SecurityToken Signature"


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
        header = lambda name: request.header(f"x-acs-{name}")
        return Read(
            "v3", key_id, header("security-token"), header("signature-nonce"), header("date"), header("action"),
            header("version"), pairs(query),
        )  # fmt: skip
    # An address may end up in a log: nothing of a V1 request is in it.
    same((query, request.header("content-type")), ("", FORM))
    form = pairs(request.body.decode("ascii"))
    same((form["Format"], form["SignatureMethod"], form["SignatureVersion"]), ("JSON", "HMAC-SHA1", "1.0"))
    own = {name: value for name, value in form.items() if name not in COMMON.split()}
    return Read(
        "v1", form["AccessKeyId"], form.get("SecurityToken"), form["SignatureNonce"], form["Timestamp"], form["Action"],
        form["Version"], own,
    )  # fmt: skip


def claimed(request: Recorded) -> str:
    """The signature as it was sent: the parameter of V1, the whole header of V3."""
    if is_v3(request):
        return request.header("authorization")
    return pairs(request.body.decode("ascii"))["Signature"]


def recomputed(request: Recorded, secret: str) -> list[str]:
    """The same, by each SDK that signs so."""
    if is_v3(request):
        return [v3(request, secret)]
    form = pairs(request.body.decode("ascii"))
    del form["Signature"]
    by_core = get_signature(compose_string_to_sign(request.method, form), secret, sha_hmac1)
    return [by_core, Utils.get_rpcsignature(form, request.method, secret)]


def v3(request: Recorded, secret: str) -> str:
    names = request.header("authorization").split("SignedHeaders=")[1].split(",")[0].split(";")
    arrived = {name.lower() for name, _ in request.headers}
    must = {name for name in arrived if name.startswith("x-acs-")} | {"host"}
    same(must - set(names), set(), "headers that are not signed")
    hashed_body = hashlib.sha256(request.body).hexdigest()
    same(request.header("x-acs-content-sha256"), hashed_body, "hash of the body")
    path, query = split(request)
    signed = DaraRequest()
    signed.method, signed.pathname, signed.query = request.method, path, pairs(query)
    signed.headers = {name: request.header(name) for name in names}
    key_id = read(request).key_id
    return Utils.get_authorization(signed, V3, hashed_body, key_id, secret)
