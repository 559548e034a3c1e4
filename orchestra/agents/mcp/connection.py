"""The connection of one event loop to an MCP server: reconnects whenever it breaks, and follows the list of tools."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED, ToolListChangedNotification
from mcp_types import Tool as McpTool
from pydantic import ValidationError

from orchestra.agents.mcp.catalog import ListedTool
from orchestra.agents.mcp.results import carriable_text, result_text
from orchestra.agents.mcp.transports import BROKEN_OFF, UNREACHABLE, HttpClient, RepairedStream, over_stdio
from orchestra.errors import ToolFailed, UnreachableError

_LOG = structlog.get_logger("orchestra.agents")

#: seconds for a server to start, greet and list its tools
CONNECTED_WITHIN_S = 20.0
#: pauses between attempts to reach an unavailable server, in seconds
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
#: seconds after which a connection counts as good; after this many shorter ones in a row there is a pause
_GOOD_S, _SHORT_ONES = 5.0, 5
#: unanswered calls in a row after which the connection is replaced
_UNANSWERED = 3
#: the list is fetched again no sooner than this, in seconds
_LISTED_EVERY_S = 1.0
#: maximum pages and tools of a list: the list of a faulty server may never end
_PAGES, _TOOLS = 100, 256
#: error codes of servers that have lost the session, for example by a restart
_SESSION_LOST = frozenset({-32600, -32000, -32001})
_MODERN = "2026"


@dataclass(frozen=True)
class ServerAddress:
    """The address of a server, and the credentials for it; its representation shows no secret."""

    server: str | tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


async def list_tools_once(address: ServerAddress) -> list[ListedTool]:
    """A server's tools, through a connection made for this purpose only.

    Raises:
        UnreachableError: it cannot be reached, or does not answer in time.

    """
    try:
        async with asyncio.timeout(CONNECTED_WITHIN_S), _open(address) as client:
            return await _list_tools(client)
    except TimeoutError:
        raise UnreachableError(_SLOW) from None


class Connection:
    """A connection that is kept open by its own task.

    Args:
        address: where the server is.
        name: its name in the log.
        on_listing: called with the server's tools whenever they may have changed.

    """

    def __init__(self, address: ServerAddress, name: str, on_listing: Callable[[list[ListedTool]], None]) -> None:
        self._address = address
        self._name = name
        self._on_listing = on_listing
        self.loop = asyncio.get_running_loop()
        self._attempt: asyncio.Future[Client] = self.loop.create_future()
        self._unanswered, self._closed = 0, False
        self._gone, self._news, self._wanted = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._task = self.loop.create_task(self._run(), name=f"mcp {name}")

    @property
    def is_open(self) -> bool:
        """Whether a call can be sent at once."""
        return self._attempt.done() and self._attempt.exception() is None

    async def client(self) -> Client:
        """The client, as soon as it is connected. During a pause after a failure, one more attempt is made at once.

        Raises:
            UnreachableError: that attempt failed as well.

        """
        if self._attempt.done() and self._attempt.exception() is not None:
            self._attempt = self.loop.create_future()
            self._wanted.set()
        return await asyncio.shield(self._attempt)

    async def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """Call a tool and return its result as text. A call that did not reach the server is sent once more.

        Raises:
            UnreachableError: the server is unavailable; nothing was sent.
            ToolFailed: the tool or the server reports a failure, or the outcome is not known.

        """
        for last in (False, True):
            client = await self.client()
            try:
                result = await client.call_tool(tool, arguments)
                self._unanswered = 0
            except asyncio.CancelledError:  # timed out: each of them would occupy a connection to a server that hangs
                self._unanswered += 1
                if self._unanswered >= _UNANSWERED:
                    self._unanswered = 0
                    self._lost(client)
                raise
            except MCPError as error:
                self._unanswered = 0
                if error.code != UNREACHABLE and not _knows_us_not(error):
                    raise self._failed(error, client) from error
                self._lost(client)
                if last:
                    raise UnreachableError(error.message) from error
            except (ValidationError, RuntimeError) as error:
                _LOG.warning("mcp.unreadable", server=self._name, tool=tool, error=type(error).__name__)
                msg = "It answered in a form that cannot be read; its outcome is not known."
                raise ToolFailed(msg) from error
            else:
                if result.is_error:
                    raise ToolFailed(result_text(result) if result.content else f"{tool} failed.")
                return result_text(result)
        raise AssertionError

    async def close(self) -> None:
        """End the connection, and the server if this process has started it."""
        self._closed = True
        self._task.cancel()
        await asyncio.wait({self._task})

    def _failed(self, error: MCPError, client: Client) -> ToolFailed:
        if error.code not in {CONNECTION_CLOSED, BROKEN_OFF}:
            return ToolFailed(carriable_text(error.message))
        if error.code == CONNECTION_CLOSED:
            self._lost(client)
        return ToolFailed(
            f"Its server went away while it ran ({carriable_text(error.message)}); its outcome is not known."
        )

    def _lost(self, client: Client) -> None:
        """Give up this connection."""
        if self.is_open and self._attempt.result() is client:
            self._end()

    def _end(self) -> None:
        if self.is_open:
            self._attempt = self.loop.create_future()
        self._gone.set()
        self._news.set()

    async def _run(self) -> None:
        pause, away, short = FIRST_PAUSE_S, False, 0
        while not self._closed:  # a cancellation may arrive as a failure of the connection
            began = time.monotonic()
            self._gone.clear()
            self._wanted.clear()
            try:
                await self._connected()
                problem = "it ends each connection at once"
            except TimeoutError:
                problem = _SLOW
            except UnreachableError as error:
                problem = str(error)
            if self._closed:
                return
            if self._gone.is_set():  # it was connected
                pause, away = FIRST_PAUSE_S, False
                short = short + 1 if time.monotonic() - began < _GOOD_S else 0
                if short <= _SHORT_ONES:
                    continue
            if not away:
                _LOG.error("mcp.away", server=self._name, problem=problem)
            away = True
            self._fail(problem)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)

    def _fail(self, problem: str) -> None:
        if self._attempt.done():
            self._attempt = self.loop.create_future()
        self._attempt.add_done_callback(lambda attempt: attempt.cancelled() or attempt.exception())
        self._attempt.set_exception(UnreachableError(problem))

    async def _connected(self) -> None:
        """Connect, and stay connected until the connection ends."""
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                client = await stack.enter_async_context(_open(self._address, self._end, self._news.set))
                self._on_listing(await _list_tools(client))
            if self._attempt.done():
                self._attempt = self.loop.create_future()
            self._attempt.set_result(client)
            _LOG.info("mcp.connected", server=self._name)
            stack.callback(self._end)
            stack.callback(self.loop.create_task(_listen(client, self._news.set)).cancel)
            while not self._gone.is_set():
                await self._news.wait()
                self._news.clear()
                if not self._gone.is_set():
                    async with asyncio.timeout(CONNECTED_WITHIN_S):
                        self._on_listing(await _list_tools(client))
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._gone.wait(), _LISTED_EVERY_S)


@asynccontextmanager
async def _open(
    address: ServerAddress, gone: Callable[[], None] = lambda: None, changed: Callable[[], None] = lambda: None
) -> AsyncGenerator[Client, None]:
    """A connected client.

    Raises:
        UnreachableError: it cannot be reached, or the connection broke.

    """
    http: HttpClient | None = None

    async def hear(message: Any) -> None:
        if isinstance(message, ToolListChangedNotification):
            changed()

    try:
        async with AsyncExitStack() as stack:
            if isinstance(address.server, str):
                http = await stack.enter_async_context(HttpClient(address.headers))
                transport = streamable_http_client(address.server, http_client=http)
            else:
                transport = over_stdio(address.server, address.environment, gone)
            yield await stack.enter_async_context(Client(_repaired(transport), message_handler=hear, cache=None))
    except UnreachableError:
        raise
    except (Exception, BaseExceptionGroup) as error:
        raise UnreachableError(_cause(error, http)) from error


@asynccontextmanager
async def _repaired(transport: Any) -> AsyncGenerator[tuple[Any, Any], None]:
    async with transport as (received, outward):
        yield RepairedStream(received), outward


async def _list_tools(client: Client) -> list[ListedTool]:
    """All pages of the list of tools, up to a limit."""
    listing: dict[str, ListedTool] = {}
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            listing.setdefault(tool.name, _listed(tool))
        cursor = page.next_cursor
        if not cursor or cursor in seen or len(listing) > _TOOLS:
            break
        seen.add(cursor)
    if len(listing) > _TOOLS or cursor:
        _LOG.warning("mcp.list_cut", tools=len(listing), kept=_TOOLS)
    return list(listing.values())[:_TOOLS]


def _listed(tool: McpTool) -> ListedTool:
    hints = tool.annotations
    return ListedTool(
        tool.name,
        tool.description or "",
        tool.input_schema,
        read_only=bool(hints and hints.read_only_hint),
        idempotent=bool(hints and hints.idempotent_hint),
    )


async def _listen(client: Client, changed: Callable[[], None]) -> None:
    """Subscribe to changes of the list; newer servers announce them only to subscribers."""
    if not client.protocol_version.startswith(_MODERN):
        return
    with suppress(Exception):  # not every server supports it; its list is then fetched with the next connection
        async with client.listen(tools_list_changed=True) as events:
            async for _ in events:
                changed()


def _knows_us_not(error: MCPError) -> bool:
    return error.code in _SESSION_LOST and "session" in error.message.lower()


_SLOW = f"it has not answered within {CONNECTED_WITHIN_S:g} s"


def _cause(error: BaseException, http: HttpClient | None) -> str:
    """Why a server is unavailable, without its address."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if http is not None and http.status in {401, 403}:
        return f"it answers {http.status}: give mcp_tools its token= or headers="
    if http is not None and http.status and not (isinstance(error, MCPError) and error.code == UNREACHABLE):
        return f"it answers {http.status}: check that this is the address of an MCP endpoint"
    if isinstance(error, MCPError):
        return "it has ended the connection" if error.code == CONNECTION_CLOSED else error.message
    if isinstance(error, OSError):
        return f"it cannot be started ({error.strerror or type(error).__name__}): check the command"
    return f"{type(error).__name__}"
