"""Nothing that callers, models, tools or peers say drives the terminal of whoever looks at it, in any command."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import structlog
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from orchestra import log
from orchestra.archive.archive import Archive
from orchestra.bus import Consumer
from orchestra.cli import app
from orchestra.cli.replay import conversation, run_target
from orchestra.cli.ui.terminal import Terminal
from orchestra.printable import printable
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    PromptCompleted,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)

#: a title, a link, a cleared screen, the same with C1, text turned round, a word that nobody sees, a bell, markup
DRIVES = (
    "\x1b]0;t\x07 \x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\ \x1b[2J \x9b2J \u202eegap\u202c a\u200bb\u2066c \x07"
)
MARKUP = "[red]stop[/red] [link=http://evil]there[/link] :smile:"
HOSTILE = f"parcel {DRIVES} {MARKUP}"

Orchestra = Callable[..., Awaitable[str]]


@pytest.fixture
def orchestra(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Orchestra:
    """Run a command in this process: whatever it prints."""
    for name, value in {"REDIS_URL": redis_url, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(f"ORCHESTRA_{name}", value)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(log, "configure_logging", lambda *_: None)
    monkeypatch.setattr(log, "quiet_logging", lambda *_: None)
    # the commands run beside the event loop of the test, in a thread: Ctrl-C is not theirs there
    for module in (conversation, run_target):
        monkeypatch.setattr(module, "stop_on_signal", lambda: nullcontext(asyncio.Event()))

    async def run(*arguments: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.output

    return run


async def hostile_call(bus: TestBus) -> str:
    call = bus.call(7)
    await bus.publish(
        CallStarted(call=call, from_number=f"+1555 {MARKUP}{DRIVES}", greeting=HOSTILE),
        AgentChanged(call=call, agent=HOSTILE),
        ReplySpoken(call=call, text=HOSTILE, agent=HOSTILE),
        UserTurnEnded(call=call, turn=1, text=HOSTILE),
        ToolRequested(
            call=call,
            turn=1,
            agent="desk",
            name=HOSTILE,
            arguments=json.dumps({HOSTILE: HOSTILE}, ensure_ascii=False),
        ),
        ToolCompleted(call=call, turn=1, request="r", name=HOSTILE, result=HOSTILE, failed=True),
        PromptCompleted(call=call, turn=1, request="r", model=HOSTILE, text=HOSTILE),
        TransferFailed(call=call, turn=1, target=HOSTILE, reason=HOSTILE),
        TurnCompleted(call=call, turn=1, text=HOSTILE, agent=HOSTILE, model=HOSTILE),
        ReplyInterrupted(call=call, turn=1, heard=HOSTILE),
        CallEnded(call=call, turn=1, reason="failed", duration_s=1.0),
    )
    entries = [entry async for entry in bus.bus.entries(7, "events")]
    Archive.of(bus.bus.settings).write(bus.bus.journal_name, entries[:4])
    return call


def is_harmless(told: str) -> bool:
    """Whether nothing in it drives a terminal; a line of CSV ends as RFC 4180 has it."""
    told = told.replace("\r\n", "\n")
    return printable(told) == told


COMMANDS = [
    ("calls", "list"), ("calls", "list", "--json"), ("calls", "show", "CALL"), ("calls", "show", "CALL", "--json"),
    ("calls", "find", "parcel"), ("calls", "find", "parcel", "--json"),
    ("replay", "--call", "CALL"), ("replay", "--call", "CALL", "--json"),
    ("query", "SELECT body, call FROM events"), ("query", "SELECT * FROM turns", "--format", "csv"),
    ("query", "SELECT * FROM replies", "--format", "json"), ("query", "SELECT [text] AS words FROM replies"),
    ("report",), ("report", "--json"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_no_command_that_tells_of_calls_lets_their_words_drive_the_terminal(
    bus: TestBus, orchestra: Orchestra, command: tuple[str, ...]
) -> None:
    call = await hostile_call(bus)
    told = await orchestra(*(call if each == "CALL" else each for each in command))
    assert is_harmless(told)
    assert "[red]stop[/red]" in told  # the words themselves are there, and no markup


async def test_dead_letters_drive_no_terminal(bus: TestBus, orchestra: Orchestra) -> None:
    consumer = Consumer("mood", max_attempts=1)

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        raise ValueError(event.text)

    async with bus.run(consumer):
        await bus.publish(UserTurnEnded(call=bus.call(5), text=f"{MARKUP} \x9b2J \u202e http://me:secret@host"))
        await bus.settled(allow_dead=True)
    (letter,) = await bus.dead("mood")
    name = f"{letter.partition:02d}/{letter.letter_id}"
    for command in (("list", "mood"), ("list", "mood", "--json"), ("show", "mood", name)):
        told = await orchestra("dead", *command)
        assert is_harmless(told)
        assert "[red]stop" in told
        assert "secret" not in told.replace(letter.body.decode(), "").partition("error")[2]


async def test_json_that_is_printed_has_the_words_as_they_were_said(bus: TestBus, orchestra: Orchestra) -> None:
    call = await hostile_call(bus)
    told = [json.loads(line) for line in (await orchestra("replay", "--call", call, "--json")).splitlines()]
    (said,) = [line["event"]["text"] for line in told if line["event"]["type"] == "user.turn.ended"]
    assert said == HOSTILE


def test_a_terminal_gets_the_commands_of_our_tables_and_none_of_their_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLORTERM": "truecolor"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = io.StringIO()
    console = Terminal(file=out, width=200)
    table = Table("call", title=HOSTILE)
    table.add_row(HOSTILE)
    table.add_row(Text(HOSTILE, "bold"))
    console.print(table, HOSTILE)
    assert "\x1b[1m" in out.getvalue()
    assert not any(mark in out.getvalue() for mark in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\x07"))
    assert out.getvalue().count("[link=http://evil]") == 4


def test_a_line_of_the_log_drives_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        log.configure_logging(Settings(), "edge")
        structlog.get_logger().warning("webhook.refused", path=DRIVES, reason=f"x{DRIVES}")
        told = capsys.readouterr().err
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    assert "webhook.refused" in told
    assert is_harmless(told)
