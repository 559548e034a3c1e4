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

#: words that come later are not of a voice from before, even if no voice is known to have begun since, in seconds
_LATE_S = 30.0
#: puts a text in the vault: the call, the field, the text
KeepSecret = Callable[[str, str, str], None]

_ANSWERS = (TranscriptPartial, TranscriptFinal, UserTurnPredicted, UserTurnEnded, BackchannelHeard)


class SecretAnswers:
    """Hides the caller's words, keys and audio from the moment at which a secret question is known.

    They are hidden until the agents are done with the answer, and a caller who is still speaking then has finished.
    What began to be heard before that is hidden whenever it comes: engines recognize words late, and voices too.

    ::

        question   ----------------|
        caller       ... 4242 |      |-- thank you --|
        engine                          "4242" hidden    "thank you"

    Args:
        call: the call's id.
        keep: puts a text in the vault.
        now: the time, in epoch seconds, as of all moments here.
        question: what an edge before this one knew.

    """

    def __init__(
        self, call: str, keep: KeepSecret, now: Callable[[], float], question: SecretQuestion = CLOSED
    ) -> None:
        self._call = call
        self._keep = keep
        self._now = now
        self._question = question
        self._goes_on = False  # the question is over, and the caller still speaks
        self._over_at = 0.0  # when the caller's side was last hidden

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
            self._goes_on, self._over_at = speaks, self._now()

    def look(self, since: float, *, speaks: bool) -> None:
        """See whether the caller still speaks, whose voice began at ``since``; call this often."""
        if self._goes_on and not speaks:
            self._over_at = self._now()
        self._goes_on = speaks and (self._goes_on or self._is_of_answer(since))

    def hidden(self, event: Event, since: float) -> Event:
        """The event as it may be published; its words, if it has any, began to be heard at ``since``."""
        if isinstance(event, DigitPressed):
            return replace(event, digit=SECRET_KEY) if self.open else event
        if not isinstance(event, _ANSWERS) or not event.text or not (self.open or self._is_of_answer(since)):
            return event
        return replace(event, text=SECRET)

    def keep(self, event: Event, stored: Event) -> None:
        """Keep what was hidden of an event that has been published in this step of the event loop, as ``stored``."""
        if isinstance(event, DigitPressed):
            self._keep(self._call, KEY + stored.id, event.digit)
        elif isinstance(event, UserTurnPredicted | UserTurnEnded):
            self._keep(self._call, f"{WORDS}{event.turn}", event.text)

    def silenced(self, audio: bytes, since: float) -> bytes:
        """The caller's audio from ``since`` on as it may be published."""
        return bytes(len(audio)) if self.open or since <= self._over_at else audio

    def _is_of_answer(self, since: float) -> bool:
        return since <= self._over_at and self._now() < self._over_at + _LATE_S
