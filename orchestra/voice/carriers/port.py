"""What a call needs of a telephone company, whichever it is: audio both ways, and marks in it.

A carrier turns its own messages into these and these into its own. So nothing of a call, its audio or its pipeline
knows a carrier's protocol.
"""

from typing import NamedTuple, Protocol


class AudioReceived(NamedTuple):
    """A frame of the caller's audio.

    Attributes:
        samples: signed 16-bit, mono, little-endian, at the stream's rate.
        timestamp_ms: the carrier's own time stamp, counted from any moment; None where it sent none.

    """

    samples: bytes
    timestamp_ms: int | None = None


class MarkReturned(NamedTuple):
    """All audio that was sent before this mark has been played, or cleared."""

    name: str


class DigitReceived(NamedTuple):
    """The caller pressed a key: 0 to 9, ``*`` or ``#``."""

    digit: str


class StreamStopped(NamedTuple):
    """The carrier has ended the stream: the caller hung up, or the call goes on without its agents."""


Received = AudioReceived | MarkReturned | DigitReceived | StreamStopped


class MediaStream(Protocol):
    """The audio of one call, both ways. A call whose stream broke gets another one."""

    @property
    def sample_rate(self) -> int:
        """Of the audio in both directions, in Hz."""

    async def receive(self) -> Received:
        """What comes next.

        Raises:
            RejectedError: the carrier broke its protocol.
            StreamLostError: the connection is gone without a `StreamStopped`.

        """

    async def send_audio(self, samples: bytes) -> bool:
        """Have this played (16-bit samples) after what was sent before. False: the stream is closed."""

    async def send_mark(self, name: str) -> None:
        """Have `MarkReturned` come back once all that was sent before was played."""

    async def clear(self) -> None:
        """Have the carrier drop what it has not played; the marks in it come back."""


class StreamLostError(Exception):
    """The connection is gone, and the carrier did not say that the stream is over: it may bring the caller back."""
