"""What the vendors are told of a call's language, and what they say about the caller's."""

from collections.abc import Callable
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    LLMFullResponseEndFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.processors.audio.vad_processor import VADProcessor

from orchestra.errors import EngineError
from orchestra.language.spoken_pieces import join_pieces, split_pieces
from orchestra.settings import Settings
from orchestra.voice.engines.deepgram.engine import FluxEngine, NovaEngine
from orchestra.voice.engines.deepgram.keyterms import bounded_keyterms
from orchestra.voice.engines.deepgram.languages import knows as deepgram_knows
from orchestra.voice.engines.deepgram.languages import nova_code, nova_numerals
from orchestra.voice.engines.deepgram.one_in_words import one_in_words
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.elevenlabs.languages import knows as elevenlabs_knows
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra.voice.engines.voice_settings import VoiceSettings
from tests.servers.elevenlabs import tone
from tests.voice.engines.conftest import Vendors
from tests.voice.engines.line import Line


@pytest.mark.parametrize(
    ("language", "code", "numerals"),
    [
        ("en", "en", True),
        ("en-GB", "en-GB", True),
        ("es", "es", True),
        ("es-MX", "es-419", True),
        ("es-ES", "es", True),
        ("de-AT", "de", True),
        ("pt-BR", "pt-BR", True),
        ("nb", "no", True),
        ("th", "th", False),
        ("yue", "zh-HK", True),
        ("auto", "multi", True),
    ],
)
def test_nova_is_asked_for_the_nearest_language_that_it_has(language: str, code: str, *, numerals: bool) -> None:
    assert (nova_code(language), nova_numerals(language)) == (code, numerals)


@pytest.mark.parametrize(
    ("model", "language", "known"),
    [
        ("nova-3-general", "es-MX", True),
        ("nova-3-general", "sw", False),
        ("nova-3-general", "auto", True),
        ("nova-2-general", "sw", True),
        ("flux-general-en", "de", True),
        ("flux-general-multi", "pl", False),
    ],
)
def test_what_deepgram_knows(model: str, language: str, *, known: bool) -> None:
    assert deepgram_knows(model, language) is known


@pytest.mark.parametrize(
    ("model", "language", "known"),
    [
        ("eleven_flash_v2_5", "es-MX", True),
        ("eleven_flash_v2_5", "th", False),
        ("eleven_v3", "th", True),
        ("eleven_flash_v2", "de", False),
        ("eleven_multilingual_v2", "de", True),
        ("eleven_multilingual_v2", "vi", False),
        ("a_model_of_tomorrow", "th", True),
    ],
)
def test_what_elevenlabs_knows(model: str, language: str, *, known: bool) -> None:
    assert elevenlabs_knows(model, language) is known


def test_key_terms_are_bounded_in_number_length_and_size() -> None:
    assert bounded_keyterms(["Kwik  Parcel", "kwik parcel", "", " ", "x" * 61, "a\x00b", "Ärger"]) == [
        "Kwik Parcel",
        "Ärger",
    ]
    assert len(bounded_keyterms(f"product {number}" for number in range(200))) == 50
    assert (
        sum(len(term.encode()) for term in bounded_keyterms("語" * 20 + str(number) for number in range(99))) <= 1_000
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 of them is broken.", "One of them is broken."),
        ("I want the other 1, please.", "I want the other one, please."),
        ("No. 1 moment.", "No. One moment."),
        ("My number is 4 2 7 1.", "My number is 4 2 7 1."),
        ("It is 1 B, the 1 on the left.", "It is 1 B, the one on the left."),
        ("1.", "One."),
        ("I have 12 of them and 1 1/2 more", "I have 12 of them and 1 1/2 more"),
        ("", ""),
    ],
)
def test_a_lone_one_is_a_word_again(text: str, said: str) -> None:
    assert one_in_words(text) == said


