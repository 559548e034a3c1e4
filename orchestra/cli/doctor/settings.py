"""The settings as `orchestra doctor --settings` lists them: variable, value, meaning."""

import ast
import inspect
from itertools import pairwise

from rich.table import Table
from rich.text import Text

from orchestra.mask import without_secrets
from orchestra.settings import Settings


def meanings() -> dict[str, str]:
    """What each setting means, by its field: the text under it in `Settings`.

    Read from the source when it is asked for: pydantic would do so at the start of every process, for 30 ms.
    """
    (settings,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(settings, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in pairwise(settings.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found


def settings_table(settings: Settings) -> Table:
    """Every setting; those that are set stand out, and no secret is shown."""
    table = Table("variable", "value", "meaning", box=None, padding=(0, 2, 0, 0), title="settings")
    table.title_justify = "left"
    for column in table.columns:
        column.overflow = "fold"  # an address that is longer than its column is wrapped, not cut
    means = meanings()
    for name in type(settings).model_fields:
        value = without_secrets(str(getattr(settings, name)))
        style = "bold" if name in settings.model_fields_set else "dim"
        table.add_row(f"ORCHESTRA_{name.upper()}", Text(value, style), Text(means.get(name, ""), "dim"))
    return table
