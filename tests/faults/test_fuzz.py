"""Five minutes of odd input, shared by all entry points; `python -m tests.fuzz` tries more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_MINUTES = 5


@pytest.mark.faults
@pytest.mark.timeout(_MINUTES * 60 + 400)
def test_odd_input_breaks_no_entry_point() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--minutes", str(_MINUTES), "--json"]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert ran.stdout, ran.stderr[-4000:]
    results = json.loads(ran.stdout.splitlines()[-1])
    problems = [f"{each['door']} (seed {each['seed']}): {problem}" for each in results for problem in each["problems"]]
    assert problems == []
    assert len(results) == 8
    for each in results:
        assert each["inputs"] > 500, each
        assert each["passed"] > each["inputs"] / 10, each  # most of the others are refused at the first check
        assert each["beside"] > 0, each
