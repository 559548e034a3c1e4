"""Transports to an MCP server with limits: nothing that it sends can exhaust this process's memory or end it.

The library's own transports read a line or an answer of any length.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import anyio
import httpx2
import structlog
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse, jsonrpc_message_adapter

from orchestra.agents.mcp.repair import repair_result

_LOG = structlog.get_logger("orchestra.agents")

#: maximum bytes of one message
LONGEST_MESSAGE = 4 * 1024 * 1024
#: number of invalid lines after which the program is not considered an MCP server
_NO_MESSAGES = 100
#: seconds that a server gets to end by itself, and then after SIGTERM
_ENDS_WITHIN_S = 1.0
#: JSON-RPC codes of the platform: nothing has reached the server; something may have reached it
UNREACHABLE, BROKEN_OFF = -31001, -31002
_HTTP_TIMEOUT = httpx2.Timeout(5.0, read=60.0)

Streams = tuple[Any, Any]


class RepairedStream:
    """A stream of a server's messages, each repaired to fit the protocol's types."""

    def __init__(self, received: Any) -> None:
        self._received = received

    async def receive(self) -> Any:
        """The next message."""
        item = await self._received.receive()
        message = getattr(item, "message", None)
        if isinstance(message, JSONRPCResponse):
            repair_result(message.result)
        return item

    @property
    def last_context(self) -> Any:
        """The context in which the last message was sent."""
        return getattr(self._received, "last_context", None)

    async def aclose(self) -> None:
        """Close it."""
        await self._received.aclose()

    def __aiter__(self) -> "RepairedStream":
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@asynccontextmanager
async def over_stdio(
    command: Sequence[str], environment: Mapping[str, str], gone: Callable[[], None]
) -> AsyncGenerator[Streams, None]:
    """Start a server, and exchange messages over its standard input and output.

    Args:
        command: the program and its arguments.
        environment: its environment, in addition to a few harmless variables of this process.
        gone: called when it has ended or was given up.

    Raises:
        OSError: it cannot be started.

    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**get_default_environment(), **environment},
        start_new_session=True,
        limit=LONGEST_MESSAGE,
    )
    inward, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outward, to_send = anyio.create_memory_object_stream[SessionMessage](0)
    reading = asyncio.create_task(_read(process, inward, gone))
    writing = asyncio.create_task(_write(process, to_send))

    async def end() -> None:
        reading.cancel()
        writing.cancel()
        await asyncio.wait({reading, writing})
        await _stop(process)
        for stream in (inward, received, outward, to_send):
            await stream.aclose()

    try:
        yield received, outward
    finally:
        with anyio.CancelScope(shield=True):
            await _to_its_end(asyncio.create_task(end()))


async def _to_its_end(task: "asyncio.Task[None]") -> None:
    """Wait for a task of a few seconds even when cancelled, so that no process is left running."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _read(process: asyncio.subprocess.Process, inward: Any, gone: Callable[[], None]) -> None:
    assert process.stdout is not None
    nonsense = 0
    try:
        async with inward:
            while line := await process.stdout.readline():
                try:
                    message = _message(line)
                except (ValueError, RecursionError):
                    nonsense += bool(line.strip())
                    if nonsense == 1:
                        _LOG.warning("mcp.no_message", line=repr(line[:100]))
                    if nonsense > _NO_MESSAGES:
                        break
                    continue
                await inward.send(SessionMessage(message))
    except ValueError:  # asyncio's reader: a line longer than its limit
        _LOG.warning("mcp.message_too_long", bytes=LONGEST_MESSAGE)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, ConnectionError):
        pass  # the session closed first, or the server has ended: `gone` informs those that wait for an answer
    finally:
        gone()


def _message(line: bytes) -> Any:
    """One message, repaired before it is validated, so that one odd tool does not break the whole list."""
    read = json.loads(line.decode("utf-8", "replace"))
    if isinstance(read, dict) and isinstance(read.get("result"), dict):
        repair_result(read["result"])
    return jsonrpc_message_adapter.validate_python(read, by_name=False)


async def _write(process: asyncio.subprocess.Process, to_send: Any) -> None:
    assert process.stdin is not None
    with suppress(ConnectionError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with to_send:
            async for message in to_send:
                line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the server and everything it has started: by closing its input, then SIGTERM, then SIGKILL."""
    assert process.stdin is not None
    process.stdin.close()
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _ENDS_WITHIN_S)
            break
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal_number)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _ENDS_WITHIN_S)
    transport = getattr(process, "_transport", None)  # unread output would keep its pipe open
    if transport is not None:
        transport.close()


class HttpClient(httpx2.AsyncClient):
    """An HTTP client: a failure or an overlong answer is the error of one request, not the end of the connection.

    Attributes:
        status: of the last answer that was an error, 0 if there was none.

    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers={**headers, "Accept-Encoding": "identity"}, timeout=_HTTP_TIMEOUT)
        self.status = 0

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request; a failed one gets a JSON-RPC error of the platform as its answer."""
        try:
            response = await super().send(request, **options)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol) as error:
            return _failure(request, UNREACHABLE, f"it cannot be reached ({type(error).__name__})")
        except httpx2.TransportError as error:
            if request.method != "POST":
                raise
            return _failure(request, BROKEN_OFF, f"it broke off ({type(error).__name__})")
        if response.status_code >= httpx2.codes.BAD_REQUEST and request.method == "POST":
            self.status = response.status_code
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            return _failure(request, BROKEN_OFF, "it compresses its answers, which was not asked for")
        if not response.headers.get("content-type", "").startswith("text/event-stream") and not response.is_closed:
            response.stream = _Bounded(response.stream)
        return response


class _Bounded(httpx2.AsyncByteStream):
    """A body that raises an error if it is too long or incomplete."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for chunk in self._stream:
                size += len(chunk)
                if size > LONGEST_MESSAGE:
                    msg = f"longer than {LONGEST_MESSAGE} bytes"
                    raise httpx2.StreamError(msg)
                yield chunk
        except httpx2.TransportError as error:
            raise httpx2.StreamError(type(error).__name__) from error

    async def aclose(self) -> None:
        await self._stream.aclose()


def _failure(request: httpx2.Request, code: int, message: str) -> httpx2.Response:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return httpx2.Response(httpx2.codes.SERVICE_UNAVAILABLE, json=error, request=request)
