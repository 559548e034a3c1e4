"""Recorded entries made ready for another place: under other call ids, or as if they happened now. Pure.

Everything else of an entry stays as it was, fields and types of a later version, too: bodies are changed as JSON.
"""

import hashlib
from typing import Any

import msgspec

from orchestra.bus import Entry, keys
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.errors import UsageError

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
#: the fields that are moments on the clock, epoch seconds
MOMENTS = ("at", "deadline", "speech_ended_at")


def renamed_call(call: str, word: str, partitions: int) -> str:
    """Another id for a call, always the same one for this word: of the same moment and, if there is one, partition."""
    digest = hashlib.sha256(f"{word}\0{call}".encode()).digest()
    partition = int(call[:2]) % partitions if call[:2].isdecimal() else digest[10] % partitions
    return keys.new_call(partition, keys.started_ms(call), digest[:10])


class Rewrite:
    """What is done to every entry on its way.

    Args:
        partitions: how many the place has to which the entries go.
        rename: the word from which the new ids of the calls follow; "" keeps the ids.

    """

    def __init__(self, partitions: int, *, rename: str = "") -> None:
        self._partitions = partitions
        self._rename = rename
        self._names: dict[str, str] = {}

    def entry(self, entry: Entry, *, shift_s: float = 0.0) -> Entry:
        """The entry as it goes on, its moments ``shift_s`` seconds later.

        Raises:
            UsageError: its call keeps its id, and lies on a partition that is not there.

        """
        if not self._rename:
            if entry.partition >= self._partitions:
                msg = (
                    f"call {entry.call} lies on partition {entry.partition}, and here are {self._partitions}:"
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
            return entry.body  # it is no event, and goes on as the damaged thing it is
        if not isinstance(event, dict):
            return entry.body
        event = _in(event, entry.call, new)
        trace = str(event.get("trace", ""))
        if trace.startswith(f"00-{keys.trace_id(entry.call)}-"):
            event["trace"] = trace.replace(keys.trace_id(entry.call), keys.trace_id(new), 1)
        return _encode(_later(event, shift_s))


def _in(value: Any, old: str, new: str) -> Any:
    """The value with every id of the call, or of an event of it, changed; longer texts are left alone."""
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
    return _encode(_later(event, shift_s)) if isinstance(event, dict) else body


def _later(event: dict[str, Any], shift_s: float) -> dict[str, Any]:
    if shift_s:
        for name in MOMENTS:
            moment = event.get(name)
            if isinstance(moment, int | float) and moment > 0:
                event[name] = moment + shift_s
    return event
