"""One supervised process of a stack."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

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
    #: it was stopped so that it loads the app again
    reloads: bool = False

    async def start(self) -> asyncio.subprocess.Process:
        """Start the process; it ends when this one does."""
        command = [*_COMMAND, *self.arguments]
        with contextlib.ExitStack() as files:
            errors = None if self.log_file is None else files.enter_context(self.log_file.open("ab"))
            self.process = await asyncio.create_subprocess_exec(
                *command,
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then ends the others in order
                preexec_fn=die_with_parent(),
            )
        return self.process

    async def supervise(self) -> None:
        """Wait for the process and start it again, until cancelled."""
        while True:
            started = time.monotonic()
            process = self.process or await self.start()
            code = await process.wait()
            self.failures = 0 if time.monotonic() - started > _LONGEST_BACKOFF_S else self.failures + 1
            pause = min(_LONGEST_BACKOFF_S, 0.1 * 2**self.failures)
            if self.reloads and code == 0:
                self.failures, pause = 0, 0.0
                _LOG.info("stack.process_reloads", name=self.name)
            else:
                _LOG.warning("stack.process_ended", name=self.name, exit_code=code, restart_in_s=pause)
            self.reloads = False
            self.process = None
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """End the process: SIGTERM, then SIGKILL if it does not end in time."""
        process = self.process
        if process is None or process.returncode is not None:
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
