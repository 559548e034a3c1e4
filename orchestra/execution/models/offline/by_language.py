"""Chooses the next action in languages other than English, by nothing but what each language knows of itself.

It is simpler than the English `policy`: it finds tools, fills arguments, asks for missing ones, says results and
searches the knowledge. Small talk it does not understand.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from orchestra.execution.models.offline import replies
from orchestra.execution.models.offline.actions import BUILTIN, END, SEARCH, TRANSFER, Action, Call, Say, Situation
from orchestra.execution.models.offline.dialogue import HANDOFF, Dialogue, Step, read
from orchestra.execution.models.offline.slots import Slot, slots_of
from orchestra.language import Language, find_language
from orchestra.language.bm25 import Index
from orchestra.language.values import values_of
from orchestra.language.values.numbers import digit_runs
from orchestra_schemas import PromptRequested, ToolSchema

#: about one specific word of a tool's description
_ENOUGH: Final = 1.2
#: what an app says to wishes of another kind: the sentence that its prompt has in quotation marks at the end
_QUOTED: Final = re.compile(r"[\"“„«](?P<said>[^\"“”„»«]+[.!])[\"“”»]")


def decide(prompt: PromptRequested) -> Action:
    """The action for a prompt in the language of its call: say something, or call one tool."""
    dialogue = read(prompt.messages)
    handed = any(step.is_handoff for step in dialogue.now.steps)
    tools = tuple(tool for tool in prompt.tools if not (handed and tool.name.startswith(HANDOFF)))
    situation = Situation(dialogue, tools if prompt.tool_choice != "none" else (), handed, prompt.at)
    return _Turn(situation, find_language(prompt.language)).action()


class _Turn:
    """One turn of the caller, in one language."""

    def __init__(self, situation: Situation, language: Language) -> None:
        self._situation = situation
        self._language = language
        self._values = values_of(language.code)
        self._phrases = language.phrases

    @property
    def _dialogue(self) -> Dialogue:
        return self._situation.dialogue

    @property
    def _said(self) -> str:
        return self._situation.said

    def action(self) -> Action:
        """What to do."""
        if self._dialogue.now.work:
            return Say(self._result(self._dialogue.now.work[-1]))
        if not self._said.strip():
            return Say(self._phrases.still_there)
        return (
            self._builtin(END)
            or self._answer()
            or self._builtin(TRANSFER)
            or self._offer()
            or self._wish(self._said)
            or self._search()
            or Say(self._decline())
        )

    # -- after a tool

    def _result(self, step: Step) -> str:
        result = (step.result or "").strip()
        if step.call.name == END:
            return self._phrases.farewell
        if step.call.name == TRANSFER:
            return self._phrases.transferring
        if step.call.name == SEARCH:
            found = replies.from_knowledge(replies.query_of(step) or self._said, result, self._language)
            return found or self._decline()
        if not result or replies.has_failed(result):
            return self._phrases.apology
        return replies.spell_numbers(replies.brief(replies.sentences(result)))

    def _decline(self) -> str:
        quoted = _QUOTED.search(self._dialogue.instructions)
        return quoted["said"] if quoted else self._phrases.apology

    # -- what the caller wants

    def _builtin(self, name: str) -> Action | None:
        """A built-in tool for which the language has examples, if the caller says one of them."""
        said = f" {' '.join(self._language.words(self._said))} "
        examples = (" ".join(self._language.words(each)) for each in self._language.tool_examples.get(name, ()))
        if not self._situation.has(name) or not any(f" {example} " in said for example in examples):
            return None
        return Call(name, {"briefing": self._said} if name == TRANSFER else {})

    def _answer(self) -> Action | None:
        """Go on with the tool that has asked for an argument, unless the caller wants something else."""
        for tool in self._situation.own:
            slot = next((slot for slot in slots_of(tool) if self._asked(slot)), None)
            if slot is not None:
                if self._value(slot, self._said, asked=True) is not None:
                    return self._use(tool)
                return self._wish(self._said, but=tool.name) or Say(slot.question)
        return None

    def _asked(self, slot: Slot) -> bool:
        return self._dialogue.last_reply.endswith(slot.question)

    def _offer(self) -> Action | None:
        """After a yes to the agent's question, what it has offered."""
        asked = replies.sentences(self._dialogue.last_reply)[-1:]
        if not asked or not asked[0].endswith("?") or not self._language.simply_agrees(self._said):
            return None
        return self._wish(asked[0])

    def _wish(self, wish: str, but: str = "") -> Action | None:
        """The tool or colleague that fits the words best; after a handoff, always one of the agent's own tools."""
        own = {tool.name for tool in self._situation.own}
        tools = {tool.name: tool for tool in self._situation.tools if tool.name not in BUILTIN}
        texts: dict[str, tuple[str, ...]] = {name: (tool.description,) for name, tool in tools.items()}
        if self._situation.has(SEARCH):
            texts[SEARCH] = self._topics()
        scores = Index(texts, self._language).scores(wish)
        for tool in self._situation.own:
            scores[tool.name] += _ENOUGH * any(self._value(slot, wish, asked=False) for slot in slots_of(tool))
        best = max(scores, key=lambda name: (scores[name], name in own), default="")
        if not best or best == but:
            return None
        if scores[best] >= _ENOUGH:
            return self._search() if best == SEARCH else self._use(tools[best])
        return self._use(self._situation.own[0]) if self._situation.handed and len(own) == 1 else None

    def _topics(self) -> tuple[str, ...]:
        """What the knowledge is about: the sentences of the prompt that name the search."""
        named = (each for each in replies.sentences(self._dialogue.instructions) if SEARCH in each)
        return tuple(each.replace(SEARCH, "") for each in named)

    def _search(self) -> Action | None:
        if not self._situation.has(SEARCH) or not self._language.terms(self._said):
            return None
        return Call(SEARCH, {"query": self._said})

    # -- arguments

    def _use(self, tool: ToolSchema) -> Action:
        """Call a tool, or ask for the first argument that nothing said so far gives."""
        if tool.name.startswith(HANDOFF):
            return Call(tool.name, {})
        arguments: dict[str, Any] = {}
        for slot in slots_of(tool):
            value = next((found for found in self._values_said(slot) if found is not None), None)
            if value is not None:
                arguments[slot.name] = value
            elif slot.required:
                return Say(slot.question)
        return Call(tool.name, arguments)

    def _values_said(self, slot: Slot) -> Iterator[Any]:
        """The values of an argument in what the caller has said, latest first; numbers count however old they are."""
        asked = self._asked(slot)
        yield self._value(slot, self._said, asked=asked)
        for exchange, before in zip(self._dialogue.earlier, self._replies_before(), strict=True):
            answers = before.endswith(slot.question)
            if answers or slot.kind == "digits":
                yield self._value(slot, exchange.said, asked=answers)

    def _replies_before(self) -> Iterable[str]:
        """The reply before each of the earlier exchanges."""
        return [*(exchange.reply for exchange in self._dialogue.earlier[1:]), ""]

    def _value(self, slot: Slot, said: str, *, asked: bool) -> Any:
        if slot.kind == "digits":
            fits = (digits for digits in self._digits(said) if slot.length in (None, len(digits)))
            return next(fits, None)
        if slot.kind == "choice":
            heard = self._stems(said)
            return slot.of_choice(next((each for each in slot.choices if self._stems(each) <= heard), None))
        if not asked:
            return None
        if slot.kind == "boolean":
            agreed = self._language.agrees(said)
            return agreed if agreed is not None else self._language.simply_agrees(said)
        return said.strip(" .,!¡") if slot.kind == "words" else None

    def _stems(self, text: str) -> set[str]:
        return {self._language.stem(word) for word in self._language.words(text)}

    def _digits(self, said: str) -> list[str]:
        return ["".join(run) for run in digit_runs(said, self._values)]
