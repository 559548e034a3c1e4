import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallStarted,
    Event,
    RecordingSaved,
    ReplyInterrupted,
    ReplySpoken,
    TranscriptCurated,
    TranscriptFinal,
    UserTurnEnded,
)
from orchestra_workers.curator import consumer
from orchestra_workers.persistence import consumer as persistence
from tests.servers.label_studio import TOKEN, LabelStudioServer


@pytest_asyncio.fixture
async def studio() -> AsyncIterator[LabelStudioServer]:
    async with LabelStudioServer() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, studio: LabelStudioServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("orchestra.curation.curation._LONGEST_PAUSE_S", 0.05)
    return settings.model_copy(update={"label_studio_url": studio.url, "label_studio_api_key": SecretStr(TOKEN)})


def a_call(call: str, *, confidence: float = 1.0, interrupted: bool = False, audio: bool = True) -> list[Event]:
    heard = ReplyInterrupted(call=call, turn=1, heard="It is", at=104.0)
    spoken = ReplySpoken(call=call, turn=1, text="It is on its way.", at=104.0)
    return [
        CallStarted(call=call, at=100.0, from_number="+15550001"),
        ReplySpoken(call=call, text="Welcome.", at=101.0),
        TranscriptFinal(call=call, text="where is it", confidence=confidence, at=102.5),
        UserTurnEnded(call=call, turn=1, text="where is it", at=103.0, speech_ended_at=102.5),
        heard if interrupted else spoken,
        CallEnded(call=call, turn=1, reason="caller_hung_up", duration_s=5.0, at=105.0, audio_ms=5000 * audio),
        *([RecordingSaved(call=call, turn=1, url=f"file:///recordings/{call}.wav")] if audio else []),
    ]


async def until_refused(studio: LabelStudioServer) -> None:
    async with asyncio.timeout(30):
        await studio.refused.wait()


async def test_a_finished_call_becomes_one_task_with_its_words_times_and_audio(
    bus: TestBus, studio: LabelStudioServer
) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(*a_call(call))
        await bus.settled()
    (curated,) = await bus.published(TranscriptCurated)
    data = studio.tasks[int(curated.project)][int(curated.task)]
    assert [(turn["speaker"], turn["text"], turn["end"]) for turn in data["turns"]] == [
        ("agent", "Welcome.", 1.0),
        ("caller", "where is it", 2.5),
        ("agent", "It is on its way.", 4.0),
    ]
    assert data["audio"].startswith(f"http://127.0.0.1:8480/calls/{call}/recording?expires=")
    assert "5550001" not in str(data)
    assert studio.projects[int(curated.project)]["title"] == "Orchestra calls"


async def test_a_call_without_audio_does_not_wait_for_a_recording(bus: TestBus, studio: LabelStudioServer) -> None:
    async with bus.run(consumer):
        await bus.publish(*a_call(bus.call(), audio=False))
        await bus.settled(30.0)  # half of what one waits for a recording
    (data,) = studio.tasks[1].values()
    assert data["audio"] == ""


