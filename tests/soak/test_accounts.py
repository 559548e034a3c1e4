"""What the accounts of the soak take for a loss."""

from orchestra.bus import Entry
from tests.soak.accounts import numbers

CALL = "03-01a2"


def entry(producer: str, number: int, kind: str = "sentence.spoken") -> Entry:
    return Entry("1-0", 3, "events", kind, CALL, f"{CALL}:{producer}.{number}", b"{}")


def test_an_event_is_lost_unless_another_edge_had_the_call_by_then() -> None:
    one, two = ("edge-1-aa", 1), ("edge-1-aa", 3)
    resumed = entry("edge-2-bb", 1, "call.resumed")
    for stored, lost in (
        ([entry(*one), entry(*two)], True),
        ([entry(*one), resumed, entry(*two)], False),
        ([entry(*one), entry(*two), resumed], True),
        ([resumed, entry(*one), entry(*two)], True),
        ([entry(*one), entry(*two), entry("edge-1-aa", 2)], False),
    ):
        found = numbers([each.id for each in stored], stored)
        assert found.lost == ([f"streams: {CALL}:edge-1-aa.2 is missing"] if lost else []), stored
