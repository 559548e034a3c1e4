"""Whether a caller has agreed to a question: machinery for every language that knows its words for it."""

from collections.abc import Callable, Sequence

from orchestra.language.known_phrases import KnownPhrases, phrase_words
from orchestra.language.utterance import is_question


class Agreement:
    """Reads yes and no in one language. Phrases are written with commas between them; the longest one counts.

    Args:
        yes: they say yes, whatever else is said, unless something says no.
        may_say_yes: they say yes if nothing but yes is said.
        no: they say no, or take back a yes.
        beside: words that change nothing.
        asks: no answer that begins with one of these says yes and nothing more.
        words: the words of a text.
        marked: whether a question mark turns these words into a question.

    """

    def __init__(
        self,
        *,
        yes: str,
        may_say_yes: str,
        no: str,
        beside: str,
        asks: str = "",
        words: Callable[[str], list[str]] = phrase_words,
        marked: bool = True,
    ) -> None:
        self._yes = KnownPhrases(yes, words=words)
        self._may_say_yes = KnownPhrases(may_say_yes, words=words)
        self._no = KnownPhrases(no, words=words)
        self._beside = KnownPhrases(beside, words=words)
        self._asks = KnownPhrases(asks, words=words)
        self._words, self._marked = words, marked

    def agrees(self, text: str) -> bool:
        """Whether these words say yes, and nothing in them says no: ``yes, the four two seven one``."""
        found = self._kinds(self._words(text))
        says_yes = self._yes in found and self._no not in found and not self._asked(text)
        return says_yes or self.simply_agrees(text)

    def simply_agrees(self, text: str) -> bool:
        """Whether these words say yes, and nothing more: ``yes please``, ``okay, go ahead``, ``that's fine``."""
        words = self._words(text)
        if self._asked(text) or self._asks.starts(words):
            return False
        found = self._kinds(words)
        return bool(found & {self._yes, self._may_say_yes}) and found <= {self._yes, self._may_say_yes, self._beside}

    def _asked(self, text: str) -> bool:
        return self._marked and is_question(text)

    def _kinds(self, words: Sequence[str]) -> set[KnownPhrases | None]:
        """The kinds of phrases that the words consist of, None among them for words that are in none."""
        found: set[KnownPhrases | None] = set()
        index = 0
        while index < len(words):
            kinds = (self._no, self._yes, self._may_say_yes, self._beside)  # the first of equal length counts
            kind = max(kinds, key=lambda kind: kind.length_at(words, index))
            count = kind.length_at(words, index)
            found.add(kind if count else None)
            index += count or 1
        return found
