"""What came of a call that was placed, in a word."""

from typing import Literal

from orchestra.history.call_record import CallRecord

#: whoever was connected has been reached, whatever happened then; ``screened``: a robot has put nobody through
CallOutcome = Literal["answered", "machine", "busy", "no_answer", "screened", "failed"]


def outcome_of(record: CallRecord) -> CallOutcome:
    """How the call ended."""
    match record:
        case CallRecord(answered_by="machine" | "fax"):
            return "machine"
        case CallRecord(screening="asked" | "waiting" | "declined"):
            return "screened"
        case CallRecord(end_reason="busy"):
            return "busy"
        case CallRecord(end_reason="no_answer"):
            return "no_answer"
        case CallRecord(started_at=started) if started or record.answered_by == "human":
            return "answered"
        case _:
            return "failed"
