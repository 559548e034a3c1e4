"""ElevenLabs' text-to-speech API: ``multi-stream-input`` over a WebSocket, ``text-to-speech`` and ``voices`` over HTTP.

https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
"""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from tests.servers.server import NO_FAULTS, Dropped, Faults, Fuse, ProtocolServer, Seen

Synthesize = Callable[[str, int], bytes]

_SECONDS_PER_CHARACTER = 0.06
_CHUNK_S = 0.25
_V2_5 = frozenset(
    [
        *("ar", "bg", "cs", "da", "de", "el", "en", "es", "fi", "fil", "fr", "hi", "hr", "hu", "id", "it", "ja"),
        *("ko", "ms", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sv", "ta", "tr", "uk", "vi", "zh"),
    ]
)
_LANGUAGES = {"eleven_flash_v2_5": _V2_5, "eleven_v3_conversational": _V2_5 | {"th", "sw", "he", "ur"}}
_SPEEDS = (0.7, 1.2)


def tone(text: str, rate: int) -> bytes:
    """A tone as long as it would take to say the text: 16-bit mono PCM."""
    samples = np.arange(int(len(text) * _SECONDS_PER_CHARACTER * rate))
    return (np.sin(samples * 2 * np.pi * 250 / rate) * 6_000).astype("<i2").tobytes()


class ElevenLabsServer(ProtocolServer):
    """Speaks with ``synthesize`` (text and rate in, 16-bit mono PCM out; run in a thread); the default is a tone.

    ``said`` lists every text it was given to speak, with its voice id.
    """

    def __init__(self, synthesize: Synthesize = tone, *, key: str | None = None, faults: Faults = NO_FAULTS) -> None:
        super().__init__(faults)
        self.synthesize = synthesize
        self.key = key
        self.said: list[tuple[str, str]] = []

    def routes(self) -> list[web.RouteDef]:
        """The paths that are served."""
        return [
            web.get("/v1/text-to-speech/{voice}/multi-stream-input", self._socket),
            web.post("/v1/text-to-speech/{voice}/with-timestamps", self._convert),
            web.get("/v1/voices", self._voices),
            web.get("/v1/voices/{voice}", self._voice),
            web.get("/v1/models", self._models),
        ]

    def _check_key(self, seen: Seen) -> None:
        if self.key is not None and seen.headers.get("xi-api-key") != self.key:
            raise web.HTTPUnauthorized(text='{"detail":{"status":"invalid_api_key","message":"Invalid API key"}}')

    async def _voices(self, request: web.Request) -> web.Response:
        seen, _ = self.admit(request)
        self._check_key(seen)
        return web.json_response({"voices": [{"voice_id": "test-voice", "name": "Test", "category": "premade"}]})

    async def _voice(self, request: web.Request) -> web.Response:
        seen, _ = self.admit(request)
        self._check_key(seen)
        if request.match_info["voice"] != "shared-voice":
            return web.json_response({"detail": {"status": "voice_not_found", "message": "not found"}}, status=404)
        return web.json_response({"voice_id": "shared-voice", "name": "Shared", "category": "premade"})

    async def _models(self, request: web.Request) -> web.Response:
        seen, _ = self.admit(request)
        self._check_key(seen)
        return web.json_response([{"model_id": "eleven_flash_v2_5", "name": "Flash"}])

    async def _convert(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        seen, faults = self.admit(request, body)
        self._check_key(seen)
        _check_language(body.get("model_id", ""), body.get("language_code"))
        _check_speed(body.get("voice_settings"))
        fuse = Fuse(request, faults)
        self.said.append((request.match_info["voice"], body["text"]))
        rate = _rate(seen.params.get("output_format", "pcm_8000"))
        audio = await asyncio.to_thread(self.synthesize, body["text"], rate)
        await asyncio.sleep(faults.slow_s)
        step_s = len(audio) / 2 / rate / len(body["text"])
        starts = [place * step_s for place in range(len(body["text"]))]
        alignment = {
            "characters": list(body["text"]),
            "character_start_times_seconds": starts,
            "character_end_times_seconds": [start + step_s for start in starts],
        }
        answer: dict[str, Any] = {"audio_base64": base64.b64encode(audio).decode(), "alignment": alignment}
        if faults.no_alignment:
            answer["alignment"] = None
        try:
            await fuse.burn()
        except Dropped:
            self.lose()
        return web.json_response(answer)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        seen, faults = self.admit(request)
        self._check_key(seen)
        _check_language(seen.params.get("model_id", ""), seen.params.get("language_code"))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = _Connection(self, socket, request, seen, faults)
        try:
            await connection.serve()
        except ConnectionError:
            self.lose()
        finally:
            await connection.close()
        return socket


class _Connection:
    """One WebSocket: its contexts speak in parallel, each of them its texts in order."""

    def __init__(
        self, server: ElevenLabsServer, socket: web.WebSocketResponse, request: web.Request, seen: Seen, faults: Faults
    ) -> None:
        self._server = server
        self._ws = socket
        self._voice = request.match_info["voice"]
        self._rate = _rate(seen.params["output_format"])
        self._seen = seen
        self._faults = faults
        self._fuse = Fuse(request, faults)
        self._contexts: dict[str, asyncio.Queue[str | None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        async for message in self._ws:
            if message.type is not WSMsgType.TEXT:
                continue
            request = json.loads(message.data)
            self._seen.messages.append(request)
            if request.get("close_socket"):
                await self._ws.close()
                return
            context = request.get("context_id")
            if context is None:
                continue
            if request.get("close_context"):
                if context in self._contexts:
                    self._contexts.pop(context).put_nowait(None)
            elif text := request.get("text", "").strip():
                self._texts(context).put_nowait(text)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _texts(self, context: str) -> asyncio.Queue[str | None]:
        if context not in self._contexts:
            self._contexts[context] = asyncio.Queue()
            self._tasks.append(asyncio.create_task(self._speak(context, self._contexts[context])))
        return self._contexts[context]

    async def _speak(self, context: str, texts: "asyncio.Queue[str | None]") -> None:
        first = True
        while (text := await texts.get()) is not None:
            self._server.said.append((self._voice, text))
            audio = await asyncio.to_thread(self._server.synthesize, text, self._rate)
            if first:
                await asyncio.sleep(self._faults.slow_s)
                first = False
            messages = self._messages(context, text, audio)
            if self._faults.cut:
                await self._ws.send_json(messages[0])
                await self._ws.close()
                return
            for message in messages:
                try:
                    await self._fuse.burn()
                except Dropped:
                    self._server.lose()
                    return
                await self._ws.send_json(message)
        await self._ws.send_json({"contextId": context, "isFinal": True})

    def _messages(self, context: str, text: str, audio: bytes) -> list[dict[str, Any]]:
        """The audio in chunks, each with its share of the characters, timed from the start of the chunk."""
        characters = " " + text  # like the service: a space before further text in the same context
        total_s = len(audio) / 2 / self._rate
        step_s = total_s / len(characters)
        messages: list[dict[str, Any]] = []
        for index, chunk in enumerate(_chunks(audio, self._rate)):
            start_s = index * _CHUNK_S
            end_s = start_s + _CHUNK_S
            own = [(char, i * step_s) for i, char in enumerate(characters) if start_s <= i * step_s < end_s]
            message: dict[str, Any] = {"contextId": context, "audio": base64.b64encode(chunk).decode(), "isFinal": None}
            if not self._faults.no_alignment:
                times_ms = [round((at - start_s) * 1000) for _, at in own]
                ends_ms = [*times_ms[1:], round(len(chunk) / 2 / self._rate * 1000)] if own else []
                message["alignment"] = {
                    "chars": [char for char, _ in own],
                    "charStartTimesMs": times_ms,
                    "charDurationsMs": [end - start for start, end in zip(times_ms, ends_ms, strict=True)],
                }
            messages.append(message)
        return messages


def _chunks(audio: bytes, rate: int) -> list[bytes]:
    size = int(_CHUNK_S * rate) * 2
    return [audio[start : start + size] for start in range(0, len(audio), size)]


def _check_language(model: str, language: str | None) -> None:
    if language is not None and language not in _LANGUAGES.get(model, ()):
        text = f'{{"detail":{{"status":"unsupported_language","message":"{model} does not speak {language}"}}}}'
        raise web.HTTPBadRequest(text=text)


def _check_speed(settings: dict[str, Any] | None) -> None:
    slowest, fastest = _SPEEDS
    if not slowest <= (settings or {}).get("speed", 1.0) <= fastest:
        raise web.HTTPBadRequest(text='{"detail":{"status":"invalid_voice_settings","message":"speed"}}')


def _rate(output_format: str) -> int:
    kind, _, rate = output_format.partition("_")
    if kind != "pcm":
        raise web.HTTPBadRequest(text='{"detail":{"status":"invalid_output_format","message":"only pcm"}}')
    return int(rate)
