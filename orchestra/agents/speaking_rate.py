"""How fast a sentence is said: as the agent speaks, at the caller's wish, and slower where a number is said again."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from typing import Final

from orchestra.language.pace import pace_wish
from orchestra_schemas import Message

#: what engines can be asked for without sounding drunk or hurried; the range of ElevenLabs
SLOWEST: Final = 0.7
FASTEST: Final = 1.2
_STEPS: Final[dict[str, float]] = {"slower": -0.12, "faster": 0.12}
_REPEATED: Final = 0.85
#: fewer digits are understood the first time
_DIGITS: Final = 3


class SpeakingRate:
    """The rate of each sentence of one answer; 1.0 is the voice's own.

    Args:
        own: the agent's rate.
        messages: the conversation so far.

    """

    def __init__(self, own: float, messages: Sequence[Message]) -> None:
        self._own, self._messages = own, messages

    def of(self, plain: str, spoken: str) -> float:
        """The rate of a sentence as it was written, ``plain``, and in the words that the engine gets, ``spoken``."""
        again = any(f" {_bare(words)} " in said for words in _spelled(plain, spoken) for said in self._said)
        return self._rate(again=again)

    def of_same_words(self, text: str) -> float:
        """The rate of words that no model has written, and that are the same each time: a value that is read back."""
        return self._rate(again=self._said[-1:] == [f" {_bare(text)} "])

    def _rate(self, *, again: bool) -> float:
        return round(_possible(self._wished * (_REPEATED if again else 1.0)), 3)

    @cached_property
    def _wished(self) -> float:
        """The agent's rate, or what the caller has made of it, wish by wish."""
        rate = self._own
        for message in self._messages:
            wish = pace_wish(message.content) if message.role == "user" else ""
            rate = _possible(rate + _STEPS[wish]) if wish else rate
        return rate

    @cached_property
    def _said(self) -> list[str]:
        said = (message.content for message in self._messages if message.role == "assistant" and message.content)
        return [f" {_bare(words)} " for words in said]


def _possible(rate: float) -> float:
    return min(FASTEST, max(SLOWEST, rate))


def _spelled(plain: str, spoken: str) -> Iterable[str]:
    """How the numbers of several digits and the addresses of a sentence are said."""
    if "@" not in plain and sum(map(str.isdigit, plain)) < _DIGITS:
        return
    written, said = plain.split(), spoken.split()
    for what, begin, end, said_begin, said_end in SequenceMatcher(None, written, said, autojunk=False).get_opcodes():
        words = " ".join(written[begin:end])
        if what == "replace" and ("@" in words or sum(map(str.isdigit, words)) >= _DIGITS):
            yield " ".join(said[said_begin:said_end])


def _bare(text: str) -> str:
    return " ".join(word.strip(".,;:!?…").lower() for word in text.split())
