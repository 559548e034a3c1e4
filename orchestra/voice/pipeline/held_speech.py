"""Speech that is made before the caller's turn is over, and held until it is."""

from collections import deque
from dataclasses import dataclass

from pipecat.frames.frames import EndFrame, Frame, SystemFrame, TTSAudioRawFrame


@dataclass
class HoldSpeechFrame(SystemFrame):
    """The text that follows is of a reply to a predicted turn: hold its speech."""


@dataclass
class ReleaseSpeechFrame(SystemFrame):
    """The predicted turn is over: play what is held at once, and what follows as it comes."""


class HeldSpeech:
    """What the TTS engine makes of the first sentence of a reply to a predicted turn.

    ::

        text    Hold ─ sentence                 Release
        engine           .... audio, words, audio, words ....
        held                  |------------------|
        caller                                   plays from here on

    The call's own engine speaks the sentence, as it would after the turn, so that its word times, its failures and its
    fallback are the same; a sentence that is not ready in time continues as it would without being held. An
    interruption discards what is held. At most one sentence of a call is held: 16 kB for each second of it.
    """

    def __init__(self) -> None:
        self.holding = False
        self._frames: deque[tuple[Frame, int]] = deque()

    def hold(self) -> None:
        """Hold what comes from now on."""
        self.holding = True

    def take(self, frame: Frame, now: int) -> bool:
        """Hold a frame that came at ``now`` (ns). Returns whether it is the first audio.

        The first audio of the engine gives the times of its words, so it is not lost when that came.
        """
        first = isinstance(frame, TTSAudioRawFrame) and not any(
            isinstance(held, TTSAudioRawFrame) for held, _ in self._frames
        )
        self._frames.append((frame, now))
        return first

    def next(self) -> tuple[Frame, int] | None:
        """The next frame to be played, and when it came; None once all were, and nothing is held any more."""
        if self._frames:
            return self._frames.popleft()
        self.holding = False
        return None

    def discard(self) -> None:
        """Forget what is held, and hold nothing more."""
        self._frames.clear()
        self.holding = False


def can_be_held(frame: Frame) -> bool:
    """Whether the frame is one of a reply, and not one that the pipeline itself needs."""
    return not isinstance(frame, SystemFrame | EndFrame)
