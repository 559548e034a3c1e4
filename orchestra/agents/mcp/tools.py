"""The tools of an MCP server, as tools of an agent."""

import re
import weakref
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from orchestra.agents.app_checks import as_tuple
from orchestra.agents.mcp.catalog import ListedTool
from orchestra.agents.mcp.schemas import LONGEST_DESCRIPTION, accepted_names
from orchestra.agents.tool import Tool, ToolContext, read_arguments
from orchestra.errors import AppError, MissingExtraError, RejectedError, ToolFailed
from orchestra.secret_files import read_variable

if TYPE_CHECKING:
    from orchestra.agents.mcp.server import McpServer

_LOG = structlog.get_logger("orchestra.agents")

#: the maximum that chat endpoints accept
_MOST_TOOLS = 128
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

#: servers and tools in use: agents with the same server share its connection, and equal tools are one object
_servers: "weakref.WeakValueDictionary[bytes, McpServer]" = weakref.WeakValueDictionary()
_tools: "weakref.WeakValueDictionary[tuple[Any, ...], McpTool]" = weakref.WeakValueDictionary()


def mcp_tools(
    server: str | Sequence[str],
    *,
    only: Sequence[str] = (),
    prefix: str = "",
    token: str = "",
    headers: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 5.0,
    filler: str | Mapping[str, str] = "",
    needs_confirmation: bool = False,
) -> tuple[Tool, ...]:
    """The tools that an MCP server offers, for an agent's ``tools``.

    The list is fetched when the app is loaded. If the server is unavailable, only its own tools are affected: the app
    starts with the cached list, calls of these tools fail with a reason, and the server is asked again until it
    answers. Each worker keeps one connection, opened at its start and replaced whenever it breaks; changes of the list
    are picked up.

    A tool that its server calls read-only or idempotent (``readOnlyHint``, ``idempotentHint``) is called again after a
    crash, no other one is. Only read-only ones are called before it is sure that the caller's turn is over: an
    idempotent one may still change something that the caller did not mean.

    Names and schemas are adapted to what chat endpoints accept: ``files/read`` is ``files_read`` to a model.

    Args:
        server: a URL (Streamable HTTP), or a command with its arguments, which is started and used over stdio.
        only: the server's names of the tools to use; default: all.
        prefix: added in front of each name, for servers whose tools have the same names.
        token: a bearer token for a URL; ``${LAB_TOKEN}`` takes it from the environment.
        headers: more headers for a URL; ``${…}`` as for ``token``.
        env: variables for a command, which otherwise only gets PATH, HOME and the like; ``${…}`` as for ``token``.
        timeout_s: seconds after which a call counts as failed. Connecting does not count.
        filler: what the caller hears when a call is slow; one text, or by language.
        needs_confirmation: these tools run only after the caller has said yes.

    Raises:
        MissingExtraError: the extra ``mcp`` is not installed.
        AppError: the server does not have one of the tools, or a variable is not set.

    """
    options = {"timeout_s": timeout_s, "filler": filler, "needs_confirmation": needs_confirmation}
    wanted = as_tuple(only, str, "mcp_tools: only", cure='name the tools, as in only=("find",)')
    return McpToolSource(_server(server, token, headers or {}, env or {}), wanted, prefix, options).initial


class McpToolSource:
    """The tools of one call of `mcp_tools`, as they are now.

    Attributes:
        initial: the tools at the start.

    """

    def __init__(self, server: "McpServer", only: Sequence[str], prefix: str, options: dict[str, Any]) -> None:
        self.server = server
        self._only = only
        self._prefix = prefix
        self._options = options
        if server.listing is not None and not server.problem:
            self._check(server.listing)
        self._made = -1, tuple[Tool, ...]()
        self.initial = self.current()

    @property
    def revision(self) -> int:
        """Grows whenever `current` changes."""
        return self.server.revision

    def current(self) -> tuple[Tool, ...]:
        """The tools; while they are unknown, a placeholder that says so."""
        revision = self.server.revision
        if self._made[0] != revision or not self._made[1]:
            self._made = revision, self._make()
        return self._made[1]

    def warm(self) -> None:
        """Connect, on the running event loop, so that no call has to wait for that."""
        self.server.warm()

    async def close(self) -> None:
        """End the connection."""
        await self.server.close()

    def probe(self) -> tuple[str, str]:
        """The server's name, and why it is unavailable ("" if it is not). Blocks, unless it failed at the start."""
        return self.server.name, self.server.problem or self.server.probe()

    def _make(self) -> tuple[Tool, ...]:
        listing = self.server.listing
        if listing is None:
            return (_PlaceholderTool(self, self._prefix, **self._options),)
        names = accepted_names((listed.name for listed in listing), self._prefix)
        wanted = [listed for listed in listing if not self._only or {listed.name, names[listed.name]} & set(self._only)]
        if len(wanted) > _MOST_TOOLS:
            _LOG.warning("mcp.too_many_tools", server=self.server.name, tools=len(wanted), taken=_MOST_TOOLS)
        return tuple(self._tool(listed, names[listed.name]) for listed in wanted[:_MOST_TOOLS])

    def _tool(self, listed: ListedTool, name: str) -> "McpTool":
        key = (id(self.server), name, msgspec.json.encode(listed), *self._options.values())
        made = _tools.get(key)
        if made is None:
            made = _tools[key] = McpTool(self, listed, name, **self._options)
        return made

    def _check(self, listing: Sequence[ListedTool]) -> None:
        names = accepted_names((listed.name for listed in listing), self._prefix)
        for name in self._only:
            if name not in names and name not in names.values():
                msg = (
                    f"MCP server {self.server.name!r} has no tool {name!r}: choose among "
                    f"{', '.join(sorted(names)) or 'none'}"
                )
                raise AppError(msg)


