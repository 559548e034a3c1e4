"""Gives the event loop, which moves every call's audio, priority over the threads that compute."""

import os
import sys
import threading
from collections.abc import Callable

import structlog

_LOG = structlog.get_logger("orchestra.voice")

#: added to the thread's Unix niceness. On a core shared with the event loop the thread then gets a tenth of the time
#: that the loop wants, and all that it leaves; with a higher value it would starve beside other busy processes
_NICENESS = 10


def lower_thread_priority() -> None:
    """Lower the priority of the calling thread: it gets what the event loop leaves, and next to nothing on a busy core.

    Beside two other processes that want the same core, 50 ms of CPU time take half a second and more. Only for an event
    loop that would stutter otherwise. Only Linux has priorities per thread, and lets everybody lower their own;
    elsewhere this does nothing.
    """
    if sys.platform == "linux":
        _change(lambda me: os.setpriority(os.PRIO_PROCESS, me, os.getpriority(os.PRIO_PROCESS, me) + _NICENESS))


def preempt_no_thread() -> None:
    """Let the calling thread begin only when the core is free or its turn comes, with its full share of the core.

    The thread still competes with other processes as an equal, so it is not starved by them. Linux only.
    """
    if sys.platform == "linux":
        _change(lambda me: os.sched_setscheduler(me, os.SCHED_BATCH, os.sched_param(0)))


def _change(how: Callable[[int], None]) -> None:
    try:
        how(threading.get_native_id())
    except OSError as error:  # a sandbox forbids it: the edge works, with fewer calls per core
        _LOG.warning("thread.priority_kept", thread=threading.current_thread().name, error=str(error))
