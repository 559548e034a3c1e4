"""Speech without keys: faster-whisper tiny.en and a Piper voice, shared by all calls of a process."""

from orchestra.voice.engines.local.synchronous_speech import LocalSpeech

__all__ = ["LocalSpeech"]
