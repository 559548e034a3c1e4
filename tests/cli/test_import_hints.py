"""A project may have folders and modules of any name; what 0.1 called otherwise is said in one line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra.agents import load_app
from orchestra.bus.consumer.definition import PLATFORM
from orchestra.bus.worker.process import load_consumer
from orchestra.errors import AppError, ConsumerError

APP = """from orchestra import Agent, App

app = App(name="x", entry="x", agents=(Agent(name="x", about="x", prompt="x"),))
"""
CONSUMER = """from orchestra import Consumer
from {events} import CallEnded

consumer = Consumer("mood")


@consumer.on(CallEnded)
async def end(event: CallEnded) -> None: ...
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())  # to which the folder is added
    yield tmp_path
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def make(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("name", sorted(PLATFORM))
def test_the_platform_consumers_go_by_their_names(folder: Path, name: str) -> None:
    assert load_consumer(name).name == name
    assert load_consumer(f"workers.{name}:consumer") is load_consumer(name)  # as 0.1 had it


@pytest.mark.parametrize("name", ["schemas", "workers", "tests", "events"])
def test_a_project_with_folders_of_the_same_names_runs(folder: Path, name: str) -> None:
    make(folder, f"{name}/__init__.py", "class Patient: ...\n")
    make(folder, "clinic.py", APP)
    make(folder, "moods.py", CONSUMER.format(events="orchestra.events"))
    assert load_app("clinic:app").name == "x"
    assert load_consumer("moods:consumer").name == "mood"
    assert load_consumer("execution").name == "execution"


def test_a_consumer_of_ones_own_below_workers_is_that_consumer(folder: Path) -> None:
    make(folder, "workers/execution.py", CONSUMER.format(events="orchestra.events"))
    assert load_consumer("workers.execution:consumer").name == "mood"


def test_an_import_of_0_1_is_told_its_new_name(folder: Path) -> None:
    make(folder, "older.py", CONSUMER.format(events="schemas.calls"))
    make(folder, "old_app.py", "from workers.execution import Execution\n" + APP)
    with pytest.raises(ConsumerError, match=r"imported from `orchestra\.events` since 0\.2"):
        load_consumer("older:consumer")
    with pytest.raises(AppError, match=r"from orchestra\.execution\.handlers import Execution"):
        load_app("old_app:app")
