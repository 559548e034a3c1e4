"""Starts the workers of a running stack anew when the app's files change; calls go on, their turns are durable."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from orchestra.bus.reload import stamps

_LOG = structlog.get_logger("orchestra")
_LOOK_S = 0.3
_CHECK = "import sys; from orchestra import load_app; load_app(sys.argv[1])"
_SUFFIXES = (".py", ".md", ".txt", ".pdf")


async def reload_on_change(folder: Path, app: str, restart: Callable[[], Awaitable[None]]) -> None:
    """Look for changed files below a folder, for ever; each time the app can be loaded then, ``restart``.

    Args:
        folder: code, prompts and knowledge of the app.
        app: where it is, ``module:attribute``.
        restart: has the processes take up the app anew.

    """
    before = await asyncio.to_thread(stamps, folder, _SUFFIXES)
    while True:
        await asyncio.sleep(_LOOK_S)
        now = await asyncio.to_thread(stamps, folder, _SUFFIXES)
        if now == before:
            continue
        changed = sorted({path for path, _ in set(now.items()) ^ set(before.items())})
        before = now
        problem = await _problem(app, folder)
        if problem:
            _LOG.error("stack.not_reloaded", changed=changed[0], problem=problem)
            continue
        _LOG.info("stack.reloading", changed=changed[0], files=len(changed))
        await restart()


async def _problem(app: str, folder: Path) -> str:
    """Why the app cannot be loaded as it is now, in a line; empty if it can."""
    check = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _CHECK,
        app,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await check.communicate()
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return "" if check.returncode == 0 else lines[-1] if lines else f"exit code {check.returncode}"
