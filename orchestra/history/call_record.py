"""The call record: the summary of a call that is stored while it runs and for some days afterwards.

`reduce_record` needs nothing but the record itself and one event. So the worker that stores records keeps no journal in
memory: it reads the stored record, reduces, and writes the fields that changed.
"""

from functools import singledispatch

import msgspec
from msgspec.structs import replace

from orchestra.hide_secrets import without_login
from orchestra.history.recording_consent import recording_after
from orchestra.history.usage import Cost, Usage, add_usage, cost_of
from orchestra.prices import Prices
from orchestra_schemas import (
    AgentChanged,
    AppChanged,
    CallAnalysed,
    CallAnswered,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallScreened,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    ConsentGiven,
    ConsentRefused,
    Event,
    LanguageChanged,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
    OperatorWhispered,
    PromptCompleted,
    RecordingSaved,
    ReplyInterrupted,
    SpeechMetered,
    ToolCompleted,
    TranscriptCurated,
    TransferFailed,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

#: maximum characters of the caller's first and last words
_WORDS_KEPT = 200
#: events that may change the usage, and so the cost
USAGE_EVENTS = (PromptCompleted, SpeechMetered, CallAnalysed, CallEnded, UserTurnPredicted, UserTurnResumed)


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The summary of one call. Times in epoch seconds, waits for a reply in ms.

    Attributes:
        status: ``running`` or ``ended``.
        answered_by: who or what answered an outbound call: ``human``, ``machine``, ``fax``.
        screening: how far a screening robot let it: ``asked``, ``waiting``, ``accepted``, ``declined``.
        app: the app that answered first; ``line`` is what decided it, ``passed_to`` the app that took the call over.
        version: package and app that answered last; ``model`` likewise.
        languages: in which it was held (BCP 47), in the order in which it first was.
        operators: who stepped into the call, in the order in which they first did.
        transferred_to: the person to whom the call was or is being transferred.
        measured: number of turns whose latency was measured; ``mean_ms`` is their mean, ``slowest_ms`` the longest.
        first_words: the beginning of what the caller said first; ``last_words`` of what they said last.
        recording_mode: whether the audio is kept, as `CallStarted` has it; ``refused``: the caller does not want it.
        recording: URL of the recording; empty until it is complete.
        recording_missing_ms: how much of the recording is silence because the audio is missing.
        labelling_project: where annotators have the call, as the task ``labelling_task``; empty: it is none.
        summary: of the call, by the app's analysis after it; ``success`` is what the app makes of it.
        cost: None if no price is set.

    """

    call: str = ""
    status: str = "running"
    from_number: str = ""
    to_number: str = ""
    direction: str = "inbound"
    provider_call: str = ""
    answered_by: str = ""
    screening: str = ""
    app: str = ""
    line: str = ""
    passed_to: str = ""
    version: str = ""
    model: str = ""
    edge: str = ""
    agent: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
    duration_s: float = 0.0
    end_reason: str = ""
    languages: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    transferred_to: str = ""
    turns: int = 0
    interruptions: int = 0
    tools: int = 0
    failed_tools: int = 0
    prompts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    measured: int = 0
    mean_ms: float = 0.0
    slowest_ms: float = 0.0
    first_words: str = ""
    last_words: str = ""
    recording_mode: str = "on"
    recording: str = ""
    recording_missing_ms: int = 0
    labelling_project: str = ""
    labelling_task: str = ""
    summary: str = ""
    success: bool | None = None
    usage: Usage = Usage()
    cost: Cost | None = None

    @property
    def other_party(self) -> str:
        """The number of the person on the line, whoever placed the call."""
        return self.to_number if self.direction == "outbound" else self.from_number

    def is_of(self, *, app: str = "", line: str = "") -> bool:
        """Whether this app answered the call or took it over, and it was a call of this line; "" is any."""
        own = self.from_number if self.direction == "outbound" else self.to_number
        return app in ("", self.app, self.passed_to) and line in ("", self.line, own)


def reduce_record(record: CallRecord, event: Event) -> CallRecord:
    """The record after one more event of the call; the cost is left to `priced`."""
    if isinstance(event, USAGE_EVENTS):
        since = record.started_at if record.status == "running" else 0.0
        record = replace(record, usage=add_usage(record.usage, event, since))
    return _changed(event, record)


def priced(record: CallRecord, prices: Prices) -> CallRecord:
    """The record with the cost of its usage; without a cost if no price is set or nothing was used."""
    known = prices.any and record.usage != Usage()
    return replace(record, cost=cost_of(record.usage, prices) if known else None)


@singledispatch
def _changed(event: Event, record: CallRecord) -> CallRecord:
    del event
    return record


@_changed.register
def _(event: CallStarted, record: CallRecord) -> CallRecord:
    return replace(
        record,
        status="running",
        from_number=event.from_number,
        to_number=event.to_number,
        direction=event.direction,
        provider_call=event.provider_call,
        app=event.app,
        line=event.line,
        version=event.version,
        edge=event.source,
        languages=(event.language,),
        recording_mode=event.recording,
        started_at=round(event.at, 3),
    )


@_changed.register
def _(event: CallAnswered, record: CallRecord) -> CallRecord:
    return replace(record, answered_by=event.by)


@_changed.register
def _(event: CallScreened, record: CallRecord) -> CallRecord:
    return replace(record, screening=event.status)


@_changed.register(ConsentGiven | ConsentRefused)
def _(event: ConsentGiven | ConsentRefused, record: CallRecord) -> CallRecord:
    mode = recording_after(record.recording_mode, event)
    return replace(record, recording_mode=mode, recording="" if mode == "refused" else record.recording)


@_changed.register
def _(event: CallResumed, record: CallRecord) -> CallRecord:
    return replace(record, edge=event.source)


@_changed.register
def _(event: AppChanged, record: CallRecord) -> CallRecord:
    return replace(record, passed_to=event.app)


@_changed.register
def _(event: LanguageChanged, record: CallRecord) -> CallRecord:
    return replace(record, languages=tuple(dict.fromkeys((*record.languages, event.language))))


@_changed.register
def _(event: AgentChanged, record: CallRecord) -> CallRecord:
    return replace(record, agent=event.agent)


@_changed.register
def _(event: UserTurnEnded, record: CallRecord) -> CallRecord:
    words = event.text[:_WORDS_KEPT]
    return replace(
        record,
        turns=record.turns + 1,
        first_words=record.first_words or words,
        last_words=words or record.last_words,
    )


@_changed.register
def _(event: ReplyInterrupted, record: CallRecord) -> CallRecord:
    return replace(record, interruptions=record.interruptions + (not event.stopped_by))


@_changed.register
def _(event: ToolCompleted, record: CallRecord) -> CallRecord:
    return replace(record, tools=record.tools + 1, failed_tools=record.failed_tools + event.failed)


@_changed.register
def _(event: PromptCompleted, record: CallRecord) -> CallRecord:
    return replace(
        record,
        prompts=record.prompts + 1,
        prompt_tokens=record.prompt_tokens + event.prompt_tokens,
        completion_tokens=record.completion_tokens + event.completion_tokens,
    )


@_changed.register
def _(event: TurnCompleted, record: CallRecord) -> CallRecord:
    """An app that is reloaded may change version and model during a call."""
    return replace(record, version=event.version or record.version, model=event.model or record.model)


@_changed.register
def _(event: TurnMeasured, record: CallRecord) -> CallRecord:
    total_ms = record.mean_ms * record.measured + event.total_ms
    return replace(
        record,
        measured=record.measured + 1,
        mean_ms=round(total_ms / (record.measured + 1), 1),
        slowest_ms=float(max(round(event.total_ms, 0), record.slowest_ms)),
    )


@_changed.register(
    OperatorSaid | OperatorWhispered | OperatorTookOver | OperatorPassedOn | CallEndRequested | CallTransferRequested
)
def _(
    event: OperatorSaid
    | OperatorWhispered
    | OperatorTookOver
    | OperatorPassedOn
    | CallEndRequested
    | CallTransferRequested,
    record: CallRecord,
) -> CallRecord:
    known = not event.operator or event.operator in record.operators
    return record if known else replace(record, operators=(*record.operators, event.operator))


@_changed.register
def _(event: CallTransferred, record: CallRecord) -> CallRecord:
    return replace(record, transferred_to=event.target)


@_changed.register
def _(event: TransferFailed, record: CallRecord) -> CallRecord:
    del event
    return replace(record, transferred_to="")


@_changed.register
def _(event: CallEnded, record: CallRecord) -> CallRecord:
    return replace(
        record,
        status="ended",
        ended_at=round(event.at, 3),
        end_reason=event.reason,
        duration_s=round(event.duration_s, 3),
    )


@_changed.register
def _(event: RecordingSaved, record: CallRecord) -> CallRecord:
    if record.recording_mode == "refused":  # while it was being moved
        return record
    return replace(record, recording=without_login(event.url), recording_missing_ms=event.missing_ms)


@_changed.register
def _(event: TranscriptCurated, record: CallRecord) -> CallRecord:
    return replace(record, labelling_project=event.project, labelling_task=event.task)


@_changed.register
def _(event: CallAnalysed, record: CallRecord) -> CallRecord:
    success = record.success if event.success is None else event.success
    return replace(record, summary=event.summary or record.summary, success=success)


#: the events that change a call record
RECORD_EVENTS: frozenset[type[Event]] = frozenset(
    kind for kind in (*_changed.registry, *USAGE_EVENTS) if issubclass(kind, Event) and kind is not Event
)
