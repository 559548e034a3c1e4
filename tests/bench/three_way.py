"""How late the two people of a three-way call hear each other, and whether they do so later as the call goes on.

Both telephones, the carrier's server, the edge and Redis are on this machine, with scripted engines. Before each
measurement the agents say a sentence. `person_to_caller_ms` is the time from the first sample that the person says
until the caller hears it, `caller_to_person_ms` that of the other way; `growth_ms` is the median of the last third of
both less that of the first. `stalled_ms` is the longest time for which the telephones themselves stood still, which
the delays contain.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import uvloop

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.simulator import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.audio.mulaw import SAMPLE_RATE
from orchestra_schemas import OperatorSaid, OperatorTookOver, ReplySpoken
from tests.voice.carriers.office import (
    BRIEFING,
    CALLER_HZ,
    PATIENCE_S,
    PERSON_HZ,
    Office,
    asks_for_a_person,
    levels,
    office,
    voice,
)
from tests.voice.edges import RunningEdge

_CARRIERS = ("twilio", "telnyx", "plivo", "vonage", "sip")
_SENTENCE = "the agents say a sentence meanwhile"
_FRAME = SAMPLE_RATE // 100
_LOUD = 400
_QUIET_S = 0.7


async def delay_ms(speaker: PhoneLine, listener: PhoneLine, hz: int) -> float:
    """Have one of them speak. Returns how much later the other hears it."""
    before = listener.tracks.agent.size
    span = speaker.say(voice(hz, 0.3))

    def loud() -> Any:
        return levels(listener.tracks.agent[before:], hz, _FRAME) > _LOUD

    assert await listener.until(lambda: loud().sum() > 20, PATIENCE_S), "nothing was heard"
    heard_s = (before + int(np.argmax(loud())) * _FRAME) / SAMPLE_RATE
    return (listener.started_at + heard_s - speaker.started_at - span.start_s) * 1000


async def call(at: Office, over: asyncio.Event, times: int) -> dict[str, list[float]]:
    """A three-way call in which each speaks so many times."""
    found: dict[str, list[float]] = {"person_to_caller_ms": [], "caller_to_person_ms": []}

    async def talk(line: PhoneLine) -> None:
        call = await asks_for_a_person(at.running, line)
        await at.running.event(ReplySpoken, text=BRIEFING)
        for number in range(times):
            sentence = f"{_SENTENCE} {number}"
            await at.running.bus.publish(OperatorSaid(call=call, operator="bench", text=sentence))
            await at.running.event(ReplySpoken, text=sentence)
            await line.until(lambda: False, _QUIET_S)
            found["person_to_caller_ms"].append(await delay_ms(at.person, line, PERSON_HZ))
            await line.until(lambda: False, _QUIET_S)
            found["caller_to_person_ms"].append(await delay_ms(line, at.person, CALLER_HZ))
            await line.until(lambda: False, _QUIET_S)
        over.set()

    await at.call(talk)
    return found


async def measure(carrier: str, times: int) -> dict[str, Any]:
    over = asyncio.Event()

    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver)
        await line.until(over.is_set, PATIENCE_S * times)

    with tempfile.TemporaryDirectory() as name:
        async with EmbeddedServer(Path(name)) as server:
            settings = Settings(data_dir=Path(name), redis_url=server.url)
            bus = await Bus.connect(settings)
            async with office(TestBus(bus), settings, "a person", answers=person_talks, carrier=carrier) as at:
                at.running.patience_s = PATIENCE_S * times
                found = await call(at, over, times)
                stalled_s = max(at.person.max_late_s, at.running.lines[0].max_late_s)
            await bus.close()
    result: dict[str, Any] = {"carrier": carrier, "times": times}
    for way, values in found.items():
        result[f"{way}_p50"], result[f"{way}_max"] = round(statistics.median(values)), round(max(values))
    both = [max(each) for each in zip(*found.values(), strict=True)]
    third = max(1, times // 3)
    result["growth_ms"] = round(statistics.median(both[-third:]) - statistics.median(both[:third]))
    return result | {"stalled_ms": round(stalled_s * 1000), "load": round(os.getloadavg()[0], 1)}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench three_way", description=__doc__)
    parser.add_argument("--carrier", choices=_CARRIERS, default="twilio")
    parser.add_argument("--times", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", DeprecationWarning)  # the twilio package signs in by what aiohttp is about to drop
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    result = uvloop.run(measure(options.carrier, options.times))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:24} {value}")
