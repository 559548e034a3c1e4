"""What judges say of many calls, and how far annotators agree with them."""
# ruff: noqa: S608 - made of constants, numbers and quoted texts

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from orchestra.analysis.query import CallDatabase
from orchestra.archive.derived.facts import quoted
from orchestra_schemas import CallAnalysed, Verdict

#: of annotators: the call's outcome is "resolved"; and the call is good as a whole
OUTCOME, QUALITY = "outcome", "quality"
#: calls in one query
_CALLS_AT_ONCE = 5000

#: what annotators answer about a call, by question: a judge's name, `OUTCOME` or `QUALITY`
Answers = Mapping[str, bool]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How often a judge and the annotators say the same of a call.

    Attributes:
        judge: its name; ``success``: the app's own decision whether the call was a success.
        version: of the judge.
        question: what the annotators have answered: the judge's name, or ``outcome`` or ``quality``.
        calls: of which both know an answer.
        agreed: the share of them on which both say the same.
        kappa: Cohen's kappa: 1 if they always agree, 0 if no more often than by chance; None where that cannot be told,
            as one of them says the same of every call.

    """

    judge: str
    version: str
    question: str
    calls: int
    agreed: float
    kappa: float | None


def judgements(records: CallDatabase, which: str, annotated: Mapping[str, Answers] | None = None) -> dict[str, Any]:
    """What is said of the calls that meet a condition on ``time`` and ``call``, as plain values. Blocks.

    ``judges``: by judge and version the ``calls``, how many ``passed``, ``not_passed``, ``cannot_tell`` and ``failed``,
    and the ``share`` that passes of those of which the judge can tell. ``success``: ``calls`` of which the app decides
    whether they were a success, ``succeeded``, and their ``share``. ``agreement``: see `Agreement`.

    Args:
        records: the calls.
        which: the condition.
        annotated: what annotators say, by call.

    """
    if not records.rows("SELECT 1 FROM derived_analyses LIMIT 1"):
        return {"judges": [], "success": {"calls": 0, "succeeded": 0, "share": None}, "agreement": []}
    judges = records.rows(
        "SELECT judge, judge_version AS version, count(*) AS calls, count(*) FILTER (passed) AS passed,"
        " count(*) FILTER (NOT passed) AS not_passed, count(*) FILTER (passed IS NULL AND error = '') AS cannot_tell,"
        " count(*) FILTER (passed IS NULL AND error <> '') AS failed,"
        " count(*) FILTER (passed) / nullif(count(passed), 0) AS share"
        f" FROM verdicts WHERE {which} GROUP BY judge, judge_version ORDER BY judge, max(judged) DESC, judge_version"
    )
    (success,) = records.rows(
        "SELECT count(success) AS calls, count(*) FILTER (success) AS succeeded,"
        f" count(*) FILTER (success) / nullif(count(success), 0) AS share FROM plain_analyses WHERE {which}"
    )
    return {
        "judges": judges,
        "success": success,
        "agreement": msgspec.to_builtins(_agreements(records, which, annotated or {})),
    }


def _agreements(records: CallDatabase, which: str, annotated: Mapping[str, Answers]) -> list[Agreement]:
    """For each judge and version whose calls have annotations."""
    given: defaultdict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    for calls in _parts(sorted(annotated)):
        of_these = f"call IN ({', '.join(map(quoted, calls))}) AND {which}"
        for row in records.rows(f"SELECT call, success FROM plain_analyses WHERE success IS NOT NULL AND {of_these}"):
            given["success", ""][row["call"]] = row["success"]
        columns = "call, judge, judge_version, passed"
        for row in records.rows(f"SELECT {columns} FROM verdicts WHERE passed IS NOT NULL AND {of_these}"):
            given[row["judge"], row["judge_version"]][row["call"]] = row["passed"]
    found = []
    for judge, version in sorted(given):
        verdicts = given[judge, version]
        question = OUTCOME if (judge, version) == ("success", "") else _question(judge, verdicts, annotated)
        pairs = [(said, annotated[call][question]) for call, said in verdicts.items() if question in annotated[call]]
        if pairs:
            found.append(_agreement(judge, version, question, pairs))
    return found


def _question(judge: str, calls: Iterable[str], annotated: Mapping[str, Answers]) -> str:
    """What is compared with a judge: annotators' answers to its own question; without one, to the whole call."""
    return judge if any(judge in annotated[call] for call in calls) else QUALITY


def _agreement(judge: str, version: str, question: str, pairs: Collection[tuple[bool, bool]]) -> Agreement:
    return Agreement(
        judge=judge,
        version=version,
        question=question,
        calls=len(pairs),
        agreed=sum(one == other for one, other in pairs) / len(pairs),
        kappa=cohens_kappa(pairs),
    )


def analyses_of(records: CallDatabase, call: str) -> list[CallAnalysed]:
    """What was found out about a call, however long after it; of what cannot be read, nothing. Blocks."""
    of_call = f"WHERE call = {quoted(call)} ORDER BY place"
    verdicts: defaultdict[int, list[Verdict]] = defaultdict(list)
    columns = "judge, judge_version AS version, passed, reason, turns, error"
    for row in records.rows(f"SELECT place, {columns} FROM derived_verdicts {of_call}"):
        verdicts[row.pop("place")].append(msgspec.convert(row, Verdict))
    columns = "summary, success, success_reason, extracted, not_extracted, errors, model"
    found = []
    for row in records.rows(f"SELECT place, {columns} FROM derived_analyses {of_call}"):
        place, values = row.pop("place"), {name: value for name, value in row.items() if value is not None}
        for name in ("extracted", "not_extracted"):
            values[name] = msgspec.json.decode(values.get(name, "{}"))
        values["not_extracted"] = {name: str(why) for name, why in values["not_extracted"].items()}
        found.append(CallAnalysed(call=call, **{**values, "verdicts": tuple(verdicts[place])}))
    return found


def cohens_kappa(pairs: Collection[tuple[bool, bool]]) -> float | None:
    """How far two raters agree beyond chance (J. Cohen, 1960); None if chance alone would have them agree always.

    >>> cohens_kappa([(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15)
    0.4
    """
    total = len(pairs)
    counts = Counter(pairs)
    first = sum(one for one, _ in pairs)
    second = sum(other for _, other in pairs)
    by_chance = first * second + (total - first) * (total - second)
    if by_chance == total * total:
        return None
    agreed = (counts[True, True] + counts[False, False]) * total
    return (agreed - by_chance) / (total * total - by_chance)


def _parts(calls: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(calls), _CALLS_AT_ONCE):
        yield calls[start : start + _CALLS_AT_ONCE]
