"""Messages of media WebSockets in JSON: strict reading, and what several carriers' messages have in common."""

from typing import Generic, Literal, TypeVar

import msgspec

from orchestra.errors import MalformedMessageError, RejectedError
from orchestra.voice.carriers.port import LONGEST_MESSAGE

MessageT = TypeVar("MessageT")

#: a key of a telephone
Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]
#: time stamps may be epoch milliseconds
_LATEST_MS = 10**14


class MediaInfo(msgspec.Struct, frozen=True):
    """Audio of one direction: its bytes in the stream's format, and milliseconds from any moment."""

    payload: bytes
    timestamp: int | float | str | None = None
    track: str | None = "inbound"

    @property
    def is_inbound(self) -> bool:
        """Whether it is the caller's. Audio without a track is."""
        return self.track in ("inbound", "inbound_track", None)

    @property
    def timestamp_ms(self) -> int | None:
        """The time stamp as a number; None if there is none."""
        stamp = self.timestamp
        if isinstance(stamp, str):
            stamp = int(stamp[:16]) if stamp.isascii() and stamp.isdecimal() else None
        return int(stamp) if stamp is not None and -_LATEST_MS < stamp < _LATEST_MS else None


class DigitInfo(msgspec.Struct, frozen=True):
    """The key that was pressed."""

    digit: Key


class MessageDecoder(Generic[MessageT]):
    """Reads messages whose field ``event``, or another ``tag_field``, names their kind.

    Args:
        decoder: of the union of all kinds.
        kinds: their names.
        what: what a text should have been, for errors: "message of an audio stream".
        tag_field: the field that names the kind.

    """

    def __init__(
        self, decoder: msgspec.json.Decoder[MessageT], kinds: frozenset[str], what: str, *, tag_field: str = "event"
    ) -> None:
        self._decode = decoder.decode
        self._kinds = kinds
        self._what = what
        self._tag_field = tag_field
        self._decode_named = msgspec.json.Decoder(msgspec.defstruct("_Named", [(tag_field, str)])).decode

    def read(self, data: str | bytes) -> MessageT | None:
        """One message; None for a kind that this version does not know.

        Raises:
            MalformedMessageError: a field breaks the protocol; the stream can continue without the message.
            RejectedError: binary, too long, not JSON, not a message.

        """
        if isinstance(data, bytes):
            msg = f"a binary message of {len(data)} bytes"
            raise RejectedError(msg)
        if len(data) > LONGEST_MESSAGE:
            msg = f"a message of {len(data)} characters, more than {LONGEST_MESSAGE}"
            raise RejectedError(msg)
        try:
            return self._decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            kind = self._kind_of(data) if isinstance(error, msgspec.ValidationError) else ""
            if kind and kind not in self._kinds:
                return None
            msg = f"no {self._what}: {error}"  # without the message's text, which may contain a token
            raise (MalformedMessageError if kind else RejectedError)(msg) from None

    def _kind_of(self, data: str) -> str:
        """The kind that a message names; empty if it names none."""
        try:
            return str(getattr(self._decode_named(data), self._tag_field))
        except (msgspec.DecodeError, RecursionError):
            return ""
