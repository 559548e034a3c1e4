"""Speech that is synthesized as a whole: its audio, and when each word begins."""

from collections.abc import Sequence

import msgspec

from orchestra.language.spoken_pieces import JOINER, split_pieces


class SynthesizedSpeech(msgspec.Struct, frozen=True):
    """Mono 16-bit PCM, and its words, each with its start in seconds."""

    pcm16: bytes
    words: tuple[tuple[str, float], ...]


def place_words_in_text(
    text: str, characters: Sequence[str], starts_s: Sequence[float], seconds: float
) -> list[tuple[str, float]]:
    """The words of ``text`` (`split_pieces`) with their starts, in seconds, from the times of its characters.

    If the characters differ from the text, or there are none, the words share the ``seconds`` by length.
    """
    if "".join(characters) != text or len(starts_s) != len(characters):
        starts_s = [seconds * index / max(1, len(text)) for index in range(len(text))]
    found: list[tuple[str, float]] = []
    index = 0
    for piece in split_pieces(text):
        written = piece.removeprefix(JOINER)
        index = text.index(written, index)
        found.append((piece, starts_s[index]))
        index += len(written)
    return found
