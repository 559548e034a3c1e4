"""How much audio and text the speech engines of a call process, for its cost."""

from orchestra.voice.audio.chunker import SAMPLE_RATE
from orchestra_schemas import SpeechMetered

_SAMPLE_BYTES = 2


class UsageMeter:
    """Counts the caller's audio for the STT engine and the agents' text for the TTS engine.

    Args:
        call: the call's id.
        stt: name of the STT engine; when another one takes over, call `take` first and then assign its name.
        tts: name of the TTS engine.
        sample_rate: of the caller's audio, in Hz.

    """

    def __init__(self, call: str, stt: str, tts: str, sample_rate: int = SAMPLE_RATE) -> None:
        self.stt = stt
        self.tts = tts
        self._call = call
        self._bytes_per_s = sample_rate * _SAMPLE_BYTES
        self._audio_bytes = 0
        self._characters = 0
        self._wasted = 0

    def count_audio(self, samples: bytes) -> None:
        """These samples (16-bit) go to the STT engine."""
        self._audio_bytes += len(samples)

    def count_seconds(self, seconds: float) -> None:
        """So much audio of another speaker goes to the STT engine."""
        self._audio_bytes += round(seconds * self._bytes_per_s)

    def count_text(self, text: str) -> None:
        """This text goes to the TTS engine."""
        self._characters += len(text)

    def count_wasted(self, text: str) -> None:
        """The TTS engine was given this text, and it is not said."""
        self._wasted += len(text)

    def take(self, turn: int) -> SpeechMetered | None:
        """What was counted since the last call of this method; None if nothing was."""
        audio_bytes, characters, wasted = self._audio_bytes, self._characters, self._wasted
        if not audio_bytes and not characters and not wasted:
            return None
        self._audio_bytes = self._characters = self._wasted = 0
        return SpeechMetered(
            call=self._call,
            turn=turn,
            stt=self.stt,
            stt_s=round(audio_bytes / self._bytes_per_s, 3),
            tts=self.tts,
            tts_characters=characters,
            tts_characters_wasted=wasted,
        )
