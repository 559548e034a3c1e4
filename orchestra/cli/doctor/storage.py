"""`orchestra doctor` on storage: whether recordings and archive can be reached with these credentials."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orchestra.cli.doctor.finding import Finding
from orchestra.errors import MissingExtraError
from orchestra.hide_secrets import without_secrets

if TYPE_CHECKING:
    from orchestra.settings import Settings

_WITHIN_S = 15.0


async def places(settings: "Settings") -> list[Finding]:
    """Check the locations in the settings, except those in the data directory."""
    named = (("recordings", settings.recordings_url), ("archive", settings.archive_url))
    return [await _place(what, str(url)) for what, url in named if url]


async def _place(what: str, url: str) -> Finding:
    shown = without_secrets(url)
    try:
        async with asyncio.timeout(_WITHIN_S):
            problem = await asyncio.to_thread(_problem, url)
    except MissingExtraError as error:
        problem = str(error)
    except TimeoutError:
        problem = f"{shown} does not answer within {_WITHIN_S:g} s"
    except Exception as error:  # noqa: BLE001 - each driver has errors of its own, and each is the answer here
        told = " ".join(str(error).split())
        problem = f"{shown} cannot be opened: {type(error).__name__}{': ' * bool(told)}{told}"
    return Finding(what, not problem, without_secrets(problem) or f"{shown} can be opened")


def _problem(url: str) -> str:
    """Why a location cannot be used; empty if it can. Blocks."""
    from orchestra.filesystem import FileRoot

    place = FileRoot(url)
    place.names()
    if place.folder is None:
        return ""
    there = next(each for each in _upwards(place.folder) if each.exists())
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    return "" if writable else f"{place.folder} cannot be written: {there} is not a folder that this user may write to"


def _upwards(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents
