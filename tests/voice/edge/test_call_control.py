"""What a call does next, by its journal alone."""

import pytest

from orchestra.history.ending import HangUp, Transfer
from orchestra.history.reduce import history_of
from orchestra.voice.edge.call_control import next_step
from orchestra_schemas import (
    CallEnded,
    CallEndRequested,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    Event,
    ReplyInterrupted,
    ReplySpoken,
    TransferFailed,
    UserTurnEnded,
)

CALL = "07-0199"
STARTED = CallStarted(call=CALL, at=1.0)
TURN = UserTurnEnded(call=CALL, turn=2, text="a person please")
ASKED = CallTransferRequested(call=CALL, turn=2, target="+15550003", briefing="A broken cup.")
TRANSFER = Transfer("+15550003", "A broken cup.")
CONNECTED = CallTransferred(call=CALL, turn=2, target="+15550003")
BYE = CallEndRequested(call=CALL, turn=2)


@pytest.mark.parametrize(
    ("journal", "step"),
    [
        ([], HangUp()),
        ([STARTED], None),  # the edge was lost
        ([STARTED, TURN, BYE], None),  # and its last words too
        ([STARTED, TURN, BYE, ReplySpoken(call=CALL, turn=2, text="Good-bye.")], HangUp()),
        ([STARTED, TURN, CallEnded(call=CALL, reason="caller_hung_up")], HangUp()),
        ([STARTED, TURN, ASKED, CONNECTED], TRANSFER),
        ([STARTED, TURN, ASKED], TRANSFER),  # the edge was lost while it spoke the last words
        ([STARTED, TURN, ASKED, ReplyInterrupted(call=CALL, turn=2)], None),
        ([STARTED, TURN, ASKED, CallEnded(call=CALL, reason="caller_hung_up")], HangUp()),
        ([STARTED, TURN, ASKED, CONNECTED, TransferFailed(call=CALL, turn=2, target="+15550003")], None),
    ],
)
def test_what_follows_the_stream_is_read_from_the_journal(journal: list[Event], step: HangUp | Transfer | None) -> None:
    assert next_step(history_of(journal).resume) == step
