"""Rows are brought together, and only the sink's yes ends their journey."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from orchestra.telemetry.openobserve import Outcome, Verdict
from orchestra.telemetry.rows import Row
from orchestra.telemetry.shipper import Limits, Shipper

STORED = Verdict(Outcome.STORED)
QUICK = Limits(wait_s=0.01, first_backoff_s=0.001, longest_backoff_s=0.002, denied_s=0.005, losses=2)


def rows(count: int, stream: str = "s", start: int = 0) -> list[Row]:
    return [Row(stream, 0, b',"n":%d}' % number) for number in range(start, start + count)]


class Sink:
    """A sink that answers as told, and keeps what it has stored."""

    def __init__(self, answer: Callable[[str, Sequence[Row]], Verdict] = lambda *_: STORED) -> None:
        self.answer = answer
        self.requests: list[tuple[str, int]] = []
        self.stored: list[bytes] = []
        self.open = self.most_open = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def insert(self, stream: str, rows: Sequence[Row]) -> Verdict:
        self.requests.append((stream, len(rows)))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await self.gate.wait()
        self.open -= 1
        verdict = self.answer(stream, rows)
        if verdict.outcome is Outcome.STORED:
            self.stored += [row.rest for row in rows]
        return verdict


def in_turn(*verdicts: Verdict) -> Callable[[str, Sequence[Row]], Verdict]:
    left = list(verdicts)
    return lambda *_: left.pop(0) if left else STORED


async def test_small_batches_are_sent_together_after_the_wait() -> None:
    sink = Sink()
    shipper = Shipper(sink, Limits(wait_s=0.5))  # longer than a busy machine takes to hand them over
    await asyncio.gather(*(shipper.ship(rows(3, start=3 * number)) for number in range(10)))
    assert sink.requests == [("s", 30)]
    assert sorted(sink.stored) == sorted(row.rest for row in rows(30))


async def test_a_full_request_does_not_wait() -> None:
    sink = Sink()
    shipper = Shipper(sink, Limits(rows=100, wait_s=60))
    await asyncio.wait_for(shipper.ship(rows(300)), 30)
    assert sink.requests == [("s", 100)] * 3


async def test_a_request_is_bounded_in_bytes() -> None:
    sink = Sink()
    shipper = Shipper(sink, Limits(bytes=1000, wait_s=0.5, wait_alone_s=0.5))
    await asyncio.gather(*(shipper.ship([Row("s", 0, b"x" * 600)]) for _ in range(6)))
    assert sink.requests == [("s", 2)] * 3


async def test_every_stream_has_requests_of_its_own_and_a_batch_ends_with_its_last() -> None:
    sink = Sink()
    shipper = Shipper(sink, QUICK)
    assert await shipper.ship([*rows(2, "a"), *rows(3, "b"), *rows(1, "a")]) == {}
    assert sorted(sink.requests) == [("a", 3), ("b", 3)]


async def test_the_number_of_requests_in_flight_is_limited() -> None:
    sink = Sink()
    sink.gate.clear()
    shipper = Shipper(sink, Limits(rows=10, wait_s=0.001, in_flight=3))
    shipping = asyncio.create_task(shipper.ship(rows(200)))
    async with asyncio.timeout(30):
        while sink.open < 3:  # noqa: ASYNC110 - requests begin in tasks of their own
            await asyncio.sleep(0.001)
    sink.gate.set()
    await shipping
    assert (sink.most_open, len(sink.stored)) == (3, 200)


async def test_a_busy_server_is_tried_until_it_accepts() -> None:
    sink = Sink(in_turn(*[Verdict(Outcome.BUSY, "503")] * 40))
    shipper = Shipper(sink, QUICK)
    assert await shipper.ship(rows(5)) == {}
    assert (shipper.failures, shipper.shipped, sink.requests) == (40, 5, [("s", 5)] * 41)


async def test_denied_rows_are_not_dropped() -> None:
    sink = Sink(in_turn(*[Verdict(Outcome.DENIED, "401")] * 10))
    shipper = Shipper(sink, QUICK)
    assert await shipper.ship(rows(5)) == {}
    assert sink.requests == [("s", 5)] * 11


async def test_the_row_at_fault_is_found_and_the_others_are_stored() -> None:
    def answer(_: str, sent: Sequence[Row]) -> Verdict:
        wrong = [row for row in sent if row.rest in (b',"n":13}', b',"n":77}')]
        return Verdict(Outcome.REFUSED, "cannot be cast") if wrong else STORED

    sink = Sink(answer)
    shipper = Shipper(sink, QUICK)
    first, second = await asyncio.gather(shipper.ship(rows(50)), shipper.ship(rows(50, start=50)))
    assert (first, second) == ({13: "cannot be cast"}, {27: "cannot be cast"})
    assert len(sink.stored) == 98 == len(set(sink.stored))
    assert shipper.refused == 2


async def test_a_batch_that_is_too_big_is_sent_in_parts() -> None:
    sink = Sink(lambda _, sent: Verdict(Outcome.REFUSED, "413") if len(sent) > 10 else STORED)
    shipper = Shipper(sink, QUICK)
    assert await shipper.ship(rows(64)) == {}
    assert len(sink.stored) == 64


async def test_an_answer_that_counts_nothing_is_not_success() -> None:
    sink = Sink(in_turn(Verdict(Outcome.LOST), Verdict(Outcome.LOST)))
    shipper = Shipper(sink, QUICK)
    assert await shipper.ship(rows(4)) == {}
    assert sink.requests == [("s", 4)] * 3


async def test_a_batch_that_is_never_counted_is_bisected() -> None:
    def answer(_: str, sent: Sequence[Row]) -> Verdict:
        return Verdict(Outcome.LOST, "0 counted") if any(row.rest == b',"n":2}' for row in sent) else STORED

    sink = Sink(answer)
    assert await Shipper(sink, QUICK).ship(rows(4)) == {2: "0 counted"}
    assert len(sink.stored) == 3


async def test_rows_whose_batch_was_cancelled_are_not_sent() -> None:
    sink = Sink()
    shipper = Shipper(sink, Limits(wait_s=0.02))
    gone = asyncio.create_task(shipper.ship(rows(3)))
    await asyncio.sleep(0)
    gone.cancel()
    assert await shipper.ship(rows(2, start=10)) == {}
    assert sink.requests == [("s", 2)]
    assert shipper.oldest_s() == 0


async def test_an_error_in_the_sink_itself_is_not_swallowed() -> None:
    def answer(*_: object) -> Verdict:
        message = "broken"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="broken"):
        await Shipper(Sink(answer), QUICK).ship(rows(3))


async def test_no_rows_need_no_request() -> None:
    sink = Sink()
    assert await Shipper(sink).ship([]) == {}
    assert sink.requests == []
