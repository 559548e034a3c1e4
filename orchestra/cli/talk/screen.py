"""What `orchestra talk` shows: a row for all that is said and done, and one line below for what goes on now."""

import time
from collections.abc import Callable
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestra.cli.ui.console import AGENT, CALLER, QUIET, WARNING, row

_HELP = "m mute · 0-9 * # keypad · Ctrl-C hang up"
_LAST_WORDS = 6
_INDENT = "  "


class Screen:
    """The call on the terminal, from the edge's captions. ``now`` is in seconds.

    Where the output is no terminal, there are rows only.
    """

    def __init__(self, console: Console, *, keyboard: bool = True, now: Callable[[], float] = time.monotonic) -> None:
        self._console, self._now = console, now
        self._began = now()
        self._help = _HELP if keyboard else "Ctrl-C hang up"
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._state, self._goes_on, self._muted = "connecting …", "", False
        self._broke = False
        self._agent = "agent"
        self._spoken: tuple[int, str] = (-1, "")  # turn, and what was shown of its reply
        self.turns_said, self.turns_answered = 0, 0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        self._refresh()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def connected(self, is_connected: bool) -> None:
        """There is a connection to an edge, or it broke."""
        if is_connected and self._broke:
            # a stream that ends with the call is not followed by another one
            self._row("", "the connection broke, and is back", WARNING)
        self._broke = not is_connected
        self._state = "connected" if is_connected else "the connection broke, reconnecting …"
        self._refresh()

    def muted(self, is_muted: bool) -> None:
        """The microphone was muted, or not any more."""
        self._muted = is_muted
        self._refresh()

    def pressed(self, digit: str) -> None:
        """A key was pressed."""
        self._row("you", f"key {digit}", QUIET)

    def note(self, text: str, style: str = WARNING) -> None:
        """Something that is not said in the call."""
        self._row("", text, style)

    def caption(self, caption: dict[str, Any]) -> None:
        """Show what the edge says about the call."""
        match caption:
            case {"of": "caller", "text": str(text), "so_far": True}:
                self._goes_on = f"you: {text}"
            case {"of": "caller", "text": str(text), "turn": int(turn)}:
                self._goes_on, self.turns_said = "", max(self.turns_said, turn)
                self._row("you", text or "(nothing was understood)", CALLER, CALLER)
            case {"of": "agent", "sentence": str(sentence), "turn": int(turn)}:
                self._sentence(turn, sentence)
            case {"of": "agent", "text": str(text), "turn": int(turn)}:
                self._reply(turn, text, interrupted=caption.get("interrupted", False))
            case {"of": "speaker", "agent": str(agent)}:
                self._agent = agent
                self._row("", f"{agent} has the call", QUIET)
            case {"of": "tool", "tool": str(tool), "state": "runs"}:
                self._goes_on = f"{tool} runs …"
            case {"of": "tool", "tool": str(tool), "state": str(state)}:
                self._goes_on = ""
                self._row("", f"{tool}: {state}", WARNING if state == "failed" else QUIET)
            case {"of": "wait", "ms": int(waited_ms)}:
                self._row("", f"reply after {waited_ms} ms", QUIET)
            case _:
                return  # of a newer edge
        self._refresh()

    def _sentence(self, turn: int, sentence: str) -> None:
        before = self._spoken[1] if self._spoken[0] == turn else ""
        self._spoken = (turn, f"{before} {sentence}".strip())
        self._row(self._agent, sentence, "", AGENT)

    def _reply(self, turn: int, text: str, *, interrupted: bool) -> None:
        """The reply is over; of its last sentence only a part may have been heard."""
        shown = self._spoken[1] if self._spoken[0] == turn else ""
        rest = text[len(shown) :].strip() if text.startswith(shown) else ""
        if rest:
            self._row(self._agent, rest, "", AGENT)
        if interrupted:
            last = " ".join(text.split()[-_LAST_WORDS:])
            self._row("", f"interrupted after “… {last}”" if last else "interrupted", WARNING)
        self._spoken, self.turns_answered = (-1, ""), max(self.turns_answered, turn)

    def _row(self, who: str, what: str, style: str, who_style: str = "") -> None:
        row(self._console, f"{self._now() - self._began:.1f} s", who, what, style, who_style=who_style)

    def _refresh(self) -> None:
        if self._live is None:
            return
        muted = "muted" if self._muted else self._state
        shown = Text(f"{_INDENT}{self._goes_on or muted}  [{self._help}]", QUIET)
        if self._muted:
            shown.stylize(WARNING, 0, len(_INDENT) + len(muted))
        shown.truncate(self._console.width - 1, overflow="ellipsis")
        self._live.update(shown, refresh=True)
