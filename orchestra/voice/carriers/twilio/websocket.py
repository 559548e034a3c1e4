"""The media WebSocket: who may open one, and what comes over it."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from fastapi import WebSocket
from redis.exceptions import RedisError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from orchestra.errors import RejectedError
from orchestra.history.reduce import history_of
from orchestra.history.resume import ResumeState
from orchestra.voice.audio import mulaw
from orchestra.voice.call.call import Call, Parties
from orchestra.voice.carriers.port import (
    AudioReceived,
    DigitReceived,
    MarkReturned,
    MediaStream,
    Received,
    StreamLostError,
    StreamStopped,
)
from orchestra.voice.carriers.rate_limit import RateLimit
from orchestra.voice.carriers.stream_token import claim_stream
from orchestra.voice.carriers.twilio import media_stream
from orchestra.voice.carriers.twilio.media_stream import (
    Connected,
    Digit,
    MalformedMessageError,
    Mark,
    Media,
    Message,
    Start,
    Stop,
)
from orchestra.voice.pipeline.agent_speech import AgentSpeechProcessor
from orchestra.voice.pipeline.pipeline import CallPipeline
from orchestra_schemas.calls import EndReason

if TYPE_CHECKING:
    from orchestra.voice.edge.edge import Edge

_LOG = structlog.get_logger("orchestra.voice")

#: close code of RFC 6455 for what breaks the rules
_POLICY_VIOLATION = 1008
_NORMAL = 1000

_START_WITHIN_S = 10.0
#: carriers send 50 frames a second, some 100; a stall of a minute may be made good at once
_MESSAGES_PER_S = 250.0
_AHEAD_S, _BEHIND_S = 5.0, 60.0
#: of messages that make no sense a hundred may come at once, and two a second
_MALFORMED_PER_S, _MALFORMED_AHEAD_S = 2.0, 50.0
_FLUSH_WITHIN_S = 2.0
_JOURNAL_WITHIN_S = 3.0


class StreamSocket:
    """The carrier's WebSocket, read as messages and written as text.

    Until `lenient` every message must be what the protocol says; then ``on_skipped`` is told why one was passed over.
    """

    def __init__(self, websocket: WebSocket, on_skipped: Callable[[str], None]) -> None:
        self._websocket = websocket
        self._on_skipped = on_skipped
        self._messages = RateLimit(_MESSAGES_PER_S, _AHEAD_S, _BEHIND_S)
        self._malformed = RateLimit(_MALFORMED_PER_S, _MALFORMED_AHEAD_S, 0.0)
        self.lenient = False

    async def read(self) -> Message | None:
        """The next message; None once the carrier has closed.

        Raises:
            RejectedError: it is not what the protocol says, or more come than a call has.

        """
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                return None
            if not self._messages.allows(1):
                msg = f"more than {_MESSAGES_PER_S:.0f} messages a second"
                raise RejectedError(msg)
            text = received.get("text")
            try:
                message = media_stream.read(received.get("bytes") or b"" if text is None else text)
            except MalformedMessageError as error:
                self._skip(error)
                continue
            if message is not None:
                return message

    def _skip(self, error: MalformedMessageError) -> None:
        if not self.lenient:
            raise error
        if not self._malformed.allows(1):
            msg = f"nothing but messages that make no sense, the last: {error}"
            raise RejectedError(msg) from None
        self._on_skipped(str(error))

    async def send(self, text: str) -> bool:
        """Send a message. False: the carrier is gone."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return False
        try:
            await self._websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):  # the socket went away; reading it says so too
            return False
        return True

    async def close(self, code: int, reason: str = "") -> None:
        """Close it, if it is still open."""
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # closed by the carrier in the meantime
            await self._websocket.close(code, reason[:100])


