"""What holds for every command: whose its files are, and what an error that nobody expected tells."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra import cli
from orchestra.errors import EngineError, UsageError
from orchestra.filesystem import FileRoot


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `main` sets for its process is undone."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_files_and_folders_of_every_command_and_process_are_their_users_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command() -> None:
        (tmp_path / "answer.csv").write_text("call\n", "utf-8")
        FileRoot(str(tmp_path / "archive")).write("2026-11-22/p07-a/1-0_2-0.parquet", b"")

    monkeypatch.setattr(cli, "app", command)
    cli.main()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert {mode for name, mode in modes.items() if "." in name} == {0o600}
    assert {mode for name, mode in modes.items() if "." not in name} == {0o700}


@pytest.mark.parametrize(("error", "code"), [(UsageError, 2), (EngineError, 1)])
def test_an_error_is_one_line_without_secrets_that_drives_no_terminal(
    error: type[Exception], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        message = "[red] \x9b2J http://me:secret@host cannot be reached"
        raise error(message)

    monkeypatch.setattr(cli, "app", command)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == code
    assert capsys.readouterr().err == "orchestra: [red] �2J http://me:…@host cannot be reached\n"


def test_a_traceback_tells_no_secret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "app", lambda: None)
    cli.main()
    error = ValueError("\x9b2J http://me:secret@host")
    sys.excepthook(ValueError, error, None)
    assert capsys.readouterr().err == "ValueError: �2J http://me:…@host\n"
