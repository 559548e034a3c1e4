"""What happened in each exchange, from the two recorded tracks, the truth of the speech, and the ends of turns."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from orchestra.simulator.audio_measure import AUDIBLE_DBFS, Span
from tests.bench._turns_cases import Utterance
from tests.bench._turns_line import Caller, Played
from tests.bench._turns_score import interrupting_score, latency_score, yield_score
from tests.bench._turns_speech import Library, powers
from tests.bench._turns_texts import DIGITS

_AUDIBLE = (32768 * 10 ** (AUDIBLE_DBFS / 20)) ** 2
_JOIN_S = 0.3
_EPSILON_S = 0.05
_YIELDS_WITHIN_S = 0.5
_HEARD_SHARE = 0.9
#: a short answer is noticed if the agent speaks within this, in seconds
_NOTICED_WITHIN_S = 4.0
_WORD_DIGITS = {word: str(number) for number, word in enumerate(DIGITS)} | {"oh": "0", "o": "0"}


@dataclass
class Outcome:
    """One exchange on one side.

    Attributes:
        pauses: (kind, seconds, cut) of each pause in the utterance.
        end_ms: the end of the turn after the last sound; None: it did not end.
        wait_ms: the agent's first sound after the last sound; None: it said nothing.
        overlap_ms: how long the agent talked into the caller's turn.
        score: by EVA's curves; None where it has none.
        void: the agent was not speaking when the caller spoke over it, so nothing was measured.
        yield_ms: how long the agent talked on after the first sound of an interruption.
        heard: the share of the agent's answer that was heard in spite of what the caller did.

    """

    side: str
    name: str
    kind: str
    detail: str
    pauses: list[tuple[str, float, bool]] = field(default_factory=list)
    end_ms: float | None = None
    wait_ms: float | None = None
    overlap_ms: float = 0.0
    score: float | None = None
    void: bool = False
    yield_ms: float | None = None
    missed: bool = False
    heard: float | None = None
    turns: int = 0
    said: str = ""
    text: str = ""
    right: bool | None = None
    noticed: bool | None = None

    @property
    def bad(self) -> bool:
        """Whether this is an error of the kind that is measured."""
        lost = self.heard is not None and self.heard < _HEARD_SHARE
        cut = any(cut for _, _, cut in self.pauses)
        return lost or cut or self.missed or self.right is False or self.noticed is False


class Tracks:
    """Where the agent was audible, to 10 ms."""

    def __init__(self, caller: Caller) -> None:
        self._audible = powers(caller.line.tracks.agent) > _AUDIBLE

    def seconds(self, start_s: float, end_s: float) -> float:
        """How long the agent was audible in this time."""
        return float(self._audible[max(0, round(start_s * 100)) : round(end_s * 100)].sum()) / 100

    def stretches(self, start_s: float, end_s: float) -> list[Span]:
        """The stretches of the agent's speech that touch this time; short silences are inside."""
        edges = np.flatnonzero(np.diff(np.concatenate(([False], self._audible, [False])).astype(np.int8))) / 100
        joined: list[Span] = []
        for start, end in edges.reshape(-1, 2):
            if joined and start - joined[-1].end_s < _JOIN_S:
                joined[-1] = Span(joined[-1].start_s, float(end))
            else:
                joined.append(Span(float(start), float(end)))
        return [each for each in joined if each.end_s > start_s and each.start_s < end_s]


def measure(side: str, caller: Caller, library: Library) -> list[Outcome]:
    """The outcomes of a conversation."""
    tracks = Tracks(caller)
    return [_measure(side, caller, played, tracks, library) for played in caller.played]


def _measure(side: str, caller: Caller, played: Played, tracks: Tracks, library: Library) -> Outcome:
    exchange = played.exchange
    found = Outcome(side, exchange.name, exchange.kind, exchange.detail)
    if exchange.said is not None:
        found.said = " ".join(word.text for word in exchange.said.words)
    turns = [turn for turn in caller.turns if played.began_s <= turn.at_s <= played.ended_s]
    match exchange.kind:
        case "end" | "answer" | "digits":
            _measure_end(found, played, exchange.said, tracks, turns)  # type: ignore[arg-type]
        case "interruption":
            _measure_interruption(found, played, tracks, turns)
        case _:
            _measure_answer_heard(found, played, tracks, turns, library)
    if exchange.kind == "answer":
        found.noticed = found.wait_ms is not None and found.wait_ms <= _NOTICED_WITHIN_S * 1000
    elif exchange.kind == "digits":
        found.right = digits_of(found.text) == exchange.digits
    return found


