"""Which engines the settings choose, and what is said when that cannot be."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.voice.engines import load_engines


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


async def test_vendors_alone_load_no_local_model(tmp_path: Path) -> None:
    settings = Settings(
        stt="deepgram",
        tts="elevenlabs",
        deepgram_api_key=SecretStr("key"),
        elevenlabs_api_key=SecretStr("key"),
        data_dir=tmp_path,
    )
    engines = await load_engines(settings)
    assert engines.name == "deepgram/elevenlabs"
    assert engines._speech is None
    await engines.close()


async def test_one_vendor_and_one_local_engine_go_together(tmp_path: Path) -> None:
    settings = Settings(stt="local", tts="elevenlabs", elevenlabs_api_key=SecretStr("key"), data_dir=tmp_path)
    engines = await load_engines(settings)
    assert engines.name == "local/elevenlabs"
    await engines.close()
