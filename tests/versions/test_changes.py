"""What splits, promotions and rollbacks make of a line's shares."""

import pytest

from orchestra.errors import UsageError
from orchestra.versions.changes import KEPT, Changes, current, in_words, rolled_back, with_split

OLD, NEW = "bank+3f2a9c1d7b20", "bank+b7710c2e95aa"


def changed(changes: Changes, **percents: float) -> Changes:
    names = {"old": OLD, "new": NEW}
    return with_split(changes, "split", {names[each]: share for each, share in percents.items()}, by="ann", at=1.0)


def test_a_rollback_leads_back_step_by_step_to_the_shares_in_the_code() -> None:
    changes = changed(changed((), old=90, new=10), new=100)
    seen = [current(changes)]
    for _ in range(2):
        changes = rolled_back(changes, by="bob", at=2.0)
        seen.append(current(changes))
    assert seen == [{NEW: 100}, {OLD: 90, NEW: 10}, {}]
    assert [(each.number, each.action, each.by) for each in changes] == [
        (1, "split", "ann"), (2, "split", "ann"), (3, "rollback", "bob"), (4, "rollback", "bob"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="nothing was changed"):
        rolled_back(changes, by="bob", at=3.0)


def test_a_change_after_a_rollback_is_rolled_back_to_what_held_before_it() -> None:
    changes = rolled_back(changed(changed((), old=90, new=10), new=100), by="bob", at=2.0)
    changes = changed(changes, old=50, new=50)
    assert current(rolled_back(changes, by="bob", at=3.0)) == {OLD: 90, NEW: 10}


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ({"old": 90, "new": 20}, "110 in all: give percents above 0"),
        ({"old": 0.0}, "0 in all: give percents above 0"),
        ({"old": 150, "new": -50}, "100 in all: give percents above 0"),
        ({"old": float("nan")}, "nan in all: give percents above 0"),
        ({"old": float("inf")}, "inf in all: give percents above 0"),
        ({"old": 100}, "are bank\\+3f2a9c1d7b20 100 % already"),
    ],
)
def test_shares_that_cannot_hold_are_refused(shares: dict[str, float], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        changed(changed((), old=100), **shares)


def test_percents_that_are_not_whole_may_sum_up_to_100() -> None:
    assert in_words(current(changed((), old=66.7, new=33.3))) == f"{OLD} 66.7 %, {NEW} 33.3 %"


def test_the_history_is_bounded_and_says_so_when_a_rollback_would_need_more() -> None:
    changes: Changes = ()
    for percent in range(1, KEPT + 10):
        changes = changed(changes, old=percent, new=100 - percent)
    assert len(changes) == KEPT
    for _ in range(KEPT // 2):
        changes = rolled_back(changes, by="bob", at=2.0)
    assert current(changes)[OLD] == KEPT + 9 - KEPT // 2
    with pytest.raises(UsageError, match="no longer known"):
        rolled_back(changes, by="bob", at=2.0)
