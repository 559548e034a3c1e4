"""How far a call is that somebody has had placed: by its id, or by the idempotency key of the request."""

from typing import Literal

import msgspec

from orchestra.bus import Bus
from orchestra.history.call_outcome import CallOutcome, outcome_of
from orchestra.history.call_record import CallRecord
from orchestra.history.reduce import history_of
from orchestra.history.views.call_record import call_record
from orchestra.settings import Settings
from orchestra.storage.call_records import find_call
from orchestra.voice.edge.dial_requests import DialRequest, DialRequests

State = Literal["queued", "dialling", "answered", "ended"]

#: nothing is heard any more of a call of which nothing was heard for so long beyond its ringing
_SILENT_S = 90.0


class PlacedCallState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a placed call is.

    Attributes:
        call: its id.
        state: ``queued`` until the carrier has taken it, ``dialling`` while it rings, ``answered`` while it runs.
        provider_call: the carrier's id of it; empty while there is none.
        outcome: of a call that has ended; ``unknown``: the carrier may have had it, and nothing was heard of it.

    """

    call: str
    state: State
    provider_call: str = ""
    outcome: CallOutcome | Literal["unknown", ""] = ""


async def find_placed(bus: Bus, settings: Settings, key: str, now: float) -> PlacedCallState | None:
    """The state of the call of this id or idempotency key at this moment (epoch seconds); None if none was placed."""
    requests = DialRequests(bus, settings.dial_key_s)
    asked = await requests.of_call(key) or await requests.find(key)
    if asked is None:
        return None
    record = await find_call(bus, asked.call)
    if record is None and (journal := await bus.journal(asked.call)):
        record = call_record(history_of(journal), settings.prices)
    if record is None:
        return _without_journal(asked, settings.ring_s, now)
    state, outcome = state_of(record)
    return _state(asked, state, outcome)


def state_of(record: CallRecord) -> tuple[State, CallOutcome | Literal[""]]:
    """How far a call is that has a record, and what came of it once it has ended."""
    if record.status == "ended":
        return "ended", outcome_of(record)
    return ("answered" if record.started_at or record.answered_by else "dialling"), ""


def _without_journal(asked: DialRequest, ring_s: float, now: float) -> PlacedCallState:
    if now - asked.at > ring_s + _SILENT_S:
        return _state(asked, "ended", "unknown")
    return _state(asked, "queued" if asked.state == "placing" else "dialling")


def _state(
    asked: DialRequest,
    state: State,
    outcome: CallOutcome | Literal["unknown", ""] = "",
) -> PlacedCallState:
    return PlacedCallState(call=asked.call, state=state, provider_call=asked.provider_call, outcome=outcome)
