"""Groups of options: dataclasses that a command takes, and panels of its help."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest
import typer
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.cli.ui.option_groups import option_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    PANEL: ClassVar[str] = "The weather"

    rain: Annotated[bool, typer.Option("--rain", help="It rains.")] = False
    degrees: Annotated[float, typer.Option(help="Degrees Celsius.")] = 20.0


def invoked(*arguments: str) -> str:
    command = typer.Typer(add_completion=False)
    told: list[str] = []

    @command.command()
    @option_groups
    def walk(*, where: Annotated[str, typer.Argument()], weather: Weather) -> None:
        """Go for a walk."""
        told.append(f"{where}: {weather}")

    result = CliRunner().invoke(command, arguments, env={"COLUMNS": "80"}, catch_exceptions=False)
    return "".join(told) or result.output


def test_a_command_gets_its_groups_filled() -> None:
    assert invoked("home") == "home: Weather(rain=False, degrees=20.0)"
    assert invoked("away", "--rain", "--degrees", "5") == "away: Weather(rain=True, degrees=5.0)"


def test_a_group_is_a_panel_of_the_help() -> None:
    help_ = invoked("--help")
    assert "Go for a walk." in help_
    assert help_.index("The weather") < help_.index("--rain") < help_.index("--degrees")


@pytest.mark.parametrize(
    ("command", "panels"),
    [
        (["replay"], ["Which calls", "Which events", "Target", "After a stop"]),
        (["compare"], ["Which calls", "Candidate", "Comparison", "Output"]),
        (["evaluate"], ["Candidate", "Set and results", "Thresholds"]),
        (["calls", "find"], ["Which calls"]),
    ],
)
def test_commands_with_many_options_show_them_in_panels(command: list[str], panels: list[str]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"}).output
    places = [shown.index(f"─ {panel}") for panel in panels]
    assert places == sorted(places)
    assert max(map(len, shown.splitlines())) <= 80
