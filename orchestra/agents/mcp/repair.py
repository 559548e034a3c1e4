"""Repairs a server's answers to fit the protocol's types, so that one odd tool or block does not break the others."""

from typing import Any

from orchestra.agents.mcp.schemas import accepted_parameters
from orchestra.agents.tool import is_deeper

#: levels of a schema, with all of its keywords
_DEEPEST = 64
_NEEDS = {
    "text": ("text",),
    "image": ("data", "mimeType"),
    "audio": ("data", "mimeType"),
    "resource_link": ("name", "uri"),
}


def repair_result(result: dict[str, Any]) -> None:
    """Change a result in place if it is a listing of tools or a tool's answer; leave all others alone."""
    if "tools" in result:
        tools = result["tools"] if isinstance(result["tools"], list) else []
        result["tools"] = [
            _tool(tool) for tool in tools if isinstance(tool, dict) and isinstance(tool.get("name"), str)
        ]
        if not isinstance(result.get("nextCursor"), str):
            result.pop("nextCursor", None)
    elif result.keys() & {"content", "structuredContent", "isError"}:
        content = result.get("content")
        blocks = content if isinstance(content, list) else [] if content is None else [content]
        result["content"] = [_block(block) for block in blocks]
        result["isError"] = result.get("isError") is True
        if "structuredContent" in result and not isinstance(result["structuredContent"], dict):
            structured = result.pop("structuredContent")
            result |= {} if structured is None else {"structuredContent": {"result": structured}}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool, reduced to the fields that are used. Its output schema is dropped, because results are not validated."""
    schema = tool.get("inputSchema")
    usable = isinstance(schema, dict) and not is_deeper(schema, _DEEPEST)
    described = tool.get("description") or tool.get("title")
    return {
        "name": tool["name"],
        **({"description": _text(described)} if isinstance(described, str) else {}),
        "inputSchema": accepted_parameters(schema if usable else {}),
        "annotations": _hints(tool.get("annotations")),
    }


def _hints(annotations: Any) -> dict[str, bool]:
    """The hints that are used. One that is anything but true is false: the tool is then treated with more care."""
    given = annotations if isinstance(annotations, dict) else {}
    return {name: given.get(name) is True for name in ("readOnlyHint", "idempotentHint")}


def _block(block: Any) -> dict[str, Any]:
    if isinstance(block, str):
        return {"type": "text", "text": _text(block)}
    kind = block.get("type") if isinstance(block, dict) else None
    if kind in _NEEDS and all(isinstance(block.get(field), str) for field in _NEEDS[kind]):
        kept = {*_NEEDS[kind], "type", "title", "description"}
        return {key: _text(value) for key, value in block.items() if key in kept and isinstance(value, str)}
    if kind == "resource" and isinstance(block.get("resource"), dict):
        resource = {key: _text(value) for key, value in block["resource"].items() if isinstance(value, str)}
        resource.setdefault("uri", "")
        if resource.keys() & {"text", "blob"}:
            return {"type": "resource", "resource": resource}
    return {"type": "text", "text": f"(a {kind if isinstance(kind, str) else 'part'} that cannot be shown here)"[:100]}


def _text(text: str) -> str:
    """Text without lone surrogates, which no event can carry."""
    return text.encode("utf-8", "replace").decode()
