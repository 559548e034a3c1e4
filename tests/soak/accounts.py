"""What was said, done and stored, account by account: what is there twice, and what is missing."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from orchestra.archive.archive import Archive
from orchestra.bus import Entry
from orchestra_schemas import (
    CallAnalysed,
    CallEnded,
    CallResumed,
    CallStarted,
    Event,
    RecordingSaved,
    ToolCompleted,
    ToolRequested,
    TranscriptCurated,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
    tag_of,
)
from tests.soak.servers import Servers
from tests.soak.system import WEBHOOKS

_RESUMED = tag_of(CallResumed)
#: log lines after which something may be missing
_LOSING = ("journal.gap", "publisher.lost", "journal.replaced", "journal.damaged", "event.dead", "event.missing")


@dataclass
class Findings:
    """What does not agree, a line each, by what it means: ``doubled``, ``lost``, ``disorder`` or ``wrong``."""

    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    disorder: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __iadd__(self, other: "Findings") -> Self:
        self.doubled += other.doubled
        self.lost += other.lost
        self.disorder += other.disorder
        self.wrong += other.wrong
        return self

    def compare(self, account: str, is_there: Iterable[str], wanted: Iterable[str]) -> None:
        """What should be there once, and is there more or less often."""
        found, expected = Counter(is_there), Counter(wanted)
        self.doubled += [f"{account}: {name} is there {found[name]} times" for name in found if found[name] > 1]
        self.lost += [f"{account}: {name} is missing" for name in expected - found]
        self.wrong += [f"{account}: {name} is not known" for name in found if name not in expected]


def journal(entries: list[Entry], calls: Mapping[str, list[Event]]) -> Findings:
    """Every event once; every call begins, and ends once; every turn ends once."""
    found = Findings()
    ids = Counter(entry.id for entry in entries)
    found.doubled += [f"journal: event {name} is there {times} times" for name, times in ids.items() if times > 1]
    for call, events in calls.items():
        if not isinstance(events[0], CallStarted):
            found.disorder.append(f"journal: call {call} begins with {type(events[0]).__name__}")
        ends = sum(isinstance(event, CallEnded) for event in events)
        if ends != 1:
            (found.doubled if ends else found.lost).append(f"journal: call {call} ends {ends} times")
        over = Counter(event.turn for event in events if isinstance(event, TurnCompleted | TurnCancelled))
        asked = {event.turn for event in events if isinstance(event, UserTurnEnded)}
        found.lost += [f"journal: turn {turn} of {call} has no end" for turn in asked - over.keys()]
        completed = Counter(event.turn for event in events if isinstance(event, TurnCompleted))
        found.doubled += [
            f"journal: turn {turn} of {call} is completed {times} times"
            for turn, times in completed.items()
            if times > 1
        ]
        found += _tools(call, events)
    return found


def numbers(ids: Iterable[str], entries: Sequence[Entry]) -> Findings:
    """Who publishes from outside of a handler numbers its events of a call: both streams together miss none of them.

    What an edge had not sent when it was killed is not seen here: it is what its successor could not know. Nor is what
    an edge said after its successor had the call, which is dropped: ``entries`` of the journal tell when that was.
    """
    found = Findings()
    of_producer: defaultdict[str, list[int]] = defaultdict(list)
    for name in ids:
        producer, _, number = name.rpartition(".")
        if number.isdecimal() and producer.partition(":")[2].startswith(("edge-", "soak-")):
            of_producer[producer].append(int(number))
    for producer, those in of_producer.items():
        missing = sorted(set(range(1, max(those) + 1)) - set(those))
        found.lost += [
            f"streams: {producer}.{number} is missing" for number in missing if not _dropped(producer, number, entries)
        ]
        if len(those) > len(set(those)):
            found.doubled.append(f"streams: {producer} has {len(those) - len(set(those))} events twice")
    return found


def _dropped(producer: str, number: int, entries: Sequence[Entry]) -> bool:
    """Whether another edge had the call when this producer's next event was stored."""
    call, begun = producer.partition(":")[0], False
    for entry in entries:
        if entry.call != call:
            continue
        by, _, at = entry.id.rpartition(".")
        if by == producer and at.isdecimal():
            begun = True
            if int(at) > number:
                return False
        elif begun and entry.type == _RESUMED:
            return True
    return False


def _tools(call: str, events: list[Event]) -> Findings:
    found = Findings()
    asked = [event.id for event in events if isinstance(event, ToolRequested)]
    results = Counter(event.request for event in events if isinstance(event, ToolCompleted))
    found.doubled += [
        f"journal: {call} has {times} results of tool {name}" for name, times in results.items() if times > 1
    ]
    found.wrong += [f"journal: {call} has a result of no tool {name}" for name in results if name not in asked]
    return found


