"""How fast a sentence is said: as the agent speaks, at the caller's wish, and slower where a number is said again."""

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

from orchestra.language.pace import pace_wish
from orchestra_schemas import Message

#: what engines can be asked for without sounding drunk or hurried; the range of ElevenLabs
SLOWEST: Final = 0.7
FASTEST: Final = 1.2
_STEP: Final = 0.12
_REPEATED: Final = 0.85
#: fewer digits are understood the first time
_DIGITS: Final = 3


def speaking_rate(own: float, messages: Iterable[Message], plain: str, spoken: str) -> float:
    """The rate of one sentence; 1.0 is the voice's own.

    Args:
        own: the agent's rate.
        messages: the conversation so far.
        plain: the sentence as it was written.
        spoken: the same in the words that the engine gets.

    """
    rate, said = own, []
    for message in messages:
        if message.role == "user":
            rate += _STEP * {"slower": -1, "faster": 1}.get(pace_wish(message.content), 0)
        elif message.role == "assistant":
            said.append(f" {_bare(message.content)} ")
    again = any(f" {_bare(words)} " in earlier for words in _spelled(plain, spoken) for earlier in said)
    return round(min(FASTEST, max(SLOWEST, rate * (_REPEATED if again else 1.0))), 3)


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