async def test_nova_hears_the_language_of_the_call_with_its_key_terms(
    vendors: Vendors, vendor_settings: Settings
) -> None:
    async with Line(NovaEngine(vendor_settings).stt("es-MX", ("Kwik Parcel", "Añejo"))) as line:
        await line.until(lambda: len(vendors.deepgram.seen) == 1)
        await line.push(LLMFullResponseEndFrame())
        await line.until_any(LLMFullResponseEndFrame)
    (seen,) = vendors.deepgram.seen
    assert {name: seen.params[name] for name in ("model", "language", "numerals")} == {
        "model": "nova-3-general",
        "language": "es-419",
        "numerals": "true",
    }
    assert seen.every("keyterm") == ["Kwik Parcel", "Añejo"]


async def test_nova_changes_its_language_during_the_call(
    vendors: Vendors, vendor_settings: Settings, local: LocalEngine, listening: TurnDetectionModels
) -> None:
    engines = Engines(NovaEngine(vendor_settings), local, listening)
    async with Line(engines.stt("en")) as line:
        await line.push(*engines.change_language("de"))
        await line.until(lambda: len(vendors.deepgram.seen) == 2)
        assert not line.all(ErrorFrame)
    assert [seen.params["language"] for seen in vendors.deepgram.seen] == ["en", "de"]


async def test_a_language_that_nova_does_not_have_is_an_error_of_the_engine(
    vendors: Vendors, vendor_settings: Settings
) -> None:
    async with Line(NovaEngine(vendor_settings).stt("sw")) as line:
        (error, *_) = await line.until_any(ErrorFrame)
    assert "400" in error.error
    assert vendors.deepgram.seen[0].params["language"] == "sw"


@pytest.mark.parametrize("ears", [NovaEngine, FluxEngine])
async def test_the_language_of_what_was_said_is_that_of_most_of_its_words(
    vendors: Vendors,
    vendor_settings: Settings,
    listening: TurnDetectionModels,
    question: bytes,
    ears: Callable[[Settings], Any],
) -> None:
    vendors.deepgram.lines = ["¿Dónde está mi paquete?"]
    vendors.deepgram.language_of = lambda _text: "es"
    model = "nova-3-general" if ears is NovaEngine else "flux-general-en"
    engine = ears(vendor_settings.model_copy(update={"deepgram_model": model}))
    async with Line(VADProcessor(vad_analyzer=listening.vad()), engine.stt("auto", ())) as line:
        await line.hear(question)
        (transcript, *_) = await line.until_any(TranscriptionFrame)
    assert (transcript.text, str(transcript.language)) == ("¿Dónde está mi paquete?", "es")


async def test_flux_is_asked_for_its_multilingual_model_with_a_hint(
    vendors: Vendors, vendor_settings: Settings, local: LocalEngine, listening: TurnDetectionModels
) -> None:
    flux = FluxEngine(vendor_settings.model_copy(update={"deepgram_model": "flux-general-en"}))
    engines = Engines(flux, local, listening)
    async with Line(engines.stt("en", ("Kwik Parcel",))) as line:
        await line.push(*engines.change_language("es-MX"))
        await line.until(lambda: len(vendors.deepgram.seen) == 2)
        await line.push(*engines.change_language("hi"))
        await line.until(lambda: any("language_hints" in message for message in vendors.deepgram.seen[1].messages))
        assert not line.all(ErrorFrame)
    english, spanish = (seen.params for seen in vendors.deepgram.seen)
    assert english["model"] == "flux-general-en"
    assert "language_hint" not in english
    assert (spanish["model"], spanish["language_hint"], spanish["keyterm"]) == (
        "flux-general-multi",
        "es",
        "Kwik Parcel",
    )
    hints = [message["language_hints"] for message in vendors.deepgram.seen[1].messages if "language_hints" in message]
    assert hints == [["hi"]]


