"""Calls found by what they were, figures for charts, and words."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import pytest_asyncio

from orchestra.analysis.call_filter import CallFilter
from orchestra.analysis.figures import Group, figures
from orchestra.analysis.find_calls import find_calls
from orchestra.analysis.query import CallDatabase
from orchestra.analysis.shared_database import SharedCallDatabase
from orchestra.analysis.words import WantedWords, best_matches
from orchestra.archive.archive import Archive
from orchestra.archive.derived.derive import derive
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.errors import UsageError
from orchestra.settings import Settings
from orchestra_schemas.speech import TURN_TIMES
from tests.analysis.archives import archived, call_with
from tests.bench._replay_events import interleaved

CALLS = 12


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An archive of twelve calls of three agents; half of its files have derived tables."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("kept"))
    archive, entries = Archive.of(settings), dict[int, list[Entry]]()
    for number, sealed in enumerate(interleaved(CALLS, events=40)):
        partition, tag = int(sealed.call[:2]), sealed.type.decode()
        entry = Entry(f"{1_763_830_000_000 + number}-0", partition, JOURNAL, tag, sealed.call, sealed.id, sealed.body)
        entries.setdefault(partition, []).append(entry)
    for own in entries.values():
        archive.write("j", own[:25])
    derive(archive)
    for own in entries.values():
        archive.write("j", own[25:])
    return settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def records(kept: Settings) -> AsyncIterator[CallDatabase]:
    with closing(await CallDatabase.open(kept)) as opened:
        yield opened


#: filters, and the same as a query
WANTED: list[tuple[Callable[[dict[str, Any]], CallFilter], str]] = [
    (lambda _: CallFilter(), "true"),
    (lambda call: CallFilter(number=call["from_number"][2:9]), "from_number = '{from_number}'"),
    (lambda call: CallFilter(since=call["time"].timestamp()), "time >= '{time}'"),
    (lambda call: CallFilter(until=call["time"].timestamp()), "time < '{time}'"),
    (lambda _: CallFilter(outcome="caller_hung_up"), "outcome = 'caller_hung_up'"),
    (lambda _: CallFilter(outcome="running"), "false"),
    (lambda _: CallFilter(app="parcels", version="0.1.0+"), "app = 'parcels'"),
    (lambda _: CallFilter(app="bank"), "false"),
    (lambda _: CallFilter(line="+15550002222"), "to_number = '+15550002222'"),
    (lambda call: CallFilter(agent=call["agent"]), "agent = '{agent}'"),
    (lambda _: CallFilter(tool="find_parcel"), "tools > 0"),
    (lambda _: CallFilter(tool="find_parcel", failed_tool=True), "failed_tools > 0"),
    (lambda _: CallFilter(failed_tool=True), "failed_tools > 0"),
    (lambda _: CallFilter(wait_ms=1200), "call IN (SELECT call FROM turns WHERE total_ms >= 1200)"),
    (lambda _: CallFilter(interrupted=True), "interruptions > 0"),
    (lambda _: CallFilter(transferred=True), "handovers > 0"),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("wanted", "condition"), WANTED)
async def test_a_filter_finds_what_the_same_query_finds(
    records: CallDatabase, wanted: Callable[[dict[str, Any]], CallFilter], condition: str
) -> None:
    call = records.rows("SELECT * FROM calls ORDER BY time LIMIT 1 OFFSET 5")[0]
    page = find_calls(records, wanted({**call, "time": call["time"].replace(tzinfo=UTC)}), limit=100)
    expected = records.rows(f"SELECT call FROM calls WHERE {condition.format(**call)}")
    assert {row["call"] for row in page.rows} == {row["call"] for row in expected}
    assert page.next == ""


@pytest.mark.asyncio(loop_scope="module")
async def test_only_calls_with_some_ids_are_found(records: CallDatabase) -> None:
    chosen = {row["call"] for row in records.rows("SELECT call FROM calls ORDER BY time LIMIT 2 OFFSET 5")}
    assert {row["call"] for row in find_calls(records, CallFilter(), calls=chosen).rows} == chosen
    assert find_calls(records, CallFilter(outcome="running"), calls=chosen).rows == []
    assert find_calls(records, CallFilter(), calls=[]).rows == []


@pytest.mark.asyncio(loop_scope="module")
async def test_pages_are_newest_first_and_have_every_call_once(records: CallDatabase) -> None:
    found, after = [], ""
    while page := find_calls(records, CallFilter(), limit=5, after=after):
        found += page.rows
        if not (after := page.next):
            break
    assert [row["call"] for row in found] == [
        row["call"] for row in records.rows("SELECT call FROM calls ORDER BY time DESC, call DESC")
    ]
    (longest,) = records.rows(f"SELECT max(total_ms) AS ms FROM turns WHERE call = '{found[0]['call']}'")
    assert found[0]["wait_ms"] == longest["ms"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("after", ["x", "12", "_x", f"{10**30}_x"])
async def test_a_place_that_is_none_is_refused(records: CallDatabase, after: str) -> None:
    with pytest.raises(UsageError, match="begin with its first page"):
        find_calls(records, CallFilter(), after=after)


@pytest.mark.asyncio(loop_scope="module")
async def test_calls_are_found_by_what_was_said_in_any_inflection(records: CallDatabase) -> None:
    said = records.rows("SELECT call, said FROM turns ORDER BY time LIMIT 1 OFFSET 7")[0]
    words = " ".join(said["said"].strip(".").split()[:4])
    page = find_calls(records, CallFilter(words=words.upper()))
    assert said["call"] in {row["call"] for row in page.rows}
    assert find_calls(records, CallFilter(words=f'"{words} nowhere"')).rows == []
    with pytest.raises(UsageError, match="no word"):
        find_calls(records, CallFilter(words="?!"))


#: how many days ago a caller spoke of a parcel
DAYS_AGO = (0, 0.5, 0.9999, 2, 7.9999, 9, 400)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def years(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CallDatabase]:
    """An archive of calls of today, of days before, and of last year, half of them with derived tables."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("years"))
    for days in sorted(DAYS_AGO, reverse=True):
        said = "a vase" if days > 8 else "a lamp"
        # those at the end of a day say it after its end
        archived(settings.data_dir, call_with(f"my parcel is {said}", days, lasts_s=60))
        if days == 2:
            derive(Archive.of(settings))
    with closing(await CallDatabase.open(settings)) as opened:
        yield opened


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("limit", [2, 50])
@pytest.mark.parametrize(
    ("words", "filtered", "days_ago"),
    [
        ("parcel", CallFilter(), DAYS_AGO),
        ("lamp", CallFilter(), DAYS_AGO[:5]),
        ("vase", CallFilter(), (9, 400)),  # older than what is looked through first
        ("parcel", CallFilter(until=1_763_830_000 - 86_400), DAYS_AGO[3:]),
        ("parcel", CallFilter(since=1_763_830_000 - 8 * 86_400), DAYS_AGO[:5]),
        ("lamp", CallFilter(until=1_763_830_000 - 8 * 86_400), ()),
        ("elephant", CallFilter(), ()),
    ],
)
async def test_words_are_found_however_long_ago_they_were_said(
    years: CallDatabase, words: str, filtered: CallFilter, days_ago: tuple[float, ...], limit: int
) -> None:
    wanted, found, after = filtered.model_copy(update={"words": words}), list[dict[str, Any]](), ""
    while True:
        page = find_calls(years, wanted, limit=limit, after=after)
        found += page.rows
        if not (after := page.next):
            break
    times = [row["time"].replace(tzinfo=UTC).timestamp() for row in found]
    assert times == pytest.approx([1_763_830_000 - days * 86_400 for days in days_ago], abs=0.01)


