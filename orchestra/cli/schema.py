"""`orchestra schema`: the AsyncAPI document of every event."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(schema)


def schema(
    write: Annotated[bool, typer.Option("--write", help="Write the file in schemas/ instead of printing it.")] = False,
) -> None:
    """Print the AsyncAPI document of every event, generated from the code."""
    from orchestra_schemas.asyncapi import FILE, document_text

    if write:
        Path(FILE).write_text(document_text(), encoding="utf-8")
    else:
        print(document_text(), end="")
