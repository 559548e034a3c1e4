"""When the caller speaks and when they have finished: Silero VAD and smart-turn on sessions that all calls share.

Pipecat builds both ONNX sessions anew for every call: 150 ms of blocked event loop and 50 MB each time. A session
keeps no state between runs (Silero's recurrent state lives in the Python object), so one per process serves all calls.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

#: how long the caller may pause in a turn that smart-turn takes for unfinished, in seconds
LONGEST_PAUSE_S = 2.0


class SharedSilero(SileroOnnxModel):
    """The state of one call's stream on a session that is not its own."""

    def __init__(self, session: Any) -> None:  # the stock constructor only builds a session
        self.session = session
        self.sample_rates = [8_000, 16_000]
        self.reset_states()  # type: ignore[no-untyped-call]


class InlineVAD(SileroVADAnalyzer):
    """Silero VAD without a thread: a window costs 0.4 ms, less than handing it to an executor and back."""

    def __init__(self, session: Any, params: VADParams | None = None) -> None:
        VADAnalyzer.__init__(self, params=params)  # past the stock constructor, which builds a session
        self._model = SharedSilero(session)
        self._windows_since_reset = 0
        self._low_confidence_windows = 0

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """The state after ``buffer`` (16-bit PCM)."""
        return self._run_analyzer(buffer)


class EndOfTurn(LocalSmartTurnAnalyzerV3):
    """Smart-turn v3.2 on a shared session and shared threads."""

    def __init__(self, session: Any, threads: ThreadPoolExecutor, params: SmartTurnParams) -> None:
        BaseSmartTurn.__init__(self, params=params)  # past the stock constructor, which builds a session
        self._session = session
        self._log_data = False
        self._threads = threads

    def allow_pause(self, seconds: float) -> None:
        """How long a silence may last from now on before it ends the turn whatever the model says."""
        self._stop_ms = seconds * 1000

    @property
    def _model_executor(self) -> ThreadPoolExecutor:
        return self._threads

    async def cleanup(self) -> None:
        """Nothing of this call's own is left to release."""


@dataclass(frozen=True, slots=True)
class ListeningModels:
    """The sessions and threads of a process."""

    _vad_session: Any
    _turn_session: Any
    _threads: ThreadPoolExecutor

    @classmethod
    def load(cls) -> "ListeningModels":
        """Load both models from Pipecat's wheel and run each once. Blocks for about 0.5 s."""
        stock = LocalSmartTurnAnalyzerV3()
        stock._predict_endpoint(np.zeros(16_000, np.float32))  # noqa: SLF001 - the first run is slow
        threads = ThreadPoolExecutor(max(1, os.cpu_count() or 1), thread_name_prefix="smart-turn")
        return cls(SileroVADAnalyzer()._model.session, stock._session, threads)  # noqa: SLF001 - the bundled sessions

    def vad(self, params: VADParams | None = None) -> InlineVAD:
        """Voice activity detection for one call; speech and silence count after 0.2 s unless ``params`` say so."""
        return InlineVAD(self._vad_session, params)

    def end_of_turn(self) -> EndOfTurn:
        """The turn analyzer of one call."""
        return EndOfTurn(self._turn_session, self._threads, SmartTurnParams(stop_secs=LONGEST_PAUSE_S))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
