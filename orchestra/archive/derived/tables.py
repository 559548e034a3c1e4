"""The derived tables: how each is made of facts, and how the rows of a call from several files become one.

A row of ``calls`` or ``turns`` sums up a part of a call: what one file, or several, have of it. So each column is an
aggregate in two forms: over facts, and over such rows. The last value of something is kept with its place in the
stream, which decides between two files. ``prompts`` and ``tools`` pair a request with its answer; the two may be in
different files, and then are two rows, each a half. ``holes`` has events whose cause is not in the same file.
``words`` has one row per utterance, ``analyses`` per analysis and ``verdicts`` per verdict; these need no other.
"""
# ruff: noqa: S608 - made of constants

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestra.archive.derived.facts import OF_CALL, SAID, is_true, number, types
from orchestra_schemas.speech import TURN_TIMES


class Column(NamedTuple):
    """An aggregate: over facts, and over rows of its own table."""

    name: str
    of_facts: str
    of_rows: str


@dataclass(frozen=True, slots=True)
class Table:
    """A derived table as SQL.

    Attributes:
        name: of the table.
        of_facts: a SELECT of its rows from ``facts``.
        of_rows: a SELECT of its rows from its own rows of several files, in place of ``{rows}``; empty if they are just
            put together. ``{ids}`` is a relation with the ``call`` and ``id`` of every event.
        order: of the rows in a file.

    """

    name: str
    of_facts: str
    of_rows: str
    order: str


def _count(name: str, condition: str) -> Column:
    return Column(name, f"count(*) FILTER ({condition})", f"CAST(sum({name}) AS BIGINT)")


def _sum(name: str, condition: str, value: str) -> Column:
    total = f"CAST(coalesce(sum({value}) FILTER ({condition}), 0) AS BIGINT)"
    return Column(name, total, f"CAST(coalesce(sum({name}), 0) AS BIGINT)")


def _last(name: str, condition: str, /, **values: str) -> Column:
    """Some values of the last event that meets the condition, and its place, as a struct."""
    return _chosen("arg_max", name, condition, values)


def _first(name: str, condition: str, /, **values: str) -> Column:
    return _chosen("arg_min", name, condition, values)


def _chosen(function: str, name: str, condition: str, values: dict[str, str]) -> Column:
    packed = ", ".join(f"{field} := {value}" for field, value in {"place": "place", **values}.items())
    return Column(
        name, f"{function}(struct_pack({packed}), place) FILTER ({condition})", f"{function}({name}, {name}.place)"
    )


def _aggregated(name: str, keys: Sequence[str], columns: Iterable[Column], condition: str) -> Table:
    by = ", ".join(keys)
    columns = list(columns)
    of_facts = ", ".join(f"{column.of_facts} AS {column.name}" for column in columns)
    of_rows = ", ".join(f"{column.of_rows} AS {column.name}" for column in columns)
    return Table(
        name,
        f"SELECT {by}, {of_facts} FROM facts WHERE {condition} GROUP BY {by}",
        f"SELECT {by}, {of_rows} FROM {{rows}} GROUP BY {by}",
        by,
    )


_PLAYED = types("reply.spoken", "reply.interrupted")
#: by the caller: what an operator does ends a reply, too, and is no interruption
_INTERRUPTED = f"{types('reply.interrupted')} AND coalesce(stopped_by, '') = ''"
_ENDED = types("user.turn.ended")
_FAILED = is_true("failed")

_CALLS = _aggregated(
    "calls",
    ["call"],
    [
        Column("time", "min(time)", "min(time)"),
        Column("any_version", "max(version)", "max(any_version)"),
        _count("ended", types("call.ended")),
        _last("ending", types("call.ended"), reason="reason", duration_s=number("duration_s")),
        _first(
            "started", types("call.started"), from_number="from_number", to_number="to_number", direction="direction",
            app="app", line="line", version="version", recording="recording",
        ),
        _count("consents", types("consent.given")),
        _count("refusals", types("consent.refused")),
        _last("app_change", types("app.changed"), app="app"),
        _last("agent_change", types("agent.changed"), agent="agent"),
        _last("versioned", f"{types('turn.completed')} AND version <> ''", version="version"),
        _last("modelled", f"{types('prompt.completed', 'turn.completed')} AND model <> ''", model="model"),
        _count("turns", _ENDED),
        _count("interruptions", _INTERRUPTED),
        _count("tools", types("tool.completed")),
        _count("failed_tools", f"{types('tool.completed')} AND {_FAILED}"),
        _count("handovers", types("call.transfer.requested")),
        _count("transferred", types("call.transferred")),
        _count("accepted", types("transfer.accepted")),
        _count("prompts", types("prompt.completed")),
        _sum("prompt_tokens", types("prompt.completed"), number("prompt_tokens", "BIGINT")),
        _sum("completion_tokens", types("prompt.completed"), number("completion_tokens", "BIGINT")),
        _sum("caller_words", _ENDED, "words"),
        _sum("agent_words", _PLAYED, "words"),
        _sum("wasted_characters", types("speech.metered"), number("tts_characters_wasted", "BIGINT")),
    ],
    OF_CALL,
)  # fmt: skip

