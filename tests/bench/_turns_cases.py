"""The conversations of the benchmark: what the caller says, when, and what is true of it. The same every time."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from orchestra.simulator.audio_measure import Span
from orchestra.voice.audio.mulaw import Samples
from tests.bench import _turns_noise as noise
from tests.bench import _turns_texts as texts
from tests.bench._turns_speech import RATE, Library, Recording, Word, cut, level, sounds

Kind = Literal["end", "interruption", "backchannel", "noise", "echo", "answer", "digits"]
GROUPS: dict[str, tuple[Kind, ...]] = {
    "ends": ("end",),
    "yields": ("interruption", "backchannel", "noise", "echo"),
    "answers": ("answer",),
    "digits": ("digits",),
}
_IN_A_CALL = 8


@dataclass(frozen=True)
class Utterance:
    """What the caller says in one turn, with its truth.

    ``pauses``: the silences inside, each with what kind of pause it is. ``sound`` is from the first to the last sound.
    """

    samples: Samples
    words: tuple[Word, ...]
    sound: Span
    pauses: tuple[tuple[Span, str], ...] = ()


@dataclass(frozen=True)
class Exchange:
    """One thing that the caller does, and what the agent says to it.

    Attributes:
        name: by which it is found again: conversation, number, what it is.
        kind: what is measured.
        said: the caller's sound.
        reply: the agent's answer to it.
        asks: said before, where the agent has to be speaking; ``answer`` is what it then says.
        after_s: how far the agent is in that answer when the caller's sound begins.
        detail: the class within its kind.
        digits: those that were said.

    """

    name: str
    kind: Kind
    said: Utterance | None
    reply: str
    detail: str = ""
    asks: Utterance | None = None
    answer: str = ""
    after_s: float = 0.0
    digits: str = ""


@dataclass(frozen=True)
class Conversation:
    """One call. ``echo`` is (level in dB, delay in s) of the agent's voice in the caller's microphone."""

    name: str
    exchanges: tuple[Exchange, ...]
    greeting: str = "Hello."
    background: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    echo: tuple[float, float] | None = None


def conversations(library: Library, groups: list[str], *, quick: bool) -> list[Conversation]:
    """The conversations of these groups; ``quick``: every eighth."""
    made: list[Conversation] = []
    for group in groups:
        made += _MAKERS[group](library)
    return [each for at, each in enumerate(made) if not quick or at % 8 == 1]


def utterance(parts: list[Recording], gaps: list[tuple[float, str]]) -> Utterance:
    """Parts with silences between them, each with the kind of pause that it is."""
    track: list[Samples] = []
    words: list[Word] = []
    found: list[Span] = []
    kinds: list[str] = []
    at = 0
    for number, part in enumerate(parts):
        if number:
            seconds, kind = gaps[number - 1]
            track.append(np.zeros(round(seconds * RATE), np.int16))
            at += track[-1].size
            kinds.append(kind)
        shift = at / RATE
        own = part.sounds()
        found += [Span(span.start_s + shift, span.end_s + shift) for span in own]
        kinds += ["natural"] * (len(own) - 1)
        words += [Word(word.text, word.start_s + shift, _end(word, own) + shift) for word in part.words]
        track.append(part.samples)
        at += part.samples.size
    pauses = [Span(before.end_s, after.start_s) for before, after in itertools.pairwise(found)]
    ordered = tuple((pause, kind) for pause, kind in zip(pauses, kinds, strict=True))
    return Utterance(np.concatenate(track), tuple(words), Span(found[0].start_s, found[-1].end_s), ordered)


def _end(word: Word, found: list[Span]) -> float:
    """Where a word ends: at the latest where the sound does in which it begins."""
    return next((min(word.end_s, span.end_s) for span in found if span.start_s - 0.05 <= word.start_s < span.end_s),
                word.end_s)  # fmt: skip


def _in_calls(name: str, exchanges: list[Exchange], **options: object) -> list[Conversation]:
    parts = [exchanges[at : at + _IN_A_CALL] for at in range(0, len(exchanges), _IN_A_CALL)]
    return [Conversation(f"{name}-{at}", tuple(part), **options) for at, part in enumerate(parts)]  # type: ignore[arg-type]


def _drawn(rng: random.Random, median: float, spread: float, least: float, most: float) -> float:
    return min(most, max(least, median * float(np.exp(rng.gauss(0, spread)))))


def _ends(library: Library) -> list[Conversation]:
    rng = random.Random("ends")
    said = [*_hesitating(library, rng), *_numbers_in_groups(library, rng), *_read_and_fluent(library)]
    said += list(_prompts(library))
    rng.shuffle(said)
    made = [
        Exchange(f"end-{at}-{name}", "end", each, "All right.", detail=name) for at, (name, each) in enumerate(said)
    ]
    calls = _in_calls("ends", made)
    talk = [library.person(name).samples for name in library.prompts()[:12]]
    for at in range(0, len(calls), 5):  # one call in five is noisy
        dirt = noise.bed("street" if at % 2 else "voices", 20.0, -44.0, np.random.default_rng(at), talk)
        calls[at] = Conversation(calls[at].name, calls[at].exchanges, background=dirt)
    return calls


def _hesitating(library: Library, rng: random.Random) -> Iterator[tuple[str, Utterance]]:
    for text in (*texts.HESITATING, *texts.TWO_SENTENCES):
        kind = "sentence" if text in texts.TWO_SENTENCES else "hesitation"
        parts = text.split(" | ")
        spoken = library.piper(text.replace(" | ", " "))
        counts = np.cumsum([len(part.split()) for part in parts])[:-1]
        for variant in range(5 if kind == "hesitation" else 4):
            chosen = [int(count) for count in counts] if variant == 0 else [int(rng.choice(list(counts)))]
            pieces = cut(spoken, *chosen)
            typical = (0.6, 0.45, 0.25, 1.5) if kind == "hesitation" else (0.4, 0.3, 0.25, 0.8)
            yield kind, utterance(pieces, [(_drawn(rng, *typical), kind) for _ in pieces[1:]])


def _numbers_in_groups(library: Library, rng: random.Random) -> Iterator[tuple[str, Utterance]]:
    """A person's number in groups, a person spelling, and a synthetic number in groups."""
    for _ in range(60):
        groups = [rng.choice((2, 3, 4)) for _ in range(rng.choice((2, 3)))]
        parts, gaps = [], []
        for size in groups:
            for place in range(size):
                if parts:
                    pause = (
                        (_drawn(rng, 0.55, 0.35, 0.3, 0.9), "digits")
                        if not place
                        else (rng.uniform(0.03, 0.12), "inside")
                    )
                    gaps.append(pause)
                parts.append(_digit(library, rng.randrange(10)))
        yield "digits", _joined(parts, gaps)
    for _ in range(30):
        parts = [_letter(library, rng.choice(texts.LETTERS)) for _ in range(rng.choice((3, 4, 5)))]
        yield "spelling", _joined(parts, [(_drawn(rng, 0.3, 0.3, 0.2, 0.6), "spelling") for _ in parts[1:]])
    for _ in range(30):
        groups = [" ".join(texts.DIGITS[rng.randrange(10)] for _ in range(3)) for _ in range(2)]
        spoken = library.piper(f"My number is {groups[0]}, {groups[1]}.")
        yield "digits", utterance(cut(spoken, 3, 6), [(_drawn(rng, 0.5, 0.35, 0.25, 0.9), "hesitation"),
                                                      (_drawn(rng, 0.55, 0.35, 0.3, 0.9), "digits")])  # fmt: skip


