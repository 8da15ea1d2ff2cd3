"""Holds renewctl's requests, as they arrive on the wire, against the signing code of the official SDKs.
Prints how many requests were judged."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from checks import Checks, same
from emulator import RENEWCTL, SCRATCH, Emulator
from wire import hostile, signatures
from wire.server import Recorded, RecordingServer

ROOT = Path(__file__).parents[3]
RECORDER = os.environ["CONFORMANCE_RECORDER"]
RECORDER_TIMEOUT_S = 60
RUN_TIMEOUT_S = 60

KEYS = {
    "judge": ("s+e/c=r&e%t~*", None),
    "session": ("session+secret/==", "CAIS+tok/en==&%20~*"),
}
# Added to a world that has no keys of its own.
KEYS_YAML = """
keys:
  - { id: judge, secret: "s+e/c=r&e%t~*" }
  - { id: session, secret: "session+secret/==", token: "CAIS+tok/en==&%20~*" }
"""
ACTIONS = {
    "DescribeInstances",
    "DescribeInstanceAutoRenewAttribute",
    "DescribeRenewalPrice",
    "ModifyInstanceAutoRenewAttribute",
    "RenewInstance",
}


def judge(signers: signatures.Signers, request: Recorded, secret: str) -> None:
    """The official code must come to the same signature, and to another one with another secret."""
    for name, signature in signers.recomputed(request, secret).items():
        same(signatures.claimed(request), signature, name)
    for name, signature in signers.recomputed(request, secret + "x").items():
        same(signatures.claimed(request) == signature, False, f"{name}: a signature is right with a wrong secret")


def check_hostile(check: Checks, signers: signatures.Signers) -> None:
    cases = hostile.cases()
    file = SCRATCH / "hostile.json"
    file.write_text(json.dumps(cases))
    with RecordingServer() as server:
        subprocess.run([RECORDER, str(file), server.url + "/"], check=True, timeout=RECORDER_TIMEOUT_S)
    with check("every request has arrived, once"):
        same(len(server.requests), len(cases))
    for case, request in zip(cases, server.requests):
        with check(f"{case['signature']} {case['key']['id']} {case['parameters']!r:.200}"):
            found = signatures.read(request)
            same((found.style, found.key_id, found.token), (case["signature"], case["key"]["id"], case["key"]["token"]))
            same((found.action, found.version), (case["action"], case["version"]))
            same((found.nonce, found.timestamp), (case["nonce"], case["at"]))
            same(found.parameters, dict(case["parameters"]), "parameters")
            judge(signers, request, case["key"]["secret"])


def run(command: list[str], url: str, signature: str, key_id: str, folder: Path) -> None:
    secret, token = KEYS[key_id]
    environment = os.environ | {"ALIBABA_CLOUD_ACCESS_KEY_ID": key_id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret}
    if token is not None:
        environment["ALIBABA_CLOUD_SECURITY_TOKEN"] = token
    command = [RENEWCTL, *command, "-f", str(ROOT / "examples/quickstart"), "--endpoint-url", url, "--signature", signature]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
    same(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}\nexit code")


def record(check: Checks, signature: str, key_id: str) -> list[Recorded]:
    """What a plan and an apply send."""
    name = f"{signature}-{key_id}"
    folder = SCRATCH / name
    folder.mkdir()
    world = folder / "world.yaml"
    world.write_text((ROOT / "examples/worlds/demo.yaml").read_text() + KEYS_YAML)
    with Emulator(name, world) as emulator, RecordingServer(emulator.host) as server:
        with check(f"{name}: plan and apply"):
            run(["plan"], server.url, signature, key_id, folder)
            run(["apply", "--auto-approve"], server.url, signature, key_id, folder)
            same(len(emulator.charges()), 3, "charges")
    return server.requests


def check_command_line(check: Checks, signers: signatures.Signers) -> int:
    """A plan and an apply with each signature and each kind of key."""
    runs = [(signature, key_id) for signature in ("v1", "v3") for key_id in KEYS]
    # At the same time, because effects of charges are waited for.
    with ThreadPoolExecutor(len(runs)) as threads:
        recorded = list(threads.map(lambda run: record(check, *run), runs))
    nonces: set[str] = set()
    for (signature, key_id), requests in zip(runs, recorded):
        with check(f"{signature}-{key_id}: every action was recorded"):
            same(ACTIONS - {signatures.read(request).action for request in requests}, set(), "missing")
        for number, request in enumerate(requests):
            with check(f"{signature}-{key_id}: request {number}"):
                secret, token = KEYS[key_id]
                found = signatures.read(request)
                same((found.style, found.key_id, found.token), (signature, key_id, token))
                same(found.nonce in nonces, False, "a nonce came twice")
                nonces.add(found.nonce)
                judge(signers, request, secret)
    return len(nonces)


def main() -> None:
    check = Checks("recorded requests")
    signers = signatures.Signers()
    check_hostile(check, signers)
    usual = check_command_line(check, signers)
    signers.close()
    failed = f" ({check.failed} checks FAILED)" if check.failed else ""
    print(f"{len(hostile.cases())} hostile and {usual} usual requests recorded{failed}")
    sys.exit(bool(check.failed))


main()
