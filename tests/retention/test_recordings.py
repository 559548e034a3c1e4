"""Recordings are deleted once they are older than the settings say, wherever they are."""

from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from structlog.testing import capture_logs

from orchestra.app_retention import AppRetention
from orchestra.bus.keys import new_call
from orchestra.retention.holds import Holds
from orchestra.retention.policy import KeepDays
from orchestra.retention.recordings import RecordingSweeps, delete_recordings
from orchestra.settings import Settings
from orchestra.testing import TestBus

NOW = 1_760_000_000.0
DAY_S = 86_400


def call_of(age_days: float) -> str:
    return new_call(7, int((NOW - age_days * DAY_S) * 1000))


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"memory://{tmp_path.name}/recordings"


@pytest.fixture
def settings(settings: Settings, place: str) -> Settings:
    return settings.model_copy(update={"recordings_url": place, "recordings_days": 30.0})


@pytest.fixture
def put(place: str) -> Callable[[str], None]:
    def write(name: str) -> None:
        files, root = fsspec.url_to_fs(place)
        files.makedirs(root, exist_ok=True)
        files.pipe_file(f"{root}/{name}", b"RIFF")

    return write


def names(place: str) -> set[str]:
    files, root = fsspec.url_to_fs(place)
    return {name.rpartition("/")[2] for name in files.ls(root, detail=False)}


@pytest.mark.parametrize(
    ("age_days", "days", "expired"), [(29.9, 30, False), (30.1, 30, True), (1000, 0, False), (-1, 30, False)]
)
def test_a_call_expires_that_many_days_after_its_start_and_never_with_zero(
    age_days: float, days: float, expired: bool
) -> None:
    assert KeepDays(days).has_expired(call_of(age_days), NOW) is expired


@pytest.mark.parametrize("call", ["", "07-a", "07-00000000-0000-4000-8000-000000000000"])
def test_an_id_that_does_not_say_when_the_call_started_never_expires(call: str) -> None:
    assert not KeepDays(30).has_expired(call, NOW)


def test_an_app_may_keep_its_calls_for_another_time() -> None:
    keep = KeepDays(30, {"clinic": 7, "bank": 0, "shop": 400})
    assert [keep.has_expired(call_of(8), NOW, app) for app in ("clinic", "bank", "shop", "")] == [True] + 3 * [False]
    assert [keep.has_expired(call_of(500), NOW, app) for app in ("clinic", "bank", "shop", "")] == [
        True,
        False,
        True,
        True,
    ]
    assert (keep.shortest, keep.depends_on_app, KeepDays(30, {"shop": 30}).depends_on_app) == (7, True, False)
    assert (KeepDays(0).any, KeepDays(0, {"clinic": 7}).any) == (False, True)


async def test_only_expired_recordings_are_deleted_wherever_they_are(
    bus: TestBus, place: str, put: Callable[[str], None], settings: Settings
) -> None:
    old, young, held = call_of(31), call_of(29), call_of(32)
    for name in (f"{old}.wav", f"{young}.wav", f"{held}.wav", "notes.txt", "holiday.wav", f"{old}.txt"):
        put(name)
    settings.recordings.mkdir()
    (settings.recordings / f"{old}.wav").write_bytes(b"RIFF")
    await Holds(bus.bus).hold_call(held, "case 12")
    sweeps = RecordingSweeps(bus.bus)
    assert await sweeps.run(NOW, True) == 2
    assert await sweeps.run(NOW - 2 * DAY_S, False) == 0
    assert len(names(place)) == 6
    assert await sweeps.run(NOW, False) == 2
    assert names(place) == {f"{young}.wav", f"{held}.wav", "notes.txt", "holiday.wav", f"{old}.txt"}
    assert list(settings.recordings.iterdir()) == []
    await Holds(bus.bus).release(calls=[held])
    assert await sweeps.run(NOW, False) == 1


async def test_the_recordings_of_an_app_go_after_its_own_time(
    bus: TestBus, place: str, put: Callable[[str], None]
) -> None:
    settings = bus.bus.settings = bus.bus.settings.model_copy(
        update={"app_retention": {"clinic": AppRetention(recordings_days=7), "bank": AppRetention(recordings_days=0)}}
    )
    calls = {app: call_of(age) for app, age in (("clinic", 8), ("bank", 99), ("shop", 8), ("", 31))}
    for app, call in calls.items():
        put(f"{call}.wav")
        if app:
            await bus.bus.redis.hset(bus.bus.key(call, "call", call), "app", app)
    assert KeepDays.of(settings, "recordings_days").apps == {"clinic": 7, "bank": 0}
    assert await RecordingSweeps(bus.bus).run(NOW, False) == 2
    assert names(place) == {f"{calls['bank']}.wav", f"{calls['shop']}.wav"}


async def test_a_place_that_does_not_exist_yet_is_empty(bus: TestBus) -> None:
    assert await RecordingSweeps(bus.bus).run(NOW, False) == 0


def test_a_recording_that_cannot_be_deleted_is_logged_and_does_not_stop_the_others(tmp_path: Path) -> None:
    stuck, old = sorted([call_of(32), call_of(31)])
    (tmp_path / f"{stuck}.wav").mkdir()
    (tmp_path / f"{old}.wav").write_bytes(b"RIFF")
    with capture_logs() as logs:
        assert delete_recordings(str(tmp_path), [stuck, old]) == [old]
    assert [entry["call"] for entry in logs if entry["event"] == "retention.not_deleted"] == [stuck]


async def test_recordings_are_kept_for_ever_unless_the_settings_say_otherwise(bus: TestBus) -> None:
    bus.bus.settings = bus.bus.settings.model_copy(update={"recordings_days": 0.0})
    assert not RecordingSweeps(bus.bus).keep.any
