"""What all tests of the voice rooms use: the speech models, loaded once, and a machine that has time."""

import pytest

from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> LocalSpeech:
    return LocalSpeech.load(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def idle_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edge predicts turns in a test however busy the machine is."""
    monkeypatch.setattr(Engines, "are_busy", lambda _: False)


@pytest.fixture(scope="session")
def listening() -> TurnDetectionModels:
    return TurnDetectionModels.load()
