"""Puts recorded calls to an app, a prompt or a model of today, and tells what differs."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from orchestra.errors import EngineError, UsageError
from orchestra.evaluation.call_diff import CallDiff, Comparison, TurnDiff, notes, turn_diff
from orchestra.evaluation.sandbox import Candidate, Sandbox, open_sandbox, summarize_recording
from orchestra.history.views.summary import CallSummary, TurnSummary
from orchestra_schemas import Event

OnDivergence = Literal["stop", "follow"]
#: calls that are played at a time
_AT_A_TIME = 8


async def compare(
    recordings: Mapping[str, Sequence[Event]],
    candidate: Candidate,
    *,
    on_divergence: OnDivergence = "follow",
    alike: float = 1.0,
    at_a_time: int = _AT_A_TIME,
    done: Callable[[CallDiff | None], None] = lambda _: None,
) -> Comparison:
    """Put calls to a candidate.

    Args:
        recordings: the events of each call, by the name under which it was asked for.
        candidate: what answers now.
        on_divergence: ``stop``: a call ends at the first turn that differs; ``follow``: the caller goes on with what
            they said then, whatever they are answered.
        alike: replies that share so much of their words (0 to 1) count as the same.
        at_a_time: so many calls.
        done: told of every call that is done, None for one that failed.

    """
    gate = asyncio.Semaphore(at_a_time)
    failed: dict[str, str] = {}

    async def one(name: str, recorded: Sequence[Event]) -> CallDiff | None:
        async with gate:
            diff: CallDiff | None = None
            try:
                diff = await compared(sandbox, recorded, on_divergence=on_divergence, alike=alike)
                diff = replace(diff, name=name)
            except (UsageError, EngineError) as error:
                failed[name] = str(error)
            done(diff)
            return diff

    async with open_sandbox(candidate) as sandbox:
        found = await asyncio.gather(*(one(name, recorded) for name, recorded in recordings.items()))
    return Comparison(calls=tuple(diff for diff in found if diff is not None), failed=failed)


async def compared(
    sandbox: Sandbox, recorded: Sequence[Event], *, on_divergence: OnDivergence = "follow", alike: float = 1.0
) -> CallDiff:
    """Put one call to the stack of a stage.

    Raises:
        UsageError: the recording has no turn of the caller's.
        EngineError: the agents do not answer.

    """
    was = summarize_recording(recorded)
    before = {turn.number: turn for turn in was.turns}
    last = 0

    def goes_on(now: TurnSummary) -> bool:
        nonlocal last
        last = now.number
        return on_divergence == "follow" or not turn_diff(before[now.number], now, alike=alike).differs

    with sandbox.call(recorded, was) as (caller, _):
        now = await caller.play(goes_on)
    return call_diff(was, with_answers(now, sandbox), sandbox.candidate, last=last, alike=alike)


def call_diff(was: CallSummary, now: CallSummary, candidate: Candidate, *, last: int, alike: float = 1.0) -> CallDiff:
    """What differs between a recorded call and what was made of it up to turn ``last``."""
    after = {turn.number: turn for turn in now.turns}
    turns: list[TurnDiff] = [
        turn_diff(turn, after[turn.number], alike=alike)
        for turn in was.turns
        if turn.number <= last and turn.number in after
    ]
    left = any(turn.number > last and turn.transcript for turn in was.turns)
    closed = bool(turns) and turns[-1].now.closing and not turns[-1].was.closing
    app = candidate.app
    return CallDiff(
        call=was.call,
        name=was.call,
        was_version=was.version,
        was_model=was.model,
        now_version=app.version,
        now_model=now.model or candidate.settings.model,
        turns=tuple(turns),
        recorded=len(was.turns),
        ended="" if not left else "closed" if closed else "diverged",
        notes=tuple(notes(was, list(app.team), list(app.tools))),
    )


def with_answers(now: CallSummary, sandbox: Sandbox) -> CallSummary:
    """The call, with who answered each of its tool calls."""
    turns = [
        replace(turn, tools=tuple(replace(step, answered=sandbox.tools.answered(step.request)) for step in turn.tools))
        for turn in now.turns
    ]
    return replace(now, turns=tuple(turns))
