"""The state that an edge needs to continue another edge's call: a fold of the journal, part of the call's history."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestra.history.ending import Ending, HangUp, Transfer
from orchestra.history.recording_consent import recording_after
from orchestra.history.secret_question import CLOSED, SecretQuestion, reduce_secret
from orchestra_schemas import (
    AppChanged,
    CallAnswered,
    CallEnded,
    CallEndRequested,
    CallGreeted,
    CallResumed,
    CallScreened,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    CallVariablesRequested,
    CallVariablesSet,
    ConsentGiven,
    ConsentRefused,
    Event,
    LanguageChanged,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
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
    UserTurnResumed,
)


class ResumeState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a call according to its journal.

    ::

        journal   CallStarted  ..  UserTurnEnded 2  chunk A  chunk B  SentenceSpoken A  (the edge dies)
        state                      turn 2           unheard: B        heard: A

    Attributes:
        started_at: epoch seconds; 0 while the call has not started.
        app: the app that has the call, in this ``version``; empty if there is none.
        line: the line that decided which app answers.
        language: in which the call is held (BCP 47).
        variables: what is known of the call, by name.
        greet_by: when the caller is to be greeted at the latest, epoch seconds, if the app was asked for variables
            before; 0 once they were greeted.
        asked_variables: the app was asked, and has not answered.
        turn: the caller's last turn.
        turn_ended_at: when that turn ended, epoch seconds; ``speech_ended_at`` its last sound.
        agent: the agent that replies.
        heard: sentences of the current reply that the caller has heard to their end.
        all_heard: everything that the caller has heard in this call.
        chunks: the chunks of the current reply.
        complete: all chunks of the current reply are known.
        over: the current reply was played to its end, or interrupted.
        ending: how the agent wants to end the call after its reply.
        caller_spoke: the caller was speaking when the journal ended.
        predicted: the caller's words, if the turn is only predicted: nobody knows yet whether it is over.
        resumed: how many times another edge has resumed the call.
        stream: the number of the last media stream that began.
        answered_by: who or what answered an outbound call; empty while the carrier has not reported it.
        screening: how far the screening of an outbound call is; empty: none was heard.
        transferred: the carrier was instructed to connect the caller to a person.
        accepted: the person has taken the call.
        transfer_failed: nobody took the call; the caller does not know it yet.
        held_by: the operator who has taken the call over; empty: the agents have it.
        handed_back: the agents have it again; the caller does not know it yet.
        greeting: of the app to which an operator has passed the caller on, who has not heard it yet.
        listeners: the operators who listen to the call, each with the console at which they do.
        to_say: operators' sentences that the caller has not heard yet.
        ordered: an operator wants the ``ending``, whatever else is said.
        recording: whether the audio is kept, as in `CallStarted`; ``refused``: the caller does not want it.
        secret: whether the caller is being asked for something secret.
        ended: the call is over.

    """

    started_at: float = 0.0
    app: str = ""
    version: str = ""
    line: str = ""
    language: str = "en"
    variables: dict[str, Any] = {}
    greet_by: float = 0.0
    asked_variables: bool = False
    turn: int = 0
    turn_ended_at: float = 0.0
    speech_ended_at: float = 0.0
    agent: str = ""
    heard: tuple[str, ...] = ()
    all_heard: str = ""
    chunks: tuple[ReplyChunk, ...] = ()
    complete: bool = False
    over: bool = False
    ending: Ending | None = None
    caller_spoke: bool = False
    predicted: str = ""
    resumed: int = 0
    stream: int = 0
    answered_by: str = ""
    screening: str = ""
    transferred: bool = False
    accepted: bool = False
    transfer_failed: bool = False
    held_by: str = ""
    handed_back: bool = False
    greeting: str = ""
    listeners: frozenset[tuple[str, str]] = frozenset()
    to_say: tuple[OperatorSaid, ...] = ()
    ordered: bool = False
    recording: str = "on"
    secret: SecretQuestion = CLOSED
    ended: bool = False

    @property
    def unheard(self) -> Sequence[ReplyChunk]:
        """The part of the current reply that the caller has not heard to its end."""
        left: Sequence[ReplyChunk] = () if self.over else self.chunks
        for text in self.heard:
            # a holding phrase was also heard, but is not a chunk
            index = next((index for index, chunk in enumerate(left) if chunk.text.strip() == text), None)
            if index is not None:
                left = left[index + 1 :]
        return left


