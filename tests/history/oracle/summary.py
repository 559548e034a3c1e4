"""The session record of a call: what stands of it while it runs, and for some days after.

Pure: an event goes in, the fields of the record that it changes come out.
"""

from functools import singledispatch

from orchestra.mask import without_login
from orchestra_schemas import (
    AgentChanged,
    CallAnswered,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferred,
    Event,
    PromptCompleted,
    RecordingSaved,
    ReplyInterrupted,
    ToolCompleted,
    TransferFailed,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)

Record = dict[str, str]

#: characters of what the caller said that are kept in the record
_WORDS_KEPT = 200


@singledispatch
def changes(event: Event, record: Record) -> Record:
    """Fields of the call's session record that ``event`` changes, given the record as it is.

    The record is text to text. ``status`` is ``running`` or ``ended``; times are epoch seconds; ``turns``,
    ``interruptions``, ``tools``, ``failed_tools`` and ``prompts`` are counts, ``prompt_tokens`` and
    ``completion_tokens`` what the models counted in all; ``slowest_ms`` is the longest wait for a reply so far,
    ``mean_ms`` the mean over the ``measured`` turns. ``first_words`` and ``last_words`` are the caller's.
    ``answered_by`` stands in outbound calls: ``human``, ``machine`` or ``fax``.
    ``version`` and ``model`` are those that answered last.
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
        "version": event.version,
        "edge": event.source,
        "started_at": f"{event.at:.3f}",
    }


@changes.register
def _(event: CallAnswered, record: Record) -> Record:
    del record
    return {"answered_by": event.by}


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
    words = event.text[:_WORDS_KEPT]
    changed = {"turns": _one_more(record, "turns")}
    if words:
        changed |= {"last_words": words} if "first_words" in record else {"first_words": words, "last_words": words}
    return changed


@changes.register
def _(event: ReplyInterrupted, record: Record) -> Record:
    del event
    return {"interruptions": _one_more(record, "interruptions")}


@changes.register
def _(event: ToolCompleted, record: Record) -> Record:
    changed = {"tools": _one_more(record, "tools")}
    return changed | {"failed_tools": _one_more(record, "failed_tools")} if event.failed else changed


@changes.register
def _(event: PromptCompleted, record: Record) -> Record:
    return {
        "prompts": _one_more(record, "prompts"),
        "prompt_tokens": str(event.prompt_tokens + int(record.get("prompt_tokens", "0"))),
        "completion_tokens": str(event.completion_tokens + int(record.get("completion_tokens", "0"))),
    }


@changes.register
def _(event: TurnCompleted, record: Record) -> Record:
    """The version that answered last; a reload may change it in the middle of a call."""
    changed = {"version": event.version or record.get("version", "")}
    return changed | {"model": event.model} if event.model else changed


@changes.register
def _(event: TurnMeasured, record: Record) -> Record:
    measured = int(record.get("measured", "0"))
    mean_ms = (float(record.get("mean_ms", "0")) * measured + event.total_ms) / (measured + 1)
    return {
        "slowest_ms": f"{max(event.total_ms, float(record.get('slowest_ms', '0'))):.0f}",
        "mean_ms": f"{mean_ms:.1f}",
        "measured": str(measured + 1),
    }


@changes.register
def _(event: CallTransferred, record: Record) -> Record:
    del record
    return {"transferred_to": event.target}


@changes.register
def _(event: TransferFailed, record: Record) -> Record:
    del event, record
    return {"transferred_to": ""}


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
    return {"recording": without_login(event.url), "recording_missing_ms": str(event.missing_ms)}


def _one_more(record: Record, field: str) -> str:
    return str(int(record.get(field, "0")) + 1)
