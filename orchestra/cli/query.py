"""`orchestra query`: SQL over all calls."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.ui.terminal import Terminal, complain, say
from orchestra.cli.ui.write_errors import writing
from orchestra.counted import counted

if TYPE_CHECKING:
    from orchestra.analysis.query import QueryResult


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


#: with this many files, the archive worker has not merged for a long time
_MANY_FILES = 1000
#: smaller numbers show four significant digits, others three decimals
_SMALL = 0.1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(query)


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT, or - to read it from standard input.")] = "",
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: by the name of the --out file, else a table.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the result to this file.")] = None,
) -> None:
    """Query the archive and the live journal in SQL: views events, calls, turns, verdicts and others.

    Without a query, show the views and their columns. JSON is one object per line.
    """
    import asyncio

    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.settings import load_settings

    with needs_extra("analysis"):
        from orchestra.analysis.query import CallDatabase

    chosen = form or _format_of(out)
    records = asyncio.run(CallDatabase.open(load_settings(), on_warning=print_notice))
    warn_if_slow(records.files)
    try:
        if not sql:
            _print_views(records.columns())
        else:
            _write(records.run(sys.stdin.read() if sql == "-" else sql), chosen, out)
    finally:
        records.close()


def print_notice(text: str) -> None:
    """Print a notice on standard error."""
    complain(f"orchestra: {text}")


def warn_if_slow(files: int) -> None:
    """Print why the query is slow, and what helps."""
    if files >= _MANY_FILES:
        print_notice(
            f"the archive has {files:,} files, which makes queries slow: `orchestra archive compact` merges them"
        )


def _format_of(out: Path | None) -> Format:
    if out is None:
        return Format.TABLE
    from orchestra.errors import UsageError

    known = {
        ".csv": Format.CSV, ".json": Format.JSON, ".jsonl": Format.JSON, ".parquet": Format.PARQUET,
        ".txt": Format.TABLE, "": Format.TABLE,
    }  # fmt: skip
    form = known.get(out.suffix.lower())
    if form is None:
        endings = ", ".join(filter(None, known))
        msg = f"--out {out}: {out.suffix} is not a known format: use {endings}, or --format"
        raise UsageError(msg)
    return form


def _write(answer: "QueryResult", form: Format, out: Path | None) -> None:
    from orchestra.analysis.export import write_csv, write_json, write_parquet
    from orchestra.errors import UsageError

    if form is Format.TABLE:
        _print_table(answer, out)
        return
    if form is Format.PARQUET and out is None:
        msg = "Parquet needs a file: use --out result.parquet"
        raise UsageError(msg)
    if out is None:
        if form is Format.CSV:
            write_csv(answer, sys.stdout.buffer, for_terminal=True)
        else:
            write_json(answer, sys.stdout.buffer)
        return
    write = {Format.CSV: write_csv, Format.JSON: write_json, Format.PARQUET: write_parquet}[form]
    with writing(out), out.open("wb") as file:
        rows = write(answer, file)
    say(f"{counted(rows, 'row')} in {out}")


def _print_table(answer: "QueryResult", out: Path | None) -> None:

    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.table import Column, print_table

    heads = [Column(field.name, _is_number(field.type)) for field in answer.schema]
    rows = (
        [_cell(value) for value in row]
        for batch in answer.batches()
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    if out is None:
        console = terminal()
        count = print_table(console, heads, rows)
        console.print(counted(count, "row"), style="dim")
        return
    with writing(out), out.open("w", encoding="utf-8") as file:
        print_table(Terminal(file=file), heads, rows)


def _is_number(kind: Any) -> bool:
    return any(str(kind).startswith(name) for name in ("int", "uint", "float", "double", "decimal"))


def _cell(value: object) -> Any:
    from rich.text import Text

    return Text("–", style="dim") if value is None else _as_text(value)


def _as_text(value: object) -> str:
    """A value as text in a table; numbers are rounded."""
    from datetime import datetime
    from decimal import Decimal

    match value:
        case float() | Decimal():
            return _number(float(value))
        case datetime():
            return value.isoformat(sep=" ", timespec="milliseconds")
        case list() | tuple():
            return f"[{', '.join('–' if each is None else _as_text(each) for each in value)}]"
        case dict():
            return f"{{{', '.join(f'{name}: {_as_text(each)}' for name, each in value.items())}}}"
        case _:
            return str(value)


def _number(value: float) -> str:
    if value and abs(value) < _SMALL:
        return f"{value:.4g}"
    text = f"{value:,.3f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _print_views(views: dict[str, list[tuple[str, str]]]) -> None:
    from textwrap import wrap

    from rich.text import Text

    console = Terminal()
    for view, columns in views.items():
        console.print(view, style="bold")
        text = [f"{name}\N{NO-BREAK SPACE}{kind.lower()}" for name, kind in columns]
        for line in wrap(", ".join(text), max(40, console.width - 2)):
            console.print(Text(f"  {line}".replace("\N{NO-BREAK SPACE}", " ")), soft_wrap=True)
