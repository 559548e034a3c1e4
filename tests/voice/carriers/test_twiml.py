"""Webhooks: signatures, and what a call does next."""

import base64
import hashlib
import hmac
from itertools import permutations
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from orchestra.errors import RejectedError
from orchestra.history.ending import Transfer
from orchestra.voice.carriers.port import Answered, Connect, Parties
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.twilio import twiml
from orchestra.voice.carriers.webhook import LONGEST_FORM
from orchestra_schemas.calls import AnsweredBy

URL = "https://voice.example.com/twilio/voice"
FORM = {"CallSid": "CA1", "From": "+15550001", "To": "+15550002", "CallerName": "", "City": "Zürich"}
BODY = urlencode(FORM).encode()
SIGNATURE = RequestValidator("secret").compute_signature(URL, FORM)
CALL = "07-0199"


def test_a_signed_form_is_read() -> None:
    assert twiml.signed_form(BODY, URL, SIGNATURE, "secret") == FORM


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
        (b"a" * (LONGEST_FORM + 1), URL, SIGNATURE, "secret"),
    ],
)
def test_a_form_without_twilios_signature_is_refused(body: bytes, url: str, signature: str, auth_token: str) -> None:
    with pytest.raises(RejectedError):
        twiml.signed_form(body, url, signature, auth_token)


@pytest.mark.parametrize("signed", [b"Caf\xe9", "Café".encode(), "Caf\N{REPLACEMENT CHARACTER}".encode()])
def test_a_signed_call_with_a_name_that_is_not_utf_8_is_accepted(signed: bytes) -> None:
    text = URL.encode() + b"CallSidCA1" + b"CallerName" + signed
    signature = base64.b64encode(hmac.digest(b"secret", text, hashlib.sha1)).decode()
    form = twiml.signed_form(b"CallerName=Caf%E9&CallSid=CA1", URL, signature, "secret")
    assert (form["CallSid"], form["CallerName"][:3]) == ("CA1", "Caf")
    with pytest.raises(RejectedError, match="wrong signature"):
        twiml.signed_form(b"CallerName=Caf%E8&CallSid=CA1&x=%FF", URL, signature, "secret")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8480/a?b=1",
        "https://voice.example.com:443/a",
        "https://[::1]:8480/a",
        "http://voice.example.com",
    ],
)
def test_the_signature_is_the_one_of_twilios_own_library(url: str) -> None:
    assert twiml.signed_form(BODY, url, RequestValidator("secret").compute_signature(url, FORM), "secret") == FORM
    port = "" if ":8480" in url else ":443" if url.startswith("https") else ":80"
    other = url.replace(port, "") if port and port in url else url.replace(".com", f".com{port}")
    assert twiml.signed_form(BODY, url, RequestValidator("secret").compute_signature(other, FORM), "secret") == FORM


def test_an_address_is_signed_to_its_end() -> None:
    for more in ("#", "#&call=1", "?#&call=1"):
        with pytest.raises(RejectedError, match="#"):
            twiml.signed_form(BODY, URL + more, SIGNATURE, "secret")


def test_a_repeated_field_has_the_same_value_in_any_order() -> None:
    fields = ["a=1", "a=2", "b=3"]
    text = URL.encode() + b"a1a2b3"
    signature = base64.b64encode(hmac.digest(b"secret", text, hashlib.sha1)).decode()
    forms = [twiml.signed_form("&".join(order).encode(), URL, signature, "secret") for order in permutations(fields)]
    assert forms == [{"a": "2", "b": "3"}] * 6


def test_a_call_is_connected_to_its_stream_with_its_token() -> None:
    parties = Parties(CALL, "CA1", "+15550001", "+15550002")
    document = twiml.connect_twiml(Connect(parties, 0.0), "t.0", PublicUrl("https://voice.example.com/"))
    assert document == (
        '<?xml version="1.0" encoding="UTF-8"?><Response>'
        '<Connect action="https://voice.example.com/twilio/after-stream?call=07-0199" method="POST">'
        '<Stream url="wss://voice.example.com/twilio/stream"><Parameter name="token" value="t.0" />'
        '<Parameter name="call" value="07-0199" /><Parameter name="from_number" value="+15550001" />'
        '<Parameter name="to_number" value="+15550002" /></Stream></Connect></Response>'
    )


def test_beyond_the_cap_the_line_is_busy() -> None:
    assert '<Reject reason="busy" />' in twiml.busy_twiml()


def test_beyond_the_cap_a_message_may_be_said_instead() -> None:
    assert "<Say>Please call later.</Say><Hangup />" in twiml.busy_twiml("Please call later.")


@pytest.mark.parametrize(
    ("target", "noun"),
    [
        ("+15550003", "Number"),
        ("sip:desk@example.com", "Sip"),
    ],
)
def test_a_person_is_rung_and_briefed_first(target: str, noun: str) -> None:
    public = PublicUrl("https://voice.example.com")
    document = twiml.dial_twiml(Transfer(target), CALL, public, ring_s=30)
    site = "https://voice.example.com/twilio"
    assert f'<{noun} method="POST" url="{site}/whisper?call={CALL}">{target}</{noun}>' in document
    assert f'<Dial action="{site}/after-dial?call={CALL}" method="POST" timeout="30">' in document
    whisper = twiml.whisper_twiml(Transfer(target, "A broken cup."), CALL, public, app="parcels")
    assert "<Say>A call from parcels. A broken cup.</Say><Say>Press 1 to take it.</Say></Gather><Hangup />" in whisper


def test_an_extension_is_pressed_once_the_person_s_number_is_answered() -> None:
    document = twiml.dial_twiml(Transfer("+15550123,,204#"), CALL, PublicUrl("https://voice.example.com"), ring_s=30)
    assert 'sendDigits="wwwwwwww204#"' in document
    assert ">+15550123</Number>" in document


@pytest.mark.parametrize(
    ("detail", "by"),
    [
        ("human", "human"),
        ("unknown", "human"),
        ("machine_end_beep", "machine"),
        ("machine_start", "machine"),
        ("fax", "fax"),
    ],
)
def test_machine_detection_says_who_answered(detail: str, by: AnsweredBy) -> None:
    answered = twiml.answered_by({"AnsweredBy": detail})
    assert answered == Answered(by, detail)
