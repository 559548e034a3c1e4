"""Decides when a call changes to the language that its caller speaks, or asks for. Pure: no clock, no events."""

from typing import Final

from orchestra.language.language_wish import wished_language
from orchestra.language.registry import DEFAULT_CODE
from orchestra.language.tags import base_of
from orchestra.language.utterance import split_words
from orchestra.spoken_languages import SpokenLanguages

#: fewer words tell nothing: a name, "okay", "no", a foreign word
_TELLING: Final = 3
#: so many leave no doubt
_SURE: Final = 6
#: transcripts in a row, with words that tell, until the call changes
_IN_A_ROW: Final = 2
#: how often a call follows what was heard; an engine that wavers does not drag its agents along for ever
_MOST: Final = 8
_ONE: Final = SpokenLanguages()


class LanguageChoice:
    """Follows the languages in which a caller is heard.

    ::

        call      en                                        es                                    en
        heard     en, es "sí", es "quiero cambiar mi cita", es "para el lunes"     en "sorry, I would rather go on in
                      |too short  |one                         |two: change          English now"  |long: change

    Args:
        language: that of the call.
        speaks: into which languages it may change, and whether by itself.

    """

    def __init__(self, language: str = DEFAULT_CODE, speaks: SpokenLanguages = _ONE) -> None:
        self._language, self._speaks = language, speaks
        self._candidate, self._times = "", 0
        self._before = ("", 0)  # the same without the last transcript, which a joined one replaces
        self._changes = 0

    def in_language(self, language: str, speaks: SpokenLanguages) -> "LanguageChoice":
        """The choice of the same call, which is in this language now, and may change into these."""
        changed = LanguageChoice(language, speaks)
        changed._changes = self._changes
        return changed

    def heard(self, text: str, language: str, *, joined: bool = False) -> str:
        """The language into which the call changes after this final transcript; "" if it stays.

        ``language`` is the one that the engine has recognized, "" if it says none. ``joined``: the transcript replaces
        the one before it.
        """
        if not self._speaks.automatic or not language:
            return ""
        if joined:
            self._candidate, self._times = self._before
        self._before = self._candidate, self._times
        words = len(split_words(text))
        if words < _TELLING:
            return ""
        found = self._speaks.find(language)
        if not found or base_of(found) == base_of(self._language):
            self._candidate, self._times = "", 0
            return ""
        self._times = self._times + 1 if found == self._candidate else 1
        self._candidate = found
        if (self._times < _IN_A_ROW and words < _SURE) or self._changes >= _MOST:
            return ""
        self._changes += 1
        return found

    def asked(self, text: str) -> str:
        """The language that the caller asks for with these words; "" if they ask for none, or have it already."""
        found = self._speaks.find(wished_language(text))
        return found if found and base_of(found) != base_of(self._language) else ""
