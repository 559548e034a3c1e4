"""Tools of MCP servers (Model Context Protocol, https://modelcontextprotocol.io), used like the app's own functions."""

from orchestra.agents.mcp.tools import McpTool, mcp_tools

__all__ = ["McpTool", "mcp_tools"]
