"""The speech models, loaded once for all tests of the voice rooms."""

import pytest

from orchestra.voice.engines.listening import ListeningModels
from orchestra.voice.engines.local import LocalSpeech


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> LocalSpeech:
    return LocalSpeech.load(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def listening() -> ListeningModels:
    return ListeningModels.load()
