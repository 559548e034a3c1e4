"""A campaign: who is called when, and how often."""

import asyncio
import io
from collections.abc import Awaitable, Callable

import pytest

from orchestra.campaign import CampaignOptions, CampaignRunner, CampaignStore, Contact, parse_retries, write_results
from orchestra.campaign.store import refuse_calls
from orchestra.errors import CallUncertainError, CarrierError, LeaseLostError, UsageError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.edge.dialler import Dialler
from orchestra_schemas import CallAnswered, CallEnded, CallStarted
from orchestra_workers.persistence import consumer

START = 1_800_000_000.0


class Exchange:
    """Places every call, and lets the test say what came of it. The clock goes on when the campaign looks."""

    def __init__(self, bus: TestBus, settings: Settings) -> None:
        self.bus, self.settings = bus, settings
        self.now = START
        self.placed: list[tuple[str, str]] = []
        self.errors: list[Exception] = []
        self.fate: Callable[[str, str], Awaitable[None]] = self.answered

    async def place_call(self, call: str, to_number: str, from_number: str = "") -> str:
        del from_number
        self.placed.append((call, to_number))
        if self.errors:
            raise self.errors.pop(0)
        await self.fate(call, to_number)
        return "provider's"

    async def answered(self, call: str, to: str) -> None:
        del to
        await self.bus.publish(
            CallStarted(call=call, direction="outbound"), CallEnded(call=call, reason="caller_hung_up")
        )

    async def busy(self, call: str, to: str) -> None:
        del to
        await self.bus.publish(CallEnded(call=call, reason="busy"))

    async def machine(self, call: str, to: str) -> None:
        del to
        await self.bus.publish(CallAnswered(call=call, by="machine"), CallEnded(call=call, reason="agent_hung_up"))

    async def silent(self, call: str, to: str) -> None:
        """Nothing is heard of the call."""

    def store(self, name: str = "spring") -> CampaignStore:
        return CampaignStore(self.bus.bus, name, lambda: self.now)

    def runner(self, store: CampaignStore) -> CampaignRunner:
        dialler = Dialler(self.settings, self.bus.bus, self, None, self.bus.call, lambda: self.now)  # type: ignore[arg-type] - it places calls
        return CampaignRunner(store, dialler, self.bus.bus, ring_s=30, clock=lambda: self.now)

    async def rounds(self, runner: CampaignRunner, many: int, step_s: float = 60.0) -> bool:
        """Let it look so often. Returns whether anything is left to do."""
        left = True
        for _ in range(many):
            left = await runner.round()
            await self.bus.settled()
            self.now += step_s
        return left

    async def begun(self, people: int = 1, **options: object) -> tuple[CampaignStore, CampaignRunner]:
        store = self.store()
        await store.create("hash", CampaignOptions(**options))  # type: ignore[arg-type] - the test's own
        await store.add(Contact(row=2 + each, number=f"+1555000{each}") for each in range(people))
        return store, self.runner(store)


@pytest.fixture
def exchange(bus: TestBus, settings: Settings) -> Exchange:
    return Exchange(bus, settings)


async def test_everybody_is_called_once(bus: TestBus, exchange: Exchange) -> None:
    async with bus.run(consumer):
        store, runner = await exchange.begun(people=7, per_minute=600)
        assert not await exchange.rounds(runner, 5)
    assert [to for _, to in exchange.placed] == [f"+1555000{each}" for each in range(7)]
    progress = await store.progress()
    assert (progress.outcomes, progress.is_done, progress.contacts) == ({"answered": 7}, True, 7)


async def test_calls_are_placed_at_the_pace_and_so_many_at_a_time(bus: TestBus, exchange: Exchange) -> None:
    exchange.fate = exchange.silent
    async with bus.run(consumer):
        _, runner = await exchange.begun(people=9, per_minute=3, at_a_time=2)
        await exchange.rounds(runner, 2, step_s=10)
        assert len(exchange.placed) == 1
        await exchange.rounds(runner, 1, step_s=30)
        assert len(exchange.placed) == 2
        await exchange.rounds(runner, 1)
        assert len(exchange.placed) == 2


