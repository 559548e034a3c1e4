"""The views that an analyst queries, as SQL over ``entries``: the archive's rows and those of the live journal.

``time`` is UTC, fields that end in ``_ms`` are milliseconds, in ``_s`` seconds. What no event says is NULL.
"""
# ruff: noqa: S608 - made of constants

from orchestra_schemas.speech import TURN_TIMES

_LARGEST = 10**15


def _text(field: str) -> str:
    return f"body->>'$.{field}'"


def _number(field: str, kind: str = "DOUBLE", body: str = "body") -> str:
    """A number of an event; NULL if it is larger than any clock or counter shows, so that sums remain possible."""
    value = f"TRY_CAST({body}->>'$.{field}' AS {kind})"
    return value if kind == "BOOLEAN" else f"CASE WHEN {value} BETWEEN -{_LARGEST} AND {_LARGEST} THEN {value} END"


def _of(tag: str, value: str) -> str:
    """A value of the last event of this type."""
    return f"last(CASE WHEN type = '{tag}' THEN {value} END ORDER BY place) FILTER (type = '{tag}')"


def _last_given(value: str, *tags: str) -> str:
    """The last value that is not empty, of the events of these types."""
    condition = f"{_types(*tags)} AND {value} <> ''"
    return f"last(CASE WHEN {condition} THEN {value} END ORDER BY place) FILTER ({condition})"


def _first(tag: str, value: str) -> str:
    return f"first(CASE WHEN type = '{tag}' THEN {value} END ORDER BY place) FILTER (type = '{tag}')"


def _count(tag: str, condition: str = "") -> str:
    return f"count(*) FILTER (type = '{tag}'{' AND ' + condition if condition else ''})"


def _words(tag: str, field: str) -> str:
    words = f"len(string_split_regex(trim({_text(field)}), '\\s+'))"
    return f"CAST(coalesce(sum(CASE WHEN type = '{tag}' AND {_text(field)} <> '' THEN {words} END), 0) AS BIGINT)"


def _sum(tag: str, field: str) -> str:
    return f"CAST(coalesce(sum(CASE WHEN type = '{tag}' THEN {_number(field, 'BIGINT')} END), 0) AS BIGINT)"


def _types(*tags: str) -> str:
    return f"type IN ({', '.join(repr(tag) for tag in tags)})"


_PLAYED = "type IN ('reply.spoken', 'reply.interrupted')"
#: what was heard of the last part of a reply: another edge may have continued it
_REPLY = (
    f"last(CASE WHEN {_PLAYED} THEN coalesce({_text('text')}, {_text('heard')}) END ORDER BY place) FILTER ({_PLAYED})"
)
_FAILED = f"coalesce({_number('failed', 'BOOLEAN')}, false)"

#: the year 10000, epoch seconds: a time from there on was written in another unit, and is no date for Python
_END_OF_TIME = 253_402_300_800
#: an event without a time that can be, is of the moment at which the server stored it
_TIME = f"""
CASE WHEN "at" > 0 AND "at" < {_END_OF_TIME} THEN "at" * 1e6
    WHEN stream_ms BETWEEN 0 AND {_END_OF_TIME * 1000 - 1} THEN stream_ms * 1e3 ELSE 0 END
"""

_EVENTS = f"""
SELECT concat(stream_ms, '-', stream_seq) AS stream_id,
    make_timestamp(CAST({_TIME} AS BIGINT)) AS time,
    partition, type, call, id, turn, source, cause, trace, version, body,
    least(stream_ms, {2**43 - 1}) * 1048576 + least(stream_seq, 1048575) AS place
FROM entries
"""

