"""Chooses the next action: the first one that a policy proposes."""

from collections.abc import Callable, Sequence
from typing import Final

from orchestra.agents.transfer_tool import PERSON
from orchestra.execution.models.offline import by_language, dialogue_acts, dtmf, replies, slot_filling
from orchestra.execution.models.offline.actions import (
    BUILTIN,
    END,
    KEYPAD,
    SEARCH,
    TRANSFER,
    Action,
    Call,
    Say,
    Situation,
)
from orchestra.execution.models.offline.dialogue import HANDOFF, read
from orchestra.execution.models.offline.tool_ranking import example_of, rank
from orchestra.language.english.stemming import terms
from orchestra.language.registry import DEFAULT_CODE
from orchestra.language.tags import base_of
from orchestra_schemas import PromptRequested, ToolSchema

#: about one specific word of a tool's description, or half of an example
_ENOUGH: Final = 1.2
_CLEARLY: Final = 3.0
_QUESTION: Final = 2.4
_OWN: Final = 1.15
_ASIDE: Final = 0.45
_SHORT: Final = 2


def decide(prompt: PromptRequested) -> Action:
    """The action for a prompt: say something, or call one tool."""
    if base_of(prompt.language) != DEFAULT_CODE:
        return by_language.decide(prompt)
    dialogue = read(prompt.messages)
    if dialogue.now.work and dialogue.now.work[-1].call.name == KEYPAD:
        digits = (dialogue.now.work[-1].result or "").strip()
        action = dtmf.resume(Situation(dialogue.with_words(digits), prompt.tools, handed=False, at=prompt.at))
        return action or Say(replies.after(dialogue, dialogue.now.work[-1]))
    if dialogue.now.work:
        return Say(replies.after(dialogue, dialogue.now.work[-1]))
    handed = any(step.is_handoff for step in dialogue.now.steps)
    tools = tuple(tool for tool in prompt.tools if not (handed and tool.name.startswith(HANDOFF)))
    situation = Situation(dialogue, tools if prompt.tool_choice != "none" else (), handed, prompt.at)
    moves = (policy(situation) for policy in _POLICIES)
    return next((action for action in moves if action is not None), Say(replies.SAY_MORE))


def _nothing_said(situation: Situation) -> Action | None:
    return None if situation.said.strip() else Say(replies.HELLO)


def _example(situation: Situation) -> Action | None:
    """If the words are exactly an example of a tool, that tool, whatever else they may mean."""
    tools = [*situation.own, *(tool for tool in situation.tools if tool.name.startswith(HANDOFF))]
    name = example_of(situation.said, tools)
    waiting = slot_filling.pending(situation) if name else None
    if name is None or (waiting is not None and (waiting.tool.name == name or waiting.slot.is_free_text)):
        return None
    return _do(situation, name)


def _repeat(situation: Situation) -> Action | None:
    """The last reply again, complete even if the caller spoke over its end."""
    if not dialogue_acts.is_repeat(situation.said):
        return None
    for exchange in situation.dialogue.earlier:
        if exchange.reply:
            whole = replies.after(situation.dialogue, exchange.work[-1]) if exchange.work else exchange.reply
            return Say(whole if exchange.reply.endswith(replies.CUT_OFF) else exchange.reply)
    return None


def _good_bye(situation: Situation) -> Action | None:
    wants_nothing_else = dialogue_acts.declines(situation.said) and _asked_anything_else(situation)
    if not (dialogue_acts.is_bye(situation.said) or wants_nothing_else):
        return None
    return Call(END, {}) if situation.has(END) else Say(replies.FAREWELL)


def _person(situation: Situation) -> Action | None:
    if _named_target(situation) and dialogue_acts.wants_transfer(situation.said):
        return _transfer(situation)
    if not dialogue_acts.wants_person(situation.said):
        return None
    if situation.has(TRANSFER) and _targets(situation)[:1] in ([], [PERSON]):
        return _transfer(situation)
    handoffs = [tool for tool in situation.tools if tool.name.startswith(HANDOFF)]
    fits = rank(situation.said, handoffs, "")
    best = max(fits, key=lambda name: fits[name], default="")
    return Call(best, {}) if best and fits[best] >= _ENOUGH else Say(replies.NO_PERSON)


