"""Chooses the next action in languages other than English, by nothing but what each language knows of itself.

It is simpler than the English `policy`: it finds tools, fills arguments, asks for missing ones, says results and
searches the knowledge. Small talk it does not understand.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from orchestra.agents.capture.choice import says_no, says_yes
from orchestra.execution.models.offline import replies
from orchestra.execution.models.offline.actions import BUILTIN, END, SEARCH, TRANSFER, Action, Call, Say, Situation
from orchestra.execution.models.offline.dialogue import HANDOFF, Dialogue, Step, read
from orchestra.execution.models.offline.slots import Slot, slots_of
from orchestra.execution.models.offline.tool_ranking import examples_in
from orchestra.language import Language, find_language
from orchestra.language.bm25 import Index
from orchestra.language.values import values_of
from orchestra.language.values.numbers import digit_runs, read_number
from orchestra.language.values.tokens import has_phrase
from orchestra_schemas import PromptRequested, ToolSchema

#: about one specific word of a tool's description; one of its examples counts twice
_ENOUGH: Final = 1.2
#: who says so many words that carry meaning has answered, whatever else they do not know
_OWN_WORDS: Final = 3
#: a number that a tool has a use for
_LARGEST: Final = 10**15
_CLAUSE_END: Final = re.compile(r"[^\w\s'’-]+")
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
        said = self._spaced(self._said)
        examples = self._language.tool_examples.get(name, ())
        if not self._situation.has(name) or not any(self._spaced(example) in said for example in examples):
            return None
        return Call(name, {"briefing": self._said} if name == TRANSFER else {})

    def _answer(self) -> Action | None:
        """Go on with the tool that has asked for an argument, unless the caller wants something else."""
        for tool in self._situation.own:
            slot = next((slot for slot in slots_of(tool) if self._asked(slot)), None)
            if slot is not None:
                if len(self._values_in(slot, self._said, asked=True)) == 1:
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
        words = self._spaced(wish)
        for name, tool in tools.items():
            scores[name] += (
                2 * _ENOUGH * any(self._spaced(example) in words for example in examples_in(tool.description))
            )
        for tool in self._situation.own:
            scores[tool.name] += _ENOUGH * any(self._values_in(slot, wish, asked=False) for slot in slots_of(tool))
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
            found = next((values for values in self._values_said(slot) if values), ())
            if len(found) == 1:
                arguments[slot.name] = found[0]
            elif slot.required:
                return Say(slot.question)
        return Call(tool.name, arguments)

    def _values_said(self, slot: Slot) -> Iterator[Sequence[Any]]:
        """What each of the caller's turns gives for an argument, latest first; numbers count however old they are."""
        yield self._values_in(slot, self._said, asked=self._asked(slot))
        earlier = self._dialogue.earlier
        replies_before = (*(exchange.reply for exchange in earlier[1:]), "")
        for exchange, before in zip(earlier, replies_before, strict=False):  # without a greeting, none is earlier
            answers = before.endswith(slot.question)
            if answers or slot.kind == "digits":
                yield self._values_in(slot, exchange.said, asked=answers)

    def _values_in(self, slot: Slot, said: str, *, asked: bool) -> Sequence[Any]:
        """The values that words may mean for an argument: none, the one they mean, or several to ask about."""
        if slot.kind == "digits":
            return [digits for digits in dict.fromkeys(self._digits(said)) if slot.length in (None, len(digits))]
        if slot.kind == "choice":
            return [slot.of_choice(choice) for choice in self._named(slot.choices, said)]
        return self._answers(slot, said) if asked else ()

    def _answers(self, slot: Slot, said: str) -> Sequence[Any]:
        """What words mean that only count as the answer to the argument's question."""
        if slot.kind == "number":
            return self._numbers(said, whole=slot.schema.get("type") == "integer")
        if self._is_unwilling(said):
            return ()
        if slot.kind == "boolean":
            agrees = bool(self._language.agrees(said)) or says_yes(said, self._values)
            return (agrees,) if agrees or says_no(said, self._values) else ()
        return (said.strip(" .,!¡"),) if slot.kind == "words" and self._language.terms(said) else ()

    def _named(self, choices: Sequence[str], said: str) -> list[str]:
        """The choices whose words are all said, without those that are part of another one, or are denied."""
        named: dict[str, set[str]] = {}
        features = {choice: self._features(choice) for choice in choices}
        for clause in _CLAUSE_END.split(said):
            heard, denied = self._features(clause), has_phrase(clause, self._values.negations | self._values.excepts)
            # "not on Monday" names no day; "no" may be a choice itself
            named.update(
                (each, own) for each, own in features.items() if own and (own == heard if denied else own <= heard)
            )
        return [choice for choice, own in named.items() if not any(own < other for other in named.values())]

    def _numbers(self, said: str, *, whole: bool) -> Sequence[int | float]:
        number = read_number(said, self._values)
        if number is None or abs(number) > _LARGEST or (whole and number != number.to_integral_value()):
            return ()
        return (int(number) if whole else float(number),)

    def _is_unwilling(self, said: str) -> bool:
        """Whether the caller does not know what they were asked for, or will not tell it, and says little else."""
        return has_phrase(said, self._values.unwilling) and len(self._language.terms(said)) < _OWN_WORDS

    def _spaced(self, text: str) -> str:
        """Its words between spaces: texts that are part of another one are found in it as whole words."""
        return f" {' '.join(self._language.words(text))} "

    def _features(self, text: str) -> set[str]:
        """The stems of its words, and its numbers as a whole: ``4 2`` names 42, and not a choice ``2``."""
        stems = {self._language.stem(word) for word in self._language.words(text) if not word.isdigit()}
        return stems | set(self._digits(text))

    def _digits(self, said: str) -> list[str]:
        return ["".join(run) for run in digit_runs(said, self._values)]
