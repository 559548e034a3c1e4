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


def due(audio: Audio, looks: Iterable[tuple[float, float]]) -> list[bool]:
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


def test_a_long_queue_is_mended_while_the_agent_is_silent() -> None:
    assert due(CALLER, [(60, 20)] * 4)[-1]
    assert not any(due(AGENT, [(60, 20)] * 8))


def test_a_queue_that_delays_by_a_quarter_of_a_second_is_mended_at_once() -> None:
    assert due(AGENT, [(260, 20)] * 4)[-1]
