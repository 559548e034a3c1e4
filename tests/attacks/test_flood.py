"""A stream that sends faster than real time is ended, and other calls are not affected."""

import asyncio
import base64
import json

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.audio import mulaw
from orchestra_schemas import CallEnded, CallStarted
from tests.attacks.wire import a_caller_gets_through, closed_with, incoming, parameters_of, send, stream_of
from tests.voice.edges import running_edge

SECOND = base64.b64encode(bytes([mulaw.SILENCE]) * 8000).decode()


def media(payload: str, **more: object) -> str:
    return json.dumps({"event": "media", "streamSid": "MZ666", "media": {"payload": payload, **more}})


FLOODS = {
    "an hour of audio": [media(SECOND)] * 3600,
    "frames without sound": [media("")] * 30_000,
    "an hour that the stamps claim": [media("f39/fw==", timestamp=str(number * 4900)) for number in range(720)],
    "marks": ['{"event": "mark", "streamSid": "MZ666", "mark": {"name": "1.0"}}'] * 30_000,
    "what the protocol does not know": ['{"event": "weather"}'] * 30_000,
    "keys": ['{"event": "dtmf", "streamSid": "MZ666", "dtmf": {"digit": "1"}}'] * 30_000,
    "nonsense": ['{"event": "dtmf", "streamSid": "MZ666", "dtmf": {"digit": "A"}}'] * 30_000,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_flooding_stream_is_ended_and_a_caller_gets_through(
    bus: TestBus, settings: Settings, flood: list[str]
) -> None:
    async with running_edge(bus, settings) as running:
        parameters = parameters_of((await send(running, incoming(running, "CA1")))[1])
        with capture_logs() as logs:
            async with stream_of(running, "CA1", parameters) as socket:
                await running.event(CallStarted)

                async def pour() -> None:
                    try:
                        for message in flood:
                            await socket.send(message)
                    except ConnectionClosed:
                        pass  # the edge has cut it off

                pouring = asyncio.create_task(pour())
                await a_caller_gets_through(running)
                assert await closed_with(socket) == 1008
                await pouring
        assert (await running.event(CallEnded, reason="failed")).audio_ms < 15_000
    assert [entry["event"] for entry in logs].count("stream.refused") == 1
