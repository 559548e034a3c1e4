"""The views that an analyst queries, as SQL over the events and what is derived of them (`orchestra.archive.derived`).

``entries`` has the archive's rows and those of the live journal; ``derived_calls`` and so on have one row per key.
``time`` is UTC, fields that end in ``_ms`` are milliseconds, in ``_s`` seconds. What no event says is NULL.
"""
# ruff: noqa: S608 - made of constants

from orchestra.archive.derived.facts import PLACE, TIME, number
from orchestra.archive.derived.views import counted_views
from orchestra.intervals import Z

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

#: what all analyses of a call say together; of the values that were extracted, `create_analyses` makes columns
_ANALYSES = """
SELECT a.call, c.time, c.day, c.app, c.passed_to, c.version, a.summary, a.success, a.success_reason, a.model,
    a.prompt_tokens, a.completion_tokens, a.errors, a.analysed,
    CAST(a.extraction.extracted AS JSON) AS extracted, CAST(a.extraction.not_extracted AS JSON) AS not_extracted
FROM (
    SELECT call, max(time) AS analysed,
        arg_max(summary, place) FILTER (summary <> '') AS summary,
        arg_max(success, place) FILTER (success IS NOT NULL) AS success,
        CASE WHEN count(success) > 0 THEN arg_max(coalesce(success_reason, ''), place) FILTER (success IS NOT NULL)
            ELSE arg_max(success_reason, place) FILTER (success_reason <> '') END AS success_reason,
        arg_max(model, place) FILTER (model <> '') AS model,
        CAST(sum(prompt_tokens) AS BIGINT) AS prompt_tokens,
        CAST(sum(completion_tokens) AS BIGINT) AS completion_tokens,
        coalesce(flatten(list(errors ORDER BY place) FILTER (errors IS NOT NULL)), []) AS errors,
        arg_max(struct_pack(extracted := extracted, not_extracted := not_extracted), place)
            FILTER (coalesce(extracted, not_extracted) IS NOT NULL) AS extraction
    FROM derived_analyses GROUP BY call
) a LEFT JOIN calls c ON c.call = a.call
"""

#: the last verdict of each judge and version on a call
_VERDICTS = """
SELECT v.call, c.time, c.day, c.app, c.line, c.version, v.judge, v.judge_version, v.passed, v.reason, v.turns, v.error,
    v.model, v.time AS judged
FROM (
    SELECT DISTINCT ON (call, judge, judge_version) * FROM derived_verdicts
    ORDER BY call, judge, judge_version, place DESC
) v LEFT JOIN calls c ON c.call = v.call
"""

_END = "(part / whole + {z2} / (2 * whole) {sign} {z} * sqrt(({inside}) / whole)) / (1 + {z2} / whole)"
_INSIDE = "part / whole * (1 - part / whole) + {z2} / (4 * whole)"
#: the ends of the 95 % interval of the share ``part / whole``; NULL if nothing was counted
MACROS = tuple(
    f"{name}(part, whole) AS CASE WHEN whole > 0 THEN {limit}({edge}, "
    + _END.format(z=Z, z2=Z * Z, sign=sign, inside=_INSIDE.format(z2=Z * Z))
    + ") END"
    for name, limit, edge, sign in (("share_low", "greatest", 0, "-"), ("share_high", "least", 1, "+"))
)

#: by name; each may use those before it
VIEWS = {
    "events": _EVENTS,
    **counted_views(),
    "prompts": _PROMPTS,
    "replies": _REPLIES,
    "analyses": _ANALYSES,
    "verdicts": _VERDICTS,
    #: events whose cause is not there: of their call something was trimmed or deleted before it was kept
    "holes": "SELECT call, turn, time, stream_id, type, missing FROM derived_holes",
}
