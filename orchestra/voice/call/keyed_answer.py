"""Keys that a caller presses although they were asked to speak: they are their answer."""

from collections.abc import Callable

from orchestra.voice.call.conversation import Conversation
from orchestra_schemas import Event, ReplyChunk, TurnCompleted

#: a longer pause after a key ends the answer, in seconds; as of `collect_digits`
_NEXT_WITHIN_S = 4.0
_END = "#"


class KeyedAnswer:
    """Gathers the keys that answer a question, and ends the caller's turn with them.

    ::

        agent    What is your PIN?                                  (takes keys)
        caller                4 2 7 1 #
        edge                            UserTurnEnded "4271"

    Who also speaks is heard first: the keys are the answer to what they are asked then.

    Attributes:
        since: while a turn ends with keys, when the first of them was pressed, by ``now``; otherwise 0.0.

    """

    def __init__(self, conversation: Conversation, now: Callable[[], float], asked_in: int = -1) -> None:
        self._conversation = conversation
        self._now = now
        self._asked_in = asked_in  # the turn whose reply asks for what may be keyed in
        self._keys = ""
        self._began_at = self._complete_at = self.since = 0.0

    def take(self, event: Event) -> None:
        """Note an event of the call."""
        if isinstance(event, ReplyChunk) and event.takes_keys and event.turn == self._conversation.turns.turn:
            self._asked_in = event.turn
        elif isinstance(event, TurnCompleted) and event.turn > self._asked_in:
            self._asked_in, self._keys = -1, ""

    def press(self, key: str) -> None:
        """The caller has pressed a key."""
        if self._conversation.turns.turn != self._asked_in:
            return  # another tool waits for keys, or nobody does
        self._began_at = self._began_at if self._keys else self._now()
        self._keys += key if key.isdigit() else ""
        self._complete_at = self._now() + (0.0 if key == _END else _NEXT_WITHIN_S)
        self.look()

    def look(self) -> None:
        """End the caller's turn once their answer is complete; call this often."""
        conversation = self._conversation
        waits = conversation.caller_speaks or conversation.turns.turn != self._asked_in
        if not self._keys or waits or self._now() < self._complete_at:
            return
        keys, self._keys, self.since = self._keys, "", self._began_at
        conversation.caller_started()
        conversation.caller_stopped()
        conversation.turn_ended(keys)
        self.since = 0.0