_CALLS = f"""
SELECT call,
    min(time) AS time,
    CAST(min(time) AS DATE) AS day,
    CASE WHEN {_count("call.ended")} > 0 THEN 'ended' ELSE 'running' END AS status,
    {_of("call.ended", _text("reason"))} AS outcome,
    coalesce({_of("call.ended", _number("duration_s"))}, 0) AS duration_s,
    {_first("call.started", _text("from_number"))} AS from_number,
    {_first("call.started", _text("to_number"))} AS to_number,
    coalesce({_first("call.started", _text("direction"))}, 'inbound') AS direction,
    {_first("call.started", _text("app"))} AS app,
    coalesce({_first("call.started", _text("line"))}, '') AS line,
    coalesce({_of("app.changed", _text("app"))}, '') AS passed_to,
    {_of("agent.changed", _text("agent"))} AS agent,
    coalesce({_last_given("version", "turn.completed")}, {_first("call.started", "version")}, max(version), '')
        AS version,
    coalesce({_last_given(_text("model"), "prompt.completed", "turn.completed")}, '') AS model,
    {_count("user.turn.ended")} AS turns,
    {_count("reply.interrupted")} AS interruptions,
    {_count("tool.completed")} AS tools,
    {_count("tool.completed", _FAILED)} AS failed_tools,
    {_count("call.transfer.requested")} AS handovers,
    {_count("call.transferred")} AS transferred,
    {_count("transfer.accepted")} AS accepted,
    {_count("prompt.completed")} AS prompts,
    {_sum("prompt.completed", "prompt_tokens")} AS prompt_tokens,
    {_sum("prompt.completed", "completion_tokens")} AS completion_tokens,
    {_words("user.turn.ended", "text")} AS caller_words,
    {_words("reply.spoken", "text")} + {_words("reply.interrupted", "heard")} AS agent_words
FROM events
WHERE call <> ''
GROUP BY call
"""


def _measured(stage: str) -> str:
    return f"CASE WHEN abs(measured.{stage}) <= {_LARGEST} THEN measured.{stage} END AS {stage}"


_MEASURED = ", ".join(f'"{stage}":"DOUBLE"' for stage in TURN_TIMES)

_TURNS = f"""
SELECT call, turn, time, CAST(time AS DATE) AS day, agent, model, version, said, reply, interrupted, failed,
    {", ".join(map(_measured, TURN_TIMES))}
FROM (
    SELECT call, turn,
        min(time) AS time,
        coalesce({_of("turn.completed", _text("agent"))}, {_of("reply.spoken", _text("agent"))}) AS agent,
        {_of("turn.completed", _text("model"))} AS model,
        coalesce({_last_given("version", "turn.completed")}, '') AS version,
        {_of("user.turn.ended", _text("text"))} AS said,
        {_REPLY} AS reply,
        {_count("reply.interrupted")} > 0 AS interrupted,
        {_count("turn.completed", _FAILED)} > 0 AS failed,
        any_value(CASE WHEN type = 'turn.measured' THEN json_transform(body, '{{{_MEASURED}}}') END) AS measured
    FROM events
    WHERE {_types("user.turn.ended", "turn.completed", "turn.measured", "reply.spoken", "reply.interrupted")}
        AND turn > 0
    GROUP BY call, turn
)
"""

_ANSWERS = "SELECT call, body->>'$.request' AS request, time, body FROM events WHERE type = '{tag}'"

_PROMPTS = f"""
SELECT p.call, p.turn, p.time, p.id, p.version, p.body->>'$.agent' AS agent,
    coalesce(TRY_CAST(p.body->>'$.step' AS INTEGER), 1) AS step,
    p.body->'$.messages' AS messages, p.body->'$.tools' AS tools,
    coalesce(nullif(d.body->>'$.model', ''), p.body->>'$.model', '') AS model,
    d.body->>'$.text' AS answer, d.body->'$.tool_calls' AS tool_calls, coalesce(d.body->>'$.error', '') AS error,
    coalesce({_number("prompt_tokens", "BIGINT", "d.body")}, 0) AS prompt_tokens,
    coalesce({_number("completion_tokens", "BIGINT", "d.body")}, 0) AS completion_tokens,
    {_number("first_token_ms", body="d.body")} AS first_token_ms,
    {_number("duration_ms", body="d.body")} AS duration_ms
FROM (SELECT * FROM events WHERE type = 'prompt.requested') p
LEFT JOIN ({_ANSWERS.format(tag="prompt.completed")}) d ON d.call = p.call AND d.request = p.id
"""

