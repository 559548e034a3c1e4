"""What the command line is told to write and cannot: one clear line, whichever command it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.errors import UsageError

GOLDEN = Path(__file__).parents[1] / "agents" / "golden" / "status.jsonl"


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "SELECT 1 AS one", "--out", "{closed}/answer.txt"),
        ("query", "SELECT 1 AS one", "--out", "{closed}/answer.csv"),
        ("report", "--plot", "{closed}/pictures"),
        ("calls", "export", str(GOLDEN), "--to", "{closed}/call"),
        ("init", "shop", "--folder", "{closed}"),
        ("new-consumer", "mood", "--folder", "{closed}"),
        ("demo", "--keep", "{closed}/run"),
    ],
    ids=lambda arguments: " ".join(arguments[:1]),
)
def test_a_place_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    closed = tmp_path / "a file"
    closed.write_text("not a folder")
    told = CliRunner().invoke(app, [each.format(closed=closed) for each in arguments])
    assert isinstance(told.exception, UsageError), told.output
    assert "cannot be written" in str(told.exception)
    assert "\n" not in str(told.exception)


def test_a_comparison_is_shown_although_its_page_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    command = [
        sys.executable,
        "-m",
        "orchestra.cli",
        "compare",
        str(GOLDEN),
        "--html",
        str(tmp_path / "file" / "page.html"),
    ]
    told = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"ORCHESTRA_DATA_DIR": str(tmp_path)},
    )
    assert (told.returncode, "cannot be written" in told.stderr) == (2, True), told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout
