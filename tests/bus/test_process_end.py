"""A process that has tuned its garbage collector ends without a word."""

import subprocess
import sys

import pytest

LOADED = "import duckdb, pyarrow"
TUNED = "from orchestra.bus.worker.process import tune_gc; tune_gc()"


@pytest.mark.parametrize("steps", [(LOADED, TUNED), (TUNED, LOADED), (TUNED, LOADED, TUNED)], ids=" ".join)
def test_a_process_ends_without_reports_of_leaks(steps: tuple[str, ...]) -> None:
    ended = subprocess.run([sys.executable, "-c", "\n".join(steps)], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")
