"""Compares the words that a caller heard with the words that were to be said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from orchestra.simulator.phone_line import FRAME_S
from orchestra_schemas import CallStarted, Event, ReplyChunk, ReplyInterrupted, TurnCancelled
from tests.faults.spoken.tones import APOLOGY, HOLDING, STILL_THERE, Heard, plain

#: the edge says these on its own, as agents may too: they are allowed between any two words
_BY_THE_EDGE = frozenset(plain(f"{HOLDING} {APOLOGY} {STILL_THERE}"))
#: a sentence that ended this shortly before its edge died is said again, because nobody knew yet that it was heard
_TOLD_WITHIN_S = 1.0
#: so long after a stream broke, what had arrived is still played
_IN_FLIGHT_S = 0.3


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


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read what was heard so far: the next word expected, and when the last word and the last sentence were.

    A caller who asks the same again may be answered in the same words, so that there may be several.
    """

    place: int = 0
    word: int = 0
    last_s: float = 0.0  # when the last word began
    ended_s: float = 0.0  # when the last word of the sentence before it did

    def at(self, found: tuple[int, int], at_s: float, sentences: Sequence[Sentence]) -> "_Reading":
        """After one more word, which was found there."""
        place, word = found[0], found[1] + 1
        if word == len(sentences[place].words):
            return _Reading(place + 1, 0, at_s, at_s)
        return _Reading(place, word, at_s, self.ended_s)


def judge(
    heard: Sequence[Heard],
    breaks_s: Sequence[float],
    sentences: Sequence[Sentence],
    stood_still_s: Sequence[tuple[float, float]] = (),
) -> Verdict:
    """Check that the words are those of the sentences, in order, each once.

    Where the stream broke (``breaks_s``, on the line's clock), the sentence in progress begins again. So does one that
    had just ended, unless the edge had time to tell: what it ``stood_still_s`` was none.
    """
    verdict = Verdict(sentences=len(sentences))
    readings = [_Reading()]
    for each in heard:
        if not each.whole or each.word in _BY_THE_EDGE:
            continue
        found = [(reading, at) for reading in readings for at in _next(sentences, reading.place, reading.word)]
        fitting = [(reading, at) for reading, at in found if sentences[at[0]].words[at[1]] == each.word]
        if not fitting:
            again = [(reading, at) for reading in readings for at in _again(reading, each, breaks_s, stood_still_s)]
            fitting = [(reading, at) for reading, at in again if sentences[at[0]].words[0] == each.word]
            verdict.said_again += bool(fitting)
        if not fitting:
            first = readings[0]
            named = _named(sentences, first.place, first.word)
            verdict.wrong.append(f"{each.at_s:.2f} s: {each.word!r} where {named} was to come")
            elsewhere = _resync(sentences, each.word)
            lost = replace(first, last_s=each.at_s)
            readings = [lost if elsewhere is None else first.at(elsewhere, each.at_s, sentences)]
            continue
        readings = list(dict.fromkeys(reading.at(at, each.at_s, sentences) for reading, at in fitting))
    if not any(all(sentence.optional for sentence in sentences[reading.place :]) for reading in readings):
        first = readings[0]
        verdict.wrong.append(f"never heard: {_named(sentences, first.place, first.word)} and what follows it")
    return verdict


def _again(
    reading: _Reading, heard: Heard, breaks_s: Sequence[float], stood_still_s: Sequence[tuple[float, float]]
) -> list[tuple[int, int]]:
    """Where a sentence may begin again because the stream has broken since the last word."""
    broke = [at for at in breaks_s if reading.last_s - _IN_FLIGHT_S < at <= heard.at_s + FRAME_S]
    if not broke:
        return []
    first, ended = min(broke), reading.ended_s
    still = sum(max(0.0, min(end, first) - max(start, ended)) for start, end in stood_still_s)
    just_ended = reading.place and first - ended - still < _TOLD_WITHIN_S
    return [(reading.place, 0)] * bool(reading.word) + [(reading.place - 1, 0)] * bool(just_ended)


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
