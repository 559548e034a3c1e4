"""The local models: found, checked, accurate, quick to start."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from orchestra.errors import EngineError, MissingExtraError
from orchestra.language.english.spoken_digits import digit_runs
from orchestra.simulator.transcript_match import compare
from orchestra.voice.audio import mulaw
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.files import PIPER, WHISPER, ModelFile, model_paths
from orchestra.voice.engines.local.onnx_parts import AUDIO, LAYOUT, split
from orchestra.voice.engines.local.whisper import says_twice
from tests.voice.engines.conftest import quiet
from tests.voice.engines.test_engines_conformance import words

PHRASES = (
    "What are your opening hours on Saturday?",
    "I would like to have it delivered again on Friday afternoon, please.",
    "Yes.",
    "My parcel is damaged and I want to complain.",
    "Thank you very much, that is all.",
)
LONG = (
    "We deliver from Monday to Saturday, and on Sunday in the larger towns.",
    "A parcel that could not be delivered waits for seven days at the nearest office.",
    "If nobody is at home, the driver leaves a card with the address and the opening hours.",
    "You may also name a neighbour who takes your parcels, or a safe place in the garden.",
    "Parcels from other countries can take a few days longer because of the customs office.",
    "When something was broken on the way, please keep the box and send us a picture of it.",
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a_model_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('the package must not be imported')")
    (folder / "model.bin").write_bytes(b"weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def pinned(content: bytes = b"weights", path: str = "model.bin") -> tuple[ModelFile, ...]:
    return (ModelFile("a_model_package", path, hashlib.sha256(content).hexdigest()),)


def test_a_model_file_is_found_without_importing_its_package(package: Path, tmp_path: Path) -> None:
    assert model_paths(pinned(), tmp_path / "data") == [package / "model.bin"]


def test_a_missing_package_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"not-there.*extra `local`"):
        model_paths((ModelFile("not_there", "model.bin", ""),), tmp_path)


def test_a_missing_file_names_the_package_to_reinstall(package: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"other\.bin.*reinstall the package a-model-package"):
        model_paths(pinned(path="other.bin"), tmp_path)
    assert package.exists()


def test_a_damaged_file_is_refused(package: Path, tmp_path: Path) -> None:
    (package / "model.bin").write_bytes(b"damaged")
    with pytest.raises(MissingExtraError, match="SHA-256"):
        model_paths(pinned(), tmp_path)


def test_a_checked_file_is_not_read_again_until_it_changes(package: Path, tmp_path: Path) -> None:
    file = package / "model.bin"
    model_paths(pinned(), tmp_path)
    before = file.stat()
    file.write_bytes(b"changed")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    model_paths(pinned(), tmp_path)  # same size and time: taken for the same
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(MissingExtraError):
        model_paths(pinned(), tmp_path)


def test_spoiled_notes_only_cost_a_new_check(package: Path, tmp_path: Path) -> None:
    (tmp_path / "checked-models.json").write_text("{")
    assert model_paths(pinned(), tmp_path) == [package / "model.bin"]


def test_the_models_that_are_installed_are_the_ones_that_were_pinned(speech: LocalSpeech, tmp_path: Path) -> None:
    assert speech is not None
    assert len(model_paths(WHISPER + PIPER, tmp_path)) == 6


@pytest.mark.parametrize("quick", [False, True])
def test_what_the_voice_says_is_understood_over_the_telephone(speech: LocalSpeech, *, quick: bool) -> None:
    for phrase in PHRASES:
        pcm16, rate = speech.synthesize(phrase, 8_000)
        assert compare(phrase, speech.transcribe(pcm16, rate, quick=quick)).matches


@pytest.mark.parametrize("word", ["yes", "no", "please", "friday", "okay"])
def test_a_word_alone_is_heard_once(speech: LocalSpeech, word: str) -> None:
    pcm16, rate = speech.synthesize(f"{word.capitalize()}.", 8_000)
    assert words(speech.transcribe(pcm16, rate, quick=True)) == [word]


@pytest.mark.parametrize("said", ["five eight", "three three", "six six", "four two seven one", "double seven"])
def test_digits_are_heard_once(speech: LocalSpeech, said: str) -> None:
    pcm16, rate = speech.synthesize(f"{said.capitalize()}.", 8_000)
    carried = mulaw.decode(mulaw.encode(np.frombuffer(pcm16, "<i2"))).astype("<i2").tobytes()
    assert digit_runs(speech.transcribe(carried, rate, quick=True)) == digit_runs(said)


def test_the_same_text_gives_the_same_audio(speech: LocalSpeech) -> None:
    assert speech.synthesize(PHRASES[0]) == speech.synthesize(PHRASES[0])


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("level", [0, 30, 3_000])
def test_noise_has_no_words(speech: LocalSpeech, level: int, *, quick: bool) -> None:
    noise = np.random.default_rng(7).normal(0, 1, 16_000) * level
    assert speech.transcribe(noise.clip(-32_768, 32_767).astype("<i2").tobytes(), 8_000, quick=quick) == ""


def test_half_a_sample_is_an_engine_error(speech: LocalSpeech) -> None:
    with pytest.raises(EngineError, match="even number of bytes"):
        speech.transcribe(b"\0\0\0", 8_000)


@pytest.mark.integration
def test_speech_longer_than_the_models_window_is_transcribed_whole(speech: LocalSpeech) -> None:
    first, last = (speech.synthesize(PHRASES[index], 16_000)[0] for index in (0, -1))
    middle = " ".join(LONG)
    pcm16 = first + quiet(1.0) + speech.synthesize(middle, 16_000)[0] + quiet(1.0) + last
    assert len(pcm16) / 2 / 16_000 > 30
    heard = words(speech.transcribe(pcm16, 16_000))
    wanted = words(" ".join([PHRASES[0], middle, PHRASES[-1]]))
    assert heard[:4] == wanted[:4]
    assert abs(len(heard) - len(wanted)) <= 0.1 * len(wanted)
    assert heard[-4:] == wanted[-4:]


def test_speech_begins_at_once(speech: LocalSpeech) -> None:
    pcm16, rate = speech.synthesize(PHRASES[0])
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm16, "<i2").astype(int)) > 300)
    assert loud[0] / rate < 0.03


def test_the_first_sound_of_a_long_sentence_is_there_long_before_its_last(speech: LocalSpeech) -> None:
    text = "If a parcel has not moved for five working days, we start a search in all our depots."
    pieces = [len(piece.pcm16) / 2 / 8_000 for piece in speech.voice.speak(text, 8_000, steady=True)]
    assert pieces[0] < 0.4
    assert sum(pieces) > 4.0


def test_pieces_join_without_a_seam(speech: LocalSpeech) -> None:
    text = "If a parcel has not moved for five working days, we start a search in all our depots."
    layout, _ = speech.voice._lay_out(speech.voice._voice.phonemize(text)[0], 0.0, 1.0)
    (whole,) = speech.voice._vocoder.run([AUDIO], {LAYOUT: layout})
    joined = np.concatenate([samples for samples, _ in speech.voice._vocode(layout)])
    assert np.abs(joined / 1.5 - whole.reshape(-1)).max() < 1e-5


def test_a_model_of_another_kind_is_not_taken_apart() -> None:
    with pytest.raises(EngineError, match="does not have the structure of Piper's models"):
        split(b"")


def test_words_begin_where_whisper_hears_them(speech: LocalSpeech) -> None:
    text = "Your parcel four two seven one is waiting at the office in Denver."
    pieces = list(speech.voice.speak(text, 16_000, steady=True))
    pcm16 = b"".join(piece.pcm16 for piece in pieces)
    at = dict(word for piece in pieces for word in piece.words)["waiting"]
    before, after = pcm16[: int(at * 16_000) * 2], pcm16[int(at * 16_000) * 2 :]
    assert "waiting" not in words(speech.transcribe(before, 16_000))
    assert words(speech.transcribe(after, 16_000))[0] == "waiting"


def test_a_text_without_a_sound_is_silence(speech: LocalSpeech) -> None:
    assert speech.synthesize("…") == (b"", speech.voice.rate)


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ("No, no.", True),
        ("What happens if it gets lost? What happens if it gets lost? What happens", True),
        ("So it is Friday, it is Friday then.", True),
        ("Is it late? It is.", False),
        ("It is what it is.", False),
        ("Yes.", False),
        ("", False),
    ],
)
def test_words_that_are_followed_by_the_same_again_are_found(text: str, *, twice: bool) -> None:
    assert says_twice(text) == twice
