"""One call's talk: what the caller does becomes events, what the agents answer becomes speech."""

import time
from collections.abc import Callable

from orchestra.voice.actions import (
    Action,
    Cut,
    Ending,
    EndSpeech,
    HangUp,
    Hush,
    Played,
    PressKeys,
    Say,
    SendMark,
    Transfer,
    TurnBegan,
    TurnPredicted,
    TurnResumed,
)
from orchestra.voice.call_audio import CallAudio
from orchestra.voice.measure import TurnTimes
from orchestra.voice.standing import Standing
from orchestra.voice.turns import Turns
from schemas import (
    CallEndRequested,
    CallTransferRequested,
    DigitsRequested,
    Event,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TranscriptPartial,
    TurnCancelled,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

#: what a call reads of the journal
REPLY_EVENTS: tuple[type[Event], ...] = (
    CallEndRequested,
    CallTransferRequested,
    DigitsRequested,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
)

#: the tool that asks the caller for keys; what it says may be cut by the first
COLLECT_DIGITS = "collect_digits"

#: a caller who hears nothing for this long while the platform is away is told that it takes a moment
HOLDING_AFTER_S = 2.0
#: and again after so much more silence
HOLDING_AGAIN_S = 8.0

Speech = Say | EndSpeech | Hush | PressKeys | SendMark


class Conversation:
    """Joins the rules of taking turns with the journal and the pipeline. Nothing in it waits.

    Args:
        call: the call's id.
        engine: name of the speech-to-text engine, for `TranscriptFinal`.
        audio: the call's audio.
        publish: puts an event on its stream.
        speak: hands words to the pipeline, in order.
        end: the agents end the call.

    """

    def __init__(
        self,
        call: str,
        engine: str,
        audio: CallAudio,
        *,
        publish: Callable[[Event], object],
        speak: Callable[[Speech], None],
        end: Callable[[Ending], None],
    ) -> None:
        self.turns = Turns()
        self.active_at = time.monotonic()  # when either side was last known to speak or to be about to
        self._call = call
        self.engine = engine
        self._audio = audio
        self._publish = publish
        self._speak = speak
        self._end = end
        self._times = TurnTimes(0.0, 0.0)
        self._speech_started = 0.0
        self._speech_ended = 0.0
        self._transcribed = 0.0
        self._turn_ended_at = 0.0
        self._cut_at = 0.0
        self._held_turn = -1  # the last turn in which the caller was told that it takes a moment
        self._held_at = 0.0
        self._keys_wanted = -1  # the turn in which the caller is asked for keys
        self._sound_at = 0.0
        self._key_at = 0.0
        self._unmeasured_turn = 0  # what another edge began to answer is not measured here
        self._sentences_told = 0
        self._said_at = 0.0
        self._speech_came_at = 0.0

    # -- the caller's side

    def greet(self, text: str, *, hang_up: bool = False) -> None:
        """Say the first words of the call, as turn 0; with ``hang_up`` they are the last ones too."""
        self.turns.begin_greeting()
        if hang_up:
            self._act(self.turns.ending_requested(0, HangUp()))
        self._act([*self.turns.chunk(0, text), *self.turns.completed(0)])

    def take_up(self, standing: Standing, again: str) -> None:
        """Go on with a call that stands so: with what is unsaid, or, where the caller's words were lost, ``again``."""
        turn = standing.turn
        self.turns.restore(turn, standing.heard, agent=standing.agent, over=False)
        self._sentences_told = len(standing.heard)
        self._unmeasured_turn = turn if standing.heard or standing.over else 0
        self._times = TurnTimes(standing.speech_ended_at or standing.turn_ended_at, standing.turn_ended_at)
        if standing.over:
            lost = standing.caller_spoke or standing.transfer_failed
            self.turns.restore(turn, [], agent=standing.agent, over=not lost)
            self._sentences_told = 0
            self._act([*self.turns.chunk(turn, again), *self.turns.completed(turn)] if lost else [])
            return
        for chunk in standing.unsaid:
            self._take_chunk(chunk)
        if standing.ending is not None:
            self._act(self.turns.ending_requested(turn, standing.ending))
        if standing.complete:
            self._act(self.turns.completed(turn))

    def prompt(self, phrase: str) -> None:
        """Say something to a caller who says nothing, as more of the last reply."""
        turn = self.turns.turn
        self._sentences_told = 0
        self._unmeasured_turn = turn
        self.turns.restore(turn, [], agent="", over=False)
        self._act([*self.turns.chunk(turn, phrase), *self.turns.completed(turn)])

    def leave(self, message: str) -> None:
        """Say this instead of what is being said, and hang up."""
        self._cut_at = time.time()
        self._act(self.turns.leave(message, self._audio.heard_words()))

    def key_pressed(self) -> None:
        """The caller pressed a key: where keys are asked for, the rest of the question is not said."""
        self.active_at = time.monotonic()
        self._key_at = time.time()
        if self._keys_wanted == self.turns.turn:
            self._act(self.turns.key_pressed(self._audio.heard_words()))

    def sentences_spoken(self) -> list[str]:
        """The sentences of the open reply that were heard whole since the last time that this was asked."""
        whole = self.turns.sentences_heard(self._audio.heard_words())
        new, self._sentences_told = whole[self._sentences_told :], max(self._sentences_told, len(whole))
        return new

    def speech_started(self, at: float) -> None:
        """The caller's voice is heard since ``at`` (epoch seconds)."""
        self._speech_started = at

    def speech_ended(self, at: float) -> None:
        """The caller's last sound was at ``at`` (epoch seconds)."""
        self._speech_ended = at

    def partial(self, text: str) -> None:
        """The speech engine believes to hear this so far."""
        if text.strip():
            self._publish(TranscriptPartial(call=self._call, turn=self.turns.callers_turn, text=text.strip()))
            self._act(self.turns.words_heard(text))

    def final(self, text: str, confidence: float = 1.0) -> None:
        """The speech engine's final words for a stretch of speech."""
        if not text.strip():
            return
        now = self._transcribed = time.time()
        ended = self._speech_ended if self._speech_ended > self._speech_started else now
        self._act(self.turns.transcribed(text))
        self._publish(
            TranscriptFinal(
                call=self._call,
                turn=self.turns.callers_turn,
                at=now,
                text=text.strip(),
                engine=self.engine,
                confidence=confidence,
                speech_s=round(max(0.0, ended - self._speech_started), 3) if self._speech_started else 0.0,
                stt_ms=round((now - ended) * 1000, 1),
            )
        )
        self._act(self.turns.words_heard(text))

    def caller_started(self) -> None:
        """The caller takes the turn: whatever is being said stops now."""
        self.active_at = time.monotonic()
        self._cut_at = time.time()
        interrupting = self.turns.caller_started(self._audio.heard_words())
        self._publish(UserSpeechStarted(call=self._call, turn=self.turns.callers_turn, interrupting=interrupting))

    def caller_stopped(self) -> None:
        """The caller is silent again."""
        self.active_at = time.monotonic()
        self.turns.caller_stopped()

    def turn_predicted(self, text: str) -> None:
        """The caller's turn seems to be over with these words; it may still go on."""
        self._act(self.turns.turn_predicted(text))

    def caller_resumed(self) -> None:
        """The caller goes on with a turn that seemed to be over."""
        self._act(self.turns.caller_resumed())

    def turn_ended(self, text: str) -> None:
        """The caller's turn is over, with these words or with none."""
        self._act(self.turns.turn_ended(text))

    def mark_returned(self, name: str) -> None:
        """The carrier has played, or dropped, all before this mark."""
        self._act(self.turns.mark_returned(name))

    def speech_failed(self) -> bool:
        """The speech engine failed. Returns whether words are lost: then clear the output, and tell `cleared`."""
        if self.turns.words_on_their_way <= self._audio.heard.words:
            return False  # all of them are on their way as audio
        return self.turns.speech_failed(self._audio.heard_words())

    def cleared(self) -> None:
        """Nothing is on its way to the caller any more."""
        self._act(self.turns.output_cleared())

    def speech_is_missing(self, for_s: float) -> bool:
        """Whether words were given to the speech engine and for ``for_s`` seconds nothing of them came."""
        missing = self.turns.words_on_their_way > self._audio.heard.words
        return missing and time.monotonic() - max(self._said_at, self._speech_came_at) > for_s

    # -- the agents' side

    def forgotten(self, turn: int, apology: str) -> None:
        """The agents do not answer this turn: it came to them too late. The caller is asked to say it again."""
        self._act(self.turns.chunk(turn, apology))

    def take(self, event: Event) -> None:
        """Something happened on the journal of this call."""
        match event:
            case ReplyChunk():
                self._take_chunk(event)
            case PromptRequested() if event.turn == self.turns.turn:
                self._times.prompted = self._times.prompted or event.at
            case PromptCompleted():
                self._act(self.turns.pause(event.turn))
            case TurnCompleted() | TurnCancelled():
                self._act(self.turns.completed(event.turn))
            case ToolRequested(name=name) if name == COLLECT_DIGITS:
                self._keys_wanted = event.turn
            case ToolCompleted(name=name) if name == COLLECT_DIGITS:
                self._keys_wanted = -1
            case DigitsRequested():
                self._act(self.turns.press_keys(event.turn, event.digits))
            case CallEndRequested():
                self._act(self.turns.ending_requested(event.turn, HangUp()))
            case CallTransferRequested():
                self._act(self.turns.ending_requested(event.turn, Transfer(event.target, event.briefing)))
            case _:
                pass

    @property
    def on_hold(self) -> bool:
        """Whether the caller was told that this reply takes a moment, and waits for more of it."""
        return self.turns.reply_open and self._held_turn == self.turns.turn

    def hold(self, phrase: str) -> None:
        """Tell a caller who has waited too long, for a reply or for more of it, that it takes a moment."""
        turn = self.turns.turn
        if self.turns.caller_speaks:
            return
        if not (self.turns.waits_for_words or self.turns.waits_for_more(self._audio.heard_words())):
            return
        # a caller who is keying in something is not waiting for us yet
        patient = turn in (self._held_turn, self._keys_wanted)
        silent_since = max(self._times.turn_ended, self._speech_ended, self._key_at, self._sound_at, self._held_at)
        if time.time() - silent_since > (HOLDING_AGAIN_S if patient else HOLDING_AFTER_S):
            self._held_turn, self._held_at = turn, time.time()
            self._act([*self.turns.chunk(turn, phrase), *self.turns.pause(turn)])

    def speech_came(self) -> None:
        """Audio of the reply came from the speech engine."""
        self._speech_came_at = time.monotonic()
        self._times.speech = self._times.speech or time.time()

    def sound_sent(self) -> None:
        """A frame that can be heard was sent to the carrier."""
        self.active_at = time.monotonic()
        self._sound_at = time.time()
        self._times.sent = self._times.sent or self._sound_at

    def _take_chunk(self, chunk: ReplyChunk) -> None:
        actions = self.turns.chunk(chunk.turn, chunk.text, agent=chunk.agent, voice=chunk.voice)
        if chunk.turn == self.turns.turn and not self._times.sentence:
            self._times.sentence = time.time()
            self._times.first_token_ms = chunk.first_token_ms
        if chunk.filler:
            actions += self.turns.pause(chunk.turn)
        self._act(actions)

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Say() | EndSpeech() | Hush() | PressKeys() | SendMark():
                    self.active_at = self._said_at = time.monotonic()
                    self._speak(action)
                case TurnBegan() | TurnPredicted():
                    self._begin_turn(action)
                case TurnResumed(turn):
                    self._publish(UserTurnResumed(call=self._call, turn=turn))
                case Cut():
                    self._publish_cut(action)
                case Played():
                    self._publish(ReplySpoken(call=self._call, turn=action.turn, text=action.text, agent=action.agent))
                    self._publish_times(action.turn)
                case HangUp() | Transfer():
                    self._end(action)

    def _begin_turn(self, began: TurnBegan | TurnPredicted) -> None:
        now = time.time()
        ended = self._last_sound(now)
        call, turn, text, last_sound = self._call, began.turn, began.text, round(ended, 3)
        if isinstance(began, TurnBegan) and began.predicted:
            # the reply is being made already: its moments stand, only the turn's end is later
            self._times.speech_ended, self._times.turn_ended, self._times.transcribed = ended, now, self._transcribed
        else:
            self._times = TurnTimes(ended, now, transcribed=self._transcribed)
            self._sentences_told = 0
        if isinstance(began, TurnPredicted):
            self._publish(UserTurnPredicted(call=call, turn=turn, at=now, text=text, speech_ended_at=last_sound))
            return
        self._transcribed = 0.0
        self._turn_ended_at = now
        self._publish(
            UserTurnEnded(
                call=call, turn=turn, at=now, text=text, speech_ended_at=last_sound, predicted=began.predicted
            )
        )

    def _last_sound(self, now: float) -> float:
        """When the last sound of the turn was, epoch seconds; ``now`` where its end was not noticed yet."""
        return self._speech_ended if self._speech_ended > self._turn_ended_at else now

    def _publish_cut(self, cut: Cut) -> None:
        # it happened when the caller began to speak, though only the words showed that it was meant
        self._publish(ReplyInterrupted(call=self._call, turn=cut.turn, at=self._cut_at, heard=cut.heard))
        self._publish_times(cut.turn)

    def _publish_times(self, turn: int) -> None:
        measured = self._times.measured(self._call, turn)
        if turn > self._unmeasured_turn and measured is not None:
            self._publish(measured)
