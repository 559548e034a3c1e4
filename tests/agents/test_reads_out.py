"""An app whose speech engine reads numbers well itself gets them as they are written; others get words."""

from typing import Any

import pytest

from orchestra import Agent, App
from orchestra.errors import AppError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.edge.answering import app_script
from orchestra_schemas import ReplyChunk
from tests.agents.team import Line

REPLY = "It costs **£4.50** at 14:30."
SAID = {True: "It costs four pounds fifty at two thirty PM.", False: "It costs £4.50 at 14:30."}


def app(**options: Any) -> App:
    desk = Agent(name="desk", about="all", prompt="Be brief.")
    return App(name="shop", entry="desk", agents=(desk,), greeting="Open at 9:30 today.", **options)


def _greeting(of: App) -> str:
    return app_script(Settings(), of, of.speaks, of.speaks.first).greeting


@pytest.mark.parametrize("reads_out", [True, False])
async def test_a_reply_is_read_out_unless_the_engine_does_it(bus: TestBus, reads_out: bool) -> None:
    line = Line(bus, lambda _: REPLY, app=app(reads_out=reads_out))
    async with line.running():
        await line.say("How much is it?")
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == [SAID[reads_out]]


def test_so_are_the_phrases_of_the_edge() -> None:
    assert _greeting(app()) == "Open at nine thirty today."
    assert _greeting(app(reads_out=False)) == "Open at 9:30 today."


def test_an_app_answers_otherwise_then() -> None:
    assert app().version == app(reads_out=True).version != app(reads_out=False).version


def test_anything_else_is_refused() -> None:
    with pytest.raises(AppError, match="reads_out"):
        app(reads_out="elevenlabs")
