"""Stream ids as numbers."""

import pytest

from orchestra.bus.stream.stream_id import StreamId


@pytest.mark.parametrize(
    ("text", "stream_id"),
    [
        ("1763830000000-3", StreamId(1763830000000, 3)),
        (b"1763830000000-3", StreamId(1763830000000, 3)),
        ("1763830000000", StreamId(1763830000000, 0)),
        (f"{2**64 - 1}-{2**64 - 1}", StreamId(2**64 - 1, 2**64 - 1)),
    ],
)
def test_a_stream_id_is_parsed_into_its_halves(text: str | bytes, stream_id: StreamId) -> None:
    assert StreamId.parse(text) == stream_id


def test_stream_ids_are_ordered_by_number_and_not_as_text() -> None:
    assert StreamId.parse("9-10") > StreamId.parse("9-9") > StreamId.parse("8-100")


@pytest.mark.parametrize("text", ["1763830000000-3", f"{2**64 - 1}-{2**64 - 1}"])
def test_a_stream_id_is_written_as_the_server_writes_it(text: str) -> None:
    assert f"{StreamId.parse(text)}" == text


def test_a_stream_id_knows_when_its_entry_was_added() -> None:
    assert StreamId.parse("1763830000250-3").seconds == 1763830000.25


@pytest.mark.parametrize("text", ["", "-", "abc-1", "1-x", "$"])
def test_text_that_is_not_a_stream_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        StreamId.parse(text)
