"""The body of a request, in a form that strict servers also accept.

Strict templates (Mistral's, Gemma's) and servers behind Anthropic-like gateways require: one system message, at the
beginning; then a user message; user and assistant alternating; each tool call followed by its result; no empty content;
only valid JSON objects as arguments; a user or tool message at the end.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from orchestra.agents.arguments import argument_objects, tool_name
from orchestra_schemas import Message, PromptRequested, ToolCall, ToolSchema, clean_text

_CONNECTED: Final = "(The caller is connected.)"
_SILENCE: Final = "(silence)"
_GO_ON: Final = "(Go on.)"
_SPOKE: Final = "(The caller spoke.)"
_NO_RESULT: Final = "Nothing is known of its result."
#: accepted by Gemini instead of a lost signature: https://ai.google.dev/gemini-api/docs/thought-signatures
_SIGNATURE: Final = {"google": {"thought_signature": "skip_thought_signature_validator"}}
_MAX_TOKENS: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
#: fields that every request needs
_NEEDED: Final = {"model", "messages", "tools"}
#: words of refusals that no other form of the request would avoid
_OTHER_CAUSE = re.compile(
    r"context.{0,10}(?:length|window)|too (?:long|many tokens)|maximum.{0,20}tokens|quota"
    r"|content.?(?:filter|management|policy)|billing|api.?key|not found|does not exist",
    re.IGNORECASE,
)


class ServerQuirks(msgspec.Struct):
    """The requirements of a server, learned from its refusals.

    Attributes:
        dropped: fields of the request that it does not accept.
        renamed: fields that have another name there.
        short_ids: ids of tool calls must be nine letters or digits (Mistral).
        text_content: a message that only calls tools still needs content.
        signatures: tool calls need a signature (Gemini).
        plainest: all of this was tried together.

    """

    dropped: set[str] = msgspec.field(default_factory=set)
    renamed: dict[str, str] = msgspec.field(default_factory=dict)
    short_ids: bool = False
    text_content: bool = False
    signatures: bool = False
    plainest: bool = False

    def learn(self, request: dict[str, Any], problem: str) -> bool:
        """Learn from a refusal. Returns whether there is another form of the request to try."""
        named = [name for name in request if name not in _NEEDED and re.search(rf"\b{re.escape(name)}\b", problem)]
        if len(named) > 1 and "stream" in named:
            named.remove("stream")
        for name in named:
            self._leave_out(name)
        return bool(named) or (not _OTHER_CAUSE.search(problem) and self._learn_of_calls(request, problem))

    def _leave_out(self, name: str) -> None:
        """Rename this field, or drop it if that was tried already."""
        other = _MAX_TOKENS.get(name, "")
        is_new_name = name in self.renamed.values()
        if other and other not in self.renamed and not is_new_name:
            self.renamed[name] = other
        else:
            self.dropped |= {name, other} if is_new_name else {name}

    def _learn_of_calls(self, request: dict[str, Any], problem: str) -> bool:
        """Learn from a refusal that names no field; if it gives no reason at all, the plainest form is tried."""
        has_calls = any(message.get("tool_calls") for message in request["messages"])
        if has_calls and "thought_signature" in problem and not self.signatures:
            self.signatures = True
        elif has_calls and not self.short_ids and re.search(r"tool.?call.?id|\bid\b", problem, re.IGNORECASE):
            self.short_ids = True
        elif has_calls and not self.text_content and re.search(r"\bcontent\b", problem, re.IGNORECASE):
            self.text_content = True
        elif not self.plainest:
            self.plainest = self.short_ids = self.text_content = True
            self.dropped |= set(request) - _NEEDED - {"stream"}
        else:
            return False
        return True

    def form(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request in the form that the server accepts."""
        named = {self.renamed.get(name, name): value for name, value in request.items()}
        return {name: value for name, value in named.items() if name in _NEEDED or name not in self.dropped}