def _joined(parts: list[Recording], gaps: list[tuple[float, str]]) -> Utterance:
    """An utterance in which silences under 0.2 s are no pauses."""
    whole = utterance(parts, gaps)
    pauses = tuple(pair for pair in whole.pauses if pair[0].end_s - pair[0].start_s >= 0.2)
    return Utterance(whole.samples, whole.words, whole.sound, pauses)


def _read_and_fluent(library: Library) -> Iterator[tuple[str, Utterance]]:
    for name, text in texts.READINGS.items():
        yield "reading", utterance([library.reader(name, text)], [])
    for text in texts.FLUENT:
        yield "fluent", utterance([library.piper(text)], [])


def _prompts(library: Library) -> Iterator[tuple[str, Utterance]]:
    """A person's sentences: all with natural pauses inside, and every fourth of the others."""
    for at, name in enumerate(library.prompts()):
        each = library.person(name)
        if each.words and 1.2 < each.seconds < 7 and (len(each.sounds()) > 1 or at % 4 == 0):
            yield "person", utterance([each], [])


def _digit(library: Library, digit: int) -> Recording:
    return library.person(f"digits/{digit}", texts.DIGITS[digit])


def _letter(library: Library, letter: str) -> Recording:
    return library.person(f"letters/{letter}", letter.upper())


def _yields(library: Library) -> list[Conversation]:
    rng = random.Random("yields")
    asks = [utterance([library.piper(text)], []) for text in texts.ASKS]
    spoken_over = [("interruption", detail, each, (1.0, 4.0)) for detail, each in _interruptions(library)]
    spoken_over += [("backchannel", detail, each, (1.0, 4.5)) for detail, each in _backchannels(library, rng)]
    spoken_over += [("noise", detail, each, (1.0, 4.5)) for detail, each in _sounds(rng)]
    rng.shuffle(spoken_over)
    made = [
        Exchange(
            f"{kind}-{at}-{detail}", kind, each, "All right.", detail=detail, asks=rng.choice(asks),  # type: ignore[arg-type]
            answer=rng.choice(texts.LONG), after_s=rng.uniform(*window),
        )
        for at, (kind, detail, each, window) in enumerate(spoken_over)
    ]  # fmt: skip
    return [*_in_calls("yields", made), *_echoes(asks, rng)]


