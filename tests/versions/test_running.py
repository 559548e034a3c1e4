"""Which versions run, by what edges and workers say of themselves."""

import pytest

from orchestra.bus.worker.presence import Presence
from orchestra.errors import UsageError
from orchestra.versions.changes import with_split
from orchestra.versions.running import LineVersions, running_lines

OLD, NEW = ("bank", "0.2.0+3f2a9c1d7b20"), ("bank", "0.2.0+b7710c2e95aa")
OLD_NAME, NEW_NAME = "bank+3f2a9c1d7b20", "bank+b7710c2e95aa"
ALL = {"*": {OLD_NAME: 9.0, NEW_NAME: 1.0}}


def edge(name: str, lines: dict[str, dict[str, float]]) -> Presence:
    apps = [app for app, known in ((OLD, OLD_NAME), (NEW, NEW_NAME)) if any(known in each for each in lines.values())]
    return Presence(kind="edge", name=name, apps=tuple(apps), lines=lines)


def worker(name: str, *apps: tuple[str, str]) -> Presence:
    return Presence(kind="worker", name=name, apps=apps)


def line(*processes: Presence, **split: float) -> LineVersions:
    names = {"old": OLD_NAME, "new": NEW_NAME, "gone": "bank+000000000000"}
    shares = {names[each]: share for each, share in split.items()}
    changes = {"*": with_split((), "split", shares, by="ann", at=1.0)} if split else {}
    (found,) = running_lines(processes, changes)
    return found


def test_the_shares_in_the_code_hold_until_there_is_a_split() -> None:
    processes = edge("edge-1", ALL), worker("w", OLD, NEW)
    assert {each.name: each.share for each in line(*processes).versions} == {OLD_NAME: 90, NEW_NAME: 10}
    shared = line(*processes, old=30, new=70)
    assert {each.name: (each.share, each.share_in_code) for each in shared.versions} == {
        OLD_NAME: (30, 90),
        NEW_NAME: (70, 10),
    }
    assert shared.in_force
    assert [each.by for each in shared.changes] == ["ann"]


def test_a_split_among_versions_that_run_no_more_says_that_the_code_holds() -> None:
    found = line(edge("edge-1", ALL), gone=100)
    assert not found.in_force
    assert {each.name: each.share for each in found.versions} == {OLD_NAME: 90, NEW_NAME: 10, "bank+000000000000": 0}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("3f2", "no version '3f2' runs. There is bank\\+3f2a9c1d7b20, bank\\+b7710c2e95aa"),
        ("cafe", "no version 'cafe' runs"),
        ("bank", "'bank' may be several versions"),
        ("", "no version '' runs"),
    ],
)
def test_a_version_that_nobody_runs_is_refused_with_those_that_there_are(written: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        line(edge("edge-1", ALL)).find(written)


@pytest.mark.parametrize("written", [OLD_NAME, OLD[1], "3f2a", "3f2a9c1d7b20"])
def test_a_version_is_found_by_its_name_and_by_the_first_digits_of_its_hash(written: str) -> None:
    assert line(edge("edge-1", ALL)).find(written).name == OLD_NAME


def test_a_version_that_some_process_lacks_yet_is_refused_with_its_name() -> None:
    during_a_deploy = edge("edge-1", {"*": {OLD_NAME: 1.0}}), edge("edge-2", ALL), worker("worker-1", OLD)
    found = line(*during_a_deploy)
    assert {each.name: each.share for each in found.versions} == {OLD_NAME: 95, NEW_NAME: 5}
    assert found.find("3f2a").missing_on == ()
    with pytest.raises(UsageError, match="edge-1, worker-1 have other versions"):
        found.find("b771")


def test_processes_of_an_older_release_and_without_an_app_are_not_asked() -> None:
    assert line(edge("edge-1", ALL), worker("archive"), Presence(kind="edge", name="old")).find("b771").missing_on == ()
    assert running_lines([worker("w", OLD)], {}) == ()
