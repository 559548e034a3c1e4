"""Whether a reply is being made or played, by following the journal of a running call."""

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
    """Follows a call; calling it answers whether the caller has a reply to wait for."""

    def __init__(self) -> None:
        self._turns: set[int] = set()

    def __call__(self) -> bool:
        """Whether a turn has not been answered to its end."""
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
