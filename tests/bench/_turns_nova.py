"""Deepgram's nova-3 for the benchmark of turns: recognizes perfectly, at the published delays.

Interim results have each word `INTERIM_S` after it was said; a final result comes 247 ms (median; 95 %: 298 ms, the
figures of pipecat-ai/stt-benchmark) after the last word of a stretch, requested or not. Half of the finals end with a
full stop although the sentence goes on, as the punctuation of segments does.
"""

import asyncio
import json
import math
import random
import time
from typing import Any

from aiohttp import WSMsgType, web

from tests.bench._turns_line import Ear
from tests.bench._turns_speech import Word
from tests.servers.server import NO_FAULTS, ProtocolServer, Seen

INTERIM_S = 0.25
_INTERIM_EVERY_S = 0.2
_FINAL_S, _FINAL_P95_S = 0.247, 0.298
_P95 = 1.6449
_TICK_S = 0.02
_ROUND_TRIP_S = 0.02
#: a longer silence between two words ends a stretch
_STRETCH_S = 0.3


class NovaServer(ProtocolServer):
    """Knows what the caller of the present call says."""

    def __init__(self) -> None:
        super().__init__(NO_FAULTS)
        self.ear = Ear()
        self.seed = ""

    def routes(self) -> list[web.RouteDef]:
        """The streaming path."""
        return [web.get("/v1/listen", self._listen)]

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        seen, _ = self.admit(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        stream = _Stream(socket, self.ear, seen, random.Random(self.seed))
        telling = asyncio.create_task(stream.tell())
        try:
            await stream.serve()
        finally:
            telling.cancel()
        return socket


class _Stream:
    def __init__(self, socket: web.WebSocketResponse, ear: Ear, seen: Seen, rng: random.Random) -> None:
        self._socket, self._ear, self._seen, self._rng = socket, ear, seen, rng
        self._began = time.monotonic()
        self._done = 0  # words that are final
        self._told = 0  # words in the latest interim
        self._interim_at = 0.0
        self._requested: list[tuple[float, float]] = []  # when it is known of here, and the audio so far
        self._rate = int(seen.params.get("sample_rate", "16000"))
        self._audio_s = 0.0  # received so far
        self._final_until_s = 0.0
        self._final_s = self._draw()

    def _draw(self) -> float:
        sigma = math.log(_FINAL_P95_S / _FINAL_S) / _P95
        return _FINAL_S * math.exp(self._rng.gauss(0, sigma))

    async def serve(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                self._audio_s += len(message.data) / 2 / self._rate if message.type is WSMsgType.BINARY else 0.0
                continue
            match json.loads(message.data)["type"]:
                case "Finalize":
                    self._requested.append((time.monotonic() + _ROUND_TRIP_S, self._audio_s))
                case "CloseStream":
                    await self._send({"type": "Metadata", "request_id": "bench", "duration": 0.0})
                    await self._socket.close()
                case _:
                    pass

    async def tell(self) -> None:
        """Send results as they become due."""
        while not self._socket.closed:
            await self._tell(time.monotonic())
            await asyncio.sleep(_TICK_S)

    async def _tell(self, now: float) -> None:
        words = self._ear.words[self._done :]
        begun = [word for word in words if word.start_s + 0.05 < now]
        known = [word for word in begun if word.end_s + INTERIM_S <= now]
        if self._requested and self._requested[0][0] <= now:
            known_at, audio_s = self._requested[0]
            said = [word for word in begun if word.end_s <= known_at - _ROUND_TRIP_S + 0.1]
            if not said or said[-1].end_s + self._final_s <= now:
                self._requested.pop(0)
                await self._final(said, audio_s, requested=True)
                return
        stretch = _first_stretch(words, now)
        if stretch and stretch[-1].end_s + max(self._final_s, _STRETCH_S) <= now and not self._requested:
            await self._final(stretch, self._audio_s, requested=False)
        elif len(known) > self._told and now >= self._interim_at:
            self._told, self._interim_at = len(known), now + _INTERIM_EVERY_S
            await self._send(self._results(known, self._audio_s, final=False, requested=False))

    async def _final(self, words: list[Word], until_s: float, *, requested: bool) -> None:
        """The words up to a moment of the audio that was received."""
        self._done += len(words)
        self._told = 0
        if words:
            self._final_s = self._draw()
            if self._rng.random() < 0.5 and words[-1].text[-1].isalnum():
                words = [*words[:-1], Word(f"{words[-1].text}.", words[-1].start_s, words[-1].end_s)]
        if words or requested:
            await self._send(self._results(words, until_s, final=True, requested=requested))
            self._final_until_s = max(self._final_until_s, until_s)

    async def _send(self, message: dict[str, Any]) -> None:
        if not self._socket.closed:
            await self._socket.send_json(message)

    def _results(self, words: list[Word], until_s: float, *, final: bool, requested: bool) -> dict[str, Any]:
        placed = [
            {
                "word": word.text.lower().strip(".,?!"),
                "punctuated_word": word.text,
                "start": word.start_s - self._began,
                "end": word.end_s - self._began,
                "confidence": 0.99,
            }
            for word in words
        ]
        text = " ".join(word.text for word in words)
        model = {"name": self._seen.params.get("model", ""), "version": "bench", "arch": "nova-3"}
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "start": self._final_until_s,
            "duration": max(0.0, until_s - self._final_until_s),
            "is_final": final,
            "speech_final": final,
            "from_finalize": requested,
            "channel": {"alternatives": [{"transcript": text, "confidence": 0.99, "words": placed}]},
            "metadata": {"request_id": "bench", "model_uuid": "bench", "model_info": model},
        }


def _first_stretch(words: list[Word], now: float) -> list[Word]:
    """The words up to the first pause that is over by now or still lasts."""
    for at, word in enumerate(words):
        if word.end_s > now:
            return []
        if at + 1 == len(words) or words[at + 1].start_s - word.end_s >= _STRETCH_S:
            return words[: at + 1]
    return []
