"""Child processes that never outlive the process that started them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

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
