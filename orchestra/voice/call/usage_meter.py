"""What the speech engines are given in a call, for the call's account."""

from orchestra.voice.audio.chunker import SAMPLE_RATE
from orchestra_schemas import SpeechMetered

_SAMPLE_BYTES = 2


class UsageMeter:
    """Counts the caller's audio for one engine and the agents' words for the other.

    Args:
        call: the call's id.
        stt: name of the engine that hears; assign another when another takes over, behind `take`.
        tts: name of the engine that speaks.
        sample_rate: of the caller's audio, in Hz.

    """

    def __init__(self, call: str, stt: str, tts: str, sample_rate: int = SAMPLE_RATE) -> None:
        self.stt = stt
        self.tts = tts
        self._call = call
        self._bytes_per_s = sample_rate * _SAMPLE_BYTES
        self._audio_bytes = 0
        self._characters = 0

    def count_audio(self, samples: bytes) -> None:
        """These samples (16-bit) go to the engine that hears."""
        self._audio_bytes += len(samples)

    def count_text(self, text: str) -> None:
        """These words go to the engine that speaks."""
        self._characters += len(text)

    def take(self, turn: int) -> SpeechMetered | None:
        """What was counted since the last time that this was asked; None for nothing."""
        audio_bytes, characters = self._audio_bytes, self._characters
        if not audio_bytes and not characters:
            return None
        self._audio_bytes = self._characters = 0
        return SpeechMetered(
            call=self._call,
            turn=turn,
            stt=self.stt,
            stt_s=round(audio_bytes / self._bytes_per_s, 3),
            tts=self.tts,
            tts_characters=characters,
        )
