"""In which language carriers say the few sentences that no agent says."""

import pytest

from orchestra.history.ending import Transfer
from orchestra.voice.carriers.plivo.documents import Documents
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.spoken_language import locale_of, polly_voice, say_attributes, telnyx_voice
from orchestra.voice.carriers.telnyx.client_state import ClientState
from orchestra.voice.carriers.twilio import twiml
from orchestra.voice.carriers.vonage import ncco

BUSY = "Todas las líneas están ocupadas."


@pytest.mark.parametrize(
    ("language", "locale", "voice"),
    [
        ("en", "en-US", "Joanna"),
        ("en-GB", "en-GB", "Amy"),
        ("es-MX", "es-MX", "Mia"),
        ("es-AR", "es-ES", "Lucia"),
        ("de-AT", "de-DE", "Vicki"),
        ("zh-TW", "cmn-CN", "Zhiyu"),
        ("sw", "", ""),
    ],
)
def test_a_language_is_asked_for_by_the_nearest_region_that_carriers_have(
    language: str, locale: str, voice: str
) -> None:
    assert (locale_of(language), polly_voice(language)) == (locale, voice)


def test_english_is_said_as_before() -> None:
    assert say_attributes("en") == {}
    assert telnyx_voice("en") == telnyx_voice("sw") == {"voice": "AWS.Polly.Joanna", "language": "en-US"}
    assert ncco.talk("Hello.") == {"action": "talk", "text": "Hello."}


def test_twilio_and_plivo_say_it_with_a_voice_of_the_language() -> None:
    public = PublicUrl("https://voice.example.com")
    documents = Documents(public, ring_s=20, audio="mulaw", app="paquetes")
    for document, verb in (
        (twiml.busy_twiml(BUSY, "es-MX"), "Say"),
        (twiml.retry_twiml("https://voice.example.com/again", BUSY, "es-MX"), "Say"),
        (documents.busy(BUSY, "es-MX"), "Speak"),
        (documents.ask_again("https://voice.example.com/again", BUSY, "es-MX"), "Speak"),
    ):
        assert f'<{verb} language="es-MX" voice="Polly.Mia">{BUSY}</{verb}>' in document


def test_the_person_of_a_transfer_is_briefed_in_the_language_of_the_call() -> None:
    public = PublicUrl("https://voice.example.com")
    german = Transfer("+4930123456", "Eine kaputte Tasse.", app="pakete", language="de")
    whisper = twiml.whisper_twiml(german, "C1", public, app="pakete")
    assert whisper.count('<Say language="de-DE" voice="Polly.Vicki">') == 2
    assert Documents(public, ring_s=20, audio="mulaw", app="pakete").briefing(german).count('language="de-DE"') == 2
    assert "Eine kaputte Tasse." in whisper
    assert "call" not in whisper.partition("<Say")[2].lower()  # nothing of it in English


def test_vonage_and_telnyx_are_told_the_language() -> None:
    assert ncco.busy(BUSY, "es")[0] == {"action": "talk", "text": BUSY, "language": "es-ES"}
    assert telnyx_voice("de") == {"voice": "AWS.Polly.Vicki", "language": "de-DE"}
    kept = ClientState(busy=BUSY, language="es")
    assert ClientState.decode(kept.encode()) == kept
