"""The call record, computed from a journal: for calls that are only in an archive or a file, and not in Redis."""

from orchestra.history.call import CallHistory
from orchestra.history.call_record import CallRecord, priced
from orchestra.prices import Prices


def call_record(history: CallHistory, prices: Prices) -> CallRecord:
    """The record of the call, at these prices."""
    return priced(history.record, prices)
