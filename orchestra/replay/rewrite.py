"""Recorded entries under other call ids, or with other times. Pure.

Bodies are changed as JSON, so that everything else stays, fields and types of later versions included.
"""

import hashlib
from typing import Any

import msgspec

from orchestra.bus import Entry, keys
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.errors import UsageError

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
#: the fields that are points in time, epoch seconds
MOMENTS = ("at", "deadline", "speech_ended_at")


def renamed_call(call: str, word: str, partitions: int) -> str:
    """Another id for a call, the same for the same word; it keeps its time and, if possible, its partition."""
    digest = hashlib.sha256(f"{word}\0{call}".encode()).digest()
    partition = int(call[:2]) % partitions if call[:2].isdecimal() else digest[10] % partitions
    return keys.new_call(partition, keys.started_ms(call), digest[:10])


class Rewrite:
    """Rewrites entries.

    Args:
        partitions: how many the target has.
        rename: the word that determines the new call ids; "" keeps the ids.

    """

    def __init__(self, partitions: int, *, rename: str = "") -> None:
        self._partitions = partitions
        self._rename = rename
        self._names: dict[str, str] = {}

    def entry(self, entry: Entry, *, shift_s: float = 0.0) -> Entry:
        """The rewritten entry; its times are ``shift_s`` seconds later.

        Raises:
            UsageError: its call keeps its id, and the target does not have the partition.

        """
        if not self._rename:
            if entry.partition >= self._partitions:
                msg = (
                    f"call {entry.call} is on partition {entry.partition}, and the target has {self._partitions}:"
                    " set ORCHESTRA_PARTITIONS to the number it was recorded with, or give it another id with --rename"
                )
                raise UsageError(msg)
            return entry if not shift_s else msgspec.structs.replace(entry, body=_shifted(entry.body, shift_s))
        new = self._names.get(entry.call)
        if new is None:
            new = self._names[entry.call] = renamed_call(entry.call, self._rename, self._partitions)
        body = self._body(entry, new, shift_s)
        changed = {"call": new, "id": _in(entry.id, entry.call, new), "partition": keys.partition_of(new)}
        return msgspec.structs.replace(entry, body=body, **changed)

    def _body(self, entry: Entry, new: str, shift_s: float) -> bytes:
        try:
            event = _decode(entry.body)
        except UNREADABLE:
            return entry.body  # a damaged event stays as it is
        if not isinstance(event, dict):
            return entry.body
        event = _in(event, entry.call, new)
        trace = str(event.get("trace", ""))
        if trace.startswith(f"00-{keys.trace_id(entry.call)}-"):
            event["trace"] = trace.replace(keys.trace_id(entry.call), keys.trace_id(new), 1)
        return _encode(_shift_times(event, shift_s))


def _in(value: Any, old: str, new: str) -> Any:
    """The value with other ids for the call and its events; ids within longer texts stay."""
    if isinstance(value, str):
        return new + value[len(old) :] if value == old or value.startswith(f"{old}:") else value
    if isinstance(value, dict):
        return {name: _in(each, old, new) for name, each in value.items()}
    if isinstance(value, list):
        return [_in(each, old, new) for each in value]
    return value


def _shifted(body: bytes, shift_s: float) -> bytes:
    try:
        event = _decode(body)
    except UNREADABLE:
        return body
    return _encode(_shift_times(event, shift_s)) if isinstance(event, dict) else body


def _shift_times(event: dict[str, Any], shift_s: float) -> dict[str, Any]:
    if shift_s:
        for name in MOMENTS:
            moment = event.get(name)
            if isinstance(moment, int | float) and moment > 0:
                event[name] = moment + shift_s
    return event
