"""How far the caller's words have got, which decides how long a silence after them ends the turn."""

from enum import Enum


class UtteranceState(Enum):
    """What the caller's words so far look like, by themselves and as an answer to what the agent said last.

    A language tells them apart (`Language.utterance_state`); how long each may pause is for the edge to decide.
    """

    ANSWER = "answer"
    """All that was asked for: "yes", "the second one", or as many digits as the agent wants."""
    COMPLETE = "complete"
    """Reads as a finished sentence."""
    QUESTION = "question"
    """A finished question: the caller hands the turn over."""
    OPEN = "open"
    """May be finished or not: a speech engine has put no full stop after it."""
    UNFINISHED = "unfinished"
    """The last word needs another: "I would like to"."""
    DICTATION = "dictation"
    """Digits, letters, an e-mail or postal address: more of it may follow."""
    THINKING = "thinking"
    """The caller asks for time, or fills it: "um", "let me see", "hold on"."""
