"""Report and figures say the same of the sums of files as of rows, whichever files have sums, between any two times."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestra.analysis.figures import figures
from orchestra.analysis.query import CallDatabase
from orchestra.analysis.report import report
from orchestra.archive.archive import Archive
from orchestra.archive.compact import compact
from orchestra.archive.derived.derive import derive
from orchestra.archive.derived.files import derived_archive, derived_files, summed_files
from orchestra.archive.derived.sums import ROUNDED_BY, SUMS
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.prices import ModelPrice, Prices
from orchestra.settings import Settings
from orchestra_schemas import CallStarted, encode
from tests.archive.test_derived import Step, archive_of, rewritten, written_in_pieces
from tests.history.journals import made_up_call

PRICES = Prices(models={"m1": ModelPrice(prompt_per_million=2, completion_per_million=10)})
#: of a day after which come two more
MIDNIGHT_S = 1_763_856_000
#: what is said of a moment that is not measured is exact; other columns end in one of these
_MEASURED = ("p50", "p95", "p99", "p95_ms", "first_token_p95_ms")


def calls_of_three_days(random: Random) -> Iterator[Entry]:
    """Calls that run at the same time, for longer than a day, of several apps and lines, all on partition 1."""
    waiting = []
    for number in range(1, 8, 2):
        journal = rewritten(made_up_call(random), number)
        app, line = random.choice(("bank", "clinic", "")), random.choice(("", "+15550100"))
        waiting.append(
            [replace(each, app=app, line=line) if isinstance(each, CallStarted) else each for each in journal][::-1]
        )
    at_ms, step_ms = MIDNIGHT_S * 1000 - 3_000_000, 2 * 86_400_000 // sum(map(len, waiting))
    while waiting := [journal for journal in waiting if journal]:
        at_ms += step_ms
        event = replace(random.choice(waiting).pop(), at=at_ms / 1000 - random.random() * 60)
        fields = encode(event)
        yield Entry(f"{at_ms}-0", 1, JOURNAL, fields[b"type"].decode(), event.call, event.id, fields[b"body"])


def without_sums(archive: Archive) -> None:
    """As an older platform left them: some ranges without sums."""
    for number, file in enumerate(sorted(summed_files(archive))):
        if number % 2:
            derived_archive(archive, SUMS).root.remove(file.path)


STEPS: list[Step | None] = [
    None,
    derive,
    without_sums,
    lambda archive: derive(archive, few=50),
    lambda archive: compact(archive, settle_s=0, most_rows=150),
    lambda archive: compact(archive, settle_s=0),
]


def said_of(folder: Path, which: list[dict[str, Any]]) -> list[Any]:
    """What report and figures say of some times, apps and lines."""

    async def read() -> list[Any]:
        opened = await CallDatabase.open(Settings(data_dir=folder), journal=False)
        with closing(opened) as records:
            return [
                msgspec.to_builtins(said, enc_hook=float)
                for each in which
                for said in (report(records, **each, prices=PRICES), figures(records, "agent", **each))
            ]

    return asyncio.run(read())


def assert_alike(found: Any, expected: Any, name: str = "") -> None:
    """The same, but for the rounding of durations."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_alike(found[key], value, key)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    elif name in _MEASURED and expected is not None:
        assert found == pytest.approx(expected, rel=ROUNDED_BY, abs=0.05)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-5)
    else:
        assert found == expected, name


@pytest.mark.integration
@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(st.sampled_from(STEPS), min_size=2, max_size=6),
    times=st.lists(st.sampled_from((-1, 0, 0.3, 1, 1.5)), min_size=2, max_size=2).map(sorted),
)
@settings(max_examples=int(os.environ.get("ORCHESTRA_TEST_EXAMPLES", "1")), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
def test_sums_say_what_rows_say(
    seed: int, steps: list[Step | None], times: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, random = tmp_path_factory.mktemp("totals"), Random(seed)
    entries = list(calls_of_three_days(random))
    archive_of(folder / "plain").write("j", entries)
    written_in_pieces(folder / "pieces", entries, steps, random)
    begin, end = (MIDNIGHT_S + 86_400 * at for at in times)
    which = [
        {"since": begin, "app": random.choice(("", "bank"))},
        {"until": end, "line": random.choice(("", "+15550100"))},
    ]
    for found, expected in zip(said_of(folder / "pieces", which), said_of(folder / "plain", which), strict=True):
        assert_alike(found, expected)


def test_an_archive_of_an_older_platform_gets_its_sums_when_it_is_compacted(tmp_path: Path) -> None:
    archive = archive_of(tmp_path)
    archive.write("j", list(calls_of_three_days(Random(3))))
    compact(archive, settle_s=0)
    without_sums(archive)
    assert 0 < len(summed_files(archive)) < len(derived_files(archive))
    assert compact(archive, settle_s=0).derived > 0
    assert summed_files(archive) == set(derived_files(archive))
