"""An MCP server over stdio whose tool ``told`` answers a request with the given bytes, and then correctly.

``told(raw)``: base64 of a line, in which ``@id`` is replaced by the id of the request. ``echo(text)`` returns the text.
"""

import base64
import json
import sys
from typing import Any

_TOOLS = [
    {"name": name, "inputSchema": {"type": "object", "properties": {field: {"type": "string"}}, "required": [field]}}
    for name, field in (("told", "raw"), ("echo", "text"))
]


def main() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "id" not in request or "method" not in request:
            continue
        number = json.dumps(request["id"]).encode()
        arguments = request.get("params", {}).get("arguments", {})
        if "raw" in arguments:
            sys.stdout.buffer.write(
                base64.b64decode(arguments["raw"]).replace(b"@id", number).replace(b"\n", b" ") + b"\n"
            )
        result = _result(request["method"], arguments)
        sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], **result}).encode() + b"\n")
        sys.stdout.buffer.flush()


def _result(method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    match method:
        case "initialize":
            server = {"name": "odd", "version": "1"}
            return {"result": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": server}}
        case "tools/list":
            return {"result": {"tools": _TOOLS}}
        case "tools/call":
            return {"result": {"content": [{"type": "text", "text": arguments.get("text", "well")}]}}
        case _:
            return {"error": {"code": -32601, "message": "no such method"}}


if __name__ == "__main__":
    main()
