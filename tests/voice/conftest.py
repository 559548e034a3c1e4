"""The speech models, loaded once for all tests of the voice rooms."""

import pytest

from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> LocalSpeech:
    return LocalSpeech.load(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def listening() -> TurnDetectionModels:
    return TurnDetectionModels.load()
