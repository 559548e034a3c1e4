"""What the README says is true: its Python runs, its commands exist, its settings are settings."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from orchestra.agents import load_app
from orchestra.cli import app as command_line
from orchestra.settings import Settings

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_app_of_the_readme_is_an_app(monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "App(" in block]
    bank = ModuleType("bank")
    monkeypatch.setitem(sys.modules, "bank", bank)
    exec(compile(source, "README.md", "exec"), bank.__dict__)
    assert load_app("bank:app").entry == "desk"


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
