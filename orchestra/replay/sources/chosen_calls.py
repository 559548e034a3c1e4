"""The recorded calls that were asked for, by name or by selection, each with its events."""

from dataclasses import replace
from pathlib import Path

from orchestra.bus import Entry
from orchestra.errors import UsageError
from orchestra.replay.sources.selection import Selection, decoded, entries
from orchestra.replay.sources.sources import OnWarning
from orchestra.settings import Settings
from orchestra_schemas import Event


async def chosen_calls(
    settings: Settings, names: list[str], selection: Selection, source: str, on_warning: OnWarning
) -> dict[str, list[Event]]:
    """The events of each call, by its id (and its file, if one was named), in order of their beginning.

    Args:
        settings: where calls are kept.
        names: ids of calls, or a beginning or end of one, or files of kept journals.
        selection: which others, beside those that are named; what is not said is not asked for.
        source: where to look, as `orchestra.replay.sources.selection.entries` has it.
        on_warning: told of what is damaged or missing.

    Raises:
        UsageError: there is no such call.

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
