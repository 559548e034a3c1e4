"""The evaluations that were run on this machine: one file each, by set."""

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
        place: the set's file or folder.

    """

    def __init__(self, data_dir: Path, place: Path) -> None:
        whole = place.resolve()
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", whole.stem) or "set"
        self.folder = data_dir / _FOLDER / f"{name}-{sha256(str(whole).encode()).hexdigest()[:8]}"

    def all(self) -> list[Evaluation]:
        """Every run that is kept, the oldest first.

        Raises:
            UsageError: a file is damaged.

        """
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Evaluation))
            except msgspec.MsgspecError as error:
                msg = f"{path} is no evaluation that was kept: {error}; remove it"
                raise UsageError(msg) from error
        return sorted(found, key=lambda run: run.at)

    def keep(self, run: Evaluation) -> Path:
        """Write a run, whole or not at all; where it is."""
        number = len(list(self.folder.glob("*.json"))) + 1
        path = self.folder / f"{run.at.replace(':', '')[:17]}-{number:04d}.json"
        write_atomically(path, msgspec.json.format(msgspec.json.encode(run)))
        return path


def latest_by_version(runs: list[Evaluation], now: Evaluation, limit: int = 4) -> list[Evaluation]:
    """This run behind the latest of every version and model; of those at most so many, the oldest first."""
    latest = {(run.version, run.model): run for run in runs}
    return [*sorted(latest.values(), key=lambda run: run.at)[-limit:], now]
