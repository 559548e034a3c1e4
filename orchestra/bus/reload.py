"""Running a worker anew whenever its code changes, for development."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from orchestra.process import die_with_parent

_LOG = structlog.get_logger("orchestra.bus")
_LOOK_S = 0.3
_SKIPPED = {".venv", ".git", "__pycache__", "node_modules"}


def stamps(folder: Path, suffixes: tuple[str, ...] = (".py",)) -> dict[str, int]:
    """Every Python file (or file with another ending) below a folder, with the time of its last change in ns."""
    found: dict[str, int] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each not in _SKIPPED]
        for name in names:
            if name.endswith(suffixes):
                path = Path(place, name)
                try:
                    found[str(path)] = path.stat().st_mtime_ns
                except FileNotFoundError:  # an editor replaces files
                    continue
    return found


def run_reloading(arguments: Sequence[str], folder: Path) -> int:
    """Run ``orchestra`` with these arguments in a child process, anew after every change below the folder.

    Returns the child's exit code once the child has ended because of SIGTERM or Ctrl-C to us.
    """
    stopping = False

    def stop(number: int, frame: object) -> None:  # noqa: ARG001 - the signal's own signature
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    before = stamps(folder)
    child = _start(arguments)
    while not stopping:
        time.sleep(_LOOK_S)
        now = stamps(folder)
        if now == before:
            continue
        changed = sorted(set(now.items()) ^ set(before.items()))
        _LOG.info("worker.reloading", changed=changed[0][0])
        before = now
        _end(child)
        child = _start(arguments)
    return _end(child)


def _start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "orchestra.cli", *arguments],
        preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only, and we have no threads
        start_new_session=True,  # Ctrl-C is ours; the child is told by SIGTERM
    )


def _end(child: subprocess.Popen[bytes]) -> int:
    if child.poll() is None:
        child.terminate()
    return child.wait()
