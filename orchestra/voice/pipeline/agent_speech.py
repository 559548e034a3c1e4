"""The agents in the pipeline: gives what they say to the TTS engine, and barge-ins to the conversation."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    AggregatedTextFrame,
    CancelFrame,
    DataFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    OutputDTMFFrame,
    OutputTransportMessageFrame,
    StartFrame,
    SystemFrame,
    TTSUpdateSettingsFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.text.base_text_aggregator import TextType

from orchestra.language.registry import DEFAULT_CODE
from orchestra.pronunciations import AS_WRITTEN, Pronunciations
from orchestra.voice.call.actions import (
    ClearAudio,
    FlushSpeech,
    PauseAudio,
    PrepareSpeech,
    ResumeAudio,
    Say,
    SayAtOnce,
    SendDtmf,
    SendMark,
    Speech,
)
from orchestra.voice.call.conversation import Conversation
from orchestra.voice.engines.phrase import Phrase
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech
from orchestra.voice.engines.voice_settings import VoiceSettings
from orchestra.voice.pipeline.held_speech import HoldSpeechFrame, ReleaseSpeechFrame

FindPhrase = Callable[[Phrase], SynthesizedSpeech | None]


@dataclass
class PhraseFrame(DataFrame):
    """A synthesized phrase that bypasses the TTS engine, and is played after what that is speaking."""

    phrase: SynthesizedSpeech


@dataclass
class UrgentPhraseFrame(SystemFrame):
    """A synthesized phrase that is played at once, without waiting for the TTS engine."""

    phrase: SynthesizedSpeech


@dataclass
class PauseAudioFrame(SystemFrame):
    """Pause what is being played, and keep the rest; or, with ``pause`` false, play on."""

    pause: bool


class SpeechQueue:
    """What a call says, in order, on its way from the conversation to the pipeline."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Speech] = asyncio.Queue()

    def put(self, speech: Speech) -> None:
        """Say this after everything before it; `ClearAudio` discards what has not been said. Never waits."""
        if isinstance(speech, ClearAudio):
            self.clear()
        self._waiting.put_nowait(speech)

    async def get(self) -> Speech:
        """Wait for the next one."""
        return await self._waiting.get()

    def clear(self) -> None:
        """Discard everything that has not been said."""
        while not self._waiting.empty():
            self._waiting.get_nowait()


