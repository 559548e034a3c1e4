"""The strategy that ends the caller's turn after the silence that an `Endpointer` allows."""

import math

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import MetricsData, TurnMetricsData
from pipecat.turns.types import ProcessFrameResult

from orchestra.voice.engines.turn_detection.background_look import BackgroundLook
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.frames import SegmentTranscribedFrame
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer
from orchestra.voice.engines.turn_detection.turn_words import TurnWords

#: a caller cannot react to a reply sooner than this after its first sound, in seconds
_REACTION_S = 0.25


class SmartTurnStop(BackgroundLook):
    """Ends the turn after the silence that its words and its sound call for, once its transcript is final.

    Silence is counted in audio, not by a clock, so a stalled process ends no turn early.
    """

    def __init__(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> None:
        super().__init__(analyzer)
        self._endpointer = endpointer
        self._words = TurnWords()
        self._silence_s = -math.inf  # since the caller's last sound; they have made none yet
        self._reply_heard_at_s: float | None = None  # of that silence, when the reply has been heard
        self._pause_s = 0.0  # the silence that ends the turn

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow the caller's voice and words."""
        match frame:
            case VADUserStartedSpeakingFrame():
                self._voice_started(frame.start_secs)
            case VADUserStoppedSpeakingFrame():
                self._silence_s, self._reply_heard_at_s = frame.stop_secs, None
                self._stop_secs_warned = True  # what was said in a short sound is reported later than speech
            case BotStartedSpeakingFrame() if not self._vad_user_speaking:
                self._reply_heard_at_s = self._silence_s + _REACTION_S
            case InterimTranscriptionFrame() | TranscriptionFrame():
                self._words.take(frame)
                self._decide()
            case _:
                pass
        result = await super().process_frame(frame)
        if isinstance(frame, SegmentTranscribedFrame):
            await self._segment_transcribed()
        return result

    async def handle_user_turn_started(self) -> None:
        """Begin a turn: what it answers is known now."""
        self._endpointer.turn_started()
        self._words.clear()
        await super().handle_user_turn_started()  # type: ignore[no-untyped-call]

    async def handle_user_turn_stopped(self) -> None:
        """End a turn."""
        if self._words.any_final:
            self._endpointer.turn_ended()
        self._words.clear()
        await super().handle_user_turn_stopped()  # type: ignore[no-untyped-call]

    def _voice_started(self, start_s: float) -> None:
        pause_s = self._silence_s - start_s
        reacts = self._reply_heard_at_s is not None and pause_s > self._reply_heard_at_s
        self._endpointer.voice_started(None if reacts or pause_s < 0 else pause_s)

    def _decide(self) -> None:
        self._pause_s = self._endpointer.pause_s(self._words.text)

    async def _handle_prediction_result(self, result: MetricsData | None) -> None:
        if isinstance(result, TurnMetricsData):
            self._endpointer.sound_judged(result.probability)
        self._decide()
        await super()._handle_prediction_result(result)

    async def _handle_input_audio(self, frame: InputAudioRawFrame) -> None:
        self._turn_analyzer.append_audio(frame.audio, self._vad_user_speaking)
        if self._vad_user_speaking:
            return
        self._silence_s += len(frame.audio) / (2 * frame.num_channels * frame.sample_rate)
        if self._vad_stopped and self._text and self._silence_s >= self._pause_s:
            await self._maybe_trigger_user_turn_stopped()

    async def _maybe_trigger_user_turn_stopped(self) -> None:
        if self._vad_stopped:  # otherwise the voice was too soft for the VAD, and only its transcripts count
            self._turn_complete = self._silence_s >= self._pause_s and not self._endpointer.voice_starting()
        await super()._maybe_trigger_user_turn_stopped()

    async def _segment_transcribed(self) -> None:
        """Wait for no more words; end a turn without any at once: noise must not delay the reply."""
        if self._vad_user_speaking:
            return
        if self._text:
            self._transcript_finalized = True
            await self._maybe_trigger_user_turn_stopped()
        else:
            await self.trigger_user_turn_stopped()
