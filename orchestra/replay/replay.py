"""A replay: recorded entries in order and at their pace into a target; it can be stopped and resumed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from orchestra.bus import Entry
from orchestra.bus.stream.stream_id import StreamId
from orchestra.history.gaps import GapDetector
from orchestra.replay.checkpoint import format_position
from orchestra.replay.pace import Pace
from orchestra.replay.position import Position, position_of
from orchestra.replay.selection import Selection, entries
from orchestra.replay.sources.port import OnWarning
from orchestra.replay.targets.port import ReplayResult, Target
from orchestra.settings import Settings
from orchestra_schemas import CallEnded, tag_of

_ENDED = tag_of(CallEnded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What is replayed, and how.

    Attributes:
        settings: where recordings are.
        selection: what is wanted of them.
        source: see `orchestra.replay.selection.entries`.
        after: everything up to this position was replayed before.
        pace: holds every entry back until it is due.
        stop: ends the replay after the current entry.
        on_warning: gets a sentence for everything that is missing or damaged, when the replay comes to it.
        progress: is called with every entry before the target takes it.
        keep: gets a position from time to time, when everything up to it is flushed; for a process that is killed.
        keep_each_s: how often, in seconds.

    """

    settings: Settings
    selection: Selection
    source: str = "auto"
    after: Position | None = None
    pace: Pace
    stop: asyncio.Event
    on_warning: OnWarning
    progress: Callable[[Entry], None] = lambda _: None
    keep: Callable[[str], None] | None = None
    keep_each_s: float = 2.0

    async def into(self, target: Target) -> ReplayResult:
        """Replay everything, or until it is stopped; what was taken is flushed in either case."""
        result, running, seen, last = ReplayResult(), set[str](), set[str](), None
        kept_at = time.monotonic()
        gaps = GapDetector(cut=self.selection.since is not None)
        async with aclosing(entries(self.settings, self.selection, self.source, on_warning=self.on_warning)) as found:
            async for entry in found:
                missing = () if self.selection.types else gaps.missing_before(entry)
                if self.after is not None and position_of(entry) <= self.after:
                    await target.already_taken(entry)
                    continue
                for each in missing:
                    result.gaps += 1
                    self.on_warning(each)
                await self.pace.wait(StreamId.parse(entry.stream_id).seconds, idle=not running)
                if self.stop.is_set():
                    result.stopped = True
                    break
                (running.discard if entry.type == _ENDED else running.add)(entry.call)
                seen.add(entry.call)
                self.progress(entry)
                await target.take(entry)
                result.entries += 1
                last = entry
                if self.keep is not None and time.monotonic() - kept_at > self.keep_each_s:
                    await target.flush()
                    self.keep(format_position(entry))
                    kept_at = time.monotonic()
        await target.flush()
        result.token = "" if last is None else format_position(last)
        result.calls = len(seen)
        if not self.selection.types and not result.stopped:
            for call in gaps.open_calls():
                self.on_warning(f"{call}: still running, or its end is missing")
        return result


async def count(settings: Settings, selection: Selection, source: str) -> int:
    """How many entries a replay would have."""
    return sum([1 async for _ in _quietly(settings, selection, source)])


def _quietly(settings: Settings, selection: Selection, source: str) -> AsyncIterator[Entry]:
    return entries(settings, selection, source, on_warning=lambda _: None)
