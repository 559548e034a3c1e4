"""How patient an app and its agents are with callers, as their author writes it and as the edge gets it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestra import Agent, App, Endpointing
from orchestra.app_phrases import load_edge_lines
from orchestra.errors import AppError
from orchestra.settings import Settings
from orchestra.voice.edge.answering import app_script

APP = """
from orchestra import Agent, App, Endpointing
app = App(
    name="hotline", entry="desk", endpointing=Endpointing(patience="quick"),
    agents=(
        Agent(name="desk", about="all", prompt="Be brief.", handoffs=("claims",)),
        Agent(name="claims", about="accidents", prompt="Listen.", endpointing=Endpointing(max_pause_s=3.0)),
    ),
)
"""


def app(**options: Any) -> App:
    desk = Agent(name="desk", about="all", prompt="Be brief.")
    claims = Agent(name="claims", about="accidents", prompt="Listen.", endpointing=Endpointing(max_pause_s=3.0))
    return App(name="hotline", entry="desk", agents=(desk, claims), **options)


def test_an_agents_own_endpointing_replaces_the_apps() -> None:
    found = app(endpointing=Endpointing(patience="quick")).endpointing_by_agent
    assert found["desk"] == Endpointing(patience="quick")
    assert found["claims"] == Endpointing(max_pause_s=3.0)


def test_before_any_reply_the_first_agents_endpointing_counts() -> None:
    desk = Agent(name="desk", about="all", prompt="Be brief.", endpointing=Endpointing(max_pause_s=1.0))
    found = App(name="hotline", entry="desk", agents=(desk,)).endpointing_by_agent
    assert found[""] == Endpointing(max_pause_s=1.0)


def test_a_call_gets_the_endpointing_of_every_agent() -> None:
    assert app_script(Settings(), app(), app().speaks, "en").endpointing == app().endpointing_by_agent


async def test_an_app_that_is_loaded_again_brings_its_endpointing(tmp_path: Path) -> None:
    (tmp_path / "hotline.py").write_text(APP)
    (phrases,) = (await load_edge_lines("hotline:app", tmp_path)).apps
    assert phrases.endpointing_by_agent["desk"] == Endpointing(patience="quick")
    assert phrases.endpointing_by_agent["claims"] == Endpointing(max_pause_s=3.0)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"min_pause_s": 0.05}, "min_pause_s is 0.05: choose 0.2 to 3.5 seconds"),
        ({"max_pause_s": 30}, "max_pause_s is 30: choose 0.2 to 3.5 seconds"),
        ({"max_pause_s": "2"}, "max_pause_s is '2', not a number"),
        ({"min_pause_s": True}, "min_pause_s is True, not a number"),
        ({"max_pause_s": float("nan")}, "max_pause_s is nan: choose"),
        ({"min_pause_s": 2.0, "max_pause_s": 1.0}, "is longer than max_pause_s"),
        ({"patience": "endless"}, "patience is 'endless': choose one of quick, normal, patient"),
        ({"adapts": "no"}, "adapts is 'no': write True or False"),
    ],
)
def test_an_impossible_value_is_reported_with_the_cure(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AppError, match=complaint.replace("(", "[(]")):
        Endpointing(**options)


@pytest.mark.parametrize("given", ["patient", 2.0, {"patience": "quick"}, Endpointing])
@pytest.mark.parametrize(
    "make",
    [
        lambda given: app(endpointing=given),
        lambda given: Agent(name="desk", about="all", prompt="Be brief.", endpointing=given),
    ],
)
def test_anything_but_an_endpointing_is_refused_where_it_is_written(make: Callable[[Any], object], given: Any) -> None:
    with pytest.raises(AppError, match=r"desk|hotline.*endpointing is .*: write endpointing=Endpointing"):
        make(given)


def test_an_app_that_says_nothing_of_endpointing_keeps_its_version() -> None:
    assert app().version == app(endpointing=Endpointing()).version


def test_importing_endpointing_loads_no_speech_engine() -> None:
    code = "import sys; from orchestra import Endpointing; print('pipecat' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "False"
