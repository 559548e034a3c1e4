import asyncio
import resource
import time
import wave
from pathlib import Path

import fsspec
import pytest
from msgspec.structs import replace

from orchestra.bus import keys
from orchestra.recordings.store import StoredRecording, find_recording, store_recording
from orchestra.settings import Settings
from orchestra.storage.call_records import find_call
from orchestra.storage.calls_of_lost_edges import end_of_lost, lost_calls
from orchestra.testing import TestBus
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallResumed,
    CallStarted,
    ConsentRefused,
    OperatorTookOver,
    RecordingSaved,
    UserTurnEnded,
)
from orchestra_workers.persistence import consumer


def chunk(call: str, offset_ms: int, value: int = 5) -> AudioChunk:
    samples = value.to_bytes(2, "little", signed=True) * 1600
    return AudioChunk(call=call, speaker="caller", offset_ms=offset_ms, audio=samples)


def caller_side(path: Path) -> list[int]:
    with wave.open(str(path)) as file:
        return memoryview(file.readframes(file.getnframes())).cast("h").tolist()[0::2]


async def recorded(bus: TestBus) -> str:
    """A call with 200 ms of its caller, taken by the consumer to its end."""
    call = bus.call()
    await bus.publish(CallStarted(call=call), chunk(call, 0), CallEnded(call=call, reason="failed", audio_ms=200))
    await bus.settled()
    return call


class TestElsewhere:
    @pytest.fixture
    def settings(self, settings: Settings, request: pytest.FixtureRequest) -> Settings:
        return settings.model_copy(update={"recordings_url": request.param})

    @pytest.mark.parametrize("settings", ["memory://bucket/calls"], indirect=True)
    async def test_a_finished_recording_moves_to_the_configured_url(self, bus: TestBus, settings: Settings) -> None:
        async with bus.run(consumer):
            call = await recorded(bus)
        (saved,) = await bus.published(RecordingSaved)
        assert saved.url == f"memory://bucket/calls/{call}.wav"
        assert saved.duration_s == pytest.approx(0.2)
        with fsspec.open(saved.url, "rb") as file:
            assert file.read()[:4] == b"RIFF"
        assert list(settings.recordings.iterdir()) == []

    @pytest.mark.parametrize("settings", ["memory://me:s3cr3t@bucket/calls"], indirect=True)
    async def test_the_password_of_the_store_is_in_no_event_record_or_log_line(
        self, bus: TestBus, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with bus.run(consumer):
            call = await recorded(bus)
        (saved,) = await bus.published(RecordingSaved)
        assert saved.url == f"memory://bucket/calls/{call}.wav"
        with find_recording(settings, saved.url).open() as file:
            assert file.read()[:4] == b"RIFF"
        record = await find_call(bus.bus, call)
        journal = [entry.body async for entry in bus.bus.entries(keys.partition_of(call), keys.JOURNAL)]
        assert "s3cr3t" not in f"{record}{journal}{capsys.readouterr()}"

    @pytest.mark.parametrize("settings", ["memory://bucket/again"], indirect=True)
    async def test_audio_that_is_delivered_again_after_the_move_makes_no_new_file(
        self, bus: TestBus, settings: Settings
    ) -> None:
        async with bus.run(consumer):
            call = await recorded(bus)
            await bus.publish(chunk(call, 0))
            await bus.settled()
        assert list(settings.recordings.iterdir()) == []

    @pytest.mark.parametrize("settings", ["memory://bucket/refused"], indirect=True)
    async def test_a_recording_that_the_caller_refuses_as_they_hang_up_is_deleted_from_the_store(
        self, bus: TestBus, settings: Settings
    ) -> None:
        async with bus.run(consumer):
            call = await recorded(bus)
            (saved,) = await bus.published(RecordingSaved)
            await bus.publish(ConsentRefused(call=call))
            await bus.settled()
            assert not fsspec.filesystem("memory").exists(saved.url)
            await bus.publish(saved)  # or while it is being moved
            await bus.settled()
        record = await find_call(bus.bus, call)
        assert record is not None
        assert (record.recording, record.recording_mode) == ("", "refused")
        assert list(settings.recordings.iterdir()) == []

    @pytest.mark.parametrize("settings", ["gopher://somewhere/calls"], indirect=True)
    async def test_a_recording_stays_here_if_its_store_cannot_be_used(
        self, bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchestra.storage.handlers._STORED_WITHIN_S", 0.05)
        async with bus.run(consumer):
            call = await recorded(bus)
        (saved,) = await bus.published(RecordingSaved)
        assert saved.url == (settings.recordings / f"{call}.wav").absolute().as_uri()
        assert caller_side(settings.recordings / f"{call}.wav") == [5] * 1600


async def test_a_person_who_steps_into_a_call_without_consent_is_not_recorded_and_neither_is_the_caller(
    bus: TestBus, settings: Settings
) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(
            CallStarted(call=call, recording="asked"),
            ConsentRefused(call=call),
            OperatorTookOver(call=call, operator="+15550100200"),
            replace(chunk(call, 0), kept=False),
            replace(chunk(call, 0), speaker="operator"),
            replace(chunk(call, 0), speaker="person", kept=False),
            chunk(call, 200),  # of an edge that has not read of the refusal
            CallEnded(call=call, reason="caller_hung_up", audio_ms=400),
        )
        await bus.settled()
    assert not settings.recordings.exists() or list(settings.recordings.iterdir()) == []
    assert not await bus.published(RecordingSaved)


async def test_nothing_is_left_of_a_recording_whose_consent_was_lost_with_its_edge(
    bus: TestBus, settings: Settings
) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call, recording="asked"), chunk(call, 0))
        await bus.settled()
        assert [path.stem for path in settings.recordings.iterdir()] == [call]
        await bus.publish(CallEnded(call=call, reason="failed", audio_ms=200))
        await bus.settled()
    assert list(settings.recordings.iterdir()) == []
    assert not await bus.published(RecordingSaved)


