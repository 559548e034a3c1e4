"""The results of this machine: evaluation runs in a folder for each set, comparisons, simulations; a file for each."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from orchestra.atomic_file import write_atomically
from orchestra.errors import UsageError
from orchestra.evaluation.call_diff import Comparison
from orchestra.evaluation.evaluate import Evaluation
from orchestra.evaluation.quoted_calls import COMPARISONS, EVALUATIONS
from orchestra.evaluation.simulation.simulate import Simulation

_SIMULATIONS = "simulations"
Kind = Literal["comparison", "evaluation", "simulation"]
_T = TypeVar("_T")
#: of a set's folder or a file without its ending
_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


class EvaluationStore:
    """The runs of one set, below the data directory.

    Args:
        data_dir: the data directory.
        set_path: the file or folder of the set.

    """

    def __init__(self, data_dir: Path, set_path: Path) -> None:
        whole = set_path.resolve()
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", whole.stem) or "set"
        self.folder = data_dir / EVALUATIONS / f"{name}-{sha256(str(whole).encode()).hexdigest()[:8]}"

    def all(self) -> list[Evaluation]:
        """All runs, the oldest first.

        Raises:
            UsageError: a file is damaged.

        """
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Evaluation))
            except msgspec.MsgspecError as error:
                msg = f"{path} is not an evaluation run: {error}; remove it"
                raise UsageError(msg) from error
        return sorted(found, key=lambda run: run.at)

    def keep(self, run: Evaluation) -> Path:
        """Write a run to a file; returns the file."""
        return _keep(self.folder, run.at, run)


def latest_by_version(runs: list[Evaluation], now: Evaluation, limit: int = 4) -> list[Evaluation]:
    """The latest run of each version and model, at most ``limit``, the oldest first; then this run."""
    latest = {(run.version, run.model): run for run in runs}
    return [*sorted(latest.values(), key=lambda run: run.at)[-limit:], now]


class KeptComparison(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison as it is kept: when it was made (ISO 8601), and with which version and model."""

    at: str
    version: str
    model: str
    comparison: Comparison


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A kept result at a glance.

    Attributes:
        kind: ``comparison``, ``evaluation`` or ``simulation``.
        name: below the folder of its kind, without the ending: ``SET/RUN`` or ``COMPARISON``.
        at: when it was made, ISO 8601.
        version: what answered; ``model`` likewise.
        set: the set of an evaluation.
        calls: how many calls were played, or held, with ``turns``.
        diverged: turns of a comparison that differ.
        scores: of an evaluation, by name.
        of_calls: the calls that were compared.
        passed: of the calls of a simulation; ``invalid`` are those that do not count.
        persona: the model that played the callers of a simulation; empty: none.
        problem: why the file cannot be read; the rest is unknown then.

    """

    kind: Kind
    name: str
    at: str = ""
    version: str = ""
    model: str = ""
    set: str = ""
    calls: int = 0
    turns: int = 0
    diverged: int = 0
    scores: dict[str, float | None] = {}
    of_calls: tuple[str, ...] = ()
    passed: int = 0
    invalid: int = 0
    persona: str = ""
    problem: str = ""


def keep_comparison(data_dir: Path, comparison: Comparison, version: str, model: str) -> Path:
    """Write a comparison to a file of its own; returns the file."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    kept = KeptComparison(at=at, version=version, model=model, comparison=comparison)
    return _keep(data_dir / COMPARISONS, at, kept)


def kept_comparison(data_dir: Path, name: str) -> KeptComparison | None:
    """The comparison of this name, or None.

    Raises:
        UsageError: its file is damaged.

    """
    return _read(_file(data_dir / COMPARISONS, name), KeptComparison)


