"""Speech to text with faster-whisper tiny.en, tuned for the short utterances of telephone calls.

Whisper encodes a window of 30 s, even for short speech. Most utterances last 1 to 6 s, and the encoder
accepts a shorter window: 10 s take under a third of the time (0.12 s instead of 0.44 s on two cores) and cost one word
in a hundred (4.8 % wrong instead of 3.7 %, telephone audio of the Piper voice). A window cut closer to the speech makes
the decoder repeat itself; a result that looks like a repetition is computed again with the full window.
"""

import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from orchestra.errors import EngineError
from orchestra.voice.engines.local.files import WHISPER, missing_library, model_paths

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

RATE = 16_000
_FRAMES_PER_S = 100
_WINDOW_S = 30.0
_MIN_WINDOW_S = 10.0
_MARGIN_S = 2.0
_MAX_SHORT_S = 20.0
_MIN_S = 0.1
_LEAD_S = 0.6
_TOKENS_PER_S = 8
_SPARE_TOKENS = 24
_MAX_COMPRESSION = 2.4  # the compression ratio above which Whisper's authors consider a result a repetition
_NO_SPEECH = 0.6
_UNSURE = -1.0


class WhisperTranscriber:
    """One Whisper model of a process; safe to call from several threads."""

    def __init__(self, model: "WhisperModel") -> None:
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415 - the extra `local` may be missing
        from faster_whisper.transcribe import get_suppressed_tokens  # noqa: PLC0415

        self._model = model
        self._tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language="en")
        self._suppressed = list(get_suppressed_tokens(self._tokenizer, [-1]))
        self._prompt = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]

    @classmethod
    def load(cls, data_dir: Path, threads: int) -> "WhisperTranscriber":
        """Load and warm the model; ``threads`` is how many cores one transcription uses.

        Raises:
            MissingExtraError: the library or a model file is missing or damaged.

        """
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the model is a local folder: it must not be looked up on the hub
        try:
            from faster_whisper import WhisperModel  # noqa: PLC0415 - the extra `local` may be missing
        except ImportError as error:
            raise missing_library(error) from error
        folder = model_paths(WHISPER, data_dir)[0].parent
        model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        transcriber = cls(model)
        transcriber.transcribe(np.zeros(RATE, np.float32), quick=True)
        return transcriber

    def transcribe(self, samples: npt.NDArray[np.float32], *, quick: bool) -> str:
        """The words in ``samples`` (mono, 16 kHz, -1 … 1); "" when there is no speech in them.

        ``quick`` uses the short window.

        Raises:
            EngineError: the model failed.

        """
        seconds = len(samples) / RATE
        if seconds < _MIN_S:
            return ""
        # Whisper drops, doubles or questions a word at the very start of the audio ("No? No?"), but not after a pause.
        samples = np.concatenate([np.zeros(int(_LEAD_S * RATE), np.float32), samples])
        seconds += _LEAD_S
        try:
            text = self._short(samples, seconds) if quick and seconds <= _MAX_SHORT_S else None
            return self._full(samples) if text is None else text
        except (RuntimeError, ValueError) as error:
            msg = f"Whisper failed on {seconds:.1f} s of audio: {error}"
            raise EngineError(msg) from error

    def _short(self, samples: npt.NDArray[np.float32], seconds: float) -> str | None:
        """The words, from a window cut to the speech; None if the result cannot be trusted."""
        from faster_whisper.transcribe import get_ctranslate2_storage  # noqa: PLC0415 - the extra `local` may be missing

        features = self._model.feature_extractor(samples)
        frames = int(max(_MIN_WINDOW_S, seconds + _MARGIN_S) * _FRAMES_PER_S)
        window = np.zeros((1, features.shape[0], frames), np.float32)
        window[0, :, : min(frames, features.shape[1])] = features[:, :frames]
        most = int(seconds * _TOKENS_PER_S) + _SPARE_TOKENS
        result = self._model.model.generate(
            self._model.model.encode(get_ctranslate2_storage(window)),
            [self._prompt],
            beam_size=1,
            max_length=len(self._prompt) + most,
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0]
        if result.no_speech_prob > _NO_SPEECH and result.scores[0] < _UNSURE:
            return ""
        text = str(self._tokenizer.decode(tokens)).strip()
        return None if len(tokens) >= most or _compression(text) > _MAX_COMPRESSION else text

    def _full(self, samples: npt.NDArray[np.float32]) -> str:
        options: dict[str, Any] = {"language": "en", "beam_size": 1, "condition_on_previous_text": False}
        options["without_timestamps"] = len(samples) <= _WINDOW_S * RATE  # longer speech is cut by its time stamps
        segments, _ = self._model.transcribe(samples, **options)
        return " ".join(segment.text.strip() for segment in segments).strip()


def _compression(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0
