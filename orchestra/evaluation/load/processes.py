"""What the processes of a running system take: processor time and memory, from Linux's ``/proc``."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

_PROC = Path("/proc")
_STACK_COMMAND = b"orchestra.cli"


class ProcessUse(msgspec.Struct, frozen=True, kw_only=True):
    """What one process took while it was watched: ``cores`` on average and at most in a second, memory in MB.

    ``grown_mb`` is how much more memory it has at the end than at the beginning. ``restarts``: it ended, and another
    one with its name took its place.
    """

    name: str
    cores: float
    most_cores: float
    mb: float
    most_mb: float
    grown_mb: float
    restarts: int = 0


class _Watched:
    def __init__(self, pid: int, cpu_s: float, mb: float) -> None:
        self.pid = pid
        self.cpu_s = cpu_s  # when it was looked at last
        self.used_s = 0.0
        self.most_cores = 0.0
        self.first_mb = self.mb = self.most_mb = mb
        self.restarts = 0


class ProcessMeter:
    """Watches the children of a stack's process, by name, and this process as ``callers``.

    Args:
        supervisor: the process that has started the others; 0: the system does not run on this machine.

    """

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor
        self._watched: dict[str, _Watched] = {}
        self._began = self._looked = time.monotonic()
        self.look()

    def look(self) -> None:
        """Measure what was used since the last time; call it about once a second."""
        now = time.monotonic()
        seconds, self._looked = now - self._looked, now
        for name, pid in self._processes():
            try:
                cpu_s, mb = _cpu_s(pid), _mb(pid)
            except (OSError, ValueError, IndexError):
                continue  # it has ended meanwhile, or there is no /proc
            watched = self._watched.setdefault(name, _Watched(pid, cpu_s, mb))
            if watched.pid != pid:
                watched.pid, watched.cpu_s, watched.restarts = pid, 0.0, watched.restarts + 1
            used_s = cpu_s - watched.cpu_s
            watched.cpu_s, watched.mb, watched.most_mb = cpu_s, mb, max(watched.most_mb, mb)
            watched.used_s += used_s
            if seconds > 0:
                watched.most_cores = max(watched.most_cores, used_s / seconds)

    @property
    def uses(self) -> tuple[ProcessUse, ...]:
        """What each process took so far; empty where the system cannot tell."""
        seconds = max(1e-6, self._looked - self._began)
        return tuple(
            ProcessUse(
                name=name,
                cores=round(each.used_s / seconds, 3),
                most_cores=round(each.most_cores, 3),
                mb=round(each.mb, 1),
                most_mb=round(each.most_mb, 1),
                grown_mb=round(each.mb - each.first_mb, 1),
                restarts=each.restarts,
            )
            for name, each in self._watched.items()
        )

    def _processes(self) -> Iterator[tuple[str, int]]:
        yield "callers", os.getpid()
        own = {os.getpid()}
        if self._supervisor not in (0, os.getpid()):
            yield "up", self._supervisor
        for pid in _descendants(self._supervisor) if self._supervisor else ():
            if pid not in own and (name := _name(pid)):
                yield name, pid


def _descendants(pid: int) -> Iterator[int]:
    try:
        threads = [thread / "children" for thread in (_PROC / str(pid) / "task").iterdir()]
        children = [int(child) for path in threads for child in path.read_text().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from _descendants(child)


def _name(pid: int) -> str:
    """``edge-1``, ``orchestration``, ``valkey-server``: as the stack calls it; empty: it has ended."""
    try:
        command = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        environment = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    if not command[0]:
        return ""
    if _STACK_COMMAND not in command:
        return _comm(pid)
    what, *more = [part.decode(errors="replace") for part in command[command.index(_STACK_COMMAND) + 1 :] if part]
    edge = next((each for each in environment if each.startswith(b"ORCHESTRA_EDGE_NAME=")), b"")
    return edge.partition(b"=")[2].decode() or (" ".join(more) if what == "worker" else what)


def _comm(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def _cpu_s(pid: int) -> float:
    """Processor time of all its threads so far; see proc_pid_stat(5), where the command may contain spaces."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _mb(pid: int) -> float:
    return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
