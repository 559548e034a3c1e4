"""Where the master is, when not all who are asked say the same."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as LostConnectionError
from structlog.testing import capture_logs

from orchestra.bus import Bus
from orchestra.bus.redis.embedded import EmbeddedServer
from orchestra.bus.redis.sentinel import SentinelServers
from orchestra.settings import Settings

OLD, NEW = "10.0.0.1", "10.0.0.2"


def servers_with(*answers: Any) -> SentinelServers:
    """Three Sentinels that answer so: an address and its epoch, or nothing."""
    servers = SentinelServers("redis+sentinel://a,b,c/calls")

    def asked(answer: Any) -> Any:
        async def sentinel_masters() -> dict[str, dict[str, Any]]:
            if answer is None:
                raise LostConnectionError
            ip, epoch, is_up = answer
            state = {"is_master": True, "is_sdown": not is_up, "is_odown": False, "num-other-sentinels": 2}
            return {"calls": {**state, "ip": ip, "port": 6379, "config-epoch": str(epoch)}}

        return sentinel_masters

    for sentinel, answer in zip(servers._sentinels.sentinels, answers, strict=True):
        sentinel.sentinel_masters = asked(answer)
    return servers


@pytest.mark.parametrize(
    "answers",
    [
        [(OLD, 3, True), (NEW, 4, True), (NEW, 4, True)],
        [(NEW, 4, True), (OLD, 3, True), None],
        [(OLD, 3, True), None, (NEW, 4, True)],
        [(NEW, 4, False), (NEW, 4, True), (OLD, 3, True)],
    ],
)
async def test_the_newest_configuration_names_the_master_whoever_answers_first(answers: list[Any]) -> None:
    assert (await servers_with(*answers).address("")).host == NEW


async def test_a_sentinel_that_was_cut_off_names_no_master_in_the_place_of_a_new_one_that_is_down() -> None:
    with pytest.raises(LostConnectionError, match="says that it is down"):
        await servers_with((OLD, 3, True), (NEW, 4, False), None).address("")


async def test_a_single_server_that_becomes_a_replica_is_left_unless_it_was_one_from_the_start(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path) as server, Redis(unix_socket_path=server.url.removeprefix("unix://")) as client:
        bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
        reader, late = bus.new_connection(0), bus.new_connection(0)
        with capture_logs() as logs:
            async with asyncio.timeout(10):
                for _ in range(6):  # it is asked behind reads that wait
                    await reader.call("XREAD", "BLOCK", 100, "STREAMS", "nothing", "0")
                named = [reader.client_id]
                await client.execute_command("REPLICAOF", "127.0.0.1", "1")
                await late.open()
                for _ in range(2):  # again and again: the name of the server may lead to another one by now
                    while reader.connected:  # noqa: ASYNC110 - it is looked at twice a second
                        await asyncio.sleep(0.02)
                    await reader.open()
                    named.append(reader.client_id)
                assert late.connected
            await bus.close()
        assert len(set(named)) == 3
        assert [line["event"] for line in logs].count("redis.master_replaced") == 2  # this one, and the bus's own
