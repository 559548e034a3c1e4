"""How long a caller waits: from the end of their words to the first sound of the answer, measured from the audio.

Simulated calls in real time, through every process of the platform, with the vendors' own clients against servers that
answer at the vendors' published speeds (`_vendors.py`). The peer is the stock Pipecat pipeline in one process, on
servers of exactly the same speeds, in the same run: calls to the two sides alternate.

`vendors_p50_ms` is the median of the vendors' own time (final transcript after the end of speech, first token, first
byte): the lower bound for everybody.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvloop

from orchestra.bus import Bus
from orchestra.settings import Settings, load_settings
from orchestra.simulator import (
    Caller,
    PhoneLine,
    ScriptedConversation,
    ScriptLine,
    Utterance,
    measure_turns,
    synthesize_lines,
)
from orchestra.stack import RunningStack, stack
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import TurnMeasured
from tests.bench._vendors import PUBLISHED_S, Speeds

#: smart-turn, which both sides use, recognizes each of them as a finished turn
QUESTIONS = (
    "Until when is the depot open today?",
    "Could you tell me when it closes?",
    "When will my parcel arrive?",
    "What are the opening hours of the depot?",
)
_LINE = "Until when is the depot open today?"
_GREETING = "Welcome to Swift Parcel. How can I help you?"
_HERE = Path(__file__).parent
_TOKEN = "a local token"


@asynccontextmanager
async def process(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends with the block."""
    environment = os.environ | {"PYTHONPATH": str(_HERE.parents[1])}
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, *command, env=environment, stdin=pipe, stdout=pipe)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await child.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def stock(vendors: dict[str, str]) -> AsyncIterator[str]:
    """The stock pipeline's address."""
    port = free_port()
    options = json.dumps({**vendors, "port": port, "greeting": _GREETING})
    async with process(str(_HERE / "_stock_pipecat.py"), options) as child, httpx.AsyncClient() as http:
        async with asyncio.timeout(60):
            while True:
                assert child.returncode is None, "the stock pipeline ended at start"
                try:
                    await http.get(f"http://127.0.0.1:{port}/")
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                else:
                    break
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def orchestra(vendors: dict[str, str], folder: Path) -> AsyncIterator[RunningStack]:
    """The platform, every process running."""
    chosen = {
        "data_dir": str(folder), "port": "0", "embedded_port": "0", "twilio_auth_token": _TOKEN, "log_level": "warning",
        "stt": "deepgram", "deepgram_url": vendors["stt"], "deepgram_api_key": "any",
        "tts": "elevenlabs", "elevenlabs_url": vendors["tts"], "elevenlabs_api_key": "any",
        "model": "house-model", "model_url": vendors["model"], "model_api_key": "any",
    }  # fmt: skip
    os.environ.update({f"ORCHESTRA_{name.upper()}": value for name, value in chosen.items()})
    async with stack(load_settings(), logs=folder / "logs") as started:
        yield started


async def call(url: str, utterances: list[Utterance]) -> list[float]:
    """The gaps of one call, in ms."""
    line, talk = PhoneLine(), ScriptedConversation(utterances)
    await Caller(url, _TOKEN).call(line, talk)
    assert not talk.unanswered_turn, f"{url} did not answer turn {talk.unanswered_turn}"
    turns = measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)[1:]
    return [turn.response_s * 1000 for turn in turns if turn.response_s is not None]


async def measure(turns: int, at_once: int, rounds: int) -> dict[str, Any]:
    speech = await asyncio.to_thread(LocalSpeech.load)
    said = synthesize_lines([ScriptLine(QUESTIONS[at % len(QUESTIONS)]) for at in range(turns)], speech.synthesize)
    order = {"line": _LINE, "turns": turns, "calls": at_once * rounds, "sides": 2}
    found: dict[str, list[float]] = {"caller": [], "stock": []}
    with tempfile.TemporaryDirectory() as folder:
        async with process("-m", "tests.bench._vendors", json.dumps(order)) as vendors:
            assert vendors.stdout is not None
            ours, theirs = json.loads(await vendors.stdout.readline())
            async with orchestra(ours, Path(folder)) as started, stock(theirs) as stock_url:
                for at in range(rounds):
                    sides = [("caller", started.url), ("stock", stock_url)]
                    for side, url in sides if at % 2 else reversed(sides):
                        for gaps in await asyncio.gather(*(call(url, said) for _ in range(at_once))):
                            found[side] += gaps
                stages = await measured(started, Path(folder))
    return summary(found, turns, at_once * rounds) | {"edge_p50_ms": stages}


async def measured(started: RunningStack, folder: Path) -> dict[str, int]:
    """The stages of a turn as the edge has measured them: medians in ms."""
    bus = await Bus.connect(Settings(redis_url=started.redis_url, data_dir=folder))
    try:
        events = [
            event
            for partition in range(bus.partitions)
            async for entry in bus.entries(partition, "events")
            if isinstance(event := entry.event(), TurnMeasured)
        ]
    finally:
        await bus.close()
    names = [name for name in TurnMeasured.__struct_fields__ if name.endswith("_ms")]
    return {name: round(statistics.median(getattr(event, name) or 0.0 for event in events)) for name in names}


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def summary(found: dict[str, list[float]], turns: int, calls: int) -> dict[str, Any]:
    speeds = [Speeds(stage, turns, calls) for stage in PUBLISHED_S]
    vendors = [sum(speed(each, turn) for speed in speeds) * 1000 for each in range(calls) for turn in range(turns)]
    result: dict[str, Any] = {
        f"{side}_{name}_ms": round(percentile(gaps, share))
        for side, gaps in found.items()
        for name, share in (("p50", 0.5), ("p95", 0.95))
    }
    return result | {
        "over_stock_p50_ms": round(statistics.median(found["caller"]) - statistics.median(found["stock"])),
        "over_stock_p95_ms": result["caller_p95_ms"] - result["stock_p95_ms"],
        "vendors_p50_ms": round(statistics.median(vendors)),
        "vendors_p95_ms": round(percentile(vendors, 0.95)),
        "turns": len(found["caller"]),
        "stock_turns": len(found["stock"]),
        "load": round(os.getloadavg()[0], 1),
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench caller", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--turns", type=int, default=8, help="turns of a call")
    parser.add_argument("--at-once", type=int, default=3, help="calls at the same time")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args(arguments)
    result = uvloop.run(measure(options.turns, options.at_once, options.rounds))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:20} {value}")
