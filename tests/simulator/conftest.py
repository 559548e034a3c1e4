"""The speech models, as in the voice rooms."""

from tests.voice.conftest import listening, speech  # noqa: F401 - fixtures
