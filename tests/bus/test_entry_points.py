"""Consumers that other packages offer."""

from pathlib import Path

import pytest

from orchestra.bus.worker.process import load_consumer
from orchestra.errors import ConsumerError

_MODULE = """
from orchestra import Consumer

mood = Consumer("mood")
number = 4
"""
_ENTRY_POINTS = """
[orchestra.consumers]
mood = moodpackage:mood
number = moodpackage:number
execution = moodpackage:mood
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that offers consumers, installed."""
    (tmp_path / "moodpackage.py").write_text(_MODULE)
    information = tmp_path / "moodpackage-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: moodpackage\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(_ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_consumer_of_an_installed_package_is_found_by_its_name() -> None:
    assert load_consumer("mood").name == "mood"


def test_no_package_can_take_a_name_of_the_platform() -> None:
    assert load_consumer("execution").name == "execution"


def test_an_unknown_name_is_refused_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(ConsumerError, match=r"packages offer: .*execution.*mood, number"):
        load_consumer("nobody")


def test_an_entry_point_that_is_not_a_consumer_is_refused() -> None:
    with pytest.raises(ConsumerError, match="is a int"):
        load_consumer("number")