#: the types that make a row of the view ``turns``
_OF_TURN = types("user.turn.ended", "turn.completed", "turn.measured", "reply.spoken", "reply.interrupted")

_TURNS = _aggregated(
    "turns",
    ["call", "turn"],
    [
        Column("time", f"min(time) FILTER ({_OF_TURN})", "min(time)"),
        _last("completed", types("turn.completed"), agent="agent", model="model"),
        _last("versioned", f"{types('turn.completed')} AND version <> ''", version="version"),
        _last("spoken", types("reply.spoken"), agent="agent"),
        _last("said", _ENDED, text="text", words="words"),
        _last("reply", _PLAYED, text="said", words="words"),
        _count("interruptions", _INTERRUPTED),
        _count("failures", f"{types('turn.completed')} AND {_FAILED}"),
        _last("measured", types("turn.measured"), **{stage: number(stage) for stage in TURN_TIMES}),
        _count("ends", _ENDED),
        _count("predictions", types("user.turn.predicted")),
        Column("predicted", f"min(time) FILTER ({types('user.turn.predicted')})", "min(predicted)"),
        _last("prediction", types("user.turn.predicted"), text="text"),
        _count("resumptions", types("user.turn.resumed")),
        _last("resumption", types("user.turn.resumed"), reason="reason"),
        _count("prompts", types("prompt.requested")),
        _last("prompt", types("prompt.requested"), agent="agent", version="version"),
        _sum("prompt_tokens", types("prompt.completed"), number("prompt_tokens", "BIGINT")),
        _sum("completion_tokens", types("prompt.completed"), number("completion_tokens", "BIGINT")),
        _count("estimates", f"{types('prompt.completed')} AND {is_true('tokens_estimated')}"),
    ],
    types(
        "user.turn.ended", "turn.completed", "turn.measured", "reply.spoken", "reply.interrupted",
        "user.turn.predicted", "user.turn.resumed", "prompt.requested", "prompt.completed",
    ),
)  # fmt: skip


def _paired(name: str, asked_type: str, answered_type: str, asked: dict[str, str], answered: dict[str, str]) -> Table:
    """Requests with their answers: the columns of both, and each half's place. ``request`` is the id of the request."""
    asked = {"asked_place": "place", "turn": "turn", "time": "time", "id": "id", "version": "version", **asked}
    answered = {"answered_place": "place", "request": "request", **answered}
    mine, theirs = (", ".join(f"{value} AS {column}" for column, value in half.items()) for half in (asked, answered))
    joined = f"""
        SELECT coalesce(a.call, d.call) AS call, {", ".join(f"a.{column}" for column in asked)},
            {", ".join(f"d.{column}" for column in answered)}
        FROM ({{asked}}) a FULL JOIN ({{answered}}) d ON d.call = a.call AND d.request = a.id
    """
    half = "SELECT DISTINCT ON (call, {place}, {id}) call, {columns} FROM {{rows}} WHERE {place} IS NOT NULL"
    return Table(
        name,
        joined.format(
            asked=f"SELECT call, {mine} FROM facts WHERE {types(asked_type)}",
            answered=f"SELECT call, {theirs} FROM facts WHERE {types(answered_type)}",
        ),
        joined.format(
            asked=half.format(place="asked_place", id="id", columns=", ".join(asked)),
            answered=half.format(place="answered_place", id="request", columns=", ".join(answered)),
        ),
        "call, turn, asked_place",
    )


