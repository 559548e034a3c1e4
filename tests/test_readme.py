"""What the README says is true: its Python runs, its commands exist, its settings are settings."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from orchestra.agents import App, load_app
from orchestra.cli import app as command_line
from orchestra.settings import Settings

ROOT = Path(__file__).parents[1]
README, WORKERS = ((ROOT / place).read_text(encoding="utf-8") for place in ("README.md", "workers/README.md"))


def test_the_app_of_the_readme_is_an_app(monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "App(" in block]
    bank = ModuleType("bank")
    monkeypatch.setitem(sys.modules, "bank", bank)
    exec(compile(source, "README.md", "exec"), bank.__dict__)
    assert load_app("bank:app").entry == "desk"


def test_the_parts_of_an_app_in_the_readme_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "agents = (" in block]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reception.md").write_text("You answer the telephone of a clinic.")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "parking.md").write_text("# Parking\n\nWhere you can park: in Mill Lane.\n")
    clinic = ModuleType("clinic")
    monkeypatch.setitem(sys.modules, "clinic", clinic)
    exec(compile(source, "README.md", "exec"), clinic.__dict__)
    parts = {"agents": clinic.agents, "rules": clinic.rules, "lifespan": clinic.opened, "knowledge": clinic.pages}
    clinic.__dict__["app"] = App(name="clinic", entry="reception", **parts)
    app = load_app("clinic:app")
    assert app.agents[0].instructions == "You answer the telephone of a clinic."
    assert app.knowledge is not None
    assert app.knowledge.sections("Where can I park?")[0].title == "Parking"


def test_the_consumer_with_a_state_and_a_client_is_one() -> None:
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", WORKERS, re.DOTALL) if "context.state" in block]
    module = ModuleType("shouting")
    exec(compile(source, "README.md", "exec"), module.__dict__)
    module.consumer.check()
    assert module.consumer.resources is not None


def test_every_command_of_the_readme_exists() -> None:
    there_are = {
        command.name or getattr(command.callback, "__name__", "") for command in command_line.registered_commands
    }
    there_are |= {group.name for group in command_line.registered_groups if group.name}
    named = set(re.findall(r"uv run orchestra ([a-z-]+)", README))
    assert named
    assert named <= there_are


def test_every_setting_of_the_readme_exists() -> None:
    there_are = {f"ORCHESTRA_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"ORCHESTRA_[A-Z_]*[A-Z]", README))
    assert named
    assert named <= there_are