def _transfer(situation: Situation) -> Call:
    """A transfer to the app or agent that the caller names, or else to the first that there is: a person, if any."""
    targets = _targets(situation)
    to = {"to": _named_target(situation) or targets[0]} if targets else {}
    return Call(TRANSFER, to | {"briefing": dialogue_acts.without_openers(situation.said)})


def _targets(situation: Situation) -> list[str]:
    """To whom a transfer may lead, a person first; empty if it can only be a person."""
    tool = situation.tool(TRANSFER)
    found: list[str] = [] if tool is None else tool.parameters["properties"].get("to", {}).get("enum", [])
    return sorted(found, key=lambda name: name != PERSON)


def _named_target(situation: Situation) -> str:
    """Whom the caller names, among those to whom a transfer may lead; "" for none."""
    said = dialogue_acts.plain(situation.said)
    names = (name for name in _targets(situation) if name != PERSON)
    return next((name for name in names if f" {name.replace('_', ' ').lower()} " in f" {said} "), "")


def _small_talk(situation: Situation) -> Action | None:
    """Hello, thanks, hold on, are you a machine."""
    if dialogue_acts.is_wait(situation.said):
        return Say(replies.TAKE_YOUR_TIME)
    if dialogue_acts.asks_for_machine(situation.said):
        return Say(replies.MACHINE if situation.has(TRANSFER) else replies.MACHINE_ALONE)
    if dialogue_acts.is_hello(situation.said) and slot_filling.pending(situation) is None:
        return Say(replies.HELLO)
    return None


def _pending(situation: Situation) -> Action | None:
    """Continue with the tool that waits for the caller's answer."""
    waiting = slot_filling.pending(situation)
    if waiting is None:
        return None
    declined = waiting.slot.kind != "boolean" and dialogue_acts.declines(situation.said)
    if dialogue_acts.is_never_mind(situation.said) or declined:
        return Say(replies.ALL_RIGHT)
    aside = _clear_wish(situation, waiting.tool)
    if waiting.slot.kind == "words" and aside and situation.said.rstrip().endswith("?"):
        return aside
    action = slot_filling.resume(situation, waiting)
    if action is not None:
        return action
    if dialogue_acts.does_not_know(situation.said):
        return Say(replies.CANNOT_WITHOUT if situation.has(TRANSFER) else replies.ALL_RIGHT)
    return aside or slot_filling.ask_again(situation, waiting)


def _bare_value(situation: Situation) -> Action | None:
    """Pass a mere number or day to the tool that asked for it, ran last, or can use it."""
    return slot_filling.asked_for(situation) or slot_filling.again_with(situation) or slot_filling.start_with(situation)


def _goes_on(situation: Situation) -> Action | None:
    """A short "and on Sundays?" after a question: search again, together with the last query.

    "And where can I park?" is a new question.
    """
    last = next((exchange.work[-1] for exchange in situation.dialogue.earlier if exchange.work), None)
    if last is None or last.call.name != SEARCH or not situation.has(SEARCH):
        return None
    if not dialogue_acts.goes_on(situation.said) or not 0 < len(terms(situation.said)) <= _SHORT:
        return None
    return Call(SEARCH, {"query": f"{replies.query_of(last)} {dialogue_acts.without_openers(situation.said)}"})


