"""What disturbs a simulated call: the line, the room, and how the caller behaves. All of it follows from a seed.

What happens in a turn depends on the seed and the turn's number only, so two runs of a scenario are disturbed alike,
whatever the agents say in between. Silence, interruptions, corrections and hanging up also happen in a conversation as
text; the line, the room, back-channels and pauses within a sentence are heard by voice only.
"""

import random
import re
from dataclasses import dataclass
from typing import Final

from num2words import num2words

from orchestra.language.tags import base_of

#: noises that are made here; any other one is a WAV file
NOISES: Final = ("babble", "street", "hum")
#: in which turns something happens: in a share of them (0 to 1), or in those with these numbers
Chosen = float | tuple[int, ...]

#: into a reply, in words of it
_CUT_AFTER: Final = (3, 9)
_LISTENED_AFTER: Final = (4, 12)
_DIGITS: Final = re.compile(r"\d(?:[\d ,.\-/]*\d)?")
_LEAST_DIGITS: Final = 2
#: what a caller says between a wrong number and the right one
_CORRECTION: Final = {
    "en": "no, sorry,",
    "de": "nein, Entschuldigung,",
    "es": "no, perdón,",
    "fr": "non, pardon,",
    "it": "no, scusi,",
    "nl": "nee, sorry,",
    "pt": "não, desculpe,",
}
#: what shows that a caller listens
BACKCHANNELS: Final = {
    "en": ("mm-hmm", "okay", "right", "I see"),
    "de": ("mhm", "okay", "ja", "verstehe"),
    "es": ("ajá", "vale", "sí", "entiendo"),
    "fr": ("mhm", "d'accord", "oui", "je vois"),
    "it": ("mhm", "certo", "sì", "capisco"),
    "nl": ("mhm", "oké", "ja", "precies"),
    "pt": ("mhm", "certo", "sim", "entendo"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbances:
    """What disturbs the calls of a scenario.

    Attributes:
        noise: what is heard behind the caller: ``babble`` of other people, ``street``, ``hum``, or a WAV file (16 bit);
            empty: nothing.
        snr_db: how much louder the caller is than that.
        packet_loss: share of the caller's 20 ms frames that never arrive, 0 to 0.9.
        loss_burst: how many of them are lost together, on average.
        bad_line: the line passes 500 to 2,400 Hz only, and is overdriven.
        gain_db: the caller is louder (and clips) or quieter by so much.
        backchannels: the caller says "mm-hmm" into the reply *before* these turns.
        interruptions: these turns are spoken into the reply before them.
        interrupt_after_words: after so many words of that reply; 0: the seed decides.
        pauses: the caller stops in the middle of a sentence, for ``pause_s`` seconds.
        corrections: the caller says a number wrong first, and corrects it.
        silences: the caller is silent for ``silence_s`` seconds before they speak.
        hang_up_after: the caller hangs up during the reply to this turn; 0: does not.

    Raises:
        ValueError: something has another type, or a share, a turn or a duration makes no sense.

    """

    noise: str = ""
    snr_db: float = 15.0
    packet_loss: float = 0.0
    loss_burst: float = 3.0
    bad_line: bool = False
    gain_db: float = 0.0
    backchannels: Chosen = 0.0
    interruptions: Chosen = 0.0
    interrupt_after_words: int = 0
    pauses: Chosen = 0.0
    pause_s: float = 2.5
    corrections: Chosen = 0.0
    silences: Chosen = 0.0
    silence_s: float = 8.0
    hang_up_after: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be: see `Disturbances`."""
        for name, (kind, words) in _KINDS.items():
            if not _is(getattr(self, name), kind):
                msg = f"{name} is {words}, not {getattr(self, name)!r}"
                raise ValueError(msg)
        for name in ("backchannels", "interruptions", "pauses", "corrections", "silences"):
            chosen = getattr(self, name)
            if isinstance(chosen, list | tuple) and all(_is(turn, int) for turn in chosen):
                object.__setattr__(self, name, tuple(chosen))
                if min(chosen, default=1) < 1:
                    msg = f"{name} are turns of the caller, from 1 on, not {min(chosen)}"
                    raise ValueError(msg)
            elif not _is(chosen, (int, float)) or not 0 <= chosen <= 1:
                msg = f"{name} is a share of the turns, 0 to 1, or a list of their numbers, not {chosen!r}"
                raise ValueError(msg)
        ranges = {
            "snr_db": (-20, 60), "packet_loss": (0, 0.9), "loss_burst": (1, 250), "gain_db": (-60, 60),
            "pause_s": (0, 60), "silence_s": (0, 600), "interrupt_after_words": (0, 1000), "hang_up_after": (0, 1000),
        }  # fmt: skip
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                msg = f"{name} is {least} to {most}, not {getattr(self, name)}"
                raise ValueError(msg)

    @property
    def of_the_line(self) -> bool:
        """Whether the caller's audio is changed on its way."""
        return bool(self.noise or self.packet_loss or self.bad_line or self.gain_db)


_NUMBER: Final = ((int, float), "a number")
_KINDS: Final[dict[str, tuple[type | tuple[type, ...], str]]] = {
    "noise": (str, f"a text: {', '.join(NOISES)} or a WAV file"),
    "bad_line": (bool, "True or False"),
    **dict.fromkeys(("snr_db", "packet_loss", "loss_burst", "gain_db", "pause_s", "silence_s"), _NUMBER),
    **dict.fromkeys(("interrupt_after_words", "hang_up_after"), (int, "a whole number")),
}


def _is(value: object, kind: type | tuple[type, ...]) -> bool:
    """Whether a value has a type; True and False are no numbers."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


@dataclass(frozen=True, slots=True)
class TurnPlan:
    """What happens in one turn of the caller's, and while they listen to the reply before it.

    Attributes:
        backchannel: what they say into that reply, after ``backchannel_after_words``; empty: nothing.
        interrupts_after_words: they speak into it, after so many words; 0: they hear it out.
        hangs_up_after_words: they hang up in it, after so many words; 0: they do not.
        silence_s: they are silent for so long, then speak.
        pause_s: they stop for so long in the middle of what they say.
        corrects: they say a number wrong first.

    """

    backchannel: str = ""
    backchannel_after_words: int = 0
    interrupts_after_words: int = 0
    hangs_up_after_words: int = 0
    silence_s: float = 0.0
    pause_s: float = 0.0
    corrects: bool = False


class DisturbancePlan:
    """What happens in each turn of one call.

    Args:
        disturbances: of the scenario.
        seed: of the run.
        language: what the caller speaks (BCP 47).

    """

    def __init__(self, disturbances: Disturbances, seed: int, language: str = "en") -> None:
        self.disturbances = disturbances
        self.seed = seed
        self._language = base_of(language)

    def turn(self, number: int) -> TurnPlan:
        """What happens in the caller's turn ``number`` (from 1) and in the reply before it; reply 0 is the greeting."""
        given = self.disturbances
        cut, listened = self._chance("cut", number), self._chance("listened", number)
        after_words, backchannel = cut.randint(*_CUT_AFTER), listened.choice(BACKCHANNELS.get(self._language, ("mhm",)))
        return TurnPlan(
            backchannel=backchannel if self._happens("backchannels", number) else "",
            backchannel_after_words=listened.randint(*_LISTENED_AFTER),
            interrupts_after_words=(given.interrupt_after_words or after_words)
            if self._happens("interruptions", number)
            else 0,
            hangs_up_after_words=after_words if 0 < given.hang_up_after < number else 0,
            silence_s=given.silence_s if self._happens("silences", number) else 0.0,
            pause_s=given.pause_s if self._happens("pauses", number) else 0.0,
            corrects=self._happens("corrections", number),
        )

    def said(self, number: int, text: str) -> str:
        """What the caller says in this turn instead of ``text``: with a wrong number before the right one."""
        if not self.turn(number).corrects:
            return text
        return corrected(text, self._chance("correction", number), self._language)

    def pause_at(self, number: int, words: int) -> int:
        """After how many of the ``words`` of this turn the caller stops: near the middle, never at an end."""
        if words < _LEAST_DIGITS:
            return 0
        third = max(1, words // 3)
        return self._chance("pause", number).randint(third, max(third, words - third))

    def _happens(self, what: str, number: int) -> bool:
        chosen: Chosen = getattr(self.disturbances, what)
        if isinstance(chosen, tuple):
            return number in chosen
        return self._chance(what, number).random() < chosen

    def _chance(self, what: str, number: int) -> random.Random:
        return random.Random(f"{self.seed} {what} {number}")  # noqa: S311 - the same every time is what it is for


def first_words(text: str, words: int) -> str:
    """The first words of a text, as somebody hears it who then speaks; 0: all of it."""
    return " ".join(text.split()[:words]) if words else text


def corrected(text: str, chance: random.Random, language: str = "en") -> str:
    """The text with its last number said wrong first: in digits, or in the language's words for digits.

    A text without a number of two digits or more is left as it is::

        My number is 4271.   →   My number is 4571, no, sorry, 4271.
    """
    found = [match for match in _DIGITS.finditer(text) if sum(map(str.isdigit, match.group())) >= _LEAST_DIGITS]
    words = [match for match in _spoken_digits(language).finditer(text) if len(match.group().split()) >= _LEAST_DIGITS]
    if not (found or words):
        return text
    right = max([*found, *words], key=lambda match: match.start())
    wrong = _wrong(right.group(), chance, language)
    return f"{text[: right.start()]}{wrong}, {_CORRECTION.get(language, '…')} {text[right.start() :]}"


def _wrong(number: str, chance: random.Random, language: str) -> str:
    """The number with one of its digits replaced, never the first: with another year, it would still be a year."""
    if any(map(str.isdigit, number)):
        at = chance.choice([at for at, sign in enumerate(number) if sign.isdigit()][1:])
        digit = chance.choice([each for each in "0123456789" if each != number[at]])
        return f"{number[:at]}{digit}{number[at + 1 :]}"
    words = number.split()
    at = chance.randrange(1, len(words))
    bare = words[at].strip(",.").lower()
    others = [each for each in _digit_words(language) if each != bare]
    words[at] = words[at].lower().replace(bare, chance.choice(others))
    return " ".join(words).rstrip(",.")


def _digit_words(language: str) -> list[str]:
    try:
        return [str(num2words(digit, lang=language)) for digit in range(10)]
    except NotImplementedError:  # a language without words for numbers in the library: its callers say digits
        return [str(digit) for digit in range(10)]


def _spoken_digits(language: str) -> re.Pattern[str]:
    """Digits in a row, each as a word: "four two seven one"."""
    word = "|".join(map(re.escape, _digit_words(language)))
    return re.compile(rf"\b(?:{word})\b(?:[ ,]+(?:{word})\b)*", re.IGNORECASE)
