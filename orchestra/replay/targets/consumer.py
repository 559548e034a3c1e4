"""A consumer, replayed: its handlers run on a server of their own and get the recorded events.

Each call is fed in lockstep. Events that were recorded after an output of the group wait until the group has published
that output again, or certainly will not; after some patience it counts as certain. So a turn that was answered before
the caller spoke again is answered before the caller speaks again. Calls do not wait for each other.

The handlers are the real ones, and so are their side effects outside Redis: tools, models, files, other servers.
"""

import asyncio
import contextlib
import shutil
import time
from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from orchestra.bus import Bus, Consumer, EmbeddedServer, Entry, keys, run_consumer
from orchestra.bus.group.dead_letters import dead_letters
from orchestra.bus.group.progress import GroupProgress, Stream, group_progress
from orchestra.bus.stream.stream_id import StreamId
from orchestra.bus.worker.process import load_consumer
from orchestra.counted import counted
from orchestra.errors import OrchestraError
from orchestra.replay.registry import Form
from orchestra.replay.rewrite import Rewrite
from orchestra.replay.selection import Selection
from orchestra.replay.targets.output_diff import IGNORED, ConsumerResult, cause_of, compare
from orchestra.replay.targets.port import Clock, ReplayResult, Report, Target, TargetOptions, TargetType
from orchestra.replay.targets.recorded_inputs import RecordedInputs
from orchestra.replay.targets.scratch_settings import scratch_settings
from orchestra.replay.targets.stream_writer import StreamWriter
from orchestra.settings import Settings

_BATCH = 400
_AHEAD = 20_000
_HELD = 50_000
_LOOK_S = 0.02
_LOOK_ALWAYS_S = 1.0
_READY_S = 0.003
_GRACE_S = 0.5
#: ends the body of what was fed in place of an output that the group did not publish
_MARK = b'"replayed":true}'


@dataclass(slots=True)
class _CallQueue:
    """The events of a call that wait for outputs of the group, and the ids of these outputs."""

    awaited: set[str] = field(default_factory=set)
    held: deque[Entry] = field(default_factory=deque)
    since: float = 0.0


