"""Deepgram's two kinds of models: nova transcribes, flux also says when the caller's turn begins and ends."""

from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTSettings
from pipecat.services.deepgram.stt import DeepgramSTTSettings
from pipecat.turns.user_start import BaseUserTurnStartStrategy, ExternalUserTurnStartStrategy
from pipecat.turns.user_stop import BaseUserTurnStopStrategy

from orchestra.errors import SettingError
from orchestra.language.registry import DEFAULT_CODE
from orchestra.settings import Settings
from orchestra.voice.engines.deepgram.flux import FluxSTT, ServerTurnStop
from orchestra.voice.engines.deepgram.keyterms import bounded_keyterms
from orchestra.voice.engines.deepgram.stt import ReconnectingDeepgramSTT
from orchestra.voice.engines.turn_detection.barge_in import BargeIn, ServerBargeIn
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer
from orchestra.voice.engines.turn_detection.prediction import TurnPrediction
from orchestra.voice.engines.turn_detection.smart_turn_stop import SmartTurnStop


class NovaEngine:
    """Makes Deepgram services; one WebSocket per call to ``settings.deepgram_url``.

    Raises:
        SettingError: the key is missing.

    """

    name = "deepgram"
    punctuation_tells = True

    def __init__(self, settings: Settings) -> None:
        self._key = settings.deepgram_api_key.get_secret_value()
        self._url = settings.deepgram_url
        self._model = settings.deepgram_model
        if not self._key:
            msg = "ORCHESTRA_STT=deepgram needs a key: set ORCHESTRA_DEEPGRAM_API_KEY, or ORCHESTRA_STT=local"
            raise SettingError(msg)

    def stt(self, language: str = DEFAULT_CODE, keyterms: tuple[str, ...] = ()) -> ReconnectingDeepgramSTT:
        """A service with interim results, punctuation and numbers in digits; finals are requested at each pause."""
        return ReconnectingDeepgramSTT(
            language,
            api_key=self._key,
            base_url=self._url,
            settings=DeepgramSTTSettings(
                model=self._model, interim_results=True, punctuate=True, keyterm=self._terms(keyterms)
            ),
        )

    def _terms(self, keyterms: tuple[str, ...]) -> list[str] | None:
        # other models than nova-3 refuse the parameter
        return (bounded_keyterms(keyterms) or None) if self._model.startswith("nova-3") else None

    def turn_start(self, barge_in_words: int) -> BargeIn | None:
        """Any voice starts a turn; while the agent speaks, ``barge_in_words`` words do."""
        return BargeIn(min_words=barge_in_words) if barge_in_words > 1 else None

    def turn_prediction(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> TurnPrediction:
        """Predicts the end of the turn from interim transcripts and smart-turn."""
        return TurnPrediction(analyzer, endpointer)

    def turn_stop(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> BaseUserTurnStopStrategy:
        """Ends the turn after the allowed pause, when Deepgram has confirmed the final transcript."""
        return SmartTurnStop(analyzer, endpointer)

    async def close(self) -> None:
        """Nothing to release: its calls share nothing."""


class FluxEngine:
    """Makes Flux services; one WebSocket per call to ``settings.deepgram_url``.

    Raises:
        SettingError: the key is missing.

    """

    name = "deepgram"
    punctuation_tells = True

    def __init__(self, settings: Settings) -> None:
        self._key = settings.deepgram_api_key.get_secret_value()
        self._url = f"{settings.deepgram_url.rstrip('/')}/v2/listen"
        self._model = settings.deepgram_model
        self._eager = settings.deepgram_eager if settings.speculate != "off" else 0.0
        if not self._key:
            msg = "ORCHESTRA_STT=deepgram needs a key: set ORCHESTRA_DEEPGRAM_API_KEY, or ORCHESTRA_STT=local"
            raise SettingError(msg)

    def stt(self, language: str = DEFAULT_CODE, keyterms: tuple[str, ...] = ()) -> FluxSTT:
        """A service with interim results, punctuation and numbers in digits, which reports turns."""
        return FluxSTT(
            self._model,
            language,
            api_key=self._key,
            url=self._url,
            enable_eager_end_of_turn=bool(self._eager),
            settings=DeepgramFluxSTTSettings(
                eager_eot_threshold=self._eager or None, keyterm=bounded_keyterms(keyterms)
            ),
        )

    def turn_start(self, barge_in_words: int) -> BaseUserTurnStartStrategy:
        """The server starts a turn at its first word; while the agent speaks, ``barge_in_words`` words do."""
        return ServerBargeIn(min_words=barge_in_words) if barge_in_words > 1 else ExternalUserTurnStartStrategy()

    def turn_prediction(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> None:
        """None: the server predicts."""

    def turn_stop(
        self,
        analyzer: SmartTurnAnalyzer,  # noqa: ARG002 - the server decides
        endpointer: Endpointer,
    ) -> BaseUserTurnStopStrategy:
        """Ends the turn when the server does, within the bounds of ``endpointer``."""
        return ServerTurnStop(endpointer)

    async def close(self) -> None:
        """Nothing to release: its calls share nothing."""


async def open_engine(settings: Settings) -> NovaEngine | FluxEngine:
    """The engine of the model in the settings. Raises SettingError if the key is missing."""
    return FluxEngine(settings) if settings.deepgram_model.startswith("flux") else NovaEngine(settings)
