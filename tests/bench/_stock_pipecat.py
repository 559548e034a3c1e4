"""The peer of the benchmarks: Pipecat's own pipeline for Twilio in one process, as its examples build it.

``_stock_pipecat.py '{"port": …, "stt": …, "tts": …, "model": …, "greeting": …}'``

It runs at the telephone's 8 kHz as its examples for Twilio do, which is to its advantage: at 16 kHz, our rate, its
streaming resampler releases the caller's audio in lumps of 95 ms.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, Response, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

PROMPT = "You are on the telephone for Swift Parcel, a parcel service. Answer in one or two short spoken sentences."
LISTENING_RATE = 8_000

#: builds the speech-to-text service, the model and the text-to-speech service of one call
Services = Callable[[], tuple[FrameProcessor, FrameProcessor, FrameProcessor]]


def vendors(options: dict[str, Any]) -> tuple[FrameProcessor, FrameProcessor, FrameProcessor]:
    """Pipecat's own services for Deepgram, OpenAI and ElevenLabs."""
    stt = DeepgramSTTService(api_key="any", base_url=options["stt"])
    model = OpenAILLMService(
        api_key="any",
        base_url=options["model"],
        settings=OpenAILLMService.Settings(model="house-model", system_instruction=PROMPT),
    )
    tts = ElevenLabsTTSService(
        api_key="any",
        url=options["tts"],
        settings=ElevenLabsTTSService.Settings(voice="test-voice", model="eleven_flash_v2_5"),
    )
    return stt, model, tts


async def hold(websocket: WebSocket, services: Services, greeting: str) -> None:
    """Run one call."""
    await websocket.accept()
    _, call = await parse_telephony_websocket(websocket)
    serializer = TwilioFrameSerializer(call.stream_id, params=TwilioFrameSerializer.InputParams(auto_hang_up=False))
    transport = FastAPIWebsocketTransport(
        websocket, FastAPIWebsocketParams(serializer=serializer, audio_in_enabled=True, audio_out_enabled=True)
    )
    stt, model, tts = services()
    user, assistant = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()),
    )
    worker = PipelineWorker(
        Pipeline([transport.input(), stt, user, model, tts, transport.output(), assistant]),
        params=PipelineParams(audio_in_sample_rate=LISTENING_RATE, audio_out_sample_rate=8000),
        enable_rtvi=False,
    )

    async def greet(*_: object) -> None:
        await worker.queue_frame(TTSSpeakFrame(greeting))

    async def end(*_: object) -> None:
        await worker.cancel()

    transport.add_event_handler("on_client_connected", greet)
    transport.add_event_handler("on_client_disconnected", end)
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    await runner.run()


def create_app(port: int, services: Services, greeting: str) -> FastAPI:
    """Twilio's webhook and media stream."""
    app = FastAPI()
    stream = f'<Response><Connect><Stream url="ws://127.0.0.1:{port}/stream"/></Connect></Response>'

    @app.post("/twilio/voice")
    async def answer() -> Response:
        return Response(stream, media_type="text/xml")

    @app.websocket("/stream")
    async def take(websocket: WebSocket) -> None:
        await hold(websocket, services, greeting)

    return app


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    chosen = json.loads(sys.argv[1])
    app = create_app(chosen["port"], lambda: vendors(chosen), chosen["greeting"])
    uvicorn.run(app, host="127.0.0.1", port=chosen["port"], log_level="error", loop="uvloop")
