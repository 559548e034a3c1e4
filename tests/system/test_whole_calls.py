"""A whole call through every process, with the vendors' real client code against servers that speak their protocols."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus
from orchestra.settings import load_settings
from orchestra.simulator import (
    Caller,
    PhoneLine,
    ScriptedConversation,
    ScriptLine,
    Utterance,
    measure_turns,
    synthesize_lines,
)
from orchestra.stack import RunningStack, find_running_stack, stack
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import Event, PromptCompleted, RecordingSaved, ReplySpoken, ToolCompleted, UserTurnEnded
from tests.servers.deepgram import DeepgramServer
from tests.servers.elevenlabs import ElevenLabsServer
from tests.servers.openai import Call, OpenAIServer, Reply

QUESTION = "Where is my parcel four two seven one?"
SetEnvironment = Callable[..., None]

pytestmark = pytest.mark.integration


@pytest.fixture(scope="session")
def speech() -> LocalSpeech:
    return LocalSpeech.load()


@pytest.fixture(scope="session")
def question(speech: LocalSpeech) -> Utterance:
    (utterance,) = synthesize_lines([ScriptLine(QUESTION)], speech.synthesize)
    return utterance


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SetEnvironment:
    def set_environment(**values: str) -> None:
        for name, value in {"data_dir": str(tmp_path), "port": "0", "embedded_port": "0", **values}.items():
            monkeypatch.setenv(f"ORCHESTRA_{name.upper()}", value)

    return set_environment


@asynccontextmanager
async def whole_stack(tmp_path: Path) -> AsyncIterator[RunningStack]:
    settings = load_settings()
    async with stack(settings, logs=tmp_path / "logs") as started:
        assert find_running_stack(settings) == started
        yield started
    assert find_running_stack(settings) is None


class Answer:
    """Whether an agent's reply is awaited, by the journal: a phrase that bridges the wait is none."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._asked = self._answered = False

    def asked(self, _: Utterance) -> None:
        self._asked = True

    def __call__(self) -> bool:
        return self._asked and not self._answered

    async def follow(self) -> None:
        async for entry in self._bus.follow(since="0"):
            event = entry.event()
            if isinstance(event, ReplySpoken) and event.turn and event.agent:
                self._answered = True
                return


async def one_call(started: RunningStack, line: PhoneLine, question: Utterance) -> list[Event]:
    """Ask, hear the answer, hang up; the call's journal, once it is complete."""
    bus = await Bus.connect(load_settings().model_copy(update={"redis_url": started.redis_url}))
    answer = Answer(bus)
    following = asyncio.create_task(answer.follow())
    try:
        talk = ScriptedConversation([question], replying=answer, said=answer.asked)
        await Caller(started.url, started.auth_token).call(line, talk)
        async with asyncio.timeout(20):
            async for entry in bus.follow(since="0"):
                if isinstance(entry.event(), RecordingSaved):
                    return await bus.journal(entry.call)
    finally:
        await cancel_and_wait(following)
        await bus.close()
    raise AssertionError


def of(journal: list[Event], kind: type[Any]) -> list[Any]:
    return [event for event in journal if isinstance(event, kind)]


async def test_a_call_is_understood_by_deepgram_and_spoken_by_elevenlabs(
    environment: SetEnvironment, speech: LocalSpeech, question: Utterance, tmp_path: Path
) -> None:
    def synthesize(text: str, rate: int) -> bytes:
        return speech.synthesize(text, rate)[0]

    async with (
        DeepgramServer(transcribe=speech.transcribe, key="dg-key") as deepgram,
        ElevenLabsServer(synthesize, key="el-key") as elevenlabs,
    ):
        environment(
            stt="deepgram",
            deepgram_url=deepgram.url.replace("http", "ws"),
            deepgram_api_key="dg-key",
            tts="elevenlabs",
            elevenlabs_url=elevenlabs.url.replace("http", "ws"),
            elevenlabs_api_key="el-key",
        )
        line = PhoneLine()
        async with whole_stack(tmp_path) as started:
            journal = await one_call(started, line, question)
    (asked,) = of(journal, UserTurnEnded)
    assert "4271" in "".join(character for character in asked.text if character.isalnum())
    answered = of(journal, ReplySpoken)[-1]
    assert "Hill Street" in answered.text
    heard = await asyncio.to_thread(speech.transcribe, line.tracks.agent.tobytes(), 8000)
    assert "hill street" in heard.lower()
    assert b"dg-key" not in b"".join(path.read_bytes() for path in (tmp_path / "logs").iterdir())


async def test_a_remote_model_streams_its_answer_and_calls_a_tool(
    environment: SetEnvironment, question: Utterance, tmp_path: Path
) -> None:
    def respond(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
        last = messages[-1]
        names = {tool["function"]["name"] for tool in tools}
        if "find_parcel" not in names:
            return "{}"  # what the analysis of the call asks
        if last["role"] == "tool":
            return "It waits at the depot in Hill Street. Shall I send it again?"
        return [Call("find_parcel", {"number": "4271"})]

    async with (
        DeepgramServer([QUESTION]) as deepgram,
        ElevenLabsServer() as elevenlabs,
        OpenAIServer(respond, key="model-key") as model,
    ):
        environment(
            stt="deepgram",
            deepgram_url=deepgram.url.replace("http", "ws"),
            deepgram_api_key="any",
            tts="elevenlabs",
            elevenlabs_url=elevenlabs.url.replace("http", "ws"),
            elevenlabs_api_key="any",
            model="house-model",
            model_url=model.base_url,
            model_api_key="model-key",
        )
        line = PhoneLine()
        async with whole_stack(tmp_path) as started:
            journal = await one_call(started, line, question)
    assert [tool.failed for tool in of(journal, ToolCompleted)] == [False]
    assert {prompt.model for prompt in of(journal, PromptCompleted)} == {"house-model"}
    assert of(journal, ReplySpoken)[-1].text.endswith("It waits at the depot in Hill Street. Shall I send it again?")
    in_call = [seen.body for seen in model.seen if seen.body and "find_parcel" in str(seen.body.get("tools"))]
    assert [body["stream"] for body in in_call] == [True, True]
    greeting, *_ = measure_turns(line.tracks.caller, line.tracks.agent, [])
    assert len(greeting.replies) > 1, "the caller heard no more than the greeting"
