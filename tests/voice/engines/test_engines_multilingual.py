"""Keyless speech in other languages: its files, its voices, and which engines know which languages."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ctypes import c_int16
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest

from orchestra.cli.demo import command
from orchestra.errors import EngineError, MissingExtraError
from orchestra.language.spoken_pieces import split_pieces
from orchestra.settings import Settings
from orchestra.spoken_languages import AUTO
from orchestra.voice.engines.language_check import unknown_languages
from orchestra.voice.engines.local import espeak, languages, pico, whisper_base
from orchestra.voice.engines.local.files import ModelFile

_HALVES = (b"first half ", b"second half")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages that carry the halves of a small model."""
    folder = tmp_path / "site"
    contents = {
        "part1": {"model.bin.part1": _HALVES[0], "config.json": b"{}"},
        "part2": {"model.bin.part2": _HALVES[1]},
    }
    parts = []
    for package, files in contents.items():
        (folder / f"whisper_{package}" / "data").mkdir(parents=True)
        (folder / f"whisper_{package}" / "__init__.py").touch()
        for name, content in files.items():
            (folder / f"whisper_{package}" / "data" / name).write_bytes(content)
            parts.append(ModelFile(f"whisper_{package}", f"data/{name}", hashlib.sha256(content).hexdigest()))
    monkeypatch.setattr(whisper_base, "PARTS", (parts[0], parts[2], parts[1]))
    monkeypatch.setattr(whisper_base, "_MODEL_SHA256", hashlib.sha256(b"".join(_HALVES)).hexdigest())
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def test_the_model_is_put_together_once_and_checked(packages: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    folder = whisper_base.whisper_base_folder(data)
    assert (folder / "model.bin").read_bytes() == b"".join(_HALVES)
    assert (folder / "config.json").read_bytes() == b"{}"
    before = (folder / "model.bin").stat().st_mtime_ns
    assert whisper_base.whisper_base_folder(data) == folder
    assert (folder / "model.bin").stat().st_mtime_ns == before
    assert {path.name for path in data.iterdir()} == {folder.name, "checked-models.json"}
    assert packages.is_dir()


def test_a_damaged_half_is_refused_and_nothing_is_left_behind(packages: Path, tmp_path: Path) -> None:
    (packages / "whisper_part2" / "data" / "model.bin.part2").write_bytes(b"something else")
    with pytest.raises(MissingExtraError, match="reinstall the package whisper-part2"):
        whisper_base.whisper_base_folder(tmp_path / "data")
    assert not list((tmp_path / "data").glob("whisper-base*"))


def test_a_missing_package_names_the_extra_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_base, "PARTS", (ModelFile("no_such_package", "data/model.bin.part1", "0"),))
    with pytest.raises(MissingExtraError, match="local-multilingual"):
        whisper_base.whisper_base_folder(tmp_path)


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("es", "es"),
        ("es-MX", "es-419"),
        ("es-ES", "es"),
        ("pt", "pt-br"),
        ("pt-PT", "pt"),
        ("zh-CN", "cmn"),
        ("no", "nb"),
        ("de-AT", "de"),
        ("tlh", ""),
    ],
)
def test_the_voice_of_a_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, voice: str) -> None:
    folder = tmp_path / "espeak-ng-data" / "lang" / "all"
    folder.mkdir(parents=True)
    for name in ("es", "es-419", "pt", "pt-BR", "cmn", "nb", "de"):
        (folder / name).touch()
    monkeypatch.setattr(espeak, "espeak_folder", lambda: tmp_path)
    assert espeak.espeak_voice(language) == voice


def test_without_the_package_there_is_no_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "espeak_folder", lambda: None)
    assert espeak.espeak_voice("es") == ""
    with pytest.raises(MissingExtraError, match="local-multilingual"):
        espeak.EspeakVoice()


