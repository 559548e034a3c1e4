"""The TwiML that an edge answers with: the verbs of a voice call over Media Streams or Conversation Relay.

See Twilio's "TwiML for Programmable Voice": https://www.twilio.com/docs/voice/twiml
"""

from collections.abc import Callable
from dataclasses import dataclass, field

# The document comes from the edge under test, and expat itself refuses entity bombs.
from xml.etree import ElementTree as ET

from orchestra.errors import RejectedError


@dataclass(frozen=True, slots=True)
class ConnectStream:
    """Connect the call's audio to the WebSocket ``url``; when the stream ends, ask ``action`` what happens next."""

    url: str
    parameters: dict[str, str] = field(default_factory=dict)
    action: str = ""


@dataclass(frozen=True, slots=True)
class ConnectRelay:
    """Connect the call as text to the WebSocket ``url``: Conversation Relay, with the element's other attributes."""

    url: str
    attributes: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    action: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect the caller to a number or SIP address.

    The person who answers first gets the document of ``url``; after the dialled call ``action`` says what happens next.
    """

    target: str
    url: str = ""
    action: str = ""
    send_digits: str = ""


@dataclass(frozen=True, slots=True)
class DialQueue:
    """Connect this leg to the caller who waits in the queue of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Let the caller wait in a queue, with the document of ``wait_url``; after it ``action`` says what follows."""

    name: str
    wait_url: str
    action: str


@dataclass(frozen=True, slots=True)
class Play:
    """Play the audio file at ``url``."""

    url: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the queue."""


@dataclass(frozen=True, slots=True)
class Gather:
    """Say something and wait ``timeout_s`` seconds for a key; after a key ``action`` says what happens next."""

    says: tuple[str, ...]
    action: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Say:
    """Carrier-side speech ("all lines are busy")."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of ``length_s`` seconds."""

    length_s: float


@dataclass(frozen=True, slots=True)
class Redirect:
    """Ask ``url`` what happens next."""

    url: str


Verb = (
    ConnectStream | ConnectRelay | Dial | DialQueue | Enqueue | Gather | Hangup | Leave | Pause | Play | Redirect | Say
)


def parse_twiml(document: str) -> list[Verb]:
    """The verbs of a TwiML document in order.

    Raises:
        RejectedError: it is not TwiML, or has a verb or noun that the simulator does not know.

    """
    try:
        root = ET.fromstring(document)  # noqa: S314
    except ET.ParseError as error:
        msg = f"the edge's answer is not TwiML ({error}): {document[:80]!r}"
        raise RejectedError(msg) from None
    if root.tag != "Response":
        msg = f"the edge's answer is a <{root.tag}>, not a TwiML <Response>"
        raise RejectedError(msg)
    return [_verb(element) for element in root]


def _verb(element: ET.Element) -> Verb:
    text = (element.text or "").strip()
    match element.tag:
        case "Connect":
            return _connect(element)
        case "Dial":
            return _dial(element)
        case "Enqueue":
            return Enqueue(text, element.get("waitUrl", ""), element.get("action", ""))
        case "Gather":
            says = tuple((say.text or "").strip() for say in element.findall("Say"))
            return Gather(says, element.get("action", ""), float(element.get("timeout", "5")))
        case "Pause":
            return Pause(float(element.get("length", "1")))
        case tag if tag in _OF_TEXT:
            return _OF_TEXT[tag](text)
        case other:
            msg = f"the edge answered with the TwiML verb <{other}>, which this caller does not know"
            raise RejectedError(msg)


#: verbs that are their text, or nothing
_OF_TEXT: dict[str, Callable[[str], Verb]] = {
    "Say": Say,
    "Redirect": Redirect,
    "Play": Play,
    "Hangup": lambda _: Hangup(),
    "Reject": lambda _: Hangup(),
    "Leave": lambda _: Leave(),
}


def _dial(element: ET.Element) -> Dial | DialQueue:
    noun = next(iter(element), element)
    named = (noun.text or "").strip()
    if noun.tag == "Queue":
        return DialQueue(named)
    return Dial(named, noun.get("url", ""), element.get("action", ""), noun.get("sendDigits", ""))


def _connect(element: ET.Element) -> ConnectStream | ConnectRelay:
    noun = next(iter(element), element)
    url, action = noun.get("url", ""), element.get("action", "")
    parameters = {p.get("name", ""): p.get("value", "") for p in noun.findall("Parameter")}
    if noun.tag == "Stream" and url:
        return ConnectStream(url, parameters, action)
    if noun.tag == "ConversationRelay" and url:
        return ConnectRelay(url, dict(noun.attrib), parameters, action)
    msg = "the edge answered <Connect> without a <Stream url=…> or a <ConversationRelay url=…>"
    raise RejectedError(msg)
