"""A group belongs to one consumer: another one of that name cannot join it and acknowledge events unhandled."""

import asyncio
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from orchestra.bus import Consumer, Context, run_consumer
from orchestra.bus.consumer.definition import PLATFORM
from orchestra.bus.group.membership import drop, release
from orchestra.bus.keys import holder_key
from orchestra.errors import ConsumerError
from orchestra.execution.handlers import Execution
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted, Event, UserTurnEnded
from tests.bus.test_commands import Orchestra, environment, orchestra  # noqa: F401 - a fixture

WORKERS = Path(__file__).parents[2] / "workers" / "orchestra_workers"


def consumer_of(module: str, *types: type[Event], name: str = "mood") -> Consumer:
    """A consumer as if it were defined in a module of that name."""
    consumer = Consumer(name)

    async def handle(event: Event) -> None:
        del event

    handle.__module__ = module
    consumer.on(*types)(handle)
    return consumer


async def refused(bus: TestBus, consumer: Consumer) -> str:
    with pytest.raises(ConsumerError) as refusal:
        await asyncio.wait_for(run_consumer(consumer, bus.bus), 30)
    return str(refusal.value)


def test_the_reserved_names_are_those_of_the_platforms_consumers() -> None:
    assert {path.stem for path in WORKERS.glob("*.py")} - {"__init__"} == set(PLATFORM)


@pytest.mark.parametrize("name", sorted(PLATFORM))
async def test_another_consumer_cannot_have_a_name_of_the_platform(bus: TestBus, name: str) -> None:
    message = await refused(bus, consumer_of("mood", UserTurnEnded, name=name))
    assert PLATFORM[name] in message
    assert "give the consumer another name" in message


async def test_a_platform_consumer_with_additional_handlers_is_still_that_consumer(bus: TestBus) -> None:
    class Own(Execution):
        async def end(self, event: CallEnded, context: Context) -> None:
            await super().end(event, context)

    async with bus.run(Own().consumer):
        assert {status.group for status in await bus.bus.groups()} == {"execution"}


async def test_a_consumer_of_another_module_cannot_join_the_group_while_it_runs_nor_after(bus: TestBus) -> None:
    async with bus.run(consumer_of("mood", UserTurnEnded)):
        await bus.publish(UserTurnEnded(call=bus.call(), text="hello"))
        running = await refused(bus, consumer_of("sales.mood", UserTurnEnded))
        await bus.settled()
    assert "mood (user.turn.ended)" in running
    assert "sales.mood (user.turn.ended)" in running
    assert "`orchestra group release mood`" in running
    assert await refused(bus, consumer_of("sales.mood", UserTurnEnded)) == running


async def test_a_consumer_that_handles_other_types_cannot_join_the_group(bus: TestBus) -> None:
    async with bus.run(consumer_of("mood", UserTurnEnded)):
        assert "call.ended" in await refused(bus, consumer_of("mood", CallEnded))
    assert "call.ended" in await refused(bus, consumer_of("mood", CallEnded, CallStarted))


async def test_a_consumer_that_handles_every_entry_cannot_join_the_group(bus: TestBus) -> None:
    async with bus.run(consumer_of("mood", UserTurnEnded)):
        every = Consumer("mood")

        @every.on_batch()
        async def keep(entries: list[object]) -> None:
            del entries

        assert "(every event)" in await refused(bus, every)


async def test_a_version_that_handles_one_type_more_or_less_is_the_same_consumer(bus: TestBus) -> None:
    older, newer = consumer_of("mood", UserTurnEnded), consumer_of("mood", UserTurnEnded, CallEnded)
    for consumer in (older, newer, older, newer):
        async with bus.run(consumer):
            await bus.publish(UserTurnEnded(call=bus.call(), text="hello"))
            await bus.settled()


async def test_a_group_without_a_record_belongs_to_the_next_consumer_that_runs(bus: TestBus) -> None:
    async with bus.run(consumer_of("mood", UserTurnEnded)):
        pass
    await bus.bus.redis.delete(holder_key("mood"))
    async with bus.run(consumer_of("sales.mood", CallEnded)):
        pass
    assert "sales.mood" in await refused(bus, consumer_of("mood", UserTurnEnded))


async def test_an_unreadable_record_keeps_nobody_out(bus: TestBus) -> None:
    await bus.bus.redis.set(holder_key("mood"), "of another version")
    async with bus.run(consumer_of("mood", UserTurnEnded)):
        pass


async def test_a_released_group_continues_at_its_position_under_another_consumer(bus: TestBus) -> None:
    async with bus.run(consumer_of("mood", UserTurnEnded)):
        await bus.publish(UserTurnEnded(call=bus.call(), text="hello"))
        await bus.settled()
    assert str(await release(bus.bus, "mood")) == "mood (user.turn.ended)"
    assert await release(bus.bus, "mood") is None
    seen: list[str] = []
    moved = Consumer("mood")

    @moved.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        seen.append(event.text)

    async with bus.run(moved):
        await bus.publish(UserTurnEnded(call=bus.call(), text="again"))
        await bus.settled()
    assert seen == ["again"]


async def test_a_group_is_dropped_with_all_its_data_but_not_while_it_runs(bus: TestBus) -> None:
    async with bus.run(consumer_of("mood", UserTurnEnded)):
        with pytest.raises(ConsumerError, match="stop its workers"):
            await drop(bus.bus, "mood")
    assert await drop(bus.bus, "mood") == bus.bus.partitions
    assert await bus.bus.groups() == []
    left = [key async for key in bus.bus.redis.scan_iter("orchestra:*mood*")]
    assert left == []
    assert await drop(bus.bus, "mood") == 0


async def test_the_commands_release_and_drop_say_what_they_did(bus: TestBus, orchestra: Orchestra) -> None:  # noqa: F811
    async with bus.run(consumer_of("mood", UserTurnEnded)):
        pass
    assert "no longer belongs to mood (user.turn.ended)" in (await orchestra("group", "release", "mood"))[1]
    assert "the next one with that name gets it" in (await orchestra("group", "release", "mood"))[1]
    assert (await orchestra("group", "drop", "mood"))[1] == "mood is dropped\n"
    assert "there is no group mood" in (await orchestra("group", "drop", "mood"))[1]


@pytest.mark.parametrize("name", sorted(PLATFORM))
async def test_no_consumer_with_a_name_of_the_platform_is_created(orchestra: Orchestra, name: str) -> None:  # noqa: F811
    code, text = await orchestra("new-consumer", name)
    assert code == 2
    assert "choose another" in text


async def test_a_worker_with_a_name_of_the_platform_ends_with_a_clear_line(redis_url: str, tmp_path: Path) -> None:
    code = "from orchestra import Consumer\nfrom orchestra.events import CallEnded\nconsumer = Consumer('telemetry')\n"
    code += "@consumer.on(CallEnded)\nasync def handle(event): ...\n"
    (tmp_path / "mine.py").write_text(code)
    command = [sys.executable, "-m", "orchestra.cli", "worker", "mine:consumer"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=tmp_path, env=environment(redis_url, tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("orchestra: consumer 'telemetry' of mine: the group of that name is the platform's own")


def test_a_module_that_is_run_as_the_main_program_has_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    main = ModuleType("__main__")
    main.__file__ = "/somewhere/mood.py"
    monkeypatch.setitem(sys.modules, "__main__", main)
    (handler,) = consumer_of("__main__", UserTurnEnded).all_handlers()
    assert handler.module == "mood"
