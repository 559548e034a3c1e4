"""Speech to text of one call on the shared Whisper model."""

from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Protocol

from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601
from pipecat.utils.types import is_given

from orchestra.errors import EngineError
from orchestra.language.registry import DEFAULT_CODE
from orchestra.voice.engines.local.early_transcript import EarlyTranscripts
from orchestra.voice.engines.local.joined_stretches import JoinedStretches
from orchestra.voice.engines.local.transcript import Transcript
from orchestra.voice.engines.turn_detection.frames import (
    WORDS_BEGAN,
    CallerPausedFrame,
    CallerWentOnFrame,
    SegmentTranscribedFrame,
    ShortSoundFrame,
)
from orchestra.voice.engines.turn_detection.turn_words import JoinedInterimFrame, JoinedTranscriptionFrame

#: seconds after the end of speech after which no transcript is expected
LATEST_TRANSCRIPT_S = 3.0
#: after this many short sounds without words the line is noisy: more are transcribed only if the machine has time
_WORDLESS_SOUNDS = 3


class SpeechTranscriber(Protocol):
    """The part of the local engine that the service needs."""

    async def transcribe(self, pcm16: bytes, rate: int, language: str) -> str:
        """The words in mono 16-bit PCM of ``rate`` Hz: a `Transcript` if the engine recognized their language.

        Raises EngineError.
        """


class ShortSound(bytes):
    """The audio of a sound that is no stretch of speech."""


class LocalSTT(SegmentedSTTService):
    """Transcribes each stretch of speech when it is probably over, at the latest when the VAD reports its end.

    Args:
        engine: transcribes.
        has_time: whether the machine has time for a transcript that is perhaps in vain.
        language: what the caller speaks, BCP 47 or `AUTO`.

    """

    def __init__(
        self,
        engine: SpeechTranscriber,
        has_time: Callable[[], bool] = lambda: False,
        *,
        language: str = DEFAULT_CODE,
    ) -> None:
        super().__init__(
            ttfs_p99_latency=LATEST_TRANSCRIPT_S,
            trailing_silence_secs=0.0,  # the model's window is always longer than the speech
            settings=STTSettings(model="whisper-tiny.en", language=None),
        )
        self._engine = engine
        self.hears = language
        self._has_time = has_time
        self._early = EarlyTranscripts(self._words_in, self._report_early)
        self._stretches = JoinedStretches()
        self._transcribing = False
        self._stretch_began = 0.0
        self._began: deque[float] = deque()  # when what waits for its words began; 0.0: a short sound, just now
        self._wordless_sounds = 0

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        if not is_given(delta.language):
            return {}
        before, self.hears = self.hears, str(delta.language)
        return {"language": before} if before != self.hears else {}

    def can_generate_metrics(self) -> bool:
        """Yes: time to transcript."""
        return True

    @property
    def wants_wav_segments(self) -> bool:
        """No: plain 16-bit PCM."""
        return False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Transcribe early in a pause, and what was said in a short sound."""
        if isinstance(frame, CallerPausedFrame):
            self._caller_paused()
        elif isinstance(frame, CallerWentOnFrame | VADUserStartedSpeakingFrame):
            self._early.went_on()
        elif isinstance(frame, UserStartedSpeakingFrame):
            self._stretches.turn_started()
        elif isinstance(frame, UserStoppedSpeakingFrame):
            self._stretches.turn_ended()
        await super().process_frame(frame, direction)
        if isinstance(frame, ShortSoundFrame) and not self._user_speaking:
            await self._take_short_sound()

    async def _take_short_sound(self) -> None:
        if self._wordless_sounds >= _WORDLESS_SOUNDS and not self._has_time():
            return
        audio = bytes(self._audio_buffer)
        self._began.append(0.0)
        self._audio_buffer.clear()  # its words are not to be heard again at the start of the next stretch
        await self._segment_queue.put(ShortSound(audio))

    def _caller_paused(self) -> None:
        if self._early.affordable and self._has_time():
            self._early.begin(bytes(self._audio_buffer), self.create_task)

    async def _handle_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        await super()._handle_user_started_speaking(frame)
        self._stretch_began = frame.timestamp - frame.start_secs
        last_is_done = self._segment_queue.empty() and not self._transcribing
        self._stretches.begin(self._audio_buffer, self.sample_rate, allowed=last_is_done and self._has_time())

    async def _handle_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._stretches.end(self._audio_buffer, self.sample_rate)
        self._early.stretch_ended(bytes(self._audio_buffer))
        if self.is_usable:
            self._began.append(self._stretch_began)
        await super()._handle_user_stopped_speaking(frame)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """The words in ``audio``, then the mark that this stretch is done."""
        await self.start_processing_metrics()
        self._transcribing = True
        began = self._began.popleft() if self._began else 0.0
        try:
            text = await self._early.words_of(audio)
        except EngineError as error:
            yield ErrorFrame(error=str(error), exception=error)
        else:
            self._wordless_sounds = 0 if text else self._wordless_sounds + isinstance(audio, ShortSound)
            if text:
                kind = JoinedTranscriptionFrame if self._stretches.is_joined(audio) else TranscriptionFrame
                self._stretches.transcribed(audio)
                frame = kind(text, self._user_id, time_now_iso8601(), _language_of(text))
                frame.metadata[WORDS_BEGAN] = began
                yield frame
        finally:
            self._transcribing = False
        await self.stop_processing_metrics()
        if not isinstance(audio, ShortSound):
            yield SegmentTranscribedFrame()

    async def cleanup(self) -> None:
        """Drop what is being transcribed early."""
        await self._early.close(self.cancel_task)
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def _words_in(self, audio: bytes) -> str:
        return await self._engine.transcribe(audio, self.sample_rate, self.hears)

    async def _report_early(self, words: str) -> None:
        kind = JoinedInterimFrame if self._stretches.joined else InterimTranscriptionFrame
        await self.push_frame(kind(words, self._user_id, time_now_iso8601(), _language_of(words)))


def _language_of(words: str) -> Language | None:
    with suppress(ValueError):  # one that Pipecat does not know
        return Language(words.language) if isinstance(words, Transcript) else None
    return None
