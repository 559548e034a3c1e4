"""Child processes: they end with their parent, and leave most cores to serving processes while they start."""

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

    A parent that is killed cannot end its children itself. Linux only (prctl(2)); elsewhere this does nothing.
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
    """Keep this process and the threads it starts on one core while the block runs.

    Importing and loading at start would take several cores for seconds, while other processes serve calls. Linux only;
    elsewhere, or if a sandbox forbids it, this does nothing.
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
