"""Decides whether a tool call or handoff that an agent wants is made: by the app's rules and the caller's word."""

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from orchestra.agents.app import App
from orchestra.agents.rule import Handoff, Rule, ToolUse
from orchestra.agents.tool import Tool, read_arguments
from orchestra.errors import RejectedError
from orchestra.language.agreement import Asked, agrees
from orchestra_schemas import Message, ToolCall

_LOG = structlog.get_logger("orchestra.agents")

HANDOFF = "transfer_to_"
_REFUSED = "Not done: this is not allowed here."
_SAID_INSTEAD = "Not done: this is not allowed here. The caller is told: {say}"
_ASKED_FIRST = "Not done yet: the caller is asked first, and has to say yes. {say}"
_NOT_THIS_ONE = "Not done: there is no such colleague or tool to take instead."


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """The moment of a call in which something is about to be done.

    Attributes:
        agent: who speaks.
        call: the call's id.
        turn: number of the caller's turn.
        caller_number: E.164, or empty.
        conversation: what was said and done so far.
        asked: what the caller was asked before this turn, None if nothing.
        answer: what the caller has said since.
        known: what the agents should know beside the conversation.
        call_state: what tools have noted so far; it changes while the turn goes on.

    """

    agent: str
    call: str
    turn: int
    caller_number: str = ""
    conversation: tuple[Message, ...] = ()
    asked: Asked | None = None
    answer: str = ""
    known: str = ""
    call_state: dict[str, Any] = {}


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call or handoff that is not made.

    Attributes:
        result: what the agent is told.
        say: what the caller hears in its place; empty: what the agent says next.
        asked: what the caller is asked by that, None if it is no question about a tool.

    """

    result: str
    say: str = ""
    asked: Asked | None = None


class Judge:
    """Judges what the agents of an app want to do. Pure: the same scene gets the same verdict."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._on_tools = [rule for rule in app.rules if rule.subject is ToolUse]
        self._on_handoffs = [rule for rule in app.rules if rule.subject is Handoff]

    def verdict(
        self, call: ToolCall, scene: Scene, offered: Sequence[str], fired: dict[str, None]
    ) -> ToolCall | Refused:
        """The call as it is to be made, or why it is not made.

        Args:
            call: what the agent wants: a tool, or a handoff as ``transfer_to_…``.
            scene: when and where.
            offered: names of the tools and handoffs that this agent has now.
            fired: the names of the rules that stop or change the call are put in.

        """
        if call.name.startswith(HANDOFF):
            return self._handoff(call, scene, offered, fired)
        tool = self._app.tools.get(call.name)
        if tool is None or call.name not in offered:
            return Refused(result=f"There is no tool named {call.name}.")
        try:
            call = as_object(call)
        except RejectedError as error:
            return Refused(result=f"Not done: {error}")
        try:
            arguments = tool.check(call.arguments)
        except RejectedError as error:
            guarded = tool.needs_confirmation or self._on_tools
            return Refused(result=f"Not done: {error}") if guarded else call  # execution says the same
        return self._ruled(tool, call, arguments, scene, offered=offered, fired=fired)

    def _ruled(
        self,
        tool: Tool,
        call: ToolCall,
        arguments: dict[str, Any],
        scene: Scene,
        *,
        offered: Sequence[str],
        fired: dict[str, None],
    ) -> ToolCall | Refused:
        """The call after all rules on tools, and after the caller's word where that is needed."""
        use = ToolUse(tool=tool.name, arguments=arguments, **_known(scene))
        for rule in self._on_tools:
            decided = _ask(rule, use)
            if decided is None:
                continue
            fired[rule.name] = None
            if not isinstance(decided, ToolUse):
                return _refused(decided)
            use = decided
        if use.tool not in offered:
            return Refused(result=_NOT_THIS_ONE)
        made = call
        if use.tool != tool.name or use.arguments != arguments:
            made = _made_of(use.tool, use.arguments, call.id)
        return self._confirmed(self._app.tools[use.tool], made, scene)

    def _handoff(
        self, call: ToolCall, scene: Scene, offered: Sequence[str], fired: dict[str, None]
    ) -> ToolCall | Refused:
        step = Handoff(target=call.name.removeprefix(HANDOFF), **_known(scene))
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
        return ToolCall(id=call.id, name=name, arguments="{}") if name in offered else Refused(result=_NOT_THIS_ONE)

    def _confirmed(self, tool: Tool, call: ToolCall, scene: Scene) -> ToolCall | Refused:
        """The call, if nobody has to agree to it, or the caller has."""
        if not tool.needs_confirmation:
            return call
        try:
            question = tool.question(call.arguments)
        except RejectedError as error:  # a rule gave it arguments that it does not take
            return Refused(result=f"Not done: {error}")
        if scene.asked is not None and scene.asked.is_for(call.name, call.arguments) and agrees(scene.answer):
            return call
        asked = Asked(turn=scene.turn, tool=call.name, arguments=call.arguments, question=question)
        return Refused(result=_ASKED_FIRST.format(say=question), say=question, asked=asked)


def as_object(call: ToolCall) -> ToolCall:
    """The call with the text of one JSON object as its arguments, whatever shape the model gave them.

    Raises:
        RejectedError: there is no object in them.

    """
    read = read_arguments(call.name, call.arguments)
    return call if call.arguments.lstrip().startswith("{") else _made_of(call.name, read, call.id)


def _made_of(tool: str, arguments: dict[str, Any], call_id: str) -> ToolCall:
    return ToolCall(id=call_id, name=tool, arguments=msgspec.json.encode(arguments).decode())


def _known(scene: Scene) -> dict[str, Any]:
    return {
        "agent": scene.agent,
        "call": scene.call,
        "turn": scene.turn,
        "caller_number": scene.caller_number,
        "conversation": scene.conversation,
        "call_state": dict(scene.call_state),
    }


def _ask(rule: Rule, subject: ToolUse | Handoff) -> Any:
    """What the rule decides; a rule that fails, or decides something that is no decision, refuses."""
    try:
        decided = rule(subject)
    except Exception:  # noqa: BLE001 - what the rule guards must not be done, whatever its fault
        _LOG.exception("rule.failed", rule=rule.name, call=subject.call, turn=subject.turn)
        return ""
    if decided is not None and not isinstance(decided, str | type(subject)):
        _LOG.error("rule.wrong_answer", rule=rule.name, call=subject.call, answer=type(decided).__name__)
        return ""
    return decided


def _refused(say: str) -> Refused:
    say = say.strip()
    return Refused(result=_SAID_INSTEAD.format(say=say) if say else _REFUSED, say=say)
