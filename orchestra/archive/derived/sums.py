"""What the rows of many calls sum up to, so that a report over millions of them reads some thousand rows.

A row of ``sums`` has what rows of one ``kind`` have in common: their day, the app, line and numbers of their calls,
agent, version, a name, and a duration. ``number`` is how many they are, and the other columns are their sums. So two
rows that have the same in common are added up, and one is taken from another. The rows of a file are of its own events:
those of calls that other files have a part of, too, are made again and taken away, by whoever asks.

Durations are rounded by less than one percent, to one of 117 values per power of ten. Those that are not from a file
are as exact as the events are.

kind         of each                      name             further sums
calls        call                         outcome          what calls have in the view ``calls``
turns        call, agent and version      .                ``turns``, words; ``of_…``: 1 once in each call
waits        stage of a turn              stage            .
tools        tool call                    tool             ``failed``, ``unfinished``
prompts      prompt                       model            ``failed``, tokens
speech       pair of engines in a call    STT, other: TTS  ``seconds``, ``characters``
predictions  predicted turn               outcome          ``prompts`` and tokens, if they were wasted
wasted       prompt of a wrong prediction model            ``used``: it has tokens
days         day of a call, if it has     id of the call   .
             turns of two days
"""
# ruff: noqa: S608 - made of constants

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from orchestra_schemas.speech import TURN_TIMES

#: a file of such rows; goes up with every change of them
SUMS = "sums-1"

KINDS = ("calls", "turns", "waits", "tools", "prompts", "speech", "predictions", "wasted", "days")

#: what the rows that are summed up have in common
KEYS = {
    "kind": "VARCHAR", "day": "DATE", "app": "VARCHAR", "passed_to": "VARCHAR", "line": "VARCHAR", "dialled": "VARCHAR",
    "agent": "VARCHAR", "version": "VARCHAR", "name": "VARCHAR", "other": "VARCHAR", "value": "DOUBLE",
}  # fmt: skip
_COUNTED = (
    "number", "of_day", "of_agent", "of_version", "running", "turns", "interruptions", "tools", "failed_tools",
    "handovers", "accepted", "prompts", "prompt_tokens", "completion_tokens", "caller_words", "agent_words",
    "wasted_characters", "failed", "unfinished", "characters", "used",
)  # fmt: skip
#: seconds are summed up as decimals, so that what is added and taken away again leaves nothing
SUMMED = {**dict.fromkeys(_COUNTED, "BIGINT"), "seconds": "DECIMAL(38, 6)"}
#: shorter is nothing, in ms: durations are recorded in tenths
_SHORTEST = 0.05
_STEP = 1.02
#: the error of a duration that was rounded, as a share of it
ROUNDED_BY = 0.01


#: what is summed up of a view's rows, by view, and the views of each kind
COLUMNS = {
    "calls": "*",
    "turns": f"call, turn, time, day, agent, version, interrupted, caller_words, agent_words, {', '.join(TURN_TIMES)}",
    "tools": "call, time, agent, version, name, failed, completed, duration_ms",
    "prompt_figures": "* EXCLUDE (id, step, duration_ms)",
    "speech": "*",
    "predictions": "* EXCLUDE (said)",
}
VIEWS_OF = {
    "calls": ("calls",),
    "turns": ("calls", "turns"),
    "waits": ("calls", "turns"),
    "tools": ("calls", "tools"),
    "prompts": ("calls", "prompt_figures"),
    "speech": ("calls", "speech"),
    "predictions": ("calls", "predictions"),
    "wasted": ("calls", "prompt_figures", "predictions"),
}


def rounded(value: str) -> str:
    """A duration in ms, to the nearest of some values, each 2 percent longer than the one before."""
    steps = f"round(ln(abs({value}) / {_SHORTEST}) / ln({_STEP}))"
    nearest = f"sign({value}) * round({_SHORTEST} * {_STEP} ** {steps}, 4)"
    return f"CASE WHEN abs({value}) < {_SHORTEST} THEN 0 ELSE {nearest} END"