def kept_evaluation(data_dir: Path, set_folder: str, name: str) -> tuple[Evaluation, list[Evaluation]] | None:
    """The run of this name, and the readable runs of its set before it; None if there is no such run.

    Raises:
        UsageError: its file is damaged.

    """
    folder = data_dir / EVALUATIONS / set_folder if _NAME.fullmatch(set_folder) else None
    run = _read(None if folder is None else _file(folder, name), Evaluation)
    if run is None or folder is None:
        return None
    before = []
    for path in sorted(folder.glob("*.json")):
        try:
            other = _read(path, Evaluation)
        except UsageError:
            continue
        before += [other] if other is not None and path.stem != name and other.at <= run.at else []
    return run, sorted(before, key=lambda each: each.at)


def keep_simulation(data_dir: Path, simulation: Simulation) -> Path:
    """Write a simulation to a file of its own; returns the file."""
    return _keep(data_dir / _SIMULATIONS, simulation.at, simulation)


def kept_simulation(data_dir: Path, name: str) -> Simulation | None:
    """The simulation of this name, or None.

    Raises:
        UsageError: its file is damaged.

    """
    return _read(_file(data_dir / _SIMULATIONS, name), Simulation)


def kept_results(data_dir: Path, most: int = 500) -> list[Result]:
    """The latest results, the newest first; a damaged file says so at its place."""
    files = [each for kind in (COMPARISONS, _SIMULATIONS) for each in (data_dir / kind).glob("*.json")]
    files += (data_dir / EVALUATIONS).glob("*/*.json")
    latest = sorted(files, key=lambda path: path.name, reverse=True)[:most]
    return sorted(map(_result, latest), key=lambda each: each.at, reverse=True)


def _result(path: Path) -> Result:
    kinds: dict[str, tuple[Kind, Callable[[Path], Result]]] = {
        COMPARISONS: ("comparison", _of_comparison),
        _SIMULATIONS: ("simulation", _of_simulation),
    }
    kind, read = kinds.get(path.parent.name, ("evaluation", _of_evaluation))
    try:
        return read(path)
    except (UsageError, OSError) as error:
        return Result(kind=kind, name=path.stem, problem=str(error))


def _of_simulation(path: Path) -> Result:
    found = _read(path, Simulation)
    assert found is not None
    return Result(
        kind="simulation",
        name=path.stem,
        at=found.at,
        version=found.version,
        model=found.model,
        persona=found.persona,
        calls=len(found.runs),
        turns=sum(len(run.turns) for run in found.runs),
        passed=sum(run.passed is True for run in found.runs),
        invalid=sum(run.passed is None for run in found.runs),
    )


def _of_comparison(path: Path) -> Result:
    kept = _read(path, KeptComparison)
    assert kept is not None
    found = kept.comparison
    return Result(
        kind="comparison",
        name=path.stem,
        at=kept.at,
        version=kept.version,
        model=kept.model,
        calls=len(found.calls),
        turns=found.turns,
        diverged=found.diverged,
        of_calls=tuple(call.call for call in found.calls),
    )


def _of_evaluation(path: Path) -> Result:
    run = _read(path, Evaluation)
    assert run is not None
    return Result(
        kind="evaluation",
        name=f"{path.parent.name}/{path.stem}",
        at=run.at,
        version=run.version,
        model=run.model,
        set=run.set,
        calls=run.calls,
        turns=run.turns,
        scores=run.scores,
    )


def _keep(folder: Path, at: str, result: msgspec.Struct) -> Path:
    number = len(list(folder.glob("*.json"))) + 1
    path = folder / f"{at.replace(':', '')[:17]}-{number:04d}.json"
    write_atomically(path, msgspec.json.format(msgspec.json.encode(result)))
    return path


def _file(folder: Path, name: str) -> Path | None:
    return folder / f"{name}.json" if _NAME.fullmatch(name) else None


def _read(path: Path | None, result: type[_T]) -> _T | None:
    """What a file has; None if there is no such file."""
    if path is None or not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=result)
    except (msgspec.MsgspecError, ValueError) as error:
        msg = f"{path} cannot be read: {error}; remove it"
        raise UsageError(msg) from error