def request_of(model: str, prompt: PromptRequested, quirks: ServerQuirks) -> dict[str, Any]:
    """The body of the request for a prompt."""
    request: dict[str, Any] = {
        "stream_options": {"include_usage": True},
        **prompt.parameters,  # self-hosted servers know more names
        "model": model,
        "messages": wire_messages(prompt.messages, quirks),
        "stream": True,
    }
    if prompt.tools:
        request["tools"] = [_tool(tool) for tool in prompt.tools]
        request["tool_choice"] = prompt.tool_choice
    return quirks.form(request)


def wire_messages(messages: Sequence[Message], quirks: ServerQuirks) -> list[dict[str, Any]]:
    """The messages in strict order, see the module's docstring."""
    head = 0
    while head < len(messages) and messages[head].role == "system":
        head += 1
    wire: list[dict[str, Any]] = []
    system = "\n\n".join(text for message in messages[:head] if (text := clean_text(message.content).strip()))
    if system:
        wire.append({"role": "system", "content": system})
    for message in _in_turn(messages[head:], quirks):
        last = wire[-1]["role"] if wire else ""
        if message["role"] == "assistant" and last in {"", "system"}:
            wire.append({"role": "user", "content": _CONNECTED})
        elif message["role"] == "user" and last == "tool":
            wire.append({"role": "assistant", "content": _SPOKE})
        elif message["role"] == last == "user":
            wire[-1]["content"] += f"\n{message['content']}"
            continue
        elif message["role"] == last == "assistant" and not wire[-1].get("tool_calls"):
            said = "\n".join(text for text in (wire[-1]["content"], message["content"]) if text)
            wire[-1] = {**message, "content": said}
            continue
        wire.append(message)
    if not wire or wire[-1]["role"] not in {"user", "tool"}:
        wire.append({"role": "user", "content": _GO_ON if wire and wire[-1]["role"] == "assistant" else _CONNECTED})
    return wire


def _in_turn(messages: Sequence[Message], quirks: ServerQuirks) -> Iterator[dict[str, Any]]:
    """The messages one by one, each tool call followed by its result; results without a call are left out."""
    results: dict[str, list[Message]] = {}
    for message in messages:
        if message.role == "tool":
            results.setdefault(message.tool_call_id, []).append(message)
    for message in messages:
        text = clean_text(message.content)
        if message.role == "tool":
            continue
        if message.role != "assistant":  # a system message in the middle is sent as the user's
            yield {"role": "user", "content": text if text.strip() else _SILENCE}
            continue
        calls = [(_call(call, quirks), results.get(call.id, [])) for call in message.tool_calls]
        if calls:
            content = text if text.strip() else ("(A tool is called.)" if quirks.text_content else None)
            yield {"role": "assistant", "content": content, "tool_calls": [call for call, _ in calls]}
        elif text.strip():
            yield {"role": "assistant", "content": text}
        for call, found in calls:
            result = clean_text(found.pop(0).content) if found else ""
            yield {"role": "tool", "tool_call_id": call["id"], "content": result if result.strip() else _NO_RESULT}


def _call(call: ToolCall, quirks: ServerQuirks) -> dict[str, Any]:
    try:
        (arguments,) = argument_objects(call.arguments)
    except ValueError:
        arguments = "{}"  # written by an earlier version or another program: no server accepts it
    call_id = _short_id(call.id) if quirks.short_ids else clean_text(call.id)
    function = {"name": tool_name(call.name) or "unknown", "arguments": arguments}
    written: dict[str, Any] = {"id": call_id or _short_id(call.name), "type": "function", "function": function}
    if quirks.signatures:
        written["extra_content"] = _SIGNATURE
    return written


def _short_id(call_id: str) -> str:
    """An id of nine letters or digits, always the same for the same id."""
    if re.fullmatch(r"[A-Za-z0-9]{9}", call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:9]


def _tool(tool: ToolSchema) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    }
