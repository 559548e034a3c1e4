"""Plays recorded calls to a candidate (another app, prompt or model) and compares the replies."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from orchestra.agents.app import App
from orchestra.agents.lines import Lines
from orchestra.errors import EngineError, UsageError
from orchestra.evaluation.call_diff import CallDiff, Comparison, TurnDiff, notes, turn_diff
from orchestra.evaluation.sandbox import Candidate, Sandbox, open_sandbox, summarize_recording
from orchestra.history.views.turn_summaries import CallSummary, TurnSummary
from orchestra_schemas import Event

OnDivergence = Literal["stop", "follow"]
#: calls that are played at the same time
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
    """Play calls to a candidate.

    Args:
        recordings: the events of each call, by the name under which it was asked for.
        candidate: what answers.
        on_divergence: ``stop``: a call ends at the first turn that differs; ``follow``: the caller continues as
            recorded, whatever the agents say.
        alike: replies that have at least this share of their words in common (0 to 1) count as the same.
        at_a_time: how many calls are played at the same time.
        done: called with every call when it is done, with None if it failed.

    """
    gate = asyncio.Semaphore(at_a_time)
    failed: dict[str, str] = {}

    async def one(name: str, events: Sequence[Event]) -> CallDiff | None:
        async with gate:
            diff: CallDiff | None = None
            try:
                diff = await compared(sandbox, events, on_divergence=on_divergence, alike=alike)
                diff = replace(diff, name=name)
            except (UsageError, EngineError) as error:
                failed[name] = str(error)
            done(diff)
            return diff

    async with open_sandbox(candidate) as sandbox:
        found = await asyncio.gather(*(one(name, events) for name, events in recordings.items()))
    return Comparison(calls=tuple(diff for diff in found if diff is not None), failed=failed)


async def compared(
    sandbox: Sandbox, events: Sequence[Event], *, on_divergence: OnDivergence = "follow", alike: float = 1.0
) -> CallDiff:
    """Play one call in a sandbox.

    Raises:
        UsageError: the caller says nothing in the recording.
        EngineError: the agents do not answer.

    """
    recorded = summarize_recording(events)
    app = sandbox.candidate.answering(events)
    before = {turn.number: turn for turn in recorded.turns}
    last = 0

    def goes_on(turn: TurnSummary) -> bool:
        nonlocal last
        last = turn.number
        return on_divergence == "follow" or not turn_diff(before[turn.number], turn, alike=alike).differs

    with sandbox.call(events, recorded) as (caller, _):
        played = await caller.play(goes_on)
    answered = with_answers(played, sandbox)
    return call_diff(recorded, answered, sandbox.candidate, app=app, last=last, alike=alike)


def call_diff(
    recorded: CallSummary,
    played: CallSummary,
    candidate: Candidate,
    *,
    last: int,
    alike: float = 1.0,
    app: App | None = None,
) -> CallDiff:
    """What differs between a recorded call and the call that was played to the candidate, up to turn ``last``.

    ``app`` is the one that answered, by default the candidate's.
    """
    after = {turn.number: turn for turn in played.turns}
    turns: list[TurnDiff] = [
        turn_diff(turn, after[turn.number], alike=alike)
        for turn in recorded.turns
        if turn.number <= last and turn.number in after
    ]
    left = any(turn.number > last and turn.transcript for turn in recorded.turns)
    closed = bool(turns) and turns[-1].candidate.closing and not turns[-1].recorded.closing
    app = app or Lines.of(candidate.app).default
    return CallDiff(
        call=recorded.call,
        name=recorded.call,
        app=recorded.app,
        recorded_version=recorded.version,
        recorded_model=recorded.model,
        candidate_version=app.version,
        candidate_model=played.model or candidate.settings.model,
        turns=tuple(turns),
        recorded_turns=len(recorded.turns),
        ended="" if not left else "closed" if closed else "diverged",
        notes=tuple(notes(recorded, list(app.team), list(app.tools))),
    )


def with_answers(played: CallSummary, sandbox: Sandbox) -> CallSummary:
    """The call, with the origin of each tool result."""
    turns = [
        replace(turn, tools=tuple(replace(step, answered=sandbox.tools.answered(step.request)) for step in turn.tools))
        for turn in played.turns
    ]
    return replace(played, turns=tuple(turns))
