"""An app whose language the chosen engines do not know is refused at start, and `orchestra doctor` says so."""

from types import SimpleNamespace
from typing import Any

import pytest

from orchestra.agents.agent import Agent
from orchestra.agents.app import App
from orchestra.agents.loader import load_lines
from orchestra.cli import app_languages
from orchestra.cli.doctor import app as doctor
from orchestra.errors import AppError
from orchestra.settings import Settings, load_settings
from orchestra.voice.engines.local import espeak

SPANISH: Any = SimpleNamespace(apps=())


@pytest.fixture
def spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_languages, "languages_of", lambda _lines: ["es"])
    monkeypatch.setattr(espeak, "espeak_folder", lambda: None)
    monkeypatch.setattr("orchestra.voice.engines.local.languages.pico_voice", lambda _language: "")
    monkeypatch.setattr("orchestra.voice.engines.local.languages.is_multilingual", lambda: False)


def test_an_app_that_the_engines_know_starts() -> None:
    app_languages.check_languages(Settings(), load_lines(Settings().app))


def test_every_language_of_a_call_is_asked_for_once() -> None:
    agent = Agent(name="desk", about="Answers.", prompt="Answer.")
    spoken = App(name="one", agents=(agent,), entry="desk", language="es", languages=("es", "en"))
    automatic = App(name="two", agents=(agent,), entry="desk", language="auto", languages=("en", "de"))
    several: Any = SimpleNamespace(apps=(spoken, automatic), plan=None)
    assert app_languages.languages_of(several) == ["es", "en", "de", "auto"]
    on_line: Any = SimpleNamespace(rules={"+15550100": SimpleNamespace(language="pt-BR")})
    lines: Any = SimpleNamespace(apps=(spoken,), plan=on_line)
    assert app_languages.languages_of(lines) == ["es", "en", "pt-BR"]


@pytest.mark.usefixtures("spanish")
def test_an_app_that_they_do_not_know_does_not_start_and_the_message_says_what_to_do() -> None:
    with pytest.raises(AppError, match=r"local does not hear 'es'.*local-multilingual.*local does not speak 'es'"):
        app_languages.check_languages(Settings(), SPANISH)
    app_languages.check_languages(Settings(stt="deepgram", tts="elevenlabs"), SPANISH)


@pytest.mark.usefixtures("spanish")
def test_the_doctor_says_which_language_is_not_known() -> None:
    (found,) = doctor._languages(Settings(stt="deepgram"), SPANISH)
    assert (found.what, found.ok) == ("languages", False)
    assert found.detail.startswith("local does not speak 'es'")
    assert doctor._languages(Settings(stt="deepgram", tts="elevenlabs"), SPANISH) == [
        doctor.Finding("languages", True, "es: heard by deepgram, spoken by elevenlabs")
    ]


@pytest.mark.usefixtures("spanish")
def test_an_app_starts_whose_language_only_the_fallback_does_not_know_and_the_doctor_says_what_callers_would_hear() -> (
    None
):
    settings = Settings(stt="deepgram", tts="elevenlabs", stt_fallback="local", tts_fallback="local")
    app_languages.check_languages(settings, SPANISH)
    known, fallback = doctor._languages(settings, SPANISH)
    assert (known.ok, fallback.what, fallback.ok) == (True, "languages of the fallback", None)
    assert "local takes over where elevenlabs fails, and would read es out as English" in fallback.detail
    assert "local takes over where deepgram fails, and would take es for English" in fallback.detail
    assert fallback.detail.count("install the extra `local-multilingual`") == 2


def test_the_doctor_has_nothing_to_say_of_a_fallback_that_knows_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_languages, "languages_of", lambda _lines: ["en", "en-GB"])
    settings = Settings(stt="deepgram", tts="elevenlabs", stt_fallback="local", tts_fallback="local")
    assert [found.what for found in doctor._languages(settings, SPANISH)] == ["languages"]


def test_a_text_of_a_setting_in_no_language_keeps_it_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_BUSY_MESSAGE", '{"en": "All lines are busy.", "spanisch": "Comunica."}')
    settings = load_settings()
    with pytest.raises(AppError, match="setting ORCHESTRA_BUSY_MESSAGE: there is no language 'spanisch'"):
        app_languages.check_languages(settings, load_lines(settings.app))
    assert "'spanisch'" in doctor._languages(settings, load_lines(settings.app))[0].detail
