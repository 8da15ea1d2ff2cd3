"""Named checks that are counted: a failed one is told, and the others go on."""

import sys
import traceback
from contextlib import contextmanager


TOLD_CHARS_MAX = 2000


class Checks:
    def __init__(self, judge: str):
        self.judge = judge
        self.count = 0
        self.failed = 0

    def words(self) -> str:
        """For the summary."""
        failed = f" ({self.failed} FAILED)" if self.failed else ""
        return f"{self.judge} {self.count} checks{failed}"

    @contextmanager
    def __call__(self, name: str):
        self.count += 1
        try:
            yield
        except Exception as error:
            self.failed += 1
            told = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            print(f"FAILED {self.judge}: {name}\n  {told[:TOLD_CHARS_MAX]}", file=sys.stderr)


def same(found, expected, what: str = "") -> None:
    if found != expected:
        raise AssertionError(f"{what}{': ' if what else ''}found {found!r}, expected {expected!r}")
