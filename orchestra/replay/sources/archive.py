"""The archive: the configured one, or one in a folder or at any URL that fsspec knows."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orchestra.bus import Entry, keys
from orchestra.errors import UsageError
from orchestra.replay.blocking_sources import in_thread
from orchestra.replay.registry import Form
from orchestra.replay.sources.port import Filter, OnWarning, Source, SourceType, SqlReading
from orchestra.settings import Settings

if TYPE_CHECKING:
    from orchestra.archive.archive import Archive

_ARCHIVE = "archive"


class ArchiveSource:
    """The archived journals; an archive has no media streams."""

    def __init__(self, archive: "Archive", on_warning: OnWarning) -> None:
        self._archive = archive
        self._on_warning = on_warning

    async def entries(self, wanted: Filter) -> AsyncGenerator[Entry]:
        """The archived entries; warns if the archive cannot be read to its end."""
        if keys.JOURNAL not in wanted.streams:
            return
        # in the middle of a ms, so that cutting the fraction off gives the same ms again
        until = None if wanted.until_ms is None else (wanted.until_ms + 0.5) / 1000
        since = (wanted.since_ms + 0.5) / 1000 if wanted.since_ms else None
        found = self._archive.entries(calls=wanted.calls, since=since, until=until, types=wanted.types)
        try:
            async for entry in in_thread(found):
                yield entry
        except OSError as error:
            self._on_warning(f"the archive {self._archive.root} cannot be read further: {error}")

    def query_settings(self, settings: Settings) -> Settings:
        """The same settings with this archive."""
        return settings.model_copy(update={"archive_url": self._archive.root.location})

    def read_by_sql(self, settings: Settings) -> SqlReading:
        """The archive without the journal."""
        return SqlReading(self.query_settings(settings), journal=False)


@asynccontextmanager
async def open_archive(settings: Settings, text: str, on_warning: OnWarning) -> AsyncIterator[Source]:
    """Open the archive of the settings, or the one in a folder or at a URL.

    Raises:
        UsageError: there is none, or it cannot be reached.
        MissingExtraError: its extra is not installed.

    """
    root = settings.archive if text == _ARCHIVE else text
    yield ArchiveSource(await asyncio.to_thread(_archive, root), on_warning)


def _archive(root: str) -> "Archive":
    from orchestra.archive.archive import Archive  # noqa: PLC0415 - an extra

    try:
        archive = Archive(root)
        if not archive.root.names():
            msg = f"there is no archive at {root}: `orchestra worker archive` writes one"
            raise UsageError(msg)
    except OSError as error:
        msg = f"the archive at {root} cannot be reached: {error}"
        raise UsageError(msg) from error
    return archive


SOURCE = SourceType(
    form=Form(
        words=(_ARCHIVE,),
        matches=lambda text: Path(text).is_dir(),
        fallback=lambda text: "://" in text,  # fsspec knows dozens of schemes
        description="the folder or URL of an archive",
    ),
    open=open_archive,
)
