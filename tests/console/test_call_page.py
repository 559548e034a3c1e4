"""The API of a call's page, in one process with its Redis."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from orchestra.console.call_page.assessments import Found, analysed_in
from orchestra.forgetting.chosen import parse_wanted
from orchestra.forgetting.forget import forget
from orchestra.history.call_record import CallRecord
from orchestra.history.reduce import history_of
from orchestra.history.views.call_record import call_record
from orchestra.history.views.timeline import timeline
from orchestra.history.views.transcript import text
from orchestra.prices import Prices
from orchestra.recordings.store import StoredRecording
from orchestra.settings import Settings
from orchestra.storage.call_records import changed_fields
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallAnalysed,
    CallEnded,
    CallStarted,
    Event,
    RecordingSaved,
    ReplyChunk,
    ReplySpoken,
    TranscriptCurated,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
    Verdict,
    clean_text,
)
from tests.console.consoles import RunningConsole, as_operator, console_app, console_settings
from tests.console.long_call import long_call, store, write_recording

READ = as_operator("read")


@pytest.fixture
async def console(bus: TestBus, settings: Settings) -> AsyncIterator[RunningConsole]:
    settings = settings.model_copy(
        update={"redis_url": bus.bus.url, "label_studio_url": "https://ann:secret@labels.example.com/ls/"}
    )
    async with console_app(console_settings(settings)) as running:
        yield running


async def recorded(bus: TestBus, settings: Settings, turns: int = 3, *, ago_s: float = 60.0) -> str:
    """A finished call of so many turns, with its recording."""
    call = bus.call()
    path = write_recording(settings.recordings / f"{call}.wav", 3 + turns * 8)
    await store(bus.bus, long_call(call, time.time() - ago_s, turns, StoredRecording(path.as_uri()).url))
    return call


async def test_a_call_comes_with_its_lines_and_the_times_of_its_turns(
    bus: TestBus, settings: Settings, console: RunningConsole
) -> None:
    call = await recorded(bus, settings)
    await bus.publish(TranscriptCurated(call=call, project="4", task="17"))
    page = (await console.http.get(f"/api/calls/{call}", headers=READ)).json()
    assert (page["record"]["from_number"], page["running"], page["agents"]) == ("+15550001", False, ["desk"])
    assert page["label_url"] == "https://labels.example.com/ls/projects/4/data?task=17"
    measured = await bus.published(TurnMeasured, call)
    drawn = [part for turn in page["turns"] for part in turn.get("measured", ())]
    assert [part["total_ms"] for part in drawn] == [event.total_ms for event in measured]
    assert [part["first_token_ms"] for part in drawn] == [event.first_token_ms for event in measured]
    assert [line["kind"] for line in page["lines"]][:4] == ["event", "reply", "handoff", "caller"]
    detail = (await console.http.get(f"/api/calls/{call}/turns/1", headers=READ)).json()
    assert detail["tools"][0]["result"] == "depot Hill Street"
    assert [prompt["same"] for prompt in detail["prompts"]] == [0, 2]


async def test_the_page_of_a_forgotten_call_says_when_it_was_forgotten(
    bus: TestBus, settings: Settings, console: RunningConsole
) -> None:
    call = await recorded(bus, settings)
    assert (await console.http.get(f"/api/calls/{call}", headers=READ)).status_code == 200
    await forget(bus.bus, parse_wanted([call]))
    for path in ("", "/events", "/recording", "/recording.wav", "/export.txt"):
        answer = await console.http.get(f"/api/calls/{call}{path}", headers=READ)
        assert answer.status_code == 410
        said = answer.json()["error"]
        assert said.startswith("The call was forgotten on 20")
        assert said.endswith(" UTC: nothing of it is kept")


async def test_a_labelling_task_that_came_days_after_the_call_is_shown(bus: TestBus, console: RunningConsole) -> None:
    call, began = bus.call(), time.time() - 2 * 86_400
    await bus.publish(*long_call(call, began, 1))
    record = call_record(history_of(await bus.published(None, call)), Prices())
    key = bus.bus.key(call, "call", call)
    await bus.bus.redis.hset(key, mapping=changed_fields(CallRecord(), record))
    assert (await console.http.get(f"/api/calls/{call}", headers=READ)).json()["label_url"] == ""
    await bus.bus.redis.hset(key, mapping={"labelling_project": "4", "labelling_task": "17"})
    page = (await console.http.get(f"/api/calls/{call}", headers=READ)).json()
    assert page["label_url"] == "https://labels.example.com/ls/projects/4/data?task=17"


async def test_a_page_that_has_everything_of_a_running_call_is_told_so(bus: TestBus, console: RunningConsole) -> None:
    call = bus.call()
    await bus.publish(*long_call(call, time.time(), 1)[:4])
    page = (await console.http.get(f"/api/calls/{call}", headers=READ)).json()
    assert (page["running"], page["events"]) == (True, 4)
    unchanged = await console.http.get(f"/api/calls/{call}?seen=4", headers=READ)
    assert (unchanged.status_code, unchanged.content) == (204, b"")
    recording = (await console.http.get(f"/api/calls/{call}/recording", headers=READ)).json()
    assert recording["state"] == "later"


async def test_a_recording_is_played_by_ranges_and_one_look_is_one_entry_of_the_audit(
    bus: TestBus, settings: Settings, console: RunningConsole
) -> None:
    call = await recorded(bus, settings)
    whole = (settings.recordings / f"{call}.wav").read_bytes()
    with capture_logs() as logs:
        for part in (range(1000), range(1000, 5000)):
            asked = {"Range": f"bytes={part.start}-{part.stop - 1}"}
            answer = await console.http.get(f"/api/calls/{call}/recording.wav", headers=READ | asked)
            assert (answer.status_code, answer.content) == (206, whole[part.start : part.stop])
    looks = [log for log in logs if log["event"] == "console.audit"]
    assert [(log["operator"], log["action"], log["call"]) for log in looks] == [("reader", "played recording", call)]
    seen = (await console.http.get(f"/api/calls/{call}/recording", headers=READ)).json()
    assert (seen["state"], seen["size"]) == ("ready", len(whole))
    assert len(msgspec.json.encode(seen)) < 10_000
    kept = await console.http.get(f"/api/calls/{call}/recording.wav?download=true", headers=READ)
    assert kept.headers["content-disposition"] == f'attachment; filename="{call}.wav"'


async def test_a_recording_from_elsewhere_is_not_opened(bus: TestBus, console: RunningConsole) -> None:
    call = bus.call()
    await bus.publish(*long_call(call, time.time(), 1), RecordingSaved(call=call, url="file:///etc/passwd"))
    answer = await console.http.get(f"/api/calls/{call}/recording.wav", headers=READ)
    assert answer.status_code == 404
    assert "none of the configured stores" in answer.json()["error"]


async def test_a_call_is_exported_as_files(bus: TestBus, settings: Settings, console: RunningConsole) -> None:
    call = await recorded(bus, settings, 2)

    async def file(ending: str) -> str:
        answer = await console.http.get(f"/api/calls/{call}/export.{ending}", headers=READ)
        assert answer.headers["content-disposition"] == f'attachment; filename="{call}.{ending}"'
        return answer.text

    assert [turn["number"] for turn in msgspec.json.decode(await file("json"))["turns"]] == [0, 1, 2]
    head, greeting, *_ = (await file("csv")).splitlines()
    assert head.startswith("turn,said_from_s,said,agent")
    assert greeting.startswith("0,,,,0.0,Welcome to Swift Parcel.")
    assert (await file("vtt")).startswith("WEBVTT")
    assert len((await file("jsonl")).splitlines()) == len(long_call(call, 0.0, 2, "file:///x"))
    assert (await console.http.get(f"/api/calls/{call}/export.exe", headers=READ)).status_code == 404


async def test_annotations_and_evaluations_of_a_call_are_shown(
    bus: TestBus, settings: Settings, console: RunningConsole
) -> None:
    call = await recorded(bus, settings, 1)
    line = {"call": call, "task": 17, "annotation": 3, "updated_at": "2026-11-28T20:00:00+00:00", "outcome": "resolved"}
    (settings.data_dir / "evaluation.jsonl").write_bytes(msgspec.json.encode(line) + b"\n")
    miss = {"case": call, "turn": 1, "what": "tool", "wanted": "find_parcel", "came": ""}
    run = {"set": "s", "at": "2026-11-28", "version": "1", "model": "m", "calls": 1, "turns": 1, "scores": {}}
    folder = settings.data_dir / "evaluations" / "s-1"
    folder.mkdir(parents=True)
    (folder / "1.json").write_bytes(msgspec.json.encode(run | {"misses": [miss]}))
    found = (await console.http.get(f"/api/calls/{call}/assessments", headers=READ)).json()
    assert found["annotated"]["outcome"] == "resolved"
    (verdict,) = found["runs"]
    assert (verdict["misses"][0]["wanted"], verdict["page"]) == ("find_parcel", "/results/evaluations/s-1/1")
    assert (await console.http.get(verdict["page"], headers=READ)).status_code == 200


def test_a_later_analysis_counts_with_its_reason_and_what_it_does_not_say_stays() -> None:
    call = "07-0199a0b4-c0de-7000-8000-00000000dead"
    lost = CallAnalysed(call=call, success=False, success_reason="lost", not_extracted={"colour": "-"}, errors=("a",))
    unsure = CallAnalysed(call=call, success_reason="cannot tell")
    sure = CallAnalysed(call=call, success=True, extracted={"colour": "red"}, errors=("b",))
    judged = CallAnalysed(call=call)

    def shown(*analyses: CallAnalysed) -> Found:
        found = analysed_in(history_of(analyses))
        assert found is not None
        return found

    assert (shown(lost, judged).success, shown(lost, judged).success_reason) == (False, "lost")
    assert (shown(lost, unsure).success, shown(lost, unsure).success_reason) == (False, "lost")
    assert (shown(unsure, judged).success, shown(unsure, judged).success_reason) == (None, "cannot tell")
    last = shown(lost, sure, judged)
    assert (last.success, last.success_reason, last.errors) == (True, "", ("a", "b"))
    assert (last.extracted, last.not_extracted) == ({"colour": "red"}, {})
    assert analysed_in(history_of([])) is None


@pytest.mark.parametrize("ago_s", [60.0, 3600.0])
async def test_what_analyses_and_judges_found_is_shown_however_late(
    ago_s: float, bus: TestBus, settings: Settings, console: RunningConsole
) -> None:
    call = await recorded(bus, settings, 1, ago_s=ago_s)
    polite = Verdict(judge="polite", version="1", passed=False, reason="rude", turns=(1,))
    await bus.publish(
        CallAnalysed(call=call, summary="A parcel.", extracted={"parcel": "4271"}, success=True, verdicts=(polite,)),
        CallAnalysed(call=call, verdicts=(replace(polite, passed=True, reason="kind"), Verdict(judge="brief"))),
    )
    found = (await console.http.get(f"/api/calls/{call}/assessments", headers=READ)).json()["analysed"]
    assert (found["summary"], found["success"], found["extracted"]) == ("A parcel.", True, {"parcel": "4271"})
    verdicts = {each["judge"]: (each.get("passed"), each.get("reason")) for each in found["verdicts"]}
    assert verdicts == {"polite": (True, "kind"), "brief": (None, None)}


@pytest.mark.parametrize(
    "path", ["", "/turns/1", "/events", "/events/0", "/recording", "/recording.wav", "/assessments"]
)
async def test_nothing_is_told_of_an_unknown_call_or_to_strangers(console: RunningConsole, path: str) -> None:
    for call in ("07-0199a0b4-c0de-7000-8000-00000000dead", "nonsense"):
        answer = await console.http.get(f"/api/calls/{call}{path}", headers=READ)
        assert answer.status_code == 404
        assert answer.json()["error"].startswith("no such call")
        assert (await console.http.get(f"/api/calls/{call}{path}")).status_code == 401


async def test_while_redis_is_away_a_call_that_is_nowhere_else_is_not_called_unknown(settings: Settings) -> None:
    away = console_settings(settings.model_copy(update={"redis_url": None, "data_dir": settings.data_dir / "empty"}))
    async with console_app(away) as running:
        answer = await running.http.get("/api/calls/07-0199a0b4-c0de-7000-8000-00000000dead", headers=READ)
    assert answer.status_code == 503
    assert answer.json()["redis"] is False


async def test_a_call_that_an_archive_may_have_is_not_called_unknown_while_that_cannot_be_read(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "archive").write_text("this is no folder")
    broken = settings.model_copy(update={"redis_url": bus.bus.url, "archive_url": str(tmp_path / "archive")})
    async with console_app(console_settings(broken)) as running:
        answer = await running.http.get(f"/api/calls/{bus.call()}", headers=READ)
    assert answer.status_code == 503
    assert "archive" in answer.json()["error"]


SCRIPTS = {
    "¿Dónde está mi paquete?": "Está en la oficina de la calle Mayor, «señor Ñandú».",
    "где моя посылка?": "Ваша посылка в пути.",
    "荷物はどこですか。": "お荷物は配達中です。",
    "أين طردي؟": "طردك في الطريق.",
    "मेरा पार्सल कहाँ है?": "आपका पार्सल रास्ते में है।",
    "👩\u200d👩\u200d👧 <b>ok</b> \udc00": "Ça va, Zoë? & 3 < 5",
}


async def test_words_stand_in_journal_record_transcript_and_page_as_they_were_said_in_any_script(
    bus: TestBus, settings: Settings, console: RunningConsole
) -> None:
    call, at = bus.call(), time.time() - 60
    events: list[Event] = [CallStarted(call=call, at=at, from_number="+15550001", language="es")]
    for turn, (said, reply) in enumerate(SCRIPTS.items(), start=1):
        when: dict[str, Any] = {"call": call, "turn": turn}
        events += [
            UserTurnEnded(**when, at=at + turn * 4, text=said),
            ReplyChunk(**when, at=at + turn * 4 + 1, text=reply, agent="desk"),
            ReplySpoken(**when, at=at + turn * 4 + 2, text=reply, agent="desk"),
            TurnCompleted(**when, at=at + turn * 4 + 2, text=reply, agent="desk"),
        ]
    events.append(CallEnded(call=call, at=at + 50, reason="caller_hung_up"))
    await store(bus.bus, events)
    words = [clean_text(each) for pair in SCRIPTS.items() for each in pair]
    assert [
        event.text for event in await bus.published(None, call) if isinstance(event, UserTurnEnded | ReplySpoken)
    ] == words
    page = (await console.http.get(f"/api/calls/{call}", headers=READ)).json()
    assert [line["text"] for line in page["lines"] if line["kind"] in {"caller", "reply"}] == words
    history = history_of(await bus.published(None, call))
    shown = msgspec.json.encode(timeline(history)).decode()
    assert not [each for each in words if each not in shown or each not in text(history)]
    assert call_record(history, Prices()).languages == ("es",)
