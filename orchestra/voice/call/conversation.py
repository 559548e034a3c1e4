"""The conversation of one call: turns the caller's actions into events, and the agents' events into speech."""

from collections.abc import Callable, Sequence

from orchestra.clock import SYSTEM_CLOCK, Clock
from orchestra.history.ending import Ending, HangUp, Transfer
from orchestra.history.resume import ResumeState
from orchestra.language.utterance import has_words
from orchestra.voice.call.actions import (
    Action,
    Backchannel,
    PauseAudio,
    ReplyCut,
    ReplyPlayed,
    ResumeAudio,
    Say,
    SayAtOnce,
    Speech,
    TurnEnded,
    TurnPredicted,
    TurnResumed,
)
from orchestra.voice.call.caller_voice import CallerVoice
from orchestra.voice.call.line_checks import LineChecks
from orchestra.voice.call.playback import Playback
from orchestra.voice.call.prediction_limit import PredictionLimit
from orchestra.voice.call.screening import CallScreening, EdgeQuestion
from orchestra.voice.call.silence_watch import BRIDGE_AFTER_S, SilenceWatch
from orchestra.voice.call.speculation import SPECULATION, Speculation
from orchestra.voice.call.turn_latency import LatencyMeter
from orchestra.voice.call.turn_taking import TurnTaking
from orchestra.voice.call.waiting_phrases import WaitingPhrases
from orchestra_schemas import (
    BackchannelHeard,
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

#: an engine that was given text usually sends its first audio within this, in seconds
_VOICE_WITHIN_S = 0.5
#: the tool that asks the caller to press keys; the first key cuts its question short
COLLECT_DIGITS = "collect_digits"


class Conversation:
    """Connects the rules of turn taking with the journal and the pipeline. Nothing here waits.

    Args:
        call: the call's id.
        engine: name of the speech-to-text engine, for `TranscriptFinal`.
        audio: what of the agent's speech has been played.
        publish: puts an event on its stream.
        speak: hands speech to the pipeline, in order.
        end: called when the agents end the call.
        holding: said to a caller who waits, as ``bridges`` and ``apology``; see `WaitingPhrases`.
        bridge_after_s: seconds after the end of the caller's turn until one of them is said; 0: none is.
        speculation: how much of a reply may be made while the end of the caller's turn is only predicted.
        clock: the time; tests pass their own.

    """

    def __init__(
        self,
        call: str,
        engine: str,
        audio: Playback,
        *,
        publish: Callable[[Event], object],
        speak: Callable[[Speech], None],
        end: Callable[[Ending], None],
        holding: str = "",
        bridges: Sequence[str] = (),
        bridge_after_s: float = BRIDGE_AFTER_S,
        apology: str = "",
        speculation: Speculation = SPECULATION,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._clock = clock
        self._speculation = speculation
        self.turns = TurnTaking(may_prepare_speech=lambda: speculation.speech)
        self.screening: CallScreening | None = None  # of a call that we placed
        self.question: EdgeQuestion | None = None  # what the edge itself asks the caller, before any agent does
        self.active_at = self._clock.monotonic()  # when either side last spoke or was about to
        self._call = call
        self.engine = engine
        self._audio = audio
        self._publish = publish
        self._speak = speak
        self._end = end
        self.use_phrases(holding, bridges, apology)
        self._filler: ReplyChunk | None = None  # the words of a running tool that have not been said
        self._silence = SilenceWatch(bridge_after_s, since=self.active_at)
        self.line_checks = LineChecks()
        self._prediction_limit = PredictionLimit()
        self._voice = CallerVoice()
        self._latency = LatencyMeter()
        self._interrupted_at = 0.0
        self._working_turn = -1  # the last turn on which the agents showed that they are working
        self._keys_wanted = -1  # the turn in which the caller is asked to press keys
        self._answered_turn = -1  # the last turn in which the agents said something
        self._pressed_turn = -1  # the turn in which the agents pressed keys, which may be their whole reply
        self._sound_at = 0.0
        self._edge_speaks = False  # the edge's own phrase is being spoken, which does not count as activity of an agent
        self._sentences_reported = 0
        self._tts_given_at = 0.0
        self._tts_audio_at = 0.0
        self._heard_before = (-1, "")  # what an earlier edge said up to this turn

    def use_phrases(self, holding: str, bridges: Sequence[str], apology: str) -> None:
        """These are said to a caller who waits: by another app, after the first, that has the call now."""
        self._apology, self._waiting_phrases = apology, WaitingPhrases(holding, bridges, apology)

    def greet(self, text: str, *, first: str = "", ending: Ending | None = None) -> None:
        """Say the first words of the call, as turn 0; with an ``ending`` they are also the last.

        ``first`` is repeated with the next reply if the caller did not hear it to the end.
        """
        self.turns.require_heard(first)
        self.turns.begin_greeting()
        if ending is not None:
            self.turns.ending_requested(0, ending)
        self._act([*self.turns.chunk(0, text), *self.turns.completed(0)])

    def resume(self, resume_state: ResumeState, again: str, *, first: str = "") -> None:
        """Continue a call in this state: with the unheard rest of the reply, or with ``again``.

        ``again`` is said where the caller's words were lost; ``first`` as in `greet`.
        """
        turn = resume_state.turn
        self._restore(resume_state, first, reply_heard=list(resume_state.heard), over=False)
        self._sentences_reported = len(resume_state.heard)
        self._answered_turn = turn if resume_state.heard else -1
        self._latency.unmeasured_turn = turn if resume_state.heard or resume_state.over else 0
        turn_ended, predicted = resume_state.turn_ended_at, bool(resume_state.predicted) and not resume_state.over
        self._latency.restore(resume_state.speech_ended_at or turn_ended, turn_ended, predicted=predicted)
        if resume_state.over:
            promised = self._waiting_phrases.promised(resume_state.all_heard)
            lost = resume_state.caller_spoke or resume_state.transfer_failed or promised
            self.turns.restore(turn, [], agent=resume_state.agent, over=not lost)
            self._sentences_reported = 0
            self._act([*self.turns.chunk(turn, again), *self.turns.completed(turn)] if lost else [])
            return
        if resume_state.predicted:
            self.turns.restore_prediction(resume_state.predicted)
            self._voice.restore(resume_state.speech_ended_at)
        for chunk in resume_state.unheard:
            self._take_chunk(chunk)
        if resume_state.ending is not None:
            self.turns.ending_requested(turn, resume_state.ending)
        if resume_state.complete:
            self._act(self.turns.completed(turn))

    def _restore(self, resume_state: ResumeState, first: str, *, reply_heard: list[str], over: bool) -> None:
        self._heard_before = resume_state.turn, resume_state.all_heard
        self.turns.require_heard("" if first in resume_state.all_heard else first)
        self.turns.restore(resume_state.turn, reply_heard, agent=resume_state.agent, over=over)

    def nudge(self, phrase: str) -> None:
        """Say this to a silent caller, as part of the last reply."""
        turn = self.turns.turn
        self._begin_edge_phrase()
        self._edge_speaks = False  # the caller's time to answer starts at its last word
        self.active_at = self._clock.monotonic()
        self.turns.restore(turn, [], agent="", over=False)
        self._act([*self.turns.chunk(turn, phrase), *self.turns.completed(turn)])

    def words_played(self) -> list[str]:
        """The words of the reply that the caller has heard."""
        return self._audio.reply_heard()

    def say_and_hang_up(self, message: str) -> None:
        """Say this instead of the current reply, and hang up."""
        self._interrupted_at = self._clock.time()
        self._act(self.turns.say_and_hang_up(message, self._audio.reply_heard()))

    def key_pressed(self) -> None:
        """The caller pressed a key: if keys were asked for, skip the rest of the question."""
        self.active_at = self._clock.monotonic()
        self._silence.caller_heard(self.active_at)
        if self._keys_wanted == self.turns.turn:
            self._act(self.turns.key_pressed(self._audio.reply_heard()))

    def new_sentences_heard(self) -> list[str]:
        """The sentences of the open reply that were heard to the end since the last call of this method."""
        whole = self.turns.sentences_heard(self._audio.reply_heard())
        new, self._sentences_reported = whole[self._sentences_reported :], max(self._sentences_reported, len(whole))
        return new

    def speech_started(self, at: float) -> None:
        """The caller's voice started at ``at`` (epoch seconds)."""
        self._voice.begin(at)
        self.line_checks.voice_started(at, self._sound_at)
        self._interrupted_at = self._clock.time()
        self._act(self.turns.caller_voice_heard(self._audio.reply_heard(), may_be_echo=self.line_checks.line_echoes))

    def voice_possible(self) -> None:
        """A sound may be the beginning of the caller's voice; `speech_started` or `voice_not_begun` follows."""
        if not self.line_checks.line_echoes:
            self._act(self.turns.voice_possible(self._audio.reply_heard()))

    def voice_not_begun(self) -> None:
        """A sound that might have been the caller's voice was none."""
        self._act(self.turns.voice_not_begun())

    def caller_paused(self, silence_s: float) -> None:
        """The caller has been silent for so short a time that their speech may go on."""
        self._voice.pause(self._clock.time() - silence_s)

    def speech_ended(self, at: float) -> None:
        """Voice activity detection places the end of the caller's voice at ``at`` (epoch seconds)."""
        now = self._clock.time()
        at = max(self._voice.started, now - self._audio.since_caller_sound(now - at))
        self._voice.end(at)
        self.line_checks.voice_ended(at)
        self._heard_caller(at)
        self._act(self.turns.caller_voice_ended())

    def pause_expired(self) -> None:
        """The caller has been silent for a moment while the reply is held."""
        self._act(self.turns.pause_expired())

    def partial(self, text: str, *, began: float = 0.0) -> None:
        """The partial transcript of what the caller is saying; it began then (epoch seconds; 0.0: it is not known)."""
        self._voice.said(began)
        if text.strip():
            self._publish(TranscriptPartial(call=self._call, turn=self.turns.caller_turn, text=text.strip()))
            self._act(self.turns.words_recognized(text, self._audio.reply_heard(), so_far=True))

    def final(self, text: str, *, joined: bool = False, language: str = "", began: float = 0.0) -> None:
        """The final transcript of a stretch; ``joined``: and of the one before; ``began``: when it was said."""
        if not text.strip():
            return
        self._voice.said(began)
        now = self._voice.transcribed = self._clock.time()
        speech_s, ended = self._voice.stretch(now)
        self._act(self.turns.transcribed(text))
        self._publish(
            TranscriptFinal(
                call=self._call,
                turn=self.turns.caller_turn,
                at=now,
                text=text.strip(),
                engine=self.engine,
                joined=joined,
                speech_s=round(speech_s, 3),
                stt_ms=round((now - ended) * 1000, 1),
                language=language,
            )
        )
        self._act(self.turns.words_recognized(text, self._audio.reply_heard()))

    def caller_started(self) -> bool:
        """The caller takes the turn: the reply stops now. Returns whether its audio is held; if not, clear it."""
        self.active_at = self._clock.monotonic()
        self._interrupted_at = self._clock.time()
        if not (self._voice.ended_in_turn or self._voice.on):
            self._heard_caller(self._interrupted_at)  # the voice was too soft for the VAD
        interrupting = self.turns.caller_started(self._audio.reply_heard())
        self._publish(UserSpeechStarted(call=self._call, turn=self.turns.caller_turn, interrupting=interrupting))
        self._act([PauseAudio()] if self.turns.audio_paused else [])
        return self.turns.audio_paused

    def caller_stopped(self) -> None:
        """The caller is silent again."""
        self.active_at = self._clock.monotonic()
        self._act(self.turns.caller_stopped())

    def turn_predicted(self, text: str, *, likely: bool = True) -> None:
        """The caller's turn is probably over with these words; ``likely`` if both the words and the sound tell it."""
        robot = self.screening is not None and self.screening.is_robot(text)
        asked = self.question is not None and self.question.asks
        if not (robot or asked) and self._speculation.prompts and self._prediction_limit.allows(likely=likely):
            self._act(self.turns.turn_predicted(text, self._audio.reply_heard()))

    def caller_resumed(self) -> None:
        """The caller continues a turn whose end was predicted."""
        self._act(self.turns.caller_resumed())

    def turn_ended(self, text: str) -> None:
        """The caller's turn is over, with these words or with none."""
        heard = self._audio.reply_heard()
        self._interrupted_at = self._interrupted_at if self.turns.reply_held else self._clock.time()
        lost = self.line_checks.turn_ended(has_words(text)) and (has_words(text) or not self.turns.reply_open)
        by_edge = self.screening.turn_ended(text, self.turns, heard) if self.screening is not None else None
        if by_edge is None and self.question is not None:
            by_edge = self.question.turn_ended(text, self.turns, heard)
        if by_edge is not None:
            self._begin_edge_phrase()
            self._act(by_edge)
        elif lost and self._apology:
            self._silence.answered()
            self._begin_edge_phrase()
            self._act(self.turns.edge_replies(self._apology, heard))
        else:
            self._act(self.turns.turn_ended(text, heard))

    @property
    def last_reply(self) -> tuple[str, str]:
        """The agent of the current or the last reply, and its words so far."""
        turn, heard_before = self._heard_before
        return self.turns.reply_agent, self.turns.reply_text or (heard_before if turn == self.turns.turn else "")

    @property
    def screened(self) -> bool:
        """Whether the telephone of the person whom we have called asks first who it is."""
        return self.screening is not None and self.screening.screened

    def pause_allowed(self, seconds: float) -> None:
        """The caller may pause for this much longer than after a finished turn: until then they do not wait."""
        self._silence.pause_s = seconds

    def is_echo(self, text: str, *, so_far: bool = False) -> bool:
        """Whether these words are an echo of the agent's: an echo interrupts nothing and gets no reply.

        ``so_far``: more may follow.
        """
        return self.line_checks.is_echo(text, self.turns.reply_text, so_far=so_far)

    def note_stall(self, seconds: float) -> None:
        """The process, or the line while the caller spoke, has been stalled for this long until now."""
        now = self._clock.time()
        self.line_checks.note_stall(now - seconds, now)

    @property
    def voice_on(self) -> bool:
        """Whether the caller's voice is heard now."""
        return self._voice.on

    @property
    def voice_began(self) -> float:
        """When the caller's voice, or the words that come now, began (epoch seconds). 0.0: they did not yet."""
        return self._voice.since

    @property
    def caller_speaks(self) -> bool:
        """Whether the caller's voice is heard, or a turn of theirs is not over."""
        return self._voice.on or self.turns.caller_speaks or self.turns.caller_took_turn

    def mark_returned(self, name: str) -> None:
        """The carrier has played or discarded everything before this mark."""
        self._act(self.turns.mark_returned(name, self._audio.words_with_audio))

    def tts_failed(self) -> bool:
        """The TTS engine failed. Returns whether words were lost: then clear the output and call `cleared`."""
        if not self.turns.speech_prepared and self.turns.words_in_flight <= self._audio.words_with_audio:
            return False  # all of them have audio
        return self.turns.tts_failed(self._audio.reply_heard())

    def cleared(self) -> None:
        """The output is clear: no audio is in flight."""
        self._act(self.turns.output_cleared())

    def tts_audio_missing(self, for_s: float) -> bool:
        """Whether the TTS engine has had text for ``for_s`` seconds and sent no audio for it."""
        return self._voice_due and self._clock.monotonic() - max(self._tts_given_at, self._tts_audio_at) > for_s

    @property
    def _voice_due(self) -> bool:
        """Whether the TTS engine has text without audio."""
        return self.turns.words_in_flight > self._audio.words_with_audio

    def apologize_for_lost_turn(self, turn: int, apology: str) -> None:
        """The agents do not answer this turn, which reached them too late: ask the caller to repeat."""
        self._silence.answered()
        self._act(self.turns.chunk(turn, apology))

    def take(self, event: Event) -> None:
        """Handle an event of this call's journal."""
        match event:
            case ReplyChunk(turn=turn) if not self.turns.is_complete(turn):
                self._take_chunk(event)
            case PromptRequested() if event.turn == self.turns.turn:
                self._note_work(event.turn)
                self._latency.prompted(event.at)
            case PromptCompleted():
                self._note_work(event.turn)
                self._act(self.turns.pause(event.turn))
            case TurnCompleted() | TurnCancelled():
                self._complete(event)
            case ToolRequested():
                self._note_work(event.turn)
                self._keys_wanted = event.turn if event.name == COLLECT_DIGITS else self._keys_wanted
            case ToolCompleted():
                self._note_work(event.turn)
                self._keys_wanted = -1 if event.name == COLLECT_DIGITS else self._keys_wanted
            case DigitsRequested():
                self._pressed_turn = event.turn
                self._silence.answered()
                self._act(self.turns.send_dtmf(event.turn, event.digits))
            case CallEndRequested():
                self._act(self.turns.ending_requested(event.turn, HangUp()))
            case CallTransferRequested():
                transfer = Transfer(event.target, event.briefing, language=self.turns.language.code)
                self._act(self.turns.ending_requested(event.turn, transfer))
            case _:
                pass

    @property
    def caller_waiting(self) -> bool:
        """Whether the caller waits for an answer, for the rest of one, or to be understood."""
        if self._voice.on or self._silence.apologised:
            return False
        waits = self.turns.caller_took_turn or self._silence.promised
        return waits or self.turns.reply_pending or self.tts_audio_missing(0)

    @property
    def silent_s(self) -> float:
        """For how many seconds the caller has waited in silence for agents who are at work on the reply; or 0.0."""
        return self._silence.silent_s(self._clock.monotonic()) if self.caller_waiting and self._at_work else 0.0

    @property
    def _at_work(self) -> bool:
        """Whether the agents have shown that they are working on this turn."""
        return self.turns.turn == self._working_turn and self.turns.reply_open and not self.turns.caller_took_turn

    def check_wait(self, *, away: bool) -> bool:
        """Say a holding phrase to a caller who has waited too long, or ask them to repeat. Call this often.

        ``away``: the platform is known to be away. Returns whether to give up.
        """
        if not self.caller_waiting:
            return False
        now, turn = self._clock.monotonic(), self.turns.turn
        at_work = self._at_work
        filler = self._filler if at_work and not self._voice_due else None
        step = self._silence.next_step(
            now, at_work=at_work, away=away, patient=turn == self._keys_wanted, filler=filler is not None
        )
        if step == "fill" and filler is not None:
            self._speak_chunk(filler)
            return False
        if step in {"nothing", "give up"} or (self._voice_due and now - self._tts_given_at < _VOICE_WITHIN_S):
            return step == "give up"
        self._edge_speaks = True
        phrase = self._waiting_phrases.words_for(step, first=not self._silence.notices)
        if self._voice_due:
            # what follows the phrase is known already, so the phrase promises nothing more
            self._silence.note_step(now, step, promises=self._silence.promised)
            self._act([SayAtOnce(phrase)])
            return False
        if not self.turns.reply_open:
            self._begin_edge_phrase()
        self._interrupted_at = self._clock.time()
        actions = self.turns.say_holding_phrase(phrase)
        goes_on = any(isinstance(action, ResumeAudio) for action in actions)
        if goes_on or any(isinstance(action, Say) and action.text != phrase for action in actions):
            self._silence.answered()  # the reply that was held back is spoken instead of the phrase
        else:
            self._silence.note_step(now, step)
        self._act(actions)
        return False

    def on_phrase_interjected(self, phrase: str) -> None:
        """This phrase was played ahead of the text that the TTS engine has not spoken yet."""
        self.turns.interject(phrase, self._audio.words_with_audio)

    def on_speech_ready(self) -> None:
        """Speech of the reply's first sentence is there before it may be heard."""
        if self.turns.speech_prepared:
            self._latency.speech_held(self._clock.time())

    def on_tts_audio(self) -> None:
        """Audio of the reply came from the TTS engine; it is not queued yet."""
        self._tts_audio_at = self._clock.monotonic()
        self._latency.speech_came(self._clock.time(), self._audio.queued_ms)

    def on_audio_sent(self, silence_s: float = 0.0) -> None:
        """A frame that can be heard was sent to the carrier; ``silence_s`` of silence are at its beginning."""
        now = self._clock.monotonic()
        self._silence.sounded_at = now
        if not self._edge_speaks:
            self.active_at = now
        self._sound_at = self._clock.time()
        self._latency.audio_sent(self._sound_at + silence_s, self._audio.sent_ms)

    def _note_work(self, turn: int) -> None:
        """The agents show that they are working on this turn."""
        if turn == self.turns.turn:
            self._working_turn = turn
            self._silence.worked_at = self._clock.monotonic()

    def _heard_caller(self, at: float) -> None:
        self._silence.caller_heard(self._clock.monotonic() - (self._clock.time() - at))

    def _begin_edge_phrase(self) -> None:
        """The edge adds a phrase to the last reply, whose latency is then not measured."""
        self._sentences_reported = 0
        self._latency.unmeasured_turn = self.turns.turn
        self._edge_speaks = True
        if not self.turns.reply_open:
            self._working_turn = -1  # the agents' work so far was for a reply that is over
            self._audio.begin_reply()

    def _take_chunk(self, chunk: ReplyChunk) -> None:
        if chunk.turn == self.turns.turn:
            self._filler = None
        if not chunk.filler or chunk.turn == self._keys_wanted:  # the caller has to hear a question for keys
            self._speak_chunk(chunk)
        elif chunk.turn == self.turns.turn:
            self._note_work(chunk.turn)
            self._filler = chunk
            self.check_wait(away=False)

    def _speak_chunk(self, chunk: ReplyChunk) -> None:
        if chunk is not self._filler:
            self._answered_turn = chunk.turn
        self._filler = None
        actions = self.turns.chunk(
            chunk.turn, chunk.text, chunk.language, agent=chunk.agent, voice=chunk.voice, speed=chunk.speed or 1.0
        )
        self._note_work(chunk.turn)
        if chunk.turn == self.turns.turn:
            self._edge_speaks = False
            self._silence.answered()
            self.active_at = self._clock.monotonic()
            self._latency.sentence_came(self._clock.time(), chunk.first_token_ms)
        if chunk.filler:
            actions += self.turns.pause(chunk.turn)
        self._act(actions)

    def _complete(self, event: TurnCompleted | TurnCancelled) -> None:
        open_before = event.turn == self.turns.turn and self.turns.reply_open
        self._filler = None if event.turn == self.turns.turn else self._filler
        actions = self.turns.completed(event.turn)
        wordless = isinstance(event, TurnCompleted) and not event.text and event.turn != self._answered_turn
        if wordless and open_before and event.turn != self._pressed_turn:
            self._silence.promised = True  # the caller still waits for an answer
        self._act(actions)

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Say():
                    self._tts_given_at = self._clock.monotonic()
                    self._speak(action)
                case TurnEnded() | TurnPredicted():
                    self._begin_turn(action)
                case TurnResumed(turn, reason):
                    self._latency.prediction_wasted()
                    self._prediction_limit.wasted()
                    self._publish(UserTurnResumed(call=self._call, turn=turn, reason=reason))
                case Backchannel(turn, text):
                    self._publish(BackchannelHeard(call=self._call, turn=turn, text=text))
                case ReplyCut():
                    self._publish_interruption(action)
                case ReplyPlayed():
                    self._publish(ReplySpoken(call=self._call, turn=action.turn, text=action.text, agent=action.agent))
                    self._publish_latency(action.turn)
                case HangUp() | Transfer():
                    self._end(action)
                case _:
                    self._speak(action)

    def _begin_turn(self, began: TurnEnded | TurnPredicted) -> None:
        now, transcribed = self._clock.time(), self._voice.transcribed
        ended = self._voice.last_sound(now)
        call, turn, text, last_sound = self._call, began.turn, began.text, round(ended, 3)
        if isinstance(began, TurnPredicted):
            self._latency.turn_predicted(now, speech_ended=ended, transcribed=transcribed)
            self._sentences_reported = 0
            self._publish(UserTurnPredicted(call=call, turn=turn, at=now, text=text, speech_ended_at=last_sound))
            return
        before = began.predicted
        self._latency.turn_ended(now, speech_ended=ended, transcribed=transcribed, predicted=before)
        self._sentences_reported = self._sentences_reported if before else 0
        self._prediction_limit.turn_ended()
        self._voice.end_turn(now)
        self._heard_caller(ended)
        self._silence.turn_began(self._clock.monotonic())
        self._publish(
            UserTurnEnded(call=call, turn=turn, at=now, text=text, speech_ended_at=last_sound, predicted=before)
        )
        self._voice.words_began = 0.0

    def _publish_interruption(self, cut: ReplyCut) -> None:
        # the interruption dates from when the caller began to speak, although only the words confirmed it
        self._publish(ReplyInterrupted(call=self._call, turn=cut.turn, at=self._interrupted_at, heard=cut.heard))
        self._publish_latency(cut.turn)

    def _publish_latency(self, turn: int) -> None:
        measured = self._latency.measured(self._call, turn)
        if measured is not None:
            self._publish(measured)
