"""One call on one stream: it starts or resumes, runs, and ends or waits for its next stream."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

import structlog
from redis.exceptions import RedisError

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError, SealedError, StreamLostError
from orchestra.history.reduce import history_of
from orchestra.history.resume import ResumeState
from orchestra.rate_limit import RateLimit
from orchestra.voice.call.call import Call
from orchestra.voice.carriers.port import (
    AudioReceived,
    DigitReceived,
    HoldChanged,
    MarkReturned,
    MediaStream,
    Parties,
    TextStream,
)
from orchestra.voice.edge.dial_requests import DialRequests
from orchestra.voice.edge.edge import Edge
from orchestra.voice.edge.operator_microphone import OperatorMicrophone
from orchestra.voice.edge.person_legs import ring_person
from orchestra.voice.pipeline.agent_speech import SpeechQueue
from orchestra.voice.pipeline.operator_words import OperatorWords
from orchestra.voice.pipeline.pipeline import CallPipeline
from orchestra.voice.pipeline.thinking_sound import Samples
from orchestra.voice.text.text_call import TextCall
from orchestra.voice.text.text_playback import TextPlayback
from orchestra_schemas.calls import EndReason

_LOG = structlog.get_logger("orchestra.voice")

#: how far a carrier's audio may run ahead of the clock, and how long a stall it may make up for at once
AHEAD_S, BEHIND_S = 5.0, 60.0
_FLUSH_WITHIN_S = 2.0
_JOURNAL_WITHIN_S = 3.0


class CallParts(NamedTuple):
    """The tasks of a call's stream, and what ends the first of them."""

    speaking: Coroutine[Any, Any, None]
    listening: Coroutine[Any, Any, None]
    watching: Coroutine[Any, Any, None]
    stop: Callable[[], Awaitable[None]]


async def serve_call(edge: Edge, stream: MediaStream, parties: Parties, *, resumed: bool, answered_by: str) -> None:
    """Run the call over this stream, until either is over.

    Raises:
        RejectedError: the carrier broke its protocol, or the call is over.

    """
    speech = SpeechQueue()
    parties = parties if resumed else await _as_asked_for(edge, parties)
    ringing: set[asyncio.Task[None]] = set()

    def make(state: ResumeState | None) -> Call:
        return Call(
            parties,
            edge.script_of(parties, answered_by, state),
            edge.engines.name,
            edge.publisher,
            speech.put,
            on_measured=edge.turn_latency.observe,
            resume_state=state,
            sample_rate=stream.sample_rate,
            speculation=edge.speculation,
            script_of_app=edge.answering.of_app,
            keep_secret=edge.vault.keep,
        )

    def parts(call: Call) -> CallParts:
        def sound() -> Samples:
            return edge.hold_music.sound(call.thinking_sound, stream.sample_rate)

        thinking = sound if edge.answering.thinking_sounds else None
        noise = edge.settings.noise_suppression
        find = edge.phrase_cache.find
        pipeline = CallPipeline(call, speech, find, edge.engines, stream, thinking=thinking, noise=noise)

        async def play(samples: bytes, sample_rate: int) -> None:
            await pipeline.play(samples, sample_rate, beside=bool(call.conversation.person))

        def on_held(held: bool) -> None:
            call.on_held(held)
            microphone.switch(held)

        def ring(person: str) -> None:
            ringing.add(asyncio.create_task(ring_person(edge, call.id, person), name=f"person {call.id}"))

        microphone = OperatorMicrophone(edge.bus, call, play, partial(_transcribe, edge, call))
        call.conversation.on_held, call.ring_person = on_held, ring

        async def stop() -> None:
            await microphone.close()
            await pipeline.stop()
            await asyncio.gather(*ringing)  # whoever is rung has to be known, so that they are hung up on

        return CallParts(pipeline.run(), _read_all(call, pipeline, stream), call.watch(), stop)

    await _serve(edge, parties, make, parts, resumed=resumed)


def _transcribe(edge: Edge, call: Call, operator: str) -> OperatorWords:
    """Have the call's STT engine hear an operator, too."""
    stt = edge.engines.name.partition("/")[0]
    return OperatorWords(
        call.id,
        edge.engines,
        lambda words: call.conversation.understood(operator, words, stt),
        call.on_operator_audio,
        language=call.heard_language,
        keyterms=call.keyterms,
    )


async def serve_text_call(edge: Edge, stream: TextStream, parties: Parties, *, resumed: bool, answered_by: str) -> None:
    """The same over a stream of text, whose carrier hears and speaks. The call has no audio, and no recording."""
    speech, playback = SpeechQueue(), TextPlayback(SYSTEM_CLOCK.monotonic)
    parties = parties if resumed else await _as_asked_for(edge, parties)

    def make(state: ResumeState | None) -> Call:
        return Call(
            parties,
            edge.script_of(parties, answered_by, state).unrecorded,
            f"{stream.engine}/{stream.engine}",
            edge.publisher,
            speech.put,
            on_measured=edge.turn_latency.observe,
            resume_state=state,
            playback=playback,
            speculation=edge.speculation.without_speech(),
            script_of_app=edge.answering.of_app,
            keep_secret=edge.vault.keep,
        )

    def parts(call: Call) -> CallParts:
        text = TextCall(call, speech, playback, stream)
        return CallParts(text.run(), text.listen(), text.watch(), text.stop)

    await _serve(edge, parties, make, parts, resumed=resumed)