@pytest.mark.parametrize(
    ("fate", "outcome", "calls"),
    [("busy", "busy", 3), ("machine", "machine", 1), ("answered", "answered", 1), ("silent", "unknown", 1)],
)
async def test_a_person_is_called_again_after_some_outcomes_only(
    bus: TestBus, exchange: Exchange, fate: str, outcome: str, calls: int
) -> None:
    exchange.fate = getattr(exchange, fate)
    async with bus.run(consumer):
        store, runner = await exchange.begun(retries=parse_retries(["busy=2x10m", "no_answer=1x1h"]))
        assert not await exchange.rounds(runner, 40)
    assert len(exchange.placed) == calls
    assert (await store.progress()).outcomes == {outcome: 1}


async def test_a_retry_waits_for_as_long_as_was_asked(bus: TestBus, exchange: Exchange) -> None:
    exchange.fate = exchange.busy
    async with bus.run(consumer):
        _, runner = await exchange.begun(retries=parse_retries(["busy=1x10m"]))
        await exchange.rounds(runner, 10)
        assert len(exchange.placed) == 1
        await exchange.rounds(runner, 3)
        assert len(exchange.placed) == 2


async def test_a_call_that_may_have_been_placed_is_never_placed_again(bus: TestBus, exchange: Exchange) -> None:
    exchange.errors = [CallUncertainError("no answer")]
    exchange.fate = exchange.silent
    async with bus.run(consumer):
        store, runner = await exchange.begun(retries=parse_retries(["failed=3x1m"]))
        assert not await exchange.rounds(runner, 10)
    assert len(exchange.placed) == 1
    assert (await store.progress()).outcomes == {"unknown": 1}


async def test_a_call_that_the_carrier_refused_is_an_attempt_that_failed(bus: TestBus, exchange: Exchange) -> None:
    exchange.errors = [CarrierError("refused")]
    async with bus.run(consumer):
        store, runner = await exchange.begun(retries=parse_retries(["failed=1x1m"]))
        assert not await exchange.rounds(runner, 5)
    assert len(exchange.placed) == 2
    assert (await store.progress()).outcomes == {"answered": 1}


async def test_who_wants_no_calls_is_not_called_also_if_they_say_so_late(bus: TestBus, exchange: Exchange) -> None:
    async with bus.run(consumer):
        store, runner = await exchange.begun(people=3, per_minute=1)
        await exchange.rounds(runner, 1)
        await refuse_calls(bus.bus, ["+15550001"])
        assert not await exchange.rounds(runner, 4)
    assert [to for _, to in exchange.placed] == ["+15550000", "+15550002"]
    assert (await store.progress()).outcomes == {"answered": 2, "do_not_call": 1}


async def test_nobody_is_called_while_it_is_paused_and_all_are_after_it_goes_on(
    bus: TestBus, exchange: Exchange
) -> None:
    async with bus.run(consumer):
        store, runner = await exchange.begun(people=3, per_minute=600)
        await store.set_state("paused")
        assert await exchange.rounds(runner, 3)
        assert not exchange.placed
        await store.set_state("running")
        assert not await exchange.rounds(runner, 3)
    assert len(exchange.placed) == 3


async def test_nobody_is_called_after_it_was_stopped_and_the_runner_ends(bus: TestBus, exchange: Exchange) -> None:
    async with bus.run(consumer):
        store, runner = await exchange.begun(people=3, per_minute=1)
        await exchange.rounds(runner, 1)
        await store.set_state("stopped")
        assert not await exchange.rounds(runner, 3)
    assert len(exchange.placed) == 1
    assert (await store.progress()).waiting == 2


async def test_one_process_runs_a_campaign(bus: TestBus, exchange: Exchange) -> None:
    async with bus.run(consumer):
        _, runner = await exchange.begun(people=3)
        other = exchange.runner(exchange.store())
        await runner.round()
        with pytest.raises(LeaseLostError, match="another process"):
            await other.round()
    assert len(exchange.placed) == 1


