"""One supervised process of a stack."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from orchestra.async_tasks import cancel_and_wait
from orchestra.child_process import die_with_parent

_LOG = structlog.get_logger("orchestra.stack")

#: command that starts each process
_COMMAND = (sys.executable, "-m", "orchestra.cli")
#: an edge also gets the time for which its calls may continue
_STOP_WITHIN_S = 15.0
_LONGEST_BACKOFF_S = 10.0


@dataclass
class ChildProcess:
    """One supervised process. If it ends by itself it is started again, after a growing pause."""

    name: str
    arguments: Sequence[str]
    environment: dict[str, str]
    log_file: Path | None
    stop_within_s: float = _STOP_WITHIN_S
    process: asyncio.subprocess.Process | None = None
    failures: int = 0

    async def start(self) -> asyncio.subprocess.Process:
        """Start the process; it ends when this one does."""
        self.process = await self._started()
        return self.process

    async def replace(self, ready: Callable[[int], Coroutine[Any, Any, None]]) -> bool:
        """Start a new process beside the one that runs, and end that one as soon as the new one is ready.

        ``ready`` returns once the process with this id does its part. False: it ended before, and the old one stays.
        """
        old = self.process
        if old is None or old.returncode is not None:
            return True  # it is being started again as it is
        new = await self._started()
        does_its_part = asyncio.create_task(ready(new.pid))
        try:
            ended = asyncio.create_task(new.wait())
            await asyncio.wait({does_its_part, ended}, return_when=asyncio.FIRST_COMPLETED)
            if new.returncode is not None:
                return False
            does_its_part.result()
            self.process, new = new, old
            _LOG.info("stack.process_replaced", name=self.name)
            return True
        finally:  # now the one that is not wanted: the old one, or a new one that is not ready
            await asyncio.gather(cancel_and_wait(does_its_part), self._end(new))

    async def _started(self) -> asyncio.subprocess.Process:
        command = [*_COMMAND, *self.arguments]
        with contextlib.ExitStack() as files:
            errors = None if self.log_file is None else files.enter_context(self.log_file.open("ab"))
            return await asyncio.create_subprocess_exec(
                *command,
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then ends the others in order
                preexec_fn=die_with_parent(),
            )

    async def supervise(self) -> None:
        """Wait for the process and start it again, until cancelled."""
        while True:
            started = time.monotonic()
            process = self.process or await self.start()
            code = await process.wait()
            if self.process is not process:
                continue  # another one has taken its place
            self.failures = 0 if time.monotonic() - started > _LONGEST_BACKOFF_S else self.failures + 1
            pause = min(_LONGEST_BACKOFF_S, 0.1 * 2**self.failures)
            _LOG.warning("stack.process_ended", name=self.name, exit_code=code, restart_in_s=pause)
            self.process = None
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """End the process: SIGTERM, then SIGKILL if it does not end in time."""
        if self.process is not None:
            await self._end(self.process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(self.stop_within_s):
                await process.wait()
        except TimeoutError:
            _LOG.warning("stack.process_killed", name=self.name, after_s=self.stop_within_s)
            process.kill()
            await process.wait()

    def last_words(self) -> str:
        """The last line of the process's log, for an error message."""
        if self.log_file is None or not self.log_file.exists():
            return "see its output above"
        lines = self.log_file.read_text("utf-8", "replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} (whole log: {self.log_file})"
