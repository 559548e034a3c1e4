"""The scores that annotators gave to calls: the evaluation set that `orchestra curate pull` writes on this machine."""

from pathlib import Path

from orchestra.curation.evaluation import read_set
from orchestra.errors import RejectedError


class Scores:
    """The scores by call, 1 to 5, read again when the file has changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._state: tuple[int, int] | None = None
        self._scores: dict[str, int] = {}

    def read(self) -> dict[str, int]:
        """All scores; empty if nothing was annotated. Blocks.

        Raises:
            RejectedError: the file is no evaluation set.

        """
        try:
            found = self._file.stat()
        except OSError:
            return {}
        state = (found.st_mtime_ns, found.st_size)
        if state != self._state:
            try:
                self._scores = {call: each.quality for call, each in read_set(self._file).items() if each.quality}
            except OSError as error:
                msg = f"{self._file} cannot be read: {error}"
                raise RejectedError(msg) from error
            self._state = state
        return self._scores
