"""What a source of recorded entries is. A file of this package is one source: it has a ``SOURCE``."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from orchestra.bus import Entry, keys
from orchestra.bus.stream.stream_id import StreamId
from orchestra.replay.registry import Form, Registry
from orchestra.settings import Settings

#: gets one sentence for everything that is missing or damaged, at its place; the rest of the replay goes on
OnWarning = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are wanted. ``calls`` are whole ids, times are ms of the stream id (``until_ms`` excluded)."""

    calls: frozenset[str] | None = None
    since_ms: int = 0
    until_ms: int | None = None
    types: frozenset[str] | None = None
    streams: tuple[str, ...] = (keys.JOURNAL,)

    def matches(self, entry: Entry) -> bool:
        """Whether this entry is wanted."""
        return (
            (self.calls is None or entry.call in self.calls)
            and (self.types is None or entry.type in self.types)
            and entry.stream in self.streams
            and (not self.since_ms or self.since_ms <= StreamId.parse(entry.stream_id).ms)
            and not self.is_past(entry)
        )

    def is_past(self, entry: Entry) -> bool:
        """Whether this entry is too late, and with it every later one of its stream."""
        return self.until_ms is not None and StreamId.parse(entry.stream_id).ms >= self.until_ms


@dataclass(frozen=True, slots=True)
class SqlReading:
    """How `orchestra.analysis.query` reads a source.

    Attributes:
        settings: of the archive, and of the server.
        journal: whether the server's journal is a part of the source.
        rest: sources in it that SQL cannot read.

    """

    settings: Settings
    journal: bool
    rest: "Sequence[Source]" = ()


class Source(Protocol):
    """An open source."""

    def entries(self, wanted: Filter) -> AsyncGenerator[Entry]:
        """The wanted entries, ordered as in `orchestra.replay.position`."""

    def query_settings(self, settings: Settings, /) -> Settings:
        """The settings with which `orchestra.analysis.query` reads the same calls.

        Raises:
            UsageError: SQL cannot read this source.

        """

    def read_by_sql(self, settings: Settings, /) -> SqlReading | None:
        """How SQL reads what this source has, and nothing else; None if it cannot."""


class OpenSource(Protocol):
    """Opens a source."""

    def __call__(self, settings: Settings, text: str, on_warning: OnWarning, /) -> AbstractAsyncContextManager[Source]:
        """Open what the user named by this text.

        Raises:
            UsageError: it is not there.
            ServerError: its server cannot be used.

        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceType:
    """A kind of source: what a user writes for it, and how it is opened."""

    form: Form
    open: OpenSource


SOURCES: Registry[SourceType] = Registry("orchestra.replay.sources", "SOURCE")
