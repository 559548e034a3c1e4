"""What the commands know of carriers: who can be called by which, and which settings reach the edges."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.cli.demo.command import Line, _script
from orchestra.errors import UsageError
from orchestra.settings import Settings
from orchestra.simulator import SIMULATED_CARRIERS, simulated_carrier
from orchestra.stack.launch import _environment
from orchestra.voice.carriers.registry import open_carrier


def test_a_call_says_that_it_is_twilio_s_where_the_edge_has_another_carrier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_CARRIER", "plivo")
    told = CliRunner().invoke(app, ["call", "--say", "Hello."])
    assert isinstance(told.exception, UsageError)
    assert "ORCHESTRA_CARRIER is plivo" in str(told.exception)


@pytest.mark.parametrize(
    ("script", "line", "why"),
    [
        ("voicemail", "plivo", "the system calls"),
        ("voicemail", "browser", "needs a telephone"),
        ("transfer", "browser", "needs a telephone"),
        ("nothing", "vonage", "no demo script"),
    ],
)
def test_a_script_that_a_line_cannot_play_is_refused(script: str, line: Line, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        _script(script, line, "en")


@pytest.mark.parametrize(
    ("script", "language", "why"), [("demo", "fr", "choose one of en, es, de"), ("digits", "es", "English")]
)
def test_a_script_that_there_is_not_in_a_language_is_refused(script: str, language: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        _script(script, None, language)


@pytest.mark.parametrize("name", SIMULATED_CARRIERS)
async def test_the_edges_of_a_stack_get_the_settings_of_their_carrier(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with simulated_carrier(name) as carrier:
        chosen = Settings.model_validate({"data_dir": tmp_path} | carrier.settings)
        for variable, value in _environment(chosen, "redis://", "generated", 1).items():
            if variable.startswith("ORCHESTRA_"):
                monkeypatch.setenv(variable, value)
        of_edge = Settings()
    for field in carrier.settings.keys() - {"twilio_auth_token"}:  # of that there may be one of this run alone
        assert getattr(of_edge, field) == getattr(chosen, field), field
    open_carrier(of_edge).check_settings()
