"""One call on one media stream: it starts or resumes, runs, and ends or waits for its next stream."""

import asyncio
from typing import Any

import structlog
from redis.exceptions import RedisError

from orchestra.errors import RejectedError, StreamLostError
from orchestra.history.reduce import history_of
from orchestra.history.resume import ResumeState
from orchestra.voice.call.call import Call
from orchestra.voice.carriers.port import AudioReceived, DigitReceived, MarkReturned, MediaStream, Parties
from orchestra.voice.carriers.rate_limit import RateLimit
from orchestra.voice.edge.edge import Edge
from orchestra.voice.pipeline.agent_speech import SpeechQueue
from orchestra.voice.pipeline.pipeline import CallPipeline
from orchestra_schemas.calls import EndReason

_LOG = structlog.get_logger("orchestra.voice")

#: how far a carrier's audio may run ahead of the clock, and how long a stall it may make up for at once
AHEAD_S, BEHIND_S = 5.0, 60.0
_FLUSH_WITHIN_S = 2.0
_JOURNAL_WITHIN_S = 3.0


async def serve_call(edge: Edge, stream: MediaStream, parties: Parties, *, resumed: bool, answered_by: str) -> None:
    """Run the call over this stream, until either is over.

    Raises:
        RejectedError: the carrier broke its protocol, or the call is over.

    """
    speech = SpeechQueue()
    begin = _resume if resumed else _start
    call = await begin(edge, stream, parties, speech, answered_by)
    log = _LOG.bind(call=call.id)
    reason: EndReason | None = "failed"
    log.info("call.started")
    try:
        pipeline = CallPipeline(call, speech, edge.phrase_cache.find, edge.engines, stream)
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


async def _start(edge: Edge, stream: MediaStream, parties: Parties, speech: SpeechQueue, answered_by: str) -> Call:
    return _open_call(edge, stream, parties, speech, answered_by=answered_by, state=None)


async def _resume(edge: Edge, stream: MediaStream, parties: Parties, speech: SpeechQueue, answered_by: str) -> Call:
    """Continue the call in the state that its journal gives.

    Raises:
        RejectedError: the journal cannot be read, or says that the call is over.

    """
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
        # nothing is awaited from here on, so no event is lost between the journal and the call
        began = state if state.started_at else None
        call = _open_call(edge, stream, parties, speech, answered_by=answered_by, state=began)
        call.seen_events.update(dict.fromkeys(event.id for event in journal))
        call.backlog = missed
    return call


def _open_call(
    edge: Edge,
    stream: MediaStream,
    parties: Parties,
    speech: SpeechQueue,
    *,
    answered_by: str,
    state: ResumeState | None,
) -> Call:
    call = Call(
        parties,
        edge.script_of(parties, answered_by),
        edge.engines.name,
        edge.publisher,
        speech.put,
        on_measured=edge.turn_latency.observe,
        resume_state=state,
        sample_rate=stream.sample_rate,
        speculation=edge.speculation,
    )
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


async def _run_call(call: Call, pipeline: CallPipeline, stream: MediaStream) -> EndReason | None:
    """Run the call's tasks until it ends here, and wait until they are done. None: the call continues elsewhere.

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
                part.result()  # an error in one of them ends the call and is reported
        call.end("caller_hung_up" if reading.done() else "failed")
        return call.over.result()
    finally:
        await pipeline.stop()
        reading.cancel()
        watching.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


async def _read_all(call: Call, pipeline: CallPipeline, stream: MediaStream) -> None:
    """Give the call what comes from the carrier, until the stream ends.

    Raises:
        RejectedError: the carrier broke the protocol.
        StreamLostError: the connection broke.

    """
    clock = call.audio.clock
    pace, taken_ms = RateLimit(1000.0, AHEAD_S, BEHIND_S), clock.end_ms
    while True:
        received = await stream.receive()
        if isinstance(received, AudioReceived):  # first, since 50 of these come for one of any other
            call.take_audio(received)
            if not pace.allows(clock.end_ms - taken_ms):
                msg = f"audio that is {AHEAD_S:.0f} s ahead of the clock"
                raise RejectedError(msg)
            taken_ms = clock.end_ms
            await pipeline.push_audio(received.samples)
        elif isinstance(received, MarkReturned):
            call.take_mark(received.name)
        elif isinstance(received, DigitReceived):
            call.take_digit(received.digit)
        else:
            return
