"""Webhooks: signatures, and what a call does next."""

from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from orchestra.errors import RejectedError
from orchestra.voice import twilio
from orchestra.voice.call import Parties
from orchestra.voice.turns import Ending, HangUp, Transfer
from schemas import (
    CallEnded,
    CallEndRequested,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    Event,
    ReplyInterrupted,
)

URL = "https://voice.example.com/twilio/voice"
FORM = {"CallSid": "CA1", "From": "+15550001", "To": "+15550002", "CallerName": "", "City": "Zürich"}
BODY = urlencode(FORM).encode()
SIGNATURE = RequestValidator("secret").compute_signature(URL, FORM)
CALL = "07-0199"


def test_a_signed_form_is_read() -> None:
    assert twilio.signed_form(BODY, URL, SIGNATURE, "secret") == FORM


@pytest.mark.parametrize(
    ("body", "url", "signature", "auth_token"),
    [
        (BODY, URL, "", "secret"),
        (BODY, URL, "x" + SIGNATURE[1:], "secret"),
        (BODY, URL, SIGNATURE, "other"),
        (BODY, URL + "?call=1", SIGNATURE, "secret"),
        (BODY + b"&From=%2B666", URL, SIGNATURE, "secret"),
        (b"\xff\xfe", URL, SIGNATURE, "secret"),
        (b"a=1&" * 300, URL, SIGNATURE, "secret"),
        (b"a" * (twilio.LONGEST_FORM + 1), URL, SIGNATURE, "secret"),
    ],
)
def test_what_twilio_has_not_signed_is_refused(body: bytes, url: str, signature: str, auth_token: str) -> None:
    with pytest.raises(RejectedError):
        twilio.signed_form(body, url, signature, auth_token)


def test_a_call_is_connected_to_its_stream_with_its_token() -> None:
    parties = Parties(CALL, "CA1", "+15550001", "+15550002")
    document = twilio.connect_twiml(parties, "t.0", twilio.PublicUrl("https://voice.example.com/"))
    assert document == (
        '<?xml version="1.0" encoding="UTF-8"?><Response>'
        '<Connect action="https://voice.example.com/twilio/after-stream?call=07-0199" method="POST">'
        '<Stream url="wss://voice.example.com/twilio/stream"><Parameter name="token" value="t.0" />'
        '<Parameter name="call" value="07-0199" /><Parameter name="from_number" value="+15550001" />'
        '<Parameter name="to_number" value="+15550002" /></Stream></Connect></Response>'
    )


def test_beyond_the_cap_the_line_is_busy() -> None:
    assert '<Reject reason="busy" />' in twilio.busy_twiml()


@pytest.mark.parametrize(
    ("ending", "verb"),
    [
        (HangUp(), "<Hangup />"),
        (Transfer("+15550003"), "<Dial>+15550003</Dial>"),
        (Transfer("sip:desk@example.com"), "<Dial><Sip>sip:desk@example.com</Sip></Dial>"),
    ],
)
def test_an_ending_is_told_in_twiml(ending: Ending, verb: str) -> None:
    assert verb in twilio.ending_twiml(ending)


ASKED = CallTransferRequested(call=CALL, turn=2, target="+15550003")


@pytest.mark.parametrize(
    ("journal", "ending"),
    [
        ([], HangUp()),
        ([CallStarted(call=CALL)], HangUp()),
        ([CallStarted(call=CALL), CallEndRequested(call=CALL, turn=2)], HangUp()),
        (
            [
                ASKED,
                CallTransferred(call=CALL, target="+15550003"),
                CallEnded(call=CALL, reason="transferred"),
            ],
            Transfer("+15550003"),
        ),
        ([ASKED], Transfer("+15550003")),  # the edge was lost while it spoke the last words
        ([ASKED, ReplyInterrupted(call=CALL, turn=2)], HangUp()),
        ([ASKED, CallEnded(call=CALL, reason="caller_hung_up")], HangUp()),
        ([ASKED, ReplyInterrupted(call=CALL, turn=1)], Transfer("+15550003")),
    ],
)
def test_what_follows_the_stream_is_read_from_the_journal(journal: list[Event], ending: Ending) -> None:
    assert twilio.after_stream(journal) == ending
