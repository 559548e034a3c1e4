"""Deepgram Flux as its public reference describes it: ``/v2/listen``, a WebSocket that reports turns.

https://developers.deepgram.com/reference/speech-to-text/listen-flux
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from tests.servers.server import Faults, Fuse, Seen

Transcribe = Callable[[bytes, int], str]

_VOICED = 300.0
_UPDATE_EVERY_S = 0.25
_START_AFTER_S = 0.2
_EAGER_AFTER_S = 0.25
_END_AFTER_S = 0.6
_MULTILINGUAL = "flux-general-multi"
_HINTS = frozenset({"de", "en", "es", "fr", "hi", "it", "ja", "nl", "pt", "ru"})


def check_flux_request(request: web.Request) -> None:
    """Refuse what Flux refuses: a parameter ``language``, and hints that the model does not take."""
    hints = request.query.getall("language_hint", [])
    fits = request.query.get("model") == _MULTILINGUAL and _HINTS.issuperset(hint.split("-")[0] for hint in hints)
    if "language" in request.query or (hints and not fits):
        raise web.HTTPBadRequest(text='{"err_code":"INVALID_QUERY_PARAMETER","err_msg":"unsupported language"}')


class FluxStream:
    """One connection. A turn is the next line of ``lines``, or what ``transcribe`` finds in its audio.

    In a line ``|`` is a pause: the words after it come when there is sound again (``TurnResumed``). The words after
    ``=>`` are the final words of the turn, where they differ from the predicted ones. No turn ends before ``may_end``.
    """

    def __init__(
        self,
        lines: list[str],
        transcribe: Transcribe | None,
        *,
        socket: web.WebSocketResponse,
        seen: Seen,
        faults: Faults,
        fuse: Fuse,
        may_end: Callable[[], bool] = lambda: True,
        language_of: Callable[[str], str] = lambda _text: "en",
    ) -> None:
        self._lines = lines
        self._transcribe = transcribe
        self._socket = socket
        self._faults = faults
        self._fuse = fuse
        self._may_end = may_end
        self._language_of = language_of
        self._multilingual = seen.params.get("model") == _MULTILINGUAL
        self._rate = int(seen.params["sample_rate"])
        self._eager = "eager_eot_threshold" in seen.params
        self._seen = seen
        self._clock_s = 0.0
        self._sound_s = 0.0  # of this turn so far
        self._quiet_s = 0.0
        self._update_s = 0.0
        self._audio = bytearray()
        self._parts: list[str] = []
        self._final = ""
        self._said = ""
        self._state = "idle"  # idle, open, predicted
        self._turn = 0
        self._sent = 0

    async def serve(self) -> None:
        await self._socket.send_json({"type": "Connected", "request_id": "test", "sequence_id": 0})
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                await self._hear(message.data)
            elif message.type is WSMsgType.TEXT:
                control = json.loads(message.data)
                self._seen.messages.append(control)
                if control["type"] == "Configure" and "language_hints" in control and not self._multilingual:
                    refusal = {"error_code": "INVALID_FIELD", "description": "language_hints"}
                    await self._socket.send_json({"type": "ConfigureFailure", "request_id": "test", **refusal})
                elif control["type"] == "Configure":
                    await self._socket.send_json({**control, "type": "ConfigureSuccess", "request_id": "test"})
                if control["type"] == "CloseStream":
                    await self._socket.close()

    async def close(self) -> None:
        """Do nothing: no task runs beside the connection."""

    async def _hear(self, audio: bytes) -> None:
        samples = np.frombuffer(audio, "<i2")
        seconds = len(samples) / self._rate
        self._clock_s += seconds
        self._audio += audio
        if samples.size and float(np.abs(samples.astype(np.int32)).mean()) > _VOICED:
            self._sound_s += seconds
            self._quiet_s = 0.0
            await self._voiced()
        else:
            self._quiet_s += seconds
            await self._quiet()

    async def _voiced(self) -> None:
        if self._state == "predicted":
            self._state = "open"
            self._parts[:1] = []
            await self._tell("TurnResumed", self._said)
        if self._state == "idle":
            if self._sound_s < _START_AFTER_S:
                return
            line, _, self._final = (self._lines.pop(0) if self._lines else "").partition("=>")
            self._parts = [part.strip() for part in line.split("|")]
            self._state, self._said, self._update_s = "open", "", self._clock_s
            await self._tell("StartOfTurn", await self._heard())
        elif self._clock_s - self._update_s >= _UPDATE_EVERY_S and self._transcribe is None:
            self._update_s = self._clock_s
            await self._tell("Update", await self._heard())

    async def _quiet(self) -> None:
        if self._state == "idle":
            self._sound_s = 0.0 if self._quiet_s > _END_AFTER_S else self._sound_s
            return
        if self._state == "open" and self._eager and self._quiet_s >= _EAGER_AFTER_S:
            self._state = "predicted"
            self._said = await self._heard(whole=True)
            await self._tell("EagerEndOfTurn", self._said)
        if self._quiet_s >= _END_AFTER_S and len(self._parts) <= 1 and self._may_end():
            words = self._final.strip() or (self._said if self._state == "predicted" else await self._heard(whole=True))
            await self._tell("EndOfTurn", words)
            self._state, self._sound_s = "idle", 0.0
            self._audio.clear()
            self._turn += 1

    async def _heard(self, *, whole: bool = False) -> str:
        if self._transcribe is not None:
            return await asyncio.to_thread(self._transcribe, bytes(self._audio), self._rate) if whole else ""
        words = self._parts[0].split() if self._parts else []
        count = len(words) if whole else min(len(words), 1 + int(self._sound_s / _UPDATE_EVERY_S))
        before = f"{self._said} " if self._said else ""
        return before + " ".join(words[:count])

    async def _tell(self, event: str, transcript: str) -> None:
        await asyncio.sleep(self._faults.slow_s)
        await self._fuse.burn()
        if self._faults.cut and event == "EndOfTurn":
            await self._socket.close()
        if self._socket.closed:
            return
        self._sent += 1
        message: dict[str, Any] = {
            "type": "TurnInfo",
            "request_id": "test",
            "sequence_id": self._sent,
            "event": event,
            "turn_index": self._turn,
            "audio_window_start": 0.0,
            "audio_window_end": self._clock_s,
            "transcript": transcript,
            "words": [{"word": word, "confidence": 0.99} for word in transcript.split()],
            "end_of_turn_confidence": 0.9 if event == "EndOfTurn" else 0.5,
        }
        if self._multilingual and transcript:
            message["languages"] = [self._language_of(transcript)]
        await self._socket.send_json(message)