async def test_a_missing_recording_does_not_hold_back_the_transcript(
    bus: TestBus, studio: LabelStudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.curation.handlers.RECORDING_WITHIN_S", 0.1)
    async with bus.run(consumer):
        await bus.publish(*a_call(bus.call())[:-1])
        await bus.settled()
    assert len(studio.calls()) == 1


async def test_a_call_whose_edge_died_is_closed_after_a_time_out_and_curated(
    bus: TestBus, studio: LabelStudioServer, settings: Settings
) -> None:
    bus.bus.settings = settings.model_copy(update={"lost_call_s": 0.5})
    call, began = bus.call(), time.time()
    async with bus.run(persistence, consumer):
        await bus.publish(
            CallStarted(call=call, at=began),
            ReplySpoken(call=call, text="Welcome.", at=began + 0.1),
            UserTurnEnded(call=call, turn=1, text="where is it", at=began + 0.3, speech_ended_at=began + 0.2),
            AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\x01\x02" * 1600),
        )  # and nothing ever after: neither the reply nor the end of the call
        async with asyncio.timeout(60):
            while not await bus.published(TranscriptCurated):  # noqa: ASYNC110 - the time-out has to come
                await asyncio.sleep(0.05)
        await bus.settled()
    ended = await bus.published(CallEnded)
    assert [(event.reason, event.turn, event.audio_ms) for event in ended] == [("failed", 1, 200)]
    (data,) = studio.tasks[1].values()
    assert [(turn["speaker"], turn["text"]) for turn in data["turns"]] == [
        ("agent", "Welcome."),
        ("caller", "where is it"),
    ]
    assert data["meta"]["end_reason"] == "failed"
    assert f"/calls/{call}/recording?" in data["audio"]
    assert len(await bus.published(TranscriptCurated)) == 1


async def test_many_calls_take_few_imports_and_a_repeated_end_changes_nothing(
    bus: TestBus, studio: LabelStudioServer
) -> None:
    calls = [bus.call() for _ in range(60)]
    async with bus.run(consumer):
        await bus.publish(*(event for call in calls for event in a_call(call)))
        await bus.settled()
        await bus.publish(CallEnded(call=calls[0], turn=1, reason="failed"))
        await bus.settled()
    assert sorted(studio.calls()) == sorted(calls)
    assert len(studio.imports) < len(calls) / 2


@pytest.mark.parametrize("fault", [500, 503, 429, -500, -1])
async def test_an_import_that_fails_before_or_after_it_is_stored_makes_one_task_per_call(
    bus: TestBus, studio: LabelStudioServer, fault: int
) -> None:
    studio.fail_imports = [fault]
    calls = [bus.call() for _ in range(5)]
    async with bus.run(consumer):
        await bus.publish(*(event for call in calls for event in a_call(call)))
        await bus.settled()
    assert sorted(studio.calls()) == sorted(calls)
    assert {event.call for event in await bus.published(TranscriptCurated)} == set(calls)
    again = 0 if fault < 0 else studio.imports[0]  # the SDK's own retry would have sent it blindly again
    assert sum(studio.imports) == 5 + again


async def test_a_project_whose_creation_fails_after_it_is_stored_is_not_created_twice(
    bus: TestBus, studio: LabelStudioServer
) -> None:
    studio.fail_creations = [-503]
    async with bus.run(consumer):
        await bus.publish(*a_call(bus.call()))
        await bus.settled()
    assert [project["title"] for project in studio.projects.values()] == ["Orchestra calls"]
    assert len(studio.calls()) == 1


async def test_a_project_with_another_labelling_interface_gets_no_predictions_that_it_could_not_show(
    bus: TestBus, studio: LabelStudioServer
) -> None:
    config = (
        '<View><Paragraphs name="t" value="$turns"/><Choices name="c" toName="t"><Choice value="x"/></Choices></View>'
    )
    studio.projects[7], studio.tasks[7] = {"id": 7, "title": "Orchestra calls", "label_config": config}, {}
    async with bus.run(consumer):
        await bus.publish(*a_call(bus.call()))
        await bus.settled()
    (sent,) = studio.sent
    assert set(sent) == {"data"}
    assert len(studio.tasks[7]) == 1


async def test_a_call_that_is_refused_is_a_dead_letter_in_the_servers_words_and_alone(
    bus: TestBus, studio: LabelStudioServer
) -> None:
    calls = [bus.call() for _ in range(8)]
    studio.refuse = {calls[3]}
    async with bus.run(consumer):
        await bus.publish(*(event for call in calls for event in a_call(call)))
        await bus.settled(allow_dead=True)
        (letter,) = await bus.dead()
    assert "key is expected in task data" in letter.error
    assert sorted(studio.calls()) == sorted(set(calls) - {calls[3]})


async def test_a_refused_token_loses_nothing_and_calls_continue_once_it_is_valid(
    bus: TestBus, studio: LabelStudioServer
) -> None:
    studio.token = "another"
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(*a_call(call))
        await until_refused(studio)
        assert studio.calls() == []
        studio.token = TOKEN
        await bus.settled()
    assert studio.calls() == [call]


async def test_a_deleted_project_is_created_again(bus: TestBus, studio: LabelStudioServer) -> None:
    first, second = bus.call(), bus.call()
    async with bus.run(consumer):
        await bus.publish(*a_call(first))
        await bus.settled()
        studio.delete_project(1)
        await bus.publish(*a_call(second))
        await bus.settled()
    assert studio.calls() == [second]


async def test_calls_wait_in_the_journal_while_label_studio_is_down(bus: TestBus, settings: Settings) -> None:
    async with LabelStudioServer() as down:
        url = down.url
    call = bus.call()
    bus.bus.settings = settings.model_copy(update={"label_studio_url": url})
    async with bus.run(consumer):
        await bus.publish(*a_call(call))
        async with asyncio.timeout(30):
            while not any(group.pending for group in await bus.bus.groups()):  # noqa: ASYNC110 - only Redis knows
                await asyncio.sleep(0.01)
    bus.bus.settings = settings
    async with bus.run(consumer):
        await bus.settled()
    assert [event.call for event in await bus.published(TranscriptCurated)] == [call]


@pytest.mark.parametrize(("only", "kept"), [("all", 3), ("interrupted", 1), ("low_confidence", 1), ("failed", 0)])
async def test_a_filter_leaves_calls_out(
    bus: TestBus, studio: LabelStudioServer, settings: Settings, only: str, kept: int
) -> None:
    bus.bus.settings = settings.model_copy(update={"curate_only": only})
    async with bus.run(consumer):
        await bus.publish(*a_call(bus.call()))
        await bus.publish(*a_call(bus.call(), interrupted=True))
        await bus.publish(*a_call(bus.call(), confidence=0.3))
        await bus.settled()
    assert len(studio.calls()) == kept


async def test_a_call_of_ten_thousand_turns_is_one_task(bus: TestBus, studio: LabelStudioServer) -> None:
    call, began = bus.call(), time.time()
    turns = [
        event
        for turn in range(1, 10_001)
        for event in (
            UserTurnEnded(call=call, turn=turn, text="and then", at=began + turn, speech_ended_at=began + turn),
            ReplySpoken(call=call, turn=turn, text="go on", at=began + turn + 0.5),
        )
    ]
    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call, at=began))
        for first in range(0, len(turns), 5000):
            await bus.publish(*turns[first : first + 5000])
        await bus.publish(CallEnded(call=call, turn=10_000, reason="time_limit"))
        await bus.settled()
    (data,) = studio.tasks[1].values()
    assert len(data["turns"]) == 20_000
    assert data["turns"][-1]["end"] == pytest.approx(10_000.5)


