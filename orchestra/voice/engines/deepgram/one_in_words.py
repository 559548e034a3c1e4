"""Deepgram writes every number in digits, the pronoun "one", too: "one of them" comes as "1 of them"."""

from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from orchestra.language.tags import base_of

_WORDS = (InterimTranscriptionFrame, EagerTranscriptionFrame, TranscriptionFrame)
_ENGLISH_LETTER_WORDS = frozenset({"a", "i"})


class OneInWords(FrameProcessor):
    """Writes a "1" that stands alone in English speech as "one": mix it in before the vendor's class."""

    hears = ""  # the language that was asked for

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass on, with the words as they were said."""
        if isinstance(frame, _WORDS) and base_of(str(frame.language or self.hears)) == "en":
            frame.text = one_in_words(frame.text)
        await super().push_frame(frame, direction)


def one_in_words(text: str) -> str:
    """``text`` with each lone "1" as a word; beside a digit or a spelled letter it belongs to a number that is kept."""
    words = text.split(" ")
    bare = [word.strip(".,?!;:") for word in words]
    for at, word in enumerate(bare):
        if word == "1" and not any(_is_code(near) for near in (*bare[max(0, at - 1) : at], *bare[at + 1 : at + 2])):
            words[at] = words[at].replace("1", "One" if _begins_sentence(words, at) else "one")
    return " ".join(words)


def _is_code(word: str) -> bool:
    spelled = len(word) == 1 and word.isalpha() and word.lower() not in _ENGLISH_LETTER_WORDS
    return spelled or any(character.isdigit() for character in word)


def _begins_sentence(words: list[str], at: int) -> bool:
    return at == 0 or words[at - 1].endswith((".", "?", "!"))
