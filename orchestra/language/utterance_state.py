"""How far the caller's words have got, which decides how long a silence after them ends the turn."""

from enum import Enum
from typing import Final

#: characters at the end of a turn that tell how far it has got; a longer one is no speech
LONGEST_TURN: Final = 2_000


class UtteranceState(Enum):
    """What the caller's words so far look like, by themselves and as an answer to what the agent said last.

    A language tells them apart (`Language.utterance_state`); how long each may pause is for the edge to decide.
    """

    ANSWER = "answer"
    """All that is to come: "yes", "the second one", as many digits as the agent wants; or "…, please", "goodbye"."""
    COMPLETE = "complete"
    """Reads as a finished sentence."""
    QUESTION = "question"
    """A finished question: the caller hands the turn over."""
    PREAMBLE = "preamble"
    """Finished, but what the caller wants mostly follows: "hello", "no, that's not it", "I have a question"."""
    OPEN = "open"
    """May be finished or not: a speech engine has put no full stop after it."""
    UNFINISHED = "unfinished"
    """The last word needs another: "I would like to"."""
    DICTATION = "dictation"
    """Digits, letters, an e-mail or postal address: more of it may follow."""
    THINKING = "thinking"
    """The caller asks for time, or fills it: "um", "let me see", "hold on"."""
