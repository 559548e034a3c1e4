"""What an MCP server offers, as it is kept: a tool of which nothing is known but what its server says."""

from typing import Any

import msgspec


class Offer(msgspec.Struct, frozen=True, eq=True):
    """A tool of a server, in the server's words.

    Attributes:
        name: as the server calls it.
        description: for a model.
        schema: JSON schema of its arguments, as chat endpoints take it.

    """

    name: str
    description: str = ""
    schema: dict[str, Any] = {}
