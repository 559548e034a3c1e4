"""Odd values, and good inputs damaged: fields dropped, repeated, swapped, retyped, made huge, deep or cut in half."""

import json
import random
from typing import Any

ODD_TEXT = [
    "", " ", "0", "-1", "null", "NaN", "+15550001", "\x00", "\n", "\r\n", "\t", "é", "日本", "\u202e", "\ufeff",
    "\x1b[31m", "../../etc/passwd", "%00", "%2e%2e%2f", "'; DROP TABLE calls;--", "<script>", "{{7*7}}", "${x}",
    "A" * 300, "9" * 40, "1e999", "true", "[]", "{}", "💥", "\u0000\u0001", "a=b&c=d", "#", "?", "&", ";",
    "file:///etc/passwd", "http://[::1]/", "07-01a21f15-f9eb-7000-8000-000000000000", "07-",
    "99-01a21f15-f9eb-7000-8000-000000000000",
]  # fmt: skip
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 3.0, 10**30, -(10**18), 1e308, 0.1, "", "x", [], {}, [None], [[[]]], {"a": {"b": []}},
    "x" * 5000, ["x"] * 50, *ODD_TEXT,
]  # fmt: skip


def text(chance: random.Random) -> str:
    """A text that no parser expects."""
    if chance.random() < 0.7:
        return chance.choice(ODD_TEXT)
    return "".join(
        chr(chance.choice((chance.randrange(32, 127), chance.randrange(0x250), chance.randrange(0xD7FF))))
        for _ in range(chance.randrange(12))
    )


def value(chance: random.Random) -> Any:
    """A random JSON value."""
    return text(chance) if chance.random() < 0.3 else chance.choice(ODD)


def mutated(good: Any, chance: random.Random) -> Any:
    """A good JSON value with something odd in it; most of it is unchanged."""
    found = json.loads(json.dumps(good))
    holders: list[Any] = []
    _collect(found, holders)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if not holders:
            return value(chance)
        holder = chance.choice(holders)
        key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
        match chance.randrange(5):
            case 0 if isinstance(holder, dict):
                del holder[key]
                if not holder:
                    holders.remove(holder)
            case 1 if isinstance(holder, dict):
                holder[text(chance)] = value(chance)
            case 2:
                holder[key] = [holder[key]]
            case 3:
                holder[key] = str(holder[key])
            case _:
                holder[key] = value(chance)
    return found


def _collect(found: Any, holders: list[Any]) -> None:
    if isinstance(found, dict | list) and found:
        holders.append(found)
        for each in found.values() if isinstance(found, dict) else found:
            _collect(each, holders)


def corrupted(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, dropped, repeated, cut off or inserted."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(6):
            case 0 if at < len(found):
                found[at] = chance.randrange(256)
            case 1:
                del found[at : at + chance.randint(1, 20)]
            case 2:
                found[at:at] = found[at : at + chance.randint(1, 40)]
            case 3:
                del found[at:]
            case 4:
                found[at:at] = chance.choice(
                    [b"\x00", b"\xff\xfe", b"\r\n", b"\n", b'"', b"{" * 50, b"[" * 2000, b"\\u0000", b"\\ud800"]
                )
            case _:
                found[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 6)))
    return bytes(found)


def dumped(found: Any, chance: random.Random) -> bytes:
    """Encoded as JSON, sometimes with corrupted bytes."""
    data = json.dumps(found, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return corrupted(data, chance) if chance.random() < 0.2 else data
