"""The models of turn detection, Silero VAD and smart-turn, on sessions that all calls share.

Pipecat builds both ONNX sessions for every call: 150 ms of blocked event loop and 50 MB each time. A session
keeps no state between runs (Silero's recurrent state lives in the Python object), so one per process serves all calls.
"""

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.metrics.metrics import MetricsData, TurnMetricsData

from orchestra.voice.engines.turn_detection.inference_queue import InferenceQueue, Look
from orchestra.voice.engines.turn_detection.smart_turn_features import Floats, features
from orchestra.voice.engines.turn_detection.vad import InlineVAD
from orchestra.voice.load_meter import LoadMeter

#: probability from which smart-turn considers a turn finished
COMPLETE = 0.5
#: an early look is of use until voice activity detection is sure of the pause, in seconds
_EARLY_WITHIN_S = 0.1

Verdict = tuple[EndOfTurnState, MetricsData | None]


class SmartTurnAnalyzer(LocalSmartTurnAnalyzerV3):
    """Smart-turn v3.2 on a shared session, whose looks wait in a queue that all calls share. Others end the turn.

    Attributes:
        words_within_s: the turn's words come this long after the end of a stretch of speech; until then no verdict is
            needed. In seconds.

    """

    def __init__(self, session: Any, queue: InferenceQueue, params: SmartTurnParams) -> None:
        BaseSmartTurn.__init__(self, params=params)  # skips the stock constructor, which builds a session
        self._stop_ms = math.inf  # a silence alone ends no turn here
        self._session = session
        self._queue = queue
        self._early_look: Look | None = None
        self.words_within_s = 0.0

    async def look_early(self) -> float:
        """The probability that a pause that has just begun ends the turn; 0.0 if the machine has no time for that.

        It also holds for `analyze_end_of_turn` of the same pause: where they differ, the early one is more often right
        (at 215 places inside recorded sentences the model heard an end in 23 % after 0.12 s and in 27 % after 0.2 s,
        at their ends in as many).
        """
        self.forget_early_look()
        self._early_look = look = self._ask(_EARLY_WITHIN_S, early=True)
        return _probability(await self._verdict(look))

    def forget_early_look(self) -> None:
        """The caller continues: the next pause is another one."""
        if self._early_look is not None:
            self._early_look.answer.cancel()
            self._early_look = None

    async def analyze_end_of_turn(self) -> Verdict:
        """Whether the turn ends here; cancel it if nobody needs to know any more."""
        look, self._early_look = self._early_look, None
        verdict: Verdict = (EndOfTurnState.INCOMPLETE, None)
        if look is not None:
            self._queue.make_sure(look, due=time.monotonic() + self.words_within_s)
            verdict = await self._verdict(look)
        if verdict[1] is None and self._audio_buffer:
            verdict = await self._verdict(self._ask(self.words_within_s))
        return verdict

    def _ask(self, within_s: float, *, early: bool = False) -> Look:
        heard = list(self._audio_buffer)
        self._queue.meter.watch_event_loop()
        return self._queue.ask(
            lambda: self._process_speech_segment(heard), due=time.monotonic() + within_s, early=early
        )

    async def _verdict(self, look: Look) -> Verdict:
        try:
            verdict: Verdict | None = await asyncio.wrap_future(look.answer)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            verdict = None  # somebody else needs it no more
        return verdict or (EndOfTurnState.INCOMPLETE, None)

    def _predict_endpoint(self, audio_array: Floats) -> dict[str, Any]:
        """How probable it is that the turn ends here. What was heard is kept: the caller may go on."""
        heard = features(self._resample_to_model_rate(audio_array))
        (probabilities,) = self._session.run(None, {"input_features": heard[np.newaxis]})
        probability = float(probabilities[0].item())
        return {"prediction": 0, "probability": probability}

    async def cleanup(self) -> None:
        """Nothing belongs to this call alone, except a look that nobody needs any more."""
        self.forget_early_look()


def _probability(verdict: Verdict) -> float:
    return verdict[1].probability if isinstance(verdict[1], TurnMetricsData) else 0.0


@dataclass(frozen=True, slots=True)
class TurnDetectionModels:
    """The sessions and threads of a process.

    Attributes:
        queue: of smart-turn's looks, with the meter that says how busy the process is.

    """

    _vad_session: Any
    _turn_session: Any
    queue: InferenceQueue

    @classmethod
    def load(cls) -> "TurnDetectionModels":
        """Load both models from Pipecat's wheel and run each once. Blocks for about 0.5 s."""
        stock = LocalSmartTurnAnalyzerV3()
        stock._predict_endpoint(np.zeros(16_000, np.float32))  # noqa: SLF001 - the first run is slow
        vad_session = SileroVADAnalyzer()._model.session  # noqa: SLF001 - the bundled sessions, here and below
        return cls(vad_session, stock._session, InferenceQueue(LoadMeter()))  # noqa: SLF001

    def vad(self, params: VADParams | None = None) -> InlineVAD:
        """Voice activity detection for one call; speech and silence count after 0.2 s unless ``params`` say so."""
        return InlineVAD(self._vad_session, params)

    def end_of_turn(self) -> SmartTurnAnalyzer:
        """The turn analyzer of one call."""
        return SmartTurnAnalyzer(self._turn_session, self.queue, SmartTurnParams())

    def close(self) -> None:
        """End the threads."""
        self.queue.close()
