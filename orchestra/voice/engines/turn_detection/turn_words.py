"""The words of the caller's turn so far, as its transcripts come."""

from dataclasses import dataclass

from pipecat.frames.frames import InterimTranscriptionFrame, TranscriptionFrame


@dataclass
class JoinedInterimFrame(InterimTranscriptionFrame):
    """Early words of a stretch of speech and the one before it, whose final transcript they replace."""


@dataclass
class JoinedTranscriptionFrame(TranscriptionFrame):
    """The words of a stretch of speech and the one before it, whose final transcript they replace."""


class TurnWords:
    """The transcripts of one turn."""

    def __init__(self) -> None:
        self._finals: list[str] = []
        self._interim = ""
        self._interim_replaces = False

    def take(self, frame: InterimTranscriptionFrame | TranscriptionFrame) -> None:
        """Add a transcript."""
        if isinstance(frame, InterimTranscriptionFrame):
            self._interim, self._interim_replaces = frame.text, isinstance(frame, JoinedInterimFrame)
            return
        if isinstance(frame, JoinedTranscriptionFrame):
            del self._finals[-1:]
        self._finals.append(frame.text)
        self._interim, self._interim_replaces = "", False

    def clear(self) -> None:
        """Begin another turn."""
        self._finals, self._interim, self._interim_replaces = [], "", False

    @property
    def any_final(self) -> bool:
        """Whether a final transcript has come."""
        return bool(self._finals)

    @property
    def text(self) -> str:
        """All of them."""
        finals = self._finals[:-1] if self._interim_replaces else self._finals
        return " ".join([*finals, self._interim]).strip()
