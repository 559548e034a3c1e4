"""Deepgram's streaming API as its public reference describes it: ``/v1/listen`` and ``/v2/listen`` over WebSockets.

https://developers.deepgram.com/reference/speech-to-text/listen-streaming
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from tests.servers.flux import FluxStream, check_flux_request
from tests.servers.server import NO_FAULTS, Dropped, Faults, Fuse, ProtocolServer, Seen

Transcribe = Callable[[bytes, int], str]

_VOICED = 300.0
_CODES = (
    "multi af ar be bg bn bs ca cs da da-DK de de-CH el en en-AU en-CA en-GB en-IN en-NZ en-US es es-419 et fa fi fr"
    " fr-CA gl gu he hi hr hu id it ja kn ko ko-KR lt lv mk mr ms nl nl-BE no pl pt pt-BR pt-PT ro ru sk sl sr sv sv-SE"
    " ta te th tl tr uk vi xh zh zh-CN zh-HK zh-Hans zh-Hant zh-TW zu"
)
_LANGUAGES = frozenset(_CODES.split())
_MOST_KEYTERMS = 100
_INTERIM_EVERY_S = 0.3
_FIRST_REAL_INTERIM_S = 0.8
_SAME_UTTERANCE_S = 1.0


class DeepgramServer(ProtocolServer):
    """Recognizes an utterance wherever there is sound, and answers with the next line of ``script``.

    Sound after a pause of less than a second belongs to the same utterance and adds no words. With ``transcribe``
    (16-bit mono PCM and its rate in, text out; run in a thread) the words are those of the audio instead.
    ``endpoint_s``: the pause after which a final comes without being requested. ``final_s`` is called before each final
    with the seconds between the last sound and the request, and returns how many seconds after the last sound that
    final is sent, if it was requested by then. Of a line whose words take ``word_s`` each, a final has those that were
    said; with 0.0 the whole line. The first
    ``ignores`` `Finalize` messages are not answered. Flux ends no turn before ``may_end``, nova sends no final.
    A language that nova-3 does not have, and too many key terms, are refused; with ``language=multi`` each word has the
    language that ``language_of`` tells of the text. A connection in one of ``lines_in`` hears those lines.
    """

    ignores = 0

    def __init__(
        self,
        script: Sequence[str] = (),
        *,
        transcribe: Transcribe | None = None,
        endpoint_s: float | None = None,
        key: str | None = None,
        faults: Faults = NO_FAULTS,
        final_s: Callable[[Seen, float], float] | None = None,
        word_s: float = 0.0,
    ) -> None:
        super().__init__(faults)
        self.final_s = final_s
        self.may_end: Callable[[], bool] = lambda: True
        self.language_of: Callable[[str], str] = lambda _text: "en"
        self.word_s = word_s
        self.lines = list(script)
        self.lines_in: dict[str, list[str]] = {}
        self.transcribe = transcribe
        self.endpoint_s = endpoint_s
        self.key = key

    def routes(self) -> list[web.RouteDef]:
        """The paths of Nova and of Flux."""
        return [
            web.get("/v1/listen", self._listen),
            web.get("/v2/listen", self._listen),
            web.get("/v1/projects", self._projects),
            web.get("/v1/models", self._models),
        ]

    async def _projects(self, request: web.Request) -> web.Response:
        seen, _ = self.admit(request)
        if self.key is not None and seen.headers.get("authorization") != f"Token {self.key}":
            raise web.HTTPUnauthorized(text='{"err_code":"INVALID_AUTH","err_msg":"Invalid credentials."}')
        return web.json_response({"projects": [{"project_id": "p1", "name": "Test"}]})

    async def _models(self, request: web.Request) -> web.Response:
        self.admit(request)
        heard = [
            {"name": "general", "canonical_name": "nova-3-general", "architecture": "nova-3"},
            {"name": "general-en", "canonical_name": "flux-general-en", "architecture": "flux"},
        ]
        return web.json_response({"stt": heard, "tts": []})

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        seen, faults = self.admit(request)
        if self.key is not None and seen.headers.get("authorization") != f"Token {self.key}":
            raise web.HTTPUnauthorized(text='{"err_code":"INVALID_AUTH","err_msg":"Invalid credentials."}')
        if seen.params.get("encoding") != "linear16":
            raise web.HTTPBadRequest(text='{"err_code":"Bad Request","err_msg":"only linear16 is served here"}')
        if len(request.query.getall("keyterm", [])) > _MOST_KEYTERMS:
            raise web.HTTPBadRequest(text='{"err_code":"Bad Request","err_msg":"Keyterm limit exceeded."}')
        if request.path.startswith("/v1"):
            language = seen.params.get("language", "en")
            if seen.params.get("model", "").startswith("nova-3") and language not in _LANGUAGES:
                text = '{"err_code":"Bad Request","err_msg":"No such model/language/tier combination found."}'
                raise web.HTTPBadRequest(text=text)
        else:
            check_flux_request(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        stream: _Stream | FluxStream = _Stream(self, socket, seen, faults, Fuse(request, faults))
        if request.path.startswith("/v2"):
            fuse = Fuse(request, faults)
            stream = FluxStream(
                self.lines,
                self.transcribe,
                socket=socket,
                seen=seen,
                faults=faults,
                fuse=fuse,
                may_end=self.may_end,
                language_of=self.language_of,
            )
        try:
            await stream.serve()
        except (Dropped, ConnectionError):
            self.lose()
        finally:
            await stream.close()
        return socket


class _Stream:
    """One connection: the audio so far, and the results sent for it."""

    def __init__(
        self, server: DeepgramServer, socket: web.WebSocketResponse, seen: Seen, faults: Faults, fuse: Fuse
    ) -> None:
        self._server = server
        self._socket = socket
        self._seen = seen
        self._faults = faults
        self._fuse = fuse
        self._rate = int(seen.params["sample_rate"])
        self._interims = seen.params.get("interim_results") == "true"
        self._clock_s = 0.0
        self._voiced_until_s = -_SAME_UTTERANCE_S
        self._voiced_at = 0.0
        self._start_s = 0.0
        self._audio = bytearray()
        self._speaking = False
        self._line: list[str] = []  # words of the utterance that no final has had
        self._line_s = 0.0
        self._line_words = 0
        self._interim_at_s = 0.0
        self._late: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                await self._hear(message.data)
            elif message.type is WSMsgType.TEXT:
                control = json.loads(message.data)
                self._seen.messages.append(control)
                if control["type"] == "Finalize" and self._server.ignores > 0:
                    self._server.ignores -= 1
                    self._speaking, self._line = False, []
                elif control["type"] == "Finalize":
                    await self._finish(from_finalize=True)
                elif control["type"] == "CloseStream":
                    await self._finish(from_finalize=False)
                    await self._send({"type": "Metadata", "request_id": "test", "duration": self._clock_s})
                    await self._socket.close()

    async def close(self) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _hear(self, audio: bytes) -> None:
        samples = np.frombuffer(audio, "<i2")
        self._clock_s += len(samples) / self._rate
        if self._speaking:
            self._audio += audio
        if samples.size and float(np.abs(samples.astype(np.int32)).mean()) > _VOICED:
            if not self._speaking:
                self._begin(audio)
            self._voiced_until_s = self._clock_s
            self._voiced_at = time.monotonic()
            await self._interim()
        endpoint_s = self._server.endpoint_s
        if endpoint_s is not None and self._speaking and self._clock_s - self._voiced_until_s >= endpoint_s:
            await self._finish(from_finalize=False)

    def _begin(self, audio: bytes) -> None:
        new = self._clock_s - self._voiced_until_s >= _SAME_UTTERANCE_S
        self._speaking = True
        self._start_s = self._clock_s
        self._audio = bytearray(audio)
        if new:
            lines = self._server.lines_in.get(self._seen.params.get("language", ""), self._server.lines)
            self._line = lines.pop(0).split() if lines else []
            self._line_s, self._line_words = self._clock_s, len(self._line)
        first_s = _INTERIM_EVERY_S if self._server.transcribe is None else _FIRST_REAL_INTERIM_S
        self._interim_at_s = self._clock_s + first_s

    async def _interim(self) -> None:
        if not self._interims or self._clock_s < self._interim_at_s:
            return
        if self._server.transcribe is None:
            said = int((self._clock_s - self._start_s) / _INTERIM_EVERY_S)
            text = " ".join(self._line[:said])
            self._interim_at_s = self._clock_s + _INTERIM_EVERY_S
        else:
            text = await asyncio.to_thread(self._server.transcribe, bytes(self._audio), self._rate)
            self._interim_at_s = float("inf")
        if text:
            await self._send(self._results(text, final=False, from_finalize=False))

    async def _finish(self, *, from_finalize: bool) -> None:
        text, given = "", 0
        if self._speaking and self._server.transcribe is not None:
            text = await asyncio.to_thread(self._server.transcribe, bytes(self._audio), self._rate)
        elif self._speaking:
            given = self._words_said()
            text = " ".join(self._line[:given])
        if not text and not from_finalize:
            return
        results = self._results(text, final=True, from_finalize=from_finalize)
        self._speaking, self._line = False, self._line[given:]
        wait_s = self._faults.slow_s
        if text and self._server.final_s is not None:
            asked_at = time.monotonic()
            wait_s = max(0.0, self._voiced_at + self._server.final_s(self._seen, asked_at - self._voiced_at) - asked_at)
        if wait_s or not self._server.may_end():
            task = asyncio.create_task(self._send_late(results, wait_s))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        else:
            await self._send(results)

    def _words_said(self) -> int:
        """How many words of the rest of the line have been said."""
        if not self._server.word_s:
            return len(self._line)
        before = self._line_words - len(self._line)
        return max(0, int((self._voiced_until_s - self._line_s) / self._server.word_s) - before)

    async def _send_late(self, results: dict[str, Any], wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        while not self._server.may_end():  # noqa: ASYNC110 - the test tells by a function
            await asyncio.sleep(0.02)
        await self._send(results)

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "Results":
            await self._fuse.burn()
        if not self._socket.closed:
            await self._socket.send_json(message)

    def _results(self, text: str, *, final: bool, from_finalize: bool) -> dict[str, Any]:
        duration_s = max(0.0, self._clock_s - self._start_s)
        words = text.split()
        step_s = duration_s / max(1, len(words))
        placed = [
            {
                "word": word.lower().strip(".,?!"),
                "punctuated_word": word,
                "start": self._start_s + index * step_s,
                "end": self._start_s + (index + 1) * step_s,
                "confidence": 0.99,
            }
            for index, word in enumerate(words)
        ]
        heard: dict[str, Any] = {"transcript": text, "confidence": 0.99, "words": placed}
        if self._seen.params.get("language") == "multi" and text:
            language = self._server.language_of(text)
            heard |= {"languages": [language], "words": [word | {"language": language} for word in placed]}
        model = {"name": self._seen.params.get("model", ""), "version": "test", "arch": "test"}
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "start": self._start_s,
            "duration": duration_s,
            "is_final": final,
            "speech_final": final,
            "from_finalize": from_finalize,
            "channel": {"alternatives": [heard]},
            "metadata": {"request_id": "test", "model_uuid": "test", "model_info": model},
        }
