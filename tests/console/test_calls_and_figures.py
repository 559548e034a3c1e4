"""The API of the list of calls and of the figures: the same filters, each point leads to its calls."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from orchestra.analysis.call_filter import CallFilter
from orchestra.clock import SYSTEM_CLOCK
from orchestra.console.call_list.query import CallQuery
from orchestra.console.figures.routes import costs
from orchestra.curation.evaluation import EvaluatedCall
from orchestra.prices import ModelPrice, Prices
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, SpeechMetered, UserTurnEnded
from tests.console.call_set import DAY, HOSTILE, NEXT_DAY, CallSet, publish
from tests.console.consoles import RunningConsole, as_operator, console_app, console_settings


@pytest_asyncio.fixture
async def running(bus: TestBus) -> AsyncIterator[RunningConsole]:
    async with console_app(console_settings(bus.bus.settings)) as found:
        yield found


@pytest_asyncio.fixture
async def calls(bus: TestBus) -> CallSet:
    return await publish(bus)


async def get(running: RunningConsole, path: str, **query: Any) -> Any:
    answer = await running.http.get(path, params=query, headers=as_operator("read"))
    assert answer.is_success, answer.text
    return answer.json()


async def test_running_calls_come_first_and_the_others_newest_first(running: RunningConsole, calls: CallSet) -> None:
    found = await get(running, "/api/calls")
    assert [row["call"] for row in found["running"]] == [calls.running]
    assert [row["call"] for row in found["calls"]] == [calls.hostile, calls.parcel]
    assert (found["next"], found["warnings"]) == ("", [])
    row = found["calls"][1]
    assert (row["started_at"], row["from_number"], row["outcome"], row["agent"]) == (
        DAY,
        "+15550001",
        "transferred",
        "tracking",
    )
    assert (row["turns"], row["wait_ms"], row["tools"], row["failed_tools"], row["score"]) == (1, 2400, 1, 1, None)


async def test_a_call_without_an_end_runs_as_its_record_says_or_by_a_fresh_event_and_else_its_end_is_missing(
    running: RunningConsole, bus: TestBus, calls: CallSet
) -> None:
    late = bus.call()
    started, now = CallStarted(call=late, at=NEXT_DAY, app="bank"), SYSTEM_CLOCK.time()
    await bus.publish(started, UserTurnEnded(call=late, turn=1, text="Still here.", at=now))
    key, redis = bus.bus.key(calls.running, "call", calls.running), bus.bus.redis

    async def found(**query: Any) -> tuple[list[str], list[tuple[str, str]]]:
        answer = await get(running, "/api/calls", **query)
        ended = [(row["call"], row["outcome"] or row["status"]) for row in answer["calls"]]
        return [row["call"] for row in answer["running"]], ended

    others = [(calls.hostile, "failed"), (calls.parcel, "transferred")]
    assert await found() == ([calls.running, late], others)
    await redis.hset(key, mapping={"status": "ended", "end_reason": "caller_hung_up", "duration_s": 61})
    assert await found() == ([late], [(calls.running, "caller_hung_up"), *others])
    assert await found(outcome="running") == ([], [(late, "running")])
    await redis.delete(key)
    assert await found() == ([late], [(calls.running, "lost"), *others])
    # page by page: what runs no more takes a place, and is not shown
    first = await get(running, "/api/calls", outcome="running", limit=1)
    assert (first["calls"], bool(first["next"])) == ([], True)
    assert await found(outcome="running", limit=1, after=first["next"]) == ([], [(late, "running")])


FOUND: list[tuple[dict[str, Any], list[str]]] = [
    ({"number": "0001"}, ["parcel"]),
    ({"since": NEXT_DAY}, ["running", "hostile"]),
    ({"until": NEXT_DAY}, ["parcel"]),
    ({"outcome": "running"}, ["running"]),
    ({"outcome": "failed"}, ["hostile"]),
    ({"app": HOSTILE}, ["hostile"]),
    ({"agent": "tracking"}, ["running", "parcel"]),
    ({"words": "parcels"}, ["parcel"]),
    ({"wait_ms": 2000}, ["parcel"]),
    ({"tool": "find_parcel", "failed_tool": "true"}, ["parcel"]),
    ({"interrupted": "true"}, ["parcel"]),
    ({"transferred": "true"}, ["parcel"]),
    ({"recording_mode": "on", "until": NEXT_DAY}, ["parcel"]),
    ({"recording_mode": "refused"}, []),
    ({"version": "bank"}, ["running", "parcel"]),
    ({"number": "'; DROP TABLE calls"}, []),
]


async def test_calls_are_found_by_what_happened_in_them(running: RunningConsole, calls: CallSet) -> None:
    for query, names in FOUND:
        found = await get(running, "/api/calls", **query)
        rows = [row["call"] for row in (*found["running"], *found["calls"])]
        assert rows == [getattr(calls, name) for name in names], query


async def test_a_page_ends_where_the_next_one_begins(running: RunningConsole, calls: CallSet) -> None:
    first = await get(running, "/api/calls", until=NEXT_DAY + 50, limit=1)
    assert [row["call"] for row in first["calls"]] == [calls.hostile]
    second = await get(running, "/api/calls", until=NEXT_DAY + 50, limit=1, after=first["next"])
    assert [row["call"] for row in second["calls"]] == [calls.parcel]
    assert second["next"] == ""


async def test_calls_are_found_by_the_annotators_score(running: RunningConsole, calls: CallSet) -> None:
    scored = EvaluatedCall(call=calls.parcel, task=1, annotation=1, updated_at="2026-11-21T00:00:00+00:00", quality=4)
    file = running.console.settings.data_dir / "evaluation.jsonl"
    file.write_bytes(msgspec.json.encode(scored) + b"\n")
    (row,) = (await get(running, "/api/calls", score=4))["calls"]
    assert (row["call"], row["score"]) == (calls.parcel, 4)
    assert (await get(running, "/api/calls", score=5))["calls"] == []
    assert (await get(running, "/api/calls", score_below=4))["calls"] == []
    file.write_bytes(b"nonsense\n")
    assert "evaluation.jsonl" in (await get(running, "/api/calls"))["warnings"][0]
    refused = await running.http.get("/api/calls?score=4", headers=as_operator("read"))
    assert refused.is_client_error


WRONG = (
    "since=tomorrow",
    "wait_ms=-1",
    "score=9",
    "after=nonsense",
    "limit=0",
    "colour=red",
    "since=1e300",
    "words=!!",
)


async def test_a_filter_that_makes_no_sense_is_refused_in_words(running: RunningConsole) -> None:
    for path in (*(f"calls?{query}" for query in WRONG), "figures?since=tomorrow", "figures?by=mood"):
        answer = await running.http.get(f"/api/{path}", headers=as_operator("read"))
        assert answer.is_client_error, path
        assert answer.json()["error"]


async def test_a_damaged_file_of_the_archive_is_named_and_the_rest_is_shown(
    running: RunningConsole, calls: CallSet
) -> None:
    damaged = Path(running.console.settings.archive) / "2026-11-20" / "p03-abc" / "1-0_2-0.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"PAR1 nothing of that kind PAR1")
    found = await get(running, "/api/calls")
    assert [row["call"] for row in found["calls"]] == [calls.hostile, calls.parcel]
    assert any(damaged.name in warning for warning in found["warnings"])
    assert any(damaged.name in warning for warning in (await get(running, "/api/figures"))["warnings"])


async def test_without_redis_the_archive_is_read_alone(settings: Settings) -> None:
    async with console_app(console_settings(Settings(data_dir=settings.data_dir))) as running:
        assert (await get(running, "/api/calls"))["calls"] == []
        assert (await get(running, "/api/figures"))["groups"] == []


async def test_the_figures_of_a_day_are_those_of_its_calls(running: RunningConsole, calls: CallSet) -> None:
    found = await get(running, "/api/figures", by="day")
    one, two = found["groups"]
    assert (one["key"], one["calls"], one["outcomes"]) == ("2026-11-20", 1, {"transferred": 1})
    assert (one["turns"], one["interruptions"], one["tools"], one["failed_tools"], one["handovers"]) == (1, 1, 1, 1, 1)
    assert one["wait"]["total"] == {"p50": 2400, "p95": 2400}
    assert (two["calls"], two["outcomes"]) == (2, {"failed": 1, "running": 1})
    begin = DAY - 12 * 3600
    behind = await get(running, "/api/calls", since=begin, until=begin + 86_400)
    assert [row["call"] for row in behind["calls"]] == [calls.parcel]


async def test_each_group_leads_to_as_many_calls_as_it_counts(running: RunningConsole, calls: CallSet) -> None:
    del calls
    for by in ("app", "version", "agent"):
        for group in (await get(running, "/api/figures", by=by))["groups"]:
            behind = await get(running, "/api/calls", **{by: group["key"]})
            assert len(behind["running"]) + len(behind["calls"]) == group["calls"], (by, group["key"])


def test_models_speech_and_lines_cost_what_the_table_of_prices_says() -> None:
    prices = Prices(
        models={"m": ModelPrice(prompt_per_million=1000, completion_per_million=10_000)},
        stt_per_minute={"ear": 0.6},
        tts_per_1000_characters={"mouth": 3},
        call_per_minute=0.3,
        currency="EUR",
    )
    used = {
        "groups": [{"key": "a", "call_s": 600.0}, {"key": "b", "call_s": 0.0}],
        "models": [
            {"key": "a", "model": "m", "prompt_tokens": 1000, "completion_tokens": 100},
            {"key": "a", "model": "free", "prompt_tokens": 5, "completion_tokens": 5},
            {"key": "b", "model": "free", "prompt_tokens": 5, "completion_tokens": 5},
        ],
        "speech": [
            {"key": "a", "stt": "ear", "stt_s": 300.0, "tts": "mouth", "tts_characters": 500},
            {"key": "a", "stt": "ear", "stt_s": 300.0, "tts": "other", "tts_characters": 1},
        ],
    }
    found = costs(used, prices)
    assert found["by_key"]["a"] == {"models": 2.0, "speech": 7.5, "line": 3.0, "total": 12.5}
    assert found["by_key"]["b"] == {"models": 0.0, "speech": 0.0, "line": 0.0, "total": 0.0}
    assert (found["currency"], found["unpriced"]) == ("EUR", ["free", "tts other"])
    assert costs(used, Prices())["by_key"] == {}


async def test_figures_have_what_the_speech_engines_of_the_calls_were_given(bus: TestBus, calls: CallSet) -> None:
    given = SpeechMetered(call=calls.parcel, turn=1, stt="ear", stt_s=30.5, tts="mouth", tts_characters=200)
    await bus.publish(given, given)
    prices = Prices(stt_per_minute={"ear": 0.6}, tts_per_1000_characters={"mouth": 3})
    async with console_app(console_settings(bus.bus.settings.model_copy(update={"prices": prices}))) as running:
        found = await get(running, "/api/figures", by="app")
    assert [(each["stt_s"], each["tts_characters"]) for each in found["speech"] if each["stt"] == "ear"] == [
        (61.0, 400)
    ]
    assert sum(each["speech"] for each in found["costs"]["by_key"].values()) == pytest.approx(0.61 + 1.2)


def test_the_filters_of_the_address_are_those_of_the_search() -> None:
    query = CallQuery(number="1", words="hello", score=3, after="x", limit=7)
    assert query.condition() == CallFilter(number="1", words="hello").condition() != "true"
    assert query.calls_with({"a": 3, "b": 2}) == {"a"}
    assert CallQuery().calls_with({"a": 3}) is None
