"""Converts arguments and names of tool calls as models write them to what tools and strict servers accept."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from orchestra_schemas import clean_text

#: most characters of one call's arguments, and levels of nesting
LONGEST: Final = 65_536
_DEEPEST: Final = 32
_NAME: Final = 64
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_MARKUP = re.compile(r"<.*|[(\[{:].*", re.DOTALL)
_BETWEEN = re.compile(r"[\s,;]*")

_decoder = json.JSONDecoder(strict=False)


def argument_objects(text: str) -> list[str]:
    """The JSON objects in a call's arguments; exactly one if model and server keep to the protocol.

    Empty values (``null``, ``[]``, ``""``, ``0``) count as an empty object, and an object in a string as that object.
    The same object twice, or an empty one beside another, is one that a server has sent in two ways.

    Raises:
        ValueError: they are something else, too long, or nested too deeply.

    """
    if len(text) > LONGEST:
        msg = f"they are longer than {LONGEST} characters"
        raise ValueError(msg)
    found: list[dict[str, Any]] = []
    for value in _values(text):
        if not isinstance(value, dict):
            msg = f"they are {json.dumps(value)[:80]}, which is not a JSON object"
            raise ValueError(msg)  # noqa: TRY004 - the text is wrong, not its type
        if _depth(value) > _DEEPEST:
            msg = f"they are nested deeper than {_DEEPEST} levels"
            raise ValueError(msg)
        if value not in found:
            found.append(value)
    if len(found) > 1:
        found = [value for value in found if value]
    if len(found) == 1 and _is_plain(text):
        return [text]
    return [clean_text(json.dumps(value, ensure_ascii=False, allow_nan=False)) for value in found or [{}]]


def tool_name(name: str, offered: Collection[str] = ()) -> str:
    """The offered tool that a name means; if there is none, the name in characters that every server accepts."""
    if name in offered:
        return name
    bare = _MARKUP.sub("", name.strip())
    for candidate in (bare, bare.rpartition(".")[2], bare.rpartition("/")[2]):
        plain = _plain(candidate)
        for known in offered:
            if _plain(known) == plain:
                return known
    return _NOT_IN_A_NAME.sub("_", bare)[:_NAME].strip("_")


def _plain(name: str) -> str:
    return _NOT_IN_A_NAME.sub("_", name).replace("-", "_").strip("_").lower()


def _values(text: str) -> Iterator[Any]:
    """The JSON values in the text, one after another."""
    at = _after_blanks(text, 0)
    while at < len(text):
        try:
            value, at = _decoder.raw_decode(text, at)
            if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
                value = _decoder.decode(value.strip())
        except json.JSONDecodeError as error:
            msg = f"they are not JSON: {error}"
            raise ValueError(msg) from error
        except RecursionError as error:
            msg = f"they are nested deeper than {_DEEPEST} levels"
            raise ValueError(msg) from error
        yield value or {}
        at = _after_blanks(text, at)


def _after_blanks(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


def _depth(value: Any) -> int:
    """Levels of nesting, counted up to the limit."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        depth += 1
        level = [
            each
            for inner in level
            for each in (inner.values() if isinstance(inner, dict) else inner)
            if isinstance(each, dict | list)
        ]
    return depth


def _is_plain(text: str) -> bool:
    """Whether the text is already one object that strict parsers accept."""
    try:
        value = json.loads(text, parse_constant=_refuse)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        return False
    return isinstance(value, dict) and "\\u0000" not in text


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def enum_values(schema: Any) -> Iterator[str]:
    """The text values of every enumeration in a JSON schema."""
    if isinstance(schema, Mapping):
        yield from (value for value in schema.get("enum", ()) if isinstance(value, str))
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from enum_values(part)