@pytest.mark.asyncio(loop_scope="module")
async def test_words_of_an_archive_without_calls_are_not_found(tmp_path: Path) -> None:
    with closing(await CallDatabase.open(Settings(data_dir=tmp_path))) as empty:
        assert find_calls(empty, CallFilter(words="parcel")).rows == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("by", ["day", "app", "version", "agent"])
async def test_figures_are_those_of_the_views(records: CallDatabase, by: Group) -> None:
    found = figures(records, by)
    key = {"day": "CAST(day AS VARCHAR)", "app": "'parcels'"}.get(by, f"coalesce({by}, '')")
    turns = {row["key"]: row for row in records.rows(
        f"SELECT {key} AS key, count(*) AS n, quantile_cont(total_ms, 0.95) AS p95 FROM turns GROUP BY 1")}  # fmt: skip
    assert {group["key"]: group["turns"] for group in found.groups} == {name: row["n"] for name, row in turns.items()}
    assert {group["key"]: group["wait"]["total"]["p95"] for group in found.groups} == {
        name: row["p95"] for name, row in turns.items()
    }
    assert sum(group["calls"] for group in found.groups) == CALLS
    assert sum(group["outcomes"].get("caller_hung_up", 0) for group in found.groups) == CALLS
    assert sum(row["prompts"] for row in found.models) == records.rows("SELECT count(*) AS n FROM prompts")[0]["n"]
    assert {row["name"] for row in found.tools} == {"find_parcel"}
    assert set(found.groups[0]["wait"]) == {stage.removesuffix("_ms") for stage in TURN_TIMES}
    assert msgspec.json.encode(found)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_shared_database_sees_what_was_archived_meanwhile(kept: Settings, tmp_path: Path) -> None:
    now = [0.0]
    settings = Settings(data_dir=tmp_path)
    shared = SharedCallDatabase(settings, fresh_s=5.0, monotonic=lambda: now[0])
    count = "SELECT count(*) AS n FROM calls"
    assert await shared.read(lambda records: records.rows(count)) == [{"n": 0}]
    entries = list(Archive.of(kept).entries())
    for partition in {entry.partition for entry in entries}:
        Archive.of(settings).write("j", [entry for entry in entries if entry.partition == partition])
    assert await shared.read(lambda records: records.rows(count)) == [{"n": 0}]
    now[0] = 5.0
    assert await shared.read(lambda records: records.rows(count)) == [{"n": CALLS}]
    await shared.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_next_question_waits_for_the_thread_of_a_cancelled_one(kept: Settings) -> None:
    shared, begun, may_end = SharedCallDatabase(kept), threading.Event(), threading.Event()
    done: list[str] = []

    def first(_: CallDatabase) -> None:
        begun.set()
        assert may_end.wait(10)
        done.append("first")
        raise UsageError

    asked = asyncio.create_task(shared.read(first))
    await asyncio.to_thread(begun.wait, 10)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    following = asyncio.create_task(shared.read(lambda _: done.append("second")))
    dropped = asyncio.create_task(shared.read(lambda _: done.append("dropped")))
    closing = asyncio.create_task(shared.close())
    await asyncio.to_thread(lambda: None)  # by its end the thread of another question would have begun
    dropped.cancel()
    assert done == []
    may_end.set()
    await asyncio.gather(following, closing)
    assert done == ["first", "second"]


