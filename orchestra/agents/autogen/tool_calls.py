"""The tool calls of an answer: which are usable, and which the guard lets pass. Changes only the turn's state."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec
import structlog

from orchestra.agents.arguments import tool_name
from orchestra.agents.autogen.next_step import CALLS_OF_TURN
from orchestra.agents.autogen.state import TurnState
from orchestra.agents.autogen.toolset import AgentToolset
from orchestra.agents.tool_guard import HANDOFF, Refusal, as_object
from orchestra.errors import RejectedError
from orchestra.language import find_language
from orchestra_schemas import ToolCall

_LOG = structlog.get_logger("orchestra.agents")

#: tool calls of one answer
CALLS: Final = 8
_REPEATED: Final = Refusal(result="Not done: the same call has just been made, and its result stands above.")
_ON_ITS_OWN: Final = Refusal(result="Not done: call it again, on its own.")


def usable_calls(
    state: TurnState, toolset: AgentToolset, calls: Sequence[ToolCall], offered: Collection[str]
) -> tuple[ToolCall, ...]:
    """The calls that can be made: each once, with ids and names that any server takes back, and not too many.

    What the answer before this one has done is refused, unless doing it again does no harm (an idempotent tool). At
    most one handoff is left, without arguments.
    """
    taken = {call.id for message in state.messages for call in message.tool_calls}
    most = min(CALLS, CALLS_OF_TURN - state.calls)
    usable: dict[tuple[str, str], ToolCall] = {}
    for call in _named(calls, offered) if offered else ():
        if len(usable) == most:
            _LOG.warning("calls.too_many", agent=state.agent, turn=state.context.turn, calls=len(calls), most=most)
            break
        call_id = call.id if call.id and call.id not in taken else _own_id(state.context.turn, len(taken))
        if usable.setdefault(_key(call), msgspec.structs.replace(call, id=call_id)).id != call_id:
            continue
        taken.add(call_id)
        if _key(call) in state.last_calls and call.name in toolset.once:
            state.refused[call_id] = _REPEATED
    return tuple(usable.values())


def guarded_calls(
    state: TurnState, toolset: AgentToolset, calls: Sequence[ToolCall], offered: Sequence[str]
) -> tuple[ToolCall, ...]:
    """The calls as they are to be made. Refused ones stay among them, so that each gets a result.

    They are counted, and remembered so that the next answer does not make one of them again.
    """
    context = state.current_context()
    guarded: list[ToolCall] = []
    for call in calls:
        if call.id in state.refused:
            guarded.append(call)
            continue
        decided = toolset.guard.check(call, context, offered, state.rules)
        if isinstance(decided, Refusal):
            state.refused[call.id] = decided
            guarded.append(_readable(call))
            continue
        guarded.append(decided)
        state.approved[decided.id] = decided
        if context.asked is not None and decided.name == context.asked.tool:  # agreed to once, not twice
            context = msgspec.structs.replace(context, asked=None)
            state.context = msgspec.structs.replace(state.context, asked=None)
    _say_instead(state, toolset, calls)
    made = [call for call in calls if state.refused.get(call.id, _REPEATED) == _REPEATED]
    state.calls += len(calls)
    if made:
        state.last_calls = set(map(_key, made))
    return tuple(guarded)


def _say_instead(state: TurnState, toolset: AgentToolset, calls: Sequence[ToolCall]) -> None:
    """Have the caller hear the words of a refusal, if it is the only call: two questions at once cannot be answered.

    The question is kept as it is spoken, for comparison with the words that the caller has heard.
    """
    if len(calls) > 1:
        for call in calls:
            if call.id in state.refused and state.refused[call.id].say:
                state.refused[call.id] = _ON_ITS_OWN
        return
    refusal = state.refused.get(calls[0].id) if calls else None
    if refusal is None or refusal == _REPEATED:
        return
    language = find_language(state.context.language, reads_out=toolset.reads_out)
    state.say_instead, state.asked = language.to_speech(refusal.say), refusal.asked
    state.capture = refusal.capture
    if state.capture is not None:
        state.capture = msgspec.structs.replace(state.capture, said=state.say_instead)
    if state.asked is not None:
        state.asked = msgspec.structs.replace(state.asked, question=state.say_instead)


def _named(calls: Sequence[ToolCall], offered: Collection[str]) -> Iterator[ToolCall]:
    """The calls with the names of the tools that they mean, and at most one handoff."""
    handed_off = False
    for call in calls:
        name = tool_name(call.name, offered)
        is_handoff = name.startswith(HANDOFF)
        if not name or (is_handoff and handed_off):
            continue
        handed_off = handed_off or is_handoff
        yield ToolCall(id=call.id, name=name, arguments="{}" if is_handoff else call.arguments or "{}")


def _readable(call: ToolCall) -> ToolCall:
    """A refused call, with arguments that AutoGen can read and a model's server takes back."""
    try:
        return as_object(call)
    except RejectedError:
        return msgspec.structs.replace(call, arguments="{}")


def _key(call: ToolCall) -> tuple[str, str]:
    """Equal for two calls that do the same."""
    try:
        return call.name, json.dumps(json.loads(call.arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return call.name, call.arguments


def _own_id(turn: int, number: int) -> str:
    """An id that strict servers take: nine letters or digits."""
    return f"c{turn % 10_000:04d}{number % 10_000:04d}"
