"""A conversation in the terminal, one row for whatever happens: when, who, what."""

import time

import msgspec
from rich.console import Console
from rich.text import Text

from orchestra.bus.stream.entry import UNREADABLE
from orchestra.cli.ui.terminal import Terminal
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    DigitPressed,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ToolCompleted,
    ToolRequested,
    TransferAccepted,
    UserTurnEnded,
)

_WHEN_WIDTH, _WHO_WIDTH = 7, 11
_INDENT = _WHEN_WIDTH + _WHO_WIDTH + 4
_NARROWEST = 20
_PIPED_WIDTH = 140
_LONGEST_RESULT = 90
_LAST_WORDS = 6

CALLER, AGENT, QUIET, WARNING = "bold", "bold cyan", "dim", "yellow"


def terminal(*, quiet: bool = False) -> Console:
    """Standard output; when it is piped, plain text that is wide enough for a table."""
    console = Terminal(quiet=quiet)
    return console if console.is_terminal else Terminal(quiet=quiet, width=_PIPED_WIDTH)


def row(console: Console, when: str, who: str, what: str, style: str = "", *, who_style: str = "") -> None:
    """Print one row; a long text is wrapped under itself."""
    lines = Text(what, style).wrap(console, max(console.width - _INDENT, _NARROWEST))
    margin = Text.assemble((f"{when:>{_WHEN_WIDTH}}", QUIET), "  ", (f"{who:{_WHO_WIDTH}}", who_style), "  ")
    for number, line in enumerate(lines or [Text()]):
        line.rstrip()
        console.print(Text.assemble(margin if number == 0 else " " * _INDENT, line), soft_wrap=True)


class LiveConversation:
    """Shows a call while it goes on: the caller's lines as they are said, the rest as the journal has it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began_at = time.time()
        self._arguments: dict[str, str] = {}
        self._shown = ("", "")  # time and speaker of the row before, which are not said twice

    def said(self, text: str) -> None:
        """The caller begins to say this."""
        self._row(time.time(), "caller", text, CALLER, who_style=CALLER)

    def show(self, event: Event) -> None:
        """Show one event of the call, if it tells a person something."""
        match event:
            case CallStarted(greeting=greeting):
                self._began_at = event.at
                self._row(event.at, "", f"call {event.call} from {event.from_number or 'a hidden number'}", QUIET)
                self._row(event.at, "greeting", greeting, who_style=AGENT)
            case UserTurnEnded(text=text):
                self._row(event.at, "", f"understood: {text or '(nothing)'}", QUIET)
            case ReplyChunk(text=text, agent=agent, filler=filler):
                self._row(event.at, agent, text, "italic" if filler else "", who_style=AGENT)
            case ReplyInterrupted(heard=heard):
                last = " ".join(heard.split()[-_LAST_WORDS:])
                self._row(event.at, "", f"interrupted after “… {last}”" if last else "interrupted", WARNING)
            case CallResumed(source=source):
                self._row(event.at, "", f"{source} resumes the call from its journal", WARNING)
            case DigitPressed(digit=digit):
                self._row(event.at, "", f"the caller presses {digit}", QUIET)
            case TransferAccepted(target=target):
                self._row(event.at, "", f"{target} has heard the briefing and takes the call", QUIET)
            case AgentChanged() | ToolRequested() | ToolCompleted():
                self._work(event)
            case CallEndRequested() | CallTransferRequested() | CallEnded():
                self._row(event.at, "", ending(event), QUIET)
            case _:
                pass

    def _work(self, event: AgentChanged | ToolRequested | ToolCompleted) -> None:
        match event:
            case AgentChanged(previous="", agent=agent):
                self._row(event.at, "", f"{agent} takes the call", QUIET)
            case AgentChanged(previous=previous, agent=agent, reason=reason):
                self._row(event.at, "", f"{previous} → {agent} ({reason})", QUIET)
            case ToolRequested(name=name, arguments=arguments):
                self._arguments[event.id] = as_called(name, arguments)
            case ToolCompleted(request=request, name=name, result=result, duration_ms=duration_ms):
                tool = self._arguments.pop(request, f"{name}()")
                self._row(event.at, "", f"{tool} → {shortened(result)} [{duration_ms:.0f} ms]", QUIET)

    def _row(self, at: float, who: str, what: str, style: str = "", *, who_style: str = "") -> None:
        when = f"{max(at - self._began_at, 0):.1f} s"
        when_before, who_before = self._shown
        self._shown = (when, who)
        new_when, new_who = "" if when == when_before else when, "" if who == who_before else who
        row(self._console, new_when, new_who, what, style, who_style=who_style)


def as_called(name: str, arguments: str) -> str:
    """``find_parcel(number="4271")`` from a tool's name and the JSON text of its arguments."""
    try:
        given = msgspec.json.decode(arguments, type=dict[str, object])
    except UNREADABLE:
        return f"{name}({arguments})"
    return f"{name}({', '.join(f'{key}={msgspec.json.encode(value).decode()}' for key, value in given.items())})"


def shortened(text: str) -> str:
    """A text on one line that is not too long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST_RESULT else flat[: _LONGEST_RESULT - 1] + "…"


def ending(event: CallEndRequested | CallTransferRequested | CallEnded) -> str:
    """How a call comes to its end, in words."""
    match event:
        case CallEndRequested():
            return "the agent ends the call"
        case CallTransferRequested(target=target):
            return f"the agent transfers the call to {target}"
        case CallEnded(reason=reason, duration_s=duration_s):
            return f"call ended after {duration_s:.1f} s: {reason.replace('_', ' ')}"
