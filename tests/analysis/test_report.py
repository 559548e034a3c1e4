"""The report, of an archive."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.settings import Settings
from orchestra_schemas import (
    CallAnalysed,
    CallEnded,
    CallStarted,
    Event,
    PromptCompleted,
    PromptRequested,
    SpeechMetered,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
    encode,
)
from tests.analysis.archives import archived, as_entries, call_on, run


def test_the_report_has_every_part_and_its_pictures(
    kept: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = json.loads(run(kept, monkeypatch, "report", "--json", "--plot", str(tmp_path)))
    assert (found["totals"]["calls"], found["totals"]["turns"]) == (6, 24)
    assert [row["stage"] for row in found["latency_ms"]][-1] == "total"
    assert found["latency_ms"][-1]["p50"] <= found["latency_ms"][-1]["p95"] <= found["latency_ms"][-1]["p99"]
    assert {row["agent"] for row in found["by_agent"]} == {"reception", "tracking", "complaints"}
    assert [row["version"] for row in found["by_version"]] == ["0.1.0+3f2a9c1d7b20"]
    assert sum(row["calls"] for row in found["by_day"]) == 6
    assert found["tools"][0]["name"] == "find_parcel"
    assert found["models"][0]["prompt_tokens"] == found["totals"]["prompt_tokens"]
    assert found["holes"] == []
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    assert pictures == ["calls.png", "latency.png", "stages.png"]
    assert all(
        path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000 for path in tmp_path.glob("*.png")
    )
    shown = run(kept, monkeypatch, "report")
    assert "latency by stage" in shown
    assert "tracking" in shown
    assert "no call is kept" in run(kept, monkeypatch, "report", "--since", "2030-01-01")
    assert "no call is kept" in run(kept, monkeypatch, "report", "--since", "1s")


@pytest.mark.integration
def test_the_report_is_by_app_and_line_and_can_be_of_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    journals = [
        call_on(1, "bank", "+15550100", "+15550100"),
        call_on(2, "bank", "*", "+15550999", passed_to="clinic"),
        call_on(3, "clinic", "web", "web"),
        call_on(4, "it's", "", "+15550100"),
    ]
    settings = archived(tmp_path, as_entries([event for journal in journals for event in journal]))

    def report(*options: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(run(settings, monkeypatch, "report", "--json", *options))
        return found

    found = report()
    assert {row["app"]: (row["calls"], row["passed_on"]) for row in found["by_app"]} == {
        "bank": (2, 1), "clinic": (1, 0), "it's": (1, 0),
    }  # fmt: skip
    assert {row["line"]: row["calls"] for row in found["by_line"]} == {"+15550100": 1, "*": 1, "web": 1, "": 1}
    assert report("--app", "clinic")["totals"]["calls"] == 2
    assert report("--app", "it's")["totals"]["turns"] == 1
    assert report("--line", "+15550100")["totals"]["calls"] == 2
    assert report("--app", "bank", "--line", "*")["outcomes"][0]["calls"] == 1
    assert report("--app", "' OR 1=1 --")["totals"]["calls"] == 0
    shown = run(settings, monkeypatch, "report")
    assert "by app" in shown
    assert "passed on" in shown
    table = run(settings, monkeypatch, "calls", "list")
    assert "bank → clinic" in table
    for option, calls in (("--app", 2), ("--line", 1)):
        listed = run(
            settings, monkeypatch, "calls", "list", "--json", option, {"--app": "clinic", "--line": "web"}[option]
        )
        assert len(listed.splitlines()) == calls


def call_of_version(number: int, version: str, *, success: bool | None, wait_ms: float, reason: str) -> list[Event]:
    call, at = f"03-0199a0b4-c0de-7000-9000-{number:012d}", 1_763_830_000.0
    return [
        CallStarted(call=call, app="bank", version=version, at=at),
        UserTurnEnded(call=call, turn=1, text="hello", at=at + 1, version=version),
        TurnCompleted(call=call, turn=1, text="Hello.", agent="desk", version=version, at=at + 2),
        TurnMeasured(call=call, turn=1, total_ms=wait_ms, version=version, at=at + 2),
        CallEnded(call=call, turn=1, reason=reason, duration_s=5.0, at=at + 5),  # type: ignore[arg-type]
        *([] if success is None else [CallAnalysed(call=call, success=success, at=at + 6)]),
    ]


def test_versions_are_compared_with_intervals_and_a_difference_beyond_chance_is_marked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old, new, rare = "0.2.0+3f2a9c1d7b20", "0.2.0+b7710c2e95aa", "0.2.0+0123456789ab"
    calls = [(old, number < 80, 500.0 + number) for number in range(100)]
    calls += [(new, number < 30, 900.0 + number) for number in range(60)]
    calls += [(rare, None, 400.0)]
    journals = [
        call_of_version(
            number, version, success=success, wait_ms=wait_ms, reason="failed" if number % 50 == 0 else "agent_hung_up"
        )
        for number, (version, success, wait_ms) in enumerate(calls)
    ]
    settings = archived(tmp_path, as_entries([event for journal in journals for event in journal]))
    found = json.loads(run(settings, monkeypatch, "report", "--by", "version", "--json"))
    assert set(found) == {"by_version", "versions"}
    first, second, third = found["versions"]
    assert [(row["version"], row["calls"], row["turns"]) for row in found["versions"]] == [
        (old, 100, 100), (new, 60, 60), (rare, 1, 1),
    ]  # fmt: skip
    assert (first["success"]["count"], first["success"]["of"], first["success"]["difference"]) == (80, 100, None)
    assert first["success"]["interval"]["low"] == pytest.approx(0.711, abs=0.001)
    assert second["success"]["difference"]["value"] == pytest.approx(-0.3)
    assert second["success"]["difference"]["high"] < 0
    assert second["success"]["differs"]
    assert (second["failed"]["count"], second["failed"]["of"], second["failed"]["differs"]) == (2, 60, False)
    assert third["success"] == {"count": 0, "of": 0, "interval": None, "difference": None, "differs": False}
    median, p95 = second["wait_p50_ms"], second["wait_p95_ms"]
    assert 920 < median["low"] < median["value"] < median["high"] < 940
    assert p95["high"] is None  # of 60 turns, the slowest may well be faster than the 95th percentile
    assert third["wait_p50_ms"] == {"value": pytest.approx(400, rel=0.01), "low": None, "high": None}
    shown = run(settings, monkeypatch, "report", "--by", "version")
    assert "50.0% (37.7%–62.3%)*" in shown
    assert "latency by stage" not in shown


def predicted_call() -> list[Event]:
    """A call with a prediction of each outcome; the wasted prompts are of two models."""
    call = "02-0199a0b4-c0de-7000-8000-0000000000aa"

    def prompt(turn: int, model: str, tokens: int) -> list[Event]:
        asked = PromptRequested(call=call, turn=turn, agent="desk", id=f"{turn}.o.1", at=1_763_830_000.0 + turn)
        used = {"prompt_tokens": tokens, "completion_tokens": tokens // 10, "tokens_estimated": turn == 1}
        return [asked, PromptCompleted(call=call, turn=turn, request=asked.id, model=model, at=asked.at, **used)]

    def predicted(turn: int) -> Event:
        return UserTurnPredicted(call=call, turn=turn, text="a", at=1_763_830_000.0 + turn)

    return [
        CallStarted(call=call, app="shop", at=1_763_830_000.0),
        *(predicted(1), *prompt(1, "big", 1000), UserTurnResumed(call=call, turn=1)),
        *(predicted(2), *prompt(2, "odd 'model'", 500), UserTurnResumed(call=call, turn=2, reason="other_words")),
        *(predicted(3), *prompt(3, "big", 2000), UserTurnEnded(call=call, turn=3, text="a", predicted=True)),
        predicted(4),
        SpeechMetered(call=call, turn=4, tts="local", tts_characters_wasted=40),
        CallEnded(call=call, turn=4, reason="caller_hung_up", at=1_763_830_009.0),
    ]


def test_the_report_shows_what_wrong_predictions_have_cost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sealed = [(number, encode(event)) for number, event in enumerate(predicted_call())]
    found = [
        Entry(
            f"{1_763_830_000_000 + number}-0",
            2,
            JOURNAL,
            fields[b"type"].decode(),
            fields[b"call"].decode(),
            f"e{number}" if not fields[b"id"] else fields[b"id"].decode(),
            fields[b"body"],
        )
        for number, fields in sealed
    ]
    settings = archived(tmp_path, found)
    monkeypatch.setenv(
        "ORCHESTRA_PRICES", '{"models": {"big": {"prompt_per_million": 2, "completion_per_million": 10}}}'
    )
    report = json.loads(run(settings, monkeypatch, "report", "--json"))["predictions"]
    totals = report["totals"]
    counted = ("predictions", "hits", "resumed", "other_words", "lost", "wasted_prompts", "wasted_characters")
    assert [totals[name] for name in counted] == [4, 1, 1, 1, 1, 2, 40]
    assert (totals["wasted_prompt_tokens"], totals["wasted_completion_tokens"]) == (1500, 150)
    assert totals["wasted_cost"] == pytest.approx(0.003)
    assert totals["unpriced"] == ["odd 'model'"]
    for group, value in (("agent", "desk"), ("app", "shop"), ("day", "2025-11-22")):
        rows = {row[group]: row for row in report[f"by_{group}"]}
        assert rows[value]["wasted_prompts"] == 2
    shown = run(settings, monkeypatch, "report")
    assert "4 predicted turns: 1 right" in shown
    assert "2 prompts wasted with 1,500 tokens in, 150 out, 0.0030 USD" in shown
    monkeypatch.setenv("ORCHESTRA_PRICES", "{}")
    assert json.loads(run(settings, monkeypatch, "report", "--json"))["predictions"]["totals"]["wasted_cost"] is None
