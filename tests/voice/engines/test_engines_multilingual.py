"""Keyless speech in other languages: its files, its voices, and which engines know which languages."""

import hashlib
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

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


class _Nanotts(ModuleType):
    """The package of Pico: every text lasts two seconds, one that says "fail" fails."""

    def __init__(self) -> None:
        super().__init__("py_nanotts")
        self.__spec__ = ModuleSpec("py_nanotts", None)
        self.said: list[tuple[str, str, float]] = []

    def NanoTTS(self) -> "_Nanotts":  # noqa: N802 - the package's name
        return self

    def speak(self, text: str, *, voice: str, speed: float, volume: float) -> bytes:
        assert 0 < volume < 1
        text.encode()
        if "fail" in text:
            msg = "pico_putTextUtf8 failed"
            raise RuntimeError(msg)
        self.said.append((text, voice, speed))
        return bytes(2 * 2 * 16_000)


@pytest.fixture
def nanotts(monkeypatch: pytest.MonkeyPatch) -> _Nanotts:
    package = _Nanotts()
    monkeypatch.setitem(sys.modules, "py_nanotts", package)
    return package


def test_pico_speaks_four_languages_and_takes_no_tags_from_a_text(nanotts: _Nanotts) -> None:
    assert [pico.pico_voice(code) for code in ("es-MX", "de", "fr-CA", "it", "en", "pt", "ja")] == [
        "es-ES", "de-DE", "fr-FR", "it-IT", "", "", ""
    ]  # fmt: skip
    voice = pico.PicoVoice()
    (piece,) = voice.speak('Hola <genfile file="x">\0mundo \ud800', 8_000, "es", 1.2)
    assert nanotts.said == [('Hola  genfile file="x"  mundo ?', "es-ES", 1.2)]
    assert len(piece.pcm16) == 2 * 2 * 8_000
    assert piece.words[0] == ("Hola", 0.0)
    assert all(0 <= start < 2 for _, start in piece.words)
    assert list(voice.speak("  ", 8_000, "es", 1.0)) == []
    with pytest.raises(EngineError, match="pico_putTextUtf8"):
        list(voice.speak("fail", 8_000, "es", 1.0))
    with pytest.raises(EngineError, match="no voice"):
        list(voice.speak("olá", 8_000, "pt", 1.0))


def test_a_model_here_understands_picos_voice_but_not_espeaks(
    nanotts: _Nanotts, monkeypatch: pytest.MonkeyPatch
) -> None:
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