WORDS = [
    ("parcels", "The PARCEL is lost.", True),
    ("flying", "A fly flies.", True),
    ("possibility", "That is possible", True),
    ("cafe", "Das Café", True),
    ("cafe", "Das Cafe\u0301 ist zu", True),
    ("iphones", "An iPhone 5?", True),
    ("week lost", "lost last week", True),
    ('"lost week"', "lost last week", False),
    ("art", "a party", False),
    ("straße", "Hauptstraße 5", False),
    ("дом", "Мой Дом", True),
]


@pytest.mark.parametrize(("asked", "said", "matches"), WORDS)
def test_words_match_in_any_inflection_and_what_matches_is_among_the_candidates(
    asked: str, said: str, matches: bool
) -> None:
    wanted = WantedWords(asked)
    assert bool(best_matches([(said, 0.0)], wanted, 5)) == matches
    ((may_match,),) = duckdb.execute(f"SELECT {wanted.may_match('said')} FROM (SELECT ? AS said)", [said]).fetchall()
    assert may_match or not matches


def test_the_rank_is_that_among_all_utterances() -> None:
    said = [("lost parcel", 1.0), ("a parcel that was lost, and found, and lost", 2.0), ("parcel", 3.0), ("hello", 4.0)]
    every = best_matches([*said, *[("good bye now", 9.0)] * 50], WantedWords("lost parcel"), 9)
    tokens = sum(len(text.split()) for text, _ in said) + 150
    assert best_matches(said, WantedWords("lost parcel"), 9, of=(54, tokens)) == every
