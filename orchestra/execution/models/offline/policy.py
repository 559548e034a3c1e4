"""The next move in a conversation: the first policy that has one."""

from collections.abc import Callable, Sequence
from typing import Final

from orchestra.execution.models.offline import dialogue_acts, dtmf, replies, slot_filling
from orchestra.execution.models.offline.actions import BUILTIN, END, KEYPAD, SEARCH, TRANSFER, Call, Move, Say, View
from orchestra.execution.models.offline.tool_ranking import example_of, rank
from orchestra.execution.models.offline.transcript import HANDOFF, read
from orchestra.language.stemming import terms
from orchestra_schemas import PromptRequested, ToolSchema

#: about one telling word of a tool's description, or half of an example
_ENOUGH: Final = 1.2
_CLEARLY: Final = 3.0
_QUESTION: Final = 2.4
_OWN: Final = 1.15
_ASIDE: Final = 0.45
_SHORT: Final = 2


def decide(prompt: PromptRequested) -> Move:
    """What to do about a prompt: say something, or call one tool."""
    talk = read(prompt.messages)
    if talk.now.work and talk.now.work[-1].call.name == KEYPAD:
        digits = (talk.now.work[-1].result or "").strip()
        move = dtmf.go_on(View(talk.said_instead(digits), prompt.tools, handed=False, at=prompt.at))
        return move or Say(replies.after(talk, talk.now.work[-1]))
    if talk.now.work:
        return Say(replies.after(talk, talk.now.work[-1]))
    handed = any(step.is_handoff for step in talk.now.steps)
    tools = tuple(tool for tool in prompt.tools if not (handed and tool.name.startswith(HANDOFF)))
    view = View(talk, tools if prompt.tool_choice != "none" else (), handed, prompt.at)
    moves = (policy(view) for policy in _POLICIES)
    return next((move for move in moves if move is not None), Say(replies.SAY_MORE))


def _nothing_said(view: View) -> Move | None:
    return None if view.said.strip() else Say(replies.HELLO)


def _example(view: View) -> Move | None:
    """Word for word what one of the tools gives as an example: that tool, whatever the words seem to say."""
    tools = [*view.own, *(tool for tool in view.tools if tool.name.startswith(HANDOFF))]
    name = example_of(view.said, tools)
    waiting = slot_filling.pending(view) if name else None
    if name is None or (waiting is not None and (waiting.tool.name == name or waiting.slot.tells)):
        return None
    return _do(view, name)


def _repeat(view: View) -> Move | None:
    """The last reply again; whole, even if the caller spoke over the end of it."""
    if not dialogue_acts.is_repeat(view.said):
        return None
    for exchange in view.talk.earlier:
        if exchange.reply:
            whole = replies.after(view.talk, exchange.work[-1]) if exchange.work else exchange.reply
            return Say(whole if exchange.reply.endswith(replies.CUT_OFF) else exchange.reply)
    return None


def _good_bye(view: View) -> Move | None:
    if not (dialogue_acts.is_bye(view.said) or (dialogue_acts.declines(view.said) and _asked_anything_else(view))):
        return None
    return Call(END, {}) if view.has(END) else Say(replies.FAREWELL)


def _person(view: View) -> Move | None:
    if not dialogue_acts.wants_person(view.said):
        return None
    if view.has(TRANSFER):
        return Call(TRANSFER, {"briefing": dialogue_acts.without_openers(view.said)})
    handoffs = [tool for tool in view.tools if tool.name.startswith(HANDOFF)]
    fits = rank(view.said, handoffs, "")
    best = max(fits, key=lambda name: fits[name], default="")
    return Call(best, {}) if best and fits[best] >= _ENOUGH else Say(replies.NO_PERSON)


def _small_talk(view: View) -> Move | None:
    """Hello, thanks, hold on, are you a machine."""
    if dialogue_acts.is_wait(view.said):
        return Say(replies.TAKE_YOUR_TIME)
    if dialogue_acts.asks_for_machine(view.said):
        return Say(replies.MACHINE if view.has(TRANSFER) else replies.MACHINE_ALONE)
    if dialogue_acts.is_hello(view.said) and slot_filling.pending(view) is None:
        return Say(replies.HELLO)
    return None


def _pending(view: View) -> Move | None:
    """Go on with the tool that waits for the caller's answer."""
    waiting = slot_filling.pending(view)
    if waiting is None:
        return None
    declined = waiting.slot.kind != "boolean" and dialogue_acts.declines(view.said)
    if dialogue_acts.is_never_mind(view.said) or declined:
        return Say(replies.ALL_RIGHT)
    aside = _clear_wish(view, waiting.tool)
    if waiting.slot.kind == "words" and aside and view.said.rstrip().endswith("?"):
        return aside
    move = slot_filling.go_on(view, waiting)
    if move is not None:
        return move
    if dialogue_acts.does_not_know(view.said):
        return Say(replies.CANNOT_WITHOUT if view.has(TRANSFER) else replies.ALL_RIGHT)
    return aside or slot_filling.ask_again(view, waiting)


