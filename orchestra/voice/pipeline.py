"""The Pipecat pipeline of one call."""

from typing import TYPE_CHECKING

import structlog
from pipecat.frames.frames import ErrorFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.workers.runner import WorkerRunner

from orchestra.voice.bridge import Bridge
from orchestra.voice.call import Call
from orchestra.voice.listener import Listener
from orchestra.voice.media_stream import SAMPLE_RATE
from orchestra.voice.transport import LISTENING_RATE, Send, StreamInput, StreamOutput

if TYPE_CHECKING:
    from orchestra.voice.engines.port import Engines

_LOG = structlog.get_logger()


class CallPipeline:
    """``[input, speech-to-text, listener, bridge, text-to-speech, output]`` of one call.

    Each call has a runner of its own: a `WorkerRunner` keeps every worker it ever ran (Pipecat 1.14), so one for the
    whole process would keep every call's pipeline in memory.

    Args:
        call: whose pipeline it is.
        bridge: the processor that speaks for the call.
        engines: the process's speech engines.
        stream_sid: the carrier's name of the stream.
        send: sends one message to the carrier; False once the stream is closed.

    """

    def __init__(self, call: Call, bridge: Bridge, engines: "Engines", stream_sid: str, send: Send) -> None:
        self._call = call
        conversation = call.conversation
        stt = engines.stt()
        self._input = StreamInput()
        output = StreamOutput(
            stream_sid,
            send,
            call.audio,
            on_speech=conversation.speech_came,
            on_sound=conversation.sound_sent,
            on_mark=call.mark_sent,
        )
        listener = Listener(conversation, engines, stt)
        bridge.join(conversation)
        self._worker = PipelineWorker(
            Pipeline([self._input, stt, listener, bridge, engines.tts(), output]),
            params=PipelineParams(audio_in_sample_rate=LISTENING_RATE, audio_out_sample_rate=SAMPLE_RATE),
            name=f"call-{call.id}",
            conversation_id=call.id,
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,  # silence and the longest call are the call's own business
            cancel_runner_on_idle_timeout=False,
        )
        self._worker.add_event_handler("on_pipeline_started", self._ready)
        self._worker.add_event_handler("on_pipeline_error", self._failed)

    async def run(self) -> None:
        """Run until `stop`, or until the pipeline fails."""
        runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
        await runner.add_workers(self._worker)
        await runner.run()

    async def hear(self, samples: bytes) -> None:
        """Take a frame of the caller's audio."""
        await self._input.hear(samples)

    async def stop(self) -> None:
        """End the pipeline now; what is being spoken stops."""
        await self._worker.cancel(reason="call over")

    def _ready(self, _worker: object, _frame: object) -> None:
        self._call.greet()

    def _failed(self, _worker: object, frame: ErrorFrame) -> None:
        _LOG.warning("call.engine_failed", call=self._call.id, where=str(frame.processor), error=frame.error)
