"""What processes owe each other: a child ends with its parent, and one that starts leaves cores to those that serve."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None]:
    """What to run in a child before exec (``preexec_fn``), so that it gets SIGTERM when its parent is gone.

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
    """Keep this process to one of its cores while the block runs, and what threads it starts in it.

    What a process imports and loads when it starts takes several cores for seconds, and beside it others serve calls.
    Linux only; elsewhere, and where a sandbox forbids it, nothing is done.
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
        with suppress(OSError):  # it has ended, or may not be moved: the process starts all the same
            os.sched_setaffinity(int(thread.name), cores)
