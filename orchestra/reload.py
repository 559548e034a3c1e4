"""Reloading for development: one watcher, which restarts the processes that loaded the changed files."""

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import structlog
from watchfiles import Change, awatch

from orchestra.app_phrases import load_edge_lines
from orchestra.child_process import die_with_parent
from orchestra.errors import AppError

_LOG = structlog.get_logger("orchestra")
_CODE = (".py",)
_APP = (".py", ".md", ".txt", ".pdf")
_SKIPPED = {".venv", ".git", "__pycache__", "node_modules"}
#: an editor and a version control system write several files at once: they count as one change, in ms
_PAUSE_MS = 100


async def changed_files(
    folder: Path, suffixes: tuple[str, ...], stop: asyncio.Event | None = None
) -> AsyncIterator[list[str]]:
    """Yield the files with these endings that were written or removed below a folder, sorted, after each change.

    Ends when ``stop`` is set. If the system's limit of file watches is reached, the files are polled.
    """
    root = await asyncio.to_thread(folder.resolve)

    def matters(_: Change, path: str) -> bool:
        return path.endswith(suffixes) and _SKIPPED.isdisjoint(Path(path).relative_to(root).parts)

    polling: bool | None = None
    while stop is None or not stop.is_set():
        changes = awatch(
            root,
            watch_filter=matters,
            step=_PAUSE_MS,
            stop_event=stop,
            force_polling=polling,
            ignore_permission_denied=True,
        )
        try:
            async for found in changes:
                yield sorted({path for _, path in found})
        except (OSError, RuntimeError) as error:  # RuntimeError: raised by its notifier
            if polling:
                raise
            _LOG.warning("reload.polling", folder=str(root), error=str(error))
            polling = True


async def reload_on_change(folder: Path, app: str, restart: Callable[[], Awaitable[None]]) -> None:
    """Call ``restart`` each time files below a folder have changed and the app can be loaded. Never returns.

    Calls continue meanwhile, because their turns are in the journal.

    Args:
        folder: code, prompts and knowledge of the app.
        app: the app as ``module:attribute``.
        restart: restarts the processes that have loaded the app.

    """
    async for changed in changed_files(folder, _APP):
        try:
            await load_edge_lines(app, folder)
        except AppError as error:
            _LOG.error("stack.not_reloaded", changed=changed[0], problem=str(error))
            continue
        _LOG.info("stack.reloading", changed=changed[0], files=len(changed))
        await restart()


async def run_reloading(arguments: Sequence[str], folder: Path) -> int:
    """Run ``orchestra`` with these arguments in a child process, and restart it after every change below the folder.

    Returns the child's exit code once the child has ended because of SIGTERM or Ctrl-C to us.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    child = await _start(arguments)
    async for changed in changed_files(folder, _CODE, stop):
        _LOG.info("worker.reloading", changed=changed[0])
        await _end(child)
        child = await _start(arguments)
    return await _end(child)


async def _start(arguments: Sequence[str]) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestra.cli",
        *arguments,
        preexec_fn=die_with_parent(),
        start_new_session=True,  # Ctrl-C is ours; the child gets SIGTERM
    )


async def _end(child: Process) -> int:
    if child.returncode is None:
        child.terminate()
    return await child.wait()
