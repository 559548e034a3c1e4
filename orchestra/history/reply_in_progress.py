"""Tells whether a reply is being generated or played, from the journal of a running call."""

from orchestra_schemas import (
    CallEnded,
    Event,
    ReplyInterrupted,
    ReplySpoken,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
)


class ReplyInProgress:
    """Follows a call; calling the object returns whether the caller should wait for a reply."""

    def __init__(self) -> None:
        self._turns: set[int] = set()

    def __call__(self) -> bool:
        """Whether the reply to a turn is not complete yet."""
        return bool(self._turns)

    def follow(self, event: Event) -> None:
        """Follow one event of the call."""
        match event:
            case UserTurnEnded(turn=turn):
                self._turns.add(turn)
            case ReplySpoken(turn=turn) | ReplyInterrupted(turn=turn) | TurnCancelled(turn=turn):
                self._turns.discard(turn)
            case TurnCompleted(turn=turn, text=""):
                self._turns.discard(turn)
            case CallEnded():
                self._turns.clear()
            case _:
                pass
