"""The carrier's side of Conversation Relay: it hears the caller and speaks what the edge sends, as Twilio does.

Messages as in https://www.twilio.com/docs/voice/conversationrelay/websocket-messages
"""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from orchestra.errors import RejectedError
from orchestra.simulator.audio_measure import is_audible
from orchestra.simulator.edge_connection import follow, tell
from orchestra.simulator.key_tone import key_tone
from orchestra.simulator.phone_line import FRAME_S, SILENT_FRAME, PhoneLine
from orchestra.simulator.twiml import ConnectRelay
from orchestra.voice.audio import mulaw
from orchestra.voice.audio.mulaw import Samples

_CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class RelayVoice:
    """How the simulated carrier hears and speaks.

    Attributes:
        hear: the words of the caller's next stretch of speech; empty: only noise.
        speak: the audio of a text, 8 kHz.
        tells: whether it sends what was asked for by ``events``: who speaks, and what was played.
        turn_over_s: the caller's silence after which their turn is over.

    """

    hear: Callable[[], str]
    speak: Callable[[str], Samples]
    tells: bool = True
    turn_over_s: float = 0.3


class RelaySession:
    """One Conversation Relay session between an edge and a `PhoneLine`.

    Attributes:
        sid: the session's id.
        closed: why the edge closed it ("1000", "1008 wrong token"), empty while it is open.
        handoff_data: what the edge gave with its `end`; None before that.

    """

    def __init__(self, socket: ClientConnection, line: PhoneLine, verb: ConnectRelay, voice: RelayVoice) -> None:
        self.sid = "VX" + secrets.token_hex(16)
        self.closed = ""
        self.handoff_data: str | None = None
        self._socket, self._line, self._voice = socket, line, voice
        self._attributes = verb.attributes
        self._tells = voice.tells and "events" in verb.attributes
        self._said: list[str] = []  # words of the talk cycle
        self._heard = 0
        self._cycle_over = False
        self._speaks = False
        self._loud = 0
        self._quiet_s = 0.0
        self._started = 0.0
        self._cycle = 0

    @classmethod
    async def open(
        cls, verb: ConnectRelay, line: PhoneLine, voice: RelayVoice, *, call_sid: str, account_sid: str
    ) -> Self:
        """Connect, send `setup`, and attach the line.

        Raises:
            RejectedError: the edge does not accept the connection.

        """
        try:
            socket = await connect(verb.url, proxy=None, open_timeout=_CONNECT_TIMEOUT_S, compression=None)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            msg = f"the relay socket {verb.url} could not be opened: {error}"
            raise RejectedError(msg) from error
        session = cls(socket, line, verb, voice)
        names = {"sessionId": session.sid, "accountSid": account_sid, "callSid": call_sid}
        await session.send("setup", **names, callStatus="RINGING", customParameters=verb.parameters)
        line.stream = session
        return session

    @property
    def state(self) -> dict[str, str]:
        """What the carrier's next request says of it."""
        session = {"SessionId": self.sid, "SessionDuration": str(round(self._line.now_s))}
        if self.handoff_data is not None:
            return {**session, "SessionStatus": "ended", "HandoffData": self.handoff_data}
        return {**session, "SessionStatus": "failed", "ErrorCode": "64105", "ErrorMessage": "WebSocket ended"}

    async def run(self) -> None:
        """Handle the edge's messages until either side ends the session."""
        self.closed = await follow(self._socket, self._line, self._take)

    async def hang_up(self) -> None:
        """End the session as the carrier does when the caller hangs up: there is no message for it."""
        await self._socket.close()

    # -- the caller's side: the line calls these

    async def send_audio(self, frame: bytes) -> None:
        """Hear one frame of the caller's audio."""
        if is_audible(mulaw.decode(frame)):
            self._quiet_s = 0.0
            self._loud += 1
            if self._loud == 1:
                await self._tell("clientSpeaking", "on")
                await self._interrupt("speech")
        elif self._loud:
            self._quiet_s += FRAME_S
            if self._quiet_s >= self._voice.turn_over_s:
                await self._turn_over()

    async def lose_audio(self) -> None:
        """Hear silence in place of a frame that is lost."""
        await self.send_audio(SILENT_FRAME)

    async def send_digit(self, digit: str) -> None:
        """Send a key that the caller pressed."""
        await self._interrupt("dtmf")
        if self._attributes.get("dtmfDetection") == "true":
            await self.send("dtmf", digit=digit)

    async def send_mark(self, name: str) -> None:
        """The line has played a word."""
        if name != f"{self.sid} {self._cycle}":
            return
        self._heard += 1
        await self._tell("tokensPlayed", self._said[self._heard - 1])
        if self._heard == len(self._said):
            self._speaks = False
            await self._tell("agentSpeaking", "off")

    async def send(self, kind: str, **fields: Any) -> None:
        """Send a message; what is sent after the end is lost, as on a broken line."""
        await tell(self._socket, self._line, json.dumps({"type": kind, **fields}))

    async def _tell(self, name: str, value: str) -> None:
        if self._tells:
            await self.send("info", name=name, value=value)

    async def _turn_over(self) -> None:
        self._loud, self._quiet_s = 0, 0.0
        await self._tell("clientSpeaking", "off")
        words = self._voice.hear()
        if not words:
            return
        if self._attributes.get("partialPrompts") == "true":
            await self.send("prompt", voicePrompt=words.split()[0], lang="en-US", last=False)
        await self.send("prompt", voicePrompt=words, lang="en-US", last=True)

    async def _interrupt(self, by: str) -> None:
        """The caller's voice or key stops the agent."""
        if self._heard >= len(self._said) or self._attributes.get("interruptible", "any") not in {by, "any"}:
            return
        heard, started = " ".join(self._said[: self._heard]), self._started
        await self._stop_speaking()
        milliseconds = round(1000 * (self._line.now_s - started))
        await self.send("interrupt", utteranceUntilInterrupt=heard, durationUntilInterruptMs=milliseconds)
        await self._tell("agentSpeaking", "off")

    async def _stop_speaking(self) -> None:
        self._begin_cycle()
        await self._line.clear()

    # -- the agent's side

    def _begin_cycle(self) -> None:
        self._said, self._heard, self._cycle_over = [], 0, False
        self._cycle += 1  # the marks of an earlier one are not this one's
        self._started, self._speaks = self._line.now_s, False

    async def _take(self, text: str | bytes) -> None:
        message: dict[str, Any] = json.loads(text)
        match message:
            case {"type": "text", "token": str(token), "last": bool(last)}:
                await self._speak(token, last=last)
            case {"type": "sendDigits", "digits": str(digits)}:
                for digit in digits:
                    self._line.playout.put(mulaw.encode(key_tone(digit)))
            case {"type": "end"}:
                self.handoff_data = str(message.get("handoffData", ""))
                await self._socket.close()
            case _:
                msg = f"the edge sent {str(message)[:80]}, which Conversation Relay does not know"
                await self.send("error", description=f"Invalid message: {str(message)[:80]}")
                raise RejectedError(msg)

    async def _speak(self, token: str, *, last: bool) -> None:
        words = token.split()
        if words and self._cycle_over:
            if self._heard < len(self._said) and self._attributes.get("preemptible") == "true":
                await self._stop_speaking()
            self._begin_cycle()
        self._cycle_over = last or (self._cycle_over and not words)
        if not words:
            return
        if not self._speaks:
            self._speaks = True
            await self._tell("agentSpeaking", "on")
        cycle = self._cycle
        audio = await asyncio.to_thread(self._voice.speak, token.strip())
        if cycle != self._cycle:
            return  # interrupted meanwhile
        ends = np.cumsum([len(word) + 1 for word in words]) / sum(len(word) + 1 for word in words) * audio.size
        for word, piece in zip(words, np.split(audio, ends[:-1].astype(int)), strict=True):
            self._said.append(word)
            self._line.playout.put(mulaw.encode(piece))
            self._line.playout.mark(f"{self.sid} {self._cycle}")