_TOOLS = f"""
SELECT r.call, r.turn, r.time, r.id, r.version, r.body->>'$.agent' AS agent, r.body->>'$.name' AS name,
    r.body->>'$.arguments' AS arguments, d.body->>'$.result' AS result,
    coalesce(TRY_CAST(d.body->>'$.failed' AS BOOLEAN), false) AS failed, d.request IS NOT NULL AS completed,
    {_number("duration_ms", body="d.body")} AS duration_ms
FROM (SELECT * FROM events WHERE type = 'tool.requested') r
LEFT JOIN ({_ANSWERS.format(tag="tool.completed")}) d ON d.call = r.call AND d.request = r.id
"""

_REPLIES = f"""
SELECT call, turn, time, body->>'$.agent' AS agent, type = 'reply.interrupted' AS interrupted,
    coalesce(body->>'$.text', body->>'$.heard', '') AS text
FROM events
WHERE {_types("reply.spoken", "reply.interrupted")}
"""

#: turns that were predicted to be over, and what became of it. A prediction that no event confirms or takes back was of
#: a call whose edge was lost, or that ended
_PREDICTIONS = f"""
SELECT p.call, p.turn, p.time, CAST(p.time AS DATE) AS day, c.app, coalesce(a.agent, c.agent) AS agent,
    coalesce(nullif(a.version, ''), c.version) AS version, p.said,
    CASE WHEN p.ended THEN 'hit' WHEN p.resumed THEN coalesce(p.reason, 'resumed')
        WHEN c.status = 'ended' THEN 'lost' ELSE 'open' END AS outcome,
    NOT p.ended AND (p.resumed OR c.status = 'ended') AS wasted,
    coalesce(a.prompts, 0) AS prompts,
    coalesce(a.prompt_tokens, 0) AS prompt_tokens, coalesce(a.completion_tokens, 0) AS completion_tokens,
    coalesce(a.estimated, false) AS tokens_estimated
FROM (
    SELECT call, turn,
        min(time) FILTER (type = 'user.turn.predicted') AS time,
        {_of("user.turn.predicted", _text("text"))} AS said,
        {_count("user.turn.ended")} > 0 AS ended,
        {_count("user.turn.resumed")} > 0 AS resumed,
        {_of("user.turn.resumed", _text("reason"))} AS reason
    FROM events
    WHERE {_types("user.turn.predicted", "user.turn.ended", "user.turn.resumed")}
    GROUP BY call, turn
    HAVING {_count("user.turn.predicted")} > 0
) p
JOIN calls c ON c.call = p.call
LEFT JOIN (
    SELECT call, turn, {_count("prompt.requested")} AS prompts,
        {_of("prompt.requested", _text("agent"))} AS agent,
        {_of("prompt.requested", "version")} AS version,
        {_sum("prompt.completed", "prompt_tokens")} AS prompt_tokens,
        {_sum("prompt.completed", "completion_tokens")} AS completion_tokens,
        bool_or(type = 'prompt.completed' AND coalesce({_number("tokens_estimated", "BOOLEAN")}, false)) AS estimated
    FROM events
    WHERE {_types("prompt.requested", "prompt.completed")}
    GROUP BY call, turn
) a ON a.call = p.call AND a.turn = p.turn
"""

#: events whose cause is not there: of their call something was trimmed or deleted before it was kept
_HOLES = """
SELECT e.call, e.turn, e.time, e.stream_id, e.type, e.cause AS missing
FROM (SELECT * FROM events WHERE cause <> '') e
ANTI JOIN (SELECT call, id FROM events) c ON c.call = e.call AND c.id = e.cause
"""

#: by name; each may use those before it
VIEWS = {
    "events": _EVENTS,
    "calls": _CALLS,
    "turns": _TURNS,
    "prompts": _PROMPTS,
    "tools": _TOOLS,
    "replies": _REPLIES,
    "predictions": _PREDICTIONS,
    "holes": _HOLES,
}