class AgentSpeechProcessor(FrameProcessor):
    """Takes the place of the language model in the pipeline: speaks replies from the bus and reports barge-ins.

    When the caller starts to speak, the conversation holds back what is to be said, and either the audio is held or an
    interruption flushes the rest of the pipeline. It goes downstream only: the caller's words are on their way here.

    Args:
        conversation: is told when the caller starts and stops speaking.
        speech: what is to be said.
        find_phrase: the synthesized audio of a phrase, if it is cached; the TTS engine speaks everything else.
        pronunciations: how words are said from now on.
        language: in which the engine speaks (BCP 47), until something is said in another one.
        speed: how fast the edge's own phrases are said; replies say theirs.
        on_tts_text: called with every text that the TTS engine gets.
        on_wasted_text: called with every text that the TTS engine got for a turn that did not end there.

    """

    def __init__(
        self,
        conversation: Conversation,
        speech: SpeechQueue,
        find_phrase: FindPhrase,
        pronunciations: Callable[[], Pronunciations] = lambda: AS_WRITTEN,
        *,
        language: str = DEFAULT_CODE,
        speed: float = 1.0,
        on_tts_text: Callable[[str], None],
        on_wasted_text: Callable[[str], None],
    ) -> None:
        super().__init__(name="agent_speech")
        self._conversation = conversation
        self._speech = speech
        self._find_phrase = find_phrase
        self._pronunciations = pronunciations
        self._on_tts_text = on_tts_text
        self._on_wasted_text = on_wasted_text
        self._task: asyncio.Task[None] | None = None
        self._tts_open = False  # the TTS engine has text, and has not been told that it ends
        self._voice, self._language, self._speed = "", language, speed
        self._own_speed = speed
        self._engine_lost = False
        self._prepared: Say | None = None  # the TTS engine has it, and its speech is held

    async def interrupt(self) -> None:
        """Clear all audio in flight; the conversation says it again."""
        self._speech.clear()
        await self._flush_pipeline()

    def on_tts_lost(self) -> None:
        """No TTS engine speaks any more: what is cached is all that can be said."""
        self._engine_lost = True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Report the caller's start and stop; pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self._task = self.create_task(self._speak_all())
        elif isinstance(frame, EndFrame | CancelFrame):
            await self._stop()
        elif isinstance(frame, UserStartedSpeakingFrame) and direction is FrameDirection.DOWNSTREAM:
            await self._caller_started(frame)
            return
        elif isinstance(frame, UserStoppedSpeakingFrame) and direction is FrameDirection.DOWNSTREAM:
            self._conversation.caller_stopped()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """End the speaking task with the pipeline."""
        await self._stop()
        await super().cleanup()  # type: ignore[no-untyped-call]

    def _forget_speech(self) -> None:
        self._tts_open = False
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            self._on_wasted_text(prepared.text)

    async def _caller_started(self, frame: UserStartedSpeakingFrame) -> None:
        held = self._conversation.caller_started()
        if not held:
            self._speech.clear()
        await self.push_frame(frame)
        if not held:
            await self._flush_pipeline()

    async def _flush_pipeline(self) -> None:
        self._forget_speech()
        await self.push_frame(InterruptionFrame())

    async def _stop(self) -> None:
        self._forget_speech()
        task, self._task = self._task, None
        if task is not None:
            await self.cancel_task(task)

    async def _speak_all(self) -> None:
        while True:
            match await self._speech.get():
                case Say() as say:
                    await self._say(say)
                case PrepareSpeech(say):
                    await self._prepare(say)
                case SayAtOnce(text):
                    await self._say_at_once(text)
                case FlushSpeech():
                    await self._end_speech()
                case ClearAudio():
                    await self._flush_pipeline()
                case PauseAudio() | ResumeAudio() as decided:
                    await self.push_frame(PauseAudioFrame(pause=isinstance(decided, PauseAudio)))
                case SendDtmf(keys):
                    await self.push_frame(OutputDTMFFrame(buttons=[KeypadEntry(key) for key in keys]))
                case SendMark(name):
                    await self.push_frame(OutputTransportMessageFrame(message=name))

    async def _prepare(self, say: Say) -> None:
        await self._use_voice(say)
        if self._cached(say.text) is not None:
            self._conversation.on_speech_ready()
            return
        self._prepared = say
        await self.push_frame(HoldSpeechFrame())
        if self._prepared is say:  # no interruption has overtaken it
            await self._speak(say.text)

    async def _say(self, say: Say) -> None:
        if self._prepared == say:
            self._prepared = None
            await self.push_frame(ReleaseSpeechFrame())
            return
        if self._prepared is not None:
            await self._flush_pipeline()
        await self._use_voice(say)
        phrase = self._cached(say.text)
        if phrase is not None:
            await self._end_speech()
            await self.push_frame(PhraseFrame(phrase))
            return
        await self._speak(say.text)

    async def _use_voice(self, say: Say) -> None:
        delta = VoiceSettings()
        if say.voice and say.voice != self._voice:
            self._voice = delta.voice = say.voice
        if say.language != self._language:
            self._language = delta.language = say.language
        if say.speed and say.speed != self._speed:
            self._speed = delta.speed = say.speed
        if delta.given_fields():
            await self._end_speech()
            await self.push_frame(TTSUpdateSettingsFrame(delta=delta))

    def _cached(self, text: str, *, engine_speaks: bool = True) -> SynthesizedSpeech | None:
        """The phrase as the agent would say it; as the edge itself does if the engine cannot."""
        said = self._pronunciations()
        phrase = self._find_phrase(Phrase(text, self._voice, self._language, self._speed, said))
        if phrase is None and (self._engine_lost or not engine_speaks):
            language = self._conversation.turns.language.code  # which nothing may have been said in yet
            phrase = self._find_phrase(Phrase(text, "", language, self._own_speed, said))
        return phrase

    async def _speak(self, text: str) -> None:
        """Give this text to the TTS engine."""
        if not self._tts_open:
            # the sentences of a reply share one context in the engine, for their prosody
            self._tts_open = True
            await self.push_frame(LLMFullResponseStartFrame())
        # Pipecat would hold plain text back until the next sentence shows where it ends
        self._on_tts_text(text)
        await self.push_frame(AggregatedTextFrame(text, TextType.SENTENCE))

    async def _say_at_once(self, text: str) -> None:
        phrase = self._cached(text, engine_speaks=False)
        if phrase is not None:
            self._conversation.on_phrase_interjected(text)
            await self.push_frame(UrgentPhraseFrame(phrase))

    async def _end_speech(self) -> None:
        if self._tts_open:
            self._tts_open = False
            await self.push_frame(LLMFullResponseEndFrame())