def test_a_recording_is_stored_in_a_folder_atomically(tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(b"RIFF....")
    stored = store_recording(tmp_path / "call.wav", str(tmp_path / "kept here"))
    assert (stored.size(), stored.path) == (8, tmp_path / "kept here" / "call.wav")
    assert [each.name for each in (tmp_path / "kept here").iterdir()] == ["call.wav"]
    with pytest.raises(FileNotFoundError):
        StoredRecording((tmp_path / "nothing.wav").as_uri()).size()


async def test_a_call_survives_a_full_disk_and_its_audio_is_recovered_at_the_end(
    bus: TestBus, settings: Settings
) -> None:
    call = bus.call()
    settings.recordings.mkdir(parents=True)
    file = settings.recordings / f"{call}.wav"
    file.symlink_to("/dev/full")  # every write is refused with ENOSPC
    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call), chunk(call, 0, 7), UserTurnEnded(call=call, turn=1, text="hello"))
        await bus.settled()
        record = await find_call(bus.bus, call)
        assert (record and record.turns) == 1
        file.unlink()  # somebody makes room
        await bus.publish(chunk(call, 200, 8), CallEnded(call=call, reason="caller_hung_up", audio_ms=400))
        await bus.settled()
    (saved,) = await bus.published(RecordingSaved)
    assert (saved.duration_s, saved.missing_ms) == (pytest.approx(0.4), 0)
    assert caller_side(file) == [7] * 1600 + [8] * 1600


async def test_a_recording_that_was_begun_on_another_machine_has_its_beginning_all_the_same(
    bus: TestBus, settings: Settings
) -> None:
    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call), chunk(call, 0, 7), chunk(call, 200, 8))
        await bus.settled()
    (settings.recordings / f"{call}.wav").rename(settings.recordings / "elsewhere.wav")
    async with bus.run(consumer):
        await bus.publish(chunk(call, 400, 9), CallEnded(call=call, reason="caller_hung_up", audio_ms=600))
        await bus.settled()
    (saved,) = await bus.published(RecordingSaved)
    assert (saved.duration_s, saved.missing_ms) == (pytest.approx(0.6), 0)
    assert caller_side(settings.recordings / f"{call}.wav") == [7] * 1600 + [8] * 1600 + [9] * 1600


async def test_a_disk_that_stays_full_ends_the_call_without_a_recording(bus: TestBus, settings: Settings) -> None:
    call = bus.call()
    settings.recordings.mkdir(parents=True)
    (settings.recordings / f"{call}.wav").symlink_to("/dev/full")
    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call), chunk(call, 0), CallEnded(call=call, reason="failed", audio_ms=200))
        await bus.settled()
    assert await bus.published(RecordingSaved) == []
    record = await find_call(bus.bus, call)
    assert record is not None
    assert (record.status, record.recording) == ("ended", "")


async def test_a_disk_that_fills_up_during_the_call_leaves_a_complete_file_and_reports_what_is_missing(
    bus: TestBus, settings: Settings
) -> None:
    call, limit = bus.call(), 1 << 20
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with bus.run(consumer):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))  # a write across it is cut short, then refused
        try:
            await bus.publish(CallStarted(call=call), *(chunk(call, 31_000 + 200 * n) for n in range(20)))
            await bus.publish(CallEnded(call=call, reason="caller_hung_up", audio_ms=35_000))
            await bus.settled()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (saved,) = await bus.published(RecordingSaved)
    assert 2000 <= saved.missing_ms <= 2400
    with wave.open(str(settings.recordings / f"{call}.wav")) as file:
        assert file.getnframes() == saved.duration_s * 8000
        assert saved.duration_s == pytest.approx(32.6, abs=0.2)


