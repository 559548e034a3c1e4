"""The values of an event as SQL columns: what every derived table is made of.

``time`` is UTC; ``place`` orders the events of a partition. ``said`` is what was said, or heard of it, and
``words`` the number of its words. A value that the event does not have is NULL.
"""
# ruff: noqa: S608 - made of constants

from orchestra_schemas.speech import TURN_TIMES

#: no clock or counter shows more: beyond it a number is NULL, so that sums remain possible
LARGEST = 10**15

#: the year 10000, epoch seconds: a time from there on was written in another unit, and is no date for Python
END_OF_TIME = 253_402_300_800
#: an event without a time that can be, is of the moment at which the server stored it
_TIME = f"""
CASE WHEN "at" > 0 AND "at" < {END_OF_TIME} THEN "at" * 1e6
    WHEN stream_ms BETWEEN 0 AND {END_OF_TIME * 1000 - 1} THEN stream_ms * 1e3 ELSE 0 END
"""
TIME = f"make_timestamp(CAST({_TIME} AS BIGINT))"
PLACE = f"least(stream_ms, {2**43 - 1}) * 1048576 + least(stream_seq, 1048575)"

#: the fields of bodies that derived tables use
_FIELDS = (
    "agent", "app", "arguments", "completion_tokens", "direction", "duration_ms", "duration_s", "error", "errors",
    "extracted", "failed", "from_number", "heard", "line", "model", "name", "not_extracted", "prompt_tokens", "reason",
    "recording", "request", "result", "step", "stopped_by", "stt", "stt_s", "success", "success_reason", "summary",
    "text", "to_number", "tokens_estimated", "tts", "tts_characters", "tts_characters_wasted", "verdicts", *TURN_TIMES,
)  # fmt: skip
#: the types that have them; a body of another type is not looked into
_TYPES = (
    "agent.changed", "app.changed", "call.analysed", "call.ended", "call.started", "prompt.completed",
    "prompt.requested", "reply.interrupted", "reply.spoken", "speech.metered", "tool.completed", "tool.requested",
    "turn.completed", "turn.measured", "user.turn.ended", "user.turn.predicted", "user.turn.resumed",
)  # fmt: skip


def types(*tags: str) -> str:
    """A condition: the event is of one of these types."""
    return f"type IN ({', '.join(repr(tag) for tag in tags)})"


def quoted(text: str) -> str:
    """A text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def number(text: str, kind: str = "DOUBLE") -> str:
    """A number from its text; NULL if it is none, or larger than any clock or counter shows."""
    value = f"TRY_CAST({text} AS {kind})"
    return f"CASE WHEN {value} BETWEEN -{LARGEST} AND {LARGEST} THEN {value} END"


def is_true(text: str) -> str:
    """Whether a field is true; one that is missing is not."""
    return f"coalesce(TRY_CAST({text} AS BOOLEAN), false)"


#: what the call itself has led to. What comes afterwards, at any time, changes nothing of what is derived of the call,
#: and would only divide it: the rows of a call with events in several files are summed up by each query
OF_CALL = f"NOT {types('call.accessed', 'call.analysed', 'recording.saved', 'transcript.curated')}"
#: what was said or heard
SAID = types("user.turn.ended", "reply.spoken", "reply.interrupted")


def facts(entries: str) -> str:
    """A SELECT of the facts in rows that have the columns of an archive file. A body is parsed once."""
    paths = ", ".join(f"'$.{field}'" for field in _FIELDS)
    columns = ", ".join(f"fields[{place}] AS {field}" for place, field in enumerate(_FIELDS, 1))
    words = f"CASE WHEN {SAID} AND said <> '' THEN len(string_split_regex(trim(said), '\\s+')) END"
    return f"""
    SELECT call, turn, type, id, cause, version, "at", stream_ms, stream_seq, {TIME} AS time, {PLACE} AS place,
        {columns}, coalesce(text, heard) AS said, {words} AS words
    FROM (
        SELECT *, CASE WHEN {types(*_TYPES)} THEN json_extract_string(body, [{paths}]) END AS fields FROM {entries}
        WHERE NOT {types("alarm.raised", "alarm.cleared")}  -- they have the id of an alarm, and are of no call
    )
    """
