"""aliyun-python-sdk-ecs: the old Python SDK, which signs as V1."""

import importlib
import json
from contextlib import ExitStack
from unittest.mock import patch

from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.utils import parameter_helper

from sdks.answer import Answer, Key, Stamp, given

TIMEOUT_S = 15


class PythonV1:
    name = "python V1"
    # It compares the string to sign in the refusal with its own, and if they are equal, says so by a
    # code of its own: only the secret can be wrong then.
    wrong_secret_code = "InvalidAccessKeySecret"
    client_error, server_error, throttled, lost = ("ServerException",) * 3 + ("ClientException",)
    reads_retry_after = False

    def __init__(self, host: str):
        self.host = host

    def call(self, action: str, parameters: dict, key: Key, stamp: Stamp = Stamp()) -> Answer:
        module = importlib.import_module(f"aliyunsdkecs.request.v20140526.{action}Request")
        request = getattr(module, f"{action}Request")()
        request.set_endpoint(self.host)
        for name, value in parameters.items():
            if name != "RegionId":
                setter = f"set_{name}s" if isinstance(value, list) else f"set_{name}"
                getattr(request, setter)(value)
        try:
            with ExitStack() as stack:
                for function, value in given({"get_uuid": stamp.nonce, "get_iso_8061_date": stamp.timestamp}).items():
                    stack.enter_context(patch.object(parameter_helper, function, return_value=value))
                body = self._client(parameters, key).do_action_with_exception(request)
        except ServerException as error:
            return Answer(
                status=error.get_http_status(),
                code=error.get_error_code(),
                message=error.get_error_msg(),
                request_id=error.get_request_id(),
                exception=type(error).__name__,
            )
        except ClientException as error:
            return Answer(message=str(error), exception=type(error).__name__)
        body = json.loads(body)
        return Answer(status=200, request_id=body["RequestId"], body=body)

    def _client(self, parameters: dict, key: Key) -> AcsClient:
        if key.token is None:
            who = {"ak": key.id, "secret": key.secret}
        else:
            who = {"credential": StsTokenCredential(key.id, key.secret, key.token)}
        region = parameters.get("RegionId", "cn-beijing")
        return AcsClient(region_id=region, auto_retry=False, connect_timeout=5, timeout=TIMEOUT_S, **who)

    def close(self) -> None:
        pass
