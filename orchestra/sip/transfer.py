"""Transfers to a person: by REFER where the telephone can, else through us; with a briefing, after the person's yes."""

import asyncio
import re
from contextlib import suppress
from typing import Protocol

import structlog
from baresip import (
    AudioNotActive,
    AudioRestarted,
    BaresipError,
    Call,
    CallFailed,
    CallState,
    Event,
    StackEvent,
    TransferFailed,
)

from orchestra.errors import CarrierError, RejectedError, SettingError
from orchestra.lines.dialled import split_extension
from orchestra.sip.bridge import Bridge, Waiting
from orchestra.sip.resample import Resampler
from orchestra.voice.carriers.briefing import ACCEPT_KEY
from orchestra.voice.carriers.sip.addresses import SipAddress, host_of

_LOG = structlog.get_logger("orchestra.sip")

#: how long the person may think about it after the briefing
_ACCEPT_WITHIN_S = 20.0
_BRIEFING_RATE = 8000
_EXTENSION = re.compile(r"(,*)([0-9*#]*)")
_COMMA_S = 2.0
#: until the packets that end the last key are sent, which a transfer would cut off
_RELEASED_S = 0.3
_AHEAD_MS = 200
_LOOK_S = 0.05
#: an answer to REFER that says that it is not done here, rather than that nobody was reached
_NO_REFER = frozenset({400, 405, 420, 489, 501, 603})


class Ticking(Protocol):
    """What the gateway's clock carries."""

    async def send(self) -> None:
        """Carry what has come."""


class Switchboard(Protocol):
    """What a transfer needs of the gateway."""

    async def target(self, to: str) -> SipAddress:
        """The address for a number or an address. Raises RejectedError, SettingError, CarrierError."""

    async def dial(self, target: SipAddress) -> Call:
        """Have a telephone rung. Raises BaresipError, ValueError."""

    def carry(self, ticking: Ticking) -> None:
        """Call it at each tick."""

    def drop(self, ticking: Ticking) -> None:
        """No more."""

    @property
    def ring_s(self) -> float:
        """How long a telephone may ring."""


