"""What a local model has heard, where it also found out in which language."""

from typing import Self


class Transcript(str):
    """Words, and the language that they are in (BCP 47)."""

    __slots__ = ("language",)

    def __new__(cls, words: str, language: str) -> Self:
        """These words in this language."""
        transcript = super().__new__(cls, words)
        transcript.language = language
        return transcript

    language: str
