"""The analysis of one call that has ended: what its app asks about it, in one prompt for each `After`."""

import time
from collections.abc import Sequence
from typing import Any

from orchestra.agents.after import After
from orchestra.agents.app import App
from orchestra.agents.lines import Lines
from orchestra.execution.models import ModelRegistry
from orchestra.history.call import CallHistory
from orchestra.post_call.asking import Asking, lines_of
from orchestra.post_call.extraction import extracted, schema_of
from orchestra.post_call.judging import (
    NO_MODEL,
    VERDICT_SCHEMA,
    judge_by_functions,
    judging_task,
    run_function,
    verdicts_of,
    verdicts_schema,
)
from orchestra_schemas import CallAnalysed, Verdict, clean_text

#: longer summaries are cut
_LONGEST_SUMMARY = 4000


def app_named(lines: Lines, name: str) -> App | None:
    """The app that calls of this name are analysed by: the only one there is, whatever it is called now.

    None if it is not among several any more.
    """
    apps = {app.name: app for app in lines.apps}
    return apps.get(name) if lines.several and name else lines.default


def is_skipped(history: CallHistory, after: After) -> bool:
    """Whether the call is shorter than this analysis wants."""
    duration_s = history.ended.duration_s if history.ended is not None else 0.0
    return duration_s < after.shortest_s or history.record.turns < after.shortest_turns


async def analyse(
    history: CallHistory,
    wanted: Sequence[After],
    models: ModelRegistry,
    *,
    app: str = "",
    context_tokens: int = 100_000,
) -> CallAnalysed | None:
    """What is found out about the call; None if nothing is asked about it.

    Args:
        history: of the call, to its end.
        wanted: what the app asks; of those whose condition holds, everything is answered, and later ones win.
        models: that answer.
        app: whose analysis it is.
        context_tokens: as in `Asking`.

    Raises:
        EngineError: a model is needed, and none answers.

    """
    started = time.monotonic()
    problems: list[str] = []
    asked = await applying(history, wanted, problems)
    if not asked and not problems:
        return None
    values: dict[str, Any] = {"extracted": {}, "not_extracted": {}}
    verdicts: dict[str, Verdict] = {}
    asking = Asking(models, history.call, context_tokens=context_tokens)
    for after in asked:
        found = await _found(history, after, asking, problems)
        verdicts |= {each.judge: each for each in found.pop("verdicts")}
        values["extracted"] |= found.pop("extracted", {})
        values["not_extracted"] |= found.pop("not_extracted", {})
        values |= found
    values["not_extracted"] = {
        name: why for name, why in values["not_extracted"].items() if name not in values["extracted"]
    }
    tokens_of = {name: (each.prompt, each.completion) for name, each in asking.used.items()}
    return CallAnalysed(
        call=history.call,
        app=app,
        verdicts=tuple(verdicts.values()),
        model=asking.model,
        prompt_tokens=sum(each.prompt for each in asking.used.values()),
        completion_tokens=sum(each.completion for each in asking.used.values()),
        tokens_of=tokens_of if len(tokens_of) > 1 else {},
        duration_ms=round((time.monotonic() - started) * 1000, 1),
        errors=tuple(problems),
        **values,
    )


async def applying(history: CallHistory, wanted: Sequence[After], problems: list[str]) -> list[After]:
    """Those whose condition holds for the call, and for which it is long enough; ``problems`` gets why one failed."""
    return [after for after in wanted if not is_skipped(history, after) and await _applies(after, history, problems)]


async def _applies(after: After, history: CallHistory, problems: list[str]) -> bool:
    if after.when is None:
        return True
    holds, _, error = await run_function(after.when, history)
    if error:
        problems.append(f"when: {error}")
    return bool(holds)


async def _found(history: CallHistory, after: After, asking: Asking, problems: list[str]) -> dict[str, Any]:
    """What one `After` asks: the functions run, and a model answers the rest in one prompt."""
    by_function = await judge_by_functions(history, after.judges)
    found: dict[str, Any] = {}
    if after.success is not None and not isinstance(after.success, str):
        success, reason, error = await run_function(after.success, history)
        found |= {"success": success, "success_reason": reason}
        problems += [f"success: {error}"] if error else []
    in_words = [judge for judge in after.judges if isinstance(judge.criterion, str)]
    tasks, schema = _tasks(after)
    by_model: dict[str, Verdict] = {}
    if tasks and not asking.has_model(after.model):
        by_model = {each.name: Verdict(judge=each.name, version=each.version, reason=NO_MODEL) for each in in_words}
    elif tasks:
        answer = await asking.ask("\n\n".join(tasks), lines_of(history), schema, model=after.model)
        by_model = verdicts_of(answer, in_words, history)
        found |= _told(after, answer, problems)
    every = by_function | by_model
    return found | {"verdicts": [every[judge.name] for judge in after.judges]}


def _tasks(after: After) -> tuple[list[str], dict[str, Any]]:
    """What a model has to do, and the JSON schema of its answer; no task: no model is needed."""
    tasks: list[str] = []
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    if after.summary:
        tasks.append(
            "Summarize the call in two or three sentences, in the language in which it was held: what the caller "
            "wanted, what was done, and what is still open."
        )
        properties["summary"] = {"type": "string"}
    if after.extract is not None:
        tasks.append("Extract the values that the call gives. Leave out what nobody said; do not guess.")
        properties["extracted"], definitions = schema_of(after.extract)
    in_words = [judge for judge in after.judges if isinstance(judge.criterion, str)]
    if in_words:
        tasks.append(judging_task(in_words))
        properties |= verdicts_schema(in_words)["properties"]
    if isinstance(after.success, str):
        tasks.append(f"Decide whether the call was a success, which means: {' '.join(after.success.split())}")
        properties["success"] = VERDICT_SCHEMA
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return tasks, schema | ({"$defs": definitions} if definitions else {})


def _told(after: After, answer: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """The checked parts of a model's answer, apart from the verdicts."""
    found: dict[str, Any] = {}
    if after.summary:
        summary = answer.get("summary")
        if isinstance(summary, str) and summary.strip():
            found["summary"] = clean_text(summary.strip())[:_LONGEST_SUMMARY]
        else:
            problems.append("summary: the model gave none")
    if after.extract is not None:
        found["extracted"], found["not_extracted"] = extracted(after.extract, answer.get("extracted"))
    if isinstance(after.success, str):
        given = answer.get("success")
        passed = given.get("passed") if isinstance(given, dict) else None
        reason = given.get("reason") if isinstance(given, dict) else None
        if isinstance(passed, bool):
            found["success"] = passed
        elif not isinstance(given, dict):
            problems.append("success: the model gave no verdict in the right form")
        found["success_reason"] = clean_text(reason) if isinstance(reason, str) else ""
    return found
