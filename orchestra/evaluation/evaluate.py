"""Plays an evaluation set to a candidate and scores the answers."""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec

from orchestra.errors import EngineError, UsageError
from orchestra.evaluation.call_diff import turn_diff
from orchestra.evaluation.dataset import Trial, WantedTool, WantedTurn, outcome
from orchestra.evaluation.sandbox import Candidate, Sandbox, open_sandbox, summarize_recording
from orchestra.history.views.turn_summaries import CallSummary, TurnSummary, canonical
from orchestra.language.word_error_rate import WordErrors, total, words

_AT_A_TIME = 8
_P95 = 0.95
#: replies with less in common with the good reply are misses
_ALIKE = 0.5


class Miss(msgspec.Struct, frozen=True, kw_only=True):
    """A wrong answer: the case, the turn (0: the whole call), what was expected, and what came."""

    case: str
    turn: int
    what: str
    wanted: str
    came: str


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One run: which version with which model answered which set, and its scores.

    ``scores`` by name (`SCORES`): shares from 0 to 1, and times in ms; None if the set does not determine it.
    """

    set: str
    at: str
    version: str
    model: str
    calls: int
    turns: int
    scores: dict[str, float | None]
    misses: tuple[Miss, ...] = ()
    problems: tuple[str, ...] = ()


#: every score: its name, its title, and whether higher is better
SCORES: tuple[tuple[str, str, bool], ...] = (
    ("word_error_rate", "word error rate", False),
    ("agent", "right agent", True),
    ("tool", "right tools", True),
    ("arguments", "right arguments", True),
    ("words", "wanted words said", True),
    ("reply", "likeness of replies", True),
    ("outcome", "right outcome", True),
    ("breaches", "turns where a rule stepped in", False),
    ("failed", "turns that failed", False),
    ("first_ms_p50", "first sentence, p50", False),
    ("first_ms_p95", "first sentence, p95", False),
)


class HitRate:
    """The share of hits."""

    def __init__(self) -> None:
        self.of = 0
        self.hits = 0.0

    def add(self, hit: float) -> None:
        """Count one more: a hit (1), a miss (0), or something in between."""
        self.of += 1
        self.hits += hit

    @property
    def share(self) -> float | None:
        """The share of hits; None if nothing was counted."""
        return self.hits / self.of if self.of else None


class Scorer:
    """Scores the calls of a run."""

    def __init__(self) -> None:
        self.counts: dict[str, HitRate] = {name: HitRate() for name, _, _ in SCORES}
        self.first_ms: list[float] = []
        self.heard: list[WordErrors] = []
        self.misses: list[Miss] = []
        self.turns = 0
        self.unreached: list[str] = []

    def add(self, trial: Trial, played: CallSummary) -> None:
        """Score a call that was played to the candidate."""
        came = {turn.number: turn for turn in played.turns}
        for number, wanted in trial.wanted.items():
            turn = came.get(number)
            if turn is not None:
                self.turns += 1
                self._turn(wanted, turn, partial(self._judge, trial.name, number))
            elif wanted.agent:
                self._judge(trial.name, number, "agent", right=False, wanted=wanted.agent, came="the call had ended")
            else:
                self.unreached.append(f"{trial.name}: turn {number} was not reached: the call had ended")
        if trial.outcome:
            right = outcome(played) == trial.outcome
            self._judge(trial.name, 0, "outcome", right=right, wanted=trial.outcome, came=outcome(played))

    def _turn(self, wanted: WantedTurn, turn: TurnSummary, judge: Callable[..., None]) -> None:
        if turn.first_ms is not None:
            self.first_ms.append(turn.first_ms)
        judge("breaches", right=not turn.rules, wanted="no rule steps in", came=", ".join(turn.rules))
        judge("failed", right=not turn.failed, wanted="an answer", came="the turn failed")
        if wanted.agent:
            judge("agent", right=turn.agent == wanted.agent, wanted=wanted.agent, came=turn.agent or "nobody")
        if wanted.tools is not None:
            self._tools(wanted.tools, turn, judge)
        if wanted.words:
            missing = [each for each in wanted.words if not _says(turn.reply, each)]
            judge("words", right=not missing, wanted=", ".join(missing), came=turn.reply)
        if wanted.reply:
            likeness = turn_diff(TurnSummary(number=turn.number, reply=wanted.reply), turn).likeness
            judge("reply", right=likeness >= _ALIKE, wanted=wanted.reply, came=turn.reply, hit=likeness)

    def _tools(self, wanted: tuple[WantedTool, ...], turn: TurnSummary, judge: Callable[..., None]) -> None:
        names, made = [[tool.name for tool in tools] for tools in (wanted, turn.tools)]
        judge("tool", right=names == made, wanted=", ".join(names) or "no tool", came=", ".join(made) or "no tool")
        left = [f"{step.name}({canonical(step.arguments)})" for step in turn.tools]
        for tool in wanted:
            if tool.arguments is None:
                continue
            call = f"{tool.name}({canonical(msgspec.json.encode(tool.arguments).decode())})"
            judge("arguments", right=call in left, wanted=call, came=", ".join(left) or "no tool")
            if call in left:
                left.remove(call)

    def _judge(
        self, case: str, turn: int, what: str, *, right: bool, wanted: str, came: str, hit: float | None = None
    ) -> None:
        self.counts[what].add(float(right) if hit is None else hit)
        if not right:
            self.misses.append(Miss(case=case, turn=turn, what=what, wanted=wanted, came=came))

    def scores(self) -> dict[str, float | None]:
        """All scores by name."""
        heard = total(self.heard)
        right = {name: count.share for name, count in self.counts.items()}
        wrong = {name: None if (kept := right[name]) is None else 1 - kept for name in ("breaches", "failed")}
        return (
            right
            | wrong
            | {
                "word_error_rate": heard.rate if heard.words else None,
                "first_ms_p50": _percentile(self.first_ms, 0.5),
                "first_ms_p95": _percentile(self.first_ms, _P95),
            }
        )


def _says(reply: str, wanted: str) -> bool:
    return f" {' '.join(words(wanted))} " in f" {' '.join(words(reply))} "


def _percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


async def evaluate(
    trials: Sequence[Trial],
    candidate: Candidate,
    *,
    name: str,
    problems: Sequence[str] = (),
    done: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Play a set to a candidate.

    Args:
        trials: the calls of the set.
        candidate: what answers.
        name: of the set.
        problems: what cannot be used of the set.
        done: called when a call is done.

    """
    scorer, gate = Scorer(), asyncio.Semaphore(_AT_A_TIME)
    found = list(problems)
    models: list[str] = []

    async def one(trial: Trial, sandbox: Sandbox) -> None:
        async with gate:
            try:
                played = await _play(trial, sandbox)
            except (EngineError, UsageError) as error:
                found.append(f"{trial.name}: {error}")
            else:
                scorer.add(trial, played)
                models.append(played.model)
            done()

    scorer.heard = [trial.heard for trial in trials]
    playable = [trial for trial in trials if trial.events]
    async with open_sandbox(candidate) as sandbox:
        await asyncio.gather(*(one(trial, sandbox) for trial in playable))
    return Evaluation(
        set=name,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=candidate.version,
        model=next(filter(None, models), candidate.settings.model),
        calls=len(models),
        turns=scorer.turns,
        scores=scorer.scores(),
        misses=tuple(sorted(scorer.misses, key=lambda miss: (miss.case, miss.turn))),
        problems=(*found, *scorer.unreached),
    )


async def _play(trial: Trial, sandbox: Sandbox) -> CallSummary:
    recorded = summarize_recording(trial.events)
    sandbox.candidate.answering(trial.events)  # or the call would wait for nobody
    with sandbox.call(trial.events, recorded) as (caller, _):
        return await caller.play()


def failed_gates(run: Evaluation, at_least: dict[str, float], at_most: dict[str, float]) -> Iterator[str]:
    """The thresholds that a run misses, in words."""
    titles = {name: title for name, title, _ in SCORES}
    for limits, passes, word in ((at_least, float.__ge__, "at least"), (at_most, float.__le__, "at most")):
        for name, limit in limits.items():
            score = run.scores.get(name)
            if score is None:
                yield f"{titles[name]} is not known: the set does not determine it"
            elif not passes(float(score), float(limit)):
                yield f"{titles[name]} is {format_score(name, score)}, {word} {format_score(name, limit)} is required"
    if at_least or at_most:
        yield from (f"not evaluated: {problem}" for problem in run.problems)


def format_score(name: str, score: float | None) -> str:
    """A score as text."""
    if score is None:
        return "–"
    return f"{score:,.0f} ms" if "_ms" in name else f"{score:.1%}"
