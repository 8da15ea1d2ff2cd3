"""alibabacloud_ecs20140526: the current Python SDK, which signs as V3, and as V1 if it is told to."""

import re

from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import ExtendsParameters, RuntimeOptions

from sdks.answer import Answer, Key, Stamp, given

TIMEOUT_MS = 15_000


class PythonV3:
    name = "python V3"
    wrong_secret_code = "SignatureDoesNotMatch"
    client_error, server_error, throttled = "ClientException", "ServerException", "ThrottlingException"
    lost = "UnretryableException"
    reads_retry_after = True
    algorithm: str | None = None

    def __init__(self, host: str):
        self.host = host

    def call(self, action: str, parameters: dict, key: Key, stamp: Stamp = Stamp()) -> Answer:
        config = Config(
            access_key_id=key.id,
            access_key_secret=key.secret,
            security_token=key.token,
            region_id=parameters.get("RegionId", "cn-beijing"),
            endpoint=self.host,
            protocol="http",
            signature_algorithm=self.algorithm,
        )
        request = getattr(models, f"{action}Request")().from_map(parameters)
        method = re.sub("(?<!^)(?=[A-Z])", "_", action).lower() + "_with_options"
        runtime = RuntimeOptions(
            autoretry=False, connect_timeout=5000, read_timeout=TIMEOUT_MS, extends_parameters=self._extends(stamp)
        )
        try:
            response = getattr(Client(config), method)(request, runtime)
        except AlibabaCloudException as error:
            return Answer(
                status=error.status_code,
                code=error.code,
                message=error.message,
                request_id=error.request_id,
                exception=type(error).__name__,
                retry_after_ms=getattr(error, "retry_after", None),
            )
        except Exception as error:
            return Answer(message=str(error), exception=type(error).__name__)
        body = response.body.to_map()
        return Answer(status=response.status_code, request_id=body["RequestId"], body=body)

    def _extends(self, stamp: Stamp) -> ExtendsParameters:
        return ExtendsParameters(headers=given({"x-acs-signature-nonce": stamp.nonce, "x-acs-date": stamp.timestamp}))

    def close(self) -> None:
        pass


class PythonTeaV1(PythonV3):
    """The same SDK with the signature that its documentation calls v2."""

    name = "python V1 of the current SDK"
    algorithm = "v2"

    def _extends(self, stamp: Stamp) -> ExtendsParameters:
        return ExtendsParameters(queries=given({"SignatureNonce": stamp.nonce, "Timestamp": stamp.timestamp}))
