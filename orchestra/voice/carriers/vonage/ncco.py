"""Answers to Vonage's webhooks: Call Control Objects (NCCO), a list of actions that Vonage executes in order.

Sources: https://developer.vonage.com/en/voice/voice-api/ncco-reference,
https://developer.vonage.com/en/voice/voice-api/guides/websockets (streams, and what follows one that broke)

A `connect` action ends when its endpoint is gone. With ``eventType: synchronous`` the answer to the event that says so
replaces the document; where Vonage does not wait for one, the `notify` action behind it asks the same question.
"""

from typing import Any

import msgspec

from orchestra.history.ending import Transfer
from orchestra.language.registry import DEFAULT_CODE
from orchestra.lines.dialled import split_extension
from orchestra.voice.carriers.briefing import accept_question, briefing
from orchestra.voice.carriers.port import Connect
from orchestra.voice.carriers.spoken_language import vonage_language
from orchestra.voice.carriers.vonage import WEBHOOK_PATH
from orchestra.voice.carriers.vonage.addresses import Addresses, CallState

ANSWER_PATH = WEBHOOK_PATH
EVENT_PATH = "/vonage/event"
STREAM_PATH = "/vonage/stream"
AFTER_STREAM_PATH = "/vonage/after-stream"
AFTER_TRANSFER_PATH = "/vonage/after-transfer"
WHISPER_PATH = "/vonage/whisper"
ACCEPT_PATH = "/vonage/accept"

#: 16-bit linear samples, the rate that speech engines want; Vonage has 8000 as well
CONTENT_TYPE = "audio/l16;rate=16000"

_ACCEPT_WITHIN_S = 10
_AGAIN_S = 2
#: how long a person who does not take the call is kept from the caller, until Vonage has ended their leg
_KEPT_APART_S = 20
#: Vonage speaks no longer text
_LONGEST_TALK = 1500
#: the longest that Vonage lets a number ring
LONGEST_RING_S = 120
#: Vonage takes no more headers of a stream than 512 bytes: a caller's name from SIP may be long
_LONGEST_NUMBER = 40

Ncco = list[dict[str, Any]]

#: nothing is left to do: the call, or this leg of it, is over
HANG_UP: Ncco = []


def connect(step: Connect, token: str, addresses: Addresses) -> Ncco:
    """Connect the call's audio to the media WebSocket; when it ends, ask what happens next."""
    parties = step.parties
    headers = {
        "token": token,
        "call": parties.call,
        "leg": parties.provider_call,
        "from_number": parties.from_number[:_LONGEST_NUMBER],
        "to_number": parties.to_number[:_LONGEST_NUMBER],
    }
    if parties.direction == "outbound":
        headers["direction"] = parties.direction
    if step.resumed:
        headers["resumed"] = "1"
    if step.answered_by:
        headers["answered_by"] = step.answered_by
    endpoint = {
        "type": "websocket",
        "uri": addresses.public.socket_at(STREAM_PATH),
        "content-type": CONTENT_TYPE,
        "headers": headers,
    }
    asked = addresses.at(AFTER_STREAM_PATH, CallState.of(parties))
    return [_connect(endpoint, asked), ask(asked)]


def busy(message: str = "", language: str = DEFAULT_CODE) -> Ncco:
    """All lines are in use. The caller hears the message; Vonage has answered already, so there is no busy tone."""
    return [talk(message, language)] if message else HANG_UP


def ask_again(address: str, message: str = "", language: str = DEFAULT_CODE) -> Ncco:
    """Say the message, if there is one, wait a moment, then ask at this address what happens next."""
    return [*([talk(message, language)] if message else []), silence(_AGAIN_S), ask(address)]


def transfer(step: Transfer, state: CallState, addresses: Addresses, *, caller_id: str, ring_s: int) -> Ncco:
    """Ring the person; afterwards the edge is asked what follows.

    A person at a telephone is briefed before they are connected. With ``state.must_accept`` they take the call with a
    key, which no answering machine presses. A ``p`` among the keys of an extension waits for half a second.
    """
    number, extension = split_extension(step.target)
    if step.target.startswith(("sip:", "sips:")):
        endpoint: dict[str, Any] = {"type": "sip", "uri": step.target}
    else:
        on_answer = {"url": addresses.at(WHISPER_PATH, state)}
        endpoint = {"type": "phone", "number": number.lstrip("+"), "onAnswer": on_answer}
        if extension:
            endpoint["dtmfAnswer"] = extension.replace(",", "pppp")
    asked = addresses.at(AFTER_TRANSFER_PATH, state)
    ring: dict[str, Any] = {"timeout": min(ring_s, LONGEST_RING_S)}
    if step.hold_music:
        ring["ringbackTone"] = addresses.public.at(step.hold_music)  # repeated until the two are connected
    if caller_id:
        ring["from"] = caller_id.lstrip("+")
    return [_connect(endpoint, asked) | ring, ask(asked)]


def whisper(step: Transfer, state: CallState, addresses: Addresses, *, app: str) -> Ncco:
    """Brief the person, and ask them to take the call where they must."""
    brief = talk(briefing(step, app), step.language)
    if not state.must_accept:
        return [brief]
    question = talk(accept_question(step.language), step.language)
    keys = {"maxDigits": 1, "timeOut": _ACCEPT_WITHIN_S}
    asked = {"type": ["dtmf"], "dtmf": keys, "eventUrl": [addresses.at(ACCEPT_PATH, state)], "eventMethod": "POST"}
    # a key ends what is being said: Vonage wants `bargeIn` on each `talk` before the `input`
    return [brief | {"bargeIn": True}, question | {"bargeIn": True}, {"action": "input"} | asked]


def join() -> Ncco:
    """Connect the person of a transfer to the caller, which Vonage does when nothing is left in their document."""
    return []


def keep_apart() -> Ncco:
    """Keep a person who does not take the call from the caller, until their leg has ended."""
    return [silence(_KEPT_APART_S)]


def talk(text: str, language: str = DEFAULT_CODE) -> dict[str, Any]:
    """Have Vonage say this in ``language``."""
    return {"action": "talk", "text": text[:_LONGEST_TALK], **vonage_language(language)}


def silence(seconds: int) -> dict[str, Any]:
    """Wait: there is no action that only waits."""
    return talk(f"<speak><break time='{seconds}s'/></speak>")


def ask(address: str) -> dict[str, Any]:
    """Ask at this address what happens next; the answer replaces the document."""
    return {"action": "notify", "payload": {"next": True}, "eventUrl": [address], "eventMethod": "POST"}


def _connect(endpoint: dict[str, Any], asked: str) -> dict[str, Any]:
    event = {"eventType": "synchronous", "eventUrl": [asked], "eventMethod": "POST"}
    return {"action": "connect", "endpoint": [endpoint]} | event


def encode(document: Ncco) -> bytes:
    """As it is sent."""
    return msgspec.json.encode(document)
