"""Speech that is made whole before it is spoken: its audio, and where each word stands in it."""

from collections.abc import Sequence

import msgspec


class SynthesizedSpeech(msgspec.Struct, frozen=True):
    """Mono 16-bit PCM, and the words of its text with the second at which each begins."""

    pcm16: bytes
    words: tuple[tuple[str, float], ...]


def place_words_in_text(
    text: str, characters: Sequence[str], starts_s: Sequence[float], seconds: float
) -> list[tuple[str, float]]:
    """The words of ``text`` with their starts, in seconds, from the times of its characters.

    Where the characters are not those of the text, or there are none, each word gets its share of the ``seconds``.
    """
    if "".join(characters) != text or len(starts_s) != len(characters):
        starts_s = [seconds * place / max(1, len(text)) for place in range(len(text))]
    found: list[tuple[str, float]] = []
    place = 0
    for word in text.split():
        place = text.index(word, place)
        found.append((word, starts_s[place]))
        place += len(word)
    return found
