"""Tools of an MCP server (Model Context Protocol, https://modelcontextprotocol.io), as if they were functions here."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from orchestra.agents.tool import Tool, ToolContext, read_arguments, with_examples
from orchestra.errors import AppError, MissingExtraError, RejectedError
from schemas import ToolSchema

_LISTED_WITHIN_S = 20.0


def mcp_tools(
    server: str | Sequence[str],
    *,
    only: Sequence[str] = (),
    timeout_s: float = 5.0,
    filler: str = "",
    needs_confirmation: bool = False,
) -> tuple[Tool, ...]:
    """The tools that an MCP server offers, for an agent's ``tools``.

    The server is asked once, when the app is loaded. Each worker keeps one connection to it, opened by the first call
    and anew after it broke. None of the tools counts as idempotent: after a crash none is run again unasked.

    Args:
        server: a URL (Streamable HTTP), or a command and its arguments to be started and spoken with over stdio.
        only: names of the tools to take; all unless given.
        timeout_s: seconds after which a call counts as failed.
        filler: what the caller hears when a call is slow.
        needs_confirmation: these tools run only after the caller has said yes.

    Raises:
        MissingExtraError: the extra ``mcp`` is not installed.
        AppError: the server cannot be reached, or does not have one of the tools.

    """
    connection = _Connection(server)
    found: dict[str, Any] = {}
    failure: list[BaseException] = []

    def look() -> None:
        try:
            found.update(asyncio.run(asyncio.wait_for(connection.tools(), _LISTED_WITHIN_S)))
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for this thread
            failure.append(error)

    thread = threading.Thread(target=look)  # an event loop may be running here already
    thread.start()
    thread.join()
    if failure:
        msg = f"MCP server {server!r} does not tell its tools ({failure[0]!r}): check its address, and that it runs"
        raise AppError(msg) from failure[0]
    for name in only:
        if name not in found:
            msg = f"MCP server {server!r} has no tool {name!r}: choose among {', '.join(sorted(found))}"
            raise AppError(msg)
    return tuple(
        McpTool(connection, each, timeout_s=timeout_s, filler=filler, needs_confirmation=needs_confirmation)
        for name, each in found.items()
        if not only or name in only
    )


class McpTool(Tool):
    """A tool that an MCP server runs; made by `mcp_tools`."""

    def __init__(self, connection: "_Connection", described: Any, **options: Any) -> None:
        def call() -> None:
            """Stand for the server's function, whose arguments the server checks."""

        super().__init__(call, name=described.name, **options)
        self._connection = connection
        self.description = " ".join((described.description or described.name).split())
        self.schema = ToolSchema(
            name=self.name,
            description=with_examples(self.description, self.examples),
            parameters=dict(described.input_schema),
        )

    def check(self, arguments: str) -> dict[str, Any]:
        """The arguments by name; the server checks them.

        Raises:
            RejectedError: they are no JSON object, or one that the server requires is missing.

        """
        values = read_arguments(self.name, arguments)
        for name in self.schema.parameters.get("required", ()):
            if name not in values:
                msg = f"wrong arguments for {self.name}: {name} is missing"
                raise RejectedError(msg)
        return values

    async def run(self, arguments: str, context: ToolContext) -> str:
        """Have the server run it; see `Tool.run`."""
        del context
        return await self._connection.call(self.name, self.check(arguments))


class _Connection:
    """One connection to a server for each event loop, held open by a task of its own."""

    def __init__(self, server: str | Sequence[str]) -> None:
        try:
            from mcp import Client, StdioServerParameters  # noqa: PLC0415 - only where a server is used
        except ModuleNotFoundError as error:
            msg = "tools of an MCP server need the extra: pip install 'orchestra-voice[mcp]'"
            raise MissingExtraError(msg) from error
        self._client = Client
        self._server: Any = server
        if not isinstance(server, str):
            self._server = StdioServerParameters(command=server[0], args=list(server[1:]))
        self._open: tuple[asyncio.Task[None], asyncio.Future[Any]] | None = None

    async def tools(self) -> dict[str, Any]:
        """What the server offers, by name."""
        async with self._client(self._server) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """The text that a tool answers.

        Raises:
            RejectedError: the tool says that it failed.

        """
        client = await self._opened()
        try:
            result = await client.call_tool(name, arguments)
        except asyncio.CancelledError:
            raise
        except Exception:
            self._close()
            raise
        text = "\n".join(part.text for part in result.content if getattr(part, "text", None))
        if result.is_error:
            raise RejectedError(text or f"{name} failed")
        return text

    async def _opened(self) -> Any:
        loop = asyncio.get_running_loop()
        if self._open is None or self._open[0].done() or self._open[0].get_loop() is not loop:
            ready: asyncio.Future[Any] = loop.create_future()
            self._open = loop.create_task(self._hold(ready), name="mcp connection"), ready
        return await asyncio.shield(self._open[1])

    async def _hold(self, ready: "asyncio.Future[Any]") -> None:
        """Enter and leave the client in one task, as it wants it."""
        try:
            async with self._client(self._server) as client:
                ready.set_result(client)
                await asyncio.Event().wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    def _close(self) -> None:
        if self._open is not None:
            self._open[0].cancel()
            self._open = None
