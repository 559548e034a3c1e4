"""The session record of a call: what stands of it while it runs, and for some days after.

Pure: an event goes in, the fields of the record that it changes come out.
"""

from functools import singledispatch

from schemas import (
    AgentChanged,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferred,
    Event,
    RecordingSaved,
    ReplyInterrupted,
    ToolCompleted,
    TurnMeasured,
    UserTurnEnded,
)

Record = dict[str, str]


@singledispatch
def changes(event: Event, record: Record) -> Record:
    """Fields of the call's session record that ``event`` changes, given the record as it is.

    The record is text to text. ``status`` is ``running`` or ``ended``; times are epoch seconds; ``turns``,
    ``interruptions`` and ``failed_tools`` are counts; ``slowest_ms`` is the longest wait for a reply so far.
    """
    del event, record
    return {}


@changes.register
def _(event: CallStarted, record: Record) -> Record:
    del record
    return {
        "status": "running",
        "from_number": event.from_number,
        "to_number": event.to_number,
        "direction": event.direction,
        "provider_call": event.provider_call,
        "app": event.app,
        "edge": event.source,
        "started_at": f"{event.at:.3f}",
    }


@changes.register
def _(event: CallResumed, record: Record) -> Record:
    del record
    return {"edge": event.source}


@changes.register
def _(event: AgentChanged, record: Record) -> Record:
    del record
    return {"agent": event.agent}


@changes.register
def _(event: UserTurnEnded, record: Record) -> Record:
    return {"turns": str(max(event.turn, int(record.get("turns", "0"))))}


@changes.register
def _(event: ReplyInterrupted, record: Record) -> Record:
    del event
    return {"interruptions": _one_more(record, "interruptions")}


@changes.register
def _(event: ToolCompleted, record: Record) -> Record:
    return {"failed_tools": _one_more(record, "failed_tools")} if event.failed else {}


@changes.register
def _(event: TurnMeasured, record: Record) -> Record:
    return {"slowest_ms": f"{max(event.total_ms, float(record.get('slowest_ms', '0'))):.0f}"}


@changes.register
def _(event: CallTransferred, record: Record) -> Record:
    del record
    return {"transferred_to": event.target}


@changes.register
def _(event: CallEnded, record: Record) -> Record:
    del record
    return {
        "status": "ended",
        "ended_at": f"{event.at:.3f}",
        "end_reason": event.reason,
        "duration_s": f"{event.duration_s:.3f}",
    }


@changes.register
def _(event: RecordingSaved, record: Record) -> Record:
    del record
    return {"recording": event.url}


def _one_more(record: Record, field: str) -> str:
    return str(int(record.get(field, "0")) + 1)
