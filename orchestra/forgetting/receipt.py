"""The receipt: what was where, and what remains. It names neither calls nor numbers, but keyed hashes of them."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final

import msgspec

_HASH_LENGTH: Final = 32


class Found(msgspec.Struct, frozen=True):
    """What a store had of the calls.

    Attributes:
        store: its name.
        count: how many entries, keys, files or rows.
        what: what was counted.
        place: where they were; empty if the store's name says it.

    """

    store: str
    count: int
    what: str
    place: str = ""


class Refused(msgspec.Struct, frozen=True):
    """A call that is not forgotten, by its hash, and why."""

    call: str
    reason: str


class Remains(msgspec.Struct, frozen=True):
    """What is left elsewhere, and until when."""

    where: str
    what: str
    until: str


class ForgottenCall(msgspec.Struct, frozen=True):
    """A call by its hash, and the day on which it began (UTC)."""

    call: str
    day: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was found and removed, or with ``dry_run`` would be.

    Attributes:
        at: when, ISO 8601 in UTC.
        dry_run: nothing was removed.
        asked: hashes of the calls and numbers that were asked for.
        calls: the calls that were forgotten.
        found: what there was of them, by store.
        refused: calls that were not forgotten.
        remains: what is not ours to remove, or stays on purpose.
        failed: what could not be removed; run the command again.

    """

    at: str
    dry_run: bool
    asked: tuple[str, ...]
    calls: tuple[ForgottenCall, ...]
    found: tuple[Found, ...]
    refused: tuple[Refused, ...] = ()
    remains: tuple[Remains, ...] = ()
    failed: tuple[str, ...] = ()


def receipt_hash(key: bytes, text: str) -> str:
    """The hash by which a receipt names a call or number; whoever has the key and the text can make it again."""
    return hmac.new(key, f"receipt {text}".encode(), hashlib.sha256).hexdigest()[:_HASH_LENGTH]


def day_of(epoch_ms: int) -> str:
    """The day of a moment, in UTC."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d")
