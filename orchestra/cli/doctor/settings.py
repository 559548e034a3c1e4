"""The settings as `orchestra doctor --settings` lists them: variable, value or default, meaning."""

import ast
import inspect
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from rich.table import Table
from rich.text import Text

from orchestra.hide_secrets import without_secrets
from orchestra.prices import Prices
from orchestra.settings import Settings, file_of


def meanings() -> dict[str, str]:
    """The meaning of each setting by its field: the text below it in `Settings`.

    Read from the source on demand: pydantic would do so at the start of every process, which takes 30 ms.
    """
    (settings,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(settings, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in pairwise(settings.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found


def settings_table(settings: Settings) -> Table:
    """Every setting with its value. The ones that are set are bold; secrets are hidden, their files are named."""
    table = Table("variable", "value", "meaning", box=None, padding=(0, 2, 0, 0), title="settings")
    table.title_justify = "left"
    for column in table.columns:
        column.overflow = "fold"  # an address that is longer than its column is wrapped, not cut
    means = meanings()
    for name in type(settings).model_fields:
        file = file_of(name)
        value = without_secrets(str(getattr(settings, name))) + (f" (from {file})" if file else "")
        style = "bold" if name in settings.model_fields_set else "dim"
        table.add_row(f"ORCHESTRA_{name.upper()}", Text(value, style), Text(means.get(name, ""), "dim"))
    return table


def settings_page() -> str:
    """Every setting with its default, as a table in Markdown."""
    means = meanings()
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = _default(name, field.get_default(call_default_factory=True))
        choices = [value or "empty" for value in get_args(field.annotation)] if _is_choice(field.annotation) else []
        meaning = means[name] + (f" One of: {', '.join(choices)}." if choices else "")
        lines.append(f"| `ORCHESTRA_{name.upper()}` | {default} | {_cell(meaning)} |")
    return "\n".join(lines)


def _is_choice(annotation: Any) -> bool:
    return get_origin(annotation) is Literal


def _default(name: str, value: Any) -> str:
    if name == "data_dir":  # where it is depends on the user
        return "`~/.local/share/orchestra`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"`{value:g}`" if value < 1_000_000 else f"`{value}`"  # noqa: PLR2004 - :g writes 2592000 as 2.592e+06
    if isinstance(value, Path | Prices) or not str(value or ""):
        return ""
    return f"`{value}`"


def _cell(text: str) -> str:
    """Text that Markdown leaves as it is, on one line of a table."""
    for mark in "|*<":
        text = text.replace(mark, f"\\{mark}")
    return text