_PROMPTS = _paired(
    "prompts",
    "prompt.requested",
    "prompt.completed",
    {"agent": "agent", "step": "TRY_CAST(step AS INTEGER)", "asked_model": "model"},
    {
        "model": "model",
        "error": "error",
        "prompt_tokens": number("prompt_tokens", "BIGINT"),
        "completion_tokens": number("completion_tokens", "BIGINT"),
        "first_token_ms": number("first_token_ms"),
        "duration_ms": number("duration_ms"),
    },
)

_TOOLS = _paired(
    "tools",
    "tool.requested",
    "tool.completed",
    {"agent": "agent", "name": "name", "arguments": "arguments"},
    {"result": "result", "failed": _FAILED, "duration_ms": number("duration_ms")},
)

_METERED = types("speech.metered")

#: what the speech engines were given, by their names
_SPEECH = _aggregated(
    "speech",
    ["call", "stt", "tts"],
    [
        Column("time", "min(time)", "min(time)"),
        Column("stt_s", f"coalesce(sum({number('stt_s')}), 0)", "sum(stt_s)"),
        _sum("tts_characters", _METERED, number("tts_characters", "BIGINT")),
    ],
    _METERED,
)

_HOLES = Table(
    "holes",
    f"""
    SELECT e.call, e.turn, e.time, concat(e.stream_ms, '-', e.stream_seq) AS stream_id, e.type, e.cause AS missing
    FROM (SELECT * FROM facts WHERE cause <> '' AND {OF_CALL}) e
    ANTI JOIN (SELECT call, id FROM facts) c ON c.call = e.call AND c.id = e.cause
    """,
    """
    SELECT e.* FROM {rows} e
    ANTI JOIN (SELECT call, id FROM {ids} WHERE call IN (SELECT call FROM {rows})) c
        ON c.call = e.call AND c.id = e.missing
    """,
    "call, stream_id",
)

#: ``place`` is of the event, ``tokens`` the length of the text as a search engine counts it
_WORDS = Table(
    "words",
    rf"""
    SELECT call, turn, time, "at", place, type, agent, said AS text,
        CAST(len(regexp_extract_all(said, '[\pL\pM\pN\p{{Co}}]+')) AS INTEGER) AS tokens
    FROM facts WHERE {SAID}
    """,
    "",
    "call, place",
)


def _json(field: str, kind: str) -> str:
    """A field that has to be a JSON object or array; NULL for anything else, so that no query fails on it."""
    return f"CASE WHEN json_valid({field}) AND json_type({field}) = '{kind}' THEN {field} END"


_ANALYSES = Table(
    "analyses",
    f"""
    SELECT call, place, time, model, summary, TRY_CAST(success AS BOOLEAN) AS success, success_reason,
        nullif({_json("extracted", "OBJECT")}, '{{}}') AS extracted,
        nullif({_json("not_extracted", "OBJECT")}, '{{}}') AS not_extracted,
        from_json({_json("errors", "ARRAY")}, '["VARCHAR"]') AS errors,
        coalesce({number("prompt_tokens", "BIGINT")}, 0) AS prompt_tokens,
        coalesce({number("completion_tokens", "BIGINT")}, 0) AS completion_tokens
    FROM facts WHERE {types("call.analysed")}
    """,
    "",
    "call, place",
)

_VERDICTS = Table(
    "verdicts",
    f"""
    SELECT call, place, time, model, verdict->>'$.judge' AS judge, coalesce(verdict->>'$.version', '') AS judge_version,
        TRY_CAST(verdict->>'$.passed' AS BOOLEAN) AS passed, coalesce(verdict->>'$.reason', '') AS reason,
        coalesce(TRY_CAST(verdict->'$.turns' AS INTEGER[]), []) AS turns, coalesce(verdict->>'$.error', '') AS error
    FROM (
        SELECT call, place, time, coalesce(model, '') AS model,
            unnest(from_json({_json("verdicts", "ARRAY")}, '["JSON"]')) AS verdict
        FROM facts WHERE {types("call.analysed")}
    )
    WHERE verdict->>'$.judge' <> ''
    """,
    "",
    "call, place",
)

TABLES = {
    table.name: table for table in (_CALLS, _TURNS, _PROMPTS, _TOOLS, _SPEECH, _HOLES, _WORDS, _ANALYSES, _VERDICTS)
}
