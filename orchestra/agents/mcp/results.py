"""The answer of an MCP tool as text for a model. Pure."""

import json
from typing import Any

import msgspec

from orchestra_schemas import clean_text

#: maximum characters of a result; execution shortens it further
_LONGEST = 20_000
_NOTHING = "It is done; the tool has said nothing."


def result_text(result: Any) -> str:
    """The text of a ``CallToolResult``: its texts, resources and structured content; other media by name only."""
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
    return carriable_text("\n".join(parts)) or _NOTHING


def carriable_text(text: str) -> str:
    """A server's text, errors included: shortened, and without characters that no event can carry."""
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
    """Whether the texts already contain the structured content: servers often send both."""
    single = isinstance(structured, dict) and set(structured) == {"result"}
    wanted = [structured, structured["result"]] if single else [structured]
    said: list[Any] = [_read(part) for part in parts]
    return any(each in (said, parts) or each in said or each in parts for each in wanted)


def _read(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return text
