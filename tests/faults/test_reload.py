"""A reload: workers of the changed app begin beside the old ones, and a caller who speaks meanwhile is answered."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.stack.child import ChildProcess
from orchestra.stack.launch import _reload
from orchestra.stack.readiness import worker_joined
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, ReplySpoken, TurnCompleted, UserTurnEnded

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

APP = """
from orchestra import Agent, App

desk = Agent(name="desk", about="everything", prompt="{prompt}")
app = App(name="shop", agents=(desk,), entry="desk", greeting="The shop.")
"""
_WITHIN_S = 60.0


@asynccontextmanager
async def workers(settings: Settings, folder: Path) -> AsyncIterator[list[ChildProcess]]:
    """The workers that run the app of this folder, supervised as in a stack."""
    given = {
        "ORCHESTRA_REDIS_URL": str(settings.redis_url),
        "ORCHESTRA_DATA_DIR": str(settings.data_dir),
        "ORCHESTRA_APP": "shop:app",
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    children = [
        ChildProcess(name, ["worker", name], os.environ | given, settings.data_dir / f"{name}.log")
        for name in ("orchestration", "execution")
    ]
    for child in children:
        await child.start()
    supervising = [asyncio.create_task(child.supervise()) for child in children]
    try:
        yield children
    finally:
        for each in supervising:
            each.cancel()
        await asyncio.gather(*supervising, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in children))


async def test_a_caller_is_answered_at_every_moment_of_a_reload(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "shop.py").write_text(APP.format(prompt="Old."))
    async with EmbeddedServer(tmp_path) as server:
        settings = Settings(redis_url=server.url, data_dir=tmp_path)
        bus = TestBus(await Bus.connect(settings))
        call = bus.call()

        async def say(turn: int) -> TurnCompleted:
            await bus.publish(UserTurnEnded(call=call, turn=turn, text="Hello there.", at=time.time()))
            async with asyncio.timeout(_WITHIN_S):
                while not (found := [e for e in await bus.published(TurnCompleted, call) if e.turn == turn]):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await bus.publish(ReplySpoken(call=call, turn=turn, text=found[0].text, agent="desk"))
            return found[0]

        async with workers(settings, folder) as children:
            old = [child.process for child in children]
            async with asyncio.timeout(_WITHIN_S):
                await asyncio.gather(*(worker_joined(bus.bus, each.pid) for each in old if each is not None))
            await bus.publish(CallStarted(call=call, app="shop"))
            turns = [await say(1)]
            (folder / "shop.py").write_text(APP.format(prompt="New."))
            reloading = asyncio.create_task(_reload(settings, children))
            while not reloading.done():
                turns.append(await say(len(turns) + 1))
            await reloading
            turns.append(await say(len(turns) + 1))
            assert [each.returncode for each in old if each is not None] == [0, 0]
            (folder / "shop.py").write_text("app = None")
            await _reload(settings, children)  # workers that cannot start leave the others as they are
            turns.append(await say(len(turns) + 1))
        completed = await bus.published(TurnCompleted, call)
        await bus.bus.close()
    assert [(each.turn, each.failed) for each in completed] == [(turn, False) for turn in range(1, len(turns) + 1)]
    versions = [each.version for each in turns]
    changed = versions.index(versions[-1])
    assert len(turns) > 4, "callers were answered while the new workers started"
    assert set(versions[:changed]) == {versions[0]} != {versions[-1]}
    assert set(versions[changed:]) == {versions[-1]}, "no call goes back to the old version"