def _interruptions(library: Library) -> Iterator[tuple[str, Utterance]]:
    for text in texts.INTERRUPTING:
        for dbfs in (-18.0, -21.0, -24.0, -27.0, -30.0):
            yield text, utterance([_at_level(library.piper(text), dbfs)], [])
    for name, text in texts.PEOPLE_INTERRUPTING.items():
        for dbfs in (-18.0, -21.0, -24.0, -27.0, -30.0):
            yield f"person {text}", utterance([_at_level(library.person(name, text), dbfs)], [])


def _backchannels(library: Library, rng: random.Random) -> Iterator[tuple[str, Utterance]]:
    for text in texts.BACKCHANNELS:
        for _ in range(10):
            yield text, utterance([_at_level(library.piper(text), rng.uniform(-31, -20))], [])


def _sounds(rng: random.Random) -> Iterator[tuple[str, Utterance]]:
    for name, make in noise.SOUNDS.items():
        for at in range(10):
            samples = level(make(np.random.default_rng(at)), rng.uniform(-34, -20))
            found = sounds(samples)
            yield name, Utterance(samples, (), Span(found[0].start_s, found[-1].end_s))


def _echoes(asks: list[Utterance], rng: random.Random) -> list[Conversation]:
    calls = []
    for decibels in (-14.0, -20.0, -30.0):
        for delay in (0.2, 0.3, 0.4):
            name = f"echo{decibels:.0f}dB-{delay * 1000:.0f}ms"
            made = tuple(
                Exchange(f"{name}-{at}", "echo", None, "All right.", f"{decibels:.0f} dB", rng.choice(asks), text)
                for at, text in enumerate(texts.LONG)
            )
            calls.append(Conversation(name, made, "Welcome to Swift Parcel.", echo=(decibels, delay)))
    return calls


def _at_level(recording: Recording, dbfs: float) -> Recording:
    return Recording(recording.name, level(recording.samples, dbfs), recording.words)


def _answers(library: Library) -> list[Conversation]:
    rng = random.Random("answers")
    words = [("piper", library.piper(text)) for text in texts.SHORT_ANSWERS]
    words += [("letter", _letter(library, letter)) for letter in texts.LETTERS]
    words += [("digit", _digit(library, digit)) for digit in range(10)]
    words += [("word", library.person(name, text)) for name, text in texts.PEOPLE_WORDS.items()]
    made = []
    for dbfs in (-20.0, -28.0):
        for detail, word in words:
            each = utterance([_at_level(word, dbfs)], [])
            length = each.sound.end_s - each.sound.start_s
            short = "under 0.3 s" if length < 0.3 else "0.3-0.5 s" if length < 0.5 else "over 0.5 s"
            question = texts.YES_NO_QUESTION if detail == "piper" else texts.WHICH_QUESTION
            name = f"{word.words[0].text.strip('.?')}{dbfs:.0f}" if word.words else word.name
            made.append(Exchange(f"answer-{len(made)}-{detail}-{name}", "answer", each, question, detail=short))
    rng.shuffle(made)
    return _in_calls("answers", made, greeting=f"Hello. {texts.YES_NO_QUESTION}")


def _digits(library: Library) -> list[Conversation]:
    rng = random.Random("digits")
    made = []
    for size, count in ((2, 70), (4, 50), (7, 40)):
        for _ in range(count):
            number = "".join(str(rng.randrange(10)) for _ in range(size))
            parts = [_digit(library, int(digit)) for digit in number]
            gaps = [(rng.uniform(0.02, 0.18), "inside") for _ in parts[1:]]
            made.append(_number(len(made), number, f"person {size}", _joined(parts, gaps)))
    for _ in range(25):
        number = "".join(str(rng.randrange(10)) for _ in range(4))
        parts = [_digit(library, int(digit)) for digit in number]
        gaps = [(0.06, "inside"), (rng.uniform(0.6, 0.9), "digits"), (0.06, "inside")]
        made.append(_number(len(made), number, "person 2+2", _joined(parts, gaps)))
    for size in (2, 4, 7):
        for _ in range(10):
            number = "".join(str(rng.randrange(10)) for _ in range(size))
            spoken = library.piper(" ".join(texts.DIGITS[int(digit)] for digit in number) + ".")
            made.append(_number(len(made), number, f"piper {size}", _joined([spoken], [])))
    rng.shuffle(made)
    return _in_calls("digits", made, greeting=f"Hello. {texts.NUMBER_QUESTION}")


def _number(at: int, number: str, detail: str, said: Utterance) -> Exchange:
    return Exchange(f"digits-{at}-{number}", "digits", said, texts.NUMBER_QUESTION, detail=detail, digits=number)


_MAKERS = {"ends": _ends, "yields": _yields, "answers": _answers, "digits": _digits}
