"""The AsyncAPI 3.0 document of every event, generated from the types.

Source of the form: the AsyncAPI specification, version 3.0.0.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from orchestra_schemas.event import Event, event_types

#: the committed document; a test keeps it current
FILE = Path(__file__).with_name("asyncapi.json")

_SCHEMA_REF = "#/components/schemas/{name}"


def _summary(event_type: type[Event]) -> tuple[str, str]:
    summary, _, description = (event_type.__doc__ or "").strip().partition("\n\n")
    lines = (line.strip() for line in description.splitlines())
    return " ".join(summary.split()), "\n".join(lines).strip()


def _message(tag: str, event_type: type[Event]) -> dict[str, Any]:
    summary, description = _summary(event_type)
    message: dict[str, Any] = {
        "name": tag,
        "title": event_type.__name__,
        "summary": summary,
        "contentType": "application/json",
        "payload": {"$ref": _SCHEMA_REF.format(name=event_type.__name__)},
    }
    if description:
        message["description"] = description
    return message


def document() -> dict[str, Any]:
    """The AsyncAPI document of the platform's own events as JSON-ready objects; a user's own types are left out."""
    types = {tag: t for tag, t in event_types().items() if t.__module__.split(".")[0] == "orchestra_schemas"}
    types = dict(sorted(types.items()))
    _, schemas = msgspec.json.schema_components(list(types.values()), ref_template=_SCHEMA_REF)
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for stream, what in (("events", "The journal"), ("media", "Audio and partial transcripts")):
        channels[stream] = {
            "address": f"orchestra:{{partition}}:{stream}",
            "title": what,
            "description": (
                f"{what} of every call of one partition: a Redis stream whose entries have the fields type, call, id "
                "and body (the JSON described here), and audio (raw samples) where there is audio. "
                "The braces are part of the key: they are its hash tag."
            ),
            "parameters": {"partition": {"description": "p00 to p15, or as many as there are partitions"}},
            "messages": {
                t.__name__: {"$ref": f"#/components/messages/{t.__name__}"}
                for t in types.values()
                if t.stream == stream
            },
        }
        for action in ("send", "receive"):
            operations[f"{action}_{stream}"] = {"action": action, "channel": {"$ref": f"#/channels/{stream}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Orchestra",
            "version": "1",
            "description": "Every event of a phone call. Fields are only ever added; a breaking change is a new type.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {t.__name__: _message(tag, t) for tag, t in types.items()},
            "schemas": schemas,
        },
    }


def document_text() -> str:
    """The document as it is committed: indented JSON with a final newline."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
