"""What an operator can still do and read on a server that refuses to be written, or refuses us altogether."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.testing import CliRunner

from orchestra.bus import EmbeddedServer
from orchestra.bus.keys import JOURNAL, key
from orchestra.cli import app, main
from tests.bus.conftest import BINARIES, free_ports, one


@pytest.fixture(params=[name for name in BINARIES if name != "redis_8"])
def client(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> "Iterator[redis.Redis[Any]]":
    with one(tmp_path, BINARIES[request.param]) as url:
        monkeypatch.setenv("ORCHESTRA_REDIS_URL", url)
        monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
        with redis.Redis.from_url(url) as client:
            yield client


def said(*arguments: str) -> str:
    """What a command prints, its exit code first."""
    done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "300"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return f"{done.exit_code} {' '.join(done.output.split())}"


def error_of(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that fails."""
    monkeypatch.setattr(sys, "argv", ["orchestra", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def old_events(client: "redis.Redis[Any]", count: int = 3000) -> None:
    entry = {"type": "t", "call": "", "id": "", "body": "x" * 1000}
    with client.pipeline(transaction=False) as pipe:
        for number in range(count):
            pipe.xadd(key(0, JOURNAL), entry, id=f"1-{number + 1}")  # type: ignore[arg-type]
        pipe.execute()
    client.xgroup_create(key(0, JOURNAL), "mood", "$")


def test_a_full_server_can_be_looked_at_and_trimmed(client: "redis.Redis[Any]") -> None:
    old_events(client)
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 0.95))
    assert "mood" in said("status")
    assert "dead letters" in said("dead", "list", "mood")
    told = said("doctor")
    assert told.startswith("1 ")
    assert "refuses to write: OOM" in told
    assert "raise its maxmemory" in told
    assert "trimmed" in said("trim")
    assert client.xlen(key(0, JOURNAL)) == 0
    assert "OOM" not in said("doctor")


def test_a_replica_can_be_looked_at_and_doctor_says_what_it_is(
    client: "redis.Redis[Any]", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old_events(client, 3)
    client.replicaof("127.0.0.1", str(free_ports(1)[0]))
    assert "mood" in said("status")
    assert "it is a replica: name its master" in said("doctor")
    assert "READONLY" in error_of(["trim"], monkeypatch, capsys)


def test_a_server_that_drops_keys_is_named_by_doctor(
    client: "redis.Redis[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    client.config_set("maxmemory-policy", "allkeys-lru")
    told = said("doctor")
    assert told.startswith("1 ")
    assert "drops keys when its memory is full (maxmemory-policy allkeys-lru)" in told
    assert "noeviction" in told
    assert said("status").startswith("0 ")
    monkeypatch.setenv("ORCHESTRA_ALLOW_EVICTION", "true")
    assert "as it is allowed to" in said("doctor")


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_worker_and_an_edge_do_not_start_on_a_server_that_drops_keys(
    client: "redis.Redis[Any]", policy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client.config_set("maxmemory-policy", policy)
    monkeypatch.setenv("ORCHESTRA_TWILIO_AUTH_TOKEN", "token")
    monkeypatch.setenv("ORCHESTRA_PORT", "0")
    for command in (["worker", "execution"], ["edge"]):
        told = error_of(command, monkeypatch, capsys)
        assert f"maxmemory-policy {policy}" in told
        assert "noeviction, or ORCHESTRA_ALLOW_EVICTION=true" in told


def test_a_worker_does_not_start_as_a_user_that_may_not_do_its_work_and_says_what_is_missing(
    client: "redis.Redis[Any]", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client.acl_setuser(
        "ann", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all"], commands=["-xtrim", "-evalsha"]
    )
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", f"unix://ann:pw@{client.config_get('unixsocket')['unixsocket']}")
    told = error_of(["worker", "execution"], monkeypatch, capsys)
    assert "forbids EVALSHA, XTRIM to the user 'ann': ACL SETUSER ann +evalsha +xtrim" in told
    assert said("status").startswith("0 ")
    assert "forbids EVALSHA, XTRIM" in said("doctor")


def test_a_user_that_may_only_read_can_look(client: "redis.Redis[Any]", monkeypatch: pytest.MonkeyPatch) -> None:
    old_events(client, 3)
    client.acl_setuser("bob", enabled=True, passwords=["+pw"], keys=["orchestra:*"], categories=["+@read"])
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", f"unix://bob:pw@{client.config_get('unixsocket')['unixsocket']}")
    assert "mood" in said("status")
    told = said("doctor")
    assert "whether it keeps what it has is not known" in told
    assert "XADD" in told


def test_what_keys_a_user_may_not_touch_is_said(client: "redis.Redis[Any]", monkeypatch: pytest.MonkeyPatch) -> None:
    client.acl_setuser("eve", enabled=True, passwords=["+pw"], keys=["other:*"], categories=["+@all"])
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", f"unix://eve:pw@{client.config_get('unixsocket')['unixsocket']}")
    told = said("doctor")
    assert "cannot be used: NOPERM" in told
    assert "ACL SETUSER" in told


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("unix://ann:wrong@{0}", "WRONGPASS"),
        ("unix://:wrong@{0}", "take the password out"),
        ("unix://{0}?db=99", "DB index is out of range"),
    ],
)
def test_why_a_server_lets_nobody_in_is_said_in_its_own_words(
    client: "redis.Redis[Any]",
    url: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", url.format(client.config_get("unixsocket")["unixsocket"]))
    assert words in error_of(["status"], monkeypatch, capsys)
    assert words in said("doctor")


def test_a_password_that_is_asked_for_is_said_to_be(
    client: "redis.Redis[Any]", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client.config_set("requirepass", "secret")
    assert "NOAUTH Authentication required: put its password" in error_of(["status"], monkeypatch, capsys)


def test_a_server_that_has_too_many_clients_says_so(
    client: "redis.Redis[Any]", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client.config_set("maxclients", 1)
    for command in (["status"], ["calls", "list"]):
        assert "max number of clients reached: raise its maxclients" in error_of(command, monkeypatch, capsys)
    assert "max number of clients reached" in said("doctor")


@contextmanager
def cannot_save(folder: Path) -> "Iterator[redis.Redis[Any]]":
    """A server that takes no writes because its last snapshot could not be written."""
    in_the_way = folder / "redis" / "snapshot" / "full"
    in_the_way.mkdir(parents=True)
    server = EmbeddedServer(folder, options=("--save", "3600 1", "--dbfilename", "snapshot"))
    asyncio.run(server.start())
    try:
        with redis.Redis.from_url(server.url) as client:
            yield client
    finally:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("save", "")  # or it does not end before it has saved
        asyncio.run(server.stop())


def test_a_server_that_cannot_write_its_disk_can_be_looked_at_and_doctor_says_why_it_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cannot_save(tmp_path) as client:
        old_events(client, 3)
        client.bgsave()
        deadline = time.monotonic() + 20
        while client.info("persistence")["rdb_last_bgsave_status"] == "ok":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        monkeypatch.setenv("ORCHESTRA_REDIS_URL", f"unix://{client.config_get('unixsocket')['unixsocket']}")
        assert "mood" in said("status")
        told = said("doctor")
        assert "refuses to write: MISCONF" in told
        assert "make room there" in told
