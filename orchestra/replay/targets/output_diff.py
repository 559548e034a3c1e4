"""What a group publishes now, beside what it published then: the same, changed, missing or new. Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from orchestra.bus import Entry
from orchestra.bus.stream.entry import UNREADABLE

Verdict = Literal["same", "changed", "missing", "new"]

#: fields that differ in every run, or tell which version ran: not compared
IGNORED = frozenset({"at", "trace", "deadline", "version", "duration_ms", "first_token_ms"})
#: and of one type: a recording lies in the place of the run, and audio older than an hour is on no stream any more
_IGNORED_OF = {"recording.saved": frozenset({"url", "duration_s", "missing_ms"})}

_decode = msgspec.json.Decoder().decode


def cause_of(event_id: str, group: str) -> str | None:
    """The id of the event in whose handling this group published the event of that id; None where it did not."""
    before, _, number = event_id.rpartition(".")
    cause, _, name = before.rpartition(".")
    return cause if name == group and cause and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Change:
    """A field that differs: ``messages[2].content``, then and now as JSON; "" where there is none."""

    field: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class OutputDiff:
    """One event that the group published then, now, or both times; ``entry`` is the one of now if there is one."""

    verdict: Verdict
    entry: Entry
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class OutputDiffs:
    """All of them, in the order of then; what is new comes behind its call's."""

    all: list[OutputDiff] = field(default_factory=list)
    #: published then by the handling of an event that is not in the recording
    unasked: int = 0

    def of(self, *verdicts: Verdict) -> list[OutputDiff]:
        """Those of these verdicts."""
        return [output for output in self.all if output.verdict in verdicts]

    @property
    def agree(self) -> bool:
        """Whether now is as then."""
        return all(output.verdict == "same" for output in self.all)


def compare(
    then: Mapping[str, Entry],
    now: Mapping[str, Entry],
    *,
    asked: Callable[[str], bool],
    group: str,
    ignored: Collection[str],
) -> OutputDiffs:
    """Compare by id.

    Args:
        then: what the group published in the recording, by id, in order.
        now: what it publishes now.
        asked: whether the recording has the event of an id.
        group: its name.
        ignored: fields that are not compared, at any depth.

    """
    found = OutputDiffs()
    for event_id, entry in then.items():
        made = now.get(event_id)
        if made is None:
            if asked(cause_of(event_id, group) or ""):
                found.all.append(OutputDiff("missing", entry))
            else:
                found.unasked += 1
            continue
        changes = tuple(_differences(entry, made, frozenset(ignored)))
        found.all.append(OutputDiff("changed" if changes else "same", made, changes))
    found.all += [OutputDiff("new", entry) for event_id, entry in now.items() if event_id not in then]
    return found


def _differences(then: Entry, now: Entry, ignored: frozenset[str]) -> Iterator[Change]:
    if then.type != now.type:
        yield Change("type", then.type, now.type)
        return  # two events of which nothing else can be compared
    if (then.audio or b"") != (now.audio or b""):
        yield Change("audio", f"{len(then.audio or b'')} bytes", f"{len(now.audio or b'')} bytes")
    if then.body != now.body:
        try:
            bodies = _decode(then.body), _decode(now.body)
        except UNREADABLE:
            yield Change("body", then.body.decode("utf-8", "replace"), now.body.decode("utf-8", "replace"))
        else:
            yield from _walk("", *bodies, ignored | {"type"} | _IGNORED_OF.get(then.type, frozenset()))


_ABSENT: Any = object()


def _walk(place: str, then: Any, now: Any, ignored: frozenset[str]) -> Iterator[Change]:
    if isinstance(then, dict) and isinstance(now, dict):
        for name in dict.fromkeys((*then, *now)):
            if name not in ignored:
                inner = f"{place}.{name}" if place else name
                yield from _walk(inner, then.get(name, _ABSENT), now.get(name, _ABSENT), ignored)
    elif isinstance(then, list) and isinstance(now, list):
        for number in range(max(len(then), len(now))):
            old = then[number] if number < len(then) else _ABSENT
            new = now[number] if number < len(now) else _ABSENT
            yield from _walk(f"{place}[{number}]", old, new, ignored)
    elif then is _ABSENT or now is _ABSENT or then != now:
        yield Change(place, _shown(then), _shown(now))


def _shown(value: Any) -> str:
    return "" if value is _ABSENT else msgspec.json.encode(value).decode()
