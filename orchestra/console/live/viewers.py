"""Those who look at the live page. Each message is made once, for all of them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from orchestra.console.event_stream import message
from orchestra.console.live.projection import LiveCall, Projection, Row

#: messages, and bytes of them, that may wait for a viewer. One who is slower than that has to begin again: the stream
#: ends, and the page opens another, which starts with everything as it is then
MOST_WAITING, MOST_WAITING_BYTES = 400, 8_000_000


class Viewer:
    """One page that is open; ``call`` is the call whose words it shows, empty if it shows none."""

    def __init__(self, call: str) -> None:
        self.call = call
        self.too_slow = False
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._arrival = asyncio.Event()

    def put(self, ready: bytes) -> None:
        """Send a message, unless this viewer is too slow."""
        if self.too_slow:
            return
        if len(self._waiting) >= MOST_WAITING or self._bytes >= MOST_WAITING_BYTES:
            self.too_slow = True
            self._waiting.clear()
        else:
            self._waiting.append(ready)
            self._bytes += len(ready)
        self._arrival.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """What is sent, joined where several wait; it ends if the viewer is too slow."""
        while not self.too_slow:
            await self._arrival.wait()
            self._arrival.clear()
            if self._waiting:
                ready = b"".join(self._waiting)
                self._waiting.clear()
                self._bytes = 0
                yield ready


class Viewers:
    """All viewers, and what they were sent last.

    The messages, each a server-sent event with JSON: ``calls`` (every call as it is), ``changes`` (the fields that have
    changed, by call, and the calls that are gone), ``transcript`` (every line of the chosen call), ``lines`` (those of
    it that have changed), ``standstill`` (why nothing arrives).
    """

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._rows: dict[str, Row] = {}
        #: why nothing arrives; empty if all is well
        self._problem = "the calls that run are being read"

    def __len__(self) -> int:
        return len(self._viewers)

    def watched(self) -> set[str]:
        """The calls whose words somebody sees."""
        return {viewer.call for viewer in self._viewers if viewer.call}

    def add(self, call: str, projection: Projection, now: float) -> Viewer:
        """A new viewer, with everything as it is."""
        viewer = Viewer(call)
        if self._problem:
            viewer.put(self._standstill())
        else:
            viewer.put(self._calls(now))
            if call:
                viewer.put(_transcript(call, projection.calls.get(call)))
        self._viewers.add(viewer)
        return viewer

    def remove(self, viewer: Viewer) -> None:
        """This viewer is gone."""
        self._viewers.discard(viewer)

    def stand_still(self, problem: str) -> None:
        """Nothing arrives, for this reason."""
        if problem != self._problem:
            self._problem = problem
            self._send(self._standstill())

    def begin(self, projection: Projection, now: float) -> None:
        """Everything was read anew."""
        self._problem = ""
        projection.take_changed()
        self._rows = {name: call.row() for name, call in projection.calls.items()}
        self._send(self._calls(now))
        for name in self.watched():
            self._send_lines(name, _transcript(name, projection.calls.get(name)))
        for call in projection.calls.values():
            call.transcript.take_changed()

    def update(self, projection: Projection, now: float) -> None:
        """Send what has changed."""
        calls, gone = projection.take_changed()
        changes = [found for call in calls if (found := self._change(call.row()))]
        for name in gone:
            self._rows.pop(name, None)
        if changes or gone:
            self._send(message({"now": now, "calls": changes, "gone": gone}, "changes"))
        watched = self.watched()
        for call in calls:
            lines = call.transcript.take_changed()
            if lines and call.record.call in watched:
                name = call.record.call
                self._send_lines(name, message({"call": name, "lines": lines}, "lines"))

    def _change(self, row: Row) -> dict[str, Any]:
        """The fields of a row that have changed, with its call; empty if there are none."""
        before = self._rows.get(row.call)
        self._rows[row.call] = row
        if before is None:
            return msgspec.structs.asdict(row)
        values = zip(Row.__struct_fields__, msgspec.structs.astuple(before), msgspec.structs.astuple(row), strict=True)
        changed = {name: new for name, old, new in values if old != new}
        return {"call": row.call, **changed} if changed else {}

    def _send(self, ready: bytes) -> None:
        for viewer in self._viewers:
            viewer.put(ready)

    def _send_lines(self, call: str, ready: bytes) -> None:
        for viewer in self._viewers:
            if viewer.call == call:
                viewer.put(ready)

    def _calls(self, now: float) -> bytes:
        return message({"now": now, "calls": list(self._rows.values())}, "calls")

    def _standstill(self) -> bytes:
        return message({"problem": self._problem}, "standstill")


def _transcript(name: str, call: LiveCall | None) -> bytes:
    lines = [] if call is None else list(call.transcript.lines.values())
    whole = call is not None and call.whole and (not lines or lines[0].n == 1)
    return message({"call": name, "known": call is not None, "whole": whole, "lines": lines}, "transcript")
