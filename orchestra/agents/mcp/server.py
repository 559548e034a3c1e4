"""One MCP server of an app: its tools, or their cached list while it is unavailable.

::

    load      its list is fetched, or read from the cache    -> the app starts in any case
    away      it is asked again in the background, with growing pauses
    worker    one connection from the start, replaced whenever it breaks; a changed list is fetched at once

The list is cached in the data directory, so that a list fetched by one process is seen by all that share the directory.
"""

import asyncio
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import structlog

from orchestra.agents.mcp.catalog import ListedTool
from orchestra.atomic_file import write_atomically
from orchestra.errors import ToolFailed, UnreachableError
from orchestra.settings import load_settings

if TYPE_CHECKING:
    from orchestra.agents.mcp.connection import Connection, ServerAddress

_LOG = structlog.get_logger("orchestra.agents")

#: how long the start of an app waits for a list, in seconds: with a cached list, and without one
_KNOWN_S, _UNKNOWN_S = 3.0, 12.0
#: how long a caller waits for a connection, in seconds
_PATIENCE_S = 4.0
#: pauses between attempts to fetch the list of a server that was unavailable at the start, in seconds
_FIRST_RETRY_S, _LONGEST_RETRY_S = 2.0, 60.0


class McpServer:
    """A server, shared by all of its tools.

    Attributes:
        name: its name in logs, without secrets: host and path of its address, or its program.
        listing: its tools, None while they are unknown.
        problem: why it did not answer when the app was loaded; empty if it did.

    """

    def __init__(self, address: "ServerAddress") -> None:
        self.name = _name(address)
        self.listing: tuple[ListedTool, ...] | None = None
        self.problem = ""
        self._address = address
        self._revision = 0
        self._stamp = 0
        self._connection: Connection | None = None
        key = msgspec.json.encode([address.server, dict(address.headers), dict(address.environment)])
        self._cache_file = load_settings().data_dir / "mcp" / f"{sha256(key).hexdigest()[:32]}.json"
        self._lock = threading.Lock()
        self._retrying: threading.Thread | None = None
        self.load()

    @property
    def revision(self) -> int:
        """Grows whenever the list changes, here or in another process that shares the data directory."""
        try:
            stamp = self._cache_file.stat().st_mtime_ns
        except OSError:
            return self._revision
        if stamp != self._stamp:
            self._stamp = stamp
            self._take(self._read_cache(), keep=False)
        return self._revision

    def probe(self) -> str:
        """Fetch the list now. Returns why the server does not answer, "" if it does. Blocks."""
        return self._probe(_UNKNOWN_S)

    def warm(self) -> None:
        """Connect, on the running event loop, so that no call has to wait for it."""
        self._open()

    async def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def ready(self, tool: str) -> "Any | None":
        """An awaitable for the connection; None if it is open."""
        return None if self._open().is_open else self._connected(tool)

    async def call(self, tool: str, name: str, arguments: dict[str, Any]) -> str:
        """Call the server's tool ``name``, which agents know as ``tool``; returns its result.

        Raises:
            ToolFailed: it failed, or the server is unavailable.

        """
        try:
            return await self._open().call(name, arguments)
        except UnreachableError as error:
            raise _away(tool) from error

    async def _connected(self, tool: str) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._open().client()
        except (TimeoutError, UnreachableError) as error:
            raise _away(tool) from error

    def _open(self) -> "Connection":
        from orchestra.agents.mcp.connection import Connection  # noqa: PLC0415

        if self._connection is None or self._connection.loop is not asyncio.get_running_loop():
            self._connection = Connection(self._address, self.name, self._take)
        return self._connection

    def load(self) -> None:
        """Fetch the list, or read it from the cache and fetch it as soon as the server is back. Blocks."""
        kept = self._read_cache()
        self.problem = self._probe(_KNOWN_S if kept is not None else _UNKNOWN_S)
        if not self.problem:
            return
        if kept is not None:
            self._take(kept, keep=False)
        _LOG.error(
            "mcp.away",
            server=self.name,
            problem=self.problem,
            tools="none of its tools is known yet" if kept is None else "known from before, and away until it is back",
        )
        if self._retrying is None or not self._retrying.is_alive():
            self._retrying = threading.Thread(target=_retry, args=(weakref.ref(self),), name="mcp retry", daemon=True)
            self._retrying.start()

    def _probe(self, within_s: float) -> str:
        """Fetch the list in a separate thread, because an event loop may be running in this one."""
        from orchestra.agents.mcp.connection import list_tools_once  # noqa: PLC0415

        failed: list[BaseException] = []

        async def probe() -> None:
            async with asyncio.timeout(within_s):
                self._take(await list_tools_once(self._address))

        def run() -> None:
            try:
                asyncio.run(probe())
            except BaseException as error:  # noqa: BLE001 - reported by the thread that waits for this one
                failed.append(error)

        thread = threading.Thread(target=run, name="mcp list", daemon=True)
        thread.start()
        thread.join()
        if not failed:
            return ""
        slow = f"it has not answered within {within_s:g} s"
        return str(failed[0]) if isinstance(failed[0], UnreachableError) else slow

    def _take(self, listing: "list[ListedTool] | tuple[ListedTool, ...] | None", *, keep: bool = True) -> None:
        if listing is None:
            return
        with self._lock:
            if self.listing == tuple(listing):
                return
            self.listing = tuple(listing)
            self._revision += 1
            if keep:
                self._write_cache()

    def _read_cache(self) -> list[ListedTool] | None:
        try:
            return msgspec.json.decode(self._cache_file.read_bytes(), type=list[ListedTool])
        except (OSError, msgspec.MsgspecError):
            return None

    def _write_cache(self) -> None:
        """Cache the list for other processes and for a start without the server; a failure is ignored."""
        with suppress(OSError, UnicodeError):
            self._cache_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._cache_file, msgspec.json.encode(self.listing), mode=0o600)
            self._stamp = self._cache_file.stat().st_mtime_ns


def _retry(server: "Callable[[], McpServer | None]") -> None:
    """Fetch the list as soon as the server is back, while the server is in use."""
    pause = _FIRST_RETRY_S
    waits = threading.Event()
    while True:
        waits.wait(pause)
        found = server()
        if found is None:
            return
        if not found.probe():
            found.problem = ""
            _LOG.info("mcp.back", server=found.name, tools=len(found.listing or ()))
            return
        del found
        pause = min(_LONGEST_RETRY_S, pause * 2)


def _away(tool: str) -> ToolFailed:
    return ToolFailed(f"{tool} is away right now: nothing was done. Tell the caller that this cannot be done just now.")


def _name(address: "ServerAddress") -> str:
    if isinstance(address.server, str):
        url = urlsplit(address.server)
        return f"{url.scheme}://{url.hostname or ''}{f':{url.port}' if url.port else ''}{url.path}"
    shown = [part for part in address.server[1:] if not part.startswith("-") and "=" not in part and "://" not in part]
    return " ".join([PurePath(address.server[0]).name, *(Path(part).name for part in shown[:1])])
