"""Whether the caller is being asked for something secret: a fold of the journal, for the edge that hides the answer.

::

    journal   chunk 1 (secret)   UserTurnEnded 2  chunk 2 (secret)   UserTurnEnded 3   TurnCompleted 3
    open      |-------------------------------------------------------------------------------------|
"""

import msgspec

from orchestra_schemas import (
    AppChanged,
    Event,
    OperatorTookOver,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    TurnCompleted,
    UserTurnResumed,
)


class SecretQuestion(msgspec.Struct, frozen=True):
    """The turn whose reply has asked last for something secret; -1: nothing secret is asked for.

    ``before`` is the same without the question of a turn that may prove not to be over.
    """

    asked_in: int = -1
    before: int = -1

    @property
    def open(self) -> bool:
        """Whether what the caller says or presses may be secret."""
        return self.asked_in >= 0


CLOSED = SecretQuestion()


def reduce_secret(question: SecretQuestion, event: Event) -> SecretQuestion:
    """The question after one more event. A cancelled turn changes nothing: what it was to understand is still open."""
    match event:
        case ReplyChunk(secret=True) if event.turn != question.asked_in:
            return SecretQuestion(event.turn, question.asked_in)
        case UserTurnResumed() if event.turn == question.asked_in:
            return SecretQuestion(question.before)
        case TurnCompleted() if event.turn > question.asked_in:
            return CLOSED
        case OperatorTookOver() | AppChanged():  # agents drop their questions
            return CLOSED
        case ReplySpoken(operator=operator) | ReplyInterrupted(operator=operator) if operator:
            return CLOSED
        case _:
            return question
