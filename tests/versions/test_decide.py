"""Changing shares on a running system: what is kept on the server, who may win, and what holds without it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from orchestra.bus.worker.presence import Report, announced, present
from orchestra.errors import UsageError
from orchestra.testing import TestBus
from orchestra.versions.changes import Changes, with_split
from orchestra.versions.decide import lines_with_versions, promote, roll_back, split
from orchestra.versions.store import Splits, change

OLD, NEW = "bank+3f2a9c1d7b20", "bank+b7710c2e95aa"


@asynccontextmanager
async def edge(bus: TestBus, *names: str, line: str = "*") -> AsyncIterator[None]:
    def report() -> Report:
        apps = tuple(("bank", f"0.2.0+{name.rpartition('+')[2]}") for name in names)
        return Report(apps=apps, lines={line: dict.fromkeys(names, 1.0)})

    async with announced(bus.bus, "edge", f"edge {line}", report):
        async with asyncio.timeout(10):
            while not [each for each in await present(bus.bus) if each.name == f"edge {line}"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield


async def test_a_change_is_kept_on_the_server_with_who_made_it_and_is_read_by_every_process(bus: TestBus) -> None:
    splits = Splits(bus.bus)
    async with edge(bus, OLD, NEW):
        assert await splits.read() == {}
        await split(bus.bus, "", {"3f2a": 90, "b771": 10}, by="ann")
        assert await splits.read() == {"*": {OLD: 90, NEW: 10}}
        await promote(bus.bus, "*", "b771", by="bob")
        assert await splits.read() == {"*": {NEW: 100}}
        ((line, back),) = (await roll_back(bus.bus, "", by="cid")).items()
        assert (line, back.shares, back.number) == ("*", {OLD: 90, NEW: 10}, 3)
        await roll_back(bus.bus, "", by="cid")
        assert await splits.read() == {}  # as the code says
        (found,) = await lines_with_versions(bus.bus)
    assert [(each.action, each.by) for each in found.changes] == [
        ("rollback", "cid"), ("rollback", "cid"), ("promote", "bob"), ("split", "ann"),
    ]  # fmt: skip


async def test_what_does_not_run_is_refused_and_changes_nothing(bus: TestBus) -> None:
    with pytest.raises(UsageError, match="no edge runs"):
        await promote(bus.bus, "", "3f2a", by="ann")
    async with edge(bus, OLD, NEW):
        for shares, problem in (
            ({"3f2a": 90, "cafe": 10}, "no version 'cafe' runs. There is"),
            ({"3f2a": 90, "b771": 20}, "110 in all"),
            ({"3f2a": 90, OLD: 10}, "is named twice"),
        ):
            with pytest.raises(UsageError, match=problem):
                await split(bus.bus, "", shares, by="ann")
        with pytest.raises(UsageError, match=r"no line 'sip:x': there is \*"):
            await promote(bus.bus, "sip:x", "3f2a", by="ann")
        await promote(bus.bus, "", "b771", by="ann")
        await promote(bus.bus, "", "3f2a", by="ann")
    async with edge(bus, OLD):  # a deploy has taken the other one away
        with pytest.raises(UsageError, match="no version 'bank\\+b7710c2e95aa' runs"):
            await roll_back(bus.bus, "*", by="ann")
    assert await Splits(bus.bus).read() == {"*": {OLD: 100}}


async def test_without_a_name_every_line_that_the_same_versions_share_is_changed(bus: TestBus) -> None:
    async with edge(bus, OLD, NEW), edge(bus, OLD, NEW, line="web"):
        assert list(await promote(bus.bus, "web", "b771", by="ann")) == ["web"]
        assert list(await promote(bus.bus, "", "b771", by="ann")) == ["*"]  # the other has these shares already
        assert list(await split(bus.bus, "", {"3f2a": 50, "b771": 50}, by="ann")) == ["*", "web"]
        assert list(await roll_back(bus.bus, "", by="ann")) == ["*", "web"]
        assert await Splits(bus.bus).read() == {"*": {NEW: 100}, "web": {NEW: 100}}
        async with edge(bus, OLD, "bank+000000000000", line="sip:help"):
            with pytest.raises(UsageError, match=r"not the same ones: name one of \*, sip:help, web"):
                await promote(bus.bus, "", "3f2a", by="ann")


async def test_changes_at_the_same_moment_follow_one_another(bus: TestBus) -> None:
    def percent(share: int) -> Changes:
        return with_split((), "split", {OLD: share, NEW: 100 - share}, by="ann", at=0.0)

    def one_more(share: int, changes: Changes) -> Changes:
        return with_split(changes, "split", percent(share)[0].shares, by=str(share), at=0.0)

    await asyncio.gather(*(change(bus.bus, "*", lambda changes, s=s: one_more(s, changes)) for s in range(1, 9)))  # type: ignore[misc]
    after = await change(bus.bus, "*", lambda changes: one_more(50, changes))
    assert [each.number for each in after] == list(range(1, 10))
    assert {each.by for each in after} == {*map(str, range(1, 9)), "50"}


async def test_what_was_last_known_holds_while_the_server_does_not_answer(
    bus: TestBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = Splits(bus.bus)
    await change(bus.bus, "*", lambda changes: with_split(changes, "split", {OLD: 100}, by="ann", at=0.0))
    known = await splits.read()
    await bus.bus.redis.hset("orchestra:{shared}:versions", "*", b"written by another program")
    assert await splits.read() == known == {"*": {OLD: 100}}

    async def never(_: str) -> dict[bytes, bytes]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(bus.bus.redis, "hgetall", never)
    began = asyncio.get_running_loop().time()
    assert await splits.read() == known
    assert asyncio.get_running_loop().time() - began < 2