def _measure_end(found: Outcome, played: Played, said: Utterance, tracks: Tracks, turns: list[Any]) -> None:
    assert played.said_s is not None
    start, last = (played.said_s + at for at in said.sound)
    pauses = [(Span(pause.start_s + played.said_s, pause.end_s + played.said_s), kind) for pause, kind in said.pauses]
    early = [turn.at_s for turn in turns if start < turn.at_s < last - _EPSILON_S]
    cut = {max((at for at, (pause, _) in enumerate(pauses) if pause.start_s <= moment), default=-1) for moment in early}
    found.pauses = [(kind, round(pause.end_s - pause.start_s, 2), at in cut) for at, (pause, kind) in enumerate(pauses)]
    if -1 in cut:
        found.pauses.append(("within words", 0.0, True))
    found.text = " ".join(turn.text for turn in turns)
    found.turns = len(turns)
    after = [turn.at_s for turn in turns if turn.at_s >= last - _EPSILON_S]
    found.end_ms = (after[0] - last) * 1000 if after else None
    into = tracks.stretches(start, last)
    found.overlap_ms = sum(tracks.seconds(max(each.start_s, start), min(each.end_s, last)) for each in into) * 1000
    spans_end = any(each.start_s <= last < each.end_s for each in into)
    later = [each.start_s for each in tracks.stretches(last, played.ended_s) if each.start_s > last]
    found.wait_ms = (later[0] - last) * 1000 if later else None
    if into:
        found.score = interrupting_score(found.overlap_ms, len(into), None if spans_end else found.wait_ms)
        found.score = 0.0 if not later and not spans_end else found.score
    else:
        found.score = latency_score(found.wait_ms) if found.wait_ms is not None else 0.0


def _measure_interruption(found: Outcome, played: Played, tracks: Tracks, turns: list[Any]) -> None:
    assert played.said_s is not None
    assert played.exchange.said is not None
    start, last = (played.said_s + at for at in played.exchange.said.sound)
    if not tracks.seconds(start - 0.3, start):
        found.void = True
        return
    own = [turn for turn in turns if turn.at_s > start]
    found.turns, found.text = len(own), " ".join(turn.text for turn in own)
    answered = own[0].at_s if own else played.ended_s
    before = [each for each in tracks.stretches(start, answered) if each.start_s < answered]
    stopped = min(answered, max((each.end_s for each in before), default=start))
    found.yield_ms = max(0.0, stopped - start) * 1000
    until = max(start + _YIELDS_WITHIN_S + 0.1, min(last + 0.2, answered))
    found.missed = not own or tracks.seconds(start + _YIELDS_WITHIN_S, until) > 0
    found.score = yield_score(found.yield_ms) if own else 0.0


def _measure_answer_heard(found: Outcome, played: Played, tracks: Tracks, turns: list[Any], library: Library) -> None:
    assert played.asked_s is not None
    assert played.exchange.asks is not None
    asked = played.asked_s + played.exchange.asks.sound.end_s
    if played.said_s is not None and played.exchange.said is not None:
        start = played.said_s + played.exchange.said.sound.start_s
        if not tracks.seconds(start - 0.3, start):
            found.void = True
            return
    else:
        start = asked
    # an echo is there from the answer's first sound on; the turn that asked for the answer is not one of its own
    extra = [turn for turn in turns if turn.at_s > (start if played.said_s is not None else asked + 2.0)]
    whole = float((powers(library.piper(played.exchange.answer).samples) > _AUDIBLE).sum()) / 100
    found.heard = round(tracks.seconds(asked, played.ended_s) / whole, 2)
    found.turns, found.text = len(extra), " ".join(turn.text for turn in extra)
    if played.said_s is None and not tracks.seconds(asked, played.ended_s):
        found.void, found.heard = True, None


def digits_of(text: str) -> str:
    """The digits that a transcript contains, whether as words or as numerals."""
    return "".join(_WORD_DIGITS.get(part, part if part.isdigit() else "")
                   for part in re.findall(r"[a-z]+|\d", text.lower()))  # fmt: skip
