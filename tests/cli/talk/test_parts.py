"""What `orchestra talk` is made of: its telephone and screen, and what cannot be talked with."""

import asyncio
import io
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.cli.talk.screen import Screen
from orchestra.cli.talk.sound import SoundDevice
from orchestra.cli.talk.telephone import FRAME_BYTES, Telephone
from orchestra.cli.ui.terminal import Terminal
from orchestra.errors import OrchestraError
from orchestra.voice.carriers.browser.client import BrowserLineStream

SOUND = Path(__file__).parent / "sound"


def frame(number: int) -> bytes:
    return number.to_bytes(2, "little") * (FRAME_BYTES // 2)


class Sent:
    """Takes what a telephone sends; waits before each frame while the network stalls."""

    def __init__(self) -> None:
        self.audio: list[tuple[bytes, int]] = []
        self.others: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send_audio(self, samples: bytes, *, skipped_ms: int = 0) -> None:
        await self.open.wait()
        self.audio.append((samples, skipped_ms))

    async def send_mark(self, name: str) -> None:
        self.others.append(f"mark {name}")

    async def send_digit(self, digit: str) -> None:
        self.others.append(f"digit {digit}")


def nothing(*_: Any) -> None:
    pass


async def connected() -> tuple[Telephone, Sent, asyncio.Task[None]]:
    telephone, sent = Telephone(nothing, nothing, nothing), Sent()
    telephone.connected(cast("BrowserLineStream", sent))
    return telephone, sent, asyncio.create_task(telephone.run())


async def settled() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


async def test_after_a_stall_of_two_seconds_the_agents_are_heard_a_fifth_of_a_second_late_at_most() -> None:
    telephone, _, sending = await connected()
    for number in range(100):
        telephone.play(frame(number))
    assert telephone.exchange(frame(0)) == frame(90)
    sending.cancel()


async def test_after_a_stall_the_microphone_is_a_fifth_of_a_second_late_at_most_and_says_what_is_missing() -> None:
    telephone, sent, sending = await connected()
    sent.open.clear()
    for number in range(101):
        telephone.exchange(frame(number))
        await settled()
    sent.open.set()
    await settled()
    assert sent.audio == [(frame(0), 0), (frame(91), 1_800), *((frame(number), 0) for number in range(92, 101))]
    sending.cancel()


async def test_marks_return_when_the_audio_before_them_was_played_or_dropped() -> None:
    telephone, sent, sending = await connected()
    telephone.play(frame(1))
    telephone.mark("after one")
    await settled()
    assert sent.others == []
    telephone.exchange(frame(0))
    telephone.play(frame(2))
    telephone.mark("after two")
    await settled()
    assert sent.others == ["mark after one"]
    await telephone.clear()
    await settled()
    assert sent.others == ["mark after one", "mark after two"]
    assert telephone.exchange(frame(0)) == frame(0)
    sending.cancel()


async def test_without_a_connection_nothing_is_kept_for_the_next_one() -> None:
    telephone, _, sending = await connected()
    telephone.play(frame(1))
    telephone.mark("lost")
    telephone.disconnected()
    telephone.exchange(frame(5))
    again = Sent()
    telephone.connected(cast("BrowserLineStream", again))
    assert telephone.exchange(frame(6)) == frame(0)
    await settled()
    assert (again.audio, again.others) == ([(frame(6), 0)], [])
    sending.cancel()


class _FastLibrary:
    """Sounddevice where the device plays nothing."""

    class PortAudioError(Exception):
        pass

    class CallbackAbort(Exception):  # noqa: N818 - the package's name
        pass

    class RawStream:
        def __init__(self, **options: Any) -> None:
            self.options = options

        def start(self) -> None:
            pass


async def test_a_device_that_runs_faster_than_time_is_given_up() -> None:
    device = SoundDevice(lambda said: said, microphone=True, library=_FastLibrary)
    callback = cast("Any", device)._stream.options["callback"]

    def play() -> None:
        for _ in range(1_000):
            callback(bytes(FRAME_BYTES), bytearray(FRAME_BYTES), 320, None, None)

    with pytest.raises(_FastLibrary.CallbackAbort):
        play()
    assert "faster than time" in device.reason


def shown(*captions: dict[str, Any]) -> list[str]:
    file = io.StringIO()
    with Screen(Terminal(file=file, width=80), now=lambda: 0.0) as screen:
        for caption in captions:
            screen.caption(caption)
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def test_a_reply_is_shown_once_sentence_by_sentence() -> None:
    first, second = ({"of": "agent", "turn": 1, "sentence": text} for text in ("It is here.", "Bye."))
    assert shown(
        {"of": "speaker", "agent": "desk"}, first, second, {"of": "agent", "turn": 1, "text": "It is here. Bye."}
    ) == [
        "0.0 s desk has the call",
        "0.0 s desk It is here.",
        "0.0 s desk Bye.",
    ]


def test_of_an_interrupted_reply_is_shown_what_was_heard() -> None:
    sentence = {"of": "agent", "turn": 1, "sentence": "It is here."}
    cut = {"of": "agent", "turn": 1, "text": "It is here. And it", "interrupted": True}
    assert shown(sentence, cut) == [
        "0.0 s agent It is here.",
        "0.0 s agent And it",
        "0.0 s interrupted after “… It is here. And it”",
    ]


def test_words_of_others_cannot_control_the_terminal_and_captions_of_a_newer_edge_are_passed_over() -> None:
    lines = shown({"of": "caller", "turn": 1, "text": "a\x1b[2Jb [red]c"}, {"of": "weather"}, {"of": "wait", "ms": "x"})
    assert lines == ["0.0 s you a�[2Jb [red]c"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no edge is running on this machine: start `orchestra up`"),
        (["http://127.0.0.1:1"], "no edge answers at http://127.0.0.1:1"),
        (["ftp://host"], "is not the URL of an edge"),
        (["http://"], "is not the URL of an edge"),
        (["localhost:8480"], "write the address as http://localhost:8480"),
        (["http://127.0.0.1:1", "--wav", "nothing.wav"], "no such audio file: nothing.wav"),
        (["no_such_module:app"], "no_such_module"),
    ],
)
@pytest.mark.usefixtures("_sound")
def test_what_cannot_be_talked_with_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    told = CliRunner().invoke(app, ["talk", *arguments])
    assert isinstance(told.exception, OrchestraError)
    assert said in str(told.exception)


@pytest.mark.usefixtures("_sound")
@pytest.mark.parametrize("target", ["http://127.0.0.1:1", "orchestra.demo:app"])
def test_where_there_is_no_microphone_it_is_said_what_to_do_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TEST_SOUND", "none")
    told = CliRunner().invoke(app, ["talk", target])
    assert list(tmp_path.iterdir()) == []
    assert "no microphone or loudspeaker that can be used (Error querying device -1)" in str(told.exception)
    assert str(told.exception).endswith("or talk from a file: --wav FILE --save FILE")


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (ModuleNotFoundError("x", name="sounddevice"), 'pip install "orchestra-voice[talk]"'),
        (OSError("PortAudio library not found"), "apt-get install libportaudio2"),
    ],
)
def test_a_part_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: Exception, said: str
) -> None:
    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "sounddevice":
                raise missing

    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    told = CliRunner().invoke(app, ["talk", "http://127.0.0.1:1"])
    assert said in str(told.exception)


@pytest.fixture
def _sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SOUND))
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
