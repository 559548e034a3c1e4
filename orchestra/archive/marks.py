"""The marks of calls that were forgotten, in the archive itself; see `orchestra.archive.forgotten`."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime

from orchestra.bus.tombstones import KEPT_S, digest
from orchestra.clock import SYSTEM_CLOCK
from orchestra.filesystem import FileRoot

_FOLDER = "forgotten"
_DAY_LENGTH = len("2026-11-29-")


class Marks:
    """The marks in an archive. All methods block, and raise OSError if it cannot be reached."""

    def __init__(self, root: FileRoot, clock: Callable[[], float] = SYSTEM_CLOCK.time) -> None:
        self._root = root
        self._clock = clock

    def add(self, calls: Iterable[str]) -> None:
        """Mark these calls, and remove marks that are older than anything that may still come of a call."""
        known = self.digests()
        for new in {digest(call) for call in calls} - known:
            self._root.write(f"{_FOLDER}/{_day(self._clock())}-{new}", b"")
        oldest = _day(self._clock() - KEPT_S)
        for name in self._root.names(_FOLDER):
            if name[: _DAY_LENGTH - 1] < oldest:
                self._root.remove(f"{_FOLDER}/{name}")

    def digests(self) -> frozenset[str]:
        """What the marked calls are known by."""
        return frozenset(name[_DAY_LENGTH:] for name in self._root.names(_FOLDER))

    def write_unmarked(self, read_and_write: Callable[["Gone"], None], write_again: Callable[["Gone"], object]) -> None:
        """Write something without marked calls, and again without those that were marked meanwhile.

        Args:
            read_and_write: writes it without these calls.
            write_again: removes these calls from what was written.

        """
        known = self.digests()
        read_and_write(Gone(known))
        while new := self.digests() - known:
            write_again(Gone(new))
            known |= new


class Gone:
    """Says which of some calls are marked."""

    def __init__(self, digests: Collection[str]) -> None:
        self._digests = digests

    def __call__(self, calls: Iterable[str]) -> list[str]:
        """The marked ones of these calls."""
        return [call for call in calls if digest(call) in self._digests]

    def __bool__(self) -> bool:
        """Whether any call is marked."""
        return bool(self._digests)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
