"""The peer of the caller benchmark: Pipecat's own pipeline for Twilio in one process, as its examples build it.

``_stock_pipecat.py '{"port": …, "stt": …, "tts": …, "model": …, "greeting": …}'``
"""

import json
import sys
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
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

PROMPT = "You are on the telephone for Swift Parcel, a parcel service. Answer in one or two short spoken sentences."


async def hold(websocket: WebSocket, options: dict[str, Any]) -> None:
    """One call."""
    await websocket.accept()
    _, call = await parse_telephony_websocket(websocket)
    serializer = TwilioFrameSerializer(call.stream_id, params=TwilioFrameSerializer.InputParams(auto_hang_up=False))
    transport = FastAPIWebsocketTransport(
        websocket, FastAPIWebsocketParams(serializer=serializer, audio_in_enabled=True, audio_out_enabled=True)
    )
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
    user, assistant = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()),
    )
    worker = PipelineWorker(
        Pipeline([transport.input(), stt, user, model, tts, transport.output(), assistant]),
        params=PipelineParams(audio_in_sample_rate=8000, audio_out_sample_rate=8000),
        enable_rtvi=False,
    )

    async def greet(*_: object) -> None:
        await worker.queue_frame(TTSSpeakFrame(options["greeting"]))

    async def end(*_: object) -> None:
        await worker.cancel()

    transport.add_event_handler("on_client_connected", greet)
    transport.add_event_handler("on_client_disconnected", end)
    runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
    await runner.add_workers(worker)
    await runner.run()


def create_app(options: dict[str, Any]) -> FastAPI:
    """Twilio's webhook and media stream."""
    app = FastAPI()
    host = f"127.0.0.1:{options['port']}"
    stream = f'<Response><Connect><Stream url="ws://{host}/stream"/></Connect></Response>'

    @app.post("/twilio/voice")
    async def answer() -> Response:
        return Response(stream, media_type="text/xml")

    @app.websocket("/stream")
    async def take(websocket: WebSocket) -> None:
        await hold(websocket, options)

    return app


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    chosen = json.loads(sys.argv[1])
    uvicorn.run(create_app(chosen), host="127.0.0.1", port=chosen["port"], log_level="error", loop="uvloop")