def reduce_resume(state: ResumeState, event: Event) -> ResumeState:
    """The state after one more event of the journal."""
    if isinstance(event, ReplyChunk) and event.turn != state.turn:
        return state  # it is not said any more
    secret = reduce_secret(state.secret, event)
    state = state if secret is state.secret else replace(state, secret=secret)
    return _reduce(state, event)


def _reduce(state: ResumeState, event: Event) -> ResumeState:  # noqa: C901, PLR0911, PLR0912 - one for each kind
    match event:
        case CallStarted() | AppChanged():
            return _answered_by_app(state, event)
        case CallVariablesRequested() | CallVariablesSet() | CallGreeted():
            return _greeting(state, event)
        case LanguageChanged(language=language):
            return replace(state, language=language)
        case CallResumed(stream_number=stream):
            return replace(state, resumed=state.resumed + 1, stream=max(state.stream, stream), transfer_failed=False)
        case ConsentGiven() | ConsentRefused():
            return replace(state, recording=recording_after(state.recording, event))
        case CallAnswered():
            return replace(state, answered_by=event.by)
        case CallScreened():
            return replace(state, screening=event.status)
        case TransferFailed() | CallTransferred() | TransferAccepted():
            return _transfer(state, event)
        case CallEnded():
            return replace(state, ended=True)
        case UserSpeechStarted():
            return replace(state, caller_spoke=True)
        case UserTurnEnded() | UserTurnPredicted():
            return _begin_turn(state, event)
        case UserTurnResumed() if event.turn == state.turn:
            return replace(state, over=True, predicted="")
        case OperatorJoined() | OperatorSaid() | OperatorTookOver():
            return _operator(state, event)
        case OperatorHandedBack() | OperatorPassedOn() | OperatorLeft():
            return _operator(state, event)
        case CallEndRequested(operator=operator) | CallTransferRequested(operator=operator) if operator:
            return replace(state, ending=_ending(event, state.language), ordered=True, over=True)
        case SentenceSpoken(text=heard) | ReplySpoken(text=heard) | ReplyInterrupted(heard=heard):
            state = _heard(state, event, heard)
        case _:
            pass
    return _reply(state, event) if event.turn == state.turn else state


def _answered_by_app(state: ResumeState, event: CallStarted | AppChanged) -> ResumeState:
    state = replace(state, app=event.app, version=event.version)
    if isinstance(event, AppChanged):
        return replace(state, greeting=event.greeting if event.operator and not state.held_by else "")
    first = ReplyChunk(call=event.call, text=event.greeting, language=event.language)
    return replace(
        state,
        started_at=event.at,
        variables=dict(event.variables),
        line=event.line,
        language=event.language,
        recording=event.recording,
        chunks=(first,) if event.greeting else (),
        complete=True,
        over=not event.greeting,
    )


def _greeting(state: ResumeState, event: CallVariablesRequested | CallVariablesSet | CallGreeted) -> ResumeState:
    match event:
        case CallVariablesRequested(deadline=deadline):
            return replace(state, greet_by=deadline, asked_variables=True)
        case CallVariablesSet(variables=variables):
            return replace(state, variables={**state.variables, **variables}, asked_variables=False)
        case CallGreeted(greeting=greeting, language=language):
            first = ReplyChunk(call=event.call, text=greeting, language=language)
            said = replace(state, chunks=(first,), over=False) if greeting and state.turn == 0 else state
            return replace(said, greet_by=0.0)


