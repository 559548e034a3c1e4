"""A conversation that operators step into: they say a sentence, take the call over, hand it back, transfer or end it.

::

    agents      N: "Your parcel is —                                    "You are speaking with our assistant again. …"
    operator               says "One moment, please."  takes over … hands back
    caller                                                    "thanks"
    journal     ReplyInterrupted N  ReplySpoken N+1     UserTurnEnded N+2     ReplySpoken N+3
                stopped_by          operator            operator

What an operator does ends the reply that is being made or spoken, as a caller's words would: the agents stop work on
it, and know what of it was heard. What they say, and the agents' first sentence after a take-over, are turns of their
own, so that an interruption of those words is none of a reply before them.

The person of a three-way call is an operator who comes by telephone: they are known by their number, are heard beside
the agents, and the agent that asked for them says its briefing to both.
"""

from collections.abc import Callable

import structlog
from msgspec.structs import replace

from orchestra.history.ending import HangUp, Transfer
from orchestra.history.resume import ResumeState
from orchestra.lines.dialled import is_target
from orchestra.voice.call.multilingual import MultilingualConversation
from orchestra_schemas import (
    AppChanged,
    AudioChunk,
    CallEndRequested,
    CallTransferRequested,
    Event,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
    ReplyInterrupted,
    ReplySpoken,
    TransferFailed,
    UserTurnEnded,
)

_LOG = structlog.get_logger("orchestra.voice")

#: nothing from the microphone of a take-over for this long: nobody is there any more, in seconds. With the look every
#: 0.2 s and the sentence that follows, the caller hears the agents within two seconds
SILENT_S = 1.4
#: the same before the first of it, which a microphone and this edge take a moment for, in seconds
FIRST_WITHIN_S = 3.0
_LOOK_S = 0.2
#: a caller who was speaking has finished if so little was heard of them since, although no end of a turn came
_FINISHED_AFTER_S = 2.0
#: as much of a sentence is spoken, in characters: about two minutes
_LONGEST = 2000
_AWAY = "nothing was heard from the console any more"
_TEXT_CALL = "the call has no audio to speak into: say something instead"


