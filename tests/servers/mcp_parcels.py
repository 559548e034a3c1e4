"""A small MCP server that knows where parcels are: over stdio, or over HTTP on the given port."""

import sys

from mcp.server import MCPServer

server = MCPServer("parcels")


@server.tool()
def whereabouts(number: str) -> str:
    """Find out where a parcel is."""
    if number == "0":
        msg = "there is no parcel 0"
        raise ValueError(msg)
    return f"parcel {number} is in the van"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
