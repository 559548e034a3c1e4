"""When the queues of a call are renewed: as soon as they have grown, and nobody speaks."""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from orchestra.sip.delay_watch import QueueWatch
from orchestra.sip.stack_queues import Queued


@dataclass
class Audio:
    """What the watch asks of a call's audio."""

    idle: bool = True
    silent: bool = True

    def caller_is_silent(self) -> bool:
        return self.silent


NOBODY_SPEAKS, AGENT, CALLER = Audio(), Audio(idle=False), Audio(silent=False)
NEW = [(20, 20)] * 4


def due(audio: Audio, looks: Iterable[tuple[float, float | None]]) -> list[bool]:
    watch = QueueWatch()
    return [watch.is_due(audio, Queued(*look)) for look in looks]  # type: ignore[arg-type]


@pytest.mark.parametrize("grown", [[(40, 20)] * 4, [(20, 40)] * 4, [(40, 20), (60, 20), (40, 40), (40, 60)]])
def test_a_frame_more_is_mended_while_nobody_speaks(grown: list[tuple[float, float]]) -> None:
    assert due(NOBODY_SPEAKS, NEW + grown) == [False] * 7 + [True]


@pytest.mark.parametrize("speaking", [AGENT, CALLER])
def test_a_frame_more_is_left_while_somebody_speaks(speaking: Audio) -> None:
    assert not any(due(speaking, NEW + [(40, 40)] * 8))


@pytest.mark.parametrize("looks", [NEW * 3, [(40, 20)] * 12, [(20, 20), (40, 40)] * 6, [*NEW, *[(40, 40)] * 3, *NEW]])
def test_queues_that_have_not_grown_for_long_are_left(looks: list[tuple[float, float]]) -> None:
    assert not any(due(NOBODY_SPEAKS, looks))


@pytest.mark.parametrize("silent_looks", [1, 3, 4, 9])
def test_the_queue_of_what_is_received_is_new_with_the_first_packet(silent_looks: int) -> None:
    before: list[tuple[float, float | None]] = [(20, None)] * silent_looks
    assert not any(due(NOBODY_SPEAKS, [*before, *[(20, 40)] * 8]))
    assert due(NOBODY_SPEAKS, [*before, *[(20, 40)] * 4, *[(20, 60)] * 4])[-1]


def test_a_call_of_which_nothing_is_received_is_watched_all_the_same() -> None:
    assert due(NOBODY_SPEAKS, [*[(20, None)] * 4, *[(40, None)] * 4])[-1]


def test_a_long_queue_is_mended_while_the_agent_is_silent() -> None:
    assert due(CALLER, [(60, 20)] * 4)[-1]
    assert not any(due(AGENT, [(60, 20)] * 8))


def test_a_queue_that_delays_by_a_quarter_of_a_second_is_mended_at_once() -> None:
    assert due(AGENT, [(260, 20)] * 4)[-1]
