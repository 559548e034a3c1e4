"""The trace of a call: call → turn → stt, prompt, tool, tts.

The same call always gives the same trace, even from a journal of last week: its ids are those that the events carry
(W3C trace context). Attributes have the names of OpenTelemetry's GenAI conventions if there are any (in 2026 all of
them are in development), and Pipecat's names as well.
"""

from collections.abc import Iterator
from hashlib import blake2b

import msgspec

from orchestra.bus.keys import trace_id
from orchestra.history.call import CallHistory, Turn
from orchestra_schemas import Event, PromptCompleted, ToolCompleted, TurnMeasured, UserTurnEnded

Value = str | int | float | bool | tuple[str, ...]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One span; ids in hex (``parent_id`` empty at the root), times in epoch seconds, ``error`` empty for success."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start: float
    end: float
    attributes: dict[str, Value]
    error: str = ""


def spans(history: CallHistory) -> list[Span]:
    """The spans of a call, root first; none without events."""
    if history.first is None:
        return []
    root = _root(history, history.first)
    trace = _Trace(history, root)
    ended = [(turn, turn.ended) for turn in history.turns if turn.ended is not None]
    inner = [span for turn, event in sorted(ended, key=lambda pair: pair[1].at) for span in trace.turn(turn, event)]
    return [root, *inner]


def _root(history: CallHistory, first: Event) -> Span:
    started, ended = history.started, history.ended
    attributes: dict[str, Value] = {"conversation.type": "voice"}
    if started is not None:
        attributes |= {"call.app": started.app, "call.direction": started.direction, "call.from": started.from_number}
        attributes |= {"call.line": started.line} if started.line else {}
        attributes |= {"call.to": started.to_number, "call.provider_id": started.provider_call}
    if ended is not None:
        attributes["call.end_reason"] = ended.reason
    attributes["call.turns"] = history.record.turns
    begin = started or first
    end = ended.at if ended is not None else history.last_at
    error = "failed" if ended is not None and ended.reason == "failed" else ""
    return _span("call", begin, "", begin.at, end, attributes, error)


class _Trace:
    """Builds the spans below the root."""

    def __init__(self, history: CallHistory, root: Span) -> None:
        self._root = root
        prompts = (step.completed for turn in history.turns for step in turn.prompts if step.completed is not None)
        tools = (step.completed for turn in history.turns for step in turn.tools if step.completed is not None)
        self._answers: dict[str, PromptCompleted] = {answer.request: answer for answer in prompts}
        self._results: dict[str, ToolCompleted] = {result.request: result for result in tools}

    def turn(self, turn: Turn, ended: UserTurnEnded) -> Iterator[Span]:
        """The span of one turn, from the caller's last sound to its last event, and those of its stages."""
        start = ended.speech_ended_at or ended.at
        latency = turn.latencies[0] if turn.latencies else None
        attributes: dict[str, Value] = {
            "turn.number": turn.number,
            "turn.was_interrupted": turn.interrupted,
            "turn.input": ended.text,
            "turn.output": turn.completed.text if turn.completed is not None else "",
        }
        if latency is not None:
            attributes["turn.user_bot_latency_seconds"] = latency.total_ms / 1000
        if turn.completed is not None:
            attributes["gen_ai.agent.name"] = turn.completed.agent
        error = "failed" if turn.failed else ""
        span = _span("turn", ended, self._root.span_id, start, max(start, turn.last_at), attributes, error)
        yield span
        yield from _stt(turn, span)
        yield from self._prompts(turn, span)
        yield from self._tools(turn, span)
        yield from _tts(latency, span)

    def _prompts(self, turn: Turn, parent: Span) -> Iterator[Span]:
        for requested in (step.requested for step in turn.prompts if step.requested is not None):
            answer = self._answers.get(requested.id)
            model = (answer.model if answer else "") or requested.model
            attributes: dict[str, Value] = {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": model,
                "gen_ai.agent.name": requested.agent,
                "orchestra.step": requested.step,
            }
            if answer is not None:
                attributes |= {
                    "gen_ai.usage.input_tokens": answer.prompt_tokens,
                    "gen_ai.usage.output_tokens": answer.completion_tokens,
                    "gen_ai.response.finish_reasons": (answer.finish_reason,),
                    "gen_ai.response.time_to_first_chunk": answer.first_token_ms / 1000,
                    "output": answer.text,
                }
            end = answer.at if answer is not None else max(requested.at, parent.end)
            error = answer.error if answer is not None else "not answered"
            yield _span(f"chat {model}".rstrip(), requested, parent.span_id, requested.at, end, attributes, error)

    def _tools(self, turn: Turn, parent: Span) -> Iterator[Span]:
        for requested in (step.requested for step in turn.tools if step.requested is not None):
            result = self._results.get(requested.id)
            attributes: dict[str, Value] = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": requested.name,
                "gen_ai.agent.name": requested.agent,
                "gen_ai.tool.call.id": requested.tool_call_id,
                "input": requested.arguments,
                "output": result.result if result is not None else "",
                "orchestra.step": requested.step,
            }
            end = result.at if result is not None else max(requested.at, parent.end)
            error = ("failed" if result.failed else "") if result is not None else "not answered"
            name = f"execute_tool {requested.name}"
            yield _span(name, requested, parent.span_id, requested.at, end, attributes, error)


def _stt(turn: Turn, parent: Span) -> Iterator[Span]:
    for final in turn.finals:
        attributes: dict[str, Value] = {
            "gen_ai.provider.name": final.engine,
            "transcript": final.text,
            "stt.confidence": final.confidence,
            "stt.speech_seconds": final.speech_s,
            "metrics.ttfb": final.stt_ms / 1000,
        }
        yield _span("stt", final, parent.span_id, final.at - final.stt_ms / 1000, final.at, attributes)


def _tts(latency: TurnMeasured | None, parent: Span) -> Iterator[Span]:
    if latency is None or not latency.tts_ms:
        return
    stages = (latency.turn_end_ms, latency.routing_ms, latency.first_token_ms, latency.first_sentence_ms)
    start = parent.start + sum(stages) / 1000
    attributes: dict[str, Value] = {"metrics.ttfb": latency.tts_ms / 1000}
    yield _span("tts", latency, parent.span_id, start, start + latency.tts_ms / 1000, attributes)


def _span(  # noqa: PLR0917 - in this file only
    name: str, event: Event, parent: str, start: float, end: float, attributes: dict[str, Value], error: str = ""
) -> Span:
    common: dict[str, Value] = {"conversation.id": event.call, "gen_ai.conversation.id": event.call}
    return Span(
        name=name,
        trace_id=trace_id(event.call),
        span_id=_span_id(event),
        parent_id=parent,
        start=start,
        end=max(start, end),
        attributes=common | {key: value for key, value in attributes.items() if value != ""},
        error=error,
    )


def _span_id(event: Event) -> str:
    """The span id in the event's traceparent; every event has its own."""
    if event.trace.count("-") == 3:  # noqa: PLR2004 - version, trace, span, flags
        return event.trace.split("-")[2]
    return blake2b(f"{event.call} {event.id}".encode(), digest_size=8).hexdigest()
