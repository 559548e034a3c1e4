import asyncio
import json
import os
import signal
import sys
import wave
from pathlib import Path

import pytest

from orchestra import cli
from orchestra.errors import AppError
from orchestra.simulator import write_stereo
from tests.simulator.tone_edge import AUTH_TOKEN, EdgeSocket, ToneEdge, serving, tone


async def orchestra(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    environment = os.environ | {"ORCHESTRA_DATA_DIR": str(folder), "ORCHESTRA_TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestra.cli", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.integration
async def test_a_call_from_the_command_line_reports_what_was_heard_and_when(tmp_path: Path) -> None:
    async def answer(edge: EdgeSocket) -> None:
        await edge.play(tone(0.3))
        await edge.until_heard(audible=True)
        await edge.until_heard(audible=False)
        await asyncio.sleep(0.4)
        await edge.play(tone(0.3))
        await edge.mark("end of reply")
        await edge.until_mark()

    write_stereo(tmp_path / "hello.wav", tone(0.5), tone(0))
    async with serving(ToneEdge([answer])) as edge:
        command = ("--url", edge.url, "--wav", str(tmp_path / "hello.wav"), "--save", str(tmp_path / "call.wav"))
        process = await orchestra(tmp_path, "call", *command, "--json")
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    told = json.loads(output)
    assert [turn["said"] for turn in told["turns"]] == ["", "hello.wav"]
    assert 380 < told["turns"][1]["first_audio_ms"] < 5_000  # 400 of them are the edge's
    assert told["ending"]["how"] == "agent_hung_up"
    with wave.open(told["recording"]) as recording:
        assert recording.getnchannels() == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["call", "--say", "Hello."], "start `orchestra up`"),
        (["call"], "say what the caller says"),
        (["call", "--say", "Hello.", "--script", "x"], "say what the caller says"),
        (["demo", "--script", "opera"], "choose one of demo"),
    ],
)
def test_an_error_that_the_operator_can_fix_ends_with_exit_code_2(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["orchestra", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert complaint in " ".join(capsys.readouterr().err.split())


def test_an_app_that_is_not_there_is_one_line_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ORCHESTRA_APP", "nomodule:app")
    monkeypatch.setattr(sys, "argv", ["orchestra", "up"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err
    assert (stopped.value.code, said.count("\n")) == (2, 1)
    assert "there is no module 'nomodule'" in said


def test_an_error_of_parts_that_ran_side_by_side_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = AppError("there is no such agent: " + "a long name " * 20)
    group = ExceptionGroup("", [ExceptionGroup("", [error])])

    def run() -> None:
        raise group

    monkeypatch.setattr(cli, "app", run)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def processes_of(folder: Path) -> list[int]:
    """Processes that were started with this folder in their environment or command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                known = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
            if str(folder).encode() in known:
                found.append(int(entry.name))
    return found


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_a_demo_that_is_stopped_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    demo = await orchestra(tmp_path, "demo", "--keep", str(tmp_path / "run"))
    assert demo.stdout is not None
    while b"greeting" not in (line := await demo.stdout.readline()):
        assert line, "the demo ended before its call began"
    assert len(processes_of(tmp_path)) > 4
    demo.send_signal(number)
    await demo.communicate()
    async with asyncio.timeout(60):
        while processes_of(tmp_path):  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(0.05)
