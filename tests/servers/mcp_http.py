"""An MCP server over HTTP, in this process, that can forget its sessions, go away, require a token and answer oddly."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

TOOL = {"name": "find-it", "description": "Find it.", "inputSchema": {"type": "object"}}


class McpHttpServer:
    """Listens on its own port while it is entered, and on the same port when it is entered again.

    Attributes:
        token: required as a bearer token; empty: none is required.
        calls: the arguments of the calls received.
        odd: the answer to the next call: ``{"status": …, "body": …, "headers": …}``, or "cut" for none.
        unknown: the answer to a request of a forgotten session.

    """

    def __init__(self) -> None:
        self.port = 0
        self.token = ""
        self.calls: list[dict[str, Any]] = []
        self.odd: dict[str, Any] | str | None = None
        self.sessions: set[str] = set()
        self.opened = 0
        self.unknown: tuple[int, dict[str, Any]] = (404, {})
        self.seen: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def __enter__(self) -> Self:
        owner = self

        class Handler(_Handler):
            server_of: ClassVar[McpHttpServer] = owner

        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self.sessions.clear()


class _Handler(BaseHTTPRequestHandler):
    server_of: ClassVar[McpHttpServer]
    protocol_version = "HTTP/1.0"  # one connection per request: none outlives the server

    def do_GET(self) -> None:
        self._answer(405, {})

    def do_DELETE(self) -> None:
        self._answer(200, {})

    def do_POST(self) -> None:
        server = self.server_of
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.seen.append(dict(self.headers.items()))
        if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
            self._answer(401, {})
        elif message.get("method") == "initialize":
            server.opened += 1
            session = f"session-{server.opened}"
            server.sessions.add(session)
            info = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "h", "version": "1"}}
            self._answer(200, {"jsonrpc": "2.0", "id": message["id"], "result": info}, {"Mcp-Session-Id": session})
        elif message.get("method") == "server/discover":
            self._answer(404, {})
        elif self.headers.get("Mcp-Session-Id") not in server.sessions:
            self._answer(*server.unknown)
        elif "id" not in message:
            self._answer(202, {})
        elif message["method"] == "tools/list":
            self._answer(200, {"jsonrpc": "2.0", "id": message["id"], "result": {"tools": [TOOL]}})
        else:
            self._call(message)

    def _call(self, message: dict[str, Any]) -> None:
        server = self.server_of
        server.calls.append(message["params"].get("arguments", {}))
        odd, server.odd = server.odd, None
        if odd == "cut":
            self.connection.close()
        elif isinstance(odd, dict):
            self._answer(odd.get("status", 200), odd.get("body", {}), odd.get("headers", {}))
        else:
            result = {"content": [{"type": "text", "text": f"found {len(server.calls)}"}]}
            self._answer(200, {"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the class has it
        """Log nothing."""
