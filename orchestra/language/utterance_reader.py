"""How far a caller's words have got: machinery for every language but English, with the words of each as data."""

import re
from typing import Final

from orchestra.language.dictation_reader import DictationReader
from orchestra.language.known_phrases import KnownPhrases, phrase_words
from orchestra.language.question_reader import Question, QuestionReader, Wanted
from orchestra.language.utterance import QUESTION_MARK, has_words
from orchestra.language.utterance_state import LONGEST_TURN, UtteranceState
from orchestra.language.utterance_words import UtteranceWords

_TRAILS_OFF: Final = re.compile(r"(?:\.\.+|…|[,:;،、，：；\N{EN DASH}\N{EM DASH}-])\s*$")
_ASKS: Final = re.compile(rf"{QUESTION_MARK}\s*$")
_ENDS: Final = re.compile(r"[.!。！．｡۔।॥։።។]\s*$")
_SENTENCE: Final = re.compile(r"[^.?!¿¡。？！]*\w[^.?!。？！]*[.?!。？！\s]*$")
#: a clause begins after these, if a word comes
_CLAUSE: Final = re.compile(r"[.,;:!?¿¡](?=[^.,;:!?]*\w)")
_INNER_MARK: Final = re.compile(r"[,.?!;]\s*\w")
_FILLS_TIME: Final = re.compile(r"(?:^|[^\w'-])(?:u+h+m*|u+m{2,}|e+h+m*|e+u+h+|ä+h+m*|h+m+|mm+|e+r+m+)\W*$")
#: a longer utterance answers more than yes or no, or one of two things
_LONGEST_ANSWER: Final = 8
#: a clause of fewer words says nothing yet
_SHORTEST_CLAUSE: Final = 3


class UtteranceReader:
    """Tells how far the words of a caller have got, in one language.

    Args:
        words: what callers say for what.
        yes: phrases that say yes.
        no: phrases that say no.
        beside: phrases that change nothing beside them.

    """

    def __init__(self, words: UtteranceWords, *, yes: str = "", no: str = "", beside: str = "") -> None:
        self._questions = QuestionReader(words)
        self._dictation = DictationReader(words)
        self._yes, self._yes_or_no = KnownPhrases(yes), KnownPhrases(yes, no)
        self._answers = KnownPhrases(yes, no, beside)
        self._pointing = KnownPhrases(words.pointing)
        self._with_choice = KnownPhrases(words.with_choice, yes, no, beside)
        self._hesitates, self._waits = KnownPhrases(words.hesitates), KnownPhrases(words.waits)
        self._looks, self._leads_in = KnownPhrases(words.looks), KnownPhrases(words.leads_in)
        self._polite = KnownPhrases(words.closes)
        self._unfinished, self._begun = KnownPhrases(words.unfinished), KnownPhrases(words.begun)
        self._copulas, self._refers = KnownPhrases(words.copulas), KnownPhrases(words.question_words, words.clauses)
        self._preambles, self._announces = KnownPhrases(words.preambles), KnownPhrases(words.announces)
        self._clauses, self._asks = KnownPhrases(words.clauses), KnownPhrases(words.asks)

    def state(self, text: str, asked: str = "", *, punctuation_tells: bool = True) -> UtteranceState:
        """`Language.utterance_state`."""
        said = text[-LONGEST_TURN:].strip()
        words = phrase_words(said)
        if not has_words(said) or not words:
            return UtteranceState.OPEN
        if _FILLS_TIME.search(said.casefold()) or self._asks_for_time(said, words):
            return UtteranceState.THINKING
        question = self._questions.read(asked[-LONGEST_TURN:])
        polite = self._polite.ends(words)
        dictated = None if polite else self._dictation.complete(said, words, question)
        if dictated is not None:
            return UtteranceState.ANSWER if dictated else UtteranceState.DICTATION
        if self._is_short_answer(said, words, question):
            return UtteranceState.ANSWER
        if self._is_unfinished(said, words, question, punctuation_tells=punctuation_tells):
            return UtteranceState.UNFINISHED
        return self._state_of_whole(said, words, question, punctuation_tells=punctuation_tells)

    def _asks_for_time(self, said: str, words: list[str]) -> bool:
        sentence = self._led_in(phrase_words(_last_sentence(said)))
        if self._looks.starts(sentence) and not _ASKS.search(said):
            return True
        before = words[: len(words) - self._polite.length_before(words)]
        return self._hesitates.ends(words) or self._waits.ends(before)

    def _led_in(self, words: list[str]) -> list[str]:
        """The words without what only leads in."""
        index = 0
        while count := self._leads_in.length_at(words, index):
            index += count
        return words[index:]

    def _is_short_answer(self, said: str, words: list[str], question: Question) -> bool:
        if question.wanted not in (Wanted.YES_NO, Wanted.CHOICE) or len(words) > _LONGEST_ANSWER:
            return False
        if _TRAILS_OFF.search(said) or _ASKS.search(said):
            return False
        if self._yes_or_no.occur(words) and self._answers.make_up(words) and not self._leaves_open(words):
            return True
        if question.wanted is Wanted.YES_NO or self._leaves_open(words):
            return False
        known = {word for word in words if word in question.words and not self._with_choice.length_at([word], 0)}
        rest = [word for word in words if word not in known]
        return (bool(known) or self._pointing.occur(words)) and self._all_beside_choice(rest)

    def _all_beside_choice(self, words: list[str]) -> bool:
        index = 0
        while index < len(words):
            count = max(self._with_choice.length_at(words, index), self._pointing.length_at(words, index))
            if not count:
                return False
            index += count
        return True

    def _leaves_open(self, words: list[str]) -> bool:
        """Whether the last words need another, and are no yes."""
        return self._unfinished.length_before(words) > self._yes.length_before(words)

    def _is_unfinished(self, said: str, words: list[str], question: Question, *, punctuation_tells: bool) -> bool:
        if _ASKS.search(said) and punctuation_tells:
            return False
        if _TRAILS_OFF.search(said):
            return True
        if self._leaves_open(words) or (self._copulas.ends(words) and not self._refers.occur(words)):
            return True
        clause = self._led_in(phrase_words(_CLAUSE.split(said)[-1]))
        if clause and self._begun.length_at(clause, 0) == len(clause):
            return True
        led = self._led_in(words)
        begins = self._clauses.length_at(led, 0)
        whole = not _INNER_MARK.search(said) and not _ASKS.search(said)
        return bool(begins and len(led) - begins >= _SHORTEST_CLAUSE and whole and not question.open_ended)

    def _state_of_whole(
        self, said: str, words: list[str], question: Question, *, punctuation_tells: bool
    ) -> UtteranceState:
        asks = _ASKS.search(said) is not None
        if not asks and (self._preambles.make_up(words) or self._announces.ends(words)):
            return UtteranceState.PREAMBLE
        if not asks and self._polite.ends(words):
            closed = punctuation_tells or question.wanted is not Wanted.ANYTHING
            return UtteranceState.ANSWER if closed else UtteranceState.COMPLETE
        asking = self._asks.starts(self._led_in(phrase_words(_last_sentence(said))))
        if asks:
            return UtteranceState.QUESTION if punctuation_tells or asking else UtteranceState.PREAMBLE
        if _ENDS.search(said):
            if asking:
                return UtteranceState.OPEN  # a question that is closed like a statement is seldom all
            return UtteranceState.COMPLETE if punctuation_tells else UtteranceState.PREAMBLE
        return UtteranceState.OPEN


def _last_sentence(said: str) -> str:
    found = _SENTENCE.search(said)
    return found.group() if found else said
