import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from orchestra.agents import ToolContext, load_app
from orchestra.demo.parcels import Parcels
from orchestra.demo.tools import find_parcel, open_complaint, open_parcels, redeliver


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return Parcels(tmp_path / "demo" / "parcels.sqlite")


def context(parcels: Parcels, key: str = "k1") -> ToolContext:
    return ToolContext(call="00-x", turn=1, idempotency_key=key, caller_number="+15550001", resources=parcels)


def rows(parcels: Parcels, query: str) -> list[tuple[object, ...]]:
    database = sqlite3.connect(parcels.path)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def test_the_app_is_valid() -> None:
    assert load_app("orchestra.demo:app").entry == "reception"


def test_the_file_is_seeded_only_once(parcels: Parcels) -> None:
    parcels.redeliver("k1", "4271", "Friday")
    again = Parcels(parcels.path).find("4271")
    assert again is not None
    assert again.delivery_day == "Friday"


def test_the_file_can_be_read_while_it_is_written(parcels: Parcels) -> None:
    assert rows(parcels, "PRAGMA journal_mode") == [("wal",)]


async def test_an_unknown_parcel_is_reported_as_not_found(parcels: Parcels) -> None:
    found = await find_parcel.run('{"number": "3692"}', context(parcels))
    assert found.startswith("Your parcel 3 6 9 2 is out for delivery")
    assert "cannot find" in await find_parcel.run('{"number": "0000"}', context(parcels))


async def test_a_new_delivery_is_booked_and_confirmed(parcels: Parcels) -> None:
    assert "on Friday" in await redeliver.run('{"number": "4271", "day": "Friday"}', context(parcels))
    assert (await find_parcel.run('{"number": "4271"}', context(parcels))).endswith("delivered again on Friday.")


async def test_a_delivered_parcel_is_not_delivered_again(parcels: Parcels) -> None:
    assert "cannot deliver it again" in await redeliver.run('{"number": "9264", "day": "Friday"}', context(parcels))
    assert rows(parcels, "SELECT * FROM done") == []


async def test_a_second_run_with_the_same_key_returns_the_same_result_without_effect(parcels: Parcels) -> None:
    arguments = '{"number": "9264", "what": "It is broken.", "call_back": true}'
    first = await open_complaint.run(arguments, context(parcels))
    assert await open_complaint.run(arguments, context(parcels)) == first
    assert rows(parcels, "SELECT number, parcel, what, call_back FROM complaint") == [
        (301, "9264", "It is broken.", "+15550001")
    ]
    assert "complaint 3 0 2" in await open_complaint.run(arguments, context(parcels, "k2"))


async def test_a_later_booking_is_not_undone_by_a_second_run_of_an_earlier_one(parcels: Parcels) -> None:
    await redeliver.run('{"number": "4271", "day": "Friday"}', context(parcels, "k1"))
    await redeliver.run('{"number": "4271", "day": "Monday"}', context(parcels, "k2"))
    await redeliver.run('{"number": "4271", "day": "Friday"}', context(parcels, "k1"))
    assert rows(parcels, "SELECT delivery_day FROM parcel WHERE number = '4271'") == [("Monday",)]


async def test_the_app_keeps_its_parcels_in_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    async with open_parcels() as opened:
        assert opened.find("4271") is not None
    assert (tmp_path / "demo" / "parcels.sqlite").exists()


def test_several_processes_can_create_and_write_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "parcels.sqlite"
    code = (
        "import sys; from pathlib import Path; from orchestra.demo.parcels import Parcels\n"
        "sys.stdin.read()\n"
        "parcels = Parcels(Path(sys.argv[1]))\n"
        "for n in range(20): parcels.complain(f'{sys.argv[2]}.{n}', '9264', 'late', '')"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(number)], stdin=subprocess.PIPE)
        for number in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()  # all start now
    assert [process.wait(timeout=30) for process in processes] == [0, 0, 0]
    assert rows(Parcels(path), "SELECT count(*), count(DISTINCT number), max(number) FROM complaint") == [(60, 60, 360)]
    assert [found.name for found in tmp_path.glob("parcels.sqlite*")] == ["parcels.sqlite"]