async def curated(bus: TestBus, calls: list[str], *, allow_dead: bool = False) -> None:
    """Have these calls end at once, and wait until each is a task or a dead letter."""
    async with bus.run(consumer):
        await bus.publish(*(event for call in calls for event in a_call(call)))
        await bus.settled(60.0, allow_dead=allow_dead)


async def test_a_call_on_which_the_server_fails_holds_back_no_other_and_becomes_a_dead_letter(
    bus: TestBus, studio: LabelStudioServer
) -> None:
    good, poison, later = [bus.call() for _ in range(3)], bus.call(), bus.call()
    studio.poison = {poison}
    async with bus.run(consumer):
        await bus.publish(*(event for call in [*good[:2], poison, good[2]] for event in a_call(call)))
        async with asyncio.timeout(30):
            while len(studio.calls()) < len(good):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)
        await bus.publish(*a_call(later))
        await bus.settled(60.0, allow_dead=True)
    assert sorted(studio.calls()) == sorted([*good, later])
    (dead,) = await bus.dead("curator")
    assert dead.id.startswith(poison)
    assert "failed on this call" in dead.error
    assert "500" in dead.error


async def test_a_single_call_waits_while_the_server_accepts_none(bus: TestBus, studio: LabelStudioServer) -> None:
    call = bus.call()
    studio.fail_imports = [500] * 12
    await curated(bus, [call])
    assert studio.calls() == [call]
    assert await bus.dead("curator") == []


async def test_a_backlog_is_looked_up_in_requests_that_gateways_accept(bus: TestBus, studio: LabelStudioServer) -> None:
    studio.longest_line = 4000
    calls = [bus.call() for _ in range(150)]
    await curated(bus, calls)
    assert sorted(studio.calls()) == sorted(calls)


@pytest.mark.parametrize("looks", [1, 3])
async def test_an_asynchronous_import_is_waited_for(bus: TestBus, studio: LabelStudioServer, looks: int) -> None:
    studio.later = looks
    calls = [bus.call() for _ in range(4)]
    await curated(bus, calls)
    assert sorted(studio.calls()) == sorted(calls)
    assert {event.call for event in await bus.published(TranscriptCurated)} == set(calls)


async def test_the_call_that_an_asynchronous_import_gives_up_is_found(bus: TestBus, studio: LabelStudioServer) -> None:
    calls = [bus.call() for _ in range(4)]
    studio.later, studio.gives_up = 1, {calls[1]}
    await curated(bus, calls, allow_dead=True)
    assert sorted(studio.calls()) == sorted([calls[0], *calls[2:]])
    (dead,) = await bus.dead("curator")
    assert dead.id.startswith(calls[1])
    assert "cannot be imported" in dead.error


@pytest.mark.parametrize(
    "answer",
    [
        (502, "application/json", "<html>502 Bad Gateway</html>"),
        (504, "application/json", ""),
        (503, "text/html", "<html>"),
        (200, "text/html", "<html>Please log in</html>"),
        (201, "application/json", "[1, 2"),
        (201, "application/json", '{"task_ids": [null]}'),
        (201, "application/json", '{"task_ids": "all"}'),
        (429, "application/json", '{"detail": "slow down"}'),
    ],
)
async def test_answers_of_a_gateway_in_place_of_the_server_are_waited_out(
    bus: TestBus, studio: LabelStudioServer, answer: tuple[int, str, str]
) -> None:
    studio.answers = [answer] * 6
    calls = [bus.call() for _ in range(3)]
    await curated(bus, calls)
    assert sorted(studio.calls()) == sorted(calls)
    assert await bus.dead("curator") == []


@pytest.mark.parametrize("host", ["http://127.0.0.1:9", "https://user:s3cret@labels.example"])
async def test_a_redirect_is_reported_once_and_not_followed(
    bus: TestBus, studio: LabelStudioServer, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    studio.redirect = host
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(*a_call(call))
        async with asyncio.timeout(30):
            while len(studio.seen) < 4:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)
        studio.redirect = ""
        await bus.settled(60.0)
    assert studio.calls() == [call]
    told = [line for line in capsys.readouterr().out.splitlines() if "curation.waiting" in line]
    assert len(told) == 1
    assert "redirects to" in told[0]
    assert "s3cret" not in told[0]
