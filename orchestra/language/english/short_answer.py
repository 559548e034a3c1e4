"""Whether a few words are all that a yes/no question or a choice needs for an answer, in English."""

from typing import Final

from orchestra.language.english.sentence_end import ALWAYS_UNFINISHED
from orchestra.language.question_reader import Question, Wanted
from orchestra.language.utterance import split_words

_YES_OR_NO: Final = frozenset(
    split_words("""
    yes yeah yep yup yea no nope nah correct right exactly sure absolutely certainly course definitely okay ok fine
    please
    """)
)
_WITH_YES_OR_NO: Final = frozenset(
    split_words("""
    it is that's that thats it's not all thank you thanks i do did am don't didn't can can't of really at ma'am sir good
    great perfect think so well oh uh ah way the a this would will are was nothing else just my me too
    """)
)
_POINTING: Final = frozenset(
    split_words("""
    first second third fourth last former latter either neither both one two three none any doesn't matter whichever
    option number that this morning afternoon evening
    """)
)
_WITH_CHOICE: Final = frozenset(
    split_words("""
    the a an on at in to for please i i'd i'll like would prefer take rather think one let's go with it's be is fine
    works better me my maybe um uh oh well yes no okay ok just that thanks thank you of by want have can we do then
    """)
)
#: an answer never ends in these
_STOPS_EARLY: Final = ALWAYS_UNFINISHED | frozenset(split_words("to at on in for by just with"))
_LONGEST: Final = 8


def is_short_answer(text: str, question: Question) -> bool:
    """Whether ``text`` (lower case) says yes or no, or names one of the options of the question, and nothing more."""
    words = split_words(text)
    if question.wanted not in (Wanted.YES_NO, Wanted.CHOICE) or not 0 < len(words) <= _LONGEST:
        return False
    if words[-1] in _STOPS_EARLY or text.endswith(("...", "…", ",")):
        return False
    said = frozenset(words)
    agrees = said <= _YES_OR_NO | _WITH_YES_OR_NO and bool(said & (_YES_OR_NO | {"i"}))
    if agrees or question.wanted is Wanted.YES_NO:
        return agrees
    options = _POINTING | (question.words - _WITH_CHOICE)
    return said <= options | _WITH_CHOICE and bool(said & options)
