import os
from pathlib import Path

import pytest

from orchestra.errors import SettingError
from orchestra.settings import load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ORCHESTRA_"):
            monkeypatch.delenv(name)


def test_a_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ORCHESTRA_PORT", "9000")
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    settings = load_settings()
    assert settings.port == 9000
    assert settings.recordings == tmp_path / "recordings"


def test_the_error_of_an_unknown_setting_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_PROT", "9000")
    with pytest.raises(SettingError, match="ORCHESTRA_PROT"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORCHESTRA_PORT", "http"),
        ("ORCHESTRA_PORT", "70000"),
        ("ORCHESTRA_STT", "gramophone"),
        ("ORCHESTRA_PARTITIONS", "0"),
        ("ORCHESTRA_PRICES", "cheap"),
        ("ORCHESTRA_PRICES", '{"tts_per_minute": {"local": 1}}'),
        ("ORCHESTRA_PRICES", '{"call_per_minute": -1}'),
    ],
)
def test_the_error_of_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=name):
        load_settings()


def test_prices_are_read_as_json_and_empty_text_sets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_PRICES", '{"models": {"big": {"prompt_per_million": 2}}, "call_per_minute": 0.01}')
    prices = load_settings().prices
    assert (prices.models["big"].prompt_per_million, prices.call_per_minute) == (2.0, 0.01)
    monkeypatch.setenv("ORCHESTRA_PRICES", "")
    assert not load_settings().prices.any


def test_a_secret_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_TWILIO_AUTH_TOKEN", "very-secret")
    assert "very-secret" not in repr(load_settings())


@pytest.mark.parametrize("value", ["&", "[1]", '{"th": 3}', "07-01"])
def test_models_by_language_that_are_no_table_of_names_are_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ORCHESTRA_ELEVENLABS_MODELS", value)
    with pytest.raises(SettingError, match="ORCHESTRA_ELEVENLABS_MODELS"):
        load_settings()
