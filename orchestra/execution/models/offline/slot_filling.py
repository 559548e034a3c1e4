"""Fills a tool's arguments over several turns; the questions asked before show what is pending."""

import json
from dataclasses import dataclass
from typing import Any

from orchestra.execution.models.offline import dialogue_acts, replies
from orchestra.execution.models.offline.actions import TRANSFER, Action, Call, Say, Situation
from orchestra.execution.models.offline.dialogue import Dialogue
from orchestra.execution.models.offline.slots import Slot, has_further_terms, slots_of, value_in
from orchestra.execution.models.offline.tool_ranking import rank
from orchestra.language.english.spoken_digits import digit_runs
from orchestra.language.english.stemming import terms
from orchestra_schemas import ToolSchema

_PATIENCE = 3
_HEARD_WORDS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """The caller's words while arguments are gathered, and the slot that they answer; None for the first words."""

    slot: str | None
    said: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A tool that waits for an argument.

    Attributes:
        tool: the tool.
        slot: the argument that was asked for last.
        answers: the caller's words since the tool was chosen, oldest first; the last ones answer ``slot``.

    """

    tool: ToolSchema
    slot: Slot
    answers: tuple[Answer, ...]

    @property
    def times(self) -> int:
        """How many times in a row the same question was asked."""
        count = 0
        for answer in reversed(self.answers):
            if answer.slot != self.slot.name:
                break
            count += 1
        return count


def pending(situation: Situation) -> Pending | None:
    """The tool whose question the caller answers now, if the last reply asked for an argument."""
    found = [
        Pending(tool, slot, _answers(situation.dialogue, tool))
        for tool in situation.own
        for slot in slots_of(tool)
        if situation.dialogue.earlier and _asked(situation.dialogue.earlier[0].reply, slot)
    ]
    if not found:
        return None
    fits = rank(found[0].answers[0].said, situation.own, situation.dialogue.instructions)
    return max(found, key=lambda candidate: fits[candidate.tool.name])


def start(situation: Situation, tool: ToolSchema) -> Action:
    """Call a tool with the known arguments, or ask for the first missing one."""
    return _call_or_ask(situation, tool, (Answer(None, situation.said),))


def resume(situation: Situation, waiting: Pending) -> Action | None:
    """Continue with a tool that waits; None if the caller did not answer its question."""
    if _value(situation, waiting.slot, waiting.answers[-waiting.times :]) is None:
        return None
    return _call_or_ask(situation, waiting.tool, waiting.answers)


def ask_again(situation: Situation, waiting: Pending) -> Action:
    """Ask again; after the third time, offer a person."""
    if waiting.times >= _PATIENCE:
        return Say(replies.OFFER_PERSON if situation.has(TRANSFER) else replies.GIVEN_UP)
    heard = " ".join("".join(digit_runs(situation.said))) if waiting.slot.kind == "digits" else ""
    return Say(f"{f'I heard {heard}.' if heard else replies.NOT_CAUGHT} {waiting.slot.question}")


def again_with(situation: Situation) -> Action | None:
    """Call the last tool again with another value, if the caller gives nothing else: "No, 8 3 1 6"."""
    last = next((exchange.work[-1].call for exchange in situation.dialogue.earlier if exchange.work), None)
    tool = next((own for own in situation.own if last is not None and own.name == last.name), None)
    if tool is None or last is None:
        return None
    given = _bare_values(situation, tool)
    return Call(tool.name, {**_arguments(last.arguments), **given}) if given else None


def asked_for(situation: Situation) -> Action | None:
    """Pass a bare value to the tool that takes what the last result asked for, as when a rule requires the identity."""
    last = next((exchange.work[-1] for exchange in situation.dialogue.earlier if exchange.work), None)
    wanted = frozenset(terms((last.result or "") if last is not None else ""))
    named = {tool.name: _asked_slots(tool, wanted) for tool in situation.own}
    if last is None or named.get(last.call.name):
        return None
    able = [tool for tool in situation.own if named[tool.name] & _bare_values(situation, tool).keys()]
    return start(situation, able[0]) if able else None


def _asked_slots(tool: ToolSchema, wanted: frozenset[str]) -> set[str]:
    """The arguments whose description's first words all occur in a text that asks for something."""
    heads = {slot.name: frozenset(terms(slot.head)) for slot in slots_of(tool)}
    return {name for name, head in heads.items() if head and head <= wanted}


