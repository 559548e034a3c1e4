"""Where a call stands by its journal alone: for an edge that takes it up, and for whoever decides what comes next."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestra.history.ending import Ending, HangUp, Transfer
from orchestra_schemas import (
    CallAnswered,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    TransferAccepted,
    TransferFailed,
    TurnCancelled,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
)


@dataclass(slots=True)
class Standing:
    """A call as its journal has it.

    ::

        journal   CallStarted  ..  UserTurnEnded 2  chunk A  chunk B  SentenceSpoken A  (the edge dies)
        standing                   turn 2           unsaid: B         heard: A

    Attributes:
        started_at: epoch seconds; 0 while the call has not started.
        turn: the caller's last turn.
        turn_ended_at: when that turn ended, epoch seconds; ``speech_ended_at`` its last sound.
        agent: who replies.
        heard: sentences of the current reply that the caller has heard whole.
        spoken: all that the caller has heard so far.
        complete: all chunks of the current reply are there.
        over: the current reply was spoken to its end, or interrupted.
        ending: what the agent wants to happen after its reply.
        caller_spoke: the caller was saying something when the journal ends.
        resumed: how many times another edge has taken the call up.
        stream: the number of the last media stream that began.
        answered_by: who, or what, answered an outbound call; empty while the carrier has not said.
        transferred: the carrier was told to connect the caller to a person.
        accepted: the person has taken the call.
        transfer_failed: nobody took the call; the caller does not know yet.
        ended: the call is over.

    """

    started_at: float = 0.0
    turn: int = 0
    turn_ended_at: float = 0.0
    speech_ended_at: float = 0.0
    agent: str = ""
    heard: list[str] = field(default_factory=list)
    spoken: str = ""
    complete: bool = False
    over: bool = False
    ending: Ending | None = None
    caller_spoke: bool = False
    resumed: int = 0
    stream: int = 0
    answered_by: str = ""
    transferred: bool = False
    accepted: bool = False
    transfer_failed: bool = False
    ended: bool = False
    _chunks: list[ReplyChunk] = field(default_factory=list)

    @property
    def unsaid(self) -> list[ReplyChunk]:
        """What of the current reply the caller has not heard whole."""
        left = [] if self.over else list(self._chunks)
        for text in self.heard:
            # a holding phrase was heard too, and is no chunk
            place = next((place for place, chunk in enumerate(left) if chunk.text.strip() == text), None)
            if place is not None:
                del left[: place + 1]
        return left

    def take(self, event: Event) -> None:
        """Read one more event of the journal."""
        match event:
            case CallStarted():
                self.started_at = event.at
                self._chunks = [ReplyChunk(call=event.call, text=event.greeting)] if event.greeting else []
                self.complete, self.over = True, not event.greeting
            case CallResumed():
                self.resumed += 1
                self.stream = max(self.stream, event.stream_number)
                self.transfer_failed = False
            case CallAnswered():
                self.answered_by = event.by
            case TransferFailed() | CallTransferred() | TransferAccepted():
                self._take_transfer(event)
            case CallEnded():
                self.ended = True
            case UserSpeechStarted():
                self.caller_spoke = True
            case UserTurnEnded() | UserTurnPredicted():
                self._begin_turn(event)
            case _:
                self._note_spoken(event)
                if event.turn == self.turn:
                    self._take_reply(event)

    def _note_spoken(self, event: Event) -> None:
        match event:
            case SentenceSpoken(text=heard) | ReplySpoken(text=heard) | ReplyInterrupted(heard=heard):
                self.spoken = f"{self.spoken} {heard}"
            case _:
                pass

    def _take_transfer(self, event: TransferFailed | CallTransferred | TransferAccepted) -> None:
        match event:
            case TransferFailed():
                self.ending, self.transferred, self.transfer_failed = None, False, True
                self.over = True  # the reply, if the transfer came with one: it was played before the carrier was told
            case CallTransferred():
                self.transferred = True
            case TransferAccepted():
                self.accepted = True

    def _begin_turn(self, event: UserTurnEnded | UserTurnPredicted) -> None:
        if event.turn != self.turn:  # else it was predicted, and its reply is being made
            self.heard, self._chunks = [], []
            self.complete, self.ending = False, None
        self.turn, self.turn_ended_at, self.speech_ended_at = event.turn, event.at, event.speech_ended_at
        # until it has ended nothing of the reply to it is said
        self.over = self.caller_spoke = isinstance(event, UserTurnPredicted)

    def _take_reply(self, event: Event) -> None:
        match event:
            case ReplyChunk():
                self._chunks.append(event)
                self.agent = event.agent or self.agent
            case TurnCompleted() | TurnCancelled():
                self.complete = True
            case SentenceSpoken():
                self.heard.append(event.text)
            case ReplySpoken():
                self.over, self.caller_spoke = True, False
            case ReplyInterrupted():
                self.over, self.ending = True, None
            case CallEndRequested():
                self.ending = HangUp()
            case CallTransferRequested():
                self.ending = Transfer(event.target, event.briefing)
            case _:
                pass


def standing(journal: Iterable[Event]) -> Standing:
    """Where the call stands after these events."""
    found = Standing()
    for event in journal:
        found.take(event)
    return found
