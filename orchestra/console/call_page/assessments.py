"""What was said about a call afterwards: by the app's analysis and judges, annotators, and evaluation runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from orchestra.bus.stream.entry import UNREADABLE
from orchestra.curation.evaluation import SET_FILE, EvaluatedCall
from orchestra.evaluation.evaluate import Evaluation, Miss
from orchestra.history.call import CallHistory
from orchestra.settings import Settings
from orchestra_schemas import Verdict

_RUNS = "evaluations"
_MOST_RUNS = 20

_annotated = msgspec.json.Decoder(EvaluatedCall).decode
_evaluation = msgspec.json.Decoder(Evaluation).decode


class RunVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation run that played this call, and what was wrong in the answers it got; ``page`` shows all of it."""

    set: str
    at: str
    version: str
    model: str
    page: str
    misses: tuple[Miss, ...]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the analyses of a call found, the later ones before the earlier; see `CallAnalysed`."""

    summary: str = ""
    success: bool | None = None
    success_reason: str = ""
    extracted: dict[str, Any] = {}
    not_extracted: dict[str, str] = {}
    verdicts: tuple[Verdict, ...] = ()
    errors: tuple[str, ...] = ()


class Assessments(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a call.

    Attributes:
        analysed: by the app's analysis and judges; None if nothing is.
        annotated: by annotators; None if there is no annotation here.
        runs: of evaluations that found something wrong, the latest first.
        problems: what could not be read.

    """

    analysed: Found | None
    annotated: EvaluatedCall | None
    runs: tuple[RunVerdict, ...]
    problems: tuple[str, ...]


def assessments(settings: Settings, history: CallHistory) -> Assessments:
    """What is known here: the call's own events, the set that `orchestra curate pull` writes, and evaluation runs.

    Blocks.
    """
    call = history.call
    problems: list[str] = []
    found = _annotation(settings.data_dir / SET_FILE, call, problems)
    runs = sorted(_runs(settings.data_dir / _RUNS, call, problems), key=lambda run: run.at, reverse=True)
    return Assessments(
        analysed=analysed_in(history), annotated=found, runs=tuple(runs[:_MOST_RUNS]), problems=tuple(problems)
    )


def analysed_in(history: CallHistory) -> Found | None:
    """What the analyses in a call's journal found; None if there is none."""
    found = Found(verdicts=tuple(history.verdicts.values()))
    for each in history.analyses:
        found = msgspec.structs.replace(found, summary=each.summary or found.summary, errors=found.errors + each.errors)
        if each.success is not None or found.success is None:
            reason = each.success_reason or (found.success_reason if each.success is None else "")
            found = msgspec.structs.replace(found, success=each.success, success_reason=reason)
        if each.extracted or each.not_extracted:
            found = msgspec.structs.replace(found, extracted=each.extracted, not_extracted=each.not_extracted)
    return found if history.analyses else None


def _annotation(path: Path, call: str, problems: list[str]) -> EvaluatedCall | None:
    mark = call.encode()
    try:
        with path.open("rb") as file:
            for line in file:
                if mark in line and (found := _annotated(line)).call == call:
                    return found
    except FileNotFoundError:
        return None  # nothing was pulled here yet
    except OSError as error:
        problems.append(f"{path} cannot be read: {error.strerror or error}")
    except UNREADABLE as error:
        problems.append(f"{path} is not an evaluation set: {error}")
    return None


def _runs(folder: Path, call: str, problems: list[str]) -> Iterator[RunVerdict]:
    mark = call.encode()
    for path in folder.glob("*/*.json"):
        try:
            content = path.read_bytes()
            if mark not in content:
                continue
            run = _evaluation(content)
        except (OSError, *UNREADABLE) as error:
            problems.append(f"{path} is not an evaluation run: {error}")
            continue
        misses = tuple(miss for miss in run.misses if miss.case == call)
        if misses:
            page = f"/results/evaluations/{quote(path.parent.name)}/{quote(path.stem)}"
            yield RunVerdict(set=run.set, at=run.at, version=run.version, model=run.model, page=page, misses=misses)
