"""Values of replies as text and mappings."""

from typing import Any


def text(value: bytes) -> str:
    """Bytes of another producer as text; bytes that are not UTF-8 stay visible."""
    return value.decode("utf-8", "replace")


def pairs(flat: list[Any]) -> dict[str, Any]:
    """Names and values in turn, as a mapping."""
    return {text(name): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