def deeds(file: Path, calls: Mapping[str, list[Event]]) -> Findings:
    """What tools did outside: once for every result, once or never where the agents know that it is not certain."""
    found = Findings()
    done = Counter(line.split()[1] for line in file.read_text(encoding="utf-8").splitlines())
    found.doubled += [f"deeds: {name} was done {times} times" for name, times in done.items() if times > 1]
    known = set()
    for events in calls.values():
        known |= {event.id for event in events if isinstance(event, ToolRequested)}
        for event in events:
            if isinstance(event, ToolCompleted) and not event.failed and event.request not in done:
                found.lost.append(f"deeds: {event.request} has a result, and was not done")
    found.wrong += [f"deeds: {name} was asked by nobody" for name in done if name not in known]
    return found


def archive(kept: Archive, entries: list[Entry]) -> Findings:
    """The archive has what the journal said, in its order."""
    found = Findings()
    stored: defaultdict[int, list[Entry]] = defaultdict(list)
    said: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in kept.entries():
        stored[entry.partition].append(entry)
    for entry in entries:
        said[entry.partition].append(entry)
    found.compare(
        "archive", *(map(_named, (each for part in side.values() for each in part)) for side in (stored, said))
    )
    for partition, rows in stored.items():
        if not found.lost and not found.doubled and rows != said[partition]:
            found.disorder.append(f"archive: partition {partition} is not as it was on the journal")
    return found


def _named(entry: Entry) -> str:
    return f"{entry.id} ({entry.type}, {entry.stream_id})"


def afterwards(calls: Mapping[str, list[Event]], heard: set[str], servers: Servers) -> Findings:
    """Every call has one task in Label Studio and one analysis; what was heard has one recording (``heard``: calls)."""
    found = Findings()
    ended = {call for call, events in calls.items() if any(isinstance(event, CallEnded) for event in events)}
    found.compare("label studio", servers.label_studio.calls(), ended)
    wanted: list[tuple[type[Event], set[str]]] = [
        (TranscriptCurated, ended), (CallAnalysed, ended), (RecordingSaved, heard),
    ]  # fmt: skip
    for kind, those in wanted:
        there = [event.call for events in calls.values() for event in events if isinstance(event, kind)]
        found.compare(kind.__name__, there, those)
    return found


def webhooks(servers: Servers, entries: list[Entry]) -> tuple[Findings, int]:
    """Each message once by its id, those of a call in order; and how many came again, as they may."""
    found = Findings()
    got: defaultdict[str, list[str]] = defaultdict(list)
    said: defaultdict[str, list[str]] = defaultdict(list)
    for message in servers.receiver.once():
        got[message["data"]["call"]].append(message["data"]["id"])
    for entry in entries:
        if entry.type in WEBHOOKS:
            said[entry.call].append(entry.id)
    found.compare("webhooks", *([name for ids in side.values() for name in ids] for side in (got, said)))
    for call, ids in got.items():
        if sorted(ids) == sorted(said[call]) and ids != said[call]:
            found.disorder.append(f"webhooks: those of {call} came in another order")
    found.wrong += [f"webhooks: {reason}" for reason in servers.receiver.refused]
    return found, len(servers.receiver.delivered) - sum(map(len, got.values()))


def openobserve(servers: Servers, ids: Iterable[str]) -> tuple[Findings, int]:
    """Every event has a row; and how many have several, as they may: a row's id tells."""
    found = Findings()
    rows = servers.openobserve.rows
    stored = Counter(row["event_id"] for stream in rows if stream != "orchestra_logs" for row in rows[stream])
    said = set(ids)
    found.lost += [f"openobserve: {name} is missing" for name in said - stored.keys()]
    found.wrong += [f"openobserve: {name} is not known" for name in stored.keys() - said]
    return found, stored.total() - len(stored)


def losses(log: Path) -> Findings:
    """What the processes logged of losses."""
    found = Findings()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if any(f'"{name}"' in line for name in _LOSING):
            found.lost.append(f"log: {line[:300]}")
    return found


def warnings(log: Path) -> Counter[str]:
    """How often the processes logged what as a warning or an error, or said something that is no log line."""
    said = Counter[str]()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            if line[:1].isalpha():
                said[f"not JSON: {line[:80]}"] += 1
            continue
        if entry.get("level") in {"warning", "error", "critical"}:
            said[f"{entry['level']} {entry.get('event', '')}"] += 1
    return said
