"""Words to sound and back: each word is two tones at once, like the keys of a telephone."""

from dataclasses import dataclass

import numpy as np

from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
#: meaningless words for the answers
NONSENSE = tuple(dict.fromkeys(_SYLLABLES[n % 70] + _SYLLABLES[(n * 37 + n // 70 * 13 + 11) % 70] for n in range(200)))
#: what only the edge says; the agent's words for a question it did not understand; the callers' phrases
HOLDING, APOLOGY, STILL_THERE = "Hold on.", "Sorry lost you.", "Anybody around."
PARDON = "Pardon repeat that."
GREETING = "Hello from the test."
_SAID = (
    f"{HOLDING} {APOLOGY} {STILL_THERE} {PARDON} {GREETING} ask for please over unknown speak spanish "
    "may we record this yes no stop recording".lower().replace(".", "")
)
WORDS = tuple(dict.fromkeys((*_SAID.split(), *NONSENSE)))
_CODES = {word: code for code, word in enumerate(WORDS)}
assert len(WORDS) <= 256

WORD_S, PAUSE_S = 0.12, 0.04
_LOW = 400.0 + 80.0 * np.arange(16)
_HIGH = 1800.0 + 100.0 * np.arange(16)
_STEP = SAMPLE_RATE // 100  # samples analysed together: 10 ms
_AUDIBLE = 1_000.0
#: a shorter sound is ignored, in steps
_SHORTEST = 3


@dataclass(slots=True)
class Heard:
    """A word, when it began on the line's clock, and how long it sounded, in seconds."""

    word: str
    at_s: float
    for_s: float

    @property
    def whole(self) -> bool:
        """Whether it sounded for long enough to be understood."""
        return self.for_s > WORD_S * 0.6


def plain(text: str) -> list[str]:
    """The words of a text as they are spoken."""
    return [word for each in text.lower().split() if (word := "".join(filter(str.isalpha, each)))]


def encode(text: str) -> tuple[Samples, list[tuple[str, float]]]:
    """Speech at 8 kHz, and each word with the second at which it begins. Words without a code sound as "unknown"."""
    at = np.arange(round(WORD_S * SAMPLE_RATE)) / SAMPLE_RATE
    parts, words = [np.zeros(0)], []
    for written in text.split():
        low, high = divmod(_CODES.get("".join(plain(written)), _CODES["unknown"]), 16)
        words.append((written, sum(map(len, parts)) / SAMPLE_RATE))
        parts.append(7_000 * (np.sin(2 * np.pi * _LOW[low] * at) + np.sin(2 * np.pi * _HIGH[high] * at)))
        parts.append(np.zeros(round(PAUSE_S * SAMPLE_RATE)))
    return np.concatenate(parts).astype(np.int16), words


class Ear:
    """Reads words off audio (8 kHz) as it arrives. ``heard`` has them; the halves of a split word are joined."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._rest = np.zeros(0, np.int16)
        self._sound: list[Samples] = []
        self._steps = 0

    @property
    def now_s(self) -> float:
        """The length of the audio so far."""
        return self._steps * _STEP / SAMPLE_RATE

    def hear(self, samples: Samples) -> None:
        """Listen to more audio."""
        self._rest = np.concatenate((self._rest, samples))
        while self._rest.size >= _STEP:
            step, self._rest = self._rest[:_STEP], self._rest[_STEP:]
            self._steps += 1
            if np.abs(step.astype(np.float64)).mean() >= _AUDIBLE:
                self._sound.append(step)
            elif self._sound:
                self._end_sound(self._steps - 1)

    def _end_sound(self, end: int) -> None:
        sound, self._sound = self._sound, []
        if len(sound) < _SHORTEST:
            return
        word, for_s = _word(np.concatenate(sound)), len(sound) * _STEP / SAMPLE_RATE
        before = self.heard[-1] if self.heard else None
        if before is not None and before.word == word and before.for_s + for_s < WORD_S * 1.3:
            before.for_s += for_s  # the machine was late in the middle of it
        else:
            self.heard.append(Heard(word, (end - len(sound)) * _STEP / SAMPLE_RATE, for_s))


def words_in(samples: Samples) -> list[str]:
    """The whole words in a piece of audio."""
    ear = Ear()
    ear.hear(samples)
    ear.hear(np.zeros(2 * _STEP, np.int16))
    return [heard.word for heard in ear.heard if heard.whole]


def _word(sound: Samples) -> str:
    at = np.arange(sound.size) / SAMPLE_RATE
    shaped = sound * np.hanning(sound.size)
    strength = [
        [abs(np.dot(shaped, np.exp(-2j * np.pi * frequency * at))) for frequency in frequencies]
        for frequencies in (_LOW, _HIGH)
    ]
    code = int(np.argmax(strength[0])) * 16 + int(np.argmax(strength[1]))
    return WORDS[code] if code < len(WORDS) else "?"
