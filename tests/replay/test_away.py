"""What asks an archive that nobody reaches says so, in a line; it has no traceback and no secret to show."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import tests.storage.odd_filesystems  # noqa: F401 - the file systems
from orchestra.cli import app
from orchestra.errors import OrchestraError

ASKING = [
    ("query", "SELECT 1"), ("report",), ("archive", "status"), ("archive", "compact"), ("calls", "list"),
    ("calls", "show", "07-a"), ("calls", "find", "word"), ("calls", "export", "07-a", "--to", "there"),
    ("replay", "--call", "07-a"), ("compare", "07-a"),
]  # fmt: skip


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
@pytest.mark.parametrize("url", ["away://me:s3cr3t@host/archive?key=s3cr3t", "ftp://me:s3cr3t@127.0.0.1:9/archive"])
def test_an_unreachable_source_is_reported_in_one_line_without_secrets(
    command: tuple[str, ...], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ORCHESTRA_ARCHIVE_URL", url)
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    told = CliRunner().invoke(app, command)
    said = told.output + str(told.exception or "")
    assert told.exit_code != 0 or "cannot be reached" in told.output or "cannot be read" in told.output
    assert told.exception is None or isinstance(told.exception, SystemExit | OrchestraError), repr(told.exception)
    assert "s3cr3t" not in said
    assert "Traceback" not in said
