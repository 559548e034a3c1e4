"""Recorded entries as JSON lines on standard output; `orchestra.replay.sources.json_lines` reads them again."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orchestra.bus import Entry
from orchestra.printable import escaped
from orchestra.replay.registry import Form
from orchestra.replay.selection import Selection
from orchestra.replay.sources.json_lines import encode_line
from orchestra.replay.targets.port import ReplayResult, Report, Target, TargetOptions, TargetType


class JsonPrinter:
    """Prints entries as JSON lines.

    Args:
        prompt: every line is flushed, because somebody is watching.

    """

    def __init__(self, *, prompt: bool) -> None:
        self._prompt = prompt

    def narrow(self, selection: Selection) -> Selection:
        """All of it."""
        return selection

    async def already_taken(self, entry: Entry) -> None:
        """It was printed before."""

    async def take(self, entry: Entry) -> None:
        """Print the entry.

        Raises:
            BrokenPipeError: the reader has closed the pipe.

        """
        line = escaped(encode_line(entry).decode("utf-8", "surrogateescape"))
        sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")
        if self._prompt:
            await self.flush()

    async def flush(self) -> None:
        """Bring the lines to their reader."""
        sys.stdout.buffer.flush()

    async def report(self, _result: ReplayResult) -> Report:
        """The lines say it all."""
        return Report()


@asynccontextmanager
async def _open(options: TargetOptions) -> AsyncIterator[Target]:
    try:
        yield JsonPrinter(prompt=options.paced or sys.stdout.isatty())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at its end
        raise


TARGET = TargetType(form=Form(words=("terminal",), description=""), open=_open, prints=True)
