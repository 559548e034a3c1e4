"""A few minutes of the soak; the hour is run by hand: ``python -m tests.soak --hours 1``."""

import json
import os
import random
from pathlib import Path

import pytest

from tests.soak.__main__ import as_text, say
from tests.soak.run import Plan, Soak

MINUTES = float(os.environ.get("SOAK_MINUTES", "5"))
KILLS_A_MINUTE = 12

pytestmark = [pytest.mark.faults, pytest.mark.timeout(60 * (MINUTES + 8))]


async def test_nothing_is_lost_doubled_or_dropped_while_everything_is_killed(tmp_path: Path) -> None:
    seed = int(os.environ.get("SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    soak = Soak(Plan(MINUTES / 60, round(MINUTES * KILLS_A_MINUTE), seed, tmp_path))
    report = await soak.run(say)
    (tmp_path / "report.json").write_text(json.dumps(report, indent=2))
    assert soak.is_good, as_text(report)
