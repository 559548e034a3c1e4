"""Where the master is, when not all who are asked say the same."""

from typing import Any

import pytest
from redis.exceptions import ConnectionError as LostConnectionError

from orchestra.bus.redis.sentinel import SentinelServers

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
