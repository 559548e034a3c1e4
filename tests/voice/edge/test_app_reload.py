"""An app that is read anew several times at once ends as its files are, not as they were."""

import asyncio
import os
import signal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestra.voice.edge import app_reload


async def test_the_later_of_two_reloads_counts_however_long_the_first_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[str] = []
    slow, begun = asyncio.Event(), 0

    async def read(app: str) -> Any:
        nonlocal begun
        begun += 1
        number = begun
        if number == 1:
            await slow.wait()
        return SimpleNamespace(apps=[SimpleNamespace(name=app, version=str(number))])

    monkeypatch.setattr(app_reload, "load_edge_lines", read)

    async def use_app(app: Any) -> None:
        taken.append(app.apps[0].version)

    edge = SimpleNamespace(settings=SimpleNamespace(app="app"), use_app=use_app)
    with app_reload.reload_on_sighup(cast("Any", edge)):
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(30):
            while begun == 0:  # noqa: ASYNC110 - the loop runs the handler
                await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGHUP)
        for _ in range(5):
            await asyncio.sleep(0)
        slow.set()
        async with asyncio.timeout(30):
            while len(taken) < 2:  # noqa: ASYNC110 - the loop runs the handler
                await asyncio.sleep(0.01)
    assert taken == ["1", "2"]
