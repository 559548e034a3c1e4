"""The call record of a journal: what Redis has of a running call, for calls that only an archive or a file has."""

from orchestra.history.call import CallHistory
from orchestra.history.call_record import CallRecord, priced
from orchestra.prices import Prices


def call_record(history: CallHistory, prices: Prices) -> CallRecord:
    """The record of the call, at these prices."""
    return priced(history.record, prices)
