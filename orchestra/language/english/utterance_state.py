"""How far a caller's words have got, in English: finished or not, a preamble, dictating, thinking, or the answer."""

import re
from typing import Final

from orchestra.language.english.asking import is_asking
from orchestra.language.english.dictation import Dictation, dictation
from orchestra.language.english.preamble import is_preamble
from orchestra.language.english.questions import read_question
from orchestra.language.english.sentence_end import is_clause_first, is_subject_alone, is_unfinished
from orchestra.language.english.short_answer import is_short_answer
from orchestra.language.utterance import has_words
from orchestra.language.utterance_state import LONGEST_TURN, UtteranceState

_FILLS_TIME: Final = re.compile(r"(?:^|[^\w'])(?:u+h+m*|u+m+|e+r+m*|h+m+|mm+)\W*$")
_CLOSES: Final = re.compile(r"\w(?:[^\w.?!]+please|\W+(?:thank you|thanks))\W*$|(?:good|\b)bye\W*$")
_SAYS_PLEASE: Final = re.compile(r"please\W*$")
_ENDS: Final = {".": UtteranceState.COMPLETE, "!": UtteranceState.COMPLETE, "?": UtteranceState.QUESTION}
_ASKS_FOR_TIME: Final = re.compile(
    r"\b(?:"
    r"(?:let me|lemme|let's|i have to|i need to|i'll|i will|i've got to) (?:just |quickly |have a )*"
    r"(?:think|see|check|look|find|get|grab|remember|fetch|open|pull)\b[^.?!]*"
    r"|(?:hold|hang) on(?: a \w+| one \w+| please)*"
    r"|(?:just |give me |wait |one |a |half a |bear with me )+(?:sec|second|moment|minute)s?(?:,? please)?"
    r"|bear with me|wait(?:,? please)?|where (?:is|was) it|what was it"
    r"|how (?:do|shall|should) i (?:say|put) (?:it|this|that)"
    r")\W*$"
)


#: words of a question that a clause alone answers: "when I am at home", "because I was ill"
_ASKS_FOR_CLAUSE: Final = frozenset({"when", "why", "long", "time", "reason", "until", "soon"})
#: words of a question that a noun answers: "my brother"
_ASKS_FOR_NOUN: Final = frozenset({"what", "what's", "which", "who", "who's", "whose", "where", "where's", "or"})


def utterance_state(text: str, asked: str = "", *, punctuation_tells: bool = True) -> UtteranceState:
    """How far ``text`` has got, as an answer to ``asked``, the agent's last words (empty: none).

    ``text`` is the caller's turn so far as a speech engine writes it: with punctuation or without, numbers in digits or
    in words. ``punctuation_tells``: that engine writes full stops and question marks only where a sentence is probably
    over; otherwise what it closes as a statement is `PREAMBLE`, only what asks by its words is `QUESTION`, and "please"
    closes less surely what answers nothing.
    """
    said = text[-LONGEST_TURN:].lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").strip()
    if not has_words(said):
        return UtteranceState.OPEN
    if _FILLS_TIME.search(said) or _ASKS_FOR_TIME.search(said):
        return UtteranceState.THINKING
    question = read_question(asked[-LONGEST_TURN:])
    dictated = dictation(said, question)
    if dictated is Dictation.GOES_ON:
        return UtteranceState.DICTATION
    if dictated is Dictation.COMPLETE or is_short_answer(said, question):
        return UtteranceState.ANSWER
    begun = (is_clause_first(said) and not question.words & _ASKS_FOR_CLAUSE) or (
        is_subject_alone(said) and not question.words & _ASKS_FOR_NOUN
    )
    if begun or is_unfinished(said, punctuation_tells=punctuation_tells):
        return UtteranceState.UNFINISHED
    answers = bool(question.words & (_ASKS_FOR_NOUN | _ASKS_FOR_CLAUSE))
    return _state_of_whole(said, answers=answers, punctuation_tells=punctuation_tells)


def _state_of_whole(said: str, *, answers: bool, punctuation_tells: bool) -> UtteranceState:
    if is_preamble(said):
        return UtteranceState.PREAMBLE
    if _CLOSES.search(said) and not said.endswith("?"):
        # who closes everything also hears this word where another one was cut
        closed = answers or punctuation_tells or not _SAYS_PLEASE.search(said)
        return UtteranceState.ANSWER if closed else UtteranceState.COMPLETE
    state, asking = _ENDS.get(said[-1], UtteranceState.OPEN), is_asking(said)
    if state is UtteranceState.COMPLETE and asking:
        return UtteranceState.OPEN  # a question that is closed like a statement is seldom all
    doubtful = not punctuation_tells and state is not UtteranceState.OPEN
    if doubtful and not (state is UtteranceState.QUESTION and asking):
        return UtteranceState.PREAMBLE
    return state
