"""A consumer's handlers on a server of their own, fed with what was recorded.

Each call is fed in lockstep: what was recorded behind an output of the group is held back until the group has published
that output again, or it is certain (or, after some patience, taken for certain) that it does not. So a turn that was
answered before the caller spoke again is answered before the caller speaks again. Calls do not wait for each other.

The handlers are the real ones: what they do outside Redis (tools, models, files, other servers), they do.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from orchestra.bus import Bus, Consumer, EmbeddedServer, Entry, keys, run_consumer
from orchestra.bus.group.dead_letters import DeadLetter, dead_letters
from orchestra.bus.group.progress import GroupProgress, Stream, group_progress
from orchestra.bus.stream.stream_id import StreamId
from orchestra.errors import OrchestraError
from orchestra.replay.rewrite import Rewrite
from orchestra.replay.targets.output_diff import IGNORED, OutputDiffs, cause_of, compare
from orchestra.replay.targets.recorded_inputs import RecordedInputs
from orchestra.replay.targets.stream_writer import StreamWriter
from orchestra.settings import Settings

Clock = Literal["now", "then"]

_BATCH = 400
_AHEAD = 20_000
_HELD = 50_000
_LOOK_S = 0.02
_LOOK_ALWAYS_S = 1.0
_READY_S = 0.003
_GRACE_S = 0.5
_KEPT_S = 10 * 365 * 86_400.0
#: ends the body of what was fed in place of an output that the group did not publish
_MARK = b'"replayed":true}'


@dataclass(slots=True)
class _CallQueue:
    """A call that waits for outputs of the group."""

    awaited: set[str] = field(default_factory=set)
    held: deque[Entry] = field(default_factory=deque)
    since: float = 0.0


@dataclass(slots=True)
class ConsumerResult:
    """What came of it; ``unfinished`` events were still being handled when patience ended."""

    outputs: OutputDiffs
    dead: list[DeadLetter]
    unfinished: int

    @property
    def agrees(self) -> bool:
        """Whether the group does now what it did then, and got everything done."""
        return self.outputs.agree and not self.dead and not self.unfinished


def scratch_settings(settings: Settings, folder: Path, url: str) -> Settings:
    """The settings of a scratch run: a server and folder of its own, nothing that leaves this machine, no trimming."""
    return settings.model_copy(
        update={
            "redis_url": url,
            "data_dir": folder,
            "journal_retention_s": _KEPT_S,
            "media_retention_s": _KEPT_S,
            "lost_call_s": _KEPT_S,
            "recordings_dir": None,
            "recordings_url": None,
            "archive_dir": None,
            "archive_url": None,
            "openobserve_url": None,
            "otlp_url": None,
            "label_studio_url": None,
        }
    )


class ConsumerTarget:
    """Takes recorded entries and feeds them to the consumer; made by `consumer_target`.

    ``then`` is what the group has published in the recording, ``now`` what it publishes here, by id.
    """

    def __init__(
        self,
        bus: Bus,
        consumer: Consumer,
        *,
        clock: Clock,
        patience_s: float,
        types: Collection[str],
        goes_on: bool,
    ) -> None:
        self.bus = bus
        self.then: dict[str, Entry] = {}
        self.now: dict[str, Entry] = {}
        self.inputs = RecordedInputs(consumer)
        self._consumer = consumer
        self._group = consumer.name
        self._clock = clock
        self._patience_s = patience_s
        self._types = frozenset(types)
        self._goes_on = goes_on
        self._rewrite = Rewrite(bus.partitions)
        self._shifts: dict[str, float] = {}
        self._feed = StreamWriter(bus)
        self._asked: set[int] = set()
        self._batch: list[Entry] = []
        self._some = asyncio.Event()
        self._lanes: dict[str, _CallQueue] = {}
        self._held = 0
        #: where the entries lie that the group handles, and how far the watch has come
        self._places: dict[str, tuple[Stream, StreamId]] = {}
        self._watched: dict[Stream, StreamId] = {}
        self._progress_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    # -- what is fed

    async def passed(self, entry: Entry) -> None:
        """This entry was fed by an earlier run on the same server, if there was one."""
        if self._is_left_out(entry) or not self._goes_on:
            return
        self._asked.add(hash(entry.id))
        if cause_of(entry.id, self._group) is not None:
            self.then[entry.id] = entry
            self.inputs.add(entry)
            self.inputs.take(entry.id)

    async def take(self, entry: Entry) -> None:
        """Feed the entry, or hold it back behind the outputs that came before it."""
        if self._is_left_out(entry):
            return
        self._asked.add(hash(entry.id))
        lane = self._lanes.get(entry.call)
        if lane is not None and lane.held:
            self._hold(entry, lane)
        else:
            self._next(entry, lane)
        while len(self._batch) >= _AHEAD or self._held >= _HELD:
            self._check()
            await asyncio.sleep(_LOOK_S)

    def _is_left_out(self, entry: Entry) -> bool:
        return bool(self._types) and entry.type not in self._types and cause_of(entry.id, self._group) is None

    def _hold(self, entry: Entry, lane: _CallQueue) -> None:
        lane.held.append(entry)
        self._held += 1

    def _next(self, entry: Entry, lane: _CallQueue | None) -> None:
        """The next entry of its call, whose turn it is."""
        if cause_of(entry.id, self._group) is not None:
            self._recorded(entry)
        elif lane is not None:
            self._hold(entry, lane)
        else:
            self._put(self._rewritten(entry))

    def _put(self, entry: Entry) -> None:
        self._batch.append(entry)
        self._some.set()

    def _recorded(self, entry: Entry) -> None:
        self.then[entry.id] = entry
        self.inputs.add(self._rewritten(entry))
        if entry.id not in self.now:
            lane = self._lanes.setdefault(entry.call, _CallQueue(since=time.monotonic()))
            lane.awaited.add(entry.id)
            self._some.set()
        elif not self.inputs.is_taken(entry.id):
            self._substitute(entry)  # it came back before the recording told that it was to come

    def _substitute(self, entry: Entry) -> None:
        """Feed what was recorded where the group's own handlers need it and it does not come back by itself."""
        if self.inputs.handles(entry):
            recorded = self._rewritten(entry)
            self._put(msgspec.structs.replace(recorded, body=recorded.body.rstrip()[:-1] + b"," + _MARK))

    def _rewritten(self, entry: Entry) -> Entry:
        shift_s = 0.0
        if self._clock == "now":
            known = self._shifts.get(entry.call)
            if known is None:
                known = self._shifts[entry.call] = time.time() - StreamId.parse(entry.stream_id).seconds
            shift_s = known
        return self._rewrite.entry(entry, shift_s=shift_s)

    async def _pump(self) -> None:
        """Write what may go; let calls go on whose outputs will not come."""
        fed, looked_at = 0, 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._some.wait(), _LOOK_S if self._lanes else None)
            self._some.clear()
            batch, self._batch = self._batch, []
            for start in range(0, len(batch), _BATCH):
                await self._feed.write(batch[start : start + _BATCH])
                self._progress_at = time.monotonic()
                fed += _BATCH
                if fed > _AHEAD:
                    fed = 0
                    await self._caught_up()
            now = time.monotonic()
            if (
                self._lanes
                and not self._batch
                and (now > self._progress_at + _LOOK_S or now > looked_at + _LOOK_ALWAYS_S)
            ):
                looked_at = now
                await self._give_up()

    async def _caught_up(self) -> None:
        """Wait until the group has read most of what was written: the server holds it all in memory."""
        while True:
            lag = sum(each.lag or 0 for each in await self.bus.groups() if each.group == self._group)
            if lag <= _AHEAD:
                return
            await asyncio.sleep(_LOOK_S)

    # -- what comes back

    async def _watch(self) -> None:
        mark, group = f".{self._group}.", self._group
        async for entry in self.bus.follow(streams=keys.STREAMS, since="0"):
            stream, place = (entry.partition, entry.stream), StreamId.parse(entry.stream_id)
            self._watched[stream] = place
            if self.inputs.handles(entry):
                self._places[entry.id] = (stream, place)
            if mark in entry.id and not entry.body.endswith(_MARK) and cause_of(entry.id, group) is not None:
                self._made(entry)

    def _made(self, entry: Entry) -> None:
        """The group has published this."""
        self.now[entry.id] = entry
        self._progress_at = time.monotonic()
        lane = self._lanes.get(entry.call)
        if lane is not None:
            lane.since = self._progress_at
            lane.awaited.discard(entry.id)
            if not lane.awaited:
                self._release(entry.call, lane.held)

    def _release(self, call: str, held: deque[Entry]) -> None:
        """Go on with a call, up to the next output that is awaited."""
        del self._lanes[call]
        while held:
            lane = self._lanes.get(call)
            if lane is not None and cause_of(held[0].id, self._group) is None:
                lane.held = held
                return
            self._held -= 1
            self._next(held.popleft(), lane)

    async def _give_up(self) -> None:
        """An output will not come when the event that it answered is finished and it is not there, or it takes long."""
        stand = await group_progress(self.bus, self._consumer, {keys.partition_of(call) for call in self._lanes})
        if any(self._watched.get(stream, (0, 0)) < each.newest for stream, each in stand.items()):
            return  # it may be among what is on its way to us
        now = time.monotonic()
        for call, lane in list(self._lanes.items()):
            late = now - max(lane.since, self._progress_at) > self._patience_s
            missing = [each for each in lane.awaited if late or self._is_finished(each, stand)]
            for each in missing:
                lane.awaited.discard(each)
                self._substitute(self.then[each])
            if missing and not lane.awaited:
                self._release(call, lane.held)

    def _is_finished(self, output: str, stand: dict[Stream, GroupProgress]) -> bool:
        place = self._places.get(cause_of(output, self._group) or "")
        if place is None:
            return True  # the group does not handle such an event, or it is not in the recording
        known = stand.get(place[0])
        return known is not None and known.has_finished(place[1])

    # -- the end

    async def settle(self) -> None:
        """Wait until the group has handled everything, or nothing has come of it for as long as patience lasts."""
        while self._batch or self._lanes or self._some.is_set() or await self._open():
            self._check()
            if not self._lanes and time.monotonic() - self._progress_at > self._patience_s:
                break
            await asyncio.sleep(_LOOK_S)

    async def _open(self) -> int:
        stand = await group_progress(self.bus, self._consumer, range(self.bus.partitions))
        behind = sum(self._watched.get(stream, (0, 0)) < each.newest for stream, each in stand.items())
        unread = sum(each.read < each.newest for each in stand.values())
        if unread:
            self._progress_at = time.monotonic()  # it reads as fast as it can
        return behind + sum(each.unfinished for each in stand.values())

    async def outcome(self, ignored: Collection[str] = IGNORED) -> ConsumerResult:
        """What has come of it so far, beside what was recorded; ``ignored`` fields are not compared."""
        stand = await group_progress(self.bus, self._consumer, range(self.bus.partitions))
        outputs = compare(
            self.then, self.now, asked=lambda cause: hash(cause) in self._asked, group=self._group, ignored=ignored
        )
        unfinished = sum(len(each.pending) for each in stand.values())
        return ConsumerResult(outputs, await dead_letters(self.bus, self._group), unfinished)

    def _check(self) -> None:
        """Raise what has ended the consumer, or one of us."""
        for task in self._tasks:
            if task.done():
                task.result()
                msg = f"the consumer {self._group} has ended by itself"
                raise OrchestraError(msg)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the consumer meanwhile."""
        stop, ready = asyncio.Event(), asyncio.Event()
        with self.inputs.guard():
            engine = asyncio.create_task(
                run_consumer(self._consumer, self.bus, stop=stop, ready=ready, grace_s=_GRACE_S)
            )
            self._tasks = [engine]
            try:
                while not ready.is_set():
                    self._check()
                    await asyncio.sleep(_READY_S)
                self._tasks += [asyncio.create_task(self._watch()), asyncio.create_task(self._pump())]
                yield
            finally:
                for task in self._tasks[1:]:
                    task.cancel()
                await asyncio.gather(*self._tasks[1:], return_exceptions=True)
                stop.set()
                await asyncio.gather(engine, return_exceptions=True)


@asynccontextmanager
async def consumer_target(
    consumer: Consumer,
    settings: Settings,
    folder: Path,
    *,
    clock: Clock = "now",
    patience_s: float = 5.0,
    types: Collection[str] = (),
) -> AsyncIterator[ConsumerTarget]:
    """A consumer that runs on an embedded server of its own, with its data in ``folder``.

    Args:
        consumer: whose handlers run.
        settings: those of this installation; see `scratch_settings`.
        folder: is gone on with where it has a server's data.
        clock: ``now`` moves the moments in the events of a call so that it happens now: deadlines are not over, and
            what is too old to be answered is not. ``then`` leaves them: what is derived from them comes out as it was.
        patience_s: for so long after its last sign of life an output is waited for while its handler still runs.
        types: only events of these types are fed (tags); all unless given.

    """
    goes_on = await asyncio.to_thread(folder.exists)
    async with EmbeddedServer(folder) as server:
        bus = await Bus.connect(scratch_settings(settings, folder, server.url))
        try:
            scratch = ConsumerTarget(bus, consumer, clock=clock, patience_s=patience_s, types=types, goes_on=goes_on)
            async with scratch.running():
                yield scratch
        finally:
            await bus.close()
