"""A conversation in the terminal, one row for everything that happens: when, who, what."""

import time

from rich.console import Console
from rich.text import Text

from orchestra.cli.ui.terminal import Terminal
from orchestra.history.views.timeline import Kind, as_call, describe
from orchestra_schemas import CallGreeted, CallStarted, Event, ReplyChunk, ToolRequested, UserTurnEnded

_WHEN_WIDTH, _WHO_WIDTH = 7, 11
_INDENT = _WHEN_WIDTH + _WHO_WIDTH + 4
_NARROWEST = 20
_PIPED_WIDTH = 140

CALLER, AGENT, QUIET, WARNING = "bold", "bold cyan", "dim", "yellow"
#: the styles of a timeline's lines: of the words, and of who says them
LINE_STYLES: dict[Kind, tuple[str, str]] = {
    "caller": (CALLER, CALLER),
    "reply": ("", AGENT),
    "not_heard": (QUIET, AGENT),
    "event": (QUIET, ""),
    "warning": (WARNING, ""),
}


def terminal(*, quiet: bool = False) -> Console:
    """Standard output; plain text, wide enough for a table, when it is piped."""
    console = Terminal(quiet=quiet)
    return console if console.is_terminal else Terminal(quiet=quiet, width=_PIPED_WIDTH)


def row(console: Console, when: str, who: str, what: str, style: str = "", *, who_style: str = "") -> None:
    """Print one row; a long text is wrapped within its column."""
    lines = Text(what, style).wrap(console, max(console.width - _INDENT, _NARROWEST))
    margin = Text.assemble((f"{when:>{_WHEN_WIDTH}}", QUIET), "  ", (f"{who:{_WHO_WIDTH}}", who_style), "  ")
    for number, line in enumerate(lines or [Text()]):
        line.rstrip()
        console.print(Text.assemble(margin if number == 0 else " " * _INDENT, line), soft_wrap=True)


class LiveConversation:
    """Shows a call while it runs: the caller's lines as they are said, everything else from the journal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began_at = time.time()
        self._tool_calls: dict[str, str] = {}
        self._shown = ("", "")  # time and speaker of the previous row: they are not repeated

    def said(self, text: str) -> None:
        """The caller begins to say this."""
        self._row(time.time(), "caller", text, CALLER, who_style=CALLER)

    def show(self, event: Event) -> None:
        """Show one event of the call, if it says something to a person."""
        if isinstance(event, CallStarted):
            self._began_at = event.at
        if isinstance(event, ToolRequested):
            self._tool_calls[event.id] = as_call(event)
        elif (description := describe(event, self._tool_calls)) is not None:
            what, kind = description
            self._row(event.at, "", what, LINE_STYLES[kind][0])
        match event:
            case CallStarted(greeting=greeting) | CallGreeted(greeting=greeting) if greeting:
                self._row(event.at, "greeting", greeting, who_style=AGENT)
            case UserTurnEnded(text=text):
                self._row(event.at, "", f"understood: {text or '(nothing)'}", QUIET)
            case ReplyChunk(text=text, agent=agent, filler=filler):
                self._row(event.at, agent, text, "italic" if filler else "", who_style=AGENT)
            case _:
                pass

    def _row(self, at: float, who: str, what: str, style: str = "", *, who_style: str = "") -> None:
        when = f"{max(at - self._began_at, 0):.1f} s"
        when_before, who_before = self._shown
        self._shown = (when, who)
        new_when, new_who = "" if when == when_before else when, "" if who == who_before else who
        row(self._console, new_when, new_who, what, style, who_style=who_style)
