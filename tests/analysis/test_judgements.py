"""The views of verdicts and analyses, and the report on them: of files, derived rows and late events alike."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from orchestra.analysis.judgements import cohens_kappa, judgements
from orchestra.analysis.query import CallDatabase
from orchestra.archive.archive import Archive
from orchestra.archive.derived.derive import derive
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.console.call_page.assessments import analysed_in
from orchestra.history.reduce import history_of
from orchestra.settings import Settings
from orchestra_schemas import CallAnalysed, CallEnded, CallStarted, Event, UserTurnEnded, Verdict, encode, tag_of

PAGE = (Path(__file__).parents[2] / "orchestra" / "post_call" / "README.md").read_text("utf-8")
AT = 1_763_830_000.0
DAY_S = 86_400.0
GOOD, BAD = (Verdict(judge='it\'s "polite"', version="1", passed=passed, turns=(1,)) for passed in (True, False))
UNSURE = Verdict(judge="calm", version="1", reason="nobody speaks")
BROKEN = Verdict(judge="calm", version="1", error="LookupError")
ODD = {"verdicts": "abc", "extracted": [1], "errors": {"a": 1}, "success": "maybe", "summary": 3}


def call(number: int, *analyses: CallAnalysed) -> list[Event]:
    """A call, then what is found out about it: first by the worker, then by `orchestra judge`, a day later each."""
    name, at = f"03-0199a0b4-c0de-7000-8000-{number:012d}", AT + number
    began = [
        CallStarted(call=name, app="shop", line="+15550100", to_number="+15550100", at=at),
        UserTurnEnded(call=name, turn=1, text="hello", at=at + 1),
        CallEnded(call=name, turn=1, reason="caller_hung_up", duration_s=5.0, at=at + 5, id=f"end{number}"),
    ]
    late = [
        replace(event, call=name, at=at + 10 + place * DAY_S, cause=began[-1].id if place == 0 else "")
        for place, event in enumerate(analyses)
    ]
    return [*began, *late]


JOURNALS = [
    call(
        1,
        CallAnalysed(
            summary="Fine.", extracted={"Order": 7, "order": "x", "select": True, 'a"b/c': 1.5, "items": [1]},
            success=True, verdicts=(BAD, UNSURE), errors=("one",), model="m", prompt_tokens=100, call="",
        ),
        CallAnalysed(verdicts=(GOOD,), model="big", prompt_tokens=50, call=""),
    ),
    call(2, CallAnalysed(extracted={"order": 8}, not_extracted={"wish": "not said"}, success=False,
                         success_reason="no order", verdicts=(BAD, BROKEN), call="")),
    call(3, CallAnalysed(call="")),
    call(4),
    call(5, CallAnalysed(verdicts=(GOOD,), call="")),
]  # fmt: skip


def entry(number: int, event: Event) -> Entry:
    body = encode(event)[b"body"]
    return Entry(f"{round(event.at * 1000)}-{number}", 3, JOURNAL, tag_of(type(event)), event.call, event.id, body)


def entries() -> list[Entry]:
    found = [entry(n, event) for n, event in enumerate(each for journal in JOURNALS for each in journal)]
    odd = CallAnalysed(call=JOURNALS[2][0].call, at=AT + 100)
    body = json.dumps({"type": "call.analysed", "call": odd.call, "at": odd.at, **ODD}).encode()
    found.append(Entry(f"{round(odd.at * 1000)}-9", 3, JOURNAL, "call.analysed", odd.call, "odd", body))
    return sorted(found, key=lambda each: tuple(map(int, each.stream_id.split("-"))))


def written(folder: Path, *, derived: bool) -> Settings:
    """An archive of a file for each day, with derived tables or without."""
    settings = Settings(data_dir=folder)
    archive = Archive.of(settings)
    archive.write("j", entries())
    if derived:
        assert derive(archive).failed == []
        assert len({file.day for file in archive.files()}) == 2
    return settings


@pytest.fixture(scope="module", params=[False, True], ids=["events", "derived"])
def records(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallDatabase]:
    """The archive as a database, of events alone, or of derived rows."""
    settings = written(tmp_path_factory.mktemp("archive"), derived=request.param)
    opened = asyncio.run(CallDatabase.open(settings, journal=False))
    yield opened
    opened.close()


def test_verdicts_and_analyses_are_views(records: CallDatabase) -> None:
    verdicts = records.rows("SELECT * FROM verdicts ORDER BY call, judge")
    analyses = records.rows("SELECT * FROM Analyses ORDER BY call")
    kinds = records.rows("DESCRIBE analyses")
    calls = records.rows("SELECT * FROM calls ORDER BY call")
    said = [(row["call"][-1], row["judge"], row["passed"], row["error"], row["app"]) for row in verdicts]
    assert said == [
        ("1", "calm", None, "", "shop"), ("1", GOOD.judge, True, "", "shop"),
        ("2", "calm", None, "LookupError", "shop"), ("2", BAD.judge, False, "", "shop"),
        ("5", GOOD.judge, True, "", "shop"),
    ]  # fmt: skip
    assert verdicts[1]["turns"] == [1]
    assert (verdicts[1]["judged"] - verdicts[1]["time"]).total_seconds() == DAY_S + 10
    assert [row["call"][-1] for row in analyses] == ["1", "2", "3", "5"]
    for row, journal in zip(analyses, (JOURNALS[0], JOURNALS[1]), strict=False):
        found = analysed_in(history_of(journal))
        assert found is not None
        assert (row["summary"] or "", row["success"], row["success_reason"]) == (
            found.summary, found.success, found.success_reason,
        )  # fmt: skip
        assert tuple(row["errors"]) == found.errors
        assert json.loads(row["extracted"]) == found.extracted
    assert (analyses[0]["prompt_tokens"], analyses[0]["model"]) == (150, "big")
    types = {row["column_name"]: row["column_type"] for row in kinds}
    assert {name: types[name] for name in ("Order", "extracted_order", "select", 'a"b/c', "items")} == {
        "Order": "BIGINT", "extracted_order": "VARCHAR", "select": "BOOLEAN", 'a"b/c': "DOUBLE", "items": "JSON",
    }  # fmt: skip
    assert (analyses[0]["Order"], analyses[0]["extracted_order"], analyses[1]["extracted_order"]) == (7, "x", "8")
    assert (analyses[0]["select"], analyses[0]['a"b/c'], analyses[0]["items"]) == (True, 1.5, "[1]")
    assert (analyses[2]["success"], analyses[2]["extracted"]) == (None, None)
    assert [(row["status"], row["duration_s"]) for row in calls] == [("ended", 5.0)] * 5
    assert records.rows("SELECT * FROM holes") == []


def test_the_queries_on_the_page_run(records: CallDatabase) -> None:
    (block,) = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    wrong, share, by_day = (records.rows(query) for query in block.strip().removesuffix(";").split(";\n\n"))
    assert wrong == []
    assert {(row["judge"], row["calls"]) for row in share} == {("calm", 0), (GOOD.judge, 3)}
    assert [row["calls"] for row in by_day] == [4]


def test_a_late_verdict_divides_no_call(tmp_path: Path) -> None:
    settings = written(tmp_path, derived=True)
    late = entry(99, replace(JOURNALS[4][-1], at=AT + 2 * DAY_S, id="late", cause=""))
    Archive.of(settings).write("j", [late])  # of this one nothing is derived yet
    records = asyncio.run(CallDatabase.open(settings, journal=False))
    try:
        assert records.rows("SELECT * FROM split") == []
        assert [row["judged"].day for row in records.rows("SELECT judged FROM verdicts WHERE call LIKE '%5'")] == [24]
    finally:
        records.close()


def test_the_share_of_passes_and_the_agreement_with_annotators(records: CallDatabase) -> None:
    names = {number: journal[0].call for number, journal in enumerate(JOURNALS, 1)}
    annotated = {
        names[1]: {"outcome": True, GOOD.judge: True}, names[2]: {"outcome": True, GOOD.judge: False, "quality": False},
        names[5]: {"outcome": True}, "03-0199a0b4-c0de-7000-8000-00000000ffff": {"quality": True},
    }  # fmt: skip

    told = judgements(records, "true", annotated)
    assert [(row["judge"], row["calls"], row["passed"], row["share"]) for row in told["judges"]] == [
        ("calm", 2, 0, None), (GOOD.judge, 3, 2, pytest.approx(2 / 3)),
    ]  # fmt: skip
    assert told["success"] == {"calls": 2, "succeeded": 1, "share": 0.5}
    agreement = [
        tuple(row[name] for name in ("judge", "question", "calls", "agreed", "kappa")) for row in told["agreement"]
    ]
    assert agreement == [(GOOD.judge, GOOD.judge, 2, 1.0, 1.0), ("success", "outcome", 2, 0.5, 0.0)]


def test_kappa_is_agreement_beyond_chance() -> None:
    yes, no, one, other = (True, True), (False, False), (True, False), (False, True)
    assert cohens_kappa([yes] * 20 + [one] * 5 + [other] * 10 + [no] * 15) == pytest.approx(0.4)
    assert cohens_kappa([yes, no]) == 1.0
    assert cohens_kappa([one, other]) == -1.0
    assert cohens_kappa([yes] * 9) is None
