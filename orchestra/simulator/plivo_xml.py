"""The XML that an edge answers Plivo with, read as strictly as Plivo's documentation has it.

See https://www.plivo.com/docs/voice/xml/overview.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

# The document comes from the edge under test, and expat itself refuses entity bombs.
from xml.etree import ElementTree as ET

from orchestra.errors import RejectedError

_EXTRA_HEADERS = re.compile(r"[A-Za-z0-9]+=[A-Za-z0-9]+(,[A-Za-z0-9]+=[A-Za-z0-9]+)*")
_LONGEST_HEADERS = 512
_ATTRIBUTES = {
    "Stream": {"bidirectional", "keepCallAlive", "audioTrack", "contentType", "extraHeaders"},
    "Dial": {
        "action",
        "method",
        "timeout",
        "callbackUrl",
        "callbackMethod",
        "confirmSound",
        "confirmKey",
        "confirmTimeout",
        "dialMusic",
    },
    "Number": {"sendDigits"},
    "Play": {"loop"},
    "User": set[str](),
    "Speak": set[str](),
    "Wait": {"length"},
    "Redirect": {"method"},
    "Hangup": {"reason"},
}


@dataclass(frozen=True, slots=True)
class Stream:
    """Connect the call's audio to the WebSocket ``url``; the next element is for when it has ended."""

    url: str
    encoding: str
    sample_rate: int
    extra_headers: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring a person. They hear ``confirm_sound``, and are connected once they press ``confirm_key``."""

    target: str
    action: str
    callback_url: str
    confirm_sound: str
    confirm_key: str
    music_url: str
    send_digits: str


@dataclass(frozen=True, slots=True)
class Play:
    """An audio file, again and again."""

    url: str


@dataclass(frozen=True, slots=True)
class Speak:
    """The carrier's own voice."""

    text: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Silence of ``length_s`` seconds."""

    length_s: float


@dataclass(frozen=True, slots=True)
class Redirect:
    """Ask ``url`` what happens next."""

    url: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call; ``reason`` "busy": with the busy tone."""

    reason: str = ""


PlivoElement = Stream | Dial | Play | Speak | Wait | Redirect | Hangup


def parse_plivo_xml(document: str) -> list[PlivoElement]:
    """The elements of a document in order.

    Raises:
        RejectedError: it is no document of Plivo's, or has an element or attribute that Plivo does not document.

    """
    try:
        root = ET.fromstring(document)  # noqa: S314
    except ET.ParseError as error:
        msg = f"the edge's answer is not XML ({error}): {document[:80]!r}"
        raise RejectedError(msg) from None
    if root.tag != "Response":
        msg = f"the edge's answer is a <{root.tag}>, not a <Response>"
        raise RejectedError(msg)
    for element in list(root.iter())[1:]:
        if unknown := element.attrib.keys() - _ATTRIBUTES.get(element.tag, set()):
            msg = f"<{element.tag}> has the attributes {sorted(unknown)}, which Plivo does not know"
            raise RejectedError(msg)
    return [_element(element) for element in root]


#: elements that are their text
_OF_TEXT: dict[str, Callable[[str], PlivoElement]] = {"Play": Play, "Speak": Speak, "Redirect": Redirect}


def _element(element: ET.Element) -> PlivoElement:
    text = (element.text or "").strip()
    match element.tag:
        case "Stream":
            return _stream(element, text)
        case "Dial":
            person = next(iter(element), None)
            if person is None or person.tag not in ("Number", "User"):
                msg = "<Dial> names nobody"
                raise RejectedError(msg)
            names = ("action", "callbackUrl", "confirmSound", "confirmKey", "dialMusic")
            action, callback, sound, key, music = (element.get(name, "") for name in names)
            keys = person.get("sendDigits", "")
            return Dial((person.text or "").strip(), action, callback, sound, key, music, keys)
        case "Wait":
            return Wait(float(element.get("length", "1")))
        case "Play" | "Speak" | "Redirect" as tag:
            return _OF_TEXT[tag](text)
        case "Hangup":
            return Hangup(element.get("reason", ""))
        case other:
            msg = f"the edge answered with <{other}>, which this caller does not know"
            raise RejectedError(msg)


def _stream(element: ET.Element, url: str) -> Stream:
    headers = element.get("extraHeaders", "")
    if len(headers) > _LONGEST_HEADERS or not _EXTRA_HEADERS.fullmatch(headers):
        msg = f"extraHeaders of {len(headers)} characters, or with other characters than letters and digits"
        raise RejectedError(msg)
    if (element.get("bidirectional"), element.get("keepCallAlive")) != ("true", "true"):
        msg = "<Stream> in one direction, or one that the next element does not wait for"
        raise RejectedError(msg)
    encoding, _, rate = element.get("contentType", "audio/x-l16;rate=8000").partition(";rate=")
    return Stream(url, encoding, int(rate), headers)
