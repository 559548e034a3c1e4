"""Speech to text by Deepgram's streaming API."""

from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.turns.user_stop import BaseUserTurnStopStrategy, TurnAnalyzerUserTurnStopStrategy

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.voice.engines.listening import EndOfTurn


class DeepgramSTT:
    """Makes Deepgram services; one WebSocket per call to ``settings.deepgram_url``.

    Raises:
        SettingError: the key is missing.

    """

    name = "deepgram"

    def __init__(self, settings: Settings) -> None:
        self._key = settings.deepgram_api_key.get_secret_value()
        self._url = settings.deepgram_url
        self._model = settings.deepgram_model
        if not self._key:
            msg = "ORCHESTRA_STT=deepgram needs a key: set ORCHESTRA_DEEPGRAM_API_KEY, or ORCHESTRA_STT=local"
            raise SettingError(msg)

    def stt(self) -> DeepgramSTTService:
        """A service with interim results, punctuation and numbers in digits; finals are asked for at each pause."""
        return DeepgramSTTService(
            api_key=self._key,
            base_url=self._url,
            settings=DeepgramSTTService.Settings(
                model=self._model, language="en", interim_results=True, punctuate=True, numerals=True
            ),
        )

    def turn_stop(self, analyzer: EndOfTurn) -> BaseUserTurnStopStrategy:
        """Ends the turn when smart-turn says so and Deepgram has confirmed the final transcript."""
        return TurnAnalyzerUserTurnStopStrategy(turn_analyzer=analyzer)
