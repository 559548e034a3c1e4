"""What becomes of a simulated call: whether what should be true is true, and in which turn it went wrong. Pure."""

import inspect
from collections.abc import Iterator, Sequence
from math import comb
from typing import Any

import msgspec

from orchestra.bus.stream.entry import UNREADABLE
from orchestra.counted import counted
from orchestra.evaluation.dataset import WantedTool
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.is_said import is_said
from orchestra.evaluation.simulation.runs import Failure, HeldCall, SimulatedRun
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.history.views.turn_summaries import CallSummary, ToolSummary, call_summary, canonical


class ScenarioScore(msgspec.Struct, frozen=True, kw_only=True):
    """How the runs of one scenario went.

    ``valid`` are those that count, ``passed`` those of them that passed. ``pass_hat[k - 1]`` is pass^k, the chance that
    k runs pass one after the other (τ-bench, https://arxiv.org/abs/2406.12045 §2); None with fewer valid runs than k.
    """

    scenario: str
    goal: str
    valid: int
    passed: int
    invalid: int
    pass_hat: tuple[float | None, ...]


def score(scenario: Scenario, runs: Sequence[SimulatedRun]) -> ScenarioScore:
    """The score of a scenario's runs."""
    valid = [run for run in runs if run.passed is not None]
    passed = sum(run.passed is True for run in valid)
    return ScenarioScore(
        scenario=scenario.name,
        goal=scenario.goal,
        valid=len(valid),
        passed=passed,
        invalid=len(runs) - len(valid),
        pass_hat=tuple(_pass_hat(passed, len(valid), k) for k in range(1, len(runs) + 1)),
    )


def mean_pass_hat(scores: Sequence[ScenarioScore], k: int) -> float | None:
    """pass^k over all scenarios, each with the same weight; None if one of them has too few valid runs."""
    each = [score.pass_hat[k - 1] if len(score.pass_hat) >= k else None for score in scores]
    known = [share for share in each if share is not None]
    return sum(known) / len(known) if known and len(known) == len(each) else None


def _pass_hat(passed: int, valid: int, k: int) -> float | None:
    return comb(passed, k) / comb(valid, k) if valid >= k else None


async def failures_of(caller: SimulatedCaller, held: HeldCall, resources: Any) -> tuple[Failure, ...]:
    """Why a held call is no success, without what a judge says; empty if it is one.

    Each names the turn at which the call seems to have gone wrong; 0 if the caller had none.
    """
    scenario, call = caller.scenario, call_summary(held.history)
    found = [*_of_the_call(caller, held), *_of_tools(scenario.wanted_tools, call), *_of_words(scenario, call)]
    if scenario.success is not None:
        found += [("success", reason) for reason in [await _asked(scenario, held, resources)] if reason]
    if not found:
        return ()
    turn, why = _went_wrong(call, caller)
    return (*(Failure(what=what, reason=reason, turn=turn) for what, reason in found), *why)


def _of_the_call(caller: SimulatedCaller, held: HeldCall) -> Iterator[tuple[str, str]]:
    if held.broken_off:
        yield "call", held.broken_off
    if caller.out_of_turns:
        yield "turns", f"the caller has not got what they wanted within {counted(caller.scenario.max_turns, 'turn')}"


def _of_tools(wanted: Sequence[WantedTool], call: CallSummary) -> Iterator[tuple[str, str]]:
    """The first tool call that was not made, after those before it."""
    made = [tool for turn in call.turns for tool in turn.tools if not tool.failed]
    left = iter(made)
    for tool in wanted:
        if not any(_is(tool, step) for step in left):
            came = ", ".join(f"{step.name}({canonical(step.arguments)})" for step in made) or "no tool"
            arguments = "" if tool.arguments is None else canonical(msgspec.json.encode(tool.arguments).decode())
            yield "tools", f"expected {tool.name}({arguments}), got {came}"
            return


def _is(wanted: WantedTool, made: ToolSummary) -> bool:
    if wanted.name != made.name:
        return False
    if wanted.arguments is None:
        return True
    try:
        given = msgspec.json.decode(made.arguments, type=dict[str, Any])
    except UNREADABLE:
        return False
    return all(name in given and _same(given[name], value) for name, value in wanted.arguments.items())


def _same(value: Any, wanted: Any) -> bool:
    """Whether two arguments are the same, written as text or not: a YAML file has no other values."""
    return value == wanted or canonical(_as_json(value)).strip('"') == canonical(_as_json(wanted)).strip('"')


def _as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _of_words(scenario: Scenario, call: CallSummary) -> Iterator[tuple[str, str]]:
    language = scenario.language or "en"
    for words in scenario.words:
        if not any(is_said(words, turn.reply, language) for turn in call.turns):
            yield "words", f"the agents never say {words!r}"


async def _asked(scenario: Scenario, held: HeldCall, resources: Any) -> str:
    """What the scenario's function says is not true; empty if all is."""
    assert scenario.success is not None, "it was asked before"
    name = getattr(scenario.success, "__name__", "success")
    try:
        answer: Any = scenario.success(held.history, resources)
        answer = await answer if inspect.isawaitable(answer) else answer
    except AssertionError as error:
        return str(error) or f"{name}: an assertion does not hold"
    except Exception as error:  # noqa: BLE001 - whatever the author's check does, the run is no success
        return f"{name} fails itself: {type(error).__name__}: {error}"
    if answer is True:
        return ""
    if answer is False:
        return f"{name} says no"
    if isinstance(answer, str):
        return answer or f"{name} says no"
    return f"{name} returns {answer!r}: return True, or why it is no success"


def _went_wrong(call: CallSummary, caller: SimulatedCaller) -> tuple[int, list[Failure]]:
    """The turn at which a call without success seems to have gone wrong, and what was wrong with it.

    It is the first in which the agents, or a tool of theirs, failed; or in which they said the same as before; or the
    last one.
    """
    found: list[Failure] = []
    for turn in call.turns:
        if turn.failed:
            found.append(Failure(what="turn", reason="the agents could not answer", turn=turn.number))
        found += [Failure(what="tool", reason=_named(tool), turn=turn.number) for tool in turn.tools if tool.failed]
    last = [turn.number for turn in call.turns[-1:]]
    if caller.last.satisfied is False:
        reason = f"the caller hangs up without what they wanted: {caller.last.reason or 'no reason given'}"
        found.append(Failure(what="caller", reason=reason, turn=next(iter(last), 0)))
    failed = [failure.turn for failure in found if failure.what in {"turn", "tool"}]
    replies = [turn.reply for turn in call.turns]
    repeated = [turn.number for at, turn in enumerate(call.turns) if turn.reply and turn.reply in replies[:at]]
    return next(iter((*failed, *repeated, *last)), 0), found


def _named(tool: ToolSummary) -> str:
    return tool.result if tool.result.startswith(tool.name) else f"{tool.name} failed: {tool.result}"