async def _as_asked_for(edge: Edge, parties: Parties) -> Parties:
    """What a call that we placed was asked for with; it begins all the same if that cannot be read.

    The shares of the versions that may answer it are read, too.
    """
    if len(edge.answering.apps) > 1:
        await edge.splits.read()
    try:
        async with asyncio.timeout(_JOURNAL_WITHIN_S):
            return await DialRequests(edge.bus, edge.settings.dial_key_s).complete(parties)
    except (RedisError, TimeoutError, SealedError) as error:
        _LOG.warning("call.request_unknown", call=parties.call, error=repr(error))
        return parties


async def _serve(
    edge: Edge,
    parties: Parties,
    make: Callable[[ResumeState | None], Call],
    parts: Callable[[Call], CallParts],
    *,
    resumed: bool,
) -> None:
    """Start or resume the call, run it until it or its stream is over, and publish how it ended."""
    call = await _resume(edge, parties, make) if resumed else _open_call(edge, make(None))
    log = _LOG.bind(call=call.id)
    reason: EndReason | None = "failed"
    log.info("call.started")
    try:
        reason = await _run_call(call, parts(call))
    except StreamLostError:
        reason = None
        edge.lost.wait_for(call.id, stream=parties.stream)
    finally:
        if reason is None:
            call.publish_remaining()
            edge.publisher.release(call.id, parties.stream)
        else:
            call.ended(reason)
        edge.admission.end(call)
        log.info("call.ended" if reason else "call.left", reason=reason)
        over = [edge.call_index.mark(parties.provider_call, call.id, "over")] if reason is not None else []
        await asyncio.gather(_flush(edge, call.id), *over)


async def _resume(edge: Edge, parties: Parties, make: Callable[[ResumeState | None], Call]) -> Call:
    """Continue the call in the state that its journal gives.

    Raises:
        RejectedError: the journal cannot be read, or says that the call is over.

    """
    with edge.dispatcher.buffering(parties.call) as missed:
        try:
            async with asyncio.timeout(_JOURNAL_WITHIN_S):
                await edge.dispatcher.wait_followed(parties.call)
                journal = await edge.bus.journal(parties.call, in_clear=True)
        except (TimeoutError, RedisError, ValueError) as error:
            msg = f"the journal cannot be read: {error!r}"
            raise RejectedError(msg) from error
        state = history_of(journal).resume
        if state.ended:
            msg = "the call is over"
            raise RejectedError(msg)
        # nothing is awaited from here on, so no event is lost between the journal and the call
        call = _open_call(edge, make(state if state.started_at else None))
        call.seen_events.update(dict.fromkeys(event.id for event in journal))
        call.backlog = missed
    return call


def _open_call(edge: Edge, call: Call) -> Call:
    edge.publisher.claim(call.id, call.parties.stream)
    call.started()
    edge.admission.begin(call)
    edge.dispatcher.watch(call.id)
    return call


async def _flush(edge: Edge, call: str) -> None:
    # the carrier's next question is answered from the journal; while Redis is away the carrier has to ask again
    try:
        await edge.publisher.flush(_FLUSH_WITHIN_S if edge.publisher.connected else 0)
    except TimeoutError:
        _LOG.warning("call.journal_late", call=call, buffered=edge.publisher.buffered)


async def _run_call(call: Call, parts: CallParts) -> EndReason | None:
    """Run the call's tasks until it ends here, and wait until they are done. None: the call continues elsewhere.

    Raises:
        RejectedError: the carrier broke the protocol.
        StreamLostError: the socket broke.

    """
    speaking = asyncio.create_task(parts.speaking, name=f"pipeline {call.id}")
    listening = asyncio.create_task(parts.listening, name=f"stream {call.id}")
    watching = asyncio.create_task(parts.watching, name=f"watch {call.id}")
    tasks: list[asyncio.Task[None]] = [speaking, listening, watching]
    try:
        waited: list[asyncio.Future[Any]] = [*tasks, call.over]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done() and not call.over.done():
                task.result()  # an error in one of them ends the call and is reported
        call.end("caller_hung_up" if listening.done() else "failed")
        return call.over.result()
    finally:
        await parts.stop()
        listening.cancel()
        watching.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read_all(call: Call, pipeline: CallPipeline, stream: MediaStream) -> None:
    """Give the call what comes from the carrier, until the stream ends.

    Raises:
        RejectedError: the carrier broke the protocol.
        StreamLostError: the connection broke.

    """
    await call.first_words.wait()  # what is said meanwhile is heard after them
    clock = call.audio.clock
    pace, taken_ms = RateLimit(1000.0, AHEAD_S, BEHIND_S), clock.end_ms
    while True:
        received = await stream.receive()
        if isinstance(received, AudioReceived):  # first, since 50 of these come for one of any other
            heard = call.take_audio(received)
            if not pace.allows(clock.end_ms - taken_ms):
                msg = f"audio that is {AHEAD_S:.0f} s ahead of the clock"
                raise RejectedError(msg)
            taken_ms = clock.end_ms
            await pipeline.push_audio(heard)
        elif isinstance(received, MarkReturned):
            call.take_mark(received.name)
        elif isinstance(received, DigitReceived):
            call.take_digit(received.digit)
        elif isinstance(received, HoldChanged):
            call.take_hold(held=received.held)
        else:
            return
