"""The views of calls, turns, prompts, tools, speech and predictions, as SQL over what is derived of the events.

Queries read them, and what is summed up of a file (`orchestra.archive.derived.sums`) is summed up from them.
"""
# ruff: noqa: S608 - made of constants

from orchestra_schemas.speech import TURN_TIMES

_CALLS = """
SELECT call, time, CAST(time AS DATE) AS day,
    CASE WHEN ended > 0 THEN 'ended' ELSE 'running' END AS status,
    ending.reason AS outcome, coalesce(ending.duration_s, 0) AS duration_s,
    started.from_number AS from_number, started.to_number AS to_number,
    coalesce(started.direction, 'inbound') AS direction, started.app AS app, coalesce(started.line, '') AS line,
    coalesce(app_change.app, '') AS passed_to, agent_change.agent AS agent,
    coalesce(versioned.version, started.version, any_version, '') AS version, coalesce(modelled.model, '') AS model,
    CASE WHEN started.recording = 'off' THEN 'off' WHEN refusals > 0 THEN 'refused' WHEN consents > 0 THEN 'on'
        ELSE coalesce(started.recording, 'on') END AS recording_mode,
    turns, interruptions, tools, failed_tools, handovers, transferred, accepted,
    prompts, prompt_tokens, completion_tokens,
    caller_words, agent_words, wasted_characters
FROM {of}derived_calls
WHERE call <> ''
"""

_TURNS = f"""
SELECT call, turn, time, CAST(time AS DATE) AS day, coalesce(completed.agent, spoken.agent) AS agent,
    completed.model AS model, coalesce(versioned.version, '') AS version, said.text AS said, reply.text AS reply,
    coalesce(said.words, 0) AS caller_words, coalesce(reply.words, 0) AS agent_words,
    interruptions > 0 AS interrupted, failures > 0 AS failed,
    {", ".join(f"measured.{stage} AS {stage}" for stage in TURN_TIMES)}
FROM {{of}}derived_turns
WHERE turn > 0 AND time IS NOT NULL
"""

_PROMPT_FIGURES = """
SELECT call, turn, time, id, version, agent, coalesce(step, 1) AS step,
    coalesce(nullif(model, ''), asked_model, '') AS model, coalesce(error, '') AS error,
    coalesce(prompt_tokens, 0) AS prompt_tokens, coalesce(completion_tokens, 0) AS completion_tokens,
    first_token_ms, duration_ms
FROM {of}derived_prompts
WHERE asked_place IS NOT NULL
"""

_TOOLS = """
SELECT call, turn, time, id, version, agent, name, arguments, result, coalesce(failed, false) AS failed,
    request IS NOT NULL AS completed, duration_ms
FROM {of}derived_tools
WHERE asked_place IS NOT NULL
"""

#: what the speech engines of a call were given
_SPEECH = """
SELECT s.call, c.time, c.day, c.agent, c.version, coalesce(s.stt, '') AS stt, s.stt_s, coalesce(s.tts, '') AS tts,
    s.tts_characters
FROM {of}derived_speech s
JOIN {of}calls c ON c.call = s.call
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
FROM (SELECT * FROM {of}derived_turns WHERE predictions > 0) t
JOIN {of}calls c ON c.call = t.call
"""

_VIEWS = {
    "calls": _CALLS,
    "turns": _TURNS,
    "prompt_figures": _PROMPT_FIGURES,
    "tools": _TOOLS,
    "speech": _SPEECH,
    "predictions": _PREDICTIONS,
}


def counted_views(of: str = "") -> dict[str, str]:
    """The SELECT of each view, by name; each may use those before it.

    They read relations whose names begin with ``of``: ``{of}derived_calls`` and so on, and ``{of}calls``.
    """
    return {name: sql.format(of=of) for name, sql in _VIEWS.items()}
