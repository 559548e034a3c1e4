"""Recorded calls, chosen by name or by selection, each with its events."""

from dataclasses import replace
from pathlib import Path

from orchestra.bus import Entry
from orchestra.errors import UsageError
from orchestra.replay.selection import Selection, decoded, entries
from orchestra.replay.sources.port import OnWarning
from orchestra.settings import Settings
from orchestra_schemas import Event


async def chosen_calls(
    settings: Settings, names: list[str], selection: Selection, source: str, on_warning: OnWarning
) -> dict[str, list[Event]]:
    """The events of each call, by its id (and the file it is from), in the order in which the calls began.

    Args:
        settings: where calls are kept.
        names: ids of calls, beginnings or ends of ids, or files of recorded journals.
        selection: which calls, if no ids are given; narrows the given ones otherwise.
        source: where to look, as `orchestra.replay.selection.entries` has it.
        on_warning: gets one sentence for everything that is damaged or missing.

    Raises:
        UsageError: no call fits.

    """
    files = _files(names)
    calls = tuple(name for name in names if name not in files)
    found: dict[str, list[Entry]] = {}
    for file in files:
        async for entry in entries(settings, selection, file, on_warning=on_warning):
            found.setdefault(f"{entry.call} in {file}", []).append(entry)
    if calls or not files:
        async for entry in entries(settings, replace(selection, calls=calls), source, on_warning=on_warning):
            found.setdefault(entry.call, []).append(entry)
    if not found:
        msg = "no recorded call fits: `orchestra calls list` shows what there is"
        raise UsageError(msg)
    return {name: list(decoded(kept, on_warning)) for name, kept in found.items()}


def _files(names: list[str]) -> list[str]:
    return [name for name in names if Path(name).is_file()]
