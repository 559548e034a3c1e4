"""Archives, sounds, scripts, sets and pages from somebody else: what is wrong with one is told in one line."""

import io
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from orchestra.agents.knowledge import Knowledge
from orchestra.archive.archive import Archive
from orchestra.archive.compact import find_gaps
from orchestra.errors import AppError, UsageError
from orchestra.evaluation.dataset import read_trials
from orchestra.replay.selection import Selection, entries
from orchestra.settings import Settings
from orchestra.simulator.audio_files import read_channels
from orchestra.simulator.script import read_script
from tests.agents.test_knowledge import pdf_of
from tests.archive.test_archive import entry

ODD_TABLES: dict[str, Callable[[pa.Table], pa.Table]] = {
    "no column cause": lambda table: table.drop_columns(["cause"]),
    "no column call": lambda table: table.drop_columns(["call"]),
    "no column stream_ms": lambda table: table.set_column(0, "stream_ms", pa.array(["now"] * len(table))),
    "without body": lambda table: table.set_column(12, "body", pa.nulls(len(table), pa.string())),
    "without stream_seq": lambda table: table.set_column(1, "stream_seq", pa.nulls(len(table), pa.int64())),
    "without stream_ms": lambda table: table.set_column(0, "stream_ms", pa.nulls(len(table), pa.int64())),
}


def rewritten(folder: Path, change: Callable[[pa.Table], pa.Table]) -> Archive:
    """An archive with one file, which was changed."""
    archive = Archive(str(folder))
    (file,) = archive.write("1a", [entry(1), entry(2)])
    with archive.open(file) as opened:
        table = opened.read()
    pq.write_table(change(table), folder / file.path)
    return archive


@pytest.mark.parametrize("words", ODD_TABLES)
async def test_foreign_parquet_files_are_reported_in_one_line(words: str, tmp_path: Path) -> None:
    rewritten(tmp_path, ODD_TABLES[words])
    said: list[str] = []
    found = [each async for each in entries(Settings(), Selection(), str(tmp_path), on_warning=said.append)]
    assert found == []
    assert len(said) == 1
    assert words in said[0]
    assert len(said[0].splitlines()) == 1


def test_damaged_pages_of_an_archive_are_reported_with_the_file_name(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    (file,) = archive.write("1a", [entry(1), entry(2)])
    path = tmp_path / file.path
    path.write_bytes(b"PAR1" + b"\xff" * 60 + path.read_bytes()[64:])
    with pytest.raises(OSError, match=file.path) as raised:
        list(archive.entries())
    assert len(str(raised.value).splitlines()) == 1


FOOTERS = """
import random, sys
from pathlib import Path
from orchestra.archive.archive import Archive
archive, path = Archive(sys.argv[1]), Path(sys.argv[2])
whole = path.read_bytes()
begins = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
told = 0
for seed in (*range(600), 1873):  # the last one ended the process by the statistics of a row group
    chance, damaged = random.Random(seed), bytearray(whole)
    for _ in range(chance.choice([1, 1, 2, 4])):
        damaged[chance.randrange(begins, len(whole) - 8)] = chance.randrange(256)
    path.write_bytes(damaged)
    try:
        list(archive.entries())
    except OSError as error:
        assert len(str(error).splitlines()) == 1, error
        told += 1
print(told)
"""


def test_a_damaged_footer_never_crashes_the_process(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    (file,) = archive.write("1a", [entry(number) for number in range(1, 6)])
    command = [sys.executable, "-c", FOOTERS, str(tmp_path), str(tmp_path / file.path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 100


def test_a_file_that_says_no_stream_id_of_its_beginning_is_named(tmp_path: Path) -> None:
    archive = rewritten(tmp_path, lambda table: table.replace_schema_metadata({"after": "file:///etc/passwd"}))
    with pytest.raises(OSError, match="parquet is damaged"):
        find_gaps(archive)


def wav(rate: int, channels: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(range(48)))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (wav(8000)[:24] + b"\0\0\0\0" + wav(8000)[28:], "sampled at 0 Hz"),
        (wav(1), "sampled at 1 Hz"),
        (wav(8000)[:16] + b"\xff\xff\0\0" + wav(8000)[20:], "cannot be read as audio"),
        (wav(8000)[:22] + b"\0\0" + wav(8000)[24:], "cannot be read as audio"),
        (wav(8000)[:36], "cannot be read as audio"),
    ],
)
def test_a_sound_that_is_none_is_named(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=words):
        read_channels(path)


def test_a_sound_that_was_cut_within_a_sample_is_heard_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(8000)[:-3])
    assert [channel.size for channel in read_channels(path)] == [11, 11]


@pytest.mark.parametrize("text", ["[[say]]\ntext = " + "[" * 3000, '[[say]]\n"te\\nxt" = "a"'])
def test_a_script_of_any_form_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        read_script(path)
    assert len(str(raised.value).splitlines()) == 1


async def test_a_field_of_a_set_that_is_a_line_end_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"name": "a", "turns": [], "\\n": 1}')

    async def recorded(_: str) -> list[Any]:
        return []

    with pytest.raises(UsageError) as raised:
        await read_trials(path, recorded)
    assert len(str(raised.value).splitlines()) == 1


def test_a_pdf_whose_pages_are_a_circle_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf_of("The pool opens at seven.").replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]"))
    with pytest.raises(AppError, match=r"a\.pdf cannot be read as a PDF"):
        Knowledge(tmp_path).check()
