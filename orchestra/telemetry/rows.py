"""A stream entry as a row of OpenObserve: bounded columns beside the whole event as one string of JSON."""

import msgspec

from orchestra.bus import Entry
from orchestra.bus.keys import trace_id
from orchestra.bus.stream.stream_id import StreamId
from orchestra.telemetry.redaction import Redaction
from orchestra_schemas import event_types

PREFIX = "orchestra_"
LOGS = f"{PREFIX}logs"
#: types that are not of the platform
OTHERS = f"{PREFIX}events"


class Columns(msgspec.Struct, omit_defaults=True):
    """Every column that an event's row may have; the rest of the event is in ``body``.

    A bounded set, because OpenObserve refuses a whole batch that has too many keys (ZO_COLS_PER_RECORD_LIMIT). Fields
    of events have their own names. ``event_at`` is the event's own time (epoch seconds), ``entry`` its stream id. A
    repeated delivery has the same ``event_id``, so count(distinct event_id) counts events. ``passed`` has the names of
    the judges whose criterion a call meets, ``not_passed`` of those whose it does not, separated by commas.
    """

    event_at: float = 0.0
    event_id: str = ""
    event_type: str = ""
    call: str = ""
    turn: int = 0
    source: str = ""
    cause: str = ""
    trace_id: str = ""
    partition: int = -1
    entry: str = ""
    app: str = ""
    line: str = ""
    direction: str = ""
    from_number: str = ""
    to_number: str = ""
    agent: str = ""
    previous: str = ""
    name: str = ""
    model: str = ""
    engine: str = ""
    speaker: str = ""
    operator: str = ""
    text: str = ""
    heard: str = ""
    reason: str = ""
    finish_reason: str = ""
    error: str = ""
    request: str = ""
    target: str = ""
    url: str = ""
    project: str = ""
    task: str = ""
    failed: bool = False
    filler: bool = False
    interrupting: bool = False
    step: int = 0
    steps: int = 0
    index: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    offset_ms: int = 0
    sample_rate: int = 0
    audio_ms: int = 0
    audio_bytes: int = 0
    tts_characters: int = 0
    stt: str = ""
    tts: str = ""
    stt_s: float = 0.0
    confidence: float = 0.0
    speech_s: float = 0.0
    duration_s: float = 0.0
    duration_ms: float = 0.0
    turn_end_ms: float = 0.0
    stt_ms: float = 0.0
    routing_ms: float = 0.0
    first_token_ms: float = 0.0
    first_sentence_ms: float = 0.0
    tts_ms: float = 0.0
    output_ms: float = 0.0
    total_ms: float = 0.0
    summary: str = ""
    success: bool | None = None
    passed: str = ""
    not_passed: str = ""
    body: str = ""


class _Judged(msgspec.Struct):
    judge: str = ""
    passed: bool | None = None


class _Read(Columns, omit_defaults=True):
    """The columns as read from an event, with the fields that have another name or form in a row."""

    at: float = 0.0
    trace: str = ""
    verdicts: tuple[_Judged, ...] = ()


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row for ``stream``, without its ``_timestamp``, which is chosen when it is sent.

    ``at_us`` is the event's own time (epoch µs), ``rest`` its JSON after the timestamp.
    """

    stream: str
    at_us: int
    rest: bytes


_decode = msgspec.json.Decoder(_Read).decode
_encode = msgspec.json.Encoder().encode
_streams: dict[str, str] = {}


def stream_of(tag: str) -> str:
    """The OpenObserve stream of a type: that of its family, or a common one for other types.

    >>> stream_of("call.started"), stream_of("tool.completed"), stream_of("audio.chunk"), stream_of("mood.scored")
    ('orchestra_calls', 'orchestra_execution', 'orchestra_media', 'orchestra_events')
    """
    stream = _streams.get(tag)
    if stream is None:
        family = getattr(event_types().get(tag), "family", None)
        stream = PREFIX + family if isinstance(family, str) and family.isidentifier() else OTHERS
        if len(_streams) < 1000:  # noqa: PLR2004 - types come from outside too
            _streams[tag] = stream
    return stream


def streams() -> list[str]:
    """Every stream that is written to."""
    return [*sorted({stream_of(tag) for tag in event_types()} | {OTHERS}), LOGS]


def row_of(entry: Entry, redaction: Redaction | None) -> Row:
    """The row of an entry. An event that does not fit its type has the columns that can be read."""
    body = entry.body if redaction is None else redaction.event(entry.call, entry.type, entry.body)
    try:
        columns = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        columns = _Read()
    event_at = columns.at or StreamId.parse(entry.stream_id).seconds
    columns.event_at = event_at
    columns.event_id = entry.id or f"{entry.partition:02d}/{entry.stream}/{entry.stream_id}"
    columns.event_type = entry.type
    columns.call = entry.call
    columns.trace_id = columns.trace[3:35] or trace_id(entry.call)
    columns.partition = entry.partition
    columns.entry = entry.stream_id
    columns.body = body.decode("utf-8", "replace")
    columns.at = 0.0
    columns.trace = ""
    columns.passed = ", ".join(each.judge for each in columns.verdicts if each.passed)
    columns.not_passed = ", ".join(each.judge for each in columns.verdicts if each.passed is False)
    columns.verdicts = ()
    if entry.audio is not None:
        columns.audio_bytes = len(entry.audio)
    return Row(stream_of(entry.type), round(event_at * 1e6), b"," + _encode(columns)[1:])


def log_row(at: float, entry: dict[str, object]) -> Row:
    """The row of a structured log entry, written at ``at`` (epoch seconds); it may hold anything.

    ``event``, ``level``, ``process`` and ``call`` are columns, everything else is in ``body``.
    """
    names = ("level", "process", "event", "call", "error")
    columns: dict[str, object] = {"event_at": at}
    columns |= {name: str(entry[name]) for name in names if entry.get(name) is not None}
    columns["body"] = _encode_any(entry).decode()
    return Row(LOGS, round(at * 1e6), b"," + _encode(columns)[1:])


_encode_any = msgspec.json.Encoder(enc_hook=repr).encode


def body_of(rows: list[Row], now_us: int, window_us: int) -> tuple[bytes, int]:
    """The JSON array of rows, and how many of them have a time that the server would refuse.

    OpenObserve discards records that are older than its window (5 h unless set) or more than 24 h ahead: they are sent
    with the current time; their own is in ``event_at``.
    """
    earliest, latest, late = now_us - window_us, now_us + _AHEAD_US, 0
    parts = []
    for row in rows:
        at_us = row.at_us
        if not earliest <= at_us <= latest:
            at_us = now_us
            late += 1
        parts.append(b'{"_timestamp":%d%b' % (at_us, row.rest))
    return b"[" + b",".join(parts) + b"]", late


_AHEAD_US = 23 * 3600 * 1_000_000
