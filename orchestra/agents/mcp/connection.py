"""The connection of one event loop to an MCP server: made again whenever it breaks, and asked for what it offers."""

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
from pydantic import ValidationError

from orchestra.agents.mcp.catalog import Offer
from orchestra.agents.mcp.results import sayable, told
from orchestra.agents.mcp.transports import BROKEN_OFF, UNREACHABLE, HttpClient, Mended, over_stdio
from orchestra.errors import ToolFailed

_LOG = structlog.get_logger("orchestra.agents")

#: seconds for a server to start, greet and list its tools
CONNECTED_WITHIN_S = 20.0
#: pauses between attempts to reach a server that is away, s
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
#: a connection that lasted as long was a good one; after so many others in a row there is a pause
_GOOD_S, _SHORT_ONES = 5.0, 5
#: calls without an answer, one after another, after which the connection is made again
_UNANSWERED = 3
#: a list is fetched again at most so often, s
_LISTED_EVERY_S = 1.0
#: pages and tools of a list, lest it never end
_PAGES, _TOOLS = 100, 256
#: how servers say that they do not know the session any more, which they may after each restart
_SESSION_LOST = frozenset({-32600, -32000, -32001})
_MODERN = "2026"


class AwayError(Exception):
    """The server cannot be reached; nothing was sent. The text says why."""


@dataclass(frozen=True)
class Place:
    """Where a server is, and what it is told of us; nothing secret is shown of it."""

    server: str | tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


async def listed_once(place: Place) -> list[Offer]:
    """What a server offers, by a connection for this alone.

    Raises:
        AwayError: it cannot be reached, or does not answer in time.

    """
    try:
        async with asyncio.timeout(CONNECTED_WITHIN_S), _opened(place) as client:
            return await _listed(client)
    except TimeoutError:
        raise AwayError(_SLOW) from None


class Link:
    """The connection, held open by a task of its own.

    Args:
        place: where the server is.
        name: what it is called in the log.
        offered: told what the server offers, whenever it may have changed.

    """

    def __init__(self, place: Place, name: str, offered: Callable[[list[Offer]], None]) -> None:
        self._place = place
        self._name = name
        self._offered = offered
        self.loop = asyncio.get_running_loop()
        self._attempt: asyncio.Future[Client] = self.loop.create_future()
        self._unanswered, self._closed = 0, False
        self._gone, self._news, self._wanted = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._task = self.loop.create_task(self._keep(), name=f"mcp {name}")

    @property
    def is_open(self) -> bool:
        """Whether a call can be sent at once."""
        return self._attempt.done() and self._attempt.exception() is None

    async def client(self) -> Client:
        """The client, as soon as it is connected; where it rests after a failure, one more attempt is made now.

        Raises:
            AwayError: that failed, too.

        """
        if self._attempt.done() and self._attempt.exception() is not None:
            self._attempt = self.loop.create_future()
            self._wanted.set()
        return await asyncio.shield(self._attempt)

    async def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """What a tool answers, as text. A call that did not reach the server is sent once more.

        Raises:
            AwayError: the server is away; nothing was sent.
            ToolFailed: the tool, or the server, says that it failed; or the outcome is not known.

        """
        for last in (False, True):
            client = await self.client()
            try:
                result = await client.call_tool(tool, arguments)
                self._unanswered = 0
            except asyncio.CancelledError:  # its time is over; a server that hangs keeps a connection of ours each time
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
                    raise AwayError(error.message) from error
            except (ValidationError, RuntimeError) as error:
                _LOG.warning("mcp.unreadable", server=self._name, tool=tool, error=type(error).__name__)
                msg = "It answered in a form that cannot be read; its outcome is not known."
                raise ToolFailed(msg) from error
            else:
                if result.is_error:
                    raise ToolFailed(told(result) if result.content else f"{tool} failed.")
                return told(result)
        raise AssertionError

    async def close(self) -> None:
        """End the connection, and the server with it where we have started it."""
        self._closed = True
        self._task.cancel()
        await asyncio.wait({self._task})

    def _failed(self, error: MCPError, client: Client) -> ToolFailed:
        if error.code not in {CONNECTION_CLOSED, BROKEN_OFF}:
            return ToolFailed(sayable(error.message))
        if error.code == CONNECTION_CLOSED:
            self._lost(client)
        return ToolFailed(f"Its server went away while it ran ({sayable(error.message)}); its outcome is not known.")

    def _lost(self, client: Client) -> None:
        """This connection is of no use any more."""
        if self.is_open and self._attempt.result() is client:
            self._end()

    def _end(self) -> None:
        if self.is_open:
            self._attempt = self.loop.create_future()
        self._gone.set()
        self._news.set()

    async def _keep(self) -> None:
        pause, away, short = FIRST_PAUSE_S, False, 0
        while not self._closed:  # a cancellation may reach us as a failure of the connection
            began = time.monotonic()
            self._gone.clear()
            self._wanted.clear()
            try:
                await self._connected()
                problem = "it ends each connection at once"
            except TimeoutError:
                problem = _SLOW
            except AwayError as error:
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
        self._attempt.set_exception(AwayError(problem))

    async def _connected(self) -> None:
        """Connect, and stay so until the connection ends."""
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                client = await stack.enter_async_context(_opened(self._place, self._end, self._news.set))
                self._offered(await _listed(client))
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
                        self._offered(await _listed(client))
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._gone.wait(), _LISTED_EVERY_S)


