"""The edge of the SIP benchmark: ``_sip_edge.py DATA_DIR``. Echoes each loud frame, then speaks quietly for a while.

Takes the gateway's calls as an edge does, with no pipeline behind. Prints its address, then, for each line on standard
input, what it measured since the line before: when each loud frame of a call came, and when its echo was sent.
"""

import asyncio
import json
import secrets
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import uvloop
from fastapi import FastAPI

from orchestra.history.ending import HangUp
from orchestra.log import configure_logging
from orchestra.refusal_log import Refusals
from orchestra.settings import Settings
from orchestra.voice.carriers.port import (
    AudioReceived,
    CallControl,
    CallReport,
    Connect,
    MediaStream,
    Parties,
    Step,
    StreamStopped,
)
from orchestra.voice.carriers.registry import open_carrier
from orchestra.web_server.server import listen, serving

LOUD = 12_000
_QUIET_AMPLITUDE = 1_500
_REPLY_S = 1.5
#: the same burst heard in two frames
_AGAIN_S = 0.3


class EchoControl:
    """What an edge does for its carrier, as far as the benchmark goes."""

    refusals, app = Refusals(), "bench"

    def __init__(self) -> None:
        self.echoes: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def is_call(self, call: str) -> bool:
        return bool(call)

    async def offer(self, report: CallReport) -> Step:
        return Connect(replace(report.parties, call=secrets.token_hex(16), stream=1), time.time())

    async def after_stream(self, _: CallReport) -> Step:
        return HangUp()

    async def ended(self, report: CallReport) -> None: ...

    @contextmanager
    def pending(self, *_: object) -> Iterator[None]:
        yield

    async def claim(self, call: str, provider_call: str, token: str) -> None: ...

    async def serve(self, stream: MediaStream, parties: Parties, **_: object) -> None:
        rate, heard_at = stream.sample_rate, 0.0
        at = np.arange(round(_REPLY_S * rate)) / rate
        reply = (_QUIET_AMPLITUDE * np.sin(2 * np.pi * 300 * at)).astype(np.int16).tobytes()
        burst = np.tile(np.array([28_000, -28_000], np.int16), rate // 100).tobytes()
        while not isinstance(received := await stream.receive(), StreamStopped):
            now = time.monotonic()
            if not isinstance(received, AudioReceived) or now - heard_at < _AGAIN_S:
                continue
            if np.abs(np.frombuffer(received.samples, np.int16).astype(np.int32)).max(initial=0) > LOUD:
                heard_at = now
                self.echoes[parties.from_number].append((now, time.monotonic()))
                await stream.send_audio(burst + reply)


async def main(data_dir: str) -> None:
    settings = Settings(sip=True, data_dir=Path(data_dir), log_level="error")
    configure_logging(settings, "edge")
    control, app, listener = EchoControl(), FastAPI(), listen("127.0.0.1", 0)
    carrier = open_carrier(settings.model_copy(update={"carrier": "sip"}), "")
    app.include_router(carrier.routes(cast("CallControl", control)))
    async with serving(app, listener):
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while await reader.readline():
            found: dict[str, Any] = dict(control.echoes)
            control.echoes.clear()
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
