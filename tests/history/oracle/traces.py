"""The trace of a call, made from its journal: call → turn → stt, prompt, tool, tts.

A pure function of the events, so a call gives the same trace whoever makes it, and from a journal of last week too. The
ids are those that the events carry (W3C trace context). Attributes follow OpenTelemetry's GenAI conventions where there
are any (as of 2026 all of them are in development), and Pipecat's names beside them.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TypeVar

import msgspec

from orchestra.bus.keys import trace_id
from orchestra.telemetry.redaction import Chain, Redaction
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    Event,
    PromptCompleted,
    PromptRequested,
    ReplyInterrupted,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)

Value = str | int | float | bool | tuple[str, ...]
E = TypeVar("E", bound=Event)


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


def slim(event: Event) -> Event:
    """The event without what no span shows: prompts are long, and a call has many."""
    if isinstance(event, PromptRequested):
        return msgspec.structs.replace(event, messages=(), tools=())
    return event


def spans_of(events: Sequence[Event], redaction: Redaction | None = None) -> list[Span]:
    """The spans of a call from the events of its journal, root first; none without events."""
    if not events:
        return []
    trace = _Trace(events, redaction)
    root = trace.root()
    spans = [root]
    for ended in trace.all(UserTurnEnded):
        spans += trace.turn(ended, root)
    return spans


class _Trace:
    def __init__(self, events: Sequence[Event], redaction: Redaction | None) -> None:
        self.events = sorted(events, key=lambda event: event.at)
        self.call = events[0].call
        self.trace_id = trace_id(self.call)
        self._redaction = redaction
        self._chain = Chain(redaction) if redaction is not None else None

    def all(self, kind: type[E], turn: int | None = None) -> list[E]:
        return [event for event in self.events if isinstance(event, kind) and turn in (None, event.turn)]

    def root(self) -> Span:
        """The span of the whole call."""
        first = next(iter(self.all(CallStarted)), None)
        ended = next(iter(self.all(CallEnded)), None)
        attributes: dict[str, Value] = {"conversation.type": "voice"}
        if first is not None:
            attributes |= {"call.app": first.app, "call.direction": first.direction, "call.from": first.from_number}
            attributes |= {"call.to": first.to_number, "call.provider_id": first.provider_call}
        if ended is not None:
            attributes["call.end_reason"] = ended.reason
        attributes["call.turns"] = len(self.all(UserTurnEnded))
        failed = "failed" if ended is not None and ended.reason == "failed" else ""
        begin = first or self.events[0]
        end = (ended or self.events[-1]).at
        return self._span("call", begin, "", begin.at, end, attributes, failed)

    def turn(self, ended: UserTurnEnded, root: Span) -> Iterable[Span]:
        """The span of one turn, from the caller's last sound to its last event, and those of its stages."""
        number = ended.turn
        heard = ended.speech_ended_at or ended.at
        mine = [event.at for event in self.events if event.turn == number]
        measured = next(iter(self.all(TurnMeasured, number)), None)
        completed = next(iter(self.all(TurnCompleted, number)), None)
        attributes: dict[str, Value] = {
            "turn.number": number,
            "turn.was_interrupted": bool(self.all(ReplyInterrupted, number)),
            "turn.input": ended.text,
            "turn.output": completed.text if completed else "",
        }
        if measured is not None:
            attributes["turn.user_bot_latency_seconds"] = measured.total_ms / 1000
        if completed is not None:
            attributes["gen_ai.agent.name"] = completed.agent
        failed = "failed" if completed is not None and completed.failed else ""
        span = self._span("turn", ended, root.span_id, heard, max([heard, *mine]), attributes, failed)
        inside = [*self._stt(span, number), *self._prompts(span, number), *self._tools(span, number)]
        return [span, *inside, *self._tts(span, measured)]

    def _stt(self, turn: Span, number: int) -> Iterable[Span]:
        for event in self.all(TranscriptFinal, number):
            attributes: dict[str, Value] = {
                "gen_ai.provider.name": event.engine, "transcript": event.text, "stt.confidence": event.confidence,
                "stt.speech_seconds": event.speech_s, "metrics.ttfb": event.stt_ms / 1000,
            }  # fmt: skip
            yield self._span("stt", event, turn.span_id, event.at - event.stt_ms / 1000, event.at, attributes)

    def _prompts(self, turn: Span, number: int) -> Iterable[Span]:
        answers = {event.request: event for event in self.all(PromptCompleted)}
        for asked in self.all(PromptRequested, number):
            answer = answers.get(asked.id)
            model = (answer.model if answer else "") or asked.model
            attributes: dict[str, Value] = {
                "gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.agent.name": asked.agent,
                "orchestra.step": asked.step,
            }  # fmt: skip
            if answer is not None:
                attributes |= {
                    "gen_ai.usage.input_tokens": answer.prompt_tokens,
                    "gen_ai.usage.output_tokens": answer.completion_tokens,
                    "gen_ai.response.finish_reasons": (answer.finish_reason,),
                    "gen_ai.response.time_to_first_chunk": answer.first_token_ms / 1000,
                    "output": answer.text,
                }
            end = answer.at if answer else max(asked.at, turn.end)
            error = answer.error if answer else "not answered"
            yield self._span(f"chat {model}".rstrip(), asked, turn.span_id, asked.at, end, attributes, error)

    def _tools(self, turn: Span, number: int) -> Iterable[Span]:
        answers = {event.request: event for event in self.all(ToolCompleted)}
        for asked in self.all(ToolRequested, number):
            answer = answers.get(asked.id)
            attributes: dict[str, Value] = {
                "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": asked.name,
                "gen_ai.agent.name": asked.agent, "gen_ai.tool.call.id": asked.tool_call_id, "input": asked.arguments,
                "output": answer.result if answer else "", "orchestra.step": asked.step,
            }  # fmt: skip
            end = answer.at if answer else max(asked.at, turn.end)
            error = ("failed" if answer.failed else "") if answer else "not answered"
            yield self._span(f"execute_tool {asked.name}", asked, turn.span_id, asked.at, end, attributes, error)

    def _tts(self, turn: Span, measured: TurnMeasured | None) -> Iterable[Span]:
        if measured is None or not measured.tts_ms:
            return
        stages = (measured.turn_end_ms, measured.routing_ms, measured.first_token_ms, measured.first_sentence_ms)
        start = turn.start + sum(stages) / 1000
        attributes: dict[str, Value] = {"metrics.ttfb": measured.tts_ms / 1000}
        yield self._span("tts", measured, turn.span_id, start, start + measured.tts_ms / 1000, attributes)

    def _span(  # noqa: PLR0917 - in this file only
        self,
        name: str,
        event: Event,
        parent: str,
        start: float,
        end: float,
        attributes: dict[str, Value],
        error: str = "",
    ) -> Span:
        common: dict[str, Value] = {"conversation.id": self.call, "gen_ai.conversation.id": self.call}
        told = {key: value for key, value in attributes.items() if value != ""}
        if self._redaction is not None and self._chain is not None:
            told = {
                key: self._chain(f"{name} {key}", value) if isinstance(value, str) else value
                for key, value in told.items()
            }
            error = self._redaction.text(error)
        return Span(
            name=name, trace_id=self.trace_id, span_id=_span_id(event), parent_id=parent, start=start,
            end=max(start, end), attributes=common | told, error=error,
        )  # fmt: skip


def _span_id(event: Event) -> str:
    """The span of the event's own traceparent; every event has one of its own."""
    if event.trace.count("-") == 3:
        return event.trace.split("-")[2]
    return blake2b(f"{event.call} {event.id}".encode(), digest_size=8).hexdigest()
