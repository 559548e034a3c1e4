"""Voice activity: Silero VAD without a thread, on a session that all calls share, and only for windows that matter.

Pipecat counts a window of audio (32 ms) as speech when the model is sure *and* it is loud enough. Most windows of a
call are not loud enough, since one side listens while the other speaks; for these the model is not run. A run takes
0.4 ms, which was a third of the CPU time of a call on an edge.

Speech needs 0.2 s of windows of which the model is sure. A quick "no" or a letter has half of that; so does a click.
Such a sound is no speech, but it is reported once it is over: what the speech-to-text engine hears in it decides.
"""

import math
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt
from pipecat.audio.utils import exp_smoothing
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

#: volume 0 and 1 in dB below full scale, as Pipecat counts it (in LUFS)
_QUIET_DB, _LOUD_DB = -110.0, -10.0
#: below this, loudness is not measured (the absolute gate of ITU-R BS.1770) and volume is 0, in dB
_GATE_DB = -70.0
#: volume is measured over this many windows (0.4 s), and smoothed by this factor from window to window
_VOLUME_WINDOWS = 13
_SMOOTHING = 0.2
#: the least that the weighting of BS.1770 adds to the power of telephone speech, in dB
_WEIGHTING_DB = 3.0
#: the model has memory: it is first run on this many of the windows that were skipped (0.3 s)
_CATCH_UP = 10
_FULL_SCALE = 32768.0
#: a sound may become speech after this many of its windows (0.06 s): of 330 noises 38 get so far without becoming any
_POSSIBLE_VOICE_WINDOWS = 2
#: a short sound is speech with this probability …
_SHORT_SOUND_CONFIDENCE = 0.5
#: … for this many windows in a row, and for this long, in seconds
_SHORT_SOUND_WINDOWS = 3
SHORT_SOUND_S = 0.1

Window = npt.NDArray[np.float32]


class SharedSilero(SileroOnnxModel):
    """The state of one call's stream, on a shared session."""

    def __init__(self, session: Any) -> None:  # the stock constructor only builds a session
        self.session = session
        self.sample_rates = [8_000, 16_000]
        self.reset_states()  # type: ignore[no-untyped-call]

    def confidence(self, window: Window, sample_rate: int) -> float:
        """The probability of speech: the stock call without its checks, which take a fifth of the time."""
        context = 64 if sample_rate == 16_000 else 32  # noqa: PLR2004 - the model's two rates
        if self._context.shape[1] != context:
            self._context = np.zeros((1, context), np.float32)
        samples = np.concatenate((self._context, window[None]), axis=1)
        given = {"input": samples, "state": self._state, "sr": np.array(sample_rate, np.int64)}
        out, self._state = self.session.run(None, given)
        self._context = samples[:, -context:]
        return float(out[0, 0])


class InlineVAD(SileroVADAnalyzer):
    """Silero VAD without a thread, run only on windows that are loud enough to count.

    Volume is the mean power of the last 0.4 s instead of its loudness after ITU-R BS.1770, which costs 0.2 ms a window.
    It falls smoothly, as the stock analyzer's does, but rises at once: smoothed, the first sound after the digital
    silence of a browser or of a carrier with silence suppression counts 0.13 s late, if at all. Of 84 short utterances
    at -18 to -30 dBFS after such a silence 1 is missed instead of 15, and the others begin after 0.23 s instead of
    0.38 s; with noise at -60 dBFS both miss 1, after 0.23 s and 0.25 s.
    """

    def __init__(self, session: Any, params: VADParams | None = None) -> None:
        VADAnalyzer.__init__(self, params=params)  # skips the stock constructor, which builds a session
        self._silero = SharedSilero(session)
        self._model = self._silero
        self._windows_since_reset = 0
        self._low_confidence_windows = 0
        self._volume = 0.0
        self._powers: deque[float] = deque([0.0] * _VOLUME_WINDOWS, _VOLUME_WINDOWS)
        self._unasked: deque[Window] = deque(maxlen=_CATCH_UP)
        self._sound_windows = self._silent_windows = 0
        self._sound_noticed = False
        #: a short sound has just ended; whoever reads this sets it to False
        self.short_sound_ended = False

    @property
    def voice_starting(self) -> bool:
        """Whether the last windows were speech; enough of them for a start of speech, or not yet.

        The frame that reports the start reaches the strategies after the audio that made it sure.
        """
        return self._vad_state in {VADState.STARTING, VADState.SPEAKING}

    @property
    def voice_possible(self) -> bool:
        """Whether enough of the last windows were speech to expect more of it, and too few to be sure."""
        return self._vad_state is VADState.STARTING and self._vad_starting_count >= _POSSIBLE_VOICE_WINDOWS

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """The state after ``buffer`` (16-bit PCM)."""
        return self._run_analyzer(buffer)

    def voice_confidence(self, buffer: bytes) -> float:
        """The probability that this window is speech; 0 if it is too quiet to count."""
        samples = np.frombuffer(buffer, np.int16)
        window = samples.astype(np.float32)
        window /= _FULL_SCALE
        self._powers.append(float(np.dot(window, window)) / window.size)
        self._volume = self._follow_volume()
        if self._volume < self._params.min_volume:
            self._unasked.append(window)
            confidence = 0.0
        else:
            if self._unasked:
                self._catch_up()
            confidence = self._silero.confidence(window, self.sample_rate)
            self._maybe_reset_model(confidence)
        self._notice(confidence)
        return confidence

    def _notice(self, confidence: float) -> None:
        """Look for a sound that is too short for speech, with as much silence after it as ends speech."""
        if self._vad_state in {VADState.SPEAKING, VADState.STOPPING}:
            self._sound_windows, self._sound_noticed = 0, False
        elif confidence >= _SHORT_SOUND_CONFIDENCE:
            self._sound_windows += 1
            self._silent_windows = 0
            self._sound_noticed = self._sound_noticed or self._sound_windows >= _SHORT_SOUND_WINDOWS
        else:
            self._sound_windows = 0
            self._silent_windows += 1
            if self._sound_noticed and self._silent_windows >= self._vad_stop_frames:
                self._sound_noticed, self.short_sound_ended = False, True

    def _get_smoothed_volume(self, audio: bytes) -> float:  # noqa: ARG002 - the stock signature
        return self._volume  # of the window that was just processed

    def _follow_volume(self) -> float:
        smoothed = exp_smoothing(_volume(sum(self._powers) / _VOLUME_WINDOWS), self._prev_volume, _SMOOTHING)
        return max(smoothed, _volume(self._powers[-1]))

    def _catch_up(self) -> None:
        """Reset the model, as the stock analyzer does in every silence, and run it on the windows just before."""
        self._silero.reset_states()  # type: ignore[no-untyped-call]
        self._windows_since_reset = self._low_confidence_windows = 0
        while self._unasked:
            self._silero.confidence(self._unasked.popleft(), self.sample_rate)


def _volume(power: float) -> float:
    level = 10 * math.log10(power) + _WEIGHTING_DB if power > 0 else _QUIET_DB
    return 0.0 if level < _GATE_DB else min(1.0, (level - _QUIET_DB) / (_LOUD_DB - _QUIET_DB))
