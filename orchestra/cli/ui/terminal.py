"""The output of every command: texts from outside are shown, and none of them can control the terminal.

Words of callers, models and tools, names in other people's files, errors of other systems: none is obeyed, neither as
an escape sequence nor as Rich's markup.
"""

import sys
from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from orchestra.hide_secrets import without_secrets
from orchestra.printable import escaped, printable


class Terminal(Console):
    """Rich's console for texts of others: control characters show as ``�``, and ``[red]`` is a word in brackets.

    Args:
        stderr: standard error instead of standard output.
        file: another file instead.
        width: in columns; the terminal's unless given.
        quiet: nothing is printed.
        soft_wrap: long lines are left to the terminal.

    """

    def __init__(
        self,
        *,
        stderr: bool = False,
        file: IO[str] | None = None,
        width: int | None = None,
        quiet: bool = False,
        soft_wrap: bool = False,
    ) -> None:
        super().__init__(
            stderr=stderr, file=file, width=width, quiet=quiet, soft_wrap=soft_wrap,
            markup=False, emoji=False, highlight=False,
        )  # fmt: skip

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of something printed; what Rich itself sends to the terminal is left as it is."""
        for segment in super().render(renderable, options):
            if segment.control or (segment.text.isascii() and segment.text.isprintable()):
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


def say(*lines: str) -> None:
    """Print lines of text on standard output."""
    for line in lines:
        print(printable(line), flush=True)


def say_json(value: Any, *, enc_hook: Any = None) -> None:
    """Print a value as one line of JSON, the same for a program and harmless on a terminal."""
    import msgspec  # after the start of the command: `orchestra --help` needs none

    print(escaped(msgspec.json.encode(value, enc_hook=enc_hook).decode()), flush=True)


def complain(*lines: str) -> None:
    """Print lines on standard error, with secrets removed."""
    for line in lines:
        print(printable(without_secrets(line)), file=sys.stderr, flush=True)