class ConsumerTarget:
    """Feeds recorded entries to the consumer; made by `consumer_target`.

    ``recorded`` is what the group has published in the recording, ``candidate`` what it publishes here, by id.
    """

    def __init__(
        self,
        bus: Bus,
        consumer: Consumer,
        *,
        clock: Clock,
        patience_s: float,
        types: Collection[str],
        resumed: bool,
        ignored: Collection[str],
    ) -> None:
        self.bus = bus
        self.recorded: dict[str, Entry] = {}
        self.candidate: dict[str, Entry] = {}
        self.inputs = RecordedInputs(consumer)
        self._consumer = consumer
        self._group = consumer.name
        self._clock = clock
        self._patience_s = patience_s
        self._types = frozenset(types)
        self._resumed = resumed
        self._ignored = ignored
        self._rewrite = Rewrite(bus.partitions)
        self._shifts: dict[str, float] = {}
        self._writer = StreamWriter(bus)
        self._asked: set[int] = set()
        self._batch: list[Entry] = []
        self._writing = False  # entries that have left the batch are not on the server yet
        self._work = asyncio.Event()
        self._waiting: dict[str, _CallQueue] = {}
        self._held = 0
        #: the stream ids of the entries that the group handles, and how far `_watch` has read
        self._handled_at: dict[str, tuple[Stream, StreamId]] = {}
        self._seen_up_to: dict[Stream, StreamId] = {}
        self._progress_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    # -- what goes in

    def narrow(self, selection: Selection) -> Selection:
        """The streams that the consumer reads, with events of all types: those that it publishes are compared."""
        return replace(selection, streams=self._consumer.streams, types=())

    async def already_taken(self, entry: Entry) -> None:
        """If its server was kept, an earlier run has fed this entry to the group."""
        if self._is_left_out(entry) or not self._resumed:
            return
        self._asked.add(hash(entry.id))
        if cause_of(entry.id, self._group) is not None:
            self.recorded[entry.id] = entry
            self.inputs.add(entry)
            self.inputs.take(entry.id)

    async def take(self, entry: Entry) -> None:
        """Feed the entry, or hold it until the outputs before it have come."""
        if self._is_left_out(entry):
            return
        self._asked.add(hash(entry.id))
        queue = self._waiting.get(entry.call)
        if queue is not None and queue.held:
            self._hold(entry, queue)
        else:
            self._process(entry, queue)
        while len(self._batch) >= _AHEAD or self._held >= _HELD:
            self._check()
            await asyncio.sleep(_LOOK_S)

    def _is_left_out(self, entry: Entry) -> bool:
        return bool(self._types) and entry.type not in self._types and cause_of(entry.id, self._group) is None

    def _hold(self, entry: Entry, queue: _CallQueue) -> None:
        queue.held.append(entry)
        self._held += 1

    def _process(self, entry: Entry, queue: _CallQueue | None) -> None:
        """Take the next entry of a call."""
        if cause_of(entry.id, self._group) is not None:
            self._expect(entry)
        elif queue is not None:
            self._hold(entry, queue)
        else:
            self._enqueue(self._rewritten(entry))

    def _enqueue(self, entry: Entry) -> None:
        self._batch.append(entry)
        self._work.set()

    def _expect(self, entry: Entry) -> None:
        self.recorded[entry.id] = entry
        self.inputs.add(self._rewritten(entry))
        if entry.id not in self.candidate:
            queue = self._waiting.setdefault(entry.call, _CallQueue(since=time.monotonic()))
            queue.awaited.add(entry.id)
            self._work.set()
        elif not self.inputs.is_taken(entry.id):
            self._substitute(entry)  # the group was faster than the recording is read

    def _substitute(self, entry: Entry) -> None:
        """Feed the recorded output itself if the group also handles it: its own does not come."""
        if self.inputs.handles(entry):
            recorded = self._rewritten(entry)
            self._enqueue(msgspec.structs.replace(recorded, body=recorded.body.rstrip()[:-1] + b"," + _MARK))

    def _rewritten(self, entry: Entry) -> Entry:
        shift_s = 0.0
        if self._clock == "now":
            known = self._shifts.get(entry.call)
            if known is None:
                known = self._shifts[entry.call] = time.time() - StreamId.parse(entry.stream_id).seconds
            shift_s = known
        return self._rewrite.entry(entry, shift_s=shift_s)

    async def _feed(self) -> None:
        """Write what is due; give up on outputs that will not come."""
        fed, looked_at = 0, 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._work.wait(), _LOOK_S if self._waiting else None)
            self._work.clear()
            batch, self._batch = self._batch, []
            self._writing = True
            for start in range(0, len(batch), _BATCH):
                await self._writer.write(batch[start : start + _BATCH])
                self._progress_at = time.monotonic()
                fed += _BATCH
                if fed > _AHEAD:
                    fed = 0
                    await self._wait_for_group()
            self._writing = False
            now = time.monotonic()
            if (
                self._waiting
                and not self._batch
                and (now > self._progress_at + _LOOK_S or now > looked_at + _LOOK_ALWAYS_S)
            ):
                looked_at = now
                await self._give_up()

    async def _wait_for_group(self) -> None:
        """Wait until the group has read most of what was written: the server keeps it all in memory."""
        while True:
            lag = sum(each.lag or 0 for each in await self.bus.groups() if each.group == self._group)
            if lag <= _AHEAD:
                return
            await asyncio.sleep(_LOOK_S)

    # -- what comes back

    async def _watch(self) -> None:
        mark, group = f".{self._group}.", self._group
        async for entry in self.bus.follow(streams=keys.STREAMS, since="0"):
            stream, stream_id = (entry.partition, entry.stream), StreamId.parse(entry.stream_id)
            self._seen_up_to[stream] = stream_id
            if self.inputs.handles(entry):
                self._handled_at[entry.id] = (stream, stream_id)
            if mark in entry.id and not entry.body.endswith(_MARK) and cause_of(entry.id, group) is not None:
                self._on_output(entry)

    def _on_output(self, entry: Entry) -> None:
        """The group has published this entry."""
        self.candidate[entry.id] = entry
        self._progress_at = time.monotonic()
        queue = self._waiting.get(entry.call)
        if queue is not None:
            queue.since = self._progress_at
            queue.awaited.discard(entry.id)
            if not queue.awaited:
                self._release(entry.call, queue.held)

    def _release(self, call: str, held: deque[Entry]) -> None:
        """Feed what the call has held, up to the next output to wait for."""
        del self._waiting[call]
        while held:
            queue = self._waiting.get(call)
            if queue is not None and cause_of(held[0].id, self._group) is None:
                queue.held = held
                return
            self._held -= 1
            self._process(held.popleft(), queue)

    async def _give_up(self) -> None:
        """Stop waiting for outputs whose cause is handled, so that they will not come, and for late ones."""
        progress = await group_progress(self.bus, self._consumer, {keys.partition_of(call) for call in self._waiting})
        if any(self._seen_up_to.get(stream, (0, 0)) < each.newest for stream, each in progress.items()):
            return  # the output may be among the entries that `_watch` has not read yet
        now = time.monotonic()
        for call, queue in list(self._waiting.items()):
            late = now - max(queue.since, self._progress_at) > self._patience_s
            missing = [each for each in queue.awaited if late or self._is_finished(each, progress)]
            for each in missing:
                queue.awaited.discard(each)
                self._substitute(self.recorded[each])
            if missing and not queue.awaited:
                self._release(call, queue.held)

    def _is_finished(self, output: str, progress: dict[Stream, GroupProgress]) -> bool:
        handled_at = self._handled_at.get(cause_of(output, self._group) or "")
        if handled_at is None:
            return True  # the group does not handle its cause, or the recording does not have it
        known = progress.get(handled_at[0])
        return known is not None and known.has_finished(handled_at[1])

    # -- the end

    async def flush(self) -> None:
        """Wait until the group has handled everything, or has done nothing for ``patience_s``."""
        while self._batch or self._writing or self._waiting or self._work.is_set() or await self._open_entries():
            self._check()
            if not self._waiting and time.monotonic() - self._progress_at > self._patience_s:
                break
            await asyncio.sleep(_LOOK_S)

    async def _open_entries(self) -> int:
        progress = await group_progress(self.bus, self._consumer, range(self.bus.partitions))
        unseen = sum(self._seen_up_to.get(stream, (0, 0)) < each.newest for stream, each in progress.items())
        unread = sum(each.read < each.newest for each in progress.values())
        if unread:
            self._progress_at = time.monotonic()  # it reads as fast as it can
        return unseen + sum(each.unfinished for each in progress.values())

    async def result(self) -> ConsumerResult:
        """What the group has published so far, compared with the recording."""
        progress = await group_progress(self.bus, self._consumer, range(self.bus.partitions))
        outputs = compare(
            self.recorded,
            self.candidate,
            asked=lambda cause: hash(cause) in self._asked,
            group=self._group,
            ignored=self._ignored,
        )
        unfinished = sum(len(each.pending) for each in progress.values())
        return ConsumerResult(outputs, await dead_letters(self.bus, self._group), unfinished)

    async def report(self, replayed: ReplayResult) -> Report:
        """The comparison; exit code 1 unless the group publishes what was recorded."""
        result = await self.result()
        ignored = ", ".join(sorted(self._ignored))
        notes = [f"{counted(replayed.entries, 'event')} of {counted(replayed.calls, 'call')}; not compared: {ignored}"]
        if not self.recorded:
            notes.append(f"the recording has nothing that {self._group} published: there is nothing to compare with")
        failed = result.dead or result.unfinished or (self.recorded and not result.agrees)
        return Report(notes=tuple(notes), exit_code=1 if failed else 0, details=result)

    def _check(self) -> None:
        """Raise the error that has ended the consumer, or one of the tasks here."""
        for task in self._tasks:
            if task.done():
                task.result()
                msg = f"the consumer {self._group} has ended by itself"
                raise OrchestraError(msg)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the consumer in the block."""
        stop, ready = asyncio.Event(), asyncio.Event()
        with self.inputs.guard():
            worker = asyncio.create_task(
                run_consumer(self._consumer, self.bus, stop=stop, ready=ready, grace_s=_GRACE_S)
            )
            self._tasks = [worker]
            try:
                while not ready.is_set():
                    self._check()
                    await asyncio.sleep(_READY_S)
                self._tasks += [asyncio.create_task(self._watch()), asyncio.create_task(self._feed())]
                yield
            finally:
                for task in self._tasks[1:]:
                    task.cancel()
                await asyncio.gather(*self._tasks[1:], return_exceptions=True)
                stop.set()
                await asyncio.gather(worker, return_exceptions=True)


@asynccontextmanager
async def consumer_target(
    consumer: Consumer,
    settings: Settings,
    folder: Path,
    *,
    clock: Clock = "now",
    patience_s: float = 5.0,
    types: Collection[str] = (),
    ignored: Collection[str] = IGNORED,
) -> AsyncIterator[ConsumerTarget]:
    """Run a consumer on an embedded server of its own, with its data in ``folder``.

    Args:
        consumer: its handlers run.
        settings: of this installation; see `scratch_settings`.
        folder: if it has a server's data, the replay continues with them.
        clock: ``now`` moves the times in the events of a call so that it happens now, because handlers refuse events
            that are too old and deadlines that are over. ``then`` keeps the times, and what follows from them.
        patience_s: how long to wait for an output while its handler is running and nothing else happens.
        types: feed only events of these types (tags); all by default.
        ignored: fields that are not compared, at any depth.

    """
    resumed = await asyncio.to_thread(folder.exists)
    async with EmbeddedServer(folder) as server:
        bus = await Bus.connect(scratch_settings(settings, folder, server.url))
        try:
            target = ConsumerTarget(
                bus, consumer, clock=clock, patience_s=patience_s, types=types, resumed=resumed, ignored=ignored
            )
            async with target.running():
                yield target
        finally:
            await bus.close()


@asynccontextmanager
async def _open(options: TargetOptions) -> AsyncIterator[Target]:
    consumer = load_consumer(options.into)
    folder = options.folder / "scratch"
    if not options.resumed:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    options.note(f"the handlers of {consumer.name} run on a server of their own; their other side effects are real")
    async with consumer_target(
        consumer,
        options.settings,
        folder,
        clock=options.clock or "now",
        patience_s=options.patience_s,
        types=options.types,
        ignored=IGNORED | set(options.ignored),
    ) as target:
        yield target


TARGET = TargetType(
    form=Form(fallback=lambda text: "://" not in text, description="a consumer as module:attribute"),
    open=_open,
    durable=False,
)