def _bare_value(view: View) -> Move | None:
    """Nothing but a number or a day: for the tool that was asked for, that ran last, or that can use it."""
    return slot_filling.asked_for(view) or slot_filling.again_with(view) or slot_filling.start_with(view)


def _goes_on(view: View) -> Move | None:
    """A short "and on Sundays?" after a question: searched together with what was searched before.

    "And where can I park?" is a question of its own.
    """
    last = next((exchange.work[-1] for exchange in view.talk.earlier if exchange.work), None)
    if last is None or last.call.name != SEARCH or not view.has(SEARCH):
        return None
    if not dialogue_acts.goes_on(view.said) or not 0 < len(terms(view.said)) <= _SHORT:
        return None
    return Call(SEARCH, {"query": f"{replies.query_of(last)} {dialogue_acts.without_openers(view.said)}"})


def _offer(view: View) -> Move | None:
    """Yes or no to what the agent has just offered: its question then says what the caller wants."""
    asked = replies.sentences(view.talk.last_reply)[-1:]
    if not asked or not asked[0].endswith("?"):
        return None
    if dialogue_acts.declines(view.said):
        return Say(replies.ALL_RIGHT)
    if not dialogue_acts.agrees(view.said):
        return None
    if _asked_anything_else(view):
        return Say(replies.WHAT_ELSE)
    offered = [tool for tool in view.tools if tool.name not in BUILTIN - {TRANSFER}]
    return _best(view, asked[0], offered, enough=_ENOUGH) or Say(replies.WHAT_ELSE)


def _thanks(view: View) -> Move | None:
    if dialogue_acts.is_thanks(view.said):
        return Say(replies.WELCOME)
    if (dialogue_acts.is_yes(view.said) or dialogue_acts.is_no(view.said)) and not terms(view.said):
        return Say(replies.ALL_RIGHT)
    return None


def _wish(view: View) -> Move | None:
    """The tool or the colleague that the words fit best; after a handoff the agent's own tool in any case."""
    tools = [tool for tool in view.tools if tool.name not in BUILTIN - {SEARCH}]
    move = _best(view, view.said, tools, enough=_ENOUGH)
    if move is None and view.handed:
        move = _best(view, view.said, view.own, enough=0.0)
    return move


def _knowledge(view: View) -> Move | None:
    """What no tool fits may stand in the knowledge; what does not is declined."""
    if not terms(view.said):
        return None
    return _search(view) if view.has(SEARCH) else Say(replies.decline(view.talk))


def _best(view: View, wish: str, tools: Sequence[ToolSchema], *, enough: float) -> Move | None:
    fits = _fits(view, wish, tools)
    best = max(fits, key=lambda name: fits[name], default=None)
    if best is None or fits[best] < enough:
        return None
    return _do(view, best)


def _clear_wish(view: View, but: ToolSchema) -> Move | None:
    """A wish that has clearly nothing to do with the tool that waits."""
    tools = [tool for tool in view.tools if tool.name not in BUILTIN - {SEARCH}]
    fits = _fits(view, view.said, tools)
    best = max(fits, key=lambda name: fits[name], default=but.name)
    return _do(view, best) if best != but.name and fits[best] >= _CLEARLY else None


def _fits(view: View, wish: str, tools: Sequence[ToolSchema]) -> dict[str, float]:
    """`rank`, with the form of the words: questions are for the knowledge, and the agent at hand is preferred."""
    fits = rank(wish, tools, view.talk.instructions)
    own = {tool.name for tool in view.own}
    fits = {name: fit * (_OWN if name in own else 1.0) for name, fit in fits.items()}
    if SEARCH not in fits:
        return fits
    if dialogue_acts.asks(wish) and not dialogue_acts.is_personal(wish):
        return {name: fit * _ASIDE for name, fit in fits.items()} | {SEARCH: fits[SEARCH] + _QUESTION}
    return fits | {SEARCH: fits[SEARCH] * (1.0 if dialogue_acts.asks(wish) else _ASIDE)}


def _do(view: View, name: str) -> Move:
    tool = view.tool(name)
    if name == SEARCH or tool is None:
        return _search(view)
    if name.startswith(HANDOFF) or name == TRANSFER:
        return Call(name, {})
    return slot_filling.start(view, tool)


def _search(view: View) -> Move:
    return Call(SEARCH, {"query": dialogue_acts.without_openers(view.said)})


def _asked_anything_else(view: View) -> bool:
    return dialogue_acts.plain(replies.ANYTHING_ELSE) in dialogue_acts.plain(view.talk.last_reply)


_POLICIES: Final[tuple[Callable[[View], Move | None], ...]] = (
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
