"""What a conversation asks about the agent's speech: what of it was made, sent and heard."""

from typing import Protocol


class Playback(Protocol):
    """The agent's speech on its way to the caller: `CallAudio` has it as audio, `TextPlayback` as text.

    Everything counts from the last time that the output was cleared.
    """

    @property
    def words_with_audio(self) -> int:
        """How many words of this reply will be heard if nothing clears them."""

    @property
    def queued_ms(self) -> float:
        """Milliseconds of speech that were made."""

    @property
    def sent_ms(self) -> float:
        """Milliseconds of it that were given to the carrier."""

    def reply_heard(self) -> list[str]:
        """The words of this reply that the caller has heard."""

    def begin_reply(self) -> None:
        """Another reply follows, although the last was not cleared: do not count the words of that one."""

    def since_caller_sound(self, ago_s: float) -> float:
        """How many seconds ago the caller's last sound was, if voice activity detection says ``ago_s``."""
