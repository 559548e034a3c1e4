"""Names and schemas of MCP tools in the form that chat endpoints accept. Pure.

Endpoints accept names of at most 64 letters, digits, underscores and hyphens. They refuse a whole prompt if one schema
is not an object, has no ``properties``, contains external references, or has alternatives at its root.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

_LONGEST_NAME = 64
_HASH = 8
#: names of the platform's own tools
_TAKEN = frozenset({"end_call", "transfer_call", "search_knowledge", "collect_digits", "press_keys", "stop_recording"})
_HANDOFF = "transfer_to_"

#: maximum characters of a description
LONGEST_DESCRIPTION = 1024
#: maximum number of nested schemas after resolving references, and maximum bytes of the whole
_NODES = 1000
_BYTES = 32_768

_DROPPED = frozenset({"$schema", "$id", "id", "$defs", "definitions", "$anchor", "$comment", "$vocabulary"})
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLE = frozenset({
    "items", "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties", "additionalItems",
    "unevaluatedProperties", "unevaluatedItems",
})  # fmt: skip
_TYPES: Final = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_TEXTS: Final = frozenset({"title", "description", "pattern", "format"})
_NUMBERS: Final = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
        "minItems", "maxItems", "minProperties", "maxProperties",
    }
)  # fmt: skip


def accepted_names(originals: Iterable[str], prefix: str = "") -> dict[str, str]:
    """The server's names → accepted names: unique, and independent of the order of the server's list."""
    accepted: dict[str, str] = {}
    for original in sorted(set(originals), key=lambda name: (_cleaned(prefix + name) != prefix + name, name)):
        name = _cleaned(prefix + original)
        if name in accepted.values() or len(name) > _LONGEST_NAME:
            digest = sha256(original.encode(errors="replace")).hexdigest()[:_HASH]
            name = f"{name[: _LONGEST_NAME - _HASH - 1]}_{digest}"
        accepted[original] = name
    return accepted


def _cleaned(name: str) -> str:
    clean = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not re.match("[A-Za-z]", clean) or clean in _TAKEN or clean.startswith(_HANDOFF):
        clean = f"mcp_{clean}"
    return clean


def accepted_parameters(schema: Any) -> dict[str, Any]:
    """A tool's input schema as one object with properties, with its references resolved.

    A schema that is too large for a prompt is replaced with one that accepts any object.
    """
    found = _Inlining(schema).node(schema, ())
    root = _merged(found)
    properties = root.get("properties")
    root = {**root, "type": "object", "properties": properties if isinstance(properties, dict) else {}}
    required = root.pop("required", None)
    if isinstance(required, list):
        names = [name for name in required if isinstance(name, str) and name in root["properties"]]
        root |= {"required": names} if names else {}
    try:
        if len(msgspec.json.encode(root)) <= _BYTES:
            return root
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        pass  # it cannot be encoded as JSON, and so not sent in a prompt: treated as too large
    return {"type": "object", "properties": {}}


def _merged(root: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without alternatives at its root: it accepts the properties of all of them."""
    whole = {key: value for key, value in root.items() if key not in {"anyOf", "oneOf", "allOf", "not", "enum", "if"}}
    own = root.get("properties")
    properties = dict(own) if isinstance(own, dict) else {}
    required = list(root["required"]) if isinstance(root.get("required"), list) else []
    for word in ("allOf", "anyOf", "oneOf"):
        parts = root.get(word)
        for part in parts if isinstance(parts, list) else ():
            inner = _merged(part)
            properties = {**inner.get("properties", {}), **properties}
            required += inner.get("required", []) if word == "allOf" else []
    if properties:
        whole["properties"] = properties
    if required:
        whole["required"] = list(dict.fromkeys(name for name in required if isinstance(name, str)))
    return whole


def _has_form(key: str, value: Any) -> bool:
    """Whether a keyword's value has the right type: endpoints refuse a whole prompt for one wrong value."""
    if key in _MAPS:
        return isinstance(value, dict)
    if key in _LISTS or key == "enum":
        return isinstance(value, list) and bool(value)
    if key == "required":
        return isinstance(value, list) and all(isinstance(name, str) for name in value)
    if key == "type":
        types = value if isinstance(value, list) else [value]
        return bool(types) and all(isinstance(each, str) and each in _TYPES for each in types)
    if key in _TEXTS:
        return isinstance(value, str)
    return key not in _NUMBERS or (isinstance(value, int | float) and not isinstance(value, bool))


class _Inlining:
    """Resolves the references within one schema, up to a limit."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _NODES

    def node(self, node: Any, inside: Sequence[str]) -> dict[str, Any]:
        """A schema without references; where a schema contains itself, anything is accepted."""
        self._left -= 1
        if self._left < 0 or node is True or not isinstance(node, dict):
            return {"not": {}} if node is False else {}
        whole: dict[str, Any] = {}
        reference = node.get("$ref", node.get("$dynamicRef"))
        if isinstance(reference, str) and reference not in inside:
            whole = self.node(self._at(reference), (*inside, reference))
        for key, value in node.items():
            if key not in _DROPPED and key not in {"$ref", "$dynamicRef", "$dynamicAnchor"} and _has_form(key, value):
                whole[key] = self._value(key, value, inside)
        return whole

    def _value(self, key: str, value: Any, inside: Sequence[str]) -> Any:
        if key in _MAPS and isinstance(value, dict):
            return {name: self.node(inner, inside) for name, inner in value.items()}
        if key in _LISTS and isinstance(value, list):
            return [self.node(inner, inside) for inner in value]
        if key == "items" and isinstance(value, list):  # tuples, as written before 2020
            return {"anyOf": [self.node(inner, inside) for inner in value]}
        if key in _SINGLE and not (isinstance(value, bool) and key.endswith("Properties")):
            return self.node(value, inside)
        if key == "description" and isinstance(value, str):
            return value[:LONGEST_DESCRIPTION]
        return value

    def _at(self, reference: str) -> Any:
        """The part of this schema that a reference names; accepts anything if it leads outside."""
        if not reference.startswith("#"):
            return {}
        found = self._root
        for step in filter(None, reference[1:].split("/")):
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdigit() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, dict) and name in found:
                found = found[name]
            else:
                return {}
        return found
