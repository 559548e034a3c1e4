"""The commands about the bus, each as a process on a real server."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from orchestra.bus import Consumer
from orchestra.cli import app
from orchestra.errors import UsageError
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, UserTurnEnded

Orchestra = Callable[..., Awaitable[tuple[int, str]]]
PIPE, STDOUT = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT


def environment(redis_url: str, folder: Path) -> dict[str, str]:
    return {**os.environ, "ORCHESTRA_REDIS_URL": redis_url, "ORCHESTRA_DATA_DIR": str(folder), "COLUMNS": "200"}


@pytest.fixture
def orchestra(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Orchestra:
    """Run a command in this process: its exit code, its output and its error output."""
    for name, value in environment(redis_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        if isinstance(result.exception, UsageError):
            return 2, str(result.exception)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


@asynccontextmanager
async def running(redis_url: str, folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestra.cli", *arguments,
        env=environment(redis_url, folder), cwd=folder, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 20)


async def line_with(process: asyncio.subprocess.Process, word: str) -> str:
    assert process.stdout is not None
    seen = []
    async with asyncio.timeout(40):
        while line := (await process.stdout.readline()).decode():
            seen.append(line)
            if word in line:
                return line
    message = f"the process ended without saying {word!r}: {''.join(seen)}"
    raise AssertionError(message)


async def failed_letter(bus: TestBus) -> None:
    consumer = Consumer("mood", max_attempts=1)

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        message = "no mood at all"
        raise ValueError(message)

    async with bus.run(consumer):
        await bus.publish(UserTurnEnded(call=bus.call(5), text="hello"))
        await bus.settled(allow_dead=True)


def _mood() -> Consumer:
    consumer = Consumer("mood")

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None: ...

    return consumer


async def test_dead_letters_are_listed_shown_and_requeued(bus: TestBus, orchestra: Orchestra) -> None:
    await failed_letter(bus)
    code, out = await orchestra("dead", "list", "mood", "--json")
    letter = json.loads(out)
    assert (code, letter["type"], letter["error"]) == (0, "user.turn.ended", "ValueError('no mood at all')")
    name = f"{letter['partition']:02d}/{letter['letter_id']}"
    code, out = await orchestra("dead", "show", "mood", name)
    assert code == 0
    assert '"text":"hello"' in out
    assert "Traceback" in out
    code, out = await orchestra("dead", "drop", "mood", "09/1-1")
    assert code == 2
    assert "no dead letter 09/1-1" in out
    code, out = await orchestra("dead", "requeue", "mood", "--all")
    assert (code, out) == (0, "requeue: 1 of 1 dead letter of mood\n")

    again, seen = Consumer("mood"), []

    @again.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> CallStarted:
        seen.append(event.text)
        return CallStarted(call=event.call)

    async with bus.run(again):
        async with asyncio.timeout(30):
            while not seen:  # noqa: ASYNC110 - the group finds it with its next renewal
                await asyncio.sleep(0.02)
        await bus.settled()
    assert seen == ["hello"]
    assert await bus.dead("mood") == []
    assert await bus.bus.redis.xlen("orchestra:{p05}:requeued:mood") == 0


async def test_partitions_are_listed_and_resized(bus: TestBus, orchestra: Orchestra) -> None:
    async with bus.run(_mood()):
        code, said = await orchestra("partitions", "resize", "18")
        assert (code, said.splitlines()[-1]) == (0, "calls began on 16 partitions, and begin on 18 from now on")
        code, said = await orchestra("partitions", "resize", "4")
        assert (code, said.splitlines()[-1]) == (
            0,
            "closed: 14 partitions, whose calls end where they are: see `orchestra partitions list`",
        )
    code, said = await orchestra("partitions", "list", "--json")
    assert code == 0
    found = [json.loads(line) for line in said.splitlines()]
    assert [each["partition"] for each in found if each["calls_begin"]] == [0, 1, 2, 3]
    assert len(found) == 18
    assert await orchestra("partitions", "resize", "100") == (2, "100 partitions: 1 to 99 are possible")
    code, said = await orchestra("partitions", "list")
    assert (code, len(said.splitlines())) == (0, 19)


async def test_tail_prints_a_call_as_lines_of_json(bus: TestBus, redis_url: str, tmp_path: Path) -> None:
    call = bus.call()
    await bus.publish(CallStarted(call=call), UserTurnEnded(call=bus.call(), text="another"))
    async with running(redis_url, tmp_path, "tail", "--call", call, "--from-start", "--json") as process:
        first = json.loads(await line_with(process, "call.started"))
        await bus.publish(UserTurnEnded(call=call, turn=1, text="hello"))
        second = json.loads(await line_with(process, "user.turn.ended"))
    assert first["event"]["call"] == second["event"]["call"] == call
    assert second["event"]["text"] == "hello"


async def test_a_worker_runs_a_consumer_by_name_reports_its_health_and_ends_on_a_signal(
    bus: TestBus, redis_url: str, tmp_path: Path, orchestra: Orchestra
) -> None:
    assert (await orchestra("new-consumer", "mood"))[0] == 0
    arguments = ("worker", "mood:consumer", "--health-port", "0")
    async with running(redis_url, tmp_path, *arguments) as process:
        url = (await line_with(process, "worker.health")).split("url=")[1].split()[0]
        await bus.publish(UserTurnEnded(call=bus.call(), turn=1, text="one two three"))
        async with httpx.AsyncClient() as client, asyncio.timeout(60):
            # counted when the handler is done; the lag, asked of the server, is none once its commit is in too
            expected = (
                'handled_total{group="mood",handler="handle"} 1',
                'group_lag{group="mood",partition="3"} 0',
                'partitions_owned{group="mood"} 16',
            )
            metrics = ""
            while not all(line in metrics for line in expected):
                await asyncio.sleep(0.05)
                metrics = (await client.get(url.replace("healthz", "metrics"))).text
            assert (await client.get(url)).text == "ok\n"
        code, out = await orchestra("status")
        assert code == 0
        assert "mood" in out
        assert "0–15" in out
    assert process.returncode == 0
    assert {status.owner for status in await bus.bus.groups()} == {""}


async def test_a_worker_with_reload_runs_the_changed_code(
    bus: TestBus, redis_url: str, tmp_path: Path, orchestra: Orchestra
) -> None:
    assert (await orchestra("new-consumer", "mood"))[0] == 0
    async with running(redis_url, tmp_path, "worker", "mood:consumer", "--reload") as process:
        await line_with(process, "worker.started")
        text = (tmp_path / "mood.py").read_text()
        (tmp_path / "mood.py").write_text(text.replace("len(event.text.split())", "77"))
        await line_with(process, "worker.reloading")
        await line_with(process, "worker.started")
        await bus.publish(UserTurnEnded(call=bus.call(), text=""))
        async with asyncio.timeout(60):
            while not await words(bus):  # noqa: ASYNC110 - another process publishes it
                await asyncio.sleep(0.05)
        assert await words(bus) == [77]


async def words(bus: TestBus) -> list[int]:
    entries = [entry async for partition in all_of(bus) async for entry in bus.bus.entries(partition, "events")]
    return [json.loads(entry.body)["words"] for entry in entries if entry.type == "mood.measured"]


async def all_of(bus: TestBus) -> AsyncIterator[int]:
    for partition in range(bus.bus.partitions):
        yield partition


async def test_a_new_consumer_passes_its_own_test_and_is_never_overwritten(
    orchestra: Orchestra, tmp_path: Path
) -> None:
    assert (await orchestra("new-consumer", "call-mood"))[0] == 0
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "test_call_mood.py", cwd=tmp_path, stdout=PIPE, stderr=STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    code, text = await orchestra("new-consumer", "call-mood")
    assert code == 2
    assert "exists already" in text


async def test_a_consumer_that_does_not_exist_is_reported_in_one_clear_line(orchestra: Orchestra) -> None:
    for place, words in (("nowhere:consumer", "no module 'nowhere'"), ("json:loads", "must be an orchestra.Consumer"),
                         ("mood", "installed packages offer: analysis, archive, curator")):  # fmt: skip
        code, out = await orchestra("worker", place)
        assert code == 2
        assert words in out
