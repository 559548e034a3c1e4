"""What an edge says to nobody, because another one has the call, is in no recording."""

from typing import Literal

from orchestra.recordings.edge_spans import EdgeSpans
from orchestra_schemas import AudioChunk


def chunk(edge: str, offset_ms: int, speaker: Literal["caller", "agent"] = "caller") -> AudioChunk:
    """200 ms."""
    return AudioChunk(call="03-c", source=edge, speaker=speaker, offset_ms=offset_ms, audio=bytes(3200))


def test_an_edge_that_was_cut_off_and_is_back_adds_only_what_it_said_while_it_had_the_call() -> None:
    spans = EdgeSpans()
    assert all(spans.was_heard(chunk("edge-1", at)) for at in (0, 200, 400))
    assert all(spans.was_heard(chunk("edge-2", at)) for at in (2000, 2200, 2400))
    assert spans.was_heard(chunk("edge-1", 600, "agent"))
    assert spans.was_heard(chunk("edge-1", 800))
    assert not spans.was_heard(chunk("edge-1", 2000, "agent"))
    assert not spans.was_heard(chunk("edge-1", 2200))
    assert spans.was_heard(chunk("edge-2", 2600))


def test_a_call_may_come_back_to_an_edge_that_had_it_before() -> None:
    spans = EdgeSpans()
    order = [("edge-1", 0), ("edge-2", 1000), ("edge-1", 2000), ("edge-1", 2200), ("edge-2", 3000)]
    assert all(spans.was_heard(chunk(edge, at)) for edge, at in order)
    assert not spans.was_heard(chunk("edge-1", 3000, "agent"))


def test_what_comes_twice_is_no_others() -> None:
    spans = EdgeSpans()
    assert all(spans.was_heard(chunk("edge-1", at)) for at in (0, 200, 0, 200))
    assert spans.was_heard(chunk("edge-2", 1000))
    assert all(spans.was_heard(chunk("edge-1", at)) for at in (0, 200))
