"""What an SDK made of an answer, in the words of the API."""

from dataclasses import dataclass, field


@dataclass
class Answer:
    """A good answer has a body; a refusal has a code; a lost one has neither."""

    # By the SDK's response or exception; None if there was no answer.
    status: int | None = None
    code: str | None = None
    message: str = ""
    request_id: str | None = None
    body: dict = field(default_factory=dict)
    # The SDK's own kind of exception.
    exception: str | None = None
    retry_after_ms: int | None = None


@dataclass(frozen=True)
class Key:
    id: str
    secret: str
    token: str | None = None


@dataclass(frozen=True)
class Stamp:
    """A nonce or a timestamp in place of the SDK's own."""

    nonce: str | None = None
    timestamp: str | None = None


def given(values: dict) -> dict:
    """Those that are not None."""
    return {name: value for name, value in values.items() if value is not None}
