"""Utterances of a database of calls that may have some words: few enough for a search engine to look at each."""
# ruff: noqa: S608 - made of constants, numbers and quoted texts

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from orchestra.analysis.query import CallDatabase
from orchestra.analysis.words import Utterance, WantedWords, best_matches
from orchestra.archive.derived.facts import quoted

#: a search engine indexes as many in less than a second
_MOST = 30_000
#: utterances that are looked at together for a page of calls
_CHUNK = 2000
#: how far words are looked for before they are looked for everywhere
_DAYS_BACK = (1, 8)
_COLUMNS = """
call, turn, CASE type WHEN 'user.turn.ended' THEN 'caller' WHEN 'reply.spoken' THEN coalesce(nullif(agent, ''), 'agent')
    ELSE 'agent' END AS who, coalesce("at", 0) AS "at", text
"""


def utterances_with(
    records: CallDatabase,
    wanted: WantedWords,
    *,
    calls: Collection[str] | None = None,
    since_ms: int = 0,
    until_ms: int | None = None,
) -> tuple[list[Utterance], tuple[int, int]]:
    """The utterances that may have the words, and how many there are of all, with the sum of their words. Blocks.

    Where very many have them, these are the ones that match best. Times are ms of the stream id.
    """
    tests = [f"place >= {since_ms} * 1048576"] if since_ms else []
    tests += [f"place < {until_ms} * 1048576"] if until_ms is not None else []
    tests += [f"call IN ({', '.join(map(quoted, sorted(calls)))})"] if calls is not None else []
    said = f"(FROM derived_words WHERE {' AND '.join(tests)})" if tests else "derived_words"
    if calls is not None and not calls:
        return [], (0, 0)
    (total,) = records.rows(f"SELECT count(*) AS utterances, coalesce(sum(tokens), 0) AS words FROM {said}")
    of = int(total["utterances"]), int(total["words"])
    found: list[dict[str, Any]] = []
    if several := len(wanted.terms) > 1:
        # all that have one of the words, so that it is known how rare each word is
        any_term = wanted.may_match("text", any_term=True)
        found = records.rows(f"SELECT {_COLUMNS} FROM {said} WHERE {any_term} LIMIT {_MOST + 1}")
    if not several or len(found) > _MOST:
        rank = wanted.likely_rank("text", "tokens", of[1] / max(of[0], 1))
        found = records.rows(
            f"SELECT {_COLUMNS} FROM {said} WHERE {wanted.may_match('text')} ORDER BY {rank} DESC, place LIMIT {_MOST}"
        )
    return [Utterance(**row) for row in found], of


def calls_with(records: CallDatabase, wanted: WantedWords, calls: str, limit: int) -> list[dict[str, Any]]:
    """The newest calls in which somebody said the words, of a SELECT of ``call`` and ``time``, with both. Blocks.

    Calls that may have them are looked at in their order, until there are enough; and those of the last days before
    older ones, so that words that are said every day are not looked for in all years. Words that are said seldom are
    looked for in the last days up to three times.
    """
    matching: list[dict[str, Any]] = []
    before = "true"
    for since in _further_back(records, calls):
        while len(matching) < limit:
            candidates = _candidates(records, wanted, f"SELECT * FROM ({calls}) WHERE {before} AND {since}", since)
            if not candidates:
                break
            oldest = candidates[-1]
            time = f"TIMESTAMP {quoted(str(oldest['time']))}"
            having = _having(records, wanted, [row["call"] for row in candidates], f"time >= {time}")
            matching += [row for row in candidates if row["call"] in having]
            before = f"(time < {time} OR time = {time} AND call < {quoted(oldest['call'])})"
    return matching[:limit]


def _further_back(records: CallDatabase, calls: str) -> Iterator[str]:
    """Conditions on ``time``: the last days of these calls, more of them, and any."""
    (latest,) = records.rows(f"SELECT max(time) AS time FROM ({calls})")
    if latest["time"] is not None:
        for days in _DAYS_BACK:
            yield f"time >= TIMESTAMP {quoted(str(latest['time']))} - INTERVAL {days} DAY"
    yield "true"


def _candidates(records: CallDatabase, wanted: WantedWords, calls: str, since: str) -> list[dict[str, Any]]:
    """The newest of these calls that may have the words. No word of a call is older than the call."""
    saying = f"(FROM derived_words WHERE {since} AND ({wanted.may_match('text')}))"
    return records.rows(
        f"SELECT * FROM ({calls}) SEMI JOIN {saying} USING (call) ORDER BY time DESC, call DESC LIMIT {_CHUNK}"
    )


def _having(records: CallDatabase, wanted: WantedWords, calls: Sequence[str], since: str) -> set[str]:
    """Those of these calls that have the words."""
    of_calls = f"call IN ({', '.join(map(quoted, calls))}) AND {since}"
    said = records.rows(f"SELECT call, text FROM derived_words WHERE {of_calls} AND ({wanted.may_match('text')})")
    return {said[place]["call"] for place, _ in best_matches([(row["text"], 0.0) for row in said], wanted, len(said))}
