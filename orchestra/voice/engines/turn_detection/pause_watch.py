"""When the caller falls silent, long before voice activity detection is sure that a stretch of speech has ended."""

from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADState
from pipecat.frames.frames import InputAudioRawFrame

from orchestra.voice.engines.turn_detection.frames import CallerPausedFrame, CallerWentOnFrame

#: silence that counts as a pause, in seconds: one window of Silero, which is 0.1 s late by itself. In 256 s of a
#: person's speech the ends of 80 sentences are noticed after 0.12 s, and 34 other pauses; with three windows 0.20 s, 24
PAUSE_S = 0.03
#: voice that ends a pause, in seconds: more than one window, which a click fills
_VOICE_S = 0.05


class PauseWatch:
    """Follows one call's VAD analyzer, which already counts the silence that it has not reported yet."""

    def __init__(self, vad: VADAnalyzer) -> None:
        self._vad = vad
        self._paused = False
        self._voice_s = 0.0

    def look(self, frame: InputAudioRawFrame) -> CallerPausedFrame | CallerWentOnFrame | None:
        """What has happened with ``frame``, which the analyzer has just heard."""
        state = self._vad._vad_state  # noqa: SLF001 - there is no other way to know of a silence that is short
        if state is VADState.STOPPING:
            self._voice_s = 0.0
            if not self._paused and self.silence_s >= PAUSE_S:
                self._paused = True
                return CallerPausedFrame()
        elif self._paused and state is VADState.SPEAKING:
            self._voice_s += frame.num_frames / frame.sample_rate
            if self._voice_s >= _VOICE_S:
                self._paused = False
                return CallerWentOnFrame()
        elif self._paused:
            self._paused = False  # reported as the end of a stretch; so will be the start of the next one
        return None

    @property
    def silence_s(self) -> float:
        """How long the caller has been silent within this stretch of speech, in seconds."""
        windows = self._vad._vad_stopping_count  # noqa: SLF001
        return float(windows * self._vad.num_frames_required() / self._vad.sample_rate)
