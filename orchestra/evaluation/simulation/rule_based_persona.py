"""A caller without a model: says what the scenario has for what the agents say. The same every time."""

import re
from collections.abc import Sequence

from orchestra.errors import SettingError
from orchestra.evaluation.simulation.is_said import is_said
from orchestra.evaluation.simulation.persona import CallerTurn, Spoken
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.language import find_language
from orchestra.language.tags import base_of

#: how often the caller says what they want before they give up, and gives the same fact
_PATIENCE, _ASKED = 2, 3
#: of the words of a fact's name, so many are in the question for it
_ENOUGH = 0.5
_FAREWELL = {
    "en": "Thank you, good-bye.",
    "de": "Vielen Dank, auf Wiederhören.",
    "es": "Muchas gracias, adiós.",
    "fr": "Merci beaucoup, au revoir.",
    "it": "Grazie mille, arrivederci.",
    "nl": "Dank u wel, tot ziens.",
    "pt": "Muito obrigado, adeus.",
}


class RuleBasedPersona:
    """Plays a scenario's caller from its ``opening``, ``answers``, ``facts`` and ``satisfied_by``.

    Args:
        scenario: who they are.
        language: what they speak (BCP 47).

    Raises:
        SettingError: the scenario does not say what the caller says first.

    """

    def __init__(self, scenario: Scenario, language: str = "en") -> None:
        if not scenario.opening.strip():
            msg = (
                f"scenario {scenario.name!r} has no opening, which a caller without a model needs: give one, or name "
                "the model that plays callers in ORCHESTRA_PERSONA_MODEL"
            )
            raise SettingError(msg)
        self._scenario = scenario
        self._language = find_language(language)
        self._openings = 0
        self._answers = dict(scenario.answers)
        self._given: dict[str, int] = {}

    async def next(self, conversation: Sequence[Spoken]) -> CallerTurn:
        """See `Persona.next`."""
        replies = [spoken.text for spoken in conversation if spoken.who == "agent"]
        if not self._openings:
            return self._open()
        last = replies[-1] if conversation and conversation[-1].who == "agent" else ""
        for words, answer in self._answers.items():
            if self._says(words, last):
                del self._answers[words]
                return CallerTurn(text=answer)
        if self._satisfied(replies):
            farewell = _FAREWELL.get(base_of(self._language.code), "")
            return CallerTurn(text=farewell, hang_up=True, satisfied=True)
        name = self._asked_for(last)
        if name and self._given.get(name, 0) < _ASKED:
            self._given[name] = self._given.get(name, 0) + 1
            return CallerTurn(text=f"{self._scenario.facts[name]}.")
        if self._openings < _PATIENCE:
            return self._open()
        return CallerTurn(hang_up=True, satisfied=False, reason=f"no use for {last!r}" if last else "nobody answers")

    def _open(self) -> CallerTurn:
        self._openings += 1
        return CallerTurn(text=self._scenario.opening)

    def _satisfied(self, replies: Sequence[str]) -> bool:
        wanted = self._scenario.satisfied_by
        if not wanted:
            return not self._answers
        return all(any(self._says(words, reply) for reply in replies) for words in wanted)

    def _asked_for(self, reply: str) -> str:
        """The name of the fact that the agents ask for; empty if they ask for none."""
        asked = set(self._language.terms(_question(reply)))

        def share(name: str) -> float:
            terms = self._language.terms(name) or self._language.words(name)
            return sum(term in asked for term in terms) / len(terms) if terms else 0.0

        best = max(self._scenario.facts, key=share, default="")
        return best if best and share(best) >= _ENOUGH else ""

    def _says(self, words: str, reply: str) -> bool:
        return is_said(words, reply, self._language.code)


def _question(reply: str) -> str:
    """The last question of a reply; the whole of it if it has none: "please tell me the number" is one, too."""
    before, mark, _ = reply.rpartition("?")
    return re.split(r"[.!?\n]", before)[-1] if mark else reply
