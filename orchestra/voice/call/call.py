"""One call on this edge, from its first frame to its last event."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

import structlog

from orchestra.bus import Publisher
from orchestra.clock import SYSTEM_CLOCK, Clock
from orchestra.endpointing import Endpointing
from orchestra.hide_secrets import without_secrets
from orchestra.history.ending import Ending, Transfer
from orchestra.history.resume import ResumeState
from orchestra.pronunciations import Pronunciations
from orchestra.spoken_languages import AUTO
from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.audio.chunker import CHUNK_MS, SAMPLE_RATE
from orchestra.voice.audio.second_voice import PersonsEar
from orchestra.voice.call.actions import Speech
from orchestra.voice.call.audio_journal import AudioJournal
from orchestra.voice.call.awaited_mark import AwaitedMark
from orchestra.voice.call.call_limits import CallLimits
from orchestra.voice.call.consent import Consent
from orchestra.voice.call.first_words import FirstWords
from orchestra.voice.call.keyed_answer import KeyedAnswer
from orchestra.voice.call.line_checks import STALL_S, WORDLESS_STALL_S
from orchestra.voice.call.operated import OperatedConversation
from orchestra.voice.call.playback import Playback
from orchestra.voice.call.screening import CallScreening
from orchestra.voice.call.script import Script
from orchestra.voice.call.secret_answers import KeepSecret, SecretAnswers
from orchestra.voice.call.speculation import SPECULATION, Speculation
from orchestra.voice.call.usage_meter import UsageMeter
from orchestra.voice.carriers.port import AudioReceived, Parties
from orchestra_schemas import (
    AppChanged,
    CallAnswered,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallScreened,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    CallVariablesSet,
    ConsentRefused,
    DigitPressed,
    Event,
    LanguageChanged,
    ProviderFailed,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    TranscriptPartial,
    TurnCancelled,
    TurnMeasured,
)
from orchestra_schemas.calls import EndReason, ScreeningStatus

_LOG = structlog.get_logger("orchestra.voice")

#: a server that has answered nothing for longer is away, in seconds
_ANSWER_WITHIN_S = 1.0
#: a carrier says within this after the ringing that nobody has answered, in seconds
_ANSWERED_WITHIN_S = 10.0
#: how often audio is published while an operator listens, in seconds
_LISTENED_TICK_S = 0.05
#: event ids that a call remembers: far more than a turn has, and events of older turns change nothing
_REMEMBERED = 1000
#: the detail of a `CallAnswered` that was told by the machine's own words
_HEARD = "heard"


class Call:
    """Connects a call's audio, conversation and journal, and decides when and why it ends.

    Args:
        parties: who calls whom.
        script: what the edge itself says.
        engines: names of the speech engines, ``stt/tts``.
        publisher: the edge's.
        speak: hands speech to the pipeline, in order.
        on_measured: is called with the times of each turn.
        resume_state: the state of a call that another edge began; None for a new one.
        sample_rate: of its audio in both directions, in Hz.
        playback: what of the agent's speech was heard, where that is not known from the call's audio.
        speculation: how much of a reply may be made before the caller's turn is over.
        script_of_app: the script of an app that has the call, by its name and version, the line and the language.
        keep_secret: puts what a caller answers to a secret question in the vault.
        clock: the time; tests pass their own.

    Attributes:
        seen_events: ids of the journal events handled so far, so that a repeated one changes nothing.
        backlog: events that arrive while the call is being restored from its journal; they are handled after that.
        first_words: when they may be said.
        over: resolves to the reason once the call is to end here; the stream waits for it. None: the call itself is not
            over, another edge or a person has it now.

    """

    def __init__(
        self,
        parties: Parties,
        script: Script,
        engines: str,
        publisher: Publisher,
        speak: Callable[[Speech], None],
        *,
        on_measured: Callable[[TurnMeasured], None] = lambda _: None,
        resume_state: ResumeState | None = None,
        sample_rate: int = SAMPLE_RATE,
        playback: Playback | None = None,
        speculation: Speculation = SPECULATION,
        script_of_app: Callable[[str, str, str, str], Script | None] = lambda *_: None,
        keep_secret: KeepSecret = lambda *_: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.parties = parties
        self._script = script
        self._clock = clock
        age_s = max(0.0, clock.time() - resume_state.started_at) if resume_state is not None else 0.0
        self.audio = CallAudio(clock.monotonic, start_ms=age_s * 1000, sample_rate=sample_rate)
        stt, _, tts = engines.partition("/")
        self._meter = UsageMeter(parties.call, stt, tts, sample_rate)
        self.conversation = OperatedConversation(
            parties.call,
            stt,
            playback or self.audio,
            publish=self._publish,
            speak=speak,
            end=self._on_agents_end,
            holding=script.holding,
            bridges=script.bridges,
            bridge_after_s=script.bridge_after_s,
            apology=script.apology,
            speculation=speculation,
            clock=clock,
        )
        self.conversation.change_language = self._change_language
        self.conversation.handed_back, self.conversation.takes_audio = script.handed_back, playback is None
        self.conversation.transfer_failed = script.transfer_failed
        self.ring_person: Callable[[str], None] | None = None  # has somebody join; `serve_call` sets it
        if parties.direction == "outbound" and script.ending is None:
            told, took = self._on_screened, self._on_machine_heard
            self.conversation.screening = CallScreening.of(script, resume_state, report=told, take_message=took)
        self._consent = Consent(
            parties.call, self.conversation, resume_state, publisher.publish, clock, script=lambda: self._script
        )
        self.conversation.question = self._consent
        self.over: asyncio.Future[EndReason | None] = asyncio.get_running_loop().create_future()
        self._variables = dict(parties.variables if resume_state is None else resume_state.variables)
        self.first_words = FirstWords(parties.call, resume_state, clock)
        self._use_language()
        self._publisher = publisher
        known = () if resume_state is None else (resume_state.secret,)
        self._secret = SecretAnswers(parties.call, keep_secret, clock.time, *known)
        self._audio_journal = AudioJournal(
            parties.call, self.audio, self.conversation, publisher, clock, consent=self._consent, secret=self._secret
        )
        asked = resume_state is not None and any(chunk.takes_keys for chunk in resume_state.chunks)
        asked_in = resume_state.turn if resume_state is not None and asked else -1
        self._keyed = KeyedAnswer(self.conversation, clock.time, asked_in)
        self._on_measured = on_measured
        self._script_of_app = script_of_app
        self._endpointing = dict(script.endpointing)
        self._resumed_from = resume_state
        self.seen_events: dict[str, None] = {}
        self.backlog: list[Event] = []
        self._resuming = resume_state is not None  # until the pipeline runs and the conversation is restored
        # id of our `CallResumed` until the journal has it: earlier ones are of edges that have lost the call since
        self._resumed_as = ""
        self.on_language_changed: Callable[[], None] = lambda: None  # the pipeline sets it
        self._limits = CallLimits(self.conversation, clock, age_s)
        self._mark = AwaitedMark()

    @property
    def id(self) -> str:
        """The call's id."""
        return self.parties.call

    @property
    def endpointing(self) -> Mapping[str, Endpointing]:
        """How patient each agent is with a caller who pauses; it changes when another app has the call."""
        return self._endpointing

    @property
    def thinking_sound(self) -> str:
        """The name of what its caller hears while agents of the app that has it are at work; empty: nothing."""
        return self._script.thinking_sound

    @property
    def speed(self) -> float:
        """How fast the edge's own phrases are said; 1.0 is the voice's own pace."""
        return self._script.speed

    @property
    def language(self) -> str:
        """In which the call is held (BCP 47)."""
        return self._script.language

    @property
    def heard_language(self) -> str:
        """What the STT engine is to listen for: the language of the call, or `AUTO`."""
        return AUTO if self._script.speaks.automatic else self._script.language

    @property
    def keyterms(self) -> tuple[str, ...]:
        """What the speech engine is told to expect of callers of this app."""
        return self._script.keyterms

    @property
    def pronunciations(self) -> Pronunciations:
        """How words are said, as the app that has the call now wants it."""
        return self._script.pronunciations

    # -- life

    def started(self) -> None:
        """Publish that the call has started or resumed."""
        script = self._script
        if script.version:
            self._publisher.use_version(self.id, script.version)
        if self._resumed_from is not None:
            resumed = CallResumed(
                call=self.id,
                turn=self._resumed_from.turn,
                provider_call=self.parties.provider_call,
                app=self._script.app,
                stream_number=self.parties.stream,
            )
            self._resumed_as = self._publisher.publish(resumed).id
            return
        self._publisher.publish(
            CallStarted(
                call=self.id,
                from_number=self.parties.from_number,
                to_number=self.parties.to_number,
                direction=self.parties.direction,
                provider_call=self.parties.provider_call,
                app=script.app,
                greeting="" if script.ask_s else script.first_words,
                variables=dict(self.parties.variables),
                line=script.line,
                language=script.language,
                recording=script.recording_mode,
            )
        )
        if script.ask_s:
            self._publisher.publish(self.first_words.ask(script, self.parties))
        # another edge that takes over knows from this how the call ends
        if isinstance(script.ending, Transfer):
            target, briefing = script.ending.target, script.ending.briefing
            self._publisher.publish(CallTransferRequested(call=self.id, target=target, briefing=briefing))
        elif script.ending is not None:
            self._publisher.publish(CallEndRequested(call=self.id))

    def _set_variables(self, event: CallVariablesSet) -> None:
        """The app knows this of the call: from now on it stands in what the edge says."""
        self._variables |= event.variables
        self.first_words.answered()
        before, script = self._script, self._script.in_call(self._variables)
        self._use_script(replace(script, greeting=script.voicemail) if before.ending is not None else script)

    def greet(self) -> None:
        """The pipeline is ready: say the first words, or what has not been said yet."""
        script, asked = self._script, self.first_words.due
        if asked:
            self._publisher.publish(self.first_words.say(script))
        if self._consent.begin():
            self.conversation.greet(script.consent)
        elif self._resumed_from is None or asked:
            self.conversation.greet(script.greeting, first=script.consent, ending=script.ending)
        else:
            again = script.transfer_failed if self._resumed_from.transfer_failed else script.apology
            self.conversation.resume(self._resumed_from, again, first=script.consent)
        if self._resuming:
            self._resuming = False
            for event in self.backlog:
                self.take_event(event)

    def end(self, reason: EndReason) -> None:
        """Let the call end; the first reason counts."""
        if not self.over.done():
            self.over.set_result(reason)

    def leave(self) -> None:
        """The call continues without this edge."""
        if not self.over.done():
            self.over.set_result(None)

    def publish_remaining(self) -> None:
        """Publish the rest of the audio: the call continues elsewhere, or its stream may come back."""
        self._audio_journal.publish(everything=True)
        self._publish_metered()

    def ended(self, reason: EndReason) -> None:
        """Publish the rest of the audio and that the call is over."""
        self._audio_journal.publish(everything=True)
        self._publish_metered()
        self._publisher.publish(
            CallEnded(
                call=self.id,
                turn=self.conversation.turns.turn,
                reason=reason,
                duration_s=round(self._limits.age_s, 3),
                audio_ms=self.audio.end_ms,
            )
        )
        self._publisher.forget(self.id)

    def provider_failed(self, service: Literal["stt", "tts"], provider: str, error: str, fallback: str) -> None:
        """Publish that an engine failed, and which one takes over ("": none)."""
        _LOG.warning("call.provider_failed", call=self.id, provider=provider, error=error, fallback=fallback)
        self._publish_metered()
        if fallback and service == "stt":
            self.conversation.engine = self._meter.stt = fallback
        elif fallback:
            self._meter.tts = fallback
        self._publisher.publish(
            ProviderFailed(
                call=self.id,
                turn=self.conversation.turns.turn,
                service=service,
                provider=provider,
                error=without_secrets(error),
                fallback=fallback,
            )
        )

    def on_tts_lost(self) -> None:
        """No TTS engine works any more: play the apology if it is cached, and end the call."""
        _LOG.error("call.speechless", call=self.id)
        self._limits.tts_lost()
        self.conversation.say_and_hang_up(self._script.apology)

    # -- the carrier's side

    def take_audio(self, frame: AudioReceived) -> bytes:
        """A frame of the caller's audio. Returns what of it the pipeline is to hear."""
        self.audio.take_caller_frame(frame)
        if self.audio.clock.gap_s > WORDLESS_STALL_S and self.conversation.voice_on:
            self._stalled(self.audio.clock.gap_s)  # what the caller said during the stall may be lost
        self._meter.count_audio(frame.samples)
        if self.audio.persons_ear is not None:
            self._audio_journal.publish_for_person(self.audio.persons_ear.put_caller(frame.samples))
        return frame.samples if self._consent.hears() else bytes(len(frame.samples))

    def on_operator_audio(self, seconds: float) -> None:
        """The STT engine was given so much of an operator's voice."""
        self._meter.count_seconds(seconds)

    def on_held(self, held: bool) -> None:
        """An operator has the call, who hears it by telephone if they are the person of a three-way call."""
        person = held and self.conversation.person
        self.audio.persons_ear = PersonsEar(self.audio.sample_rate) if person else None

    def take_mark(self, name: str) -> None:
        """The carrier has played everything before this mark."""
        self._mark.returned(name)
        self.conversation.mark_returned(name)

    def on_tts_text(self, text: str) -> None:
        """The TTS engine was given this text. Cached phrases are not counted."""
        self._meter.count_text(text)

    def on_wasted_text(self, text: str) -> None:
        """The TTS engine was given this text for a turn that did not end there: nobody hears it."""
        self._meter.count_wasted(text)

    def on_mark_sent(self, name: str) -> None:
        """The whole reply before this mark was sent to the carrier."""
        self._mark.sent(name, self._clock.monotonic())

    def take_digit(self, digit: str) -> None:
        """The caller pressed a key."""
        self._publish(DigitPressed(call=self.id, turn=self.conversation.turns.turn, digit=digit))
        if not self._consent.press(digit):
            self.conversation.key_pressed()
            self._keyed.press(digit)

    def take_hold(self, *, held: bool) -> None:
        """The other party has put the call on hold, or taken it up again: nobody hears us, and nobody is asked."""
        _LOG.info("call.held" if held else "call.taken_up", call=self.id)
        self._limits.on_hold = held
        self._mark.postpone(self._clock.monotonic())

    # -- the agents' side

    def take_event(self, event: Event) -> None:
        """Handle an event of this call's journal; a repeated one changes nothing."""
        if isinstance(event, CallVariablesSet):
            self._set_variables(event)
        elif self._resuming:
            self.backlog.append(event)
        elif self._first_time(event.id):
            self._take(event)

    def _first_time(self, event_id: str) -> bool:
        if not event_id:  # of another producer, which sets no id
            return True
        if event_id in self.seen_events:
            return False
        self.seen_events[event_id] = None
        while len(self.seen_events) > _REMEMBERED:
            del self.seen_events[next(iter(self.seen_events))]
        return True

    def _take(self, event: Event) -> None:
        self._note_secret(event)
        self._keyed.take(event)
        if isinstance(event, CallResumed):
            self._on_resumed(event)
        elif isinstance(event, CallAnswered):
            self._on_answered(event)
        elif isinstance(event, CallEnded):
            self._on_closed()
        elif isinstance(event, ConsentRefused):
            self._consent.take(event)
        elif isinstance(event, AppChanged):
            self._on_app_changed(event)
        elif isinstance(event, LanguageChanged):
            self._on_language_changed(event)
            if not self.over.done():
                self.conversation.take(event)
        elif not self.over.done():
            if isinstance(event, TurnCancelled) and event.reason == "expired":
                self.conversation.apologize_for_lost_turn(event.turn, self._script.apology)
            self.conversation.take(event)

    def _on_resumed(self, event: CallResumed) -> None:
        """An edge resumed the call: this one, one before it, or another one, which has the call from now on."""
        if event.id == self._resumed_as:
            self._resumed_as = ""
        elif not self._resumed_as and event.stream_number >= self.parties.stream:
            # one with a lower number is of an edge that has lost the call since: its event came late
            _LOG.info("call.taken_over", call=self.id, by=event.source)
            self.leave()

    def _on_closed(self) -> None:
        """The call was given up, because nothing was heard of it for long: this edge was cut off."""
        if not self.over.done():
            _LOG.warning("call.closed_by_others", call=self.id)
            self.conversation.say_and_hang_up(self._script.apology)

    def _on_app_changed(self, event: AppChanged) -> None:
        """Another app has the call: from now on the edge says that app's phrases."""
        speaks = self._script.language
        script = self._script_of_app(event.app, event.version, self._script.line, speaks)
        script = None if script is None else script.in_call(self._variables)
        if script is None:
            _LOG.error("call.app_unknown", call=self.id, app=event.app)
            return
        self._publisher.use_version(self.id, script.version)
        self._endpointing.clear()
        self._endpointing.update(script.endpointing)
        self._use_script(script)

    def _on_language_changed(self, event: LanguageChanged) -> None:
        """The call goes on in another language, whoever has changed it."""
        if event.language == self._script.language:
            return
        _LOG.info("call.language_changed", call=self.id, language=event.language, reason=event.reason)
        script = self._script
        spoken = self._script_of_app(script.app, script.version, script.line, event.language)
        self._use_script(spoken.in_call(self._variables) if spoken else replace(script, language=event.language))

    def _use_script(self, script: Script) -> None:
        """From now on the edge says these phrases: of another app, or in another language."""
        before = self._script
        kept = ("line", "recording", "ending", "consent", "asks_consent")
        self._script = replace(script, **{name: getattr(before, name) for name in kept})
        self.conversation.use_phrases(script.holding, script.bridges, script.apology)
        self.conversation.handed_back = script.handed_back
        self.conversation.transfer_failed = script.transfer_failed
        if (screening := self.conversation.screening) is not None:
            screening.introduction = script.introduction or script.greeting
            screening.greeting = screening.greeting if self._consent.asks else script.greeting
        self._use_language()
        self.on_language_changed()

    def _use_language(self) -> None:
        self.conversation.use_language(self._script.language, self._script.speaks)

    def _change_language(self, language: str, reason: Literal["heard", "asked"]) -> None:
        """The caller speaks another language, or has asked for it."""
        turn, previous = self.conversation.turns.caller_turn, self._script.language
        changed = LanguageChanged(call=self.id, turn=turn, language=language, previous=previous, reason=reason)
        self.take_event(self._publisher.publish(changed))

    def _on_answered(self, event: CallAnswered) -> None:
        """The carrier has found out who answered the call."""
        if event.by == "human" or self._script.ending is not None or self.conversation.held_by:
            return
        if self.conversation.screened and event.detail != _HEARD:
            return  # what the carrier has heard is the robot that screens the call
        if event.by == "machine" and self._script.voicemail:
            self.conversation.say_and_hang_up(self._script.voicemail)
        else:
            self.end("agent_hung_up")

    def _on_screened(self, status: ScreeningStatus, heard: str) -> None:
        _LOG.info("call.screened", call=self.id, status=status)
        turn = self.conversation.turns.turn
        self._publisher.publish(CallScreened(call=self.id, turn=turn, status=status, heard=heard))

    def _on_machine_heard(self, heard: str) -> None:
        """An answering machine, by its words: the carrier took it for a person, or a screening robot has become one."""
        _LOG.info("call.machine_heard", call=self.id, words=len(heard.split()))
        self.take_event(self._publisher.publish(CallAnswered(call=self.id, by="machine", detail=_HEARD)))

    # -- what goes by the clock

    async def watch(self) -> None:
        """Until cancelled: `tick` every 200 ms, or sooner while somebody listens: a chunk is late by up to this."""
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(_LISTENED_TICK_S if self.conversation.listeners else CHUNK_MS / 1000)
            self.tick(self._clock.monotonic() - before)

    def tick(self, passed_s: float = 0.0) -> None:
        """Publish audio and progress, and enforce the limits; ``passed_s`` since the last tick."""
        if passed_s > WORDLESS_STALL_S:
            self._stalled(passed_s)
        self._consent.look()
        self._audio_journal.publish()
        self._secret.look(self.conversation.voice_began, speaks=self.conversation.caller_speaks)
        self._keyed.look()
        self._publish_progress()
        reason = self._limits.look(self._script)
        if reason is not None:
            self.end(reason)
        self._watch_mark()
        self.conversation.look(passed_s)
        away = not self._publisher.connected or self._publisher.unanswered_s > _ANSWER_WITHIN_S
        if self.conversation.check_wait(away=away):
            self.end("failed")

    def _stalled(self, seconds: float) -> None:
        if seconds > STALL_S:
            _LOG.warning("call.stalled", call=self.id, seconds=round(seconds, 1))
        self.conversation.note_stall(seconds)

    def _watch_mark(self) -> None:
        if self._limits.on_hold or self.conversation.turns.caller_speaks:
            return
        lost = self._mark.take_lost(self._clock.monotonic())
        if lost:
            _LOG.warning("call.mark_missing", call=self.id, mark=lost)
            self.conversation.mark_returned(lost)

    def _publish_progress(self) -> None:
        turn = self.conversation.turns.turn
        for sentence in self.conversation.new_sentences_heard():
            self._publisher.publish(SentenceSpoken(call=self.id, turn=turn, text=sentence))

    def _publish(self, event: Event) -> None:
        if isinstance(event, TranscriptPartial) and not self._consent.keeps:
            return  # it is for the media stream, as audio is
        event = self.conversation.named(event)
        hidden = self._secret.hidden(event, self._keyed.since or self.conversation.voice_began)
        stored = self._publisher.publish(hidden)
        if hidden is not event:
            self._secret.keep(event, stored)
        self._note_secret(event)
        if isinstance(event, TurnMeasured):
            self._on_measured(event)
        if isinstance(event, ReplySpoken | ReplyInterrupted):
            self._publish_metered()

    def _note_secret(self, event: Event) -> None:
        self._secret.take(event, self.conversation.turns.turn, speaks=self.conversation.caller_speaks)

    def _publish_metered(self) -> None:
        metered = self._meter.take(self.conversation.turns.turn)
        if metered is not None:
            self._publisher.publish(metered, even_if_replaced=True)

    def _joins(self, transfer: Transfer) -> bool:
        """Whether the person is to join, rather than to get the caller: where there are agents to join."""
        return transfer.target == self._script.joins and self._script.ending is None

    def _on_agents_end(self, ending: Ending) -> None:
        if isinstance(ending, Transfer) and self._joins(ending) and self.ring_person is not None:
            self.conversation.ring(ending, self._script.ring_s + _ANSWERED_WITHIN_S)
            self.ring_person(ending.target)
        elif isinstance(ending, Transfer):
            self._audio_journal.publish(everything=True)
            turn, audio_ms = self.conversation.turns.turn, self.audio.end_ms
            self._publisher.publish(CallTransferred(call=self.id, turn=turn, target=ending.target, audio_ms=audio_ms))
            self.leave()
        else:
            self.end("agent_hung_up")
