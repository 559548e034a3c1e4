"""Compares the words that a caller heard with the words that were to be said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orchestra.simulator.phone_line import FRAME_S
from orchestra_schemas import CallStarted, Event, ReplyChunk, ReplyInterrupted, TurnCancelled
from tests.faults.spoken.tones import APOLOGY, HOLDING, STILL_THERE, Heard, plain

#: the edge says these on its own, as agents may too: they are allowed between any two words
_BY_THE_EDGE = frozenset(plain(f"{HOLDING} {APOLOGY} {STILL_THERE}"))
#: a sentence that ended this shortly before its edge died is said again, because nobody knew yet that it was heard
_TOLD_WITHIN_S = 1.0


@dataclass(slots=True)
class Sentence:
    """A sentence to be said; ``optional``: the caller spoke over its reply, or the reply was withdrawn."""

    turn: int
    words: list[str]
    optional: bool


@dataclass(slots=True)
class Verdict:
    """The faults of a call, in words; empty if there are none."""

    wrong: list[str] = field(default_factory=list)
    said_again: int = 0
    sentences: int = 0


def to_be_said(journal: Sequence[Event]) -> list[Sentence]:
    """The sentences of a call, from the events of its agents."""
    loose = {event.turn for event in journal if isinstance(event, ReplyInterrupted | TurnCancelled)}
    chunks: dict[int, list[str]] = {}
    for event in journal:
        if isinstance(event, CallStarted):
            chunks[0] = [event.greeting]
        elif isinstance(event, ReplyChunk):
            chunks.setdefault(event.turn, []).append(event.text)
    return [
        Sentence(turn, words, turn in loose)
        for turn in sorted(chunks)
        for text in chunks[turn]
        if (words := plain(text)) and not _BY_THE_EDGE.issuperset(words)
    ]


def judge(heard: Sequence[Heard], breaks_s: Sequence[float], sentences: Sequence[Sentence]) -> Verdict:
    """Check that the words are those of the sentences, in order, each once.

    Where the stream broke (``breaks_s``, on the line's clock), the sentence in progress begins again.
    """
    verdict = Verdict(sentences=len(sentences))
    place, word = 0, 0  # the next expected word
    last_s, ended_s = 0.0, 0.0  # when the last word began, and when the last word of the sentence before it did
    for each in heard:
        if not each.whole or each.word in _BY_THE_EDGE:
            continue
        broke = [at for at in breaks_s if last_s < at <= each.at_s + FRAME_S]
        found = next((at for at in _next(sentences, place, word) if sentences[at[0]].words[at[1]] == each.word), None)
        if found is None and broke:
            just_ended = place and min(broke) - ended_s < _TOLD_WITHIN_S
            again = [place] * bool(word) + [place - 1] * bool(just_ended)
            found = next(((at, 0) for at in again if sentences[at].words[0] == each.word), None)
            verdict.said_again += found is not None
        if found is None:
            verdict.wrong.append(f"{each.at_s:.2f} s: {each.word!r} where {_named(sentences, place, word)} was to come")
            found = _resync(sentences, each.word) or (place, word)
        place, word = found[0], found[1] + 1
        if word == len(sentences[place].words):
            place, word, ended_s = place + 1, 0, each.at_s
        last_s = each.at_s
    if not all(sentence.optional for sentence in sentences[place:]):
        verdict.wrong.append(f"never heard: {_named(sentences, place, word)} and what follows it")
    return verdict


def _next(sentences: Sequence[Sentence], place: int, word: int) -> Iterator[tuple[int, int]]:
    """Where the next word may be: the next one of the text, or, after an interrupted reply, the first of the next."""
    if place == len(sentences):
        return
    yield place, word
    while place < len(sentences) and sentences[place].optional:
        place += 1
        if place < len(sentences):
            yield place, 0


def _resync(sentences: Sequence[Sentence], word: str) -> tuple[int, int] | None:
    for place, sentence in enumerate(sentences):
        if word in sentence.words:
            return place, sentence.words.index(word)
    return None


def _named(sentences: Sequence[Sentence], place: int, word: int) -> str:
    if place == len(sentences):
        return "nothing"
    sentence = sentences[place]
    return f"{sentence.words[word]!r} (word {word + 1} of {' '.join(sentence.words)!r}, turn {sentence.turn})"
