"""The work of the agents: handoffs, prompts, tool calls, finished turns."""

from typing import Any, ClassVar, Literal

import msgspec

from orchestra_schemas.event import Event

Role = Literal["system", "user", "assistant", "tool"]


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call that a model asked for. ``arguments`` is the model's JSON text, not yet checked."""

    id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a prompt, in the roles of the chat-completions protocol.

    ``tool_calls`` is set only on assistant messages, ``tool_call_id`` only on tool messages.
    """

    role: Role
    content: str = ""
    name: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


class ToolSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as the model sees it; ``parameters`` is a JSON schema of type object."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class AgentChanged(Event, frozen=True, kw_only=True):
    """Another agent speaks from now on.

    ``reason``: it begins the call, was chosen by the router, got a handoff, or an operator passed the caller on to it.
    """

    family: ClassVar[str] = "conversation"
    agent: str
    previous: str = ""
    reason: Literal["entry", "routed", "handoff", "operator"] = "entry"


class LanguageChanged(Event, frozen=True, kw_only=True):
    """The call goes on in another ``language`` (BCP 47): agents, voice, phrases and speech engines follow.

    ``reason``: the caller speaks it (``heard``), has asked for it (``asked``), an agent has changed it with its tool
    (``chosen``), an agent speaks that has a language of its own (``agent``), or another app has the call (``app``).
    """

    family: ClassVar[str] = "conversation"
    language: str
    previous: str = ""
    reason: Literal["heard", "asked", "chosen", "agent", "app"] = "heard"


class PromptRequested(Event, frozen=True, kw_only=True):
    """A prompt for the model, complete as sent: the answer to "why did it say that?".

    ``step`` numbers the prompts and tool calls of a turn from 1. ``deadline`` is in epoch seconds; a
    prompt is not run after it. ``model`` is empty for the default model; ``parameters`` (``temperature`` …) are passed
    to its server unchanged. ``call_state`` is the state that tools keep for the call. Rules read it, models do not.
    ``app`` has the agent, in this event's version; empty if one app answers everything. ``silent``: the caller hears
    nothing of the answer, which is for the platform. ``language`` (BCP 47) is that of the call.
    """

    family: ClassVar[str] = "conversation"
    agent: str
    step: int = 1
    messages: tuple[Message, ...] = ()
    tools: tuple[ToolSchema, ...] = ()
    tool_choice: Literal["auto", "none", "required"] = "auto"
    model: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    deadline: float = 0.0
    call_state: dict[str, Any] = msgspec.field(default_factory=dict)
    app: str = ""
    silent: bool = False
    language: str = "en"


class ToolRequested(Event, frozen=True, kw_only=True):
    """An agent calls a tool. ``arguments`` is the model's JSON text.

    ``deadline`` is in epoch seconds; the tool is not run after it. ``call_state`` is the state that tools have kept for
    the call so far. ``predicted``: the turn is only predicted to be over; if it is not, the result is forgotten.
    ``app`` and ``language`` as in `PromptRequested`.
    """

    family: ClassVar[str] = "conversation"
    agent: str
    name: str
    step: int = 1
    tool_call_id: str = ""
    arguments: str = "{}"
    deadline: float = 0.0
    call_state: dict[str, Any] = msgspec.field(default_factory=dict)
    predicted: bool = False
    app: str = ""
    language: str = "en"


class TurnCancelled(Event, frozen=True, kw_only=True):
    """The work on ``turn`` was stopped. Parts of its reply that still arrive are not spoken.

    ``operator``: an operator had the call when the caller's turn ended, so there was none; or passed the caller on.
    """

    family: ClassVar[str] = "conversation"
    reason: Literal["interrupted", "superseded", "call_ended", "expired", "resumed", "operator"] = "interrupted"


class TurnCompleted(Event, frozen=True, kw_only=True):
    """The agents are done with ``turn``: every `ReplyChunk` of it is published.

    ``text`` is the reply as generated; `ReplySpoken` or `ReplyInterrupted` has the part that the caller heard.
    ``model`` and ``parameters`` are those of the last answer, empty if no model was asked. ``rules`` are the ones that
    stopped or changed a tool call or a handoff.
    """

    family: ClassVar[str] = "conversation"
    agent: str
    text: str = ""
    steps: int = 0
    failed: bool = False
    model: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    rules: tuple[str, ...] = ()
