"""When each word of a text begins, from the phonemes of its audio. Pure functions.

espeak runs words together ("of the" is one phoneme word) and spells numbers out ("4271" is six), so words and phoneme
words are not paired one to one. Both are counted in letters of sound instead, and a word's place is moved to
the nearest beginning of a phoneme word when one is close by::

    text      |of |the |parcels
    letters   |Av |D@  |parc@lz        counted word by word
    phonemes  |AvD@    |parc@lz        as spoken, each with its length in seconds
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

_MARKS = frozenset("ˈˌː")
_CLOSE = 1.5


def count_letters(phonemes: Iterable[str]) -> int:
    """The number of letters of sound, without stress, length, spaces and punctuation."""
    return sum(_is_letter(phoneme) for phoneme in phonemes)


def _is_letter(phoneme: str) -> bool:
    return phoneme not in _MARKS and any(character.isalpha() for character in phoneme)


def place_words(sizes: Sequence[int], sentences: Sequence[int]) -> list[tuple[int, float]]:
    """For each word its sentence and its distance from the sentence's start, in letters.

    ``sizes`` are the letters of each word alone, ``sentences`` the letters of each sentence as spoken.
    """
    ends = list(accumulate(sentences))
    if not ends:
        return [(0, 0.0)] * len(sizes)
    scale = ends[-1] / max(1, sum(sizes))
    found: list[tuple[int, float]] = []
    for start in accumulate(sizes[:-1], initial=0) if sizes else ():
        position = start * scale
        sentence = min(bisect_left(ends, position + _CLOSE), len(ends) - 1)
        begin = ends[sentence] - sentences[sentence]
        found.append((sentence, max(0.0, position - begin)))
    return found


def word_start_times(positions: Sequence[float], spoken: Sequence[tuple[str, float]]) -> list[float]:
    """When each position begins, in seconds; ``positions`` in letters, ``spoken`` as (phoneme, seconds).

    The times never go backwards.
    """
    at: list[float] = []
    heads: list[int] = []
    clock, fresh = 0.0, True
    for phoneme, seconds in spoken:
        if _is_letter(phoneme):
            if fresh:
                heads.append(len(at))
            at.append(clock)
            fresh = False
        elif phoneme.isspace():
            fresh = True
        clock += seconds
    if not at:
        return [0.0] * len(positions)
    starts = [at[min(_snap(position, heads), len(at) - 1)] for position in positions]
    return list(accumulate(starts, max))


def _snap(position: float, heads: Sequence[int]) -> int:
    after = bisect_left(heads, position)
    near = min(heads[max(0, after - 1) : after + 1], key=lambda head: abs(head - position))
    return near if abs(near - position) <= _CLOSE else round(position)