async def test_a_process_waits_for_the_lease_of_one_that_was_killed(bus: TestBus, exchange: Exchange) -> None:
    async with bus.run(consumer):
        store, _ = await exchange.begun(people=2, per_minute=6000)
        await store.acquire()  # and dies
        await asyncio.wait_for(exchange.runner(exchange.store()).run(), 60)
    assert len(exchange.placed) == 2


@pytest.mark.integration
async def test_a_process_that_waits_long_for_its_carrier_keeps_the_campaign(bus: TestBus, exchange: Exchange) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slow(call: str, to: str) -> None:
        asked.set()
        await answered.wait()
        await exchange.answered(call, to)

    exchange.fate = slow
    async with bus.run(consumer):
        store, runner = await exchange.begun(people=1)
        running = asyncio.create_task(runner.run())
        await asked.wait()
        with pytest.raises(LeaseLostError):
            await exchange.runner(exchange.store()).run()
        answered.set()
        await asyncio.wait_for(running, 60)
    assert len(exchange.placed) == 1
    assert (await store.progress()).outcomes == {"answered": 1}


async def test_the_next_process_takes_up_an_attempt_that_was_begun(bus: TestBus, exchange: Exchange) -> None:
    async with bus.run(consumer):
        store, runner = await exchange.begun()
        await store.acquire()

        class Killed(BaseException):
            pass

        async def dies(call: str, to: str) -> None:
            await exchange.answered(call, to)
            raise Killed

        exchange.fate = dies
        with pytest.raises(Killed):
            await runner.round()
        await store.release()
        exchange.fate = exchange.answered
        exchange.now += 61
        assert not await exchange.rounds(exchange.runner(exchange.store()), 3)
    assert len(exchange.placed) == 1
    assert (await store.progress()).outcomes == {"answered": 1}


async def test_outside_their_hours_people_wait_and_it_is_no_attempt(bus: TestBus, exchange: Exchange) -> None:
    exchange.settings = exchange.settings.model_copy(update={"dial_hours": "9:00-17:00"})
    store = exchange.store()
    await store.create("hash", CampaignOptions())
    exchange.now = 1_799_980_000.0  # 2027-01-15, 3:26 in Berlin
    await store.add([Contact(row=2, number="+4930901820")])
    async with bus.run(consumer):
        runner = exchange.runner(store)
        assert await exchange.rounds(runner, 5, step_s=3600)
        assert not exchange.placed
        await exchange.rounds(runner, 5, step_s=3600)
    assert len(exchange.placed) == 1
    assert (await store.attempt("000000002")).number == 1


async def test_a_campaign_keeps_its_file(exchange: Exchange) -> None:
    store, _ = await exchange.begun()
    await store.create("hash", CampaignOptions(per_minute=3))
    assert (await store.options()).per_minute == 3
    with pytest.raises(UsageError, match="another file"):
        await store.create("other", CampaignOptions())
    assert await store.add([Contact(row=2, number="+15550000")]) == 0


@pytest.mark.parametrize("name", ["", "a b", "../x", "a" * 65, "{x}", "naïve", "a\n"])
def test_a_name_that_is_none_is_refused(exchange: Exchange, name: str) -> None:
    with pytest.raises(UsageError, match="name of a campaign"):
        exchange.store(name)


@pytest.mark.parametrize("written", ["busy", "busy=0x1m", "busy=1x", "answered=1x1m", "busy=1x1w", "busy=\u0661x1m"])
def test_a_retry_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="write busy=3x10m"):
        parse_retries([written])


async def test_results_have_a_row_for_everybody_and_no_formulas(bus: TestBus, exchange: Exchange) -> None:
    store = exchange.store()
    await store.create("hash", CampaignOptions(per_minute=600))
    evil = {"name": '=HYPERLINK("http://x")', "note": 'a,"b"\n-c'}
    await store.add([Contact(row=2, number="+15550001", variables=evil), Contact(row=3, number="+15550002")])
    async with bus.run(consumer):
        await exchange.rounds(exchange.runner(store), 1)
    written = io.StringIO()
    assert await write_results(store, written) == 2
    heading, first, *_ = written.getvalue().splitlines()
    assert heading == "row,number,outcome,attempts,call,called_at,detail,name,note"
    assert first.startswith("2,+15550001,")
    assert "'=HYPERLINK" in first
