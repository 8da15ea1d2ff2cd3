"""Drives the emulator with the official SDKs. Prints how many checks each of them made."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from checks import Checks
from emulator import Emulator
from sdks.account import Account
from sdks.gateway import check_gateway
from sdks.node import NodeV1, NodeV3
from sdks.python_v1 import PythonV1
from sdks.python_v3 import PythonTeaV1, PythonV3
from sdks.reads import check_reads
from sdks.refusals import check_refusals
from sdks.writes import check_faults, check_modify, check_renew

HERE = Path(__file__).parent


def check_sdk(number: int, sdk: type) -> Checks:
    check = Checks(sdk.name)
    with Emulator(f"sdk-{number}", HERE / "world.yaml") as emulator:
        client = sdk(emulator.host)
        account = Account(client)
        check_reads(check, account, client)
        check_gateway(check, account)
        check_refusals(check, account, emulator)
        check_modify(check, account)
        check_renew(check, account, emulator)
        client.close()
    with Emulator(f"sdk-{number}-faulty", HERE / "faulty.yaml") as emulator:
        client = sdk(emulator.host)
        check_faults(check, Account(client), emulator)
        client.close()
    return check


def main() -> None:
    sdks = (PythonV1, PythonTeaV1, PythonV3, NodeV1, NodeV3)
    # At the same time, because effects of charges are waited for.
    with ThreadPoolExecutor(len(sdks)) as threads:
        checks = list(threads.map(check_sdk, range(len(sdks)), sdks))
    print(", ".join(check.words() for check in checks))
    sys.exit(any(check.failed for check in checks))


main()
