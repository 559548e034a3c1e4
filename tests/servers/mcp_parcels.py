"""A small MCP server over stdio: it knows where parcels are."""

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
    server.run("stdio")