class TwilioStream:
    """The media stream of one call, from its `start` on: a `MediaStream` of 8 kHz whose µ-law ends here."""

    sample_rate = mulaw.SAMPLE_RATE

    def __init__(self, socket: StreamSocket, stream_sid: str) -> None:
        self._socket = socket
        self._sid = stream_sid

    async def receive(self) -> Received:
        """What the carrier says next of this stream.

        Raises:
            RejectedError: the carrier broke the protocol.
            StreamLostError: the socket is gone without a `stop`.

        """
        while True:
            message = await self._socket.read()
            if message is None:
                raise StreamLostError
            match _of_stream(message, self._sid):
                case Media(media):
                    if media.is_inbound and media.payload:
                        return AudioReceived(mulaw.decode(media.payload).tobytes(), media.timestamp_ms)
                case Mark(mark):
                    return MarkReturned(mark.name)
                case Digit(dtmf):
                    return DigitReceived(dtmf.digit)
                case Stop():
                    return StreamStopped()

    async def send_audio(self, samples: bytes) -> bool:
        """Have this played after what was sent before. False: the socket is closed."""
        return await self._socket.send(
            media_stream.media(self._sid, mulaw.encode(np.frombuffer(samples, dtype=np.int16)))
        )

    async def send_mark(self, name: str) -> None:
        """Have the mark come back once all before it was played."""
        await self._socket.send(media_stream.mark(self._sid, name))

    async def clear(self) -> None:
        """Have what is not played yet dropped."""
        await self._socket.send(media_stream.clear(self._sid))


async def media_stream_endpoint(websocket: WebSocket) -> None:
    """Serve one stream. What breaks the protocol closes it with 1008 and one line in the log; other calls go on."""
    edge: Edge = websocket.app.state.edge
    call_id = ""

    def on_skipped(reason: str) -> None:
        edge.admission.skipped_messages += 1
        edge.refusals.note("stream.left_out", call=call_id, reason=reason)

    socket = StreamSocket(websocket, on_skipped)
    try:
        start = await _await_start(edge, websocket, socket)
        if start is None:
            _LOG.info("stream.gone_before_start")
            return
        parties = await _check_token(edge, start)
        call_id = parties.call
        socket.lenient = True
        await _serve(edge, socket, start, parties)
    except RejectedError as error:
        edge.refusals.note("stream.refused", call=call_id, reason=str(error))
        await socket.close(_POLICY_VIOLATION, str(error))


async def _await_start(edge: "Edge", websocket: WebSocket, socket: StreamSocket) -> Start | None:
    """Accept the socket, and see what it says first.

    Raises:
        RejectedError: nothing within ten seconds, or others came meanwhile; or it is no beginning of a stream.

    """
    await websocket.accept()
    try:
        async with asyncio.timeout(_START_WITHIN_S) as limit:
            edge.pending.add(socket, lambda: None if limit.expired() else limit.reschedule(0.0))
            return await _read_start(socket)
    except TimeoutError:
        msg = f"no `start` message within {_START_WITHIN_S:.0f} s, or before too many others came"
        raise RejectedError(msg) from None
    finally:
        edge.pending.remove(socket)


async def _read_start(socket: StreamSocket) -> Start | None:
    message = await socket.read()
    if isinstance(message, Connected):
        message = await socket.read()
    if message is None or isinstance(message, Start):
        return message
    msg = f"a stream begins with `connected` and `start`, not with {type(message).__name__.lower()}"
    raise RejectedError(msg)


async def _check_token(edge: "Edge", start: Start) -> Parties:
    given = start.start.custom_parameters
    token, call, provider_call = given.get("token", ""), given.get("call", ""), start.start.call_sid
    stream = edge.tokens.redeem(token, call, provider_call, time.time())
    await asyncio.gather(claim_stream(edge.bus, call, token), edge.call_index.mark(provider_call, call, "begun"))
    return Parties(
        call=call,
        provider_call=provider_call,
        from_number=given.get("from_number", ""),
        to_number=given.get("to_number", ""),
        direction="outbound" if given.get("direction") == "outbound" else "inbound",
        stream=stream,
    )


async def _serve(edge: "Edge", socket: StreamSocket, start: Start, parties: Parties) -> None:
    agent_speech = AgentSpeechProcessor(edge.phrase_cache.find)
    stream = TwilioStream(socket, start.stream_sid)
    call = await _begin(edge, start, parties, agent_speech)
    log = _LOG.bind(call=call.id)
    reason: EndReason | None = "failed"
    log.info("call.started")
    try:
        pipeline = CallPipeline(call, agent_speech, edge.engines, stream)
        reason = await _run_call(call, pipeline, stream)
    except StreamLostError:
        reason = None
        edge.lost.wait_for(call.id)
    finally:
        if reason is None:
            call.publish_remaining()
        else:
            call.ended(reason)
        edge.admission.end(call)
        log.info("call.ended" if reason else "call.left", reason=reason)
        over = [edge.call_index.mark(parties.provider_call, call.id, "over")] if reason is not None else []
        await asyncio.gather(_flush(edge, call.id), *over)
    await socket.close(_NORMAL)


