"""Who of the operators is in a call, according to its journal."""

from typing import Any

import pytest

from orchestra.console.steering.presence import Presence, presence_of
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferred,
    Event,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorTookOver,
    TransferFailed,
)

CALL = "01-x"
STARTED = CallStarted(call=CALL, app="demo")
TRANSFERRED = CallTransferred(call=CALL, target="+15550100")
JOINED = OperatorJoined(call=CALL, operator="ann", listens=True)
LEFT = OperatorLeft(call=CALL, operator="ann", listens=True)
ELSEWHERE: dict[str, Any] = {"call": CALL, "operator": "ann", "listens": True, "console": "west"}
TOOK_OVER = OperatorTookOver(call=CALL, operator="ann")


@pytest.mark.parametrize(
    ("journal", "state"),
    [
        ([], "unknown"),
        ([STARTED], "running"),
        ([STARTED, TRANSFERRED], "transferred"),
        (
            [STARTED, TRANSFERRED, TransferFailed(call=CALL, target="+15550100")],
            "running",
        ),
        ([STARTED, CallResumed(call=CALL)], "running"),
        ([STARTED, CallEnded(call=CALL, reason="caller_hung_up", duration_s=1)], "ended"),
        ([STARTED, CallEnded(call=CALL, reason="failed", duration_s=1), CallResumed(call=CALL)], "ended"),
    ],
)
def test_a_call_can_be_stepped_into_while_an_edge_has_it(journal: list[Event], state: str) -> None:
    assert presence_of(journal).state == state


@pytest.mark.parametrize(
    ("journal", "listening", "speaking"),
    [
        ([JOINED], ("ann",), ""),
        ([JOINED, JOINED], ("ann",), ""),
        ([JOINED, LEFT], (), ""),
        ([JOINED, OperatorJoined(**ELSEWHERE), OperatorLeft(**ELSEWHERE)], ("ann",), ""),
        ([JOINED, OperatorJoined(**ELSEWHERE), LEFT, LEFT], ("ann",), ""),  # its edge has said so, too
        ([JOINED, TOOK_OVER], ("ann",), "ann"),
        ([JOINED, TOOK_OVER, LEFT], (), "ann"),
        ([JOINED, TOOK_OVER, OperatorLeft(call=CALL, operator="ann")], ("ann",), ""),
        ([TOOK_OVER, OperatorHandedBack(call=CALL, operator="ann")], (), ""),
        ([TOOK_OVER, OperatorTookOver(call=CALL, operator="ben")], (), "ann"),
        ([TOOK_OVER, OperatorHandedBack(call=CALL, operator="ben")], (), "ann"),
        ([TOOK_OVER, OperatorLeft(call=CALL, operator="ben")], (), "ann"),
        ([JOINED, TOOK_OVER, CallEnded(call=CALL, reason="failed", duration_s=1)], (), ""),
    ],
)
def test_the_first_who_takes_over_speaks_until_they_hand_back_or_leave(
    journal: list[Event], listening: tuple[str, ...], speaking: str
) -> None:
    presence = presence_of([STARTED, *journal])
    assert (presence.listening, presence.speaking) == (listening, speaking)


def test_the_agent_who_has_the_call_is_known() -> None:
    presence = presence_of([STARTED, *(AgentChanged(call=CALL, agent=agent) for agent in ("desk", "claims"))])
    assert presence == Presence(state="running", app="demo", agent="claims")
