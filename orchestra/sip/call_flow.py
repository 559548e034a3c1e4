"""One call from its first to its last step: an edge says what happens, the telephone and the stream do it."""

import asyncio
from contextlib import suppress

import structlog
from baresip import AudioNotActive, AudioRestarted, BaresipError, Call, CallState, Event, StackEvent
from baresip import TransferRequest as PeerTransfer
from websockets.asyncio.client import ClientConnection

from orchestra.errors import CarrierError, NoEdgeError, RejectedError
from orchestra.sip.call_audio import CallAudio
from orchestra.sip.edges import Edges
from orchestra.sip.transfer import Switchboard, Transfer
from orchestra.voice.carriers.sip.addresses import host_of
from orchestra.voice.carriers.sip.messages import (
    AskAgainStep,
    BusyStep,
    ConnectStep,
    GatewayCall,
    GatewayStep,
    HangUpStep,
    NextRequest,
    OfferRequest,
    Start,
    TransferRequest,
    TransferStep,
)
from orchestra_schemas.calls import EndReason

_LOG = structlog.get_logger("orchestra.sip")

_MEDIA_WITHIN_S = 5.0
#: whom a REFER names at a host is that host's business
_ANYBODY = "anybody"
#: the stack offers its audio again 50 to 150 ms after each answer, and drops what it holds of the agent's words then
_SETTLES_S = 0.3
_MEDIA_LOOK_S = 0.005


