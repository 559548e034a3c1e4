"""A phrase as it is to be spoken: words, and all that makes their sound."""

from typing import NamedTuple

from orchestra.language import DEFAULT_LANGUAGE
from orchestra.pronunciations import AS_WRITTEN, Pronunciations


class Phrase(NamedTuple):
    """A text in a voice ("": the engine's own), a language (BCP 47), at a speed (1.0 is the voice's own)."""

    text: str
    voice: str = ""
    language: str = DEFAULT_LANGUAGE.code
    speed: float = 1.0
    pronunciations: Pronunciations = AS_WRITTEN
