"""Decides whether an agent's tool call or handoff is made: by the app's rules and the caller's confirmation."""

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from orchestra.agents.app import App
from orchestra.agents.capture.dialogue import PendingCapture
from orchestra.agents.capture.tool import CaptureTool
from orchestra.agents.confirmation import PendingConfirmation
from orchestra.agents.rule import Handoff, Rule, ToolUse
from orchestra.agents.tool import Tool, read_arguments
from orchestra.call_variables import in_speech
from orchestra.errors import RejectedError
from orchestra.language import find_language
from orchestra.language.registry import DEFAULT_CODE
from orchestra_schemas import Message, ToolCall

_LOG = structlog.get_logger("orchestra.agents")

HANDOFF = "transfer_to_"
_REFUSED = "Not done: this is not allowed here."
_SAID_INSTEAD = "Not done: this is not allowed here. The caller is told: {say}"
_ASKED_FIRST = "Not done yet: the caller is asked first, and has to say yes. {say}"
_ASKED_FOR_IT = "The caller is being asked, and answers without you: the answer will be the result of this tool."
_WAITS_FOR_IT = "Not done yet: the caller is asked for what it needs, and then it is done."
_NOT_THIS_ONE = "Not done: there is no such colleague or tool to take instead."


class TurnContext(msgspec.Struct, frozen=True, kw_only=True):
    """The call at the moment at which an agent wants to do something.

    Attributes:
        agent: name of the agent that speaks.
        call: the call's id.
        turn: number of the caller's turn.
        caller_number: E.164, or empty.
        language: of the call (BCP 47).
        conversation: what was said and done so far.
        asked: the confirmation that the caller was asked for before this turn, None if there is none.
        answer: the caller's words since then.
        agreed: whether these agree as the model judges them, in a language that cannot tell.
        capture: the value that the caller is being asked for, None if there is none.
        captured: the caller's words since they were asked for it, each with its turn.
        at: when the caller spoke, in epoch seconds.
        notes: what the agents should know in addition to the conversation.
        whispers: what operators have noted for this turn.
        variables: what is known of the call since it began.
        call_state: what tools have noted so far; it changes while the turn goes on.

    """

    agent: str
    call: str
    turn: int
    caller_number: str = ""
    language: str = DEFAULT_CODE
    conversation: tuple[Message, ...] = ()
    asked: PendingConfirmation | None = None
    answer: str = ""
    agreed: bool = False
    capture: PendingCapture | None = None
    captured: tuple[tuple[int, str], ...] = ()
    at: float = 0.0
    notes: str = ""
    whispers: tuple[str, ...] = ()
    variables: dict[str, Any] = {}
    call_state: dict[str, Any] = {}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call or handoff that is not made.

    Attributes:
        result: the result for the agent.
        say: what the caller hears instead; empty: the agent's next words.
        asked: the confirmation that ``say`` asks for, None if it does not.
        capture: the value that ``say`` asks for, None if it does not.

    """

    result: str
    say: str = ""
    asked: PendingConfirmation | None = None
    capture: PendingCapture | None = None


class ToolGuard:
    """Decides what the agents of an app may do. Pure: the same context gets the same decision."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._on_tools = [rule for rule in app.rules if rule.subject is ToolUse]
        self._on_handoffs = [rule for rule in app.rules if rule.subject is Handoff]

    def check(
        self, call: ToolCall, context: TurnContext, offered: Sequence[str], fired: dict[str, None]
    ) -> ToolCall | Refusal:
        """The call as it is to be made, or its refusal.

        Args:
            call: a tool call, or a handoff as ``transfer_to_…``.
            context: the call at this moment.
            offered: names of the tools and handoffs that this agent has now.
            fired: gets the names of the rules that stop or change the call.

        """
        if call.name.startswith(HANDOFF):
            return self._handoff(call, context, offered, fired)
        tool = self._app.tools.get(call.name)
        if tool is None or call.name not in offered:
            return Refusal(result=f"There is no tool named {call.name}.")
        try:
            call = as_object(call)
        except RejectedError as error:
            return Refusal(result=f"Not done: {error}")
        try:
            arguments = tool.check(call.arguments)
        except RejectedError as error:
            guarded = tool.needs_confirmation or self._on_tools
            return Refusal(result=f"Not done: {error}") if guarded else call  # execution says the same
        return self._ruled(tool, call, arguments, context, offered=offered, fired=fired)

    def _ruled(
        self,
        tool: Tool,
        call: ToolCall,
        arguments: dict[str, Any],
        context: TurnContext,
        *,
        offered: Sequence[str],
        fired: dict[str, None],
    ) -> ToolCall | Refusal:
        """The call after all rules on tools, and after the caller's confirmation if it is needed."""
        use = ToolUse(tool=tool.name, arguments=arguments, **_call_facts(context))
        for rule in self._on_tools:
            decided = _ask(rule, use)
            if decided is None:
                continue
            fired[rule.name] = None
            if not isinstance(decided, ToolUse):
                return _refused(decided)
            use = decided
        if use.tool not in offered:
            return Refusal(result=_NOT_THIS_ONE)
        made = call
        if use.tool != tool.name or use.arguments != arguments:
            made = _tool_call(use.tool, use.arguments, call.id)
        used = self._app.tools[use.tool]
        return self._asking_for_values(used, made, context) or self._confirmed(used, made, context)

    def _asking_for_values(self, tool: Tool, call: ToolCall, context: TurnContext) -> Refusal | None:
        """What the caller is asked for in place of this call, or before it; None if nothing is missing."""
        if isinstance(tool, CaptureTool):
            return Refusal(result=_ASKED_FOR_IT, **self._question(tool, context, then=None))
        missing = next((each for each in tool.needs if each.name not in context.call_state), None)
        if not isinstance(missing, CaptureTool):
            return None
        return Refusal(result=_WAITS_FOR_IT, **self._question(missing, context, then=call))

    def _question(self, tool: CaptureTool, context: TurnContext, then: ToolCall | None) -> dict[str, Any]:
        question = in_speech(tool.question_in(context.language), context.variables)
        pending = PendingCapture(
            tool=tool.name,
            turn=context.turn,
            question=question,
            said=question,
            secret=tool.secret,
            keyed=tool.keys and tool.kind.keyed,
            then=then,
        )
        return {"say": question, "capture": pending}

    def _handoff(
        self, call: ToolCall, context: TurnContext, offered: Sequence[str], fired: dict[str, None]
    ) -> ToolCall | Refusal:
        step = Handoff(target=call.name.removeprefix(HANDOFF), **_call_facts(context))
        for rule in self._on_handoffs:
            decided = _ask(rule, step)
            if decided is None:
                continue
            fired[rule.name] = None
            if not isinstance(decided, Handoff):
                return _refused(decided)
            step = decided
        name = HANDOFF + step.target
        if name == call.name:
            return call
        return ToolCall(id=call.id, name=name, arguments="{}") if name in offered else Refusal(result=_NOT_THIS_ONE)

    def _confirmed(self, tool: Tool, call: ToolCall, context: TurnContext) -> ToolCall | Refusal:
        """The call, if it needs no confirmation or the caller has agreed."""
        if not tool.needs_confirmation:
            return call
        try:
            question = tool.question(call.arguments, find_language(context.language))
        except RejectedError as error:  # a rule has set arguments that the tool does not accept
            return Refusal(result=f"Not done: {error}")
        was_asked = context.asked is not None and context.asked.is_for(call.name, call.arguments)
        agrees = find_language(context.language).agrees(context.answer)
        if was_asked and (context.agreed if agrees is None else agrees):
            return call
        asked = PendingConfirmation(turn=context.turn, tool=call.name, arguments=call.arguments, question=question)
        return Refusal(result=_ASKED_FIRST.format(say=question), say=question, asked=asked)


