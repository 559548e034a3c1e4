"""Tables for people and for pipes; nothing is cut off, however narrow the terminal.

Where a table does not fit beside itself, each row becomes a record: its first value, and the others with their names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from orchestra.printable import printable

_GAP = "  "
_INDENT = "    "
_TITLE = "dim"
_NARROWEST = 20

Cell = str | Text


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title, and whether its values are numbers, which end below one another."""

    title: str
    right: bool = False


def columns(*titles: str, right: Sequence[str] = ()) -> list[Column]:
    """Columns of these titles, those in ``right`` for numbers."""
    return [Column(title, title in right) for title in titles]


def print_table(
    console: Console, heads: Sequence[Column], rows: Iterable[Sequence[Cell]], *, wrap: bool = False
) -> int:
    """Print the rows, each on one line; on a terminal that is too narrow for them, as records.

    ``wrap``: the last column is a text, which is wrapped under itself where there is room. Returns how many rows there
    were.
    """
    cells = [[_flat(cell) for cell in row] for row in rows]
    widths = [max([cell_len(head.title), *(row[place].cell_len for row in cells)]) for place, head in enumerate(heads)]
    margin = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    room = console.width - margin if console.is_terminal else widths[-1]
    if room < min(widths[-1], _NARROWEST if wrap else widths[-1]):
        for row in cells:
            _print_record(console, heads, row)
        return len(cells)
    titles = [Text(head.title, _TITLE) for head in heads]
    for *row, last in [titles, *cells] if any(head.title for head in heads) else cells:
        padded = [_padded(cell, width, right=head.right) for cell, width, head in zip(row, widths, heads, strict=False)]
        ending = _padded(last, widths[-1], right=True) if heads[-1].right else last
        first, *more = ending.wrap(console, room) if ending.cell_len > room else [ending]
        console.print(_line(*padded, first), soft_wrap=True)
        for part in more:
            console.print(_line(" " * max(0, margin - len(_GAP)), part), soft_wrap=True)
    return len(cells)


def _print_record(console: Console, heads: Sequence[Column], row: Sequence[Text]) -> None:
    """The first value on a line of its own, to be copied; then the others, as many on a line as there is room for."""
    console.print(
        Text.assemble(Text(heads[0].title, _TITLE), " ", row[0]) if heads[0].title else row[0], soft_wrap=True
    )
    line = Text(_INDENT)
    for head, cell in zip(heads[1:], row[1:], strict=True):
        part = Text.assemble((head.title, _TITLE), " " * bool(head.title), cell)
        if line.cell_len > len(_INDENT) and line.cell_len + part.cell_len > console.width:
            console.print(line, soft_wrap=True)
            line = Text(_INDENT)
        line.append_text(part).append(_GAP)
    if line.plain.strip():
        line.rstrip()
        console.print(line, soft_wrap=True)


def _flat(cell: Cell) -> Text:
    """A value on one line."""
    if isinstance(cell, str):
        return Text(printable(cell.replace("\r", " ")).replace("\n", " ").replace("\t", " "))
    return cell


def _line(*parts: Cell) -> Text:
    line = Text(_GAP).join(Text(part) if isinstance(part, str) else part for part in parts)
    line.rstrip()
    return line


def _padded(cell: Text, width: int, *, right: bool) -> Text:
    padding = " " * (width - cell.cell_len)
    return Text.assemble(padding, cell) if right else Text.assemble(cell, padding)
