"""Watches how late a call's telephone hears the agent, and mends it in a moment in which nobody notices."""

import asyncio

import structlog

from orchestra.sip.call_flow import CallFlow
from orchestra.sip.send_queue import SendQueues

_LOG = structlog.get_logger("orchestra.sip")

_LOOK_S = 2.0
#: a fresh call has one or two frames queued; a frame more for a moment is nothing
_MUCH_MS = 50.0
_LOOKS = 3
#: so long that a word may be lost for it
_TOO_MUCH_MS = 240.0


class DelayWatch:
    """The delay of one gateway's calls.

    Attributes:
        worst_ms: the longest queue at the last look.
        mended: how often one was renewed.

    """

    def __init__(self) -> None:
        self.worst_ms = 0.0
        self.mended = 0
        self._queues = SendQueues()
        self._long: dict[str, int] = {}  # for how many looks in a row, by Call-ID

    async def run(self, calls: dict[CallFlow, asyncio.Task[None]]) -> None:
        """Look at all calls, now and then, until cancelled."""
        if not self._queues.known:
            _LOG.warning("sip.delay_unknown", reason="this version of the stack does not tell")
            return
        while True:
            await asyncio.sleep(_LOOK_S)
            self.worst_ms = max([0.0, *[await self._look(flow) for flow in list(calls)]])
            running = {flow.leg.call_id for flow in calls}
            self._long = {call_id: looks for call_id, looks in self._long.items() if call_id in running}

    async def _look(self, flow: CallFlow) -> float:
        call_id = flow.leg.call_id
        if flow.audio is None or flow.audio.held or not call_id:
            return 0.0
        queued = self._queues.queued_ms(call_id) or 0.0
        looks = self._long[call_id] = self._long.get(call_id, 0) + 1 if queued > _MUCH_MS else 0
        if looks >= _LOOKS and (flow.audio.idle or queued > _TOO_MUCH_MS):
            # not in the event loop, which would be late for all calls
            renewed = await asyncio.to_thread(self._queues.renew, call_id)
            self.mended += renewed
            self._long[call_id] = 0
            _LOG.warning("sip.delay_mended", call=flow.call, queued_ms=queued, renewed=renewed)
        return queued