def as_object(call: ToolCall) -> ToolCall:
    """The call with one JSON object as its arguments, whatever form the model gave them.

    Raises:
        RejectedError: they contain no object.

    """
    read = read_arguments(call.name, call.arguments)
    return call if call.arguments.lstrip().startswith("{") else _tool_call(call.name, read, call.id)


def _tool_call(tool: str, arguments: dict[str, Any], call_id: str) -> ToolCall:
    return ToolCall(id=call_id, name=tool, arguments=msgspec.json.encode(arguments).decode())


def _call_facts(context: TurnContext) -> dict[str, Any]:
    return {
        "agent": context.agent,
        "call": context.call,
        "turn": context.turn,
        "caller_number": context.caller_number,
        "language": context.language,
        "conversation": context.conversation,
        "variables": dict(context.variables),
        "call_state": dict(context.call_state),
    }


def _ask(rule: Rule, subject: ToolUse | Handoff) -> Any:
    """The rule's decision; a rule that fails, or returns something of the wrong type, refuses."""
    try:
        decided = rule(subject)
    except Exception:  # noqa: BLE001 - a rule that fails must not let the call pass
        _LOG.exception("rule.failed", rule=rule.name, call=subject.call, turn=subject.turn)
        return ""
    if decided is not None and not isinstance(decided, str | type(subject)):
        _LOG.error("rule.wrong_answer", rule=rule.name, call=subject.call, answer=type(decided).__name__)
        return ""
    return decided


def _refused(say: str) -> Refusal:
    say = say.strip()
    return Refusal(result=_SAID_INSTEAD.format(say=say) if say else _REFUSED, say=say)
