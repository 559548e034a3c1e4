"""Everything that this installation keeps: the archive, the journal of its server, and the journals of demo runs."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from orchestra.bus import Entry, keys
from orchestra.errors import ServerError, UsageError
from orchestra.replay.position import merge
from orchestra.replay.registry import Form
from orchestra.replay.sources.archive import open_archive
from orchestra.replay.sources.json_lines import JsonLines, file_entries
from orchestra.replay.sources.port import Filter, OnWarning, Source, SourceType, SqlReading
from orchestra.replay.sources.redis_journal import open_journal
from orchestra.settings import Settings

_RUNS = "demo-runs"
_JOURNAL_FILE = "journal.jsonl"
#: a call's first event is stored within this many ms of the moment in its id
_FIRST_WITHIN_MS = 60_000


class MergedSource:
    """Several sources as one.

    Args:
        stores: an archive and a journal, which SQL can read.
        files: of JSON lines, which it cannot.

    """

    def __init__(self, stores: Sequence[Source], files: Sequence[JsonLines] = ()) -> None:
        self._stores = stores
        self._files = files

    async def entries(self, wanted: Filter) -> AsyncGenerator[Entry]:
        """Their entries, each once."""
        async for entry in merge([source.entries(wanted) for source in (*self._stores, *self._files)]):
            yield entry

    def without_files(self) -> "MergedSource":
        """The archive and the journal alone: what this installation's own events belong to."""
        return MergedSource(self._stores)

    def query_settings(self, settings: Settings) -> Settings:
        """The settings with the archive and the server that are there."""
        for source in self._stores or self._files:
            settings = source.query_settings(settings)
        return settings

    def read_by_sql(self, settings: Settings) -> SqlReading | None:
        """The archive and the journal; the files are read otherwise."""
        return SqlReading(self.query_settings(settings), journal=True, rest=self._files) if self._stores else None


def demo_journals(data_dir: Path) -> list[Path]:
    """The journals of the demo runs in a data directory, the latest first."""
    return sorted((data_dir / _RUNS).glob(f"*/{_JOURNAL_FILE}"), reverse=True)


@asynccontextmanager
async def _open(settings: Settings, _text: str, on_warning: OnWarning) -> AsyncIterator[Source]:
    async with AsyncExitStack() as stack:
        stores: list[Source] = []
        try:
            stores.append(await stack.enter_async_context(open_archive(settings, "archive", on_warning)))
        except UsageError as error:
            if settings.archive_url is not None or settings.archive_dir is not None:
                on_warning(str(error))
        try:
            stores.append(await stack.enter_async_context(open_journal(settings, "journal", on_warning)))
        except ServerError as error:
            if settings.redis_url is not None:  # without one a server is started on demand, and none is missing
                on_warning(str(error))
        yield MergedSource(stores, await _runs_of_their_own(settings, stores, on_warning))


async def _runs_of_their_own(settings: Settings, stores: Sequence[Source], on_warning: OnWarning) -> list[JsonLines]:
    """The journals of demo runs whose call is in no archive and on no server."""
    files = []
    for path in demo_journals(settings.data_dir):
        first = next(file_entries(path, on_warning), None)
        if first is not None and not await _has(MergedSource(stores), first.call):
            files.append(JsonLines(path, on_warning))
    return files


async def _has(source: Source, call: str) -> bool:
    window = Filter(calls=frozenset({call}), until_ms=keys.started_ms(call) + _FIRST_WITHIN_MS)
    return any([True async for _ in source.entries(window)])


SOURCE = SourceType(form=Form(words=("auto",), description=""), open=_open)
