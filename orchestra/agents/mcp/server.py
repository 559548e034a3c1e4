"""One MCP server as an app knows it: what it offers, and what is left of that while it is away.

::

    load      its list is asked for, or taken as it was kept    -> the app starts, whatever the server does
    away      it is asked again behind the scenes, ever more rarely
    worker    one connection from its start on, made again whenever it breaks; a changed list is fetched at once

What one process learns, all that share the data directory see: the list is kept there.
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

from orchestra.agents.mcp.catalog import Offer
from orchestra.atomic_file import write_atomically
from orchestra.errors import ToolFailed
from orchestra.settings import load_settings

if TYPE_CHECKING:
    from orchestra.agents.mcp.connection import Link, Place

_LOG = structlog.get_logger("orchestra.agents")

#: seconds that the start of an app waits for a list: of a server that it knows already, and of one that it does not
_KNOWN_S, _UNKNOWN_S = 3.0, 12.0
#: seconds for which a caller waits for a connection
_PATIENCE_S = 4.0
#: pauses between the attempts to learn the list of a server that was away at the start, s
_FIRST_RETRY_S, _LONGEST_RETRY_S = 2.0, 60.0


class McpServer:
    """A server, shared by all tools that it runs.

    Attributes:
        name: what it is called in logs: host and path of its address, or its program; never a secret.
        offers: its tools, None while nobody knows them.
        problem: why it did not answer when the app was loaded; empty if it did.

    """

    def __init__(self, place: "Place") -> None:
        self.name = _name(place)
        self.offers: tuple[Offer, ...] | None = None
        self.problem = ""
        self._place = place
        self._revision = 0
        self._stamp = 0
        self._link: Link | None = None
        key = msgspec.json.encode([place.server, dict(place.headers), dict(place.environment)])
        self._kept = load_settings().data_dir / "mcp" / f"{sha256(key).hexdigest()[:32]}.json"
        self._lock = threading.Lock()
        self._retrying: threading.Thread | None = None
        self.load()

    @property
    def revision(self) -> int:
        """Grows whenever the list has changed, here or in another process of this data directory."""
        try:
            stamp = self._kept.stat().st_mtime_ns
        except OSError:
            return self._revision
        if stamp != self._stamp:
            self._stamp = stamp
            self._take(self._read(), keep=False)
        return self._revision

    def look(self) -> str:
        """Ask the server for its list now; why it does not answer, "" if it does. Blocks."""
        return self._look(_UNKNOWN_S)

    def warm(self) -> None:
        """Connect, on the running event loop, so that no call has to wait for that."""
        self._opened()

    async def close(self) -> None:
        """End the connection."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def ready(self, tool: str) -> "Any | None":
        """What is to be awaited before a call, None if the connection stands."""
        return None if self._opened().is_open else self._connected(tool)

    async def call(self, tool: str, name: str, arguments: dict[str, Any]) -> str:
        """What the server's tool ``name`` answers; ``tool`` is what agents call it.

        Raises:
            ToolFailed: it failed, or the server is away.

        """
        from orchestra.agents.mcp.connection import AwayError  # noqa: PLC0415 - only where a server is used

        try:
            return await self._opened().call(name, arguments)
        except AwayError as error:
            raise _away(tool) from error

    async def _connected(self, tool: str) -> None:
        from orchestra.agents.mcp.connection import AwayError  # noqa: PLC0415

        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._opened().client()
        except (TimeoutError, AwayError) as error:
            raise _away(tool) from error

    def _opened(self) -> "Link":
        from orchestra.agents.mcp.connection import Link  # noqa: PLC0415

        if self._link is None or self._link.loop is not asyncio.get_running_loop():
            self._link = Link(self._place, self.name, self._take)
        return self._link

    def load(self) -> None:
        """Learn the list from the server, or else as it was kept, and then again as soon as it is back. Blocks."""
        kept = self._read()
        self.problem = self._look(_KNOWN_S if kept is not None else _UNKNOWN_S)
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

    def _look(self, within_s: float) -> str:
        """Ask for the list in a thread of its own, as an event loop may be running in this one."""
        from orchestra.agents.mcp.connection import AwayError, listed_once  # noqa: PLC0415

        failed: list[BaseException] = []

        async def look() -> None:
            async with asyncio.timeout(within_s):
                self._take(await listed_once(self._place))

        def run() -> None:
            try:
                asyncio.run(look())
            except BaseException as error:  # noqa: BLE001 - told to whoever waits for this thread
                failed.append(error)

        thread = threading.Thread(target=run, name="mcp list", daemon=True)
        thread.start()
        thread.join()
        if not failed:
            return ""
        slow = f"it has not answered within {within_s:g} s"
        return str(failed[0]) if isinstance(failed[0], AwayError) else slow

    def _take(self, offers: "list[Offer] | tuple[Offer, ...] | None", *, keep: bool = True) -> None:
        if offers is None:
            return
        with self._lock:
            if self.offers == tuple(offers):
                return
            self.offers = tuple(offers)
            self._revision += 1
            if keep:
                self._keep()

    def _read(self) -> list[Offer] | None:
        try:
            return msgspec.json.decode(self._kept.read_bytes(), type=list[Offer])
        except (OSError, msgspec.MsgspecError):
            return None

    def _keep(self) -> None:
        """Keep the list for the other processes, and for a start without the server; without it if that fails."""
        with suppress(OSError, UnicodeError):
            self._kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._kept, msgspec.json.encode(self.offers), mode=0o600)
            self._stamp = self._kept.stat().st_mtime_ns


def _retry(server: "Callable[[], McpServer | None]") -> None:
    """Learn the list as soon as the server is back, for as long as somebody uses it."""
    pause = _FIRST_RETRY_S
    waits = threading.Event()
    while True:
        waits.wait(pause)
        found = server()
        if found is None:
            return
        if not found.look():
            found.problem = ""
            _LOG.info("mcp.back", server=found.name, tools=len(found.offers or ()))
            return
        del found
        pause = min(_LONGEST_RETRY_S, pause * 2)


def _away(tool: str) -> ToolFailed:
    return ToolFailed(f"{tool} is away right now: nothing was done. Tell the caller that this cannot be done just now.")


def _name(place: "Place") -> str:
    if isinstance(place.server, str):
        url = urlsplit(place.server)
        return f"{url.scheme}://{url.hostname or ''}{f':{url.port}' if url.port else ''}{url.path}"
    shown = [part for part in place.server[1:] if not part.startswith("-") and "=" not in part and "://" not in part]
    return " ".join([PurePath(place.server[0]).name, *(Path(part).name for part in shown[:1])])