def start_with(situation: Situation) -> Action | None:
    """Start the tool that can use a bare value: "It is number 8 3 1 6, please."."""
    able = [tool for tool in situation.own if _bare_values(situation, tool)]
    return start(situation, able[0]) if able else None


def _bare_values(situation: Situation, tool: ToolSchema) -> dict[str, Any]:
    """The arguments in the caller's words, if nothing else in them could be a wish."""
    slots = [slot for slot in slots_of(tool) if slot.kind in ("digits", "choice", "day")]
    described = frozenset(term for slot in slots for term in terms(slot.description))
    if not dialogue_acts.says_little(situation.said, besides=described):
        return {}
    values = {slot.name: value_in(slot, situation.said, asked=False, at=situation.at) for slot in slots}
    return {name: value for name, value in values.items() if value is not None}


def _call_or_ask(situation: Situation, tool: ToolSchema, answers: tuple[Answer, ...]) -> Action:
    arguments: dict[str, Any] = {}
    for slot in slots_of(tool):
        value = _value(situation, slot, answers)
        if value is None and slot.kind == "digits" and not dialogue_acts.means_another(answers[0].said):
            value = _known(situation, slot)
        if value is None and slot.is_free_text and slot.required and has_further_terms(answers[0].said, tool):
            value = dialogue_acts.without_openers(answers[0].said)
        if value is not None:
            arguments[slot.name] = value
        elif slot.required:
            return Say(slot.question)
    return Call(tool.name, arguments)


def _value(situation: Situation, slot: Slot, answers: tuple[Answer, ...]) -> Any:
    """The slot's value in the caller's words, the latest first; digits may come in pieces: "four two", "seven one"."""
    for answer in reversed(answers):
        value = value_in(slot, answer.said, asked=answer.slot == slot.name, at=situation.at)
        if value is not None:
            return value
    if slot.kind == "digits" and slot.length:
        pieces = "".join("".join(digit_runs(answer.said)) for answer in answers if answer.slot in (slot.name, None))
        return pieces if len(pieces) == slot.length else None
    return None


def _known(situation: Situation, slot: Slot) -> Any:
    """A number from earlier in the call: an argument of that name, or one in the caller's words."""
    for exchange in situation.dialogue.earlier:
        for step in reversed(exchange.work):
            value = _arguments(step.call.arguments).get(slot.name)
            if value is not None:
                return value
        value = value_in(slot, exchange.said, asked=False, at=situation.at)
        if value is not None and slot.length:
            return value
    return None


def _answers(dialogue: Dialogue, tool: ToolSchema) -> tuple[Answer, ...]:
    """The caller's words since the tool was chosen, each with the slot that they answer."""
    slots = slots_of(tool)
    found = [dialogue.now.said]
    asked: list[str | None] = []
    for exchange in dialogue.earlier:
        slot = next((slot for slot in slots if _asked(exchange.reply, slot)), None)
        if slot is None:
            break
        asked.append(slot.name)
        found.append(exchange.said)
    return tuple(Answer(slot, said) for slot, said in zip([*asked, None], found, strict=True))[::-1]


def _asked(reply: str, slot: Slot) -> bool:
    """Whether a reply asks for a slot, even if the caller spoke over the end of the question."""
    question, heard = dialogue_acts.plain(slot.question), dialogue_acts.plain(reply)
    if question in heard:
        return True
    tail = dialogue_acts.plain(replies.sentences(reply)[-1]) if reply else ""
    return len(tail.split()) >= _HEARD_WORDS and question.startswith(tail)


def _arguments(text: str) -> dict[str, Any]:
    """A tool call's arguments as a model wrote them, maybe another model than this one."""
    try:
        data = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return data if isinstance(data, dict) else {}
