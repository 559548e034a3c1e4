"""A journal from somebody else: it is read, and leads to no other file, to no host, and to no traceback."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from orchestra.cli import app
from orchestra.errors import OrchestraError
from orchestra.history.views.transcript import json_lines
from orchestra.replay.sources.json_lines import file_entries
from tests.replay.test_kept_calls import CALL, call_of

GOOD = json_lines(call_of(CALL)).splitlines()
DEEP = b"[" * 100_000 + b"]" * 100_000


def line(**changes: object) -> bytes:
    """A good line with other values."""
    return msgspec.json.encode(msgspec.json.decode(GOOD[2]) | changes)


HOSTILE = {
    "half a line": GOOD[2][:-5],
    "no JSON": b"\x00\xff\xfe",
    "no object": b"[1, 2]",
    "a number": b"7",
    "nested too deep": line(extra=1).replace(b'"extra":1', b'"extra":' + DEEP),
    "not a number": line(at=1).replace(b'"at":1', b'"at":NaN'),
    "beyond any number": line(at=1).replace(b'"at":1', b'"at":1e999'),
    "other types": line(call=7),
    "a list for a name": line(type=["user.turn.ended"]),
    "no call": line(call=""),
    "a name twice": line(extra=1).replace(b'"extra"', b'"text":"another","text"'),
    "a name twice inside": line(extra=1).replace(b'"extra":1', b'"extra":{"a":1,"a":2}'),
    "a lone surrogate": line(text="x").replace(b'"x"', b'"\\ud800"'),
    "a path for a call": line(call="07-/../../escaped/x"),
    "an absolute path": line(call="07-/etc/cron.d/x"),
    "a path of another system": line(call="07-..\\x"),
    "a call that drives a terminal": line(call="07-\x1b[2J"),
    "a long call": line(call="07-" + "a" * 300),
    "a turn before the first": line(turn=-7),
    "a turn beyond all": line(turn=2**40),
    "a partition of letters": line(call="zz-a"),
    "digits of another script": line(call="\u0660\u0667-a"),
    "a place that is none": msgspec.json.encode({"stream_id": "x", "partition": 7, "event": msgspec.Raw(GOOD[2])}),
    "a place beyond all": msgspec.json.encode(
        {"stream_id": "9" * 30, "partition": 7, "event": msgspec.Raw(GOOD[2])}
    ),
    "another's partition": msgspec.json.encode({"stream_id": "1-1", "partition": -5, "event": msgspec.Raw(GOOD[2])}),
    "another stream": msgspec.json.encode(
        {"stream_id": "1-1", "partition": 7, "stream": "dead:mood", "event": msgspec.Raw(GOOD[2])}
    ),
    "audio that is none": msgspec.json.encode(
        {"stream_id": "1-1", "partition": 7, "event": msgspec.Raw(GOOD[2]), "audio": "ä"}
    ),
    "a line without an end": b'{"type":"user.turn.ended","text":"' + b"a" * (17 << 20),
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit | OrchestraError), result.exception
    return result


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_line_is_told_with_file_and_number_and_the_rest_is_read(kind: str, home: Path) -> None:
    path = home / "evil.jsonl"
    path.write_bytes(b"\n".join([*GOOD[:2], HOSTILE[kind], *GOOD[2:]]))
    said: list[str] = []
    found = list(file_entries(path, said.append))
    assert [entry.body for entry in found] == GOOD
    assert len(said) == 1
    assert said[0].startswith(f"{path}, line 3 is not an event and is left out: ")


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_of_hostile_lines_alone_writes_nothing(kind: str, home: Path) -> None:
    (home / "evil.jsonl").write_bytes(HOSTILE[kind] + b"\n")
    result = run("calls", "export", "evil.jsonl", "--to", "out")
    assert result.exit_code != 0
    assert sorted(path.name for path in home.iterdir()) == ["evil.jsonl"]


def test_many_wrong_lines_are_counted_and_not_all_told(home: Path) -> None:
    path = home / "evil.jsonl"
    path.write_bytes(b"{half\n" * 1000)
    said: list[str] = []
    assert list(file_entries(path, said.append)) == []
    assert len(said) == 21
    assert said[-1] == f"{path}: 980 more lines are no events and are left out"


COMMANDS = [
    ("calls", "show", "evil.jsonl"), ("calls", "show", "evil.jsonl", "--json"),
    ("calls", "find", "parcel", "--source", "evil.jsonl"), ("calls", "play", "evil.jsonl"),
    ("calls", "export", "evil.jsonl", "--to", "out"),
    ("replay", "--source", "evil.jsonl"), ("replay", "--source", "evil.jsonl", "--json"),
    ("evaluate", "evil.jsonl", "--forget"), ("compare", "evil.jsonl"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_falls_over_hostile_lines_or_odd_events(command: tuple[str, ...], home: Path) -> None:
    odd = [
        line(at=1.76e15), line(at=1e30, speech_ended_at=-1e30), line(turn=90_000), line(text={"a": 1}),
        msgspec.json.encode({"type": "call.started", "call": CALL, "at": 1e300}),
        msgspec.json.encode({"type": "call.ended", "call": CALL, "reason": "failed", "duration_s": 1e308, "at": 1e12}),
        msgspec.json.encode(
            {"type": "tool.requested", "call": CALL, "turn": 1, "agent": "a", "name": "t", "arguments": DEEP.decode()}
        ),
    ]  # fmt: skip
    short = [hostile for hostile in HOSTILE.values() if len(hostile) < 1 << 20]
    (home / "evil.jsonl").write_bytes(b"\n".join([*GOOD[:3], *short, *odd, *GOOD[3:]]))
    result = run(*command)
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output


@pytest.fixture
def asked() -> Iterator[tuple[str, list[bytes]]]:
    """A server that notes who asks it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        requests: list[bytes] = []

        def listen() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    requests.append(peer.recv(1000))

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/latest/meta-data/secret", requests
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("command", ["export", "play"])
def test_a_recording_elsewhere_is_neither_copied_nor_fetched(
    command: str, home: Path, asked: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    secret = home / "secret"
    secret.write_text("root:x:0:0", "utf-8")
    url, requests = asked
    for where in (secret.as_uri(), url, url.replace("http:", "ftp:"), "sftp://host/x.wav"):
        (home / "evil.jsonl").write_bytes(json_lines(call_of(CALL, url=where)))
        result = run("calls", command, "evil.jsonl", *(("--to", "out") if command == "export" else ()))
        assert result.exit_code != 0
        assert "in none of the configured stores" in result.output + str(result.exception)
        assert not list(home.rglob("*.wav"))
    assert requests == []
