"""What `orchestra call` is asked for, and what it says where nothing can be called."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.cli import call as command
from orchestra.errors import UsageError
from orchestra.settings import Settings
from orchestra.simulator import Caller, ScriptLine
from orchestra.stack import RunningStack
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, ReplySpoken, UserTurnEnded
from tests.simulator.tone_edge import AUTH_TOKEN, ToneEdge, serving


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the command line asks for, where nobody is called."""
    found: list[object] = []

    async def note(settings: object, order: object, console: object) -> tuple[bool, dict[str, object]]:
        del settings, console
        found.append(order)
        return True, {}

    monkeypatch.setattr(command, "_call", note)
    return found


def test_the_steps_are_done_in_the_order_in_which_they_were_given(ordered: list[command._Order]) -> None:
    arguments = ["--say", "One.", "--silence", "2.5", "--wav", "a.wav", "--say", "Two.", "--digits", "42#", "--say=3"]
    told = CliRunner().invoke(app, ["call", *arguments, "--patience", "4", "--from", "+15550007"])
    assert told.exit_code == 0, told.output
    assert ordered[0].steps == (
        ScriptLine("One."),
        ScriptLine(silence_s=2.5),
        ScriptLine(wav="a.wav"),
        ScriptLine("Two."),
        ScriptLine(digits="42#"),
        ScriptLine("3"),
    )
    assert (ordered[0].patience_s, ordered[0].from_number) == (4.0, "+15550007")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "say what the caller says"),
        (["--say", "Hello.", "--script", "x"], "say what the caller says"),
        (["--digits", "4x"], "--digits '4x': digits are keys of a telephone"),
        (["--silence", "-1"], "--silence -1.0: seconds are never less than 0"),
        (["--say", ""], "--say '': a step has one of"),
    ],
)
def test_what_nobody_could_do_is_one_clear_line(ordered: list[object], arguments: list[str], complaint: str) -> None:
    told = CliRunner().invoke(app, ["call", *arguments])
    assert isinstance(told.exception, UsageError)
    assert complaint in str(told.exception)
    assert ordered == []


def test_the_help_shows_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = CliRunner().invoke(app, ["call", "--help"]).output
    lines = [line.strip() for line in told.splitlines()]
    assert lines.count("[[say]]") == 3
    assert all(word in told for word in ("wait_s", "silence_s", "barge_in_after_s", "digits", "wav ="))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1:1/", "http://nowhere.invalid"])
@pytest.mark.parametrize("token", ["", AUTH_TOKEN])
def test_that_nothing_listens_is_said_and_not_that_a_token_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, token: str
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ORCHESTRA_TWILIO_AUTH_TOKEN", token)
    told = CliRunner().invoke(app, ["call", "--say", "Hello.", "--url", url])
    assert str(told.exception).startswith(f"nothing listens at {url} (")
    assert "orchestra up" in str(told.exception)


@pytest.mark.parametrize("url", ["127.0.0.1:8480", "localhost", "ftp://host", "http://", "http://host:port"])
def test_what_is_no_address_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    told = CliRunner().invoke(app, ["call", "--say", "Hello.", "--url", url])
    assert "is not the URL of an edge" in str(told.exception)


async def test_an_edge_whose_token_is_not_known_is_said_to_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    async with serving(ToneEdge([])) as edge:
        told = await asyncio.to_thread(CliRunner().invoke, app, ["call", "--say", "Hello.", "--url", edge.url])
    assert "must be signed: set ORCHESTRA_TWILIO_AUTH_TOKEN" in str(told.exception)


def up(monkeypatch: pytest.MonkeyPatch, bus: TestBus) -> None:
    note = RunningStack(url="http://127.0.0.1:8480", auth_token=AUTH_TOKEN, redis_url=bus.bus.url, pid=1)
    monkeypatch.setattr("orchestra.stack.find_running_stack", lambda settings: note)  # noqa: ARG005


async def test_a_call_of_the_stack_here_is_followed_in_its_journal(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    up(monkeypatch, bus)
    caller = Caller("http://127.0.0.1:8480", AUTH_TOKEN, call_sid="CA1")
    ours, other = bus.call(), bus.call()
    async with command._replying(settings, caller) as replying:
        await bus.publish(CallStarted(call=other, provider_call="CA2"), UserTurnEnded(call=other, turn=1, text="hi"))
        await bus.publish(CallStarted(call=ours, provider_call="CA1"), UserTurnEnded(call=ours, turn=1, text="hi"))
        async with asyncio.timeout(30):
            while not replying():  # noqa: ASYNC110 - it follows a server
                await asyncio.sleep(0.01)
            await bus.publish(ReplySpoken(call=other, turn=1, text="a"), ReplySpoken(call=ours, turn=1, text="a"))
            while replying():  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_call_of_another_edge_is_not_followed(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    up(monkeypatch, bus)
    async with command._replying(settings, Caller("https://elsewhere", AUTH_TOKEN)) as replying:
        assert not bus.bus.subscriptions
        assert not replying()
