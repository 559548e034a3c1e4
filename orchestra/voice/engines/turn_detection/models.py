"""The models of turn detection, Silero VAD and smart-turn, on sessions that all calls share.

Pipecat builds both ONNX sessions for every call: 150 ms of blocked event loop and 50 MB each time. A session
keeps no state between runs (Silero's recurrent state lives in the Python object), so one per process serves all calls.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams

from orchestra.voice.engines.turn_detection.smart_turn_features import Floats, features
from orchestra.voice.engines.turn_detection.thread_priority import lower_thread_priority
from orchestra.voice.engines.turn_detection.vad import InlineVAD


class SmartTurnAnalyzer(LocalSmartTurnAnalyzerV3):
    """Smart-turn v3.2 on a shared session and shared threads. It gives a probability; others end the turn."""

    def __init__(self, session: Any, threads: ThreadPoolExecutor, params: SmartTurnParams) -> None:
        BaseSmartTurn.__init__(self, params=params)  # skips the stock constructor, which builds a session
        self._stop_ms = math.inf  # a silence alone ends no turn here
        self._session = session
        self._threads = threads

    def _predict_endpoint(self, audio_array: Floats) -> dict[str, Any]:
        """How probable it is that the turn ends here. What was heard is kept: the caller may go on."""
        heard = features(self._resample_to_model_rate(audio_array))
        (probabilities,) = self._session.run(None, {"input_features": heard[np.newaxis]})
        probability = float(probabilities[0].item())
        return {"prediction": 0, "probability": probability}

    @property
    def _model_executor(self) -> ThreadPoolExecutor:
        return self._threads

    async def cleanup(self) -> None:
        """Nothing belongs to this call alone."""


@dataclass(frozen=True, slots=True)
class TurnDetectionModels:
    """The sessions and threads of a process."""

    _vad_session: Any
    _turn_session: Any
    _threads: ThreadPoolExecutor

    @classmethod
    def load(cls) -> "TurnDetectionModels":
        """Load both models from Pipecat's wheel and run each once. Blocks for about 0.5 s."""
        stock = LocalSmartTurnAnalyzerV3()
        stock._predict_endpoint(np.zeros(16_000, np.float32))  # noqa: SLF001 - the first run is slow
        threads = ThreadPoolExecutor(os.cpu_count() or 1, "smart-turn", initializer=lower_thread_priority)
        return cls(SileroVADAnalyzer()._model.session, stock._session, threads)  # noqa: SLF001 - the bundled sessions

    def vad(self, params: VADParams | None = None) -> InlineVAD:
        """Voice activity detection for one call; speech and silence count after 0.2 s unless ``params`` say so."""
        return InlineVAD(self._vad_session, params)

    def end_of_turn(self) -> SmartTurnAnalyzer:
        """The turn analyzer of one call."""
        return SmartTurnAnalyzer(self._turn_session, self._threads, SmartTurnParams())

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
