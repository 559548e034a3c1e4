"""Tools of MCP servers (Model Context Protocol, https://modelcontextprotocol.io), as if they were functions here."""

from orchestra.agents.mcp.tools import McpTool, mcp_tools

__all__ = ["McpTool", "mcp_tools"]
