"""Good manners of processes: a child ends with its parent, and one that starts leaves the cores to those that serve."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None]:
    """A ``preexec_fn`` after which a child gets SIGTERM when its parent has ended.

    A parent that is killed cannot end its children itself. Linux only (prctl(2)); elsewhere nothing is done.
    """
    parent = os.getpid()

    def before_exec() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(0)

    return before_exec


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process, and threads that it starts, on one of its cores while the block runs.

    Importing and loading at start would take several cores for seconds, while other processes serve calls. Linux only;
    elsewhere, and if a sandbox forbids it, nothing is done.
    """
    cores = os.sched_getaffinity(0) if sys.platform == "linux" else set()
    if len(cores) > 1:
        _keep_to({sorted(cores)[os.getpid() % len(cores)]})
    try:
        yield
    finally:
        if len(cores) > 1:
            _keep_to(cores)


def _keep_to(cores: set[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended, or may not be moved; the process starts anyway
            os.sched_setaffinity(int(thread.name), cores)
