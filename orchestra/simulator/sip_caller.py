"""A simulated caller at the SIP line: a telephone that calls the gateway, with a `PhoneLine` for its person."""

import asyncio
import time
from contextlib import AsyncExitStack

from orchestra.errors import RejectedError, UsageError
from orchestra.simulator.caller import CallerBehaviour, CallOutcome, HowEnded, LiveConversation, live
from orchestra.simulator.key_tone import key_tone
from orchestra.simulator.phone_line import FRAME_SAMPLES, PhoneLine
from orchestra.simulator.sip import Faults, HeardPacket, Leg, PressedKey, Telephone
from orchestra.simulator.sip.messages import Headers, address, user_of
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.voice.audio import mulaw

_WATCH_S = 0.5
_FIRST_REFUSAL = 300
#: more of the agent's audio than this waits only after a delay: silence is skipped until the delay is gone
_AHEAD_FRAMES, _TOO_FAR_AHEAD_FRAMES = 3, 15
#: quieter µ-law codes than this are silence between words
_QUIET = 16

_HOW: dict[str, HowEnded] = {"hung_up": "caller_hung_up", "peer_hung_up": "agent_hung_up", "cut_off": "cut_off"}


class SipCaller:
    """One simulated telephone at one gateway, for one call.

    Args:
        target: whom it calls, ``sip:demo@127.0.0.1:5060``; with ``;transport=tcp`` by TCP.
        from_user: its number or name.
        headers: of its INVITE, beyond what SIP asks for.
        faults: how it misbehaves.
        transfer_target: who answers where the gateway sends it: is told when they are connected.
        rtp_timeout_s: it gives a call up whose audio has stopped for so long.

    Attributes:
        leg: the call, once it is placed: the packets and keys that came, and what it may do beyond talking.
        telephone: what made the call; its complaints are what the gateway did against the protocol.

    """

    def __init__(
        self,
        target: str,
        *,
        from_user: str = "+15550001",
        headers: Headers = (),  # type: ignore[assignment]
        faults: Faults | None = None,
        transfer_target: TransferTarget | None = None,
        rtp_timeout_s: float = 10.0,
    ) -> None:
        self.target = target
        self.telephone = Telephone(user=from_user)
        self.leg: Leg | None = None
        self._headers, self._faults = list(headers), faults
        self._transfer_target = transfer_target or TransferTarget()
        self._rtp_timeout_s = rtp_timeout_s
        self._transferred_to = ""

    @property
    def provider_call(self) -> str:
        """Its Call-ID, with which the gateway's own id of the call begins."""
        return self.leg.call_id if self.leg is not None else ""

    async def call(self, line: PhoneLine, conversation: CallerBehaviour) -> CallOutcome:
        """Make the call over this line, run the conversation in it, and return when the call is over.

        Raises:
            UsageError: no gateway answers at the address.

        """
        async with AsyncExitStack() as parts:
            phone = await parts.enter_async_context(self.telephone)
            self.leg = phone.new_leg(self.target, self._faults)
            # the first packets may come together with the answer
            stream = _play(phone, self.leg, line)
            try:
                status = await self.leg.invite(self._headers)
            except RejectedError as error:
                msg = f"{error}: start `orchestra up --sip`"
                raise UsageError(msg) from None
            if status >= _FIRST_REFUSAL:
                return CallOutcome("refused", closed=f"{status}")
            async with live(line, conversation) as talk:
                how = await self._follow(phone, stream, talk)
        return CallOutcome(how, self._transferred_to, streams=1)

    async def _follow(self, phone: Telephone, stream: "_Stream", talk: LiveConversation) -> HowEnded:
        """Talk over the call, and over each one to which the other end transfers it."""
        assert self.leg is not None
        leg, talking = self.leg, talk.begin()
        while True:
            talk.line.stream = stream
            over = asyncio.create_task(self._over(leg))
            try:
                await asyncio.wait({over, talking}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                over.cancel()
                talk.line.stream = None
            if not leg.end:
                await leg.hang_up()
            if leg.transferred is None:
                return "transferred" if self._transferred_to else _HOW[leg.end]
            leg = leg.transferred
            stream = _play(phone, leg, talk.line)
            self._transferred_to = user_of(address(leg.remote_party))
            self._transfer_target.connected_s = talk.line.now_s

    async def _over(self, leg: Leg) -> None:
        """Wait until the call is over, or its audio has stopped."""
        began_s = time.monotonic()
        while not leg.end:
            try:
                async with asyncio.timeout(_WATCH_S):
                    await leg.wait_ended()
            except TimeoutError:
                heard_s = leg.rtp.heard[-1].at_s if leg.rtp.heard else began_s
                if not leg.held and time.monotonic() - heard_s > self._rtp_timeout_s:
                    leg.cut_off()


class _Stream:
    """The telephone's loudspeaker and microphone."""

    def __init__(self, leg: Leg, line: PhoneLine) -> None:
        self._leg, self._line = leg, line
        self._next: int | None = None

    def heard(self, leg: Leg, packet: HeardPacket) -> None:
        """Play a packet, unless it is late; a lost one is silence."""
        if leg is not self._leg:
            return
        lost = 0 if self._next is None else (packet.sequence - self._next) & 0xFFFF
        if lost > 0x7FFF:  # noqa: PLR2004 - an older one: half the numbers are behind
            return
        self._next = (packet.sequence + 1) & 0xFFFF
        waiting = len(self._line.playout) // FRAME_SAMPLES
        if lost and waiting <= _AHEAD_FRAMES:
            self._line.playout.put(bytes([mulaw.SILENCE]) * FRAME_SAMPLES * min(lost, _AHEAD_FRAMES))
        if waiting < (_AHEAD_FRAMES if _is_quiet(packet.payload) else _TOO_FAR_AHEAD_FRAMES):
            self._line.playout.put(packet.payload)

    def pressed(self, leg: Leg, key: PressedKey) -> None:
        """Sound as the key that the agent has pressed."""
        if leg is self._leg:
            self._line.playout.put(mulaw.encode(key_tone(key.key)))

    async def send_audio(self, frame: bytes) -> None:
        """Send one frame of the caller's audio (µ-law)."""
        if self._leg.sends:
            await self._leg.rtp.send_audio(frame)

    async def lose_audio(self) -> None:
        """Lose the packet of one frame on its way."""
        if self._leg.sends:
            self._leg.rtp.lose_audio()

    async def send_mark(self, name: str) -> None:
        """Nothing: a telephone knows no marks."""

    async def send_digit(self, digit: str) -> None:
        """Press a key."""
        self._leg.rtp.press(digit)


def _play(phone: Telephone, leg: Leg, line: PhoneLine) -> _Stream:
    """Hear this call from now on."""
    stream = _Stream(leg, line)
    phone.on_audio, phone.on_key = stream.heard, stream.pressed
    return stream


def _is_quiet(payload: bytes) -> bool:
    return all((code ^ mulaw.SILENCE) & 0x7F < _QUIET for code in payload)
