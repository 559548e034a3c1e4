import wave
from pathlib import Path

import pytest

from orchestra.errors import RejectedError
from orchestra.recordings.wav import Recording, RecordingFiles

RATE = 8000


def tone(value: int, ms: int) -> bytes:
    return value.to_bytes(2, "little", signed=True) * (RATE * ms // 1000)


def sides(path: Path) -> tuple[list[int], list[int]]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        frames = file.readframes(file.getnframes())
    samples = memoryview(frames).cast("h").tolist()
    return samples[0::2], samples[1::2]


def test_the_caller_is_on_the_left_and_the_agent_on_the_right_at_the_right_time(tmp_path: Path) -> None:
    with Recording(tmp_path / "call.wav") as recording:
        recording.write("caller", 0, tone(1000, 200), sample_rate=RATE)
        recording.write("agent", 100, tone(-2000, 200), sample_rate=RATE)
    left, right = sides(tmp_path / "call.wav")
    assert left == [1000] * 1600 + [0] * 800
    assert right == [0] * 800 + [-2000] * 1600


def test_a_gap_is_silence_and_a_late_chunk_fills_it(tmp_path: Path) -> None:
    with Recording(tmp_path / "call.wav") as recording:
        recording.write("caller", 400, tone(3, 20), sample_rate=RATE)
        recording.write("caller", 0, tone(7, 20), sample_rate=RATE)
        assert recording.duration_s == pytest.approx(0.42)
    left, _ = sides(tmp_path / "call.wav")
    assert left[:160] == [7] * 160
    assert set(left[160:3200]) == {0}
    assert left[3200:] == [3] * 160


def test_writing_a_chunk_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with Recording(path) as recording:
        recording.write("caller", 0, tone(9, 100), sample_rate=RATE)
        before = path.read_bytes()
        recording.write("caller", 0, tone(9, 100), sample_rate=RATE)
    assert path.read_bytes() == before


def test_the_file_is_complete_during_the_call_and_can_be_continued(tmp_path: Path) -> None:
    path = tmp_path / "day" / "call.wav"
    lost = Recording(path)
    lost.write("caller", 0, tone(5, 200), sample_rate=RATE)
    assert sides(path)[0] == [5] * 1600
    with Recording(path) as successor:
        assert successor.duration_s == pytest.approx(0.2)
        successor.write("agent", 200, tone(6, 200), sample_rate=RATE)
    assert sides(path) == ([5] * 1600 + [0] * 1600, [0] * 1600 + [6] * 1600)
    lost.close()


@pytest.mark.parametrize(
    ("offset_ms", "audio", "rate"),
    [(0, b"\x00", RATE), (-20, b"\x00\x00", RATE), (0, b"\x00\x00", 16000), (10**9, b"\x00\x00", RATE)],
)
def test_audio_in_another_format_is_refused(tmp_path: Path, offset_ms: int, audio: bytes, rate: int) -> None:
    with Recording(tmp_path / "call.wav") as recording:
        recording.write("agent", 0, tone(1, 1), sample_rate=RATE)
        with pytest.raises(RejectedError):
            recording.write("caller", offset_ms, audio, sample_rate=rate)


def test_a_recording_has_the_rate_of_its_first_chunk_also_for_a_successor(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with Recording(path) as recording:
        recording.write("caller", 0, tone(5, 400), sample_rate=16_000)
    with Recording(path) as successor, wave.open(str(path)) as file:
        assert (successor.sample_rate, successor.duration_s, file.getframerate()) == (16_000, 0.2, 16_000)


def test_a_rate_that_no_call_has_is_refused(tmp_path: Path) -> None:
    with Recording(tmp_path / "call.wav") as recording, pytest.raises(RejectedError):
        recording.write("caller", 0, tone(5, 100), sample_rate=1)


def test_only_the_latest_recordings_stay_open_and_all_stay_complete(tmp_path: Path) -> None:
    recordings = RecordingFiles(tmp_path, keep_open=2)
    for offset_ms in (0, 100):
        for call in ("07-a", "07-b", "07-c"):
            recordings.of(call).write("caller", offset_ms, tone(4, 100), sample_rate=RATE)
    recordings.close()
    for call in ("07-a", "07-b", "07-c"):
        assert sides(tmp_path / f"{call}.wav")[0] == [4] * 1600


@pytest.mark.parametrize("call", ["../etc", "", "a/b", "07-x\x00"])
def test_a_call_id_that_is_not_a_file_name_is_refused(tmp_path: Path, call: str) -> None:
    with pytest.raises(RejectedError, match="call id"):
        RecordingFiles(tmp_path).of(call)