def sums(of: str = "", *, kinds: Collection[str] = KINDS, exact: bool = False, when: str = "true") -> str:
    """A SELECT of the sums of views whose names begin with ``of``, with all columns.

    Args:
        of: see `counted_views`.
        kinds: only these.
        exact: durations are not rounded.
        when: a condition on ``time``, of the rows that are summed up.

    """
    of_kinds = (f"({rows})" for kind, rows in _Views(of, when, str if exact else rounded).kinds() if kind in kinds)
    nothing = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in {**KEYS, **SUMMED}.items())
    rows = " UNION ALL BY NAME ".join([f"(SELECT {nothing} LIMIT 0)", *of_kinds])
    return f"SELECT {_columns()} FROM ({rows})"


def added_up(rows: str) -> str:
    """A SELECT of the rows of a relation, those that have the same in common added up."""
    totals = ", ".join(f"CAST(sum({name}) AS {kind}) AS {name}" for name, kind in SUMMED.items())
    return f"SELECT {', '.join(KEYS)}, {totals} FROM {rows} GROUP BY {', '.join(KEYS)} HAVING sum(number) <> 0"


def taken_away(rows: str) -> str:
    """A SELECT of the rows of a relation, with what takes them away where it is added."""
    return f"SELECT {', '.join(KEYS)}, {', '.join(f'-{name} AS {name}' for name in SUMMED)} FROM {rows}"


def _columns() -> str:
    return ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in {**KEYS, **SUMMED}.items())


_DIALLED = "CASE direction WHEN 'outbound' THEN from_number ELSE to_number END AS dialled"
_OF_CALLS = (
    "turns", "interruptions", "tools", "failed_tools", "handovers", "accepted", "prompts", "prompt_tokens",
    "completion_tokens", "caller_words", "agent_words", "wasted_characters",
)  # fmt: skip
_CALL = "app, passed_to, line, dialled"
_TOKENS = "sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens"
#: the first of a call's rows with a day, agent or version counts the call for it
_FIRST = "CAST(row_number() OVER (PARTITION BY call, {} ORDER BY day, agent, version) = 1 AS INTEGER)"