def _offer(situation: Situation) -> Action | None:
    """Yes or no to the agent's offer: after a yes, the agent's question says what the caller wants."""
    asked = replies.sentences(situation.dialogue.last_reply)[-1:]
    if not asked or not asked[0].endswith("?"):
        return None
    if dialogue_acts.declines(situation.said):
        return Say(replies.ALL_RIGHT)
    if not dialogue_acts.agrees(situation.said):
        return None
    if _asked_anything_else(situation):
        return Say(replies.WHAT_ELSE)
    offered = [tool for tool in situation.tools if tool.name not in BUILTIN - {TRANSFER}]
    return _best(situation, asked[0], offered, enough=_ENOUGH) or Say(replies.WHAT_ELSE)


def _thanks(situation: Situation) -> Action | None:
    if dialogue_acts.is_thanks(situation.said):
        return Say(replies.WELCOME)
    if (dialogue_acts.is_yes(situation.said) or dialogue_acts.is_no(situation.said)) and not terms(situation.said):
        return Say(replies.ALL_RIGHT)
    return None


def _wish(situation: Situation) -> Action | None:
    """The tool or colleague that fits the words best; after a handoff, always one of the agent's own tools."""
    tools = [tool for tool in situation.tools if tool.name not in BUILTIN - {SEARCH}]
    action = _best(situation, situation.said, tools, enough=_ENOUGH)
    if action is None and situation.handed:
        action = _best(situation, situation.said, situation.own, enough=0.0)
    return action


def _knowledge(situation: Situation) -> Action | None:
    """For words that fit no tool, search the knowledge, or decline if there is none."""
    if not terms(situation.said):
        return None
    return _search(situation) if situation.has(SEARCH) else Say(replies.decline(situation.dialogue))


def _best(situation: Situation, wish: str, tools: Sequence[ToolSchema], *, enough: float) -> Action | None:
    fits = _fits(situation, wish, tools)
    best = max(fits, key=lambda name: fits[name], default=None)
    if best is None or fits[best] < enough:
        return None
    return _do(situation, best)


def _clear_wish(situation: Situation, but: ToolSchema) -> Action | None:
    """A wish that clearly is not about the tool that waits."""
    tools = [tool for tool in situation.tools if tool.name not in BUILTIN - {SEARCH}]
    fits = _fits(situation, situation.said, tools)
    best = max(fits, key=lambda name: fits[name], default=but.name)
    return _do(situation, best) if best != but.name and fits[best] >= _CLEARLY else None


def _fits(situation: Situation, wish: str, tools: Sequence[ToolSchema]) -> dict[str, float]:
    """`rank`, adjusted by form: questions favour the knowledge, and the present agent is preferred."""
    fits = rank(wish, tools, situation.dialogue.instructions)
    own = {tool.name for tool in situation.own}
    fits = {name: fit * (_OWN if name in own else 1.0) for name, fit in fits.items()}
    if SEARCH not in fits:
        return fits
    if dialogue_acts.asks(wish) and not dialogue_acts.is_personal(wish):
        return {name: fit * _ASIDE for name, fit in fits.items()} | {SEARCH: fits[SEARCH] + _QUESTION}
    return fits | {SEARCH: fits[SEARCH] * (1.0 if dialogue_acts.asks(wish) else _ASIDE)}


def _do(situation: Situation, name: str) -> Action:
    tool = situation.tool(name)
    if name == SEARCH or tool is None:
        return _search(situation)
    if name == TRANSFER:
        return _transfer(situation)
    if name.startswith(HANDOFF):
        return Call(name, {})
    return slot_filling.start(situation, tool)


def _search(situation: Situation) -> Action:
    return Call(SEARCH, {"query": dialogue_acts.without_openers(situation.said)})


def _asked_anything_else(situation: Situation) -> bool:
    return dialogue_acts.plain(replies.ANYTHING_ELSE) in dialogue_acts.plain(situation.dialogue.last_reply)


_POLICIES: Final[tuple[Callable[[Situation], Action | None], ...]] = (
    _nothing_said,
    _example,
    dtmf.ask,
    _repeat,
    _good_bye,
    _person,
    _small_talk,
    _pending,
    _bare_value,
    _goes_on,
    _offer,
    _thanks,
    _wish,
    _knowledge,
)
