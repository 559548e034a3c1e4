"""Transcribes what the caller heard: the agent's track, turn by turn, with a speech engine."""

from collections.abc import Callable, Iterator

import numpy as np

from orchestra.language.registry import DEFAULT_CODE
from orchestra.simulator.audio_measure import TurnAudio, cut
from orchestra.simulator.transcript_match import TranscriptMatch, compare
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

#: mono 16-bit audio and its rate (Hz) to words
Transcribe = Callable[[bytes, int], str]

_AROUND = np.zeros(SAMPLE_RATE, dtype=np.int16)


def transcribe_reply(agent: Samples, turn: TurnAudio, transcribe: Transcribe) -> str:
    """The words of one turn's reply; empty when nothing was heard."""
    return transcribe(cut(agent, turn.reply).tobytes(), SAMPLE_RATE) if turn.reply else ""


def match_reply(
    agent: Samples,
    turn: TurnAudio,
    transcribe: Transcribe,
    expected: str,
    *,
    interrupted: bool = False,
    language: str = DEFAULT_CODE,
) -> TranscriptMatch:
    """Compare the words that were heard with the words of the reply.

    A small speech engine sometimes drops half a sentence that is perfectly audible. So a reply that does not match is
    transcribed again, padded with silence and stretch by stretch; the best match counts.
    """
    best = compare(expected, "", language=language)
    for hearing in _excerpts(agent, turn):
        heard = " ".join(transcribe(part.tobytes(), SAMPLE_RATE) for part in hearing).strip()
        found = compare(expected, heard, open_end=interrupted, language=language)
        best = max(best, found, key=lambda match: match.similarity)
        if best.matches:
            break
    return best


def _excerpts(agent: Samples, turn: TurnAudio) -> Iterator[list[Samples]]:
    if turn.reply is None:
        return
    whole = cut(agent, turn.reply)
    yield [whole]
    yield [np.concatenate([_AROUND, whole, _AROUND])]
    yield [np.concatenate([_AROUND, cut(agent, stretch), _AROUND]) for stretch in turn.replies]