class CallFlow:
    """A call that a telephone makes, or that was placed to one.

    Args:
        leg: the call as the SIP stack has it.
        parties: who calls whom.
        edges: where the conversation is.
        board: the gateway, which dials and carries audio.

    Attributes:
        call: our id of it; "" until an edge has taken it.

    """

    def __init__(self, leg: Call, parties: GatewayCall, edges: Edges, board: Switchboard) -> None:
        self.leg = leg
        self.parties = parties
        self.call = ""
        self.audio: CallAudio | None = None
        self._edges = edges
        self._board = board
        self._next_leg: Call | None = None  # of a telephone to which we are being transferred
        self._left = False  # a person has the caller, and their call goes on without us
        self._spawned: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()
        self._stream = 0
        self._log = _LOG.bind(provider_call=parties.provider_call)
        self._follow_leg(leg)

    # -- the telephone

    def _follow_leg(self, leg: Call) -> None:
        leg.on(self._on_event)
        leg.on_dtmf(lambda pressed: self.audio.press(pressed.digit) if self.audio is not None else None)
        leg.on_transfer_request(self._on_transfer_request)

    def _on_event(self, event: StackEvent) -> None:
        if event.call != self.leg.handle:
            return
        if event.event is Event.CALL_CLOSED:
            self._log.info("sip.call_closed", call=self.call, reason=event.text)
            if self._next_leg is None:  # else it has transferred us, and whom it named may still answer
                self._closed.set()
        elif event.event in (Event.CALL_HOLD, Event.CALL_RESUME) and self.audio is not None:
            self.audio.hold(held=event.event is Event.CALL_HOLD)

    async def hang_up(self) -> None:
        """End the telephone's call, unless it has ended."""
        for leg in filter(None, (self.leg, self._next_leg)):
            if leg.state is not CallState.CLOSED:
                with suppress(BaresipError):
                    await leg.hangup()

    async def _answer(self) -> bool:
        """Take the call, and wait for its audio. False: the caller is gone."""
        if self.leg.state is CallState.INCOMING:
            try:
                await self.leg.answer()
            except BaresipError as error:
                self._log.warning("sip.not_answered", error=str(error))
                return False
        deadline = asyncio.get_running_loop().time() + _MEDIA_WITHIN_S
        while not self._closed.is_set() and asyncio.get_running_loop().time() < deadline:
            with suppress(AudioNotActive, AudioRestarted):
                info = self.leg.audio.info()
                if info.tx_ready and info.tx_sample_rate:
                    self.audio = CallAudio(self.leg, info.tx_sample_rate, settles_s=_SETTLES_S)
                    self._board.carry(self.audio)
                    return True
            await asyncio.sleep(_MEDIA_LOOK_S)
        return False

    # -- the steps

    async def run(self, call: str = "") -> None:
        """Run the call to its end; ``call`` is our id of one that was placed and answered."""
        try:
            url, step = await self._edges.offer(OfferRequest(parties=self.parties, call=call))
            if isinstance(step, BusyStep):
                self._log.warning("sip.busy")
            await self._follow_steps(url, step)
        except NoEdgeError as error:
            self._log.error("sip.no_edge", call=self.call, reason=str(error))
        finally:
            if self.leg.state is CallState.INCOMING:
                with suppress(BaresipError):
                    await self.leg.reject()
            if self.audio is not None:
                self._board.drop(self.audio)
            if not self._left:
                await self.hang_up()

    async def _follow_steps(self, url: str, step: GatewayStep) -> None:
        tries = 0
        while True:
            match step:
                case ConnectStep():
                    self.call, tries = step.call, 0
                    await self._connect(url, step)
                case AskAgainStep(tries=tries, after_ms=after_ms):
                    await self._wait(after_ms / 1000)
                case TransferStep():
                    url, step = await self._transfer(step)
                    continue
                case HangUpStep() | BusyStep():
                    return
            if not self.call:
                return  # not even offered
            asked = NextRequest(parties=self.parties, stream=self._stream, tries=tries, end_reason=self._end_reason())
            url, step = await self._edges.ask(f"/{self.call}/next", asked)

    def _end_reason(self) -> EndReason | None:
        return "caller_hung_up" if self._closed.is_set() else None

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()

    async def _connect(self, url: str, step: ConnectStep) -> None:
        """Carry the call's audio over one stream, until either end is gone."""
        self._stream = step.stream
        if self.audio is None and not await self._answer():
            self._closed.set()
            return
        if self.audio is None or self._closed.is_set():
            return
        start = Start(
            parties=self.parties,
            call=step.call,
            token=step.token,
            rate=16000 if self.audio.rate == 16000 else 8000,  # noqa: PLR2004 - the two rates of the protocol
            resumed=step.resumed,
            answered_by=step.answered_by,
        )
        socket = await self._edges.open_stream(url, start)
        if socket is None:
            await self._wait(0.1)
            return
        self._log.info("sip.connected", call=self.call, stream=step.stream, edge=url, rate=self.audio.rate)
        await self._carry(self.audio, socket)

    async def _carry(self, audio: CallAudio, socket: ClientConnection) -> None:
        audio.connected(socket)
        following = asyncio.create_task(audio.follow(socket), name=f"stream {self.call}")
        closing = asyncio.create_task(self._closed.wait(), name=f"closed {self.call}")
        try:
            await asyncio.wait({following, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            audio.disconnected()
            if not following.done():
                with suppress(Exception):  # the edge is gone as well
                    await socket.send('{"type":"stop"}')
            closing.cancel()
            await socket.close()
            await asyncio.gather(following, closing, return_exceptions=True)

    async def _transfer(self, step: TransferStep) -> tuple[str, GatewayStep]:
        """Connect the caller to a person, and say how it went."""
        music = await self._edges.hold_music(step.hold_music) if step.hold_music else b""
        transfer = Transfer(self._board, self.leg, step.target, music)
        briefing = await self._edges.briefing(self.call, self.parties) if step.briefing else b""
        accepted = not self._closed.is_set() and await transfer.run(briefing)
        self._log.info("sip.transfer", call=self.call, target=step.target, accepted=accepted, status=transfer.status)
        self._left = accepted
        asked = TransferRequest(
            parties=self.parties,
            accepted=accepted,
            stream=self._stream,
            status=transfer.status,
            end_reason=None if accepted else self._end_reason(),
        )
        return await self._edges.ask(f"/{self.call}/transferred", asked)

    # -- the telephone transfers us

    def _on_transfer_request(self, request: PeerTransfer) -> None:
        self._spawned.add(task := asyncio.create_task(self._follow_transfer(request), name=f"referred {self.call}"))
        task.add_done_callback(self._spawned.discard)

    async def _follow_transfer(self, request: PeerTransfer) -> None:
        """Call whom the telephone names, if they may be called; once they answer, they have the call."""
        leg = self.leg
        try:
            host, port = host_of(request.target)
            await self._board.target(f"sip:{_ANYBODY}@{host}{f':{port}' if port else ''}")
            if request.method != "INVITE":
                msg = f"a REFER to {request.method}"
                raise RejectedError(msg)  # noqa: TRY301 - refused like a target that may not be called
        except (RejectedError, CarrierError) as error:
            self._log.warning("sip.refer_refused", call=self.call, target=request.target[:100], reason=str(error))
            with suppress(BaresipError):
                await leg.reject_transfer(603)
            return
        try:
            person = self._next_leg = await leg.accept_transfer()
            person.on(lambda event: self._take_leg(person, event))
            await person.wait_established(self._board.ring_s)
        except (BaresipError, TimeoutError) as error:
            self._log.info("sip.refer_failed", call=self.call, target=request.target[:100], status=str(error))
            self._next_leg = None
            if leg.state is CallState.CLOSED:
                self._closed.set()

    def _take_leg(self, leg: Call, event: StackEvent) -> None:
        """The telephone to which we were transferred has answered: it is the call's from now on."""
        if event.event is not Event.CALL_ESTABLISHED or self._closed.is_set():
            return
        self._log.info("sip.transferred", call=self.call, peer=leg.peer)
        self.leg, self._next_leg = leg, None
        self._follow_leg(leg)
        if self.audio is not None:
            self.audio.use_leg(leg)
