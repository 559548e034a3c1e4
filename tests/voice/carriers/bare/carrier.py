from fastapi import APIRouter, WebSocket

from orchestra.settings import Settings
from orchestra.voice.carriers.port import (
    AudioReceived,
    CallControl,
    CallReport,
    Connect,
    DigitReceived,
    MarkReturned,
    Parties,
    Received,
    StreamStopped,
)


class BareStream:
    sample_rate = 8000

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> Received:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return StreamStopped()
        if message.get("bytes"):
            return AudioReceived(message["bytes"])
        kind, _, value = message["text"].partition(" ")
        return DigitReceived(value) if kind == "digit" else MarkReturned(value)

    async def send_audio(self, samples: bytes) -> bool:
        await self._websocket.send_bytes(samples)
        return True

    async def send_mark(self, name: str) -> None:
        await self._websocket.send_text(f"mark {name}")

    async def clear(self) -> None:
        await self._websocket.send_text("clear")


class BareCarrier:
    def check_settings(self) -> None:
        pass

    def routes(self, control: CallControl) -> APIRouter:
        async def call(websocket: WebSocket) -> None:
            await websocket.accept()
            step = await control.offer(CallReport(Parties("", "B1", "+15550001", "+15550100"), signature="B1"))
            assert isinstance(step, Connect)
            await control.serve(BareStream(websocket), step.parties, resumed=False, answered_by="")

        router = APIRouter()
        router.add_api_websocket_route("/bare/call", call)
        return router

    async def place_call(self, call: str, to_number: str) -> str:
        return f"B{len(call)}{to_number}"


def open_carrier(settings: Settings, public_url: str) -> BareCarrier:
    del settings, public_url
    return BareCarrier()
