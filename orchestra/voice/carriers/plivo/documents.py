"""The XML documents that tell Plivo what to do with a call.

Sources: https://www.plivo.com/docs/voice/xml/audiostream (Stream), https://www.plivo.com/docs/voice/xml/dial,
https://www.plivo.com/docs/voice/xml/hangup, https://www.plivo.com/docs/voice/xml/routing (Redirect, Wait)
"""

import re
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

from orchestra.history.ending import Transfer
from orchestra.language.registry import DEFAULT_CODE
from orchestra.lines.dialled import split_extension
from orchestra.voice.carriers.briefing import ACCEPT_KEY, accept_question, briefing
from orchestra.voice.carriers.plivo import WEBHOOK_PATH
from orchestra.voice.carriers.plivo.ticket import Ticket, write_ticket
from orchestra.voice.carriers.port import Connect
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.spoken_language import say_attributes

ANSWER_PATH = WEBHOOK_PATH
STREAM_PATH = "/plivo/stream"
AFTER_STREAM_PATH = "/plivo/after-stream"
AFTER_DIAL_PATH = "/plivo/after-dial"
BRIEFING_PATH = "/plivo/briefing"
HOLD_MUSIC_PATH = "/plivo/hold-music"
DIAL_EVENT_PATH = "/plivo/dial-event"
MACHINE_PATH = "/plivo/machine"
HANGUP_PATH = "/plivo/hangup"

#: from the answer on: the briefing, and the time to press a key
_ACCEPT_WITHIN_S = 60
_AGAIN_S = 2
_CONTENT_TYPES = {"mulaw": "audio/x-mulaw;rate=8000", "l16": "audio/x-l16;rate=16000"}
#: what XML 1.0 has no place for, however it is written
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Documents:
    """Writes the documents of one carrier.

    Args:
        public: where Plivo reaches the edges.
        ring_s: how long a transfer may ring.
        audio: of streams.
        app: the app's name, for people who are asked to take a call.

    """

    def __init__(self, public: PublicUrl, *, ring_s: int, audio: Literal["mulaw", "l16"], app: str) -> None:
        self._public = public
        self._ring_s = ring_s
        self._app = app
        self._content_type = _CONTENT_TYPES[audio]

    def connect(self, step: Connect, token: str) -> str:
        """Connect the call's audio to the media WebSocket; when it ends, ask what happens next."""
        parties = step.parties
        ticket = Ticket(
            token=token,
            call=parties.call,
            from_number=parties.from_number,
            to_number=parties.to_number,
            direction=parties.direction,
            resumed=step.resumed,
            answered_by=step.answered_by,
        )
        response = Element("Response")
        stream = SubElement(
            response,
            "Stream",
            bidirectional="true",
            # what follows is done once the stream has ended, in whichever way
            keepCallAlive="true",
            audioTrack="inbound",
            contentType=self._content_type,
            extraHeaders=write_ticket(ticket),
        )
        stream.text = self._public.socket_at(STREAM_PATH)
        _redirect(response, self._public.after(AFTER_STREAM_PATH, parties.call, parties.stream))
        return _document(response)

    def busy(self, message: str = "", language: str = DEFAULT_CODE) -> str:
        """All lines are in use. The caller hears the message, or without one the busy tone."""
        response = Element("Response")
        if message:
            _speak(response, message, language)
            SubElement(response, "Hangup")
        else:
            SubElement(response, "Hangup", reason="busy")
        return _document(response)

    def hang_up(self) -> str:
        """The call is over."""
        response = Element("Response")
        SubElement(response, "Hangup")
        return _document(response)

    def ask_again(self, url: str, message: str = "", language: str = DEFAULT_CODE) -> str:
        """Say the message, if there is one, wait a moment, then ask at this address what happens next."""
        response = Element("Response")
        if message:
            _speak(response, message, language)
        SubElement(response, "Wait", length=str(_AGAIN_S))
        _redirect(response, url)
        return _document(response)

    def dial(self, transfer: Transfer, call: str, *, stream: int = 0) -> str:
        """Ring the person. They are briefed, and take the call with a key, which no answering machine presses.

        Afterwards the edge is asked what follows. ``stream`` is the call's stream that ended for the transfer. A ``w``
        among the keys of an extension waits for half a second.
        """
        number, extension = split_extension(transfer.target)
        response = Element("Response")
        dial = SubElement(
            response,
            "Dial",
            action=self._public.after(AFTER_DIAL_PATH, call, stream),
            method="POST",
            timeout=str(self._ring_s),
            callbackUrl=self._public.at(DIAL_EVENT_PATH, call=call),
            callbackMethod="POST",
            confirmSound=self._public.at(BRIEFING_PATH, call=call),
            confirmKey=ACCEPT_KEY,
            confirmTimeout=str(_ACCEPT_WITHIN_S),
        )
        if transfer.hold_music:
            dial.set("dialMusic", self._public.at(HOLD_MUSIC_PATH, call=call))
        is_sip = transfer.target.startswith(("sip:", "sips:"))
        keys = {"sendDigits": extension.replace(",", "wwww")} if extension else {}
        SubElement(dial, "User" if is_sip else "Number", keys).text = number
        return _document(response)

    def hold_music(self, transfer: Transfer) -> str:
        """What the caller hears until they are connected."""
        response = Element("Response")
        SubElement(response, "Play", loop="0").text = self._public.at(transfer.hold_music)
        return _document(response)

    def briefing(self, transfer: Transfer) -> str:
        """What the person hears before they take the call."""
        response = Element("Response")
        _speak(response, briefing(transfer, self._app), transfer.language)
        _speak(response, accept_question(transfer.language), transfer.language)
        return _document(response)


def _speak(response: Element, text: str, language: str) -> None:
    SubElement(response, "Speak", say_attributes(language)).text = _NOT_XML.sub("", text)


def _redirect(response: Element, url: str) -> None:
    SubElement(response, "Redirect", method="POST").text = url


def _document(response: Element) -> str:
    return tostring(response, encoding="unicode", xml_declaration=False)
