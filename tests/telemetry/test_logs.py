"""What a process says is shipped too, redacted, and never holds it up."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.telemetry import logs
from orchestra.telemetry.logs import LogShipping
from tests.servers.openobserve import PASSWORD, USER, OpenObserveServer, Trouble


@pytest_asyncio.fixture
async def server() -> AsyncIterator[OpenObserveServer]:
    async with OpenObserveServer() as server:
        yield server


@pytest_asyncio.fixture
async def shipping(
    server: OpenObserveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LogShipping]:
    monkeypatch.setattr(logs, "_EVERY_S", 0.02)
    shipping = LogShipping(settings_for(server, tmp_path))
    yield shipping
    await asyncio.to_thread(shipping.close)


def settings_for(server: OpenObserveServer, folder: Path, **changes: object) -> Settings:
    known = {"openobserve_url": server.url, "openobserve_user": USER, "openobserve_password": PASSWORD}
    return Settings(data_dir=folder, **known | changes)  # type: ignore[arg-type]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a thread has to get there
            await asyncio.sleep(0.01)


async def test_an_entry_is_shipped_redacted_and_passed_on(server: OpenObserveServer, shipping: LogShipping) -> None:
    entry = {"event": "call.failed", "level": "error", "process": "edge", "call": "07-1", "to": "+15550001111", "n": 3}
    assert shipping(None, "error", entry) is entry
    await until(lambda: server.rows["orchestra_logs"])
    (row,) = server.rows["orchestra_logs"]
    assert (row["event"], row["level"], row["process"], row["call"]) == ("call.failed", "error", "edge", "07-1")
    assert json.loads(row["body"]) == entry | {"to": "[phone]"}


@pytest.mark.parametrize(
    "trouble", [Trouble("status", status=503, times=2), Trouble("cut_before", times=2), Trouble("uncounted", times=1)]
)
async def test_entries_that_the_server_does_not_accept_are_sent_again(
    server: OpenObserveServer, shipping: LogShipping, trouble: Trouble
) -> None:
    server.troubles = [trouble]
    for number in range(50):
        shipping(None, "info", {"event": "said", "number": number})
    await until(lambda: shipping.shipped >= 50)
    said = [json.loads(row["body"]) for row in server.rows["orchestra_logs"]]
    assert [each["number"] for each in said if each["event"] == "said"] == list(range(50))


async def test_a_refused_entry_does_not_hold_back_the_others(server: OpenObserveServer, shipping: LogShipping) -> None:
    server.poison = "poisonous"
    for event in ("one", "poisonous", "three"):
        shipping(None, "info", {"event": event})
    await until(lambda: (shipping.dropped, shipping.shipped) == (1, 2))
    assert {row["event"] for row in server.rows["orchestra_logs"]} == {"one", "three"}


async def test_the_number_of_waiting_entries_is_limited(
    server: OpenObserveServer, shipping: LogShipping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_KEPT", 10)
    server.troubles = [Trouble("status", status=503)]
    for number in range(30):
        shipping(None, "info", {"event": "said", "number": number})
    assert shipping.dropped >= 10
    server.troubles = []
    await until(lambda: any('"number":29' in row["body"] for row in server.rows["orchestra_logs"]))


async def test_the_last_entries_of_a_process_are_shipped(server: OpenObserveServer, tmp_path: Path) -> None:
    shipping = LogShipping(settings_for(server, tmp_path))
    shipping(None, "info", {"event": "good-bye"})
    await asyncio.to_thread(shipping.close)
    assert [row["event"] for row in server.rows["orchestra_logs"]] == ["good-bye"]


async def test_without_credentials_there_is_a_clear_error(server: OpenObserveServer, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="ORCHESTRA_OPENOBSERVE_USER"):
        LogShipping(settings_for(server, tmp_path, openobserve_user=""))
