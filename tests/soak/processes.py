"""Memory, file descriptors and processor time of every process over time, and whether they grow."""

import asyncio
import os
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.system import System, children

_EVERY_S = 5.0
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
_TICKS = os.sysconf("SC_CLK_TCK")
#: a younger process is still loading what it needs
_GROWN_UP_S = 15.0
#: slopes are told of what was seen for as long as this: until then a process still grows into its work (the archive's,
#: for one, by 40 MB when it derives its first tables)
_LONG_ENOUGH_S = 600.0
_FEWEST = 24
#: What may be added in an hour. Of 4 kB for every call and 100 bytes for every event, which is what a forgotten entry
#: of a dictionary takes, the soak's 1,400 calls and 85,000 events would make 14 MB; allocators move a process's memory
#: by some MB whatever it does, which over ten minutes looks like 20 MB an hour.
MOST_MB_PER_H, MOST_FDS_PER_H = 40.0, 30.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at a moment: seconds since the run began, its age in seconds, its memory, and its open files."""

    at_s: float
    age_s: float
    rss_mb: float
    fds: int


@dataclass
class Processes:
    """Watches the processes of a system; ``samples`` are of each role and process id."""

    system: System
    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    own_fds: list[int] = field(default_factory=list)

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        began = time.monotonic()
        while True:
            at_s = time.monotonic() - began
            for role, pids in {"up": [self.system.supervisor.pid], **self.system.processes()}.items():
                for pid in pids:
                    if (sample := _sample(pid, at_s)) is not None:
                        self.samples[role, pid].append(sample)
            self.own_fds.append(_open_files("self"))
            await asyncio.sleep(_EVERY_S)

    def lives(self) -> dict[str, list[tuple[float, float]]]:
        """Seconds and memory of the process of each role that was seen longest, to look at what grows."""
        longest: dict[str, list[Sample]] = {}
        for (role, _), samples in self.samples.items():
            longest[role] = max(longest.get(role, []), samples, key=len)
        return {role: [(round(each.at_s), round(each.rss_mb, 1)) for each in those] for role, those in longest.items()}

    def table(self) -> dict[str, dict[str, float]]:
        """Of each role: memory at the end, the most of it, open files, and what both grow in an hour.

        Growth is the median slope between any two samples of one process (Theil and Sen), for the process of the role
        that was seen longest; and of the role as a whole, between processes of the same age, since a process that is
        killed every minute shows no slow leak of its own. NaN: it was not seen for long enough.
        """
        found: dict[str, dict[str, float]] = {}
        for role in dict.fromkeys(role for role, _ in self.samples):
            lives = [samples for (name, _), samples in self.samples.items() if name == role]
            longest = max(lives, key=len)
            every = [sample for samples in lives for sample in samples]
            old = [sample for sample in longest if sample.age_s > _GROWN_UP_S]
            found[role] = {
                "processes": len(lives),
                "mb": round(every[-1].rss_mb, 1),
                "most_mb": round(max(sample.rss_mb for sample in every), 1),
                "most_fds": max(sample.fds for sample in every),
                "mb_per_h": _slope([(sample.at_s, sample.rss_mb) for sample in old]),
                "fds_per_h": _slope([(sample.at_s, sample.fds) for sample in old]),
                "role_mb_per_h": _slope(_by_life(lives)),
            }
        return found


def growing(table: dict[str, dict[str, float]]) -> list[str]:
    """Whose memory or open files grow beyond the bounds."""
    found = []
    for role, row in table.items():
        if role == "server":
            continue  # its memory follows what the journal holds, which grows until the retention has passed
        if row["mb_per_h"] > MOST_MB_PER_H or row["role_mb_per_h"] > MOST_MB_PER_H:
            found.append(f"{role}: memory grows by {max(row['mb_per_h'], row['role_mb_per_h']):.0f} MB an hour")
        if row["fds_per_h"] > MOST_FDS_PER_H:
            found.append(f"{role}: open files grow by {row['fds_per_h']:.0f} an hour")
    return found


def cpu_s(pid: int) -> float:
    """Processor time of a process, of its living descendants, and of those that have ended and were waited for."""
    total = 0.0
    todo = [pid]
    while todo:
        each = todo.pop()
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(map(int, fields[11:15])) / _TICKS
        todo += children(each)
    return total


def _open_files(pid: int | str) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _sample(pid: int, at_s: float) -> Sample | None:
    try:
        rss_mb = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MB
        started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) / _TICKS
        fds = _open_files(pid)
        age_s = float(Path("/proc/uptime").read_text().split()[0]) - started
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Sample(at_s, age_s, rss_mb, fds)


def _by_life(lives: list[list[Sample]]) -> list[tuple[float, float]]:
    """Of each process that lived for long enough, when and how much memory it had at the same age."""
    found = []
    for samples in lives:
        grown = [sample for sample in samples if sample.age_s > _GROWN_UP_S]
        if grown and grown[0].age_s < _GROWN_UP_S + 3 * _EVERY_S:
            found.append((grown[0].at_s, grown[0].rss_mb))
    return found


def _slope(points: list[tuple[float, float]]) -> float:
    """The median slope, per hour; NaN if there are too few points over too short a time."""
    if len(points) < _FEWEST or points[-1][0] - points[0][0] < _LONG_ENOUGH_S:
        return float("nan")
    step = max(1, len(points) // 300)  # the number of pairs grows with the square
    chosen = points[::step]
    slopes = [
        (y - other_y) / (x - other_x)
        for place, (x, y) in enumerate(chosen)
        for other_x, other_y in chosen[:place]
        if x > other_x
    ]
    return round(3600 * statistics.median(slopes), 2) if slopes else float("nan")
