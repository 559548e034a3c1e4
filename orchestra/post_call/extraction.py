"""Typed values from a model's answer: each field of the app's struct by itself. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from orchestra_schemas import clean_text

_NOT_SAID = "the call does not say it"


def schema_of(struct: type[msgspec.Struct]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON schema of a struct, and the definitions that it refers to as ``#/$defs/…``.

    No field has to be there, so that a model need not make one up.
    """
    whole = msgspec.json.schema(struct)
    definitions = whole.get("$defs", {})
    own = definitions.pop(whole.get("$ref", "").rpartition("/")[2], whole)
    return {name: value for name, value in own.items() if name not in ("required", "$defs")}, definitions


def extracted(struct: type[msgspec.Struct], given: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The valid values by field, as JSON has them, and why the others are not there.

    A field that has a default need not be given. What is valid is kept, whatever the rest is like.
    """
    values: Mapping[str, Any] = given if isinstance(given, dict) else {}
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for field in msgspec.structs.fields(struct):
        value = values.get(field.encode_name)
        if value is None and field.required:
            missing[field.encode_name] = _NOT_SAID
        if value is None:
            continue
        try:
            found[field.encode_name] = msgspec.to_builtins(msgspec.convert(value, field.type, strict=False))
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            missing[field.encode_name] = clean_text(f"{str(value)[:100]!r}: {error}")
    return found, missing
