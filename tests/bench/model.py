"""The cost of a streamed token: from the model's server to whole sentences, against the bare `openai` SDK.

Both read the same answer of a server in another process. Our side does everything that execution does between the
socket and the `ReplyChunk`: the request from our messages, the stream, sentences, and their spoken form. CPU time of
this process, in short alternating slices; the ratio is the median over the rounds.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import openai
import uvloop

from orchestra.execution.models import TextDelta
from orchestra.execution.models.openai import OpenAIModel
from orchestra.language.english import LANGUAGE
from orchestra.language.sentence_splitter import SentenceSplitter
from orchestra_schemas import Message, PromptRequested
from tests.servers.openai import OpenAIServer

_SENTENCE = "The depot in Hill Street is open until 8 p.m. on working days, and until noon on Saturdays."
_MESSAGES = (Message(role="system", content="You are on the telephone."), Message(role="user", content="When?"))


async def serve(sentences: int) -> None:
    """Answer until standard input ends."""
    async with OpenAIServer(lambda _messages, _tools: " ".join([_SENTENCE] * sentences)) as server:
        print(server.base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def bare(client: openai.AsyncOpenAI) -> int:
    """The tokens of one answer, read with the SDK alone."""
    stream = await client.chat.completions.create(
        model="house-model",
        messages=[{"role": "system", "content": "You are on the telephone."}, {"role": "user", "content": "When?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    return len([1 async for chunk in stream if chunk.choices and chunk.choices[0].delta.content])


async def ours(model: OpenAIModel) -> int:
    """The tokens of one answer, joined to sentences."""
    tokens, sentences, said = 0, SentenceSplitter(), []
    async for part in model.stream(PromptRequested(call="00-bench", agent="tracking", messages=_MESSAGES)):
        ready = sentences.feed(part.text) if isinstance(part, TextDelta) else sentences.end()
        tokens += isinstance(part, TextDelta)
        said += [LANGUAGE.to_plain_text(sentence) for sentence in ready]
    assert said
    return tokens


async def cpu_us(answer: Callable[[], Awaitable[int]], answers: int) -> float:
    """CPU microseconds per token."""
    before, tokens = time.process_time(), 0
    for _ in range(answers):
        tokens += await answer()
    return (time.process_time() - before) / tokens * 1e6


async def measure(rounds: int, answers: int, sentences: int) -> dict[str, Any]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.model", str(sentences),
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    url = (await child.stdout.readline()).decode().strip()
    model, client = OpenAIModel("house-model", url), openai.AsyncOpenAI(base_url=url, api_key="none")
    try:
        sides: dict[str, Callable[[], Awaitable[int]]] = {"ours": lambda: ours(model), "bare": lambda: bare(client)}
        found: dict[str, list[float]] = {name: [] for name in sides}
        for answer in sides.values():
            await answer()
        for at in range(rounds):
            for name in sides if at % 2 else reversed(sides):
                found[name].append(await cpu_us(sides[name], answers))
    finally:
        await model.close()
        await client.close()
        child.terminate()
        await child.communicate()
    ratios = [a / b for a, b in zip(found["ours"], found["bare"], strict=True)]
    return {
        "cpu_us_per_token": round(statistics.median(found["ours"]), 1),
        "bare_cpu_us_per_token": round(statistics.median(found["bare"]), 1),
        "ratio": round(statistics.median(ratios), 2),
        "load": round(os.getloadavg()[0], 1),
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench model", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--answers", type=int, default=10, help="in one slice")
    parser.add_argument("--sentences", type=int, default=10, help="in one answer, 19 tokens each")
    options = parser.parse_args(arguments)
    result = uvloop.run(measure(options.rounds, options.answers, options.sentences))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:24} {value}")


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