async def _begin(edge: "Edge", start: Start, parties: Parties, agent_speech: AgentSpeechProcessor) -> Call:
    """The call as this edge has it: new, or in the state that its journal gives.

    Raises:
        RejectedError: the journal of a call to be taken up cannot be read, or says that the call is over.

    """
    if not start.start.custom_parameters.get("resumed"):
        return _call(edge, start, parties, agent_speech, None)
    with edge.dispatcher.buffering(parties.call) as missed:
        try:
            async with asyncio.timeout(_JOURNAL_WITHIN_S):
                await edge.dispatcher.wait_followed(parties.call)
                journal = await edge.bus.journal(parties.call)
        except (TimeoutError, RedisError, ValueError) as error:
            msg = f"the journal cannot be read: {error!r}"
            raise RejectedError(msg) from error
        state = history_of(journal).resume
        if state.ended:
            msg = "the call is over"
            raise RejectedError(msg)
        # nothing is awaited from here on: no event falls between the journal and the call
        call = _call(edge, start, parties, agent_speech, state if state.started_at else None)
        call.seen_events.update(dict.fromkeys(event.id for event in journal))
        call.backlog = missed
    return call


def _call(
    edge: "Edge", start: Start, parties: Parties, agent_speech: AgentSpeechProcessor, state: ResumeState | None
) -> Call:
    call = Call(
        parties,
        edge.script_of(parties, start.start.custom_parameters),
        edge.engines.name,
        edge.publisher,
        agent_speech.speak,
        on_measured=edge.turn_latency.observe,
        resume_state=state,
    )
    call.started()
    edge.admission.begin(call)
    edge.dispatcher.watch(call.id)
    return call


async def _flush(edge: "Edge", call: str) -> None:
    # the carrier's next question is answered from the journal; where that is away it is asked to ask again
    try:
        await edge.publisher.flush(_FLUSH_WITHIN_S if edge.publisher.connected else 0)
    except TimeoutError:
        _LOG.warning("call.journal_late", call=call, buffered=edge.publisher.buffered)


async def _run_call(call: Call, pipeline: CallPipeline, stream: MediaStream) -> EndReason | None:
    """Run the call's parts until it is to end here, and see them end. None: the call goes on elsewhere.

    Raises:
        RejectedError: the carrier broke the protocol.
        StreamLostError: the socket broke.

    """
    speaking = asyncio.create_task(pipeline.run(), name=f"pipeline {call.id}")
    reading = asyncio.create_task(_read_all(call, pipeline, stream), name=f"stream {call.id}")
    watching = asyncio.create_task(call.watch(), name=f"watch {call.id}")
    parts: list[asyncio.Task[None]] = [speaking, reading, watching]
    try:
        waited: list[asyncio.Future[Any]] = [*parts, call.over]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        for part in parts:
            if part.done() and not call.over.done():
                part.result()  # an error in one ends the call, and is nobody's to swallow
        call.end("caller_hung_up" if reading.done() else "failed")
        return call.over.result()
    finally:
        await pipeline.stop()
        reading.cancel()
        watching.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


async def _read_all(call: Call, pipeline: CallPipeline, stream: MediaStream) -> None:
    """Take what comes from the carrier until it ends the stream.

    Raises:
        RejectedError: the carrier broke the protocol.
        StreamLostError: the connection broke.

    """
    clock = call.audio.clock
    pace, taken_ms = RateLimit(1000.0, _AHEAD_S, _BEHIND_S), clock.end_ms
    while True:
        received = await stream.receive()
        if isinstance(received, AudioReceived):  # first, since 50 of these come for one of any other
            call.take_audio(received)
            if not pace.allows(clock.end_ms - taken_ms):
                msg = f"audio that is {_AHEAD_S:.0f} s ahead of the clock"
                raise RejectedError(msg)
            taken_ms = clock.end_ms
            await pipeline.push_audio(received.samples)
        elif isinstance(received, MarkReturned):
            call.take_mark(received.name)
        elif isinstance(received, DigitReceived):
            call.take_digit(received.digit)
        else:
            return


def _of_stream(message: Message, stream_sid: str) -> Media | Mark | Digit | Stop:
    """The message, if it is one that this stream may have once it has begun.

    Raises:
        RejectedError: it is not.

    """
    if isinstance(message, Connected | Start):
        msg = f"a second `{type(message).__name__.lower()}` message"
        raise RejectedError(msg)
    if message.stream_sid != stream_sid:
        msg = f"a {type(message).__name__.lower()} message of another stream"
        raise RejectedError(msg)
    return message
