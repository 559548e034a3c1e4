"""The caller's side of the pipeline: voice activity, transcripts, turns."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    TextFrame,
    TranscriptionFrame,
    UserSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
    UserTurnStoppedMessage,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from orchestra.endpointing import Endpointing
from orchestra.voice.call.conversation import Conversation
from orchestra.voice.engines.turn_detection.barge_in import require_words
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.frames import (
    WORDS_BEGAN,
    CallerPausedFrame,
    SegmentTranscribedFrame,
    ShortSoundFrame,
    TurnPredictedFrame,
)
from orchestra.voice.engines.turn_detection.pause_watch import PauseWatch
from orchestra.voice.engines.turn_detection.turn_words import JoinedTranscriptionFrame
from orchestra.voice.engines.turn_detection.vad import SHORT_SOUND_S

if TYPE_CHECKING:
    from orchestra.voice.engines.factory import Engines


#: the least and the most that a reply is held for the words of a voice that has ended, in seconds
_HELD_S = (0.5, 3.0)
#: a turn without a transcript this long after its last sound has no words; no engine needs this long, in seconds
_WORDS_WITHIN_S = 4.0
_WORDS = (InterimTranscriptionFrame, EagerTranscriptionFrame, TranscriptionFrame)


class UserTurnAggregator(LLMUserAggregator):
    """Pipecat's user aggregator, which decides when the caller's turn begins and ends, connected to the conversation.

    A turn's words are taken from the event, not from the frame that follows it: an immediate interruption would flush
    that frame, and the caller's words with it.
    """

    def __init__(
        self, conversation: Conversation, engines: "Engines", stt: Any, endpointing: Mapping[str, Endpointing]
    ) -> None:
        vad = engines.vad()
        self._endpointer = Endpointer(
            asked=lambda: conversation.last_reply,
            options=endpointing,
            voice_starting=lambda: vad.voice_starting,
            on_pause=conversation.pause_allowed,
            language=conversation.turns.language,
        )
        params = LLMUserAggregatorParams(
            vad_analyzer=vad,
            user_turn_strategies=engines.user_turn_strategies(stt, self._endpointer),
            user_turn_stop_timeout=_WORDS_WITHIN_S,
            empty_user_turn=None,  # `TurnTaking` decides what a turn without words means
        )
        super().__init__(LLMContext(), params=params, name="listener")
        self._conversation = conversation
        self._engines, self._stt = engines, stt
        self._vad, self._pause_watch = vad, PauseWatch(vad)
        self._words_required = False
        self._sound_interrupts = _sound_interrupts(params.user_turn_strategies)
        self._voice_possible = False
        self._agent_speaks = False
        self._pause_timer: asyncio.TimerHandle | None = None
        self._voice_began = 0.0
        self._short_sound: ShortSoundFrame | None = None  # whose words have not come, if it has any
        self.add_event_handler("on_user_turn_stopped", self._turn_stopped)

    def use_language(self) -> None:
        """The call is in another language: what ends a turn is judged by its words."""
        self._endpointer.language = self._conversation.turns.language

    async def switch_engine(self, stt: Any) -> None:
        """Use this engine's turn strategies from now on. What the last one predicted is void."""
        self._stt = stt
        self._conversation.caller_resumed()
        strategies = self._engines.user_turn_strategies(stt, self._endpointer)
        chosen = require_words(strategies) if self._words_required else strategies
        self._sound_interrupts = _sound_interrupts(chosen)
        await self._user_turn_controller.update_strategies(chosen)
        if self._agent_speaks:  # new strategies have not seen it begin
            await self._user_turn_controller.process_frame(BotStartedSpeakingFrame())

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Report to the conversation, then let the aggregator decide on turns."""
        if isinstance(frame, _WORDS) and await self._is_echo(frame):
            return
        was_sound = isinstance(frame, _WORDS) and await self._take_for_speech()
        if isinstance(frame, InputAudioRawFrame):
            await asyncio.sleep(0)  # a call that catches up on many frames must let other calls run in between
        else:
            self._report(frame)
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._report_possible_voice()
            await self._report_pause(frame)
            if self._vad.short_sound_ended:
                await self._report_short_sound()
        elif was_sound and isinstance(frame, TranscriptionFrame):
            await super().process_frame(SegmentTranscribedFrame(), direction)

    def _report(self, frame: Frame) -> None:
        match frame:
            case InterimTranscriptionFrame():
                self._conversation.partial(frame.text, began=frame.metadata.get(WORDS_BEGAN, 0.0))
            case EagerTranscriptionFrame():
                self._conversation.turn_predicted(frame.text)
            case EagerEndOfTurnCancelFrame():
                self._conversation.caller_resumed()
            case TranscriptionFrame():
                joined = isinstance(frame, JoinedTranscriptionFrame)
                if joined:
                    del self._aggregation[-1:]
                began = frame.metadata.get(WORDS_BEGAN, 0.0)
                self._conversation.final(frame.text, joined=joined, language=str(frame.language or ""), began=began)
            case BotStartedSpeakingFrame() | BotStoppedSpeakingFrame():
                self._agent_speaks = isinstance(frame, BotStartedSpeakingFrame)
            case VADUserStartedSpeakingFrame():
                self._stop_watching()
                self._voice_began = frame.timestamp - frame.start_secs
                self._conversation.speech_started(self._voice_began)
            case VADUserStoppedSpeakingFrame():
                ended = frame.timestamp - frame.stop_secs
                self._conversation.speech_ended(ended)
                self._watch_pause(ended - self._voice_began)
            case SegmentTranscribedFrame():
                self._conversation.pause_expired()  # the engine has said all that it will
            case _:
                pass

    async def _report_short_sound(self) -> None:
        """Have the engine look for words in a sound too short to be speech; without words it changes nothing."""
        self._vad.short_sound_ended = False
        self._short_sound = ShortSoundFrame(stop_secs=self._vad.params.stop_secs)
        await self.push_frame(self._short_sound, FrameDirection.UPSTREAM)

    async def _take_for_speech(self) -> bool:
        """Whether these are the words of a short sound; it is then reported as speech, late, to all that follows."""
        sound, self._short_sound = self._short_sound, None
        if sound is None or self._conversation.voice_on or self._user_turn_controller._user_turn:  # noqa: SLF001
            return False
        stopped = VADUserStoppedSpeakingFrame()
        stopped.stop_secs = stopped.timestamp - sound.timestamp + sound.stop_secs
        if stopped.stop_secs > _WORDS_WITHIN_S:
            return False
        started = VADUserStartedSpeakingFrame(stopped.stop_secs + SHORT_SOUND_S, stopped.timestamp)
        await self.process_frame(started, FrameDirection.DOWNSTREAM)
        await self.process_frame(stopped, FrameDirection.DOWNSTREAM)
        return True

    def _report_possible_voice(self) -> None:
        """Report a sound that may become speech, and its end if it does not.

        Where a sound stops the agent, this stops it 0.1 s sooner, and it stops for a word too short to be speech.
        """
        if self._vad.voice_possible == self._voice_possible:
            return
        self._voice_possible = not self._voice_possible
        if self._voice_possible and self._sound_interrupts:
            self._conversation.voice_possible()
        elif not self._vad.voice_starting:
            self._conversation.voice_not_begun()

    async def _report_pause(self, frame: InputAudioRawFrame) -> None:
        """Report a pause, before it is long enough for VAD, to the conversation, the strategies and the STT service."""
        change = self._pause_watch.look(frame)
        if change is None:
            return
        if isinstance(change, CallerPausedFrame):
            self._conversation.caller_paused(self._pause_watch.silence_s)
        await self.push_frame(change, FrameDirection.UPSTREAM)
        await self._user_turn_controller.process_frame(change)

    async def _on_push_frame(
        self, controller: Any, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Take a strategy's prediction at once: in the queue, what takes it back would overtake it."""
        match frame:
            case EagerTranscriptionFrame():
                if not await self._is_echo(frame):
                    likely = frame.likely if isinstance(frame, TurnPredictedFrame) else True
                    self._conversation.turn_predicted(frame.text, likely=likely)
            case EagerEndOfTurnCancelFrame():
                self._conversation.caller_resumed()
            case _:
                await super()._on_push_frame(controller, frame, direction)

    async def _is_echo(self, frame: TextFrame) -> bool:
        """Whether it is an echo of the agent; after the first echo only words interrupt the agent, not sounds."""
        echo = self._conversation.is_echo(frame.text, so_far=isinstance(frame, InterimTranscriptionFrame))
        if self._conversation.line_checks.line_echoes and not self._words_required:
            self._words_required = True
            await self.switch_engine(self._stt)
        return echo

    async def broadcast_interruption(self) -> None:
        """Nothing: a caller's turn only pauses the agent, until `TurnTaking` has decided."""

    async def cleanup(self) -> None:
        """End the timer with the pipeline."""
        self._stop_watching()
        await super().cleanup()  # type: ignore[no-untyped-call]

    def _watch_pause(self, voice_s: float) -> None:
        self._stop_watching()
        within_s = words_within_s(voice_s)
        self._pause_timer = asyncio.get_running_loop().call_later(within_s, self._conversation.pause_expired)

    def _stop_watching(self) -> None:
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._pause_timer = None

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Drop frames that nobody after this uses: the caller's audio, that they still speak, the LLM context."""
        if not isinstance(frame, InputAudioRawFrame | UserSpeakingFrame | LLMContextFrame):
            await super().push_frame(frame, direction)

    def _turn_stopped(self, _listener: object, _strategy: object, message: UserTurnStoppedMessage) -> None:
        self._conversation.turn_ended(message.content or "")
        self.context.set_messages([])  # the agents keep the history


def words_within_s(voice_s: float) -> float:
    """How long the words of a voice that has ended are waited for, before the reply that it has paused goes on.

    As long as the voice lasted: a cough is short, and an engine that is behind needs longer for a whole sentence.
    """
    least_s, most_s = _HELD_S
    return min(max(voice_s, least_s), most_s)


def _sound_interrupts(strategies: UserTurnStrategies | None) -> bool:
    """Whether the caller's voice takes the turn from a speaking agent, and not only words do."""
    start = strategies.start if strategies else None
    return any(isinstance(strategy, VADUserTurnStartStrategy) for strategy in start or [])
