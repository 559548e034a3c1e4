"""The script of a simulated caller, one step per turn: say a text, play a file, be silent, press keys."""

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from orchestra.errors import UsageError
from orchestra.simulator.audio_files import read_wav, to_telephone
from orchestra.simulator.turn_waiting import Utterance
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

#: text to 16-bit mono audio and its rate (Hz)
Synthesize = Callable[[str], tuple[bytes, int]]
_KEYS = re.compile(r"[0-9*#A-D]*")
_FORMAT = 'write [[say]] tables with text = "…", and, if need be, barge_in_after_s = 2.0 (orchestra call --help)'


class SpokenLine(Protocol):
    """One line of a script, as in the demo's scripts."""

    @property
    def text(self) -> str:
        """What is said."""

    @property
    def barge_in_after_s(self) -> float | None:
        """Seconds after the first sound of the previous reply; None: when that reply is over."""

    @property
    def digits(self) -> str:
        """Keys to press once the agent has asked for them; empty: none."""


class ScriptLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a script: what the caller says (``text``, ``wav``, or nothing for ``silence_s``), and how.

    Attributes:
        text: what is said.
        barge_in_after_s: how long after the first sound of the previous reply; by default when that reply is over.
        digits: keys to press when the reply to the text is over; without a text, when the previous reply is over.
        wav: a 16-bit WAV file to play instead of a text; in a script file, relative to that file.
        silence_s: how long nothing is said.
        wait_s: seconds of silence that end a reply; longer for replies that wait for a slow tool.

    """

    text: str = ""
    barge_in_after_s: float | None = None
    digits: str = ""
    wav: str = ""
    silence_s: float = 0.0
    wait_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an empty or ambiguous step.

        Raises:
            ValueError: it does nothing, or several things at once.

        """
        said = [name for name in ("text", "wav", "silence_s") if getattr(self, name)]
        if len(said) > 1 or not (said or self.digits):
            msg = f"a step has one of text, wav and silence_s, or digits, not {' and '.join(said) or 'none of them'}"
            raise ValueError(msg)
        if not _KEYS.fullmatch(self.digits):
            msg = f"digits are keys of a telephone (0 to 9, *, #, A to D), not {self.digits!r}"
            raise ValueError(msg)
        if min(self.silence_s, self.wait_s, self.barge_in_after_s or 0.0) < 0:
            msg = "seconds are never less than 0"
            raise ValueError(msg)


class _ScriptFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    say: list[ScriptLine]


def read_script(path: Path) -> list[ScriptLine]:
    """The lines of a script file: plain text (one line a turn, ``#`` comments) or TOML with ``[[say]]`` tables.

    Raises:
        UsageError: the file does not exist, or is not a script.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"script {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise UsageError(msg) from None
    if path.suffix != ".toml":
        stripped = (line.strip() for line in text.splitlines())
        return [ScriptLine(line) for line in stripped if line and not line.startswith("#")]
    try:
        lines = msgspec.convert(tomllib.loads(text), _ScriptFile).say
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        msg = f"script {path}: {' '.join(str(error).split())}; {_FORMAT}"
        raise UsageError(msg) from None
    return [msgspec.structs.replace(line, wav=str(path.parent / line.wav)) if line.wav else line for line in lines]


def synthesize_lines(lines: Iterable[SpokenLine], synthesize: Synthesize) -> list[Utterance]:
    """Lines of text as audio. Done before the call, because synthesis would take processor time from the call."""
    return [
        Utterance(line.text, to_telephone(*synthesize(line.text)), line.barge_in_after_s, line.digits) for line in lines
    ]


def load_recordings(paths: Iterable[Path]) -> list[Utterance]:
    """WAV files as utterances of the caller."""
    return [Utterance(path.name, read_wav(path)) for path in paths]


def render_script(lines: Iterable[ScriptLine], synthesize: Synthesize) -> list[Utterance]:
    """The steps of a script as audio, silence and keys.

    Raises:
        UsageError: a WAV file cannot be read.

    """
    return [replace(_performed(line, synthesize), wait_s=line.wait_s) for line in lines]


def _performed(line: ScriptLine, synthesize: Synthesize) -> Utterance:
    if line.text:
        return synthesize_lines([line], synthesize)[0]
    if line.wav:
        (played,) = load_recordings([Path(line.wav)])
        return replace(played, barge_in_after_s=line.barge_in_after_s, digits=line.digits)
    silence: Samples = np.zeros(round(line.silence_s * SAMPLE_RATE), dtype=np.int16)
    text = f"(silence, {line.silence_s:g} s)" if line.silence_s else f"(keys {line.digits})"
    return Utterance(text, silence, line.barge_in_after_s, line.digits, silent=True)
