"""The health and metrics of a worker over HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestra.bus.consumer.definition import Consumer
from orchestra.bus.worker.health import Health
from orchestra.testing import TestBus
from orchestra_schemas import UserTurnEnded


@pytest.fixture
async def health(bus: TestBus) -> AsyncIterator[Health]:
    listening = Health(bus.bus, bus.runtimes, 0)
    await listening.start()
    yield listening
    await listening.close()


async def answer(health: Health, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", health.port)
    writer.write(request)
    writer.write_eof()
    async with asyncio.timeout(20):
        told = await reader.read()
    writer.close()
    await writer.wait_closed()
    return told


async def test_a_working_worker_is_healthy_and_explains_its_metrics(health: Health) -> None:
    assert (await answer(health, b"GET /healthz HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\nok\n")
    assert b"# TYPE orchestra_group_lag gauge" in await answer(health, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert b" 404 " in await answer(health, b"GET /nowhere HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("request_", [b"", b"GET", b"\r\n\r\n", b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 100_000])
async def test_an_invalid_request_is_closed_and_not_logged(health: Health, request_: bytes) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    with contextlib.suppress(ConnectionError):  # it may be closed while we still speak
        assert b" 200 " not in await answer(health, request_)
    assert (await answer(health, b"GET /healthz HTTP/1.1\r\n\r\n")).endswith(b"ok\n")
    assert complaints == []


async def test_the_time_of_each_run_of_a_handler_is_in_a_histogram(bus: TestBus) -> None:
    consumer = Consumer("timed")

    @consumer.on(UserTurnEnded)
    async def wait_for_the_long_ones(event: UserTurnEnded) -> None:
        if event.text == "long":
            await asyncio.sleep(0.03)

    call, said = bus.call(), ("quick", "long", "quick")
    async with bus.run(consumer):
        await bus.publish(*(UserTurnEnded(call=call, turn=turn, text=text) for turn, text in enumerate(said)))
        await bus.settled()
        page = await Health(bus.bus, bus.runtimes, 0).metrics()
    (family,) = [
        family for family in text_string_to_metric_families(page) if family.name == "orchestra_handler_duration_seconds"
    ]
    counts = {sample.labels["le"]: sample.value for sample in family.samples if "le" in sample.labels}
    assert counts["0.025"] == 2
    assert counts["+Inf"] == 3
