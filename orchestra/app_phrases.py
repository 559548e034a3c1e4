"""Loads an app, or lines, in a new process to read names, versions and phrases, or to find that files do not load.

The process must be new because Python imports each module only once.
"""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from orchestra.endpointing import Endpointing
from orchestra.errors import AppError
from orchestra.lines import LinePlan
from orchestra.spoken_languages import AUTO, SpokenLanguages, in_language

if TYPE_CHECKING:
    from orchestra.agents.app import App
    from orchestra.agents.lines import Lines

_PRINT_LINES = """
import sys
import msgspec
from orchestra.agents.loader import load_lines
from orchestra.app_phrases import edge_lines
sys.stdout.buffer.write(msgspec.json.encode(edge_lines(load_lines(sys.argv[1]))))
"""


class EdgePhrases(msgspec.Struct, frozen=True):
    """What an edge says for an app in one language, as it is written; see `orchestra.App`."""

    greeting: str = ""
    holding: str = ""
    apology: str = ""
    still_there: str = ""
    transfer_failed: str = ""
    voicemail: str = ""
    introduction: str = ""
    consent: str | None = None


class AppPhrases(msgspec.Struct, frozen=True):
    """The name and version of an app, what the edge says for it, how long it waits, and whom the app transfers to."""

    name: str
    version: str
    speaks: SpokenLanguages
    said: dict[str, EdgePhrases]
    endpointing_by_agent: dict[str, Endpointing]
    fillers: tuple[tuple[str, str, float, str], ...]
    transfer_target: str = ""
    three_way: bool = False
    thinking_sound: str = ""
    speed: float = 1.0
    reads_out: bool = True
    pronunciations: dict[str, str | dict[str, str]] = {}
    every_keyterm: tuple[str, ...] = ()
    asks_variables: bool = False
    records: bool = True
    asks_consent: bool | None = None

    def said_in(self, language: str) -> EdgePhrases:
        """What the edge says in this language; of a language that neither app nor lines name, what it says first."""
        return in_language(self.said, language) or self.said[self.speaks.first]


class EdgeLines(msgspec.Struct, frozen=True):
    """What an edge needs of an `orchestra.Lines`: its apps, and which of them answers which line."""

    apps: tuple[AppPhrases, ...]
    plan: LinePlan | None = None


def edge_lines(lines: "Lines") -> EdgeLines:
    """What an edge needs of these lines."""
    of_lines = [rule.language for rule in lines.plan.rules.values()] if lines.plan is not None else []
    codes = [code for code in of_lines if code not in ("", AUTO)]
    return EdgeLines(tuple(_phrases(app, codes) for app in lines.apps), lines.plan)


def _phrases(app: "App", of_lines: Iterable[str]) -> AppPhrases:
    given = {name: getattr(app, name) for name in AppPhrases.__struct_fields__ if name != "said"}
    return AppPhrases(said={code: app.said_in(code) for code in (*app.speaks.all, *of_lines)}, **given)


async def load_edge_lines(app: str, folder: Path | None = None) -> EdgeLines:
    """Load the app or the lines at ``module:attribute`` in a new process, started in ``folder`` (here unless given).

    Raises:
        AppError: it cannot be loaded; the message is the last line that the process wrote.

    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PRINT_LINES, app, cwd=folder,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    if process.returncode == 0:
        return msgspec.json.decode(output, type=EdgeLines)
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    raise AppError(lines[-1] if lines else f"exit code {process.returncode}")
