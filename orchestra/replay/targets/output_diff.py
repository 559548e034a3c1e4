"""What a group publishes in a replay, compared with the recording: the same, changed, missing or new. Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from orchestra.bus import Entry
from orchestra.bus.group.dead_letters import DeadLetter
from orchestra.bus.stream.entry import UNREADABLE

Verdict = Literal["same", "changed", "missing", "new"]

#: fields that differ in every run, or name the version: they are not compared
IGNORED = frozenset({"at", "trace", "deadline", "version", "duration_ms", "first_token_ms"})
#: and of one type: a recording is where its run put it, and audio is on its stream for an hour only
_IGNORED_OF = {"recording.saved": frozenset({"url", "duration_s", "missing_ms"})}

_decode = msgspec.json.Decoder().decode


def cause_of(event_id: str, group: str) -> str | None:
    """The id of the event whose handler published this event; None if no handler of the group did."""
    before, _, number = event_id.rpartition(".")
    cause, _, name = before.rpartition(".")
    return cause if name == group and cause and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Change:
    """A field that differs (``messages[2].content``), with both values as JSON; "" for a missing value."""

    field: str
    recorded: str
    candidate: str


@dataclass(frozen=True, slots=True)
class OutputDiff:
    """One event of the recording, of the candidate, or of both; ``entry`` is the candidate's if it has one."""

    verdict: Verdict
    entry: Entry
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class OutputDiffs:
    """All differences in the order of the recording, then what is new."""

    all: list[OutputDiff] = field(default_factory=list)
    #: recorded outputs that answer an event which the recording does not have
    unasked: int = 0

    def of(self, *verdicts: Verdict) -> list[OutputDiff]:
        """The outputs with these verdicts."""
        return [output for output in self.all if output.verdict in verdicts]

    @property
    def agree(self) -> bool:
        """Whether the candidate publishes what was recorded."""
        return all(output.verdict == "same" for output in self.all)


@dataclass(slots=True)
class ConsumerResult:
    """What a replay through a consumer has shown; ``unfinished`` events were still being handled at its end."""

    outputs: OutputDiffs
    dead: list[DeadLetter]
    unfinished: int

    @property
    def agrees(self) -> bool:
        """Whether the group publishes what was recorded, and has handled everything."""
        return self.outputs.agree and not self.dead and not self.unfinished


def compare(
    recorded: Mapping[str, Entry],
    candidate: Mapping[str, Entry],
    *,
    asked: Callable[[str], bool],
    group: str,
    ignored: Collection[str],
) -> OutputDiffs:
    """Compare by id.

    Args:
        recorded: what the group published in the recording, by id, in order.
        candidate: what it publishes in the replay.
        asked: whether the recording has the event of an id.
        group: the name of the group.
        ignored: fields that are not compared, at any depth.

    """
    found = OutputDiffs()
    for event_id, entry in recorded.items():
        made = candidate.get(event_id)
        if made is None:
            if asked(cause_of(event_id, group) or ""):
                found.all.append(OutputDiff("missing", entry))
            else:
                found.unasked += 1
            continue
        changes = tuple(_differences(entry, made, frozenset(ignored)))
        found.all.append(OutputDiff("changed" if changes else "same", made, changes))
    found.all += [OutputDiff("new", entry) for event_id, entry in candidate.items() if event_id not in recorded]
    return found


def _differences(recorded: Entry, candidate: Entry, ignored: frozenset[str]) -> Iterator[Change]:
    if recorded.type != candidate.type:
        yield Change("type", recorded.type, candidate.type)
        return  # nothing else of two types can be compared
    if (recorded.audio or b"") != (candidate.audio or b""):
        yield Change("audio", f"{len(recorded.audio or b'')} bytes", f"{len(candidate.audio or b'')} bytes")
    if recorded.body != candidate.body:
        try:
            bodies = _decode(recorded.body), _decode(candidate.body)
        except UNREADABLE:
            yield Change("body", recorded.body.decode("utf-8", "replace"), candidate.body.decode("utf-8", "replace"))
        else:
            yield from _walk("", *bodies, ignored | {"type"} | _IGNORED_OF.get(recorded.type, frozenset()))


_ABSENT: Any = object()


def _walk(path: str, recorded: Any, candidate: Any, ignored: frozenset[str]) -> Iterator[Change]:
    if isinstance(recorded, dict) and isinstance(candidate, dict):
        for name in dict.fromkeys((*recorded, *candidate)):
            if name not in ignored:
                inner = f"{path}.{name}" if path else name
                yield from _walk(inner, recorded.get(name, _ABSENT), candidate.get(name, _ABSENT), ignored)
    elif isinstance(recorded, list) and isinstance(candidate, list):
        for number in range(max(len(recorded), len(candidate))):
            old = recorded[number] if number < len(recorded) else _ABSENT
            new = candidate[number] if number < len(candidate) else _ABSENT
            yield from _walk(f"{path}[{number}]", old, new, ignored)
    elif recorded is _ABSENT or candidate is _ABSENT or recorded != candidate:
        yield Change(path, _shown(recorded), _shown(candidate))


def _shown(value: Any) -> str:
    return "" if value is _ABSENT else msgspec.json.encode(value).decode()
