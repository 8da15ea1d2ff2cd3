"""`renewctl emulator serve` on a state of its own, and its ledger."""

import json
import os
import signal
import subprocess
from pathlib import Path

RENEWCTL = os.environ["CONFORMANCE_RENEWCTL"]
SCRATCH = Path(os.environ["CONFORMANCE_SCRATCH"])
COMMAND_TIMEOUT_S = 30


def renewctl(*arguments: str) -> str:
    """Runs a command that must succeed, and gives its stdout."""
    command = [RENEWCTL, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, cwd=SCRATCH)
    if run.returncode != 0:
        raise RuntimeError(f"{command} ended with {run.returncode}:\n{run.stdout}{run.stderr}")
    return run.stdout


class Emulator:
    """A server for the time of a `with` block."""

    def __init__(self, name: str, world: Path):
        self.state = SCRATCH / f"{name}.json"
        renewctl("emulator", "reset", "--world", str(world), "--state", str(self.state))

    def __enter__(self) -> "Emulator":
        command = [RENEWCTL, "emulator", "serve", "--state", str(self.state)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=SCRATCH)
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            self.__exit__()
            raise RuntimeError(f"the emulator did not start: {line!r}")
        self.host = line.removeprefix("listening on http://").strip()
        return self

    def __exit__(self, *_) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def charges(self) -> list[dict]:
        """What was charged so far, which is in the state before an answer leaves."""
        return json.loads(renewctl("emulator", "ledger", "--state", str(self.state), "--format", "json"))["charges"]