def _transfer(state: ResumeState, event: TransferFailed | CallTransferred | TransferAccepted) -> ResumeState:
    match event:
        case TransferFailed():
            # the reply that came with the transfer was played before the carrier was instructed
            return replace(state, ending=None, ordered=False, transferred=False, transfer_failed=True, over=True)
        case CallTransferred():
            return replace(state, transferred=True, held_by="")
        case TransferAccepted():
            return replace(state, accepted=True)


def _operator(state: ResumeState, event: Event) -> ResumeState:
    match event:
        case OperatorSaid():
            return replace(state, to_say=(*state.to_say, event))
        case OperatorTookOver(operator=operator):
            # nobody waits any more for whom an agent had asked for
            return replace(
                state, held_by=state.held_by or operator, handed_back=False, greeting="", ending=None, ordered=False
            )
        case (
            OperatorHandedBack(operator=operator)
            | OperatorPassedOn(operator=operator)
            | OperatorLeft(operator=operator, listens=False)
        ):
            return replace(state, held_by="", handed_back=True) if operator == state.held_by else state
        case OperatorJoined(listens=True):
            return replace(state, listeners=state.listeners | {(event.operator, event.console)})
        case OperatorLeft(listens=True):
            return replace(state, listeners=state.listeners - {(event.operator, event.console)})
        case _:
            return state


def _heard(state: ResumeState, event: SentenceSpoken | ReplySpoken | ReplyInterrupted, heard: str) -> ResumeState:
    state = replace(state, all_heard=f"{state.all_heard} {heard}")
    if heard:
        state = replace(state, handed_back=False, greeting="" if event.turn > state.turn else state.greeting)
    if event.turn > state.turn:  # the edge has told the caller that nobody took the call
        state = replace(state, transfer_failed=False)
    if isinstance(event, SentenceSpoken):
        return state
    if event.operator and not (isinstance(event, ReplySpoken) and event.engine):
        state = replace(state, to_say=state.to_say[1:])
    if event.turn <= state.turn:
        return state
    # words of an operator, or of the edge after a take-over: a turn in which the caller has said nothing
    return replace(
        state,
        turn=event.turn,
        heard=(),
        chunks=(),
        complete=True,
        predicted="",
        ending=state.ending if state.ordered else None,
    )


def _begin_turn(state: ResumeState, event: UserTurnEnded | UserTurnPredicted) -> ResumeState:
    if event.turn != state.turn:  # otherwise it was predicted, and its reply is being generated
        state = replace(state, heard=(), chunks=(), complete=False, ending=state.ending if state.ordered else None)
    predicted = isinstance(event, UserTurnPredicted)
    return replace(
        state,
        turn=event.turn,
        turn_ended_at=event.at,
        speech_ended_at=event.speech_ended_at,
        over=isinstance(event, UserTurnEnded) and bool(event.operator),
        handed_back=False,
        greeting="",
        caller_spoke=predicted,
        predicted=event.text if predicted else "",
    )


def _reply(state: ResumeState, event: Event) -> ResumeState:  # noqa: PLR0911 - one for each kind of event
    match event:
        case ReplyChunk():
            return replace(state, chunks=(*state.chunks, event), agent=event.agent or state.agent)
        case TurnCompleted() | TurnCancelled():
            return replace(state, complete=True)
        case SentenceSpoken(text=text):
            return replace(state, heard=(*state.heard, text))
        case ReplySpoken():
            return replace(state, over=True, caller_spoke=False)
        case ReplyInterrupted():
            return replace(state, over=True, ending=state.ending if state.ordered else None)
        case CallEndRequested() | CallTransferRequested():
            return replace(state, ending=_ending(event, state.language))
        case _:
            return state


def _ending(event: CallEndRequested | CallTransferRequested, language: str) -> Ending:
    if isinstance(event, CallTransferRequested):
        return Transfer(event.target, event.briefing, language=language)
    return HangUp()
