"""The WebSocket of Conversation Relay, whichever carrier speaks it: who may open one, and what comes over it."""

import json
from collections.abc import Awaitable, Callable

import structlog
from fastapi import WebSocket

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError, StreamLostError
from orchestra.voice.carriers import relay_messages
from orchestra.voice.carriers.media_socket import MediaSocket
from orchestra.voice.carriers.port import (
    AgentCut,
    CallControl,
    DigitReceived,
    Parties,
    SpeakerChanged,
    TextReceived,
    WordsPlayed,
    WordsReceived,
)
from orchestra.voice.carriers.relay_messages import Dtmf, Error, Info, Interrupt, Message, Prompt, Setup
from orchestra.voice.carriers.stream_token import StreamTokens

_LOG = structlog.get_logger("orchestra.voice")

#: a carrier sends a few messages a second, and as many for each sentence that it plays
_MESSAGES_PER_S = 50.0


class RelayStream:
    """One call's `TextStream`, from its `setup` on; ``engine`` names who hears and speaks."""

    def __init__(self, socket: MediaSocket, engine: str) -> None:
        self._socket = socket
        self.engine = engine

    async def receive(self) -> TextReceived:
        """The next message that says something.

        Raises:
            RejectedError: it breaks the protocol.
            StreamLostError: the socket is gone. The carrier says to the webhook whether the caller has hung up.

        """
        while True:
            message: Message | None = await self._socket.read(relay_messages.read)
            if message is None:
                raise StreamLostError
            if isinstance(message, Setup):
                msg = "a second `setup` message"
                raise RejectedError(msg)
            if isinstance(message, Error):
                _LOG.warning("relay.error", call=self._socket.call, error=message.description[:200])
            elif (received := _meaning_of(message)) is not None:
                return received

    async def send_text(self, token: str, *, last: bool = False) -> bool:
        """Have this said after what was sent before. False: the socket is closed."""
        return await self._socket.send(relay_messages.text(token, last=last))

    async def send_digits(self, digits: str) -> None:
        """Have these keys sent as tones."""
        await self._socket.send(relay_messages.send_digits(digits))


class RelaySockets:
    """The endpoint of all Conversation Relay sockets of one edge.

    Args:
        tokens: redeems the tokens of the carrier's webhooks.
        control: runs the calls.
        engine: the carrier's name as a speech engine, in events and prices.
        after_stream: is called when a call's socket is over, where no webhook asks what happens next.

    """

    def __init__(
        self,
        tokens: StreamTokens,
        control: CallControl,
        engine: str,
        after_stream: Callable[[Parties], Awaitable[None]] | None = None,
    ) -> None:
        self._tokens = tokens
        self._control = control
        self._engine = engine
        self._after_stream = after_stream

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one call. A violation of the protocol closes the socket with 1008 and is logged; other calls go on."""
        socket = MediaSocket(websocket, self._control, messages_per_s=_MESSAGES_PER_S)
        served: list[Parties] = []

        async def run(setup: Setup) -> None:
            parties = await self._check_token(setup)
            socket.call = parties.call
            served.append(parties)
            given = setup.custom_parameters
            await self._control.serve_text(
                RelayStream(socket, self._engine),
                parties,
                resumed=bool(given.get("resumed")),
                answered_by=given.get("answered_by", ""),
            )
            await socket.send(relay_messages.end(json.dumps({"call": parties.call})))

        await socket.serve(lambda: _read_setup(socket), run)
        if self._after_stream is not None:
            for parties in served:
                await self._after_stream(parties)

    async def _check_token(self, setup: Setup) -> Parties:
        given = setup.custom_parameters
        token, call, provider_call = given.get("token", ""), given.get("call", ""), setup.call_sid
        stream = self._tokens.redeem(token, call, provider_call, SYSTEM_CLOCK.time())
        await self._control.claim(call, provider_call, token)
        return Parties(
            call=call,
            provider_call=provider_call,
            from_number=given.get("from_number", ""),
            to_number=given.get("to_number", ""),
            direction="outbound" if given.get("direction") == "outbound" else "inbound",
            stream=stream,
        )


async def _read_setup(socket: MediaSocket) -> Setup | None:
    message = await socket.read(relay_messages.read)
    if message is None or isinstance(message, Setup):
        return message
    msg = f"a call begins with `setup`, not with {type(message).__name__.lower()}"
    raise RejectedError(msg)


def _meaning_of(message: Prompt | Interrupt | Dtmf | Info) -> TextReceived | None:
    """What it says of the call; None: nothing that a call needs."""
    match message:
        case Prompt(text, last):
            return WordsReceived(text.strip(), final=last)
        case Interrupt(heard):
            return AgentCut(heard)
        case Dtmf(digit):
            return DigitReceived(digit)
        case Info():
            return _meaning_of_info(message)


def _meaning_of_info(message: Info) -> TextReceived | None:
    match message.name, message.value:
        case "tokensPlayed", text:
            return WordsPlayed(text)
        case "agentSpeaking", "on" | "off" as value:
            return SpeakerChanged("agent", speaks=value == "on")
        case "clientSpeaking", "on" | "off" as value:
            return SpeakerChanged("caller", speaks=value == "on")
        case _:
            return None
