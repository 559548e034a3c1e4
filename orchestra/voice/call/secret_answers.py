"""What a caller answers to a secret question: hidden in everything that the edge publishes, and kept in the vault."""

from collections.abc import Callable

from msgspec.structs import replace

from orchestra.bus.vault import KEY, WORDS
from orchestra.history.secret_question import CLOSED, SecretQuestion, reduce_secret
from orchestra_schemas import (
    SECRET,
    SECRET_KEY,
    BackchannelHeard,
    DigitPressed,
    Event,
    ReplyChunk,
    TranscriptFinal,
    TranscriptPartial,
    UserTurnEnded,
    UserTurnPredicted,
)

#: puts a text in the vault: the call, the field, the text
KeepSecret = Callable[[str, str, str], None]

_ANSWERS = (TranscriptPartial, TranscriptFinal, UserTurnPredicted, UserTurnEnded, BackchannelHeard)


class SecretAnswers:
    """Hides the caller's words, keys and audio from the moment at which a secret question is known.

    They are hidden until the agents are done with the answer, and a caller who is still speaking then has finished.

    Args:
        call: the call's id.
        keep: puts a text in the vault.
        question: what an edge before this one knew.

    """

    def __init__(self, call: str, keep: KeepSecret, question: SecretQuestion = CLOSED) -> None:
        self._call = call
        self._keep = keep
        self._question = question
        self._goes_on = False  # the question is over, and the caller still speaks

    @property
    def open(self) -> bool:
        """Whether the caller's side is hidden now."""
        return self._question.open or self._goes_on

    def take(self, event: Event, turn: int, *, speaks: bool) -> None:
        """Note an event of the call; ``turn`` is the current one, and ``speaks`` whether the caller has begun one."""
        if isinstance(event, ReplyChunk) and event.turn != turn:
            return  # it is not said any more
        before, self._question = self._question, reduce_secret(self._question, event)
        if before.open and not self._question.open:
            self._goes_on = speaks

    def look(self, *, speaks: bool) -> None:
        """See whether the caller still speaks; call this often."""
        self._goes_on = self._goes_on and speaks

    def hidden(self, event: Event) -> Event:
        """The event as it may be published."""
        if not self.open:
            return event
        if isinstance(event, DigitPressed):
            return replace(event, digit=SECRET_KEY)
        return replace(event, text=SECRET) if isinstance(event, _ANSWERS) and event.text else event

    def keep(self, event: Event, stored: Event) -> None:
        """Keep what was hidden of an event that has been published in this step of the event loop, as ``stored``."""
        if isinstance(event, DigitPressed):
            self._keep(self._call, KEY + stored.id, event.digit)
        elif isinstance(event, UserTurnPredicted | UserTurnEnded):
            self._keep(self._call, f"{WORDS}{event.turn}", event.text)

    def silenced(self, audio: bytes) -> bytes:
        """The caller's audio as it may be published."""
        return bytes(len(audio)) if self.open else audio
