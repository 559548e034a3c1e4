"""The vault: encrypted, for those with the key, and gone by itself."""

from structlog.testing import capture_logs

from orchestra.bus.vault import KEPT_S, Vault
from orchestra.testing import TestBus


async def test_a_secret_is_encrypted_bound_to_its_place_and_only_for_those_with_the_key(bus: TestBus) -> None:
    vault, call, redis = Vault(bus.bus, b"key"), bus.call(), bus.bus.redis
    vault.keep(call, "words:1", "4242")
    await vault.put(call, {"words:2": "пин", "words:3": ""})
    assert [await vault.get(call, f"words:{turn}") for turn in (1, 2, 3, 4)] == ["4242", "пин", "", ""]
    assert b"4242" not in b"".join((await redis.hgetall(Vault.key(call))).values())
    assert KEPT_S - 5 < await redis.ttl(Vault.key(call)) <= KEPT_S
    with capture_logs() as logs:
        assert await Vault(bus.bus, b"other").get(call, "words:1") == ""
        await redis.hset(Vault.key(call), "words:2", await redis.hget(Vault.key(call), "words:1"))
        assert await vault.get(call, "words:2") == ""
    assert [entry["event"] for entry in logs] == ["vault.other_key"] * 2
    await vault.forget(call, 0)
    assert await vault.get(call, "words:1") == ""


async def test_what_cannot_be_kept_is_lost_and_logged_without_it(bus: TestBus) -> None:
    vault, call = Vault(bus.bus, b"key"), bus.call()
    await vault.put(call, {"a": "b"})
    bus.bus.connection(0).drop()
    with capture_logs() as logs:
        vault.keep(call, "words:1", "4242")
        assert await vault.get(call, "words:1") == ""
    assert [entry["event"] for entry in logs if entry["event"].startswith("vault")] == ["vault.not_kept"]
    assert "4242" not in repr(logs)
