"""What `orchestra up` offers to try, and what a reload says of an app that cannot be loaded."""

import asyncio
import os
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from orchestra import Agent, App, Knowledge, tool
from orchestra.app_phrases import load_edge_lines
from orchestra.cli.up import _quoted, words_to_try
from orchestra.demo import app as demo
from orchestra.errors import AppError
from orchestra.stack.child import ChildProcess


@tool(examples=("what is my balance",))
def balance() -> str:
    """Look up a balance."""
    return "120 dollars"


def shop(*examples: str, tools: tuple[object, ...] = (), knowledge: Knowledge | None = None) -> App:
    entry = Agent(name="desk", about="all", prompt="Answer.", tools=tools, examples=examples)  # type: ignore[arg-type]
    other = Agent(name="a", about="bills", prompt="Bill.", tools=(balance,))
    return App(name="shop", entry="desk", agents=(other, entry), knowledge=knowledge)


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (demo, "Where is my parcel?"),
        (shop("I want  flowers"), "I want flowers."),
        (shop("do you sell roses?"), "Do you sell roses?"),
        (shop(" ", "can I come"), "Can I come?"),
        (shop(tools=(balance,)), "What is my balance?"),
        (shop(), "What is my balance?"),
        (App(name="x", entry="x", agents=(Agent(name="x", about="", prompt="."),)), "Hello. What can you do for me?"),
    ],
)
def test_the_words_to_try_are_an_example_of_the_app(app: App, words: str) -> None:
    assert words_to_try(app) == words


@pytest.mark.parametrize("words", ["Where is it?", "It's mine.", 'Say "hello".', "It costs $5!", "a `b` \\c"])
def test_the_words_to_try_can_be_pasted(words: str) -> None:
    assert shlex.split(_quoted(words)) == [words]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("from parts import one\nx = (\n", "shop.py, line 2: SyntaxError: '(' was never closed"),
        ("from parts import two\n", "shop.py, line 1: ImportError: cannot import name 'two' from 'parts'"),
        ("import parts\n\napp = parts.made()\n", "parts.py, line 5: KeyError: 'red'"),
        ("app = 3\n", "app 'shop:app': 'app' is int, not an orchestra.App"),
        ("import nowhere\n", "there is no module 'nowhere'"),
    ],
)
async def test_an_app_that_cannot_be_loaded_is_told_with_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "parts.py").write_text("one = 1\n\n\ndef made():\n    return {}['red']\n")
    (tmp_path / "shop.py").write_text(text)
    with pytest.raises(AppError, match=re.escape(problem)):
        await load_edge_lines("shop:app", tmp_path)


@asynccontextmanager
async def supervised(redis_url: str) -> AsyncIterator[ChildProcess]:
    """A process that runs until it is ended."""
    child = ChildProcess("tail", ["tail"], {**os.environ, "ORCHESTRA_REDIS_URL": redis_url}, Path(os.devnull))
    supervising = asyncio.create_task(child.supervise())
    async with asyncio.timeout(60):
        while child.process is None:  # noqa: ASYNC110 - a process that begins sets no event
            await asyncio.sleep(0.01)
    yield child
    supervising.cancel()
    await asyncio.gather(supervising, return_exceptions=True)
    await child.stop()


@pytest.mark.integration
async def test_a_process_is_replaced_once_another_does_its_part_and_not_before(redis_url: str) -> None:
    async with supervised(redis_url) as child:
        old = child.process
        assert old is not None

        async def ready(pid: int) -> None:
            assert (old.returncode, pid != old.pid) == (None, True)

        with capture_logs() as logs:
            assert await child.replace(ready)
        new = child.process
        assert new is not None
        assert old.returncode is not None
        assert new.returncode is None
        assert [line["event"] for line in logs] == ["stack.process_replaced"]


@pytest.mark.integration
async def test_a_process_stays_where_its_successor_cannot_start(redis_url: str) -> None:
    async with supervised(redis_url) as child:
        old, child.arguments = child.process, ["--no-such-option"]

        async def never(_: int) -> None:
            await asyncio.Event().wait()

        assert not await child.replace(never)
        assert child.process is old
        assert old is not None
        assert old.returncode is None
