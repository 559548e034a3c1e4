"""Viewers of the live page without a browser: ``python -m tests.bench._live_viewers PORT TOKEN SECONDS CALL …``.

One event stream for each call that is named, over a connection of its own. After `SECONDS` it prints one line of JSON:
the delays of everything that was new to a viewer (ms from the event to its arrival), the bytes of all streams, and how
late this process itself was to wake up, which tells how busy the machine is.
"""

import asyncio
import json
import re
import sys
import time
from contextlib import suppress

import uvloop

_STAMP = re.compile(rb"~(\d{13})")
#: older events are what a stream begins with
_NEW_MS = 5000
_PROBE_S = 0.05


async def view(port: int, token: str, call: str, delays: list[float], counts: dict[str, int]) -> None:
    """Read one stream until cancelled; it is opened again if it ends."""
    seen: set[bytes] = set()
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET /api/live?call={call} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        writer.write(head.encode())
        try:
            began = time.time() * 1000
            while chunk := await reader.read(2**20):
                now = time.time() * 1000
                counts["bytes"] += len(chunk)
                new = set(_STAMP.findall(chunk)) - seen
                seen |= new
                delays += [now - int(made) for made in new if int(made) > began and now - int(made) < _NEW_MS]
            counts["ended"] += 1
        finally:
            writer.close()


async def _lags(lags: list[float]) -> None:
    while True:
        due = time.monotonic() + _PROBE_S
        await asyncio.sleep(_PROBE_S)
        lags.append((time.monotonic() - due) * 1000)


async def main(port: int, token: str, seconds: float, calls: list[str]) -> None:
    delays: list[float] = []
    lags: list[float] = []
    counts = {"bytes": 0, "ended": 0}
    probing = asyncio.create_task(_lags(lags))
    viewing = [asyncio.create_task(view(port, token, call, delays, counts)) for call in calls]
    await asyncio.sleep(seconds / 4)  # the first moments have what the streams begin with
    delays.clear()
    lags.clear()
    counts["bytes"] = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds * 3 / 4):
            await asyncio.gather(*viewing)
    probing.cancel()
    print(json.dumps({"lags": lags, "delays": [round(each, 1) for each in delays], **counts}), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4:]))
