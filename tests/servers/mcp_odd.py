"""A hand-written MCP server over stdio that behaves as its mode says: ``mcp_odd.py MODE [FILE]``.

It starts within milliseconds, speaks the protocol of 2025-06-18, and knows nothing of 2026. ``FILE``: where calls are
written, one per line.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

OBJECT = {"type": "object"}
TREE = {
    "type": "object",
    "properties": {"root": {"$ref": "#/$defs/Node"}, "any": True, "none": False, "list": {"items": True}},
    "$defs": {
        "Node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/Node"}, "at": {"$ref": "#/nowhere"}}}
    },
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "additionalProperties": False,
}
LAUGHS = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/l0"}},
    "$defs": {
        **{f"l{n}": {"anyOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 10} for n in range(30)},
        "l30": {"type": "string"},
    },
}
#: a tool's name → its input schema
NAMES: dict[str, Any] = {
    "files/read": OBJECT, "a.b": OBJECT, "a_b": OBJECT, "a-b": OBJECT, "get-lab-docs": OBJECT, "x" * 70: OBJECT,
    "x" * 71: OBJECT, "7up": OBJECT, "transfer_to_billing": OBJECT, "end_call": OBJECT, "búsqueda": OBJECT, "": OBJECT,
    "tree": TREE, "laughs": LAUGHS, "bare": {}, "boolean": True, "null": None, "list": [1],
    "choice": {"anyOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": True}}]},
    "wrong": {"type": ["object", "null"], "properties": [], "required": "a"},
    "elsewhere": {"type": "object", "properties": {"x": {"$ref": "https://elsewhere.example/schema"}}},
    "deep": {"type": "object", "properties": {"a": json.loads('{"items":' * 200 + "{}" + "}" * 200)}},
    "long": {"type": "object", "description": "y" * 100_000},
}  # fmt: skip

#: a tool's name → its annotations
HINTS: dict[str, Any] = {
    "reads": {"readOnlyHint": True}, "sets": {"idempotentHint": True}, "adds": {"readOnlyHint": False},
    "boasts": {"readOnlyHint": "yes", "title": 7}, "lists": [], "null": None,
}  # fmt: skip

#: the answer of the tool ``told``, by its argument ``kind``
KINDS: dict[str, Any] = {
    "text": {"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
    "structured": {"content": [], "structuredContent": {"price": 4.5, "open": None}},
    "both": {"content": [{"type": "text", "text": '{"price": 4.5}'}], "structuredContent": {"price": 4.5}},
    "summary": {"content": [{"type": "text", "text": "It is cheap."}], "structuredContent": {"price": 4.5}},
    "wrapped": {"content": [{"type": "text", "text": "it"}], "structuredContent": {"result": "it"}},
    "list": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
             "structuredContent": {"result": ["a", "b"]}},
    "array": {"content": [], "structuredContent": [1, 2]},
    "resource": {"content": [{"type": "resource", "resource": {"uri": "file:///a.txt", "text": "what stands in it"}}]},
    "blob": {"content": [{"type": "resource", "resource": {"uri": "file:///a.pdf", "mimeType": "application/pdf",
                                                            "blob": "QUFB" * 1000}}]},
    "link": {"content": [{"type": "resource_link", "name": "terms", "title": "Our terms", "uri": "https://a.example/t",
                          "description": "what holds"}]},
    "image": {"content": [{"type": "image", "data": "QUFB" * 1000, "mimeType": "image/png"}]},
    "audio": {"content": [{"type": "audio", "data": "QUFB", "mimeType": "audio/wav"}, {"type": "text", "text": "so"}]},
    "video": {"content": [{"type": "video", "data": "QUFB"}, {"type": "text", "text": "so"}]},
    "odd": {"content": ["plain", 7, None, {"type": "text"}, {"type": "image"}, {"type": "resource", "resource": 1}]},
    "none": {"content": []},
    "null": {"content": None},
    "nothing": {},
    "error": {"content": [{"type": "text", "text": "there is no such parcel"}], "isError": True},
    "mute error": {"content": [], "isError": True},
    "large": {"content": [{"type": "text", "text": "z" * 2_000_000}]},
    "many": {"content": [{"type": "text", "text": "w"}] * 50_000},
    "surrogate": {"content": [{"type": "text", "text": "half \ud800 character \x00"}]},
}  # fmt: skip


def listed(mode: str, cursor: str | None) -> dict[str, Any]:
    """One page of the list of tools."""
    if mode in {"names", "hints"}:
        tools = [{"name": name, "inputSchema": schema} for name, schema in NAMES.items()]
        hinted = [{"name": name, "inputSchema": OBJECT, "annotations": hints} for name, hints in HINTS.items()]
        return {"tools": hinted if mode == "hints" else [*tools, {"no": "name"}, 7]}
    if mode == "pages":
        page = int(cursor or 0)
        tools = [{"name": f"tool_{page}_{number}", "inputSchema": OBJECT} for number in range(2)]
        return {"tools": tools, **({"nextCursor": str(page + 1)} if page < 4 else {})}
    if mode == "endless":
        page = int(cursor or 0)
        return {"tools": [{"name": f"tool_{page}", "inputSchema": OBJECT}], "nextCursor": str(page + 1)}
    if mode == "round":
        return {"tools": [{"name": "same", "inputSchema": OBJECT}], "nextCursor": "again"}
    if mode == "crowd":
        return {"tools": [{"name": f"tool_{number}", "inputSchema": OBJECT} for number in range(1000)]}
    told = {"name": "told", "description": "Tell it.", "inputSchema": OBJECT, "outputSchema": {"type": "string"}}
    return {"tools": [told, *({"name": name, "inputSchema": OBJECT} for name in sorted(added))]}


added: set[str] = set()


def send(message: dict[str, Any]) -> None:
    """Write one message."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def flood() -> None:
    """Write one line that never ends."""
    while True:
        sys.stdout.write("x" * 65536)
        sys.stdout.flush()


def answered(mode: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a call, or the misbehaviour that replaces it."""
    kind = str(arguments.get("kind", "text"))
    match kind:
        case "die":
            raise SystemExit(1)
        case "mute":
            time.sleep(3600)
        case "flood":
            flood()
        case "garbage":
            sys.stdout.write("no JSON\n{}\n[]\nnull\n" * 10)
        case "chatter":
            sys.stdout.write("no JSON\n" * 10_000)
        case "add":
            added.add(str(arguments["name"]))
            send({"method": "notifications/tools/list_changed"})
    return KINDS.get(kind, {"content": [{"type": "text", "text": f"{mode}: {kind}"}]})


def main(mode: str, calls: str = "") -> None:
    """Serve until the input ends."""
    if mode == "chatty":
        sys.stdout.write("Starting up…\nDEBUG: ready {not json}\n\n")
    if mode == "slow":
        time.sleep(1.0)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        params = message.get("params") or {}
        match message["method"]:
            case _ if mode == "mute":
                continue
            case "initialize":
                capabilities = {"tools": {"listChanged": True}}
                info = {"name": "odd", "version": "1"}
                result = {"protocolVersion": "2025-06-18", "capabilities": capabilities, "serverInfo": info}
            case "tools/list":
                result = listed(mode, params.get("cursor"))
            case "tools/call":
                if calls:
                    with Path(calls).open("a") as file:
                        file.write(json.dumps(params) + "\n")
                result = answered(mode, params.get("arguments") or {})
            case method:
                send({"id": message["id"], "error": {"code": -32601, "message": f"no method {method}"}})
                continue
        send({"id": message["id"], "result": result})


if __name__ == "__main__":
    main(*sys.argv[1:])
