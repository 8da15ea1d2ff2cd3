"""Requests whose values are hard to sign: the same ones for the same seed."""

import random
from datetime import datetime, timedelta, timezone

SEED = 20140526
ACTIONS = (
    ("DescribeInstances", "2014-05-26"),
    ("RenewInstance", "2014-05-26"),
    ("QueryAccountBalance", "2017-12-14"),
    ("GetCallerIdentity", "2015-04-01"),
)

# One parameter each, in both styles.
VALUES = (
    "", " ", "  two  blanks  ", "+", "a+b c", "*", "~", "%", "%20", "%2B%zz%", "%25252B", "&", "=", "a=b&c=d", "&Signature=x",
    "'", '"', "\\", "`", "<>", "()[]{}", "!$,;:@/?#|^", "-_.~", "//", "/../", "\t", "\n", "\r\n", "a\nb\tc", "\x01\x02\x1f\x7f",
    '["i-one","i-two"]', '["i-网页"]', '{"a": [1, 2, "ü"]}', "网页服务器", "值=钥匙&网页", "😀", "👩‍👩‍👧‍👦", "é", "e\u0301", "ß", "İ", "\u202e\u200b", "\ufeff",
    "\ud7ff\ue000\uffff\U0010ffff", "null", "None", "true", "0", "-1", "1e400", "2026-12-01T02:05:00Z", "i-bp1quickweb1",
    "x" * 4000, "+ " * 1000, "%" * 1000, "网" * 500, "😀" * 300,
)  # fmt: skip

# Names whose order is hard.
NAMES = (
    ("Tag.1.Key", "Tag.10.Key", "Tag.2.Key", "Tag.1.Value", "Tag.10.Value", "Tag.2.Value"),
    ("a", "A", "aa", "a.", "a-", "a_", "a~", "a0", "B", "b"),
    ("Filter.3.Key", "Filter.3.Value", "Filter", "Filter.", "FilterA"),
    ("Zone", "action", "version", "timestamp", "signature", "Signature2", "SignatureType"),
)

# Names that need encoding, for V1 alone: no parameter of the API has such a name, and the V3 code of the
# SDKs leaves names as they are, where the documentation encodes them.
STRANGE_NAMES = ("名", "with blanks", "a+b", "a*b", "a%b", "a=b", "a&b", "é", "😀", "\uffff", "\U00010000")

KEYS = (
    {"id": "LTAI-plain", "secret": "plain-secret", "token": None},
    {"id": "LTAI-hostile", "secret": "s+e/c=r&e%t~* \"'", "token": None},
    {"id": "STS.plain", "secret": "session+secret/==", "token": "CAISplaintoken"},
    {"id": "STS.hostile", "secret": "&", "token": "CAIS+tok/en==&%20%2B~*'\"<>[]{}|"},
    {"id": "STS.long", "secret": "x" * 200, "token": "CAIS" + "+/=" * 600},
)

# What random values are drawn from, and names that need no encoding.
PLAIN = "azAZ09-_.~"
ALPHABET = "azAZ09-_.~ +*%&=/?#:;,'\"()[]{}<>|\\^`!@$\t\n\r\x01\x7fäß网页値😀👩\u0301\u200b"


def cases() -> list[dict]:
    """For each style: each value once, each set of names once, then drawn ones."""
    dice = random.Random(SEED)
    made = [make(dice, signature, [(name_for(value), value)]) for signature in ("v1", "v3") for value in VALUES]
    for signature in ("v1", "v3"):
        sets = NAMES + (STRANGE_NAMES,) if signature == "v1" else NAMES
        made += [make(dice, signature, [(name, draw(dice)) for name in shuffled(dice, names)]) for names in sets]
        made += [make(dice, signature, []) for _ in KEYS]
        made += [make(dice, signature, drawn(dice, signature)) for _ in range(60)]
    # Each key in turn, so that each meets every kind of value.
    for number, case in enumerate(made):
        case["key"] = KEYS[number % len(KEYS)]
    return made


def name_for(value: str) -> str:
    return "InstanceIds" if value.startswith("[") else "InstanceName"


def make(dice: random.Random, signature: str, parameters: list[tuple[str, str]]) -> dict:
    action, version = dice.choice(ACTIONS)
    at = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=dice.randrange(10**8))
    return {
        "signature": signature,
        "action": action,
        "version": version,
        "parameters": parameters,
        "nonce": f"{dice.getrandbits(128):032x}",
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def drawn(dice: random.Random, signature: str) -> list[tuple[str, str]]:
    alphabet = ALPHABET if signature == "v1" else PLAIN
    names = {f"{draw(dice, alphabet, 6)}.{number}" for number in range(dice.randint(1, 12))}
    return [(name, draw(dice)) for name in shuffled(dice, sorted(names))]


def draw(dice: random.Random, alphabet: str = ALPHABET, longest: int = 40) -> str:
    return "".join(dice.choices(alphabet, k=dice.randint(0, longest)))


def shuffled(dice: random.Random, names) -> list[str]:
    return dice.sample(list(names), len(names))