class TestMissing:
    @pytest.mark.parametrize("restarts", [False, True])
    async def test_audio_that_was_lost_with_an_edge_is_reported_as_missing(self, bus: TestBus, restarts: bool) -> None:
        call = bus.call()
        async with bus.run(consumer):
            await bus.publish(CallStarted(call=call), chunk(call, 0), chunk(call, 200), agents(call, 200))
            await bus.settled()
            if not restarts:
                await bus.publish(CallResumed(call=call), agents(call, 1800), chunk(call, 1800), chunk(call, 2000))
                await bus.settled()
        async with bus.run(consumer):
            if restarts:
                await bus.publish(CallResumed(call=call), agents(call, 1800), chunk(call, 1800), chunk(call, 2000))
            await bus.publish(CallEnded(call=call, reason="caller_hung_up", audio_ms=2200))
            await bus.settled()
        (saved,) = await bus.published(RecordingSaved)
        assert (saved.duration_s, saved.missing_ms) == (pytest.approx(2.2), 1400)
        record = await find_call(bus.bus, call)
        assert (record and record.recording_missing_ms) == 1400

    async def test_gaps_of_dead_edges_count_but_lost_frames_and_the_agents_pauses_do_not(self, bus: TestBus) -> None:
        call = bus.call()
        caller = [chunk(call, at) for at in (0, 240, 1000, 1200, 2000, 2200)]
        async with bus.run(consumer):
            await bus.publish(CallStarted(call=call), *caller[:2], agents(call, 0), *caller[2:], agents(call, 2200))
            await bus.publish(CallEnded(call=call, reason="caller_hung_up", audio_ms=2400))
            await bus.settled()
        (saved,) = await bus.published(RecordingSaved)
        assert saved.missing_ms == 560 + 600

    async def test_audio_that_never_came_at_the_end_is_missing_too(
        self, bus: TestBus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchestra.recordings.recorder._LAST_AUDIO_WITHIN_S", 0.05)
        call = bus.call()
        async with bus.run(consumer):
            await bus.publish(CallStarted(call=call), chunk(call, 0))
            await bus.publish(CallEnded(call=call, reason="caller_hung_up", audio_ms=1000))
            await bus.settled()
        (saved,) = await bus.published(RecordingSaved)
        assert saved.missing_ms == 800


def agents(call: str, at_ms: int) -> AudioChunk:
    return AudioChunk(call=call, speaker="agent", offset_ms=at_ms, audio=bytes(3200))


class TestLost:
    async def test_a_call_whose_edge_was_lost_is_closed_with_the_audio_that_is_there(
        self, bus: TestBus, settings: Settings
    ) -> None:
        bus.bus.settings = settings.model_copy(update={"lost_call_s": 0.4})
        call = bus.call()
        async with bus.run(consumer):
            await bus.publish(CallStarted(call=call), UserTurnEnded(call=call, turn=2, text="hello"), chunk(call, 0))
            async with asyncio.timeout(30):
                follow = bus.bus.follow(since="0")
                async for entry in follow:
                    if entry.type == "call.ended":
                        break
                await follow.aclose()
            await bus.settled()
            ended = await bus.published(CallEnded)
            assert len(ended) == 1
            assert (ended[0].reason, ended[0].turn, ended[0].audio_ms) == ("failed", 2, 200)
            assert len(await bus.published(RecordingSaved)) == 1
            record = await find_call(bus.bus, call)
            assert (record and record.status) == "ended"

    async def test_a_call_that_still_sends_audio_is_not_lost(self, bus: TestBus) -> None:
        silent, speaking = bus.call(3), bus.call(3)
        async with bus.run(consumer):
            await bus.publish(CallStarted(call=silent), CallStarted(call=speaking))
            await bus.settled()
        at = time.time()
        await bus.publish(chunk(speaking, 0))
        lost = await lost_calls(bus.bus, time.time() - at)
        assert [record.call for record in lost] == [silent]

    async def test_damaged_audio_keeps_no_lost_call_open(self, bus: TestBus) -> None:
        call = bus.call()
        async with bus.run(consumer):
            await bus.publish(CallStarted(call=call), chunk(call, 0))
            await bus.settled()
        await bus.publish(AudioChunk(call=call, speaker="caller", offset_ms=0, sample_rate=0, audio=bytes(2)))
        media = keys.key(keys.partition_of(call), keys.MEDIA)
        await bus.bus.redis.xadd(media, {"type": "audio.chunk", "call": call, "id": "e1", "body": "{", "audio": "a"})
        record = await find_call(bus.bus, call)
        assert record is not None
        end = await end_of_lost(bus.bus, record)
        assert (end and end.audio_ms) == 200

    async def test_two_workers_close_a_lost_call_once(self, bus: TestBus) -> None:
        call = bus.call()
        async with bus.run(consumer):
            await bus.publish(CallStarted(call=call))
            await bus.settled()
        record = await find_call(bus.bus, call)
        assert record is not None
        assert await end_of_lost(bus.bus, record) is not None
        assert await end_of_lost(bus.bus, record) is None