class OperatedConversation(MultilingualConversation):
    """A conversation that also does what operators ask for.

    Attributes:
        held_by: the operator who has taken the call over; empty: the agents have it.
        listeners: the operators who listen to the call, each with the console at which they do.
        handed_back: said to a caller who is back with the agents; `Call` sets it.
        takes_audio: whether an operator's voice can be played.
        on_held: called when an operator takes the call over, and when the agents have it again.
        transfer_failed: said to a caller whom nobody joins; `Call` sets it.

    """

    held_by = ""
    listeners: frozenset[tuple[str, str]] = frozenset()
    handed_back = ""
    takes_audio = True
    transfer_failed = ""
    on_held: Callable[[bool], None] = staticmethod(lambda _: None)
    _said = (-1, "")  # the last turn that was an operator's sentence, and theirs
    _to_say: tuple[OperatorSaid, ...] = ()  # once the caller has finished
    _spoken: tuple[ReplySpoken, ...] = ()  # what operators said themselves, until nobody else speaks
    _stopped_by = _answered_by = ""
    _rung: Transfer | None = None  # the person who is to join
    _rings_until = 0.0
    _microphone_due = 0.0

    # -- what operators do

    def take(self, event: Event) -> None:
        """Handle an event of this call's journal."""
        match event:
            case OperatorJoined(listens=True):
                self.listeners |= {(event.operator, event.console)}
            case OperatorLeft(listens=True):
                self.listeners -= {(event.operator, event.console)}
            case OperatorSaid():
                self._take_sentence(event)
            case OperatorTookOver():
                self._take_over(event.operator)
            case OperatorHandedBack() | OperatorLeft(listens=False):
                self._give_back(event)
            case OperatorPassedOn(operator=operator, app=app):
                self._hand_back(operator, says=not app)  # another app greets the caller itself
            case AppChanged(operator=operator) if operator:
                self._greet_anew(event)
            case CallEndRequested(operator=operator) if operator:
                self._stop(operator)
                self._end(HangUp())
            case CallTransferRequested(operator=operator) if operator:
                self._stop(operator)
                self._end(Transfer(event.target, event.briefing, language=self.language.code))
            case _:
                super().take(event)

    def _stop(self, operator: str) -> None:
        """End what is being said or made."""
        self._interrupted_at = self._clock.time()
        self._stopped_by = operator
        self._act(self.turns.stop_reply(self._audio.reply_heard()))
        self._stopped_by = ""
        self._filler = None
        self._silence.answered()

    def replace_reply(self, phrase: str) -> None:
        """Stop what is being said, and say this instead; empty: nothing."""
        self._stop("")
        if phrase:
            self.nudge(phrase)

    def _take_sentence(self, said: OperatorSaid) -> None:
        """Say it now; once the caller has finished, if they are speaking: nobody would understand both."""
        if self.turns.hanging_up:
            return
        if self.turns.caller_speaks or self.turns.caller_took_turn:
            self._to_say += (said,)
            self._act(self.turns.caller_resumed())  # the turn will be the operator's to answer
        else:
            self._say(said)

    def _say(self, said: OperatorSaid) -> None:
        splitter = self.language.sentence_splitter()
        sentences = [*splitter.feed(" ".join(said.text.split())[:_LONGEST]), *splitter.end()]
        words = [spoken for sentence in sentences if (spoken := self.language.to_speech(sentence))]
        if words:
            self._stop(said.operator)
            if self.held_by:
                self._act(self.turns.clear_output())
            self._said = (self.turns.turn + 1, said.operator)
            self._speak_as_turn(*words)

    def _speak_as_turn(self, *sentences: str) -> None:
        self.turns.turn += 1
        turn = self.turns.turn
        self._begin_edge_phrase()
        self._edge_speaks = False
        self.active_at = self._clock.monotonic()
        self.turns.restore(turn, [], agent="", over=False)
        for sentence in sentences:
            self._act(self.turns.chunk(turn, sentence))
        self._act(self.turns.completed(turn))

    def _say_next(self) -> None:
        to_say, self._to_say = self._to_say, ()
        for said in to_say[:1]:
            self._say(said)
        for said in to_say[1:]:  # more of the same operator's, or another's
            self._take_sentence(said)

    def _take_over(self, operator: str) -> None:
        if self.held_by or self.turns.hanging_up:
            return  # the first one has it
        if not self.takes_audio:
            self._publish(OperatorLeft(call=self._call, operator=operator, reason=_TEXT_CALL))
            return
        _LOG.info("call.operator_speaks", call=self._call, operator=operator)
        self._stop(operator)
        self._hold(operator)
        rung, self._rung = self._rung, None
        if rung is not None and rung.target == operator and rung.briefing:
            # the caller has known of them since the agent asked; the person hears now what it is about
            self._speak_as_turn(self.language.to_speech(rung.briefing))

    # -- the person of a three-way call

    def ring(self, transfer: Transfer, within_s: float) -> None:
        """The agent has asked for a person, who is rung now; meanwhile the agents keep the caller."""
        self._rung, self._rings_until = transfer, self._clock.monotonic() + within_s
        self.turns.restore(self.turns.turn, [], agent=self.turns.reply_agent, over=True)
        self._latency.unmeasured_turn = self.turns.turn

    def rings_for(self, person: str = "") -> bool:
        """Whether this person, or anybody, is rung to join the caller."""
        return self._rung is not None and person in {"", self._rung.target}

    @property
    def person(self) -> str:
        """The person who is on the line with caller and agents; empty: nobody."""
        return self.held_by if is_target(self.held_by) else ""

    def _nobody_joins(self, reason: str) -> None:
        rung, self._rung = self._rung, None
        if rung is not None and not self.turns.hanging_up:
            _LOG.info("call.nobody_joins", call=self._call, reason=reason)
            turn = self.turns.turn
            self._publish(TransferFailed(call=self._call, turn=turn, target=rung.target, reason=reason))
            if self.transfer_failed and not (self.turns.caller_took_turn or self.turns.reply_open or self.held_by):
                self._speak_as_turn(self.transfer_failed)

    def _hold(self, operator: str) -> None:
        self.held_by = operator
        self.on_held(True)
        self._microphone_due = self._clock.monotonic() + FIRST_WITHIN_S

    def _give_back(self, event: OperatorHandedBack | OperatorLeft) -> None:
        if isinstance(event, OperatorLeft) and self.rings_for(event.operator):
            self._nobody_joins(event.reason)
        else:
            self._hand_back(event.operator)

    def _hand_back(self, operator: str, *, says: bool = True) -> None:
        """The agents have the call again; ``says``: and say so."""
        if operator != self.held_by or not operator:
            return
        _LOG.info("call.handed_back", call=self._call, operator=operator)
        self._stop(operator)
        self.held_by = ""
        self.on_held(False)
        # the agents' words are counted in audio that was sent, and the operator's was none of theirs
        self._act(self.turns.clear_output())
        if says and self.handed_back and not self.turns.hanging_up:
            self._speak_as_turn(self.handed_back)

    def _greet_anew(self, changed: AppChanged) -> None:
        """An operator has passed the caller on to another app, which greets them, unless they speak."""
        if changed.greeting and not (self.held_by or self.turns.hanging_up or self.turns.caller_took_turn):
            self._stop(changed.operator)
            self._speak_as_turn(changed.greeting)

    # -- the operator's voice

    def hears(self, chunk: AudioChunk) -> bool:
        """Audio of an operator's microphone: whether the caller is to hear it."""
        if not self.held_by:
            return False
        self._microphone_due = self._clock.monotonic() + SILENT_S
        if self.turns.reply_open and not self.person:
            return False  # their own sentence is being said
        self.active_at = self._clock.monotonic()
        return bool(chunk.audio)

    def understood(self, operator: str, text: str, engine: str) -> None:
        """An operator has said this during a take-over; the caller has heard it. It is a turn of its own.

        Its number has to wait: it must not come between the beginning of a turn and its end.
        """
        self._spoken += (ReplySpoken(call=self._call, text=text, operator=operator, engine=engine),)
        self._publish_spoken()

    def publish_last_words(self) -> None:
        """What operators said is to be published now: the stream is over, and no turn ends any more."""
        self._publish_spoken(wait=False)

    def _publish_spoken(self, *, wait: bool = True) -> None:
        speaks = self.turns.caller_speaks or self.turns.caller_took_turn or self.turns.reply_open
        if not self._spoken or (wait and speaks):
            return
        spoken, self._spoken = self._spoken, ()
        for event in spoken:
            turn = self.turns.turn + 1
            self.turns.restore(turn, [], agent=self.turns.reply_agent, over=True)
            self._latency.unmeasured_turn = turn
            self._publish(replace(event, turn=turn))

    def look(self, since_s: float = 0.0) -> None:
        """What goes by the clock; call this often, with the time since the last look.

        If that is long, the process was stalled, and what an operator said meanwhile waits to be read.
        """
        now = self._clock.monotonic()
        self._microphone_due += max(0.0, since_s - _LOOK_S)
        if self.held_by and now > self._microphone_due:
            _LOG.warning("call.operator_away", call=self._call, operator=self.held_by)
            self._publish(OperatorLeft(call=self._call, operator=self.held_by, reason=_AWAY))
            self._hand_back(self.held_by)
        if self._rung is not None and now > self._rings_until:
            self._nobody_joins("no answer")
        self._publish_spoken()
        if self._to_say and not self.voice_on and now - self._silence.since > _FINISHED_AFTER_S:
            self._act(self.turns.assume_turn_over())
            self._say_next()

    # -- what is different meanwhile

    @property
    def for_operator(self) -> str:
        """The operator who answers what the caller says now; empty: the agents do."""
        return self.held_by or (self._to_say[0].operator if self._to_say else "")

    @property
    def caller_waiting(self) -> bool:
        """Whether the caller waits for the agents: not for an operator, who can speak for themselves."""
        return not self.for_operator and super().caller_waiting

    def caller_started(self) -> bool:
        """The caller takes the turn. Audio on its way is not to be cleared where it is an operator's voice."""
        return super().caller_started() or (bool(self.held_by) and not self.turns.reply_open)

    def turn_predicted(self, text: str, *, likely: bool = True) -> None:
        """The caller's turn is probably over with these words."""
        if not self.for_operator:
            super().turn_predicted(text, likely=likely)

    def turn_ended(self, text: str) -> None:
        """The caller's turn is over, with these words or with none."""
        self._answered_by = self.for_operator
        if not self._answered_by:
            super().turn_ended(text)
            return
        self._interrupted_at = self._interrupted_at if self.turns.reply_held else self._clock.time()
        self.line_checks.turn_ended()
        self._act(self.turns.turn_ended(text, self._audio.reply_heard(), answered=False))
        self._answered_by = ""
        self._say_next()

    def resume(self, resume_state: ResumeState, again: str, *, first: str = "") -> None:
        """Continue a call in this state; one that an operator had taken over is theirs, and nothing is said.

        Where nobody has told the caller that the agents have the call again, that is said; or the greeting of another
        app, which an operator has passed them on to.
        """
        self.listeners = resume_state.listeners
        if resume_state.ordered and resume_state.ending is not None and not resume_state.transferred:
            self._end(resume_state.ending)  # the edge before this one did not come to it
            return
        if resume_state.held_by or resume_state.handed_back or resume_state.greeting:
            self._restore(resume_state, first, reply_heard=[], over=True)
            self._latency.unmeasured_turn = resume_state.turn
            if resume_state.held_by:
                self._hold(resume_state.held_by)
            elif words := resume_state.greeting or self.handed_back:
                self._speak_as_turn(words)
        else:
            super().resume(resume_state, again, first=first)
        for said in resume_state.to_say:
            self._take_sentence(said)

    def named(self, event: Event) -> Event:
        """An event of this conversation, with the operator who has to do with it."""
        match event:
            case UserTurnEnded() if self._answered_by:
                return replace(event, operator=self._answered_by)
            case ReplySpoken() if event.turn == self._said[0]:
                return replace(event, operator=self._said[1])
            case ReplyInterrupted() if event.turn == self._said[0] or self._stopped_by:
                said_by = self._said[1] if event.turn == self._said[0] else ""
                return replace(event, operator=said_by, stopped_by=self._stopped_by)
            case _:
                return event