async def test_elevenlabs_is_told_language_model_pace_and_steadiness(
    vendors: Vendors, vendor_settings: Settings
) -> None:
    vendors.elevenlabs.synthesize = tone
    changed = {"elevenlabs_models": {"th": "eleven_v3_conversational"}, "elevenlabs_stability": 0.4}
    engine = ElevenLabsEngine(vendor_settings.model_copy(update=changed))
    async with Line(engine.tts("", "es-MX", 0.5)) as line:
        await line.say("Buenos días.")
        await line.until_any(TTSStoppedFrame)
        await line.push(TTSUpdateSettingsFrame(delta=VoiceSettings(voice="other", language="th", speed=1.0)))
        await line.say("สวัสดี")
        await line.until_any(TTSStoppedFrame, 2)
        assert not line.all(ErrorFrame)
    spanish, thai = vendors.elevenlabs.seen
    assert (spanish.params["model_id"], spanish.params["language_code"]) == ("eleven_flash_v2_5", "es")
    assert spanish.messages[0]["voice_settings"] == {"stability": 0.4, "speed": 0.7}
    assert (thai.params["model_id"], thai.params["language_code"]) == ("eleven_v3_conversational", "th")
    assert thai.messages[0]["voice_settings"] == {"stability": 0.4}
    assert vendors.elevenlabs.said == [("test-voice", "Buenos días."), ("other", "สวัสดี")]


async def test_a_phrase_of_elevenlabs_is_told_the_same(vendors: Vendors, vendor_settings: Settings) -> None:
    vendors.elevenlabs.synthesize = tone
    engine = ElevenLabsEngine(vendor_settings)
    await engine.render("Guten Tag.", "", "de-AT", 0.9, 8_000)
    await engine.close()
    body = vendors.elevenlabs.seen[0].body
    assert (body["language_code"], body["voice_settings"]) == ("de", {"speed": 0.9})


async def test_a_model_that_elevenlabs_does_not_have_fails_with_its_answer(
    vendors: Vendors, vendor_settings: Settings
) -> None:
    engine = ElevenLabsEngine(vendor_settings.model_copy(update={"elevenlabs_model": "eleven_v3"}))
    with pytest.raises(EngineError, match="400"):
        await engine.render("Guten Tag.", "", "de", 1.0, 8_000)
    await engine.close()
    assert vendors.elevenlabs.said == []


@pytest.mark.parametrize(
    "text",
    [
        "お電話ありがとうございます。「東京」の天気は25度です。",
        "شكرا لاتصالك، كيف أساعدك؟",
        "สวัสดีครับ มีอะไรให้ช่วยไหม",
        "我叫Anna，谢谢您。",
    ],
)
async def test_words_of_any_script_come_one_by_one_with_their_times(
    vendors: Vendors, vendor_settings: Settings, text: str
) -> None:
    vendors.elevenlabs.synthesize = tone
    async with Line(ElevenLabsEngine(vendor_settings).tts("")) as line:
        await line.say(text)
        await line.until_any(TTSStoppedFrame)
        spoken = line.all(TTSTextFrame)
        seconds = sum(len(frame.audio) for frame in line.all(TTSAudioRawFrame)) / 2 / 8_000
    assert [frame.text for frame in spoken] == split_pieces(text)
    assert join_pieces(frame.text for frame in spoken) == text
    times = [frame.pts for frame in spoken if frame.pts is not None]
    assert times == sorted(times)
    assert len(set(times)) >= len(spoken) - 1  # the last word comes with the end of the speech
    assert 0.5 * seconds < (times[-1] - times[0]) / 1e9 < seconds


def test_speech_of_another_language_or_pace_is_another_phrase(vendor_settings: Settings) -> None:
    engine = ElevenLabsEngine(vendor_settings)
    keys = [engine.voice_key("", *given) for given in (("en", 1.0), ("es", 1.0), ("en", 0.9))]
    assert keys[0] == "test-voice/eleven_flash_v2_5"  # as it was named before: cached phrases stay good
    assert len(set(keys)) == 3
