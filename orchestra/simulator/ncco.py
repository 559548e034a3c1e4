"""The NCCO that an edge answers with, read as strictly as Vonage does.

Source: https://developer.vonage.com/en/voice/voice-api/ncco-reference
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from orchestra.errors import RejectedError

_ALLOWED = {
    "talk": {"text", "bargeIn", "loop", "level", "language", "style", "premium"},
    "notify": {"payload", "eventUrl", "eventMethod"},
    "input": {"type", "dtmf", "speech", "eventUrl", "eventMethod"},
    "connect": {
        "endpoint",
        "from",
        "eventType",
        "timeout",
        "limit",
        "machineDetection",
        "ringbackTone",
        "eventUrl",
        "eventMethod",
    },
}
_NEEDED = {"talk": "text", "notify": "payload", "input": "type", "connect": "endpoint"}
_CONTENT_TYPES = {f"audio/l16;rate={rate}" for rate in (8000, 16000, 24000)}
_MOST_HEADER_BYTES = 512
_MOST_TALK = 1500
_BREAK = re.compile(r"<speak><break time='([0-9]+)s'/></speak>")


@dataclass(frozen=True, slots=True)
class Action:
    """One action, its options checked."""

    kind: str
    options: dict[str, Any]

    @property
    def event_url(self) -> str:
        """Where its event goes."""
        return str(self.options["eventUrl"][0])

    @property
    def endpoint(self) -> dict[str, Any]:
        """Whom a `connect` connects to."""
        endpoint: dict[str, Any] = self.options["endpoint"][0]
        return endpoint

    @property
    def pause_s(self) -> int:
        """How long a `talk` says nothing."""
        found = _BREAK.fullmatch(self.options["text"])
        return int(found[1]) if found else 0


def parse_ncco(document: str) -> list[Action]:
    """The actions of a document in order.

    Raises:
        RejectedError: it is no NCCO, or Vonage would not execute it.

    """
    try:
        return [_action(dict(each)) for each in json.loads(document)]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        msg = f"the edge's answer is no NCCO ({error!r}): {document[:80]!r}"
        raise RejectedError(msg) from None


def _action(options: dict[str, Any]) -> Action:
    kind = options.pop("action")
    if kind not in _ALLOWED or _NEEDED[kind] not in options or not options.keys() <= _ALLOWED[kind]:
        msg = f"an action that Vonage does not execute: {kind} with {sorted(options)}"
        raise RejectedError(msg)
    action = Action(kind, options)
    if kind == "talk" and not 0 < len(options["text"]) <= _MOST_TALK:
        msg = f"a talk of {len(options['text'])} characters"
        raise RejectedError(msg)
    if kind != "talk" and not action.event_url.startswith("http"):
        msg = f"an eventUrl that is none: {action.event_url[:80]}"
        raise RejectedError(msg)
    if kind == "connect":
        _check_endpoint(action)
    return action


def _check_endpoint(action: Action) -> None:
    endpoint = action.endpoint
    match endpoint["type"]:
        case "websocket":
            size = len(json.dumps(endpoint["headers"]))
            if endpoint["content-type"] not in _CONTENT_TYPES or size > _MOST_HEADER_BYTES:
                msg = f"a WebSocket as {endpoint['content-type']} with {size} bytes of headers"
                raise RejectedError(msg)
        case "phone" if str(endpoint["number"]).isdecimal() and str(action.options.get("from", "1")).isdecimal():
            pass
        case "sip" if str(endpoint["uri"]).startswith("sip") and "onAnswer" not in endpoint:
            pass
        case _:
            msg = f"an endpoint that Vonage does not connect to: {endpoint}"
            raise RejectedError(msg)
