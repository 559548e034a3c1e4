"""How late an operator hears the caller, and the caller the operator: Chromium, an edge, a console, loopback.

`heard_ms` is from a beep of the caller's, whose frames reach the edge as they are spoken, to the same beep in what the
page plays; `speaks_ms` is from a tone of the operator's microphone to the same tone at the caller's telephone. Edge and
console share a process here. The way through microphone and loudspeaker, and networks, come on top.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import OperatorJoined
from tests.console.steering.panel_page import heard_by, heard_from_s, panel_page
from tests.console.steering.stepping_in import BEEPS, EVERY_S, OPERATOR_HZ, beeps, calling, delays_s, stepping_in

_CALLS = 3
_TONES = 3
#: the page finds out first how late audio arrives
_SETTLED_S = 3.0


async def measure() -> dict[str, Any]:
    """Calls one after another, with beeps and tones in each."""
    heard_ms: list[float] = []
    speaks_ms: list[float] = []
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        await server.start()
        bus = await Bus.connect(settings := Settings(redis_url=server.url, data_dir=Path(folder) / "data"))
        try:
            for _ in range(_CALLS):
                heard, speaks = await _one_call(TestBus(bus), settings)
                heard_ms += heard
                speaks_ms += speaks
        finally:
            await bus.close()
            await server.stop()
    return {"beeps": len(heard_ms), **_figures("heard_ms", heard_ms), **_figures("speaks_ms", speaks_ms)}


def _figures(name: str, each_ms: list[float]) -> dict[str, list[int]]:
    return {f"{name}_p50_p95_worst": [round(statistics.median(each_ms)), round(_p95(each_ms)), round(max(each_ms))]}


def _p95(each: list[float]) -> float:
    return statistics.quantiles(each, n=20)[-1]


async def _one_call(bus: TestBus, settings: Settings) -> tuple[list[float], list[float]]:
    async with (
        stepping_in(bus, settings) as (console, running),
        calling(running) as (line, call),
        panel_page(console, call) as desk,
    ):
        await desk.button("Listen").click()
        await running.event(OperatorJoined, call=call, listens=True)
        await desk.until_shown("Listening: you")
        await desk.until_played(_SETTLED_S)
        said = line.say(beeps())
        await desk.until_played(BEEPS * EVERY_S + 1.0)
        delays = delays_s(line, said, await desk.played())
        await desk.button("Take over").click()
        await desk.until_shown("You are speaking with the caller")
        speaks = []
        for number in range(_TONES):
            await line.until(lambda: False, 1.0)
            spoken_at = await desk.say_tone(0.3, OPERATOR_HZ)
            await line.until(lambda: False, 1.5)
            tones = heard_from_s(heard_by(line), 8000, OPERATOR_HZ)
            after = [line.started_at + at - spoken_at for at in tones if line.started_at + at >= spoken_at]
            assert after, f"the caller has not heard tone {number}"
            speaks.append(after[0] * 1000)
    return [each * 1000 for each in delays.values()], speaks
