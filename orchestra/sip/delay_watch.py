"""Watches how late a call's two sides hear each other, and mends it in a moment in which nobody notices."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import structlog

from orchestra.sip.call_audio import CallAudio
from orchestra.sip.call_flow import CallFlow
from orchestra.sip.stack_queues import Queued, StackQueues

_LOG = structlog.get_logger("orchestra.sip")

_LOOK_S = 2.0
#: one look finds a queue just before or just after a frame: only the shortest of several tells its length
_LOOKS = 4
#: more than a queue was at first, and so much shorter than a frame that one frame more is surely more
_GROWN_MS = 15.0
#: a fresh call has one or two frames to send; with so much more, what the caller says in the meantime may be lost
_MUCH_MS = 50.0
#: so long that the agent's words may be lost, too
_TOO_MUCH_MS = 240.0


@dataclass
class _Looks:
    """The last looks at one queue, in ms, and how long it was when it was new."""

    last: deque[float] = field(default_factory=lambda: deque(maxlen=_LOOKS))
    at_first: float | None = None

    def add(self, queued_ms: float) -> None:
        """A look has found this."""
        self.last.append(queued_ms)
        if self.at_first is None and self.are_enough:
            self.at_first = self.least

    @property
    def are_enough(self) -> bool:
        """Whether the shortest of them tells how long the queue is."""
        return len(self.last) == _LOOKS

    @property
    def least(self) -> float:
        """The shortest."""
        return min(self.last)

    @property
    def grown(self) -> float:
        """How much longer the queue is than at first."""
        return 0.0 if self.at_first is None else self.least - self.at_first


@dataclass
class QueueWatch:
    """The looks at the queues of one call. The one of what is received comes later, with the first packet."""

    to_telephone: _Looks = field(default_factory=_Looks)
    from_telephone: _Looks = field(default_factory=_Looks)

    def is_due(self, audio: CallAudio, queued: Queued) -> bool:
        """Whether queues of which a look has found this are to be renewed now."""
        self.to_telephone.add(queued.to_telephone)
        if queued.from_telephone is not None:
            self.from_telephone.add(queued.from_telephone)
        if not self.to_telephone.are_enough:
            return False
        if self.to_telephone.least > _TOO_MUCH_MS:
            return True
        if not audio.idle:
            return False
        grown = max(self.to_telephone.grown, self.from_telephone.grown)
        return self.to_telephone.least > _MUCH_MS or (grown > _GROWN_MS and audio.caller_is_silent())


class DelayWatch:
    """The delay of one gateway's calls.

    Attributes:
        worst_ms: the longest queue at the last look.
        mended: how often one was renewed.

    """

    def __init__(self) -> None:
        self.worst_ms = 0.0
        self.mended = 0
        self._queues = StackQueues()
        self._watched: dict[str, QueueWatch] = {}  # by Call-ID

    async def run(self, calls: dict[CallFlow, asyncio.Task[None]]) -> None:
        """Look at all calls, now and then, until cancelled."""
        if not self._queues.known:
            _LOG.warning("sip.delay_unknown", reason="this version of the stack does not tell")
            return
        while True:
            await asyncio.sleep(_LOOK_S)
            self.worst_ms = max([0.0, *[await self._look(flow) for flow in list(calls)]])
            running = {flow.leg.call_id for flow in calls}
            self._watched = {call_id: seen for call_id, seen in self._watched.items() if call_id in running}

    async def _look(self, flow: CallFlow) -> float:
        call_id = flow.leg.call_id
        if flow.audio is None or flow.audio.held or not call_id or (queued := self._queues.queued(call_id)) is None:
            return 0.0
        if self._watched.setdefault(call_id, QueueWatch()).is_due(flow.audio, queued):
            # not in the event loop, which would be late for all calls
            renewed = await asyncio.to_thread(self._queues.renew, call_id)
            self.mended += renewed
            del self._watched[call_id]
            _LOG.info("sip.delay_mended", call=flow.call, queued_ms=queued, renewed=renewed)
        return queued.to_telephone
