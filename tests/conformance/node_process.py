"""A script in Node that answers questions, one a line, as JSON."""

import json
import select
import subprocess
from pathlib import Path

ANSWER_TIMEOUT_S = 30


class NodeProcess:
    def __init__(self, script: Path):
        self.script = script
        self.process = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def ask(self, question: dict):
        self.process.stdin.write(json.dumps(question) + "\n")
        if not select.select([self.process.stdout], [], [], ANSWER_TIMEOUT_S)[0]:
            raise RuntimeError(f"{self.script.name} does not answer")
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
