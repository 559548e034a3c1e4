"""Gives the event loop, which moves every call's audio, priority over the threads that compute."""

import os
import sys
import threading

import structlog

_LOG = structlog.get_logger("orchestra.voice")

#: added to the thread's Unix niceness. On a core shared with the event loop the thread then gets a tenth of the time
#: that the loop wants, and all that it leaves; with a higher value it would starve beside other busy processes
_NICENESS = 10


def lower_thread_priority() -> None:
    """Lower the priority of the calling thread: a frame preempts it at once, not only at its next switch.

    Only Linux has priorities per thread, and lets everybody lower their own; elsewhere this does nothing.
    """
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    try:
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS)
    except OSError as error:  # a sandbox forbids it: the edge works, with fewer calls per core
        _LOG.warning("thread.priority_kept", thread=threading.current_thread().name, error=str(error))
