"""What an MCP tool answers, as text for a model. Pure."""

import json
from typing import Any

import msgspec

from orchestra_schemas import clean_text

#: characters of all that is told; execution cuts it again
_LONGEST = 20_000
_NOTHING = "It is done; the tool has said nothing."


def told(result: Any) -> str:
    """The text of a ``CallToolResult``: its texts, its resources, its structured content; other media only by name."""
    parts: list[str] = []
    size = 0
    for block in result.content:
        part = _block(block)
        if part:
            parts.append(part)
            size += len(part)
        if size > _LONGEST:
            break
    structured = result.structured_content
    if structured is not None and not _says(parts, structured):
        parts.append(json.dumps(structured, ensure_ascii=False, default=str, separators=(",", ":")))
    return sayable("\n".join(parts)) or _NOTHING


def sayable(text: str) -> str:
    """What a server says, also of an error: no longer than a model is told, and without what no event can carry."""
    return clean_text(text[:_LONGEST])


def _block(block: Any) -> str:
    match block.type:
        case "text":
            return str(block.text)
        case "image" | "audio":
            return f"({_kind(block.mime_type, block.type)} that cannot be shown here)"
        case "resource_link":
            name = block.title or block.name or block.uri
            about = f": {block.description}" if block.description else ""
            return f"(a link to {name!r}{about}, {block.uri})"
        case "resource":
            return _resource(block.resource)
        case _:
            return f"(a {block.type} that cannot be shown here)"


def _resource(resource: Any) -> str:
    text = getattr(resource, "text", None)
    if text is not None:
        return str(text)
    return f"({_kind(resource.mime_type, 'file')} that cannot be shown here, {resource.uri})"


def _kind(mime_type: str | None, otherwise: str) -> str:
    return f"{otherwise} of type {mime_type}" if mime_type else otherwise


def _says(parts: list[str], structured: Any) -> bool:
    """Whether the texts say already what the structured content says: servers give it in both forms."""
    single = isinstance(structured, dict) and set(structured) == {"result"}
    wanted = [structured, structured["result"]] if single else [structured]
    said: list[Any] = [_read(part) for part in parts]
    return any(each in (said, parts) or each in said or each in parts for each in wanted)


def _read(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return text
