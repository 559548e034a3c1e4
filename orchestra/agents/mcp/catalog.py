"""A cached entry of an MCP server's list of tools."""

from typing import Any

import msgspec


class ListedTool(msgspec.Struct, frozen=True, eq=True):
    """A tool as its server describes it.

    Attributes:
        name: the server's name for it.
        description: for a model.
        schema: JSON schema of its arguments, in a form that chat endpoints accept.
        read_only: it changes nothing, says its server.
        idempotent: calling it again with the same arguments changes nothing more, says its server.

    """

    name: str
    description: str = ""
    schema: dict[str, Any] = {}
    read_only: bool = False
    idempotent: bool = False
