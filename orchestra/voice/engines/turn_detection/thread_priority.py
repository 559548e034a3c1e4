"""Which of a process's threads runs when several could: the event loop, on which every call's audio waits, first."""

import os
import sys
import threading

import structlog

_LOG = structlog.get_logger("orchestra.voice")

#: how much a computing thread steps back, as Unix counts it. Where it shares a core with the event loop it then has a
#: tenth of what that wants, and whatever that leaves; less, and it would starve beside other busy processes
_NICENESS = 10


def lower_thread_priority() -> None:
    """Let the loop go before the thread that calls this: it is preempted when a frame comes, not at its next switch.

    Linux alone has priorities of single threads, and lets everyone lower theirs; elsewhere nothing changes.
    """
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    try:
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS)
    except OSError as error:  # a sandbox forbids it: calls are served all the same, fewer of them on a core
        _LOG.warning("thread.priority_kept", thread=threading.current_thread().name, error=str(error))
