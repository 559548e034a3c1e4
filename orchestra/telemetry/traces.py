"""The trace of a call as it leaves the platform: the spans of its history, redacted."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestra.history.reduce import history_of
from orchestra.history.turn import without_messages
from orchestra.history.views.spans import Span, Value, spans
from orchestra.telemetry.redaction import Chain, Redaction
from orchestra_schemas import Event, PromptRequested

#: attributes of every span that hold nothing personal
_IDS = frozenset({"conversation.id", "gen_ai.conversation.id"})


def slim(event: Event) -> Event:
    """The event without what no span shows: prompts are long, and a call has many."""
    return without_messages(event) if isinstance(event, PromptRequested) else event


def spans_of(events: Sequence[Event], redaction: Redaction | None = None) -> list[Span]:
    """The spans of a call from its events, root first; the order of the events does not matter."""
    found = spans(history_of(sorted(events, key=attrgetter("at"))))
    return _with_messages(found if redaction is None else _redacted(found, redaction))


def _redacted(found: Sequence[Span], redaction: Redaction) -> list[Span]:
    chain = Chain(redaction)  # a number that is spread over several spans is found, too

    def text(span: Span, key: str, value: Value) -> Value:
        return chain(f"{span.name} {key}", value) if isinstance(value, str) and key not in _IDS else value

    return [
        replace(
            span,
            attributes={key: text(span, key, value) for key, value in span.attributes.items()},
            error=redaction.text(span.error),
        )
        for span in found
    ]


def _with_messages(found: list[Span]) -> list[Span]:
    """Add the messages of turns and prompts in the form of OpenTelemetry's GenAI conventions, as JSON.

    They are made of attributes that are redacted already: a number that is spread over messages would not be found in
    their JSON. A prompt has the messages of its turn; those of earlier turns are in the spans of these.
    """
    asked = {span.span_id: _message("user", span.attributes.get("turn.input")) for span in found if span.name == "turn"}
    said = {turn: [message] for turn, message in asked.items() if message["parts"]}
    added: dict[str, dict[str, Value]] = {
        span.span_id: _messages(said.get(span.span_id, []), _message("assistant", span.attributes.get("turn.output")))
        for span in found
        if span.name == "turn"
    }
    for span in sorted(found, key=attrgetter("start")):
        messages, attributes = said.setdefault(span.parent_id, []), span.attributes
        match attributes.get("gen_ai.operation.name"):
            case "chat":
                answer = _message("assistant", attributes.get("output"))
                answer["parts"] += [_tool_call(tool) for tool in found if _is_called_by(tool, span)]
                added[span.span_id] = _messages(messages, answer | _finish_reason(attributes))
                messages.append(answer)
            case "execute_tool":
                parts = [{"type": "tool_call_response", **_id(span), "response": attributes.get("output", "")}]
                messages.append({"role": "tool", "parts": parts})
            case _:
                pass
    return [replace(span, attributes=span.attributes | added.get(span.span_id, {})) for span in found]


def _message(role: str, text: Value | None) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}] if text else []}


def _messages(given: list[dict[str, Any]], answer: dict[str, Any]) -> dict[str, Value]:
    """Both attributes; one without any message is left out."""
    both = {"gen_ai.input.messages": given, "gen_ai.output.messages": [answer] if answer["parts"] else []}
    return {name: msgspec.json.encode(messages).decode() for name, messages in both.items() if messages}


def _tool_call(tool: Span) -> dict[str, Any]:
    name, arguments = tool.attributes["gen_ai.tool.name"], tool.attributes.get("input", "")
    return {"type": "tool_call", **_id(tool), "name": name, "arguments": arguments}


def _is_called_by(tool: Span, prompt: Span) -> bool:
    ours = tool.parent_id == prompt.parent_id and tool.attributes.get("gen_ai.operation.name") == "execute_tool"
    return ours and tool.attributes.get("orchestra.step") == prompt.attributes.get("orchestra.step")


def _finish_reason(attributes: dict[str, Value]) -> dict[str, Any]:
    reasons = attributes.get("gen_ai.response.finish_reasons")
    return {"finish_reason": reasons[0]} if isinstance(reasons, tuple) and reasons and reasons[0] else {}


def _id(tool: Span) -> dict[str, Any]:
    return {"id": tool.attributes["gen_ai.tool.call.id"]} if "gen_ai.tool.call.id" in tool.attributes else {}
