"""Which engines the settings choose, and the errors if they cannot be opened."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestra.engine_names import engine_names
from orchestra.errors import SettingError
from orchestra.settings import Settings, load_settings
from orchestra.voice import engines as voice_engines
from orchestra.voice.engines import load_engines
from orchestra.voice.engines.local import LocalSpeech


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        (Settings(stt="deepgram"), "ORCHESTRA_DEEPGRAM_API_KEY"),
        (Settings(tts="elevenlabs"), "ORCHESTRA_ELEVENLABS_API_KEY"),
    ],
)
async def test_a_vendor_without_its_key_names_the_variable_to_set(settings: Settings, variable: str) -> None:
    with pytest.raises(SettingError, match=variable):
        await load_engines(settings)


async def test_vendors_alone_load_no_local_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalSpeech, "load", lambda _: pytest.fail("a local model was loaded"))
    settings = Settings(
        stt="deepgram",
        tts="elevenlabs",
        deepgram_api_key=SecretStr("key"),
        elevenlabs_api_key=SecretStr("key"),
        data_dir=tmp_path,
    )
    engines = await load_engines(settings)
    assert engines.name == "deepgram/elevenlabs"
    await engines.close()


async def test_one_vendor_and_one_local_engine_go_together(tmp_path: Path) -> None:
    settings = Settings(stt="local", tts="elevenlabs", elevenlabs_api_key=SecretStr("key"), data_dir=tmp_path)
    engines = await load_engines(settings)
    assert engines.name == "local/elevenlabs"
    await engines.close()


NEW_ENGINE = """
class Echo:
    name = "echo"
    async def close(self): ...
    def stt(self, language, keyterms): return "a service"

async def open_engine(settings):
    return Echo()
"""


async def test_a_new_engine_is_a_folder_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "echo"
    folder.mkdir()
    (folder / "stt.py").touch()
    (folder / "engine.py").write_text(NEW_ENGINE)
    monkeypatch.setattr(voice_engines, "__path__", [*voice_engines.__path__, str(tmp_path)])
    spec = voice_engines.__spec__
    assert spec is not None
    monkeypatch.setattr(spec, "submodule_search_locations", voice_engines.__path__)
    assert (engine_names("stt"), engine_names("tts")) == (("local", "deepgram", "echo"), ("local", "elevenlabs"))
    settings = Settings(tts="elevenlabs", elevenlabs_api_key=SecretStr("key"))
    engines = await load_engines(settings.model_copy(update={"stt": "echo"}))
    assert (engines.name, engines.stt()) == ("echo/elevenlabs", "a service")
    await engines.close()


@pytest.mark.parametrize(
    ("variable", "known"), [("ORCHESTRA_STT", "'local' or 'deepgram'"), ("ORCHESTRA_TTS", "'local' or 'elevenlabs'")]
)
def test_an_unknown_engine_is_refused_with_the_names_there_are(
    monkeypatch: pytest.MonkeyPatch, variable: str, known: str
) -> None:
    monkeypatch.setenv(variable, "gramophone")
    with pytest.raises(SettingError, match=f"{variable}: Input should be {known}"):
        load_settings()
