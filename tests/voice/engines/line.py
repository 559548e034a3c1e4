"""One engine's service in a pipeline of its own, with both ends in the test's hands."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from pipecat.frames.frames import (
    AggregatedTextFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.text.base_text_aggregator import TextType
from pipecat.workers.runner import WorkerRunner

RATE = 16_000
_FRAME_BYTES = RATE // 50 * 2

F = TypeVar("F", bound=Frame)


class Line(FrameProcessor):
    """Runs processors; collects what comes out at the end, and errors."""

    def __init__(self, *processors: FrameProcessor) -> None:
        super().__init__(name="line")
        self.frames: list[Frame] = []
        self._heard = 0
        self._came = asyncio.Event()
        self._worker = PipelineWorker(
            Pipeline([*processors, self]),
            params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=8_000),
            enable_rtvi=False,
            idle_timeout_secs=None,
            cancel_runner_on_idle_timeout=False,
        )
        self._worker.add_event_handler("on_pipeline_error", self._on_error)
        self._runner = WorkerRunner(handle_sigint=False)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._heard += 1
            self._came.set()
        else:
            self._note(frame)
        await self.push_frame(frame, direction)

    async def _on_error(self, _worker: PipelineWorker, frame: ErrorFrame) -> None:
        self._note(frame)

    def _note(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._came.set()

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._runner.run(auto_end=False))
        await self._runner.add_workers(self._worker)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._worker.cancel()
        await self._runner.cancel()
        await self._running

    async def push(self, *frames: Frame) -> None:
        await self._worker.queue_frames(list(frames))

    async def hear(self, pcm16: bytes) -> None:
        """Feed 16 kHz audio, each frame when the one before came out: the engines count audio, not time."""
        for start in range(0, len(pcm16), _FRAME_BYTES):
            before = self._heard
            chunk = pcm16[start : start + _FRAME_BYTES].ljust(_FRAME_BYTES, b"\0")
            await self.push(InputAudioRawFrame(chunk, RATE, 1))
            await self.until(lambda before=before: self._heard > before)  # type: ignore[misc]

    async def say(self, *sentences: str) -> None:
        """Give sentences of one reply to be spoken."""
        parts = [AggregatedTextFrame(sentence, TextType.SENTENCE) for sentence in sentences]
        await self.push(LLMFullResponseStartFrame(), *parts, LLMFullResponseEndFrame())

    def all(self, kind: type[F]) -> list[F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    async def until(self, done: Callable[[], bool], timeout_s: float = 60.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not done():
                self._came.clear()
                await self._came.wait()

    async def until_any(self, kind: type[F], count: int = 1, timeout_s: float = 60.0) -> list[F]:
        await self.until(lambda: len(self.all(kind)) >= count, timeout_s)
        return self.all(kind)
