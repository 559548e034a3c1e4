"""The two ends of a call's pipeline: the caller's audio comes in, the agent's goes out in real time.

Pipecat's own transport for FastAPI reads the socket itself and drops what it does not understand. Here the socket
belongs to the carrier, which refuses such messages, and the pipeline gets audio only.
"""

import asyncio
import math
import time
from collections.abc import Callable

from pipecat.frames.frames import (
    AggregatedTextFrame,
    BotSpeakingFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputDTMFFrame,
    OutputDTMFUrgentFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from orchestra.voice.audio.call_audio import CallAudio, is_audible, leading_silence
from orchestra.voice.audio.chunker import SAMPLE_RATE
from orchestra.voice.audio.noise_suppression import NoiseSuppressor, Strength
from orchestra.voice.audio.second_voice import WaitingVoice, mixed
from orchestra.voice.audio.upsampler import Upsampler2x
from orchestra.voice.carriers.port import MediaStream, PressesKeys
from orchestra.voice.pipeline.agent_speech import PauseAudioFrame, PhraseFrame, UrgentPhraseFrame
from orchestra.voice.pipeline.held_speech import HeldSpeech, HoldSpeechFrame, ReleaseSpeechFrame, can_be_held
from orchestra.voice.pipeline.paused_audio import PausedAudio
from orchestra.voice.pipeline.thinking_sound import ThinkingSound

#: sample rate of the caller's audio in the pipeline: the one that Whisper and smart-turn were trained on, in Hz
LISTENING_RATE = 16_000

_FRAME_10MS = 4
_FRAME_MS = 10.0 * _FRAME_10MS
#: how far sending is ahead of playing: enough to hide a late event loop, and little to clear at a barge-in
_AHEAD_S = 0.06

#: carriers send frames of 20 ms, and each costs a dozen steps through the pipeline, so two are joined into one; except
#: while the caller speaks, and for the time after that in which most turns end, since every 20 ms delays that end
_CARRIER_FRAME_MS = 20
_JOINED_FRAMES = 2
_TURN_ENDS_WITHIN_MS = 600


class StreamInput(BaseInputTransport):
    """Where the caller's audio enters the pipeline, without the agent's own voice that the line sends back.

    Args:
        sample_rate: of the caller's audio, in Hz.
        audio: the call's audio.
        noise: how much noise is taken out of it.

    """

    def __init__(self, sample_rate: int, audio: CallAudio, noise: Strength = "off") -> None:
        super().__init__(TransportParams(audio_in_enabled=True), name="caller")
        self._audio = audio
        self._frame_bytes = _CARRIER_FRAME_MS * sample_rate // 1000 * 2
        self._joined_bytes = _JOINED_FRAMES * self._frame_bytes
        self._upsampler = Upsampler2x() if sample_rate < LISTENING_RATE else None
        self._suppressor = None if noise == "off" else NoiseSuppressor(noise)
        self._joined = b""
        self._single_bytes = 0.0  # of this much audio to come, frames are not joined

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note whether the caller speaks."""
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._single_bytes = math.inf
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._single_bytes = _TURN_ENDS_WITHIN_MS // _CARRIER_FRAME_MS * self._frame_bytes
        await super().process_frame(frame, direction)

    async def push_audio(self, samples: bytes) -> None:
        """Take a frame of the caller's audio. Frames that arrive before the pipeline has started wait in it."""
        self._joined += samples
        if len(self._joined) < (self._joined_bytes if self._single_bytes <= 0 else self._frame_bytes):
            return
        joined, self._joined = self._joined, b""
        self._single_bytes -= len(joined)
        joined = self._audio.without_echo(joined)
        audio = joined if self._upsampler is None else self._upsampler.upsample(joined)
        if self._suppressor is not None:
            audio = self._suppressor.suppress(audio)
        await self.push_frame(InputAudioRawFrame(audio=audio, sample_rate=LISTENING_RATE, num_channels=1))


class StreamOutput(BaseOutputTransport):
    """Where the agent's audio leaves the pipeline: paced as it is played, with its words placed in it.

    Args:
        stream: where it goes.
        audio: the call's audio, which records what is sent.
        thinking: heard while the caller waits and nothing else is played.
        on_speech: called when audio comes from the engine.
        on_held: called when audio of a sentence that is held has come.
        on_sound: called when a frame that can be heard was sent, with the seconds of silence at its beginning.
        on_mark: called with a mark's name when everything before it was sent.
        on_clear: called when no audio is in flight any more.

    """

    def __init__(
        self,
        stream: MediaStream,
        audio: CallAudio,
        thinking: ThinkingSound,
        *,
        on_speech: Callable[[], None],
        on_held: Callable[[], None],
        on_sound: Callable[[float], None],
        on_mark: Callable[[str], None],
        on_clear: Callable[[], None],
    ) -> None:
        super().__init__(
            TransportParams(audio_out_enabled=True, audio_out_10ms_chunks=_FRAME_10MS, audio_out_end_silence_secs=0),
            name="agent",
        )
        self._stream = stream
        self._audio = audio
        self._thinking = thinking
        self._on_speech = on_speech
        self._on_held = on_held
        self._on_sound = on_sound
        self._on_mark = on_mark
        self._on_clear = on_clear
        self._played_at = 0.0  # when the carrier will have played the agents' audio, on the monotonic clock
        self._line_free_at = 0.0  # when it will have played everything that was sent, a second voice's, too
        self._speech_starts: dict[str, int] = {}  # context → presentation time stamp of its start, in ns
        self._last_word_pts = 0
        self._past_engine = False  # a cached phrase is being queued, not the engine's audio
        self._audible = False  # the last frame that was sent
        self._held = HeldSpeech()
        self._came_at: int | None = None  # when the frame that is being released came, in ns
        self._paused = PausedAudio(stream.sample_rate)
        self._second_voice = WaitingVoice(stream.sample_rate)
        self._stops_later = False

    async def start(self, frame: StartFrame) -> None:
        """Start sending."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Record what is queued and the position of its words; an interruption also clears the carrier's buffer."""
        if self._held.holding and direction is FrameDirection.DOWNSTREAM and can_be_held(frame):
            if self._held.take(frame, self.get_clock().get_time()):
                self._on_held()
            return
        if isinstance(frame, InterruptionFrame):
            self._held.discard()
        await self._take_frame(frame, direction)
        if isinstance(frame, HoldSpeechFrame):
            self._held.hold()
        elif isinstance(frame, ReleaseSpeechFrame):
            await self._release()

    async def _take_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if direction is FrameDirection.DOWNSTREAM and isinstance(frame, AggregatedTextFrame):
            # text ends here: nothing after this needs it, and each word would hold a timer until its time
            await FrameProcessor.process_frame(self, frame, direction)
            if isinstance(frame, TTSTextFrame):
                self._place_word(frame)
            return
        if isinstance(frame, TTSStartedFrame):
            self._speech_starts.pop(frame.context_id or "", None)
        elif isinstance(frame, TTSAudioRawFrame):
            self._place_audio(frame)
        elif isinstance(frame, PhraseFrame | UrgentPhraseFrame):
            await self._speak(frame, direction)
            return
        elif isinstance(frame, TTSStoppedFrame):
            self._audio.playback.pad(_FRAME_MS)
        elif isinstance(frame, PauseAudioFrame):
            await (self._pause_audio() if frame.pause else self._resume_audio())
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            await self._clear()

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Drop frames that nobody uses: the audio that was sent, and the notice, dozens of times a second, of more.

        An agent whose audio is paused has not stopped speaking, although Pipecat has nothing left to send.
        """
        if isinstance(frame, BotStoppedSpeakingFrame) and self._paused.waits:
            self._stops_later = True
            return
        if isinstance(frame, BotStartedSpeakingFrame):
            self._stops_later = False
        if not isinstance(frame, OutputAudioRawFrame | BotSpeakingFrame):
            await super().push_frame(frame, direction)

    async def _report_stop(self) -> None:
        """Report that the agent has stopped speaking, if it was not reported because audio was paused."""
        if self._stops_later and not self._paused.waits:
            self._stops_later = False
            for direction in (FrameDirection.UPSTREAM, FrameDirection.DOWNSTREAM):
                await self.push_frame(BotStoppedSpeakingFrame(), direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Send one frame, and wait until the carrier has little left to play; while audio is held, keep it."""
        return self._paused.keep(frame.audio) or await self._send(frame.audio)

    async def send_message(self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame) -> None:
        """Send the mark that the frame names, after the audio before it, or, with no name, what was held."""
        if frame.message:
            if not self._paused.keep(frame.message):
                await self._send_mark(frame.message)
            return
        while (waiting := self._paused.take()) is not None:
            await (self._send_mark(waiting) if isinstance(waiting, str) else self._send(waiting))
        await self._report_stop()

    async def play_while_waiting(self) -> None:
        """Until cancelled: play the sound that the caller hears while nothing else is played."""
        size = round(_FRAME_MS * self._stream.sample_rate / 1000)
        while True:
            now = time.monotonic()
            sound = self._thinking.alone(size) if self._played_at <= now + _AHEAD_S and not self._paused.waits else b""
            if sound:
                # it is recorded and known as an echo, but it is nothing that an agent has said
                self._audio.take_fading_frame(sound)
                self._played_at = max(self._played_at, now) + _FRAME_MS / 1000
                await self._transmit(sound)
            await asyncio.sleep(max(_FRAME_MS / 1000, self._played_at - now - _AHEAD_S))

    def _supports_native_dtmf(self) -> bool:
        """Whether the carrier presses the keys of an agent; otherwise Pipecat plays their tones."""
        return isinstance(self._stream, PressesKeys)

    async def _write_dtmf_native(self, frame: OutputDTMFFrame | OutputDTMFUrgentFrame) -> None:
        if isinstance(self._stream, PressesKeys):
            await self._stream.press_keys("".join(each.value for each in frame.buttons or ()))

    async def _send(self, audio: bytes) -> bool:
        now = time.monotonic()
        self._paused.sent(audio)
        audio = self._thinking.under(audio)
        second = self._second_voice.take(len(audio))
        together = mixed(audio, second) if second else audio
        self._audio.take_agent_frame(audio, together)
        if not await self._transmit(together):
            return False
        audible, before = is_audible(audio), self._audible
        self._audible = audible
        if audible:
            self._on_sound(0.0 if before else leading_silence(audio) / self._stream.sample_rate)
        self._played_at = max(self._played_at, now) + len(audio) / 2 / self._stream.sample_rate
        await asyncio.sleep(max(0.0, self._played_at - now - _AHEAD_S))
        return True

    async def play_beside(self, samples: bytes) -> None:
        """Have the caller hear another voice: with the agents' audio while there is some, otherwise at once.

        While the agents spoke it waited, and what waited stays with the carrier: without a limit it would be later
        after each of their sentences.
        """
        now = time.monotonic()
        alone = now >= self._played_at
        ahead_ms = max(0.0, self._line_free_at - now) * 1000 if alone else 0.0
        self._second_voice.put(samples, quiet=not is_audible(samples), ahead_ms=ahead_ms)
        if alone and (waiting := self._second_voice.take()):
            self._audio.take_second_voice(waiting)
            await self._transmit(waiting)

    async def _transmit(self, audio: bytes) -> bool:
        self._line_free_at = max(self._line_free_at, time.monotonic()) + len(audio) / 2 / self._stream.sample_rate
        return await self._stream.send_audio(audio)

    async def _send_mark(self, name: str) -> None:
        self._paused.sent(name)
        await self._stream.send_mark(name)
        self._on_mark(name)

    async def _pause_audio(self) -> None:
        """Have the carrier drop what it has not played, and keep it; the sound fades out."""
        if self._paused.on:
            return
        fading = self._paused.pause(self._audio.pause())
        await self._stream.clear()
        self._played_at = self._line_free_at = 0.0
        if fading:
            self._audio.take_fading_frame(fading)
            await self._transmit(fading)

    async def _resume_audio(self) -> None:
        """Let what was held be sent, in the task that sends, from the beginning of the word that was cut."""
        if self._paused.on:
            self._paused.release(self._audio.rewind(self._paused.replayable_ms))
            await self.queue_frame(OutputTransportMessageFrame(message=""))

    async def _speak(self, frame: PhraseFrame | UrgentPhraseFrame, direction: FrameDirection) -> None:
        """Queue a phrase as if an engine had spoken it: audio and words, after everything that is queued."""
        context = f"phrase {frame.id}"
        self._past_engine = isinstance(frame, UrgentPhraseFrame)
        audio = TTSAudioRawFrame(frame.phrase.pcm16, SAMPLE_RATE, 1, context_id=context)
        await self._take_frame(TTSStartedFrame(context_id=context), direction)
        await self._take_frame(audio, direction)
        for word, start_s in frame.phrase.words:
            self._audio.playback.place_word(context, word, start_s * 1000)
        self._past_engine = False
        await self._take_frame(TTSStoppedFrame(context_id=context), direction)

    async def _release(self) -> None:
        """Play what is held; what comes meanwhile is held, too, so that the order stays."""
        while (held := self._held.next()) is not None:
            frame, self._came_at = held
            await self._take_frame(frame, FrameDirection.DOWNSTREAM)
        self._came_at = None

    async def _clear(self) -> None:
        if not self._paused.on:
            await self._stream.clear()
        self._paused.clear()
        self._thinking.clear()
        await self._report_stop()
        self._audio.clear()
        self._played_at = self._line_free_at = 0.0
        self._last_word_pts = 0
        self._speech_starts.clear()
        self._on_clear()

    def _place_audio(self, frame: TTSAudioRawFrame) -> None:
        context = frame.context_id or ""
        self._begin(context)
        if not self._past_engine:
            self._on_speech()
        self._audio.playback.queue_audio(context, len(frame.audio) / 2 / frame.sample_rate * 1000)

    def _place_word(self, frame: TTSTextFrame) -> None:
        context = frame.context_id or ""
        start = self._begin(context)
        if frame.pts is None:
            self._audio.playback.place_word(context, frame.text, None)
        else:
            self._audio.playback.place_word(context, frame.text, max(0.0, (frame.pts - start) / 1e6))
            self._last_word_pts = frame.pts

    def _begin(self, context: str) -> int:
        start = self._speech_starts.get(context)
        if start is None:
            # as the TTS service counts: from the first audio, but never before the last word of the previous speech
            start = self._speech_starts[context] = max(
                self._last_word_pts, self._came_at or self.get_clock().get_time()
            )
            self._audio.playback.begin_speech(context)
        return start
