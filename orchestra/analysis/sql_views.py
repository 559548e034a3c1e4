"""The views that an analyst queries, as SQL over the events and what is derived of them (`orchestra.archive.derived`).

``entries`` has the archive's rows and those of the live journal; ``derived_calls`` and so on have one row per key.
``time`` is UTC, fields that end in ``_ms`` are milliseconds, in ``_s`` seconds. What no event says is NULL.
"""
# ruff: noqa: S608 - made of constants

from orchestra.archive.derived.facts import PLACE, TIME, number
from orchestra_schemas.speech import TURN_TIMES

_EVENTS = f"""
SELECT concat(stream_ms, '-', stream_seq) AS stream_id, {TIME} AS time,
    partition, type, call, id, turn, source, cause, trace, version, body, {PLACE} AS place
FROM entries
"""

_CALLS = """
SELECT call, time, CAST(time AS DATE) AS day,
    CASE WHEN ended > 0 THEN 'ended' ELSE 'running' END AS status,
    ending.reason AS outcome, coalesce(ending.duration_s, 0) AS duration_s,
    started.from_number AS from_number, started.to_number AS to_number,
    coalesce(started.direction, 'inbound') AS direction, started.app AS app, coalesce(started.line, '') AS line,
    coalesce(app_change.app, '') AS passed_to, agent_change.agent AS agent,
    coalesce(versioned.version, started.version, any_version, '') AS version, coalesce(modelled.model, '') AS model,
    turns, interruptions, tools, failed_tools, handovers, transferred, accepted,
    prompts, prompt_tokens, completion_tokens,
    caller_words, agent_words, wasted_characters
FROM derived_calls
WHERE call <> ''
"""

_TURNS = f"""
SELECT call, turn, time, CAST(time AS DATE) AS day, coalesce(completed.agent, spoken.agent) AS agent,
    completed.model AS model, coalesce(versioned.version, '') AS version, said.text AS said, reply.text AS reply,
    coalesce(said.words, 0) AS caller_words, coalesce(reply.words, 0) AS agent_words,
    interruptions > 0 AS interrupted, failures > 0 AS failed,
    {", ".join(f"measured.{stage} AS {stage}" for stage in TURN_TIMES)}
FROM derived_turns
WHERE turn > 0 AND time IS NOT NULL
"""

_PROMPT_FIGURES = """
SELECT call, turn, time, id, version, agent, coalesce(step, 1) AS step,
    coalesce(nullif(model, ''), asked_model, '') AS model, coalesce(error, '') AS error,
    coalesce(prompt_tokens, 0) AS prompt_tokens, coalesce(completion_tokens, 0) AS completion_tokens,
    first_token_ms, duration_ms
FROM derived_prompts
WHERE asked_place IS NOT NULL
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

_TOOLS = """
SELECT call, turn, time, id, version, agent, name, arguments, result, coalesce(failed, false) AS failed,
    request IS NOT NULL AS completed, duration_ms
FROM derived_tools
WHERE asked_place IS NOT NULL
"""

#: what the speech engines of a call were given
_SPEECH = """
SELECT s.call, c.time, c.day, c.agent, c.version, coalesce(s.stt, '') AS stt, s.stt_s, coalesce(s.tts, '') AS tts,
    s.tts_characters
FROM derived_speech s
JOIN calls c ON c.call = s.call
"""

_REPLIES = """
SELECT call, turn, time, agent, type = 'reply.interrupted' AS interrupted, coalesce(text, '') AS text
FROM derived_words
WHERE type <> 'user.turn.ended'
"""

#: turns that were predicted to be over, and what became of it. A prediction that no event confirms or takes back was of
#: a call whose edge was lost, or that ended
_PREDICTIONS = """
SELECT t.call, t.turn, t.predicted AS time, CAST(t.predicted AS DATE) AS day, c.app,
    coalesce(t.prompt.agent, c.agent) AS agent, coalesce(nullif(t.prompt.version, ''), c.version) AS version,
    t.prediction.text AS said,
    CASE WHEN t.ends > 0 THEN 'hit' WHEN t.resumptions > 0 THEN coalesce(t.resumption.reason, 'resumed')
        WHEN c.status = 'ended' THEN 'lost' ELSE 'open' END AS outcome,
    t.ends = 0 AND (t.resumptions > 0 OR c.status = 'ended') AS wasted,
    t.prompts, t.prompt_tokens, t.completion_tokens, t.estimates > 0 AS tokens_estimated
FROM (SELECT * FROM derived_turns WHERE predictions > 0) t
JOIN calls c ON c.call = t.call
"""

#: by name; each may use those before it
VIEWS = {
    "events": _EVENTS,
    "calls": _CALLS,
    "turns": _TURNS,
    "prompts": _PROMPTS,
    "prompt_figures": _PROMPT_FIGURES,
    "tools": _TOOLS,
    "speech": _SPEECH,
    "replies": _REPLIES,
    "predictions": _PREDICTIONS,
    #: events whose cause is not there: of their call something was trimmed or deleted before it was kept
    "holes": "SELECT call, turn, time, stream_id, type, missing FROM derived_holes",
}
