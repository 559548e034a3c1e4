"""A conversation that goes on in the language of its caller."""

from collections.abc import Callable
from typing import Literal

from orchestra.language import Language, find_language
from orchestra.spoken_languages import SpokenLanguages
from orchestra.voice.call.conversation import Conversation
from orchestra.voice.call.language_choice import LanguageChoice


class MultilingualConversation(Conversation):
    """A conversation that also notices which language the caller speaks, or asks for.

    The call changes before the turn ends in which that was noticed, so that the turn is answered in the new language;
    what agents have begun to answer to a prediction of it is void.

    Attributes:
        change_language: called with another language that the caller speaks (``heard``), or wants (``asked``).

    """

    change_language: Callable[[str, Literal["heard", "asked"]], None] = staticmethod(lambda _language, _reason: None)
    _choice = LanguageChoice()

    @property
    def language(self) -> Language:
        """The language of the call."""
        return self.turns.language

    def use_language(self, code: str, speaks: SpokenLanguages) -> None:
        """The call is in this language from now on, and may change into these."""
        self.turns.language = find_language(code)
        self._choice = self._choice.in_language(code, speaks)
        if self.screening is not None:
            self.screening.language = self.language

    def final(self, text: str, *, joined: bool = False, language: str = "", began: float = 0.0) -> None:
        """The final transcript of a stretch of speech."""
        super().final(text, joined=joined, language=language, began=began)
        self._follow(self._choice.heard(text, language, joined=joined), "heard")

    def turn_ended(self, text: str) -> None:
        """The caller's turn is over, with these words or with none."""
        self._follow(self._choice.asked(text), "asked")
        super().turn_ended(text)

    def _follow(self, language: str, reason: Literal["heard", "asked"]) -> None:
        if language:
            self._act(self.turns.caller_resumed())
            self.change_language(language, reason)
