"""Judges calls: criteria in words by a model, in one prompt, and criteria that are functions by running them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from orchestra.agents.after import Finding, Judge
from orchestra.errors import EngineError
from orchestra.execution.models import ModelRegistry
from orchestra.hide_secrets import without_secrets
from orchestra.history.call import CallHistory
from orchestra.post_call.asking import Asking, lines_of
from orchestra_schemas import Verdict, clean_text

__all__ = ["Judge", "judge"]

#: longer reasons are cut
_LONGEST: Final = 1000
#: seconds that a function may take
_WITHIN_S: Final = 30.0
NO_MODEL: Final = "no model judges: ORCHESTRA_MODEL is offline"

#: what the model answers for one judge
VERDICT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "description": "why, in one or two sentences"},
        "turns": {"type": "array", "items": {"type": "integer"}, "description": "numbers of the turns that show it"},
        "passed": {
            "type": ["boolean", "null"],
            "description": "true if the criterion is met, false if it is not, null if the call does not show it",
        },
    },
    "required": ["reason", "passed"],
}


async def judge(
    history: CallHistory,
    judges: Sequence[Judge],
    models: ModelRegistry | None,
    *,
    model: str = "",
    context_tokens: int = 100_000,
) -> tuple[Verdict, ...]:
    """The verdict of each judge on a call, in their order.

    Without a model (None, or the offline one) a judge in words has no verdict, and says so. A model that does not
    answer leaves its error in the verdicts.

    Args:
        history: of the call.
        judges: their names have to differ.
        models: for judges in words.
        model: that is asked; empty: the default one.
        context_tokens: as in `Asking`.

    """
    asking = None if models is None else Asking(models, history.call, context_tokens=context_tokens)
    return await judge_with(asking, history, judges, model=model)


async def judge_with(
    asking: Asking | None, history: CallHistory, judges: Sequence[Judge], *, model: str = ""
) -> tuple[Verdict, ...]:
    """The same, and the tokens are counted in ``asking``."""
    found = await judge_by_functions(history, judges)
    in_words = [each for each in judges if isinstance(each.criterion, str)]
    if asking is None or not asking.has_model(model):
        found |= {each.name: Verdict(judge=each.name, version=each.version, reason=NO_MODEL) for each in in_words}
    elif in_words:
        try:
            answer = await asking.ask(judging_task(in_words), lines_of(history), verdicts_schema(in_words), model=model)
        except EngineError as error:
            failed = without_secrets(str(error))
            found |= {each.name: Verdict(judge=each.name, version=each.version, error=failed) for each in in_words}
        else:
            found |= verdicts_of(answer, in_words, history)
    return tuple(found[each.name] for each in judges)


def is_decided(verdict: Verdict) -> bool:
    """Whether the judge has said what it can, if only that it cannot tell; not if it failed, or no model was there."""
    return verdict.passed is not None or not (verdict.error or verdict.reason == NO_MODEL)


async def judge_by_functions(history: CallHistory, judges: Sequence[Judge]) -> dict[str, Verdict]:
    """The verdicts of those judges that are functions, by name."""
    found: dict[str, Verdict] = {}
    for each in judges:
        if not isinstance(each.criterion, str):
            passed, reason, error = await run_function(each.criterion, history)
            found[each.name] = Verdict(judge=each.name, version=each.version, passed=passed, reason=reason, error=error)
    return found


async def run_function(
    function: Callable[[CallHistory], Finding], history: CallHistory
) -> tuple[bool | None, str, str]:
    """Whether the function finds the call good, why not, and how it failed. It runs in a thread."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            found = await asyncio.to_thread(function, history)
    except TimeoutError:
        return None, "", f"it has not come to an end within {_WITHIN_S:.0f} s"
    except Exception as error:  # noqa: BLE001 - whatever an author's function raises is its error, not the call's
        return None, "", without_secrets(f"{type(error).__name__}: {error}")
    if isinstance(found, str):
        return not found, clean_text(found)[:_LONGEST], ""
    if found is None or isinstance(found, bool):
        return found, "", ""
    return None, "", f"it returned {type(found).__name__}: return True, False, a text (why not), or None"


def judging_task(judges: Sequence[Judge]) -> str:
    """The criteria in words, each with the judge's name."""
    criteria = "\n".join(f"- {judge.name}: {' '.join(str(judge.criterion).split())}" for judge in judges)
    return f"Decide for each of these criteria whether the call meets it:\n{criteria}"


def verdicts_schema(judges: Sequence[Judge]) -> dict[str, Any]:
    """The JSON schema of the answer, with one property ``verdicts`` by the judges' names."""
    names = [judge.name for judge in judges]
    verdicts = {"type": "object", "properties": dict.fromkeys(names, VERDICT_SCHEMA), "required": names}
    return {"type": "object", "properties": {"verdicts": verdicts}, "required": ["verdicts"]}


def verdicts_of(answer: Mapping[str, Any], judges: Sequence[Judge], history: CallHistory) -> dict[str, Verdict]:
    """The verdicts in a model's answer, checked; one that is not there, or in no known form, is an error."""
    given = answer.get("verdicts")
    given = given if isinstance(given, dict) else {}
    return {judge.name: _verdict(judge, given.get(judge.name), history) for judge in judges}


def _verdict(judge: Judge, given: Any, history: CallHistory) -> Verdict:
    unusable = Verdict(judge=judge.name, version=judge.version, error="the model gave no verdict in the right form")
    if not isinstance(given, dict) or "passed" not in given:
        return unusable
    try:
        passed = msgspec.convert(given["passed"], bool | None)
    except msgspec.ValidationError:
        return unusable
    reason, turns = given.get("reason"), given.get("turns")
    known = {turn.number for turn in history.turns}
    return Verdict(
        judge=judge.name,
        version=judge.version,
        passed=passed,
        reason=clean_text(reason)[:_LONGEST] if isinstance(reason, str) else "",
        turns=tuple(dict.fromkeys(turn for turn in turns if type(turn) is int and turn in known))
        if isinstance(turns, list)
        else (),
    )
