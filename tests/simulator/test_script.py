import wave
from pathlib import Path

import numpy as np
import pytest

from orchestra.errors import UsageError
from orchestra.simulator import ScriptLine, load_recordings, read_script, render_script, synthesize_lines, write_stereo
from orchestra.simulator.audio_files import read_wav
from orchestra.simulator.audio_measure import find_sounds
from tests.simulator.tone_edge import tone


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_text_script_has_one_turn_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, "call.txt", "# a caller\n\nWhere is my parcel?\n  Four two seven one.\n")
    assert read_script(path) == [ScriptLine("Where is my parcel?"), ScriptLine("Four two seven one.")]


def test_a_toml_script_may_barge_in(tmp_path: Path) -> None:
    path = write(tmp_path, "call.toml", '[[say]]\ntext = "One."\n[[say]]\ntext = "Two."\nbarge_in_after_s = 1.5\n')
    assert read_script(path) == [ScriptLine("One."), ScriptLine("Two.", 1.5)]


def test_a_script_has_files_silence_keys_and_patience_too(tmp_path: Path) -> None:
    write_stereo(tmp_path / "hello.wav", tone(0.5), tone(0))
    steps = (
        'text = "One."\nwait_s = 5\ndigits = "4271#"',
        'wav = "hello.wav"\nbarge_in_after_s = 2',
        "silence_s = 1.5",
        'digits = "*"',
    )
    path = write(tmp_path, "call.toml", "".join(f"[[say]]\n{step}\n" for step in steps))
    one, two, three, four = render_script(read_script(path), lambda _: (tone(0.2).tobytes(), 8000))
    assert (one.text, one.wait_s, one.digits, one.silent) == ("One.", 5.0, "4271#", False)
    assert (two.text, two.barge_in_after_s, two.silent) == ("hello.wav", 2.0, False)
    assert (three.text, three.samples.size, three.silent) == ("(silence, 1.5 s)", 12_000, True)
    assert (four.text, four.samples.size, four.digits) == ("(keys *)", 0, "*")


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ("", "not none of them"),
        ("wait_s = 3", "not none of them"),
        ('text = "One."\nwav = "one.wav"', "not text and wav"),
        ('text = "One."\nsilence_s = 2', "not text and silence_s"),
        ('digits = "42x"', "not '42x'"),
        ("silence_s = -1", "never less than 0"),
        ('text = "One."\nwait_s = -1', "never less than 0"),
        ('text = "One."\nbarge_in_after_s = "soon"', "Expected `float"),
    ],
)
def test_a_step_that_cannot_be_done_is_one_clear_line(tmp_path: Path, step: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=r"call\.toml.*") as refusal:
        read_script(write(tmp_path, "call.toml", f"[[say]]\n{step}\n"))
    assert complaint in str(refusal.value)


@pytest.mark.parametrize("text", ["[[say]\n", '[[say]]\ntxt = "One."\n', "say = 3\n"])
def test_a_file_that_is_not_a_script_is_one_clear_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"call\.toml.*write \[\[say\]\]"):
        read_script(write(tmp_path, "call.toml", text))


def test_a_missing_script_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_script(tmp_path / "none.txt")


def test_lines_are_spoken_at_telephone_rate() -> None:
    def synthesize(text: str) -> tuple[bytes, int]:
        assert text == "One."
        return tone(0.5).repeat(2).tobytes(), 16000

    (utterance,) = synthesize_lines([ScriptLine("One.", 2.0)], synthesize)
    assert (utterance.text, utterance.barge_in_after_s, utterance.samples.size) == ("One.", 2.0, 4000)


def test_the_caller_can_play_a_file_of_any_rate(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "hello.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(22050)
        file.writeframes(np.repeat(tone(1.0 * 22050 / 8000, 440 * 8000 / 22050), 2).tobytes())
    (utterance,) = load_recordings([tmp_path / "hello.wav"])
    assert utterance.text == "hello.wav"
    assert utterance.samples.size == pytest.approx(8000, abs=2)
    assert len(find_sounds(utterance.samples)) == 1


@pytest.mark.parametrize("content", [None, b"not audio"])
def test_a_file_that_is_not_audio_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "hello.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"hello\.wav"):
        read_wav(path)


def test_the_recording_has_the_caller_left_and_the_agent_right(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "call.wav"
    write_stereo(path, tone(0.2), tone(0.1, 300))
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        tracks = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    assert np.array_equal(tracks[:, 0], tone(0.2))
    assert np.array_equal(tracks[:800, 1], tone(0.1, 300))
    assert not tracks[800:, 1].any()