@dataclass(frozen=True, slots=True)
class _Views:
    """Views whose names begin with ``of``, and when of their rows; ``value`` is what becomes of a duration."""

    of: str
    when: str
    value: Callable[[str], str]

    @property
    def calls(self) -> str:
        return f"(SELECT call, app, passed_to, line, {_DIALLED} FROM {self.of}calls)"

    def rows(self, view: str, columns: str) -> str:
        """The rows of a view with what is known of their calls: nothing, where no call is."""
        found = f"SELECT {columns} FROM {self.of}{view} WHERE {self.when}"
        return f"(SELECT r.*, {_CALL} FROM ({found}) r LEFT JOIN {self.calls} USING (call))"

    def kinds(self) -> Iterator[tuple[str, str]]:
        """Each kind, and a SELECT of its rows with some of the columns."""
        yield "calls", self._of_calls()
        yield self._of_turns()
        yield "waits", self._of_waits()
        yield from self._of_requests()
        yield from self._of_predictions()
        yield "days", self._of_days()

    def _of_calls(self) -> str:
        return f"""
        SELECT 'calls' AS kind, day, app, passed_to, line, {_DIALLED}, agent, version,
            coalesce(outcome, status) AS name, count(*) AS number, count(*) FILTER (status = 'running') AS running,
            {", ".join(f"sum({name}) AS {name}" for name in _OF_CALLS)},
            sum(CAST(duration_s AS DECIMAL(38, 6))) AS seconds
        FROM {self.of}calls WHERE {self.when} GROUP BY ALL
        """

    def _of_turns(self) -> tuple[str, str]:
        turns = self.rows("turns", "call, day, agent, version, interrupted, caller_words, agent_words")
        of_calls = f"""
            SELECT call, day, {_CALL}, coalesce(agent, '') AS agent, version, count(*) AS turns,
                count(*) FILTER (interrupted) AS interruptions, sum(caller_words) AS caller_words,
                sum(agent_words) AS agent_words
            FROM {turns} GROUP BY ALL
        """
        firsts = ", ".join(f"{_FIRST.format(key)} AS first_{key}" for key in ("day", "agent", "version"))
        return _by_call(
            "turns",
            f"(SELECT *, {firsts} FROM ({of_calls}))",
            "sum(first_day) AS of_day, sum(first_agent) AS of_agent, sum(first_version) AS of_version,"
            " sum(turns) AS turns, sum(interruptions) AS interruptions, sum(caller_words) AS caller_words,"
            " sum(agent_words) AS agent_words",
        )

    def _of_waits(self) -> str:
        stages = ", ".join(f"{self.value(stage)} AS {stage}" for stage in TURN_TIMES)
        keys = f"day, {_CALL}, agent, version"
        return f"""
        SELECT 'waits' AS kind, {keys}, name, value, number FROM (
            SELECT {keys}, CASE {" ".join(f"WHEN grouping({stage}) = 0 THEN '{stage}'" for stage in TURN_TIMES)} END
                AS name, coalesce({", ".join(TURN_TIMES)}) AS value, count(*) AS number
            FROM {self.rows("turns", f"call, day, agent, version, {stages}")}
            GROUP BY {keys}, GROUPING SETS ({", ".join(f"({stage})" for stage in TURN_TIMES)})
        ) WHERE value IS NOT NULL
        """

    def _of_requests(self) -> Iterator[tuple[str, str]]:
        """Tools, prompts, and what was spoken."""
        own = "call, CAST(time AS DATE) AS day, agent, version"
        tools = f"{own}, name, failed, completed, {self.value('duration_ms')} AS value"
        yield _by_call(
            "tools",
            self.rows("tools", tools),
            "count(*) FILTER (failed) AS failed, count(*) FILTER (NOT completed) AS unfinished",
            "name, value",
        )
        first_token = self.value("first_token_ms")
        prompts = f"{own}, model AS name, error, prompt_tokens, completion_tokens, {first_token} AS value"
        yield _by_call(
            "prompts",
            self.rows("prompt_figures", prompts),
            f"count(*) FILTER (error <> '') AS failed, {_TOKENS}",
            "name, value",
        )
        yield _by_call(
            "speech",
            self.rows("speech", "call, day, agent, version, stt AS name, tts AS other, stt_s, tts_characters"),
            "sum(CAST(stt_s AS DECIMAL(38, 6))) AS seconds, sum(tts_characters) AS characters",
            "name, other",
        )

    def _of_predictions(self) -> Iterator[tuple[str, str]]:
        used = ("prompts", "prompt_tokens", "completion_tokens")
        yield _by_call(
            "predictions",
            self.rows("predictions", f"call, day, agent, version, outcome AS name, wasted, {', '.join(used)}"),
            ", ".join(f"sum({name}) FILTER (wasted) AS {name}" for name in used),
            "name",
        )
        of_turn = f"(SELECT call, turn, model AS name, prompt_tokens, completion_tokens FROM {self.of}prompt_figures)"
        wrong = self.rows("predictions", "call, turn, day, agent, version, wasted")
        yield _by_call(
            "wasted",
            f"(SELECT * FROM {wrong} JOIN {of_turn} USING (call, turn) WHERE wasted)",
            f"count(*) FILTER (prompt_tokens + completion_tokens > 0) AS used, {_TOKENS}",
            "name",
        )

    def _of_days(self) -> str:
        return f"""
        SELECT DISTINCT 'days' AS kind, day, call AS name, 1 AS number FROM (
            SELECT call, day, min(day) OVER (PARTITION BY call) AS first, max(day) OVER (PARTITION BY call) AS last
            FROM {self.of}turns WHERE {self.when}
        ) WHERE first < last
        """


def _by_call(kind: str, source: str, sums: str, keys: str = "") -> tuple[str, str]:
    common = f"day, {_CALL}, agent, version" + (f", {keys}" if keys else "")
    return kind, f"SELECT '{kind}' AS kind, {common}, count(*) AS number, {sums} FROM {source} GROUP BY ALL"
