"""A cached entry of an MCP server's list of tools."""

from typing import Any

import msgspec


class ListedTool(msgspec.Struct, frozen=True, eq=True):
    """A tool as its server describes it.

    Attributes:
        name: the server's name for it.
        description: for a model.
        schema: JSON schema of its arguments, in a form that chat endpoints accept.

    """

    name: str
    description: str = ""
    schema: dict[str, Any] = {}
