"""The views that an analyst queries, as SQL over the events and what is derived of them (`orchestra.archive.derived`).

``entries`` has the archive's rows and those of the live journal; ``derived_calls`` and so on have one row per key.
``time`` is UTC, fields that end in ``_ms`` are milliseconds, in ``_s`` seconds. What no event says is NULL.
"""
# ruff: noqa: S608 - made of constants

from orchestra.archive.derived.facts import PLACE, TIME, number
from orchestra.archive.derived.views import counted_views

_EVENTS = f"""
SELECT concat(stream_ms, '-', stream_seq) AS stream_id, {TIME} AS time,
    partition, type, call, id, turn, source, cause, trace, version, body, {PLACE} AS place
FROM entries
"""

_ANSWERS = "SELECT call, body->>'$.request' AS request, body FROM events WHERE type = 'prompt.completed'"

#: with the texts, which only the events have
_PROMPTS = f"""
SELECT p.call, p.turn, p.time, p.id, p.version, p.body->>'$.agent' AS agent,
    coalesce(TRY_CAST(p.body->>'$.step' AS INTEGER), 1) AS step,
    p.body->'$.messages' AS messages, p.body->'$.tools' AS tools,
    coalesce(nullif(d.body->>'$.model', ''), p.body->>'$.model', '') AS model,
    d.body->>'$.text' AS answer, d.body->'$.tool_calls' AS tool_calls, coalesce(d.body->>'$.error', '') AS error,
    coalesce({number("d.body->>'$.prompt_tokens'", "BIGINT")}, 0) AS prompt_tokens,
    coalesce({number("d.body->>'$.completion_tokens'", "BIGINT")}, 0) AS completion_tokens,
    {number("d.body->>'$.first_token_ms'")} AS first_token_ms,
    {number("d.body->>'$.duration_ms'")} AS duration_ms
FROM (SELECT * FROM events WHERE type = 'prompt.requested') p
LEFT JOIN ({_ANSWERS}) d ON d.call = p.call AND d.request = p.id
"""

_REPLIES = """
SELECT call, turn, time, agent, type = 'reply.interrupted' AS interrupted, coalesce(text, '') AS text
FROM derived_words
WHERE type <> 'user.turn.ended'
"""

#: by name; each may use those before it
VIEWS = {
    "events": _EVENTS,
    **counted_views(),
    "prompts": _PROMPTS,
    "replies": _REPLIES,
    #: events whose cause is not there: of their call something was trimmed or deleted before it was kept
    "holes": "SELECT call, turn, time, stream_id, type, missing FROM derived_holes",
}
