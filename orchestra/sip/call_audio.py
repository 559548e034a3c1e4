"""A call's audio between the SIP stack and an edge's WebSocket, both ways."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import structlog
from baresip import AudioNotActive, AudioRestarted, BaresipError, Call
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from orchestra.sip.edges import MOST_UNSENT
from orchestra.sip.playout import Keys, PlayoutQueue
from orchestra.sip.resample import Resampler
from orchestra.voice.carriers.browser import messages

_LOG = structlog.get_logger("orchestra.sip")

#: what the stack holds of the agent's audio: more would outlast an interruption, less runs dry when a tick is late
_AHEAD_MS = 60
#: most of the caller's audio that one look takes
_READ_MS = 200
#: without audio of the caller for this long, the edge gets silence in its place, so that its clock goes on
_GAP_S = 0.1
_FRAME_MS = 20
#: of the caller's audio, kept to tell whether they speak
_KEPT_LOOKS = 25
_SILENT_BELOW = 1_000

_DECODER = msgspec.json.Decoder(dict[str, Any])


class CallAudio:
    """The audio of one call. Its telephone and its edge may change while it goes on.

    Args:
        leg: the call as the SIP stack has it.
        rate: of the edge's side, in Hz.
        clock: seconds.
        settles_s: the stack begins the leg's audio anew within this time, so the agent's first words wait for that.

    Attributes:
        leg: the call as the SIP stack has it.
        socket: the edge's; None while the call has no edge.
        held: the telephone has put the call on hold.

    """

    def __init__(
        self, leg: Call, rate: int, clock: Callable[[], float] = time.monotonic, *, settles_s: float = 0.0
    ) -> None:
        self.rate = rate
        self.socket: ClientConnection | None = None
        self.held = False
        self.leg = leg
        self._leg_rate = rate
        self._clock = clock
        self._settles_at = clock() + settles_s
        self._queue = PlayoutQueue()
        self._unplayed = 0  # bytes of the agent's audio in the stack, when it was last asked
        self._outbox: deque[str] = deque()
        self._pressing: set[asyncio.Task[None]] = set()
        self._inward, self._outward = Resampler(), Resampler()
        self._heard_at = clock()
        self._silence = bytes(rate * _FRAME_MS // 1000 * 2)
        self._lately: deque[bytes] = deque(maxlen=_KEPT_LOOKS)

    @property
    def idle(self) -> bool:
        """Whether the agent says nothing at the moment, as far as it has come."""
        return not self._queue

    def caller_is_silent(self) -> bool:
        """Whether nothing loud came of the caller lately."""
        return all(
            np.abs(np.frombuffer(heard, np.int16).astype(np.int32)).max() < _SILENT_BELOW for heard in self._lately
        )

    # -- from the edge

    def connected(self, socket: ClientConnection) -> None:
        """An edge has the call."""
        self.disconnected()
        self._heard_at = self._clock()
        self.socket = socket
        if self.held:
            self._outbox.append(messages.hold(held=True))

    def disconnected(self) -> None:
        """The edge is gone: what it wanted played goes with it, since the next one says again what was not heard."""
        self.socket = None
        self._queue = PlayoutQueue()
        self._outbox.clear()
        self._flush()

    async def follow(self, socket: ClientConnection) -> None:
        """Do what the edge sends, until its socket is closed."""
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                if isinstance(message, bytes):
                    self._queue.put(message)
                    self._feed()
                else:
                    self._obey(_DECODER.decode(message))

    def _obey(self, told: dict[str, Any]) -> None:
        match told.get("type"):
            case "mark":
                self._queue.mark(str(told.get("name", "")))
            case "press":
                self._queue.mark(Keys(str(told.get("keys", ""))))
                self._feed()
            case "clear":
                self._outbox.extend(map(messages.mark, self._queue.clear()))
                self._flush()
            case other:
                _LOG.warning("sip.message_unknown", type=str(other)[:40])

    # -- from the telephone

    def use_leg(self, leg: Call) -> None:
        """Another telephone has the call now."""
        self.leg = leg
        self.held = False
        self._unplayed = 0
        self._rebind()

    def press(self, digit: str) -> None:
        """The caller has pressed a key."""
        if digit in "0123456789*#":
            self._outbox.append(msgspec.json.encode(messages.Digit(digit)).decode())  # type: ignore[arg-type]

    def hold(self, *, held: bool) -> None:
        """The telephone has put the call on hold, or taken it up again: what it has not heard of the agent waits."""
        self.held = held
        self._outbox.append(messages.hold(held=held))

    # -- by the clock

    def tick(self) -> Iterator[str | bytes]:
        """Give the stack what it has room for. Returns what is to be sent to the edge, in its order."""
        self._feed()
        while self._outbox:
            yield self._outbox.popleft()
        heard = self._read()
        now = self._clock()
        if heard:
            self._heard_at = now
            self._lately.append(heard)
            yield heard
        elif now - self._heard_at > _GAP_S:
            self._heard_at += _FRAME_MS / 1000
            yield self._silence

    async def send(self) -> None:
        """Send to the edge what is there. Never waits: an edge that reads nothing loses audio."""
        socket = self.socket
        if socket is None:
            return
        for message in self.tick():
            if isinstance(message, bytes) and _unsent(socket) > MOST_UNSENT:
                continue
            with contextlib.suppress(ConnectionClosed):  # `follow` ends, too
                await socket.send(message)

    def _read(self) -> bytes:
        if self.held:
            return b""
        try:
            heard: bytes = self.leg.audio.read(_READ_MS * 2 * self._leg_rate // 1000)
        except AudioNotActive:
            return b""
        except AudioRestarted:
            self._restarted()
            return b""
        return self._inward.convert(heard, self._leg_rate, self.rate)

    def _feed(self) -> None:
        """Hand over as much as keeps the stack supplied, and see which marks were played."""
        if self.held or not self._queue or self._clock() < self._settles_at:
            return
        try:
            self._unplayed = self.leg.audio.info().tx_buffered * self.rate // self._leg_rate
            room = _AHEAD_MS * 2 * self.rate // 1000 - self._unplayed
            if room > 0 and (samples := self._queue.peek(room & ~3)):
                self.leg.audio.write(self._outward.convert(samples, self.rate, self._leg_rate))
                self._queue.take(len(samples))
                self._unplayed += len(samples)
        except AudioNotActive:
            return
        except AudioRestarted:
            self._restarted()
        for due in self._queue.due_marks(self._unplayed):
            if isinstance(due, Keys):
                self._press_keys(due.keys)
            else:
                self._outbox.append(messages.mark(due))

    def _press_keys(self, keys: str) -> None:
        """Press them one after another, beside what else goes on."""

        async def press() -> None:
            try:
                await self.leg.send_dtmf(keys)
            except (BaresipError, ValueError) as error:
                _LOG.warning("sip.keys_not_pressed", reason=str(error))

        task = asyncio.create_task(press(), name="keys")
        self._pressing.add(task)
        task.add_done_callback(self._pressing.discard)

    def _flush(self) -> None:
        self._unplayed = 0
        with contextlib.suppress(AudioNotActive, AudioRestarted):
            self.leg.audio.flush_tx()

    def _restarted(self) -> None:
        """The stack has begun its audio anew, as after each answer, and has dropped what it held."""
        self._settles_at = 0.0
        self._queue.give_back(self._unplayed)
        self._unplayed = 0
        self._rebind()

    def _rebind(self) -> None:
        """The call was renegotiated, perhaps with another codec."""
        with contextlib.suppress(AudioNotActive):
            self._leg_rate = self.leg.audio.info().tx_sample_rate or self._leg_rate


def _unsent(socket: ClientConnection) -> int:
    return int(socket.transport.get_write_buffer_size())
