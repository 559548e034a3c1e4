"""Where a pipeline has its language model, a call has this: the way to and from the agents behind the bus."""

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
from pipecat.services.settings import TTSSettings
from pipecat.utils.text.base_text_aggregator import TextType

from orchestra.voice.call.actions import ClearAudio, FlushSpeech, Say, SayAtOnce, SendDtmf, SendMark
from orchestra.voice.call.conversation import Conversation, Speech
from orchestra.voice.engines.synthesized import SynthesizedSpeech

FindPhrase = Callable[[str, str], SynthesizedSpeech | None]


@dataclass
class PhraseFrame(DataFrame):
    """Speech that is there already; it passes the speech engine, behind what that is speaking."""

    phrase: SynthesizedSpeech


@dataclass
class UrgentPhraseFrame(SystemFrame):
    """Speech that is there already, and does not wait for the speech engine."""

    phrase: SynthesizedSpeech


def _nothing(_text: str, _voice: str) -> None:
    return None


def _uncounted(_text: str) -> None:
    return None


class AgentSpeechProcessor(FrameProcessor):
    """Puts the agents' words into the pipeline, one after another, and takes back what the caller talks over.

    The caller's start comes through here just before the interruption that flushes the pipeline behind. From then on
    the conversation holds back what is to be spoken, so no word of an older moment can follow the interruption.

    Args:
        find_phrase: the speech of a text in a voice, where it is kept; the speech engine speaks the others.

    """

    def __init__(self, find_phrase: FindPhrase = _nothing) -> None:
        super().__init__(name="agent_speech")
        self._find_phrase = find_phrase
        self._given: Callable[[str], None] = _uncounted
        self._conversation: Conversation | None = None
        self._waiting: asyncio.Queue[Speech] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._speech_open = False
        self._voice = ""

    def join(self, conversation: Conversation, given: Callable[[str], None] = _uncounted) -> None:
        """Tell this conversation when the caller speaks, and ``given`` of all words that the speech engine gets."""
        self._conversation = conversation
        self._given = given

    def speak(self, speech: Speech) -> None:
        """Speak this behind what was given before. Never waits."""
        if isinstance(speech, ClearAudio):
            self._drop_waiting()
        self._waiting.put_nowait(speech)

    async def interrupt(self) -> None:
        """Take back all that is on its way to the caller; the conversation says it again."""
        self._drop_waiting()
        await self.broadcast_interruption()  # type: ignore[no-untyped-call]

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follow the caller's turns; everything is passed on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self._task = self.create_task(self._speak_all())
        elif isinstance(frame, EndFrame | CancelFrame):
            await self._stop()
        elif isinstance(frame, UserStartedSpeakingFrame) and direction is FrameDirection.DOWNSTREAM:
            self._caller_started()
        elif isinstance(frame, UserStoppedSpeakingFrame) and direction is FrameDirection.DOWNSTREAM:
            self._caller_stopped()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """End the speaking task with the pipeline."""
        await self._stop()
        await super().cleanup()  # type: ignore[no-untyped-call]

    def _drop_waiting(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._speech_open = False

    def _caller_started(self) -> None:
        self._drop_waiting()
        if self._conversation is not None:
            self._conversation.caller_started()

    def _caller_stopped(self) -> None:
        if self._conversation is not None:
            self._conversation.caller_stopped()

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            await self.cancel_task(task)

    async def _speak_all(self) -> None:
        while True:
            match await self._waiting.get():
                case Say() as say:
                    await self._say(say)
                case SayAtOnce(text):
                    await self._say_at_once(text)
                case FlushSpeech():
                    await self._end_speech()
                case ClearAudio():
                    await self.broadcast_interruption()  # type: ignore[no-untyped-call]
                case SendDtmf(keys):
                    await self.push_frame(OutputDTMFFrame(buttons=[KeypadEntry(key) for key in keys]))
                case SendMark(name):
                    await self.push_frame(OutputTransportMessageFrame(message=name))

    async def _say(self, say: Say) -> None:
        if say.voice and say.voice != self._voice:
            await self._end_speech()
            self._voice = say.voice
            await self.push_frame(TTSUpdateSettingsFrame(delta=TTSSettings(voice=say.voice)))
        phrase = self._find_phrase(say.text, self._voice)
        if phrase is not None:
            await self._end_speech()
            await self.push_frame(PhraseFrame(phrase))
            return
        if not self._speech_open:
            # the sentences of a prompt share one context in the engine, for their prosody
            self._speech_open = True
            await self.push_frame(LLMFullResponseStartFrame())
        # whole sentences go straight to the engine; plain text would wait for the next sentence to show its end
        self._given(say.text)
        await self.push_frame(AggregatedTextFrame(say.text, TextType.SENTENCE))

    async def _say_at_once(self, text: str) -> None:
        phrase = self._find_phrase(text, self._voice)
        if phrase is not None and self._conversation is not None:
            self._conversation.on_phrase_interjected(text)
            await self.push_frame(UrgentPhraseFrame(phrase))

    async def _end_speech(self) -> None:
        if self._speech_open:
            self._speech_open = False
            await self.push_frame(LLMFullResponseEndFrame())
