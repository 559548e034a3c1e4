"""Metrics and traces as an OTLP receiver gets them that nobody here has written: the rotel agent."""

import asyncio
import re
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import rotel

from orchestra.child_process import die_with_parent
from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.telemetry.otlp import otlp_headers
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    PromptCompleted,
    PromptRequested,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)
from orchestra_workers.telemetry import consumer


class Rotel:
    """The agent, and what it says that it has received."""

    def __init__(self, folder: Path) -> None:
        self.port, grpc = (_free_port() for _ in range(2))
        self.url = f"http://127.0.0.1:{self.port}"
        self._said = folder / "rotel.log"
        binary = Path(rotel.__file__).parent / "rotel-agent"
        with self._said.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    binary, "start", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint",
                    f"127.0.0.1:{self.port}", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log",
                    "metrics", "--debug-log-verbosity", "detailed",
                ],
                stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
            )  # fmt: skip

    async def ready(self) -> bool:
        """Whether it listens; it does not where a port was taken."""
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    if self.process.poll() is not None:
                        assert "in use" in self.said(), self.said()
                        return False
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                await writer.wait_closed()
                return True

    def said(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self._said.read_text(errors="replace"))

    async def has(self, *words: str) -> str:
        try:
            async with asyncio.timeout(60):
                while not all(word in self.said() for word in words):  # noqa: ASYNC110 - another process writes it
                    await asyncio.sleep(0.02)
        except TimeoutError:
            missing = [word for word in words if word not in self.said()]
            pytest.fail(f"rotel has not got {missing}:\n{self.said()[-5000:]}")
        return self.said()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest_asyncio.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Rotel]:
    agent = Rotel(tmp_path)
    try:
        while not await agent.ready():  # somebody else was quicker to take one of its ports
            agent = Rotel(tmp_path)
        yield agent
    finally:
        agent.stop()


@pytest.fixture
def settings(redis_url: str, tmp_path: Path, agent: Rotel) -> Settings:
    return Settings(redis_url=redis_url, data_dir=tmp_path, otlp_url=agent.url)


async def a_call(bus: TestBus) -> str:
    call = bus.call()
    where = {"call": call, "turn": 1}
    await bus.publish(CallStarted(call=call, from_number="+15550001111", app="parcels"))
    (_, prompt, tool) = await bus.publish(
        UserTurnEnded(**where, text="my mail is ann@example.com"),  # type: ignore[arg-type]
        PromptRequested(**where, agent="tracking", model="gpt-x"),  # type: ignore[arg-type]
        ToolRequested(**where, agent="tracking", name="find_parcel"),  # type: ignore[arg-type]
    )
    await bus.publish(
        PromptCompleted(**where, request=prompt.id, model="gpt-x", prompt_tokens=421, completion_tokens=17),  # type: ignore[arg-type]
        ToolCompleted(**where, request=tool.id, name="find_parcel", failed=True, duration_ms=12.5),  # type: ignore[arg-type]
        TurnCompleted(**where, agent="tracking", text="At the depot."),  # type: ignore[arg-type]
        TurnMeasured(**where, total_ms=812, tts_ms=150, turn_end_ms=300),  # type: ignore[arg-type]
        CallEnded(call=call, reason="caller_hung_up", duration_s=9.5),
    )
    return call


async def test_a_receiver_gets_the_trace_of_a_call_and_what_was_measured(bus: TestBus, agent: Rotel) -> None:
    async with bus.run(consumer):
        call = await a_call(bus)
        await bus.settled()
    said = await agent.has(
        "execute_tool find_parcel", "chat gpt-x", "gen_ai.conversation.id", call, call[3:].replace("-", ""),
        "orchestra.turn.latency", "gen_ai.client.token.usage", "orchestra.tool.errors", "orchestra.calls",
        "orchestra.group.lag", "orchestra.call.duration",
    )  # fmt: skip
    for secret in ("ann@", "5550001111"):
        assert secret not in said


async def test_a_worker_that_starts_during_a_call_makes_the_trace_from_the_journal(bus: TestBus, agent: Rotel) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call, app="the-first-worker-saw-this"))
        await bus.settled()
    async with bus.run(consumer):
        await bus.publish(CallEnded(call=call, reason="caller_hung_up"))
        await bus.settled()
    await agent.has("the-first-worker-saw-this", "caller_hung_up")


async def test_a_receiver_that_is_away_holds_nothing_up(bus: TestBus, agent: Rotel) -> None:
    agent.stop()
    async with bus.run(consumer):
        await a_call(bus)
        await bus.settled()


async def test_malformed_headers_are_refused(bus: TestBus, settings: Settings) -> None:
    bus.bus.settings = settings.model_copy(update={"otlp_headers": type(settings.otlp_headers)("nonsense")})
    with pytest.raises(SettingError, match="ORCHESTRA_OTLP_HEADERS"):
        async with bus.run(consumer):
            pass


@pytest.mark.parametrize(
    ("changed", "headers"),
    [
        ({"otlp_url": "http://oo:5080/api/default"}, {"Authorization": "Basic b3BzOnNlY3JldA=="}),
        ({"otlp_url": "http://oo:5080/api/default", "otlp_headers": "Authorization=x"}, {"Authorization": "x"}),
        ({"otlp_url": "http://oo:50801/api/default"}, {}),
        ({"otlp_url": "http://elsewhere:4318", "otlp_headers": "a=b,c=d=="}, {"a": "b", "c": "d=="}),
    ],
)
def test_credentials_of_openobserve_go_to_openobserve_only(changed: dict[str, str], headers: dict[str, str]) -> None:
    known = {"openobserve_url": "http://oo:5080", "openobserve_user": "ops", "openobserve_password": "secret"}
    assert otlp_headers(Settings.model_validate(known | changed)) == headers
