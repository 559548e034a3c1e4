"""The evaluation runs of this machine: one file for each, in a folder for each set."""

import re
from hashlib import sha256
from pathlib import Path

import msgspec

from orchestra.atomic_file import write_atomically
from orchestra.errors import UsageError
from orchestra.evaluation.evaluate import Evaluation

_FOLDER = "evaluations"


class EvaluationStore:
    """The runs of one set, below the data directory.

    Args:
        data_dir: the data directory.
        set_path: the file or folder of the set.

    """

    def __init__(self, data_dir: Path, set_path: Path) -> None:
        whole = set_path.resolve()
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", whole.stem) or "set"
        self.folder = data_dir / _FOLDER / f"{name}-{sha256(str(whole).encode()).hexdigest()[:8]}"

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
        number = len(list(self.folder.glob("*.json"))) + 1
        path = self.folder / f"{run.at.replace(':', '')[:17]}-{number:04d}.json"
        write_atomically(path, msgspec.json.format(msgspec.json.encode(run)))
        return path


def latest_by_version(runs: list[Evaluation], now: Evaluation, limit: int = 4) -> list[Evaluation]:
    """The latest run of each version and model, at most ``limit``, the oldest first; then this run."""
    latest = {(run.version, run.model): run for run in runs}
    return [*sorted(latest.values(), key=lambda run: run.at)[-limit:], now]