class McpTool(Tool):
    """A tool that runs on an MCP server; made by `mcp_tools`."""

    def __init__(self, source: McpToolSource, listed: ListedTool, name: str, **options: Any) -> None:
        def call() -> None:
            """Stand in for the server's function; the server checks the arguments."""

        super().__init__(call, name=name, idempotent=listed.read_only or listed.idempotent, **options)
        self.source = source
        self._read_only = listed.read_only
        self._server_name = listed.name
        self.description = " ".join((listed.description or listed.name or name).split())[:LONGEST_DESCRIPTION]
        self.parameters = listed.schema

    def check(self, arguments: str) -> dict[str, Any]:
        """The arguments by name; the server checks them.

        Raises:
            RejectedError: they are not a JSON object, or a required one is missing.

        """
        values = read_arguments(self.name, arguments)
        for name in self.parameters.get("required", ()):
            if name not in values:
                msg = f"wrong arguments for {self.name}: {name} is missing"
                raise RejectedError(msg)
        return values

    @property
    def runs_early(self) -> bool:
        """Whether it may run for nothing; see `Tool.runs_early`."""
        return self._read_only and super().runs_early

    def ready(self) -> Coroutine[Any, Any, None] | None:
        """Wait for the connection; see `Tool.ready`."""
        assert isinstance(self.source, McpToolSource)
        return self.source.server.ready(self.name)

    async def run(self, arguments: str, context: ToolContext) -> str:
        """Have the server run it; see `Tool.run`."""
        del context
        assert isinstance(self.source, McpToolSource)
        return await self.source.server.call(self.name, self._server_name, self.check(arguments))


class _PlaceholderTool(Tool):
    """Takes the place of a server's tools until its list is known."""

    def __init__(self, source: McpToolSource, prefix: str, **options: Any) -> None:
        async def call() -> str:
            raise ToolFailed(_AWAY)

        (name,) = accepted_names([source.server.name.rpartition("://")[2]], prefix or "tools_of_").values()
        super().__init__(call, name=name, **{**options, "needs_confirmation": False})
        self.source = source
        self.description = _AWAY
        self.parameters = {"type": "object", "properties": {}}


_AWAY = "These tools are away right now: tell the caller that what they are for cannot be done just now."


def _server(server: str | Sequence[str], token: str, headers: Mapping[str, str], env: Mapping[str, str]) -> "McpServer":
    try:
        from orchestra.agents.mcp.connection import ServerAddress  # noqa: PLC0415 - only where a server is used
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"mcp", "mcp_types", "httpx2", "anyio"}:
            raise
        msg = "tools of an MCP server need the extra: pip install 'orchestra-voice[mcp]'"
        raise MissingExtraError(msg) from error
    from orchestra.agents.mcp.server import McpServer  # noqa: PLC0415

    where = server if isinstance(server, str) else as_tuple(server, str, "mcp_tools: server", cure="write a command")
    if not where or (isinstance(where, str) and not where.startswith(("http://", "https://"))):
        msg = f"mcp_tools: server is {where!r}: give a URL (https://…), or a command as a tuple, ('npx', 'server')"
        raise AppError(msg)
    given = {name: _expand_variables(value, f"header {name}") for name, value in headers.items()}
    if token:
        given["Authorization"] = f"Bearer {_expand_variables(token, 'token')}"
    variables = {name: _expand_variables(value, f"env {name}") for name, value in env.items()}
    key = msgspec.json.encode([where, sorted(given.items()), sorted(variables.items())])
    found = _servers.get(key)
    if found is None:
        found = _servers[key] = McpServer(ServerAddress(where, given, variables))
    elif found.problem:
        found.load()
    return found


def _expand_variables(value: str, what: str) -> str:
    """A value with its environment variables expanded."""

    def read(match: re.Match[str]) -> str:
        text = read_variable(match[1])
        if text is None:
            msg = f"mcp_tools: {what} needs the environment variable {match[1]}: set it"
            raise AppError(msg)
        return text

    return _VARIABLE.sub(read, value)
