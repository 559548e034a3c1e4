"""Measures what a caller experiences, from the two recorded tracks alone. Pure functions.

The platform's own clocks are not used: a latency is a gap between two sounds in one recording.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

#: speech is louder than this; the noise of µ-law, or of a synthetic voice between words, is quieter
AUDIBLE_DBFS = -50.0
_AUDIBLE_SQUARE = (32768 * 10 ** (AUDIBLE_DBFS / 20)) ** 2
_WINDOW_SAMPLES = SAMPLE_RATE // 100
_WINDOW_S = _WINDOW_SAMPLES / SAMPLE_RATE
#: a shorter silence is a pause between words
JOIN_S = 0.3
#: a longer silence of the agent is the end of its reply
PAUSE_S = 1.0
#: a shorter sound is a click
SHORTEST_S = 0.03


class Span(NamedTuple):
    """A stretch of time on the call's clock, in seconds."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class TurnAudio:
    """The audio of one turn.

    Attributes:
        said: first to last audible sound of the caller; None for the greeting, and when nothing was audible.
        replies: the agent's stretches of speech that belong to this turn.
        response_s: end of the caller's speech → first sound of the reply that followed; negative when that began
            before the caller had ended; None when no reply was heard.
        barge_in_stop_s: if the caller spoke over the previous reply: start of the caller's speech → last sound of
            that reply. None when there was nothing to interrupt.
        talk_over_s: how long the agent talked over the caller without having been interrupted.

    """

    said: Span | None
    replies: tuple[Span, ...]
    response_s: float | None = None
    barge_in_stop_s: float | None = None
    talk_over_s: float = 0.0

    @property
    def reply(self) -> Span | None:
        """First to last sound of the reply."""
        return Span(self.replies[0].start_s, self.replies[-1].end_s) if self.replies else None


def is_audible(samples: Samples) -> bool:
    """Whether these samples, taken as one window, are louder than the threshold."""
    return bool(np.mean(np.square(samples, dtype=np.float64)) >= _AUDIBLE_SQUARE)


def find_sounds(samples: Samples) -> list[Span]:
    """The audible stretches of a track (8 kHz), to 10 ms; those less than `JOIN_S` apart are one."""
    windows = samples.size // _WINDOW_SAMPLES
    framed = samples[: windows * _WINDOW_SAMPLES].reshape(windows, _WINDOW_SAMPLES)
    audible = np.mean(np.square(framed, dtype=np.float64), axis=1) >= _AUDIBLE_SQUARE
    edges = np.flatnonzero(np.diff(np.concatenate(([False], audible, [False])).astype(np.int8)))
    joined: list[Span] = []
    for start, end in edges.reshape(-1, 2):
        span = Span(float(start) * _WINDOW_S, float(end) * _WINDOW_S)
        if joined and span.start_s - joined[-1].end_s < JOIN_S:
            joined[-1] = Span(joined[-1].start_s, span.end_s)
        else:
            joined.append(span)
    return [span for span in joined if span.end_s - span.start_s >= SHORTEST_S]


def measure_turns(caller: Samples, agent: Samples, utterances: Sequence[Span]) -> list[TurnAudio]:
    """The turns of a call: index 0 is the greeting, index n the caller's n-th utterance and the reply to it.

    ``utterances`` gives the caller's turns on the clock (an utterance may contain pauses, so the audio alone does
    not show them). An agent's sound belongs to the turn in which it starts, except that a reply which continues
    after a short pause while the caller is already interrupting it is still the previous reply::

        caller        ▁▁▁▁▁▁██████████▁▁▁▁▁▁▁▁▁▁▁▁
        agent         ████████ ██▁▁▁▁▁▁▁▁▁▁███████
                      ╰─ turn n-1 ─╯       ╰ turn n
    """
    said = [_said(caller, utterance) for utterance in utterances]
    begun = [spoken or utterance for spoken, utterance in zip(said, utterances, strict=True)]  # also silent turns
    replies: list[list[Span]] = [[] for _ in range(len(said) + 1)]
    for span in find_sounds(agent):
        replies[_turn_of(span, begun, replies)].append(span)
    turns = [TurnAudio(None, tuple(replies[0]))]
    for number, spoken in enumerate(said, start=1):
        turns.append(_turn(spoken, replies[number], replies[number - 1]))
    return turns


def cut(samples: Samples, span: Span, margin_s: float = 0.1) -> Samples:
    """The samples of a span, with a margin on both sides."""
    start = max(0, round((span.start_s - margin_s) * SAMPLE_RATE))
    return samples[start : round((span.end_s + margin_s) * SAMPLE_RATE)]


def _said(caller: Samples, utterance: Span) -> Span | None:
    start = round(utterance.start_s * SAMPLE_RATE)
    heard = find_sounds(caller[start : round(utterance.end_s * SAMPLE_RATE)])
    return Span(utterance.start_s + heard[0].start_s, utterance.start_s + heard[-1].end_s) if heard else None


def _turn_of(span: Span, begun: Sequence[Span], replies: Sequence[Sequence[Span]]) -> int:
    number = 0
    for candidate, spoken in enumerate(begun, start=1):
        if span.start_s < spoken.start_s:
            continue
        before = replies[number]
        going_on = bool(before) and span.start_s - before[-1].end_s < PAUSE_S
        if not (going_on and span.end_s < spoken.end_s):
            number = candidate
    return number


def _turn(said: Span | None, replies: list[Span], replies_before: list[Span]) -> TurnAudio:
    if said is None:
        return TurnAudio(None, tuple(replies))
    last_s = max((span.end_s for span in replies_before), default=0.0)
    answer = next((span for span in replies if span.end_s > said.end_s), None)
    return TurnAudio(
        said,
        tuple(replies),
        response_s=answer.start_s - said.end_s if answer else None,
        barge_in_stop_s=last_s - said.start_s if last_s > said.start_s else None,
        talk_over_s=sum(max(0.0, min(span.end_s, said.end_s) - span.start_s) for span in replies),
    )
