"""Loads an app in a new process to read its name, version and phrases, or to find that changed files do not load.

The process must be new because Python imports each module only once.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from orchestra.endpointing import Endpointing
from orchestra.errors import AppError

_PRINT_PHRASES = """
import sys
import msgspec
from orchestra import load_app
app = load_app(sys.argv[1])
names = sys.argv[2].split(",")
sys.stdout.buffer.write(msgspec.json.encode({name: getattr(app, name) for name in names}))
"""


class AppPhrases(msgspec.Struct, frozen=True):
    """The name and version of an app, and what the edge says for it and how long it waits."""

    name: str
    version: str
    greeting: str
    holding: str
    apology: str
    still_there: str
    transfer_failed: str
    voicemail: str
    endpointing_by_agent: dict[str, Endpointing]
    fillers: tuple[tuple[str, str], ...]


async def load_app_phrases(app: str, folder: Path | None = None) -> AppPhrases:
    """Load the app at ``module:attribute`` in a new process, started in ``folder`` (here unless given).

    Raises:
        AppError: it cannot be loaded; the message is the last line that the process wrote.

    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PRINT_PHRASES, app, ",".join(AppPhrases.__struct_fields__), cwd=folder,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    if process.returncode == 0:
        return msgspec.json.decode(output, type=AppPhrases)
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    raise AppError(lines[-1] if lines else f"exit code {process.returncode}")