class Transfer:
    """One transfer of a caller.

    Args:
        board: the gateway.
        leg: the caller's.
        to: a number, with the keys of an extension or not, or a SIP address.
        music: what the caller hears meanwhile, 16-bit samples at 8 kHz; empty: the ringing tone.

    Attributes:
        status: how it ended, in SIP's own words.

    """

    def __init__(self, board: Switchboard, leg: Call, to: str, music: bytes = b"") -> None:
        self.status = ""
        self._music = music
        self._board, self._leg = board, leg
        self._to, self._extension = split_extension(to)
        self._log = _LOG.bind(target=to)

    async def run(self, briefing: bytes) -> bool:
        """Connect the caller; the ``briefing`` is speech at 8 kHz for the person, who then has to say yes.

        Returns:
            Whether the person has the caller.

        """
        try:
            target = await self._target()
            if not briefing and not self._extension and (done := await self._refer(target)) is not None:
                return done
            return await self._consult(target, briefing)
        except (RejectedError, SettingError, CarrierError, BaresipError, ValueError) as error:
            self.status = str(error)[:200]
            self._log.warning("sip.transfer_failed", status=self.status)
            return False

    async def _target(self) -> SipAddress:
        """A number without a trunk is known to the exchange that the caller came from."""
        try:
            return await self._board.target(self._to)
        except SettingError:
            host, port = host_of(self._leg.peer or "")
            return await self._board.target(f"sip:{self._to}@{host}{f':{port}' if port else ''}")

    async def _refer(self, target: SipAddress) -> bool | None:
        """Have the caller's telephone call the person. None: it does not do that."""
        try:
            await self._leg.transfer(str(target), timeout=self._board.ring_s)
        except TransferFailed as error:
            self.status = str(error.status or error)[:200]
            self._log.info("sip.refer_failed", status=self.status)
            return None if error.status in _NO_REFER else False
        self.status = "202"
        return True

    # -- the gateway calls the person

    async def _consult(self, target: SipAddress, briefing: bytes) -> bool:
        person = await self._board.dial(target)
        waiting = Waiting(self._leg, self._music)
        self._board.carry(waiting)
        connected = False
        try:
            if not await self._answered(person):
                return False
            await self._press_extension(person)
            if not await self._says_yes(person, briefing):
                return False
            self._board.drop(waiting)
            connected = await self._connect(person)
            return connected
        finally:
            self._board.drop(waiting)
            if not connected and person.state is not CallState.CLOSED:
                with suppress(BaresipError):
                    await person.hangup()

    async def _answered(self, person: Call) -> bool:
        answer = asyncio.create_task(person.wait_established(self._board.ring_s))
        gone = asyncio.create_task(_closed(self._leg))
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not answer.done():
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)
            self.status = "caller_hung_up"
            return False
        error = answer.exception()
        if error is not None:
            self.status = str(error.status or error)[:200] if isinstance(error, CallFailed) else str(error)[:200]
        return error is None

    async def _press_extension(self, person: Call) -> None:
        """Press the keys of the extension; a comma waits for two seconds."""
        for waits, keys in _EXTENSION.findall(self._extension):
            await asyncio.sleep(_COMMA_S * len(waits))
            if keys and CallState.CLOSED not in (person.state, self._leg.state):
                await person.send_dtmf(keys)
                await asyncio.sleep(_RELEASED_S)

    async def _says_yes(self, person: Call, briefing: bytes) -> bool:
        """Play the briefing, and wait for the key; without one the person has said yes by answering."""
        if not briefing:
            return True
        keys: asyncio.Queue[str] = asyncio.Queue()
        person.on_dtmf(lambda pressed: keys.put_nowait(pressed.digit))
        speaking = asyncio.create_task(_play(person, briefing))
        gone = {asyncio.create_task(_closed(each)) for each in (person, self._leg)}
        key = asyncio.create_task(keys.get())
        within = len(briefing) / 2 / _BRIEFING_RATE + _ACCEPT_WITHIN_S
        await asyncio.wait({key, *gone}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        said_yes = key.done() and key.result() == ACCEPT_KEY
        for task in (speaking, key, *gone):
            task.cancel()
        with suppress(AudioNotActive, AudioRestarted):
            person.audio.flush_tx()
        self.status = "" if said_yes else "declined"
        return said_yes

    async def _connect(self, person: Call) -> bool:
        """Have the two telephones talk without us, by REFER with Replaces (RFC 3891); where one cannot, through us."""
        try:
            await self._leg.attended_transfer(person, timeout=self._board.ring_s)
        except BaresipError as error:
            self._log.info("sip.bridged", reason=str(error))
        else:
            self.status = "202"
            return True
        for leg in (self._leg, person):
            with suppress(BaresipError):
                await leg.resume()
        if CallState.CLOSED in (self._leg.state, person.state):
            self.status = "caller_hung_up"
            return False
        self._board.carry(_Until(self._board, self._leg, person))
        self.status = "200"
        return True


class _Until:
    """A bridge of two legs, until one of them is over; then so is the other."""

    def __init__(self, board: Switchboard, first: Call, second: Call) -> None:
        self._board = board
        self._legs = (first, second)
        self._bridge = Bridge(first, second)

    async def send(self) -> None:
        over = [leg for leg in self._legs if leg.state is CallState.CLOSED]
        if not over:
            await self._bridge.send()
            return
        self._board.drop(self)
        for leg in self._legs:
            if leg not in over:
                with suppress(BaresipError):
                    await leg.hangup()


async def _closed(leg: Call) -> None:
    """Return once the leg is over."""
    over = asyncio.Event()

    def listener(event: StackEvent) -> None:
        if event.event is Event.CALL_CLOSED:
            over.set()

    leg.on(listener)
    try:
        if leg.state is not CallState.CLOSED:
            await over.wait()
    finally:
        leg.off(listener)


async def _play(leg: Call, samples: bytes) -> None:
    """Play speech at 8 kHz to a telephone."""
    resampler, start = Resampler(), 0
    size = _BRIEFING_RATE // 50 * 2
    while start < len(samples):
        with suppress(AudioNotActive, AudioRestarted):
            info = leg.audio.info()
            while info.tx_buffered < _AHEAD_MS * 2 * info.tx_sample_rate // 1000 and start < len(samples):
                frame = samples[start : start + size]
                leg.audio.write(resampler.convert(frame, _BRIEFING_RATE, info.tx_sample_rate))
                start += size
                info = leg.audio.info()
        await asyncio.sleep(_LOOK_S)