class _Pico:
    """The engine in Pico's package: every text lasts two seconds, one that says "fail" fails. Takes 9 bytes at once."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.said = b""
        self._left = 0

    def __getattr__(self, _name: str) -> Callable[..., int]:
        return lambda *_arguments: 0

    def pico_loadResource(self, _system: object, path: bytes, _resource: object) -> int:  # noqa: N802 - Pico's names
        self.files.append(Path(path.decode()).name)
        return 0

    def pico_putTextUtf8(self, _engine: object, data: bytes, size: c_int16, taken: Any) -> int:  # noqa: N802
        assert 0 < size.value <= len(data)
        taken._obj.value = min(9, size.value)
        self.said += data[: taken._obj.value]
        self._left = 2 * 2 * 16_000 if self.said.endswith(b"\0") else 0
        return 0

    def pico_getData(self, _engine: object, _into: object, most: int, size: Any, _kind: object) -> int:  # noqa: N802
        size._obj.value = min(most, self._left)
        self._left -= size._obj.value
        if b"fail" in self.said:
            return -1
        return 201 if self._left else 200


@pytest.fixture
def nanotts(monkeypatch: pytest.MonkeyPatch) -> _Pico:
    package, engine = ModuleType("py_nanotts"), ModuleType("py_nanotts._nanotts")
    package.__spec__, package.__path__ = ModuleSpec("py_nanotts", None), []
    engine.__file__ = "/site/py_nanotts/_nanotts.so"
    monkeypatch.setitem(sys.modules, "py_nanotts", package)
    monkeypatch.setitem(sys.modules, "py_nanotts._nanotts", engine)
    pico_engine = _Pico()
    monkeypatch.setattr("ctypes.CDLL", lambda _path: pico_engine)
    return pico_engine


def test_pico_speaks_four_languages_and_takes_no_tags_from_a_text(nanotts: _Pico) -> None:
    assert [pico.pico_voice(code) for code in ("es-MX", "de", "fr-CA", "it", "en", "pt", "ja")] == [
        "es-ES", "de-DE", "fr-FR", "it-IT", "", "", ""
    ]  # fmt: skip
    voice = pico.PicoVoice()
    (piece,) = voice.speak('Hola <genfile file="x">\0mundo \ud800', 8_000, "es", 1.2)
    assert nanotts.files == ["es-ES_ta.bin", "es-ES_zl0_sg.bin"]
    said = '<speed level="120"><volume level="70">Hola  genfile file="x"  mundo ?</volume></speed>\0'
    assert nanotts.said.decode() == said
    assert len(piece.pcm16) == 2 * 2 * 8_000
    assert piece.words[0] == ("Hola", 0.0)
    assert all(0 <= start < 2 for _, start in piece.words)
    assert list(voice.speak("  ", 8_000, "es", 1.0)) == []
    with pytest.raises(EngineError, match="es-ES to speak: status -1"):
        list(voice.speak("fail", 8_000, "es", 1.0))
    with pytest.raises(EngineError, match="no voice"):
        list(voice.speak("olá", 8_000, "pt", 1.0))


def test_pico_does_not_load_from_a_path_that_it_cannot_hold(nanotts: _Pico) -> None:
    del nanotts
    sys.modules["py_nanotts._nanotts"].__file__ = f"/{'site/' * 40}_nanotts.so"
    with pytest.raises(MissingExtraError, match="the path is longer than 170 bytes"):
        pico.PicoVoice()


@pytest.mark.skipif(importlib.util.find_spec("py_nanotts") is None, reason="the extra local-multilingual is missing")
def test_the_real_pico_says_the_same_each_time_from_several_threads_whatever_the_text() -> None:
    voice = pico.PicoVoice()

    def say(language: str, text: str) -> bytes:
        return b"".join(piece.pcm16 for piece in voice.speak(text, 8_000, language, 1.0))

    texts = [("de", "Guten Tag."), ("es", "Buenos días."), ("fr", "Bonjour."), ("it", "Buongiorno.")]
    once = [say(*each) for each in texts]
    assert all(0.3 < len(audio) / 16_000 < 3 for audio in once)
    assert len(set(once)) == 4
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda each: say(*each), texts * 4)) == once * 4
    hostile = (
        "...!?",
        "\U0001f600",
        "\ud800",
        "你好",
        "a\0b",
        '</speed><genfile file="x">',
        "9" * 80,
        "e" + "\u0301" * 300,
    )
    for text in hostile:
        assert len(say("es", text)) < 60 * 16_000
    assert say(*texts[1]) == once[1]


def test_a_model_here_understands_picos_voice_but_not_espeaks(nanotts: _Pico, monkeypatch: pytest.MonkeyPatch) -> None:
    del nanotts
    monkeypatch.setattr(languages, "is_multilingual", lambda: True)
    assert [languages.understands_itself(code) for code in ("en", "es", "de", "pt")] == [True, True, True, False]
    monkeypatch.setattr(languages, "is_multilingual", lambda: False)
    assert [languages.understands_itself(code) for code in ("en", "es")] == [True, False]


@pytest.mark.parametrize("text", ["¿Dónde está mi paquete?", "私の荷物はどこ。", "أين طردي؟", "พัสดุของฉัน", "", "  "])
def test_pieces_are_placed_between_the_words_that_espeak_reports(text: str) -> None:
    first = text.find(" ") + 1
    timed = espeak.timed_pieces(text, [(0, 0.0), (first, 0.4)] if first else [], 2.0)
    assert [piece for piece, _ in timed] == split_pieces(text)
    starts = [start for _, start in timed]
    assert starts == sorted(starts)
    assert all(0 <= start < 2.0 for start in starts)


def test_what_the_chosen_engines_do_not_know_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "espeak_folder", lambda: None)
    monkeypatch.setattr("orchestra.voice.engines.local.languages.pico_voice", lambda _language: "")
    monkeypatch.setattr("orchestra.voice.engines.local.languages.is_multilingual", lambda: False)
    assert unknown_languages(Settings(), ["en", "en-GB"]) == []
    hears, speaks, automatic = unknown_languages(Settings(), ["es-MX", AUTO])
    assert (hears[:26], speaks[:27]) == ("local does not hear 'es-MX", "local does not speak 'es-MX")
    assert "local-multilingual" in hears
    assert "ORCHESTRA_TTS" in speaks
    assert automatic.startswith("local does not hear 'auto'")
    vendors = Settings(stt="deepgram", tts="elevenlabs")
    assert unknown_languages(vendors, ["es-MX", "de", "ja", AUTO]) == []
    assert [problem.partition(":")[0] for problem in unknown_languages(vendors, ["sw"])] == [
        "deepgram does not hear 'sw'",
        "elevenlabs does not speak 'sw'",
    ]
    tuned = vendors.model_copy(update={"elevenlabs_models": {"sw": "eleven_v3"}, "deepgram_model": "nova-2"})
    assert unknown_languages(tuned, ["sw"]) == []


@pytest.mark.parametrize(
    ("language", "asked", "line"),
    [("en", None, "twilio"), ("es", None, "twilio"), ("de", None, "relay"), ("de", "twilio", "twilio")],
)
def test_the_demo_is_text_where_a_model_here_mishears_it_unless_audio_is_asked_for(
    nanotts: _Pico, monkeypatch: pytest.MonkeyPatch, language: str, asked: Literal["twilio"] | None, line: str
) -> None:
    del nanotts
    monkeypatch.setattr(languages, "is_multilingual", lambda: True)
    assert command._script("demo", asked, language).line == line