@asynccontextmanager
async def _opened(
    place: Place, gone: Callable[[], None] = lambda: None, changed: Callable[[], None] = lambda: None
) -> AsyncGenerator[Client, None]:
    """A client of the server.

    Raises:
        AwayError: it cannot be reached, or the connection broke.

    """
    http: HttpClient | None = None

    async def hear(message: Any) -> None:
        if isinstance(message, ToolListChangedNotification):
            changed()

    try:
        async with AsyncExitStack() as stack:
            if isinstance(place.server, str):
                http = await stack.enter_async_context(HttpClient(place.headers))
                transport = streamable_http_client(place.server, http_client=http)
            else:
                transport = over_stdio(place.server, place.environment, gone)
            yield await stack.enter_async_context(Client(_mended(transport), message_handler=hear, cache=None))
    except AwayError:
        raise
    except (Exception, BaseExceptionGroup) as error:
        raise AwayError(_cause(error, http)) from error


@asynccontextmanager
async def _mended(transport: Any) -> AsyncGenerator[tuple[Any, Any], None]:
    async with transport as (received, outward):
        yield Mended(received), outward


async def _listed(client: Client) -> list[Offer]:
    """All pages of the list of tools, as far as a bound."""
    offers: dict[str, Offer] = {}
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            offers.setdefault(tool.name, Offer(tool.name, tool.description or "", tool.input_schema))
        cursor = page.next_cursor
        if not cursor or cursor in seen or len(offers) > _TOOLS:
            break
        seen.add(cursor)
    if len(offers) > _TOOLS or cursor:
        _LOG.warning("mcp.list_cut", tools=len(offers), kept=_TOOLS)
    return list(offers.values())[:_TOOLS]


async def _listen(client: Client, changed: Callable[[], None]) -> None:
    """Hear of changes of the list from servers that only tell who asks."""
    if not client.protocol_version.startswith(_MODERN):
        return
    with suppress(Exception):  # not every server can; then its list is fetched with the next connection
        async with client.listen(tools_list_changed=True) as events:
            async for _ in events:
                changed()


def _knows_us_not(error: MCPError) -> bool:
    return error.code in _SESSION_LOST and "session" in error.message.lower()


_SLOW = f"it has not answered within {CONNECTED_WITHIN_S:g} s"


def _cause(error: BaseException, http: HttpClient | None) -> str:
    """Why a server is away, in words, without its address."""
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
