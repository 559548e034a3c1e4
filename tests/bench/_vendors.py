"""The vendors' servers of the caller benchmark, at their published speeds: ``_vendors.py '{"turns": 30, …}'``.

Medians and 95th percentiles: Deepgram nova-3 final after the end of speech 247/298 ms (pipecat-ai/stt-benchmark, in
which the final is requested 200 ms after that end, by Pipecat's VAD; requested sooner, it comes so much sooner),
first token of a model 420/900 ms, ElevenLabs first byte 138/250 ms. Each is a log-normal distribution. The draws are
spread evenly over it and depend only on the numbers of the call and the turn, so that all sides get the same ones.
"""

import asyncio
import json
import math
import random
import statistics
import sys
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any, cast

from aiohttp import web

from tests.servers.deepgram import DeepgramServer
from tests.servers.elevenlabs import ElevenLabsServer
from tests.servers.openai import OpenAIServer
from tests.servers.server import Faults, Seen

PUBLISHED_S = {"stt": (0.247, 0.298), "model": (0.420, 0.900), "tts": (0.138, 0.250)}
ANSWER = "Yes, of course. It is open until eight in the evening."
_TOKEN_S = 0.02
_P95 = 1.6449
_REQUESTED_AFTER_S = 0.2  # in the published measurement
_WORD_S = 0.15  # a final in mid-sentence has the words so far; the questions are spoken slower than this


class Speeds:
    """Seconds that a stage takes, by call number and turn number (both from 0)."""

    def __init__(self, stage: str, turns: int, calls: int) -> None:
        median, p95 = PUBLISHED_S[stage]
        count, normal = turns * calls, statistics.NormalDist()
        sigma = math.log(p95 / median) / _P95
        self._turns = turns
        self._drawn = [median * math.exp(sigma * normal.inv_cdf((at + 0.5) / count)) for at in range(count)]
        random.Random(stage).shuffle(self._drawn)  # the same on every side

    def __call__(self, call: int, turn: int) -> float:
        return self._drawn[(call * self._turns + turn) % len(self._drawn)]


class Pace:
    """Takes the place of `Faults` on one connection: nothing fails, and each answer takes its time."""

    status = drop_after = times = None
    cut = no_alignment = False

    def __init__(self, speeds: Speeds, call: int, turn: int) -> None:
        self._speeds, self._call, self._turn = speeds, call, turn

    @property
    def slow_s(self) -> float:
        """Seconds until the first content of the next answer."""
        self._turn += 1
        return self._speeds(self._call, self._turn - 1)


class Deepgram(DeepgramServer):
    """Recognizes the same line in every turn of every call."""

    def __init__(self, line: str, speeds: Speeds, utterances: int) -> None:
        super().__init__([line] * utterances, final_s=self._speed, word_s=_WORD_S)
        self._speeds = speeds
        self._turns: Counter[int] = Counter()

    def _speed(self, seen: Seen, requested_after_s: float) -> float:
        call = next(number for number, each in enumerate(self.seen) if each is seen)
        self._turns[call] += 1
        sooner_s = max(0.0, _REQUESTED_AFTER_S - requested_after_s)
        return self._speeds(call, self._turns[call] - 1) - sooner_s


class ElevenLabs(ElevenLabsServer):
    """One connection per call; its first context is the greeting."""

    def __init__(self, speeds: Speeds) -> None:
        super().__init__()
        self._speeds = speeds

    def admit(self, request: web.Request, body: Any = None) -> tuple[Seen, Faults]:
        """Count a new call."""
        seen, _ = super().admit(request, body)
        return seen, cast("Faults", Pace(self._speeds, len(self.seen) - 1, -1))


class Model(OpenAIServer):
    """Gives the same answer to every request."""

    def __init__(self, speeds: Speeds) -> None:
        super().__init__(lambda _messages, _tools: ANSWER, token_s=_TOKEN_S)
        self._speeds = speeds
        self._asked: Counter[int] = Counter()

    def admit(self, request: web.Request, body: Any = None) -> tuple[Seen, Faults]:
        """Count a turn: its number is that of the caller's lines in the prompt."""
        seen, faults = super().admit(request, body)
        if body is None:
            return seen, faults
        turn = sum(message["role"] == "user" for message in body["messages"]) - 1
        self._asked[turn] += 1
        return seen, cast("Faults", Pace(self._speeds, self._asked[turn] - 1, turn))


async def serve(line: str, turns: int, calls: int, sides: int) -> None:
    """Run the servers of this many sides until standard input ends."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(sides):
            speeds = {stage: Speeds(stage, turns, calls) for stage in PUBLISHED_S}
            deepgram = await stack.enter_async_context(Deepgram(line, speeds["stt"], 4 * turns * calls))
            elevenlabs = await stack.enter_async_context(ElevenLabs(speeds["tts"]))
            model = await stack.enter_async_context(Model(speeds["model"]))
            found.append({"stt": deepgram.ws_url, "tts": elevenlabs.ws_url, "model": model.base_url})
        print(json.dumps(found), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(**json.loads(sys.argv[1])))
