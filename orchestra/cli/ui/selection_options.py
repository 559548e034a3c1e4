"""The options that select recorded calls, shared by `replay`, `compare` and `calls find`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

if TYPE_CHECKING:
    from orchestra.replay.selection import Selection

SOURCE_HELP = "auto, archive, journal, a Redis URL, an archive's folder or URL, or a file of JSON lines."


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionOptions:
    """Which recorded calls; a call has to meet all conditions."""

    PANEL: ClassVar[str] = "Which calls"

    caller: Annotated[str, typer.Option(metavar="NUMBER", help="Only calls from this number.")] = ""
    of_app: Annotated[
        str, typer.Option("--of-app", metavar="NAME", help="Only calls that this app answered first.")
    ] = ""
    line: Annotated[str, typer.Option(metavar="LINE", help="Only calls of this line: a number, SIP name or *.")] = ""
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Only events since this time: 2026-11-22T20:15, or 2h (ago).")
    ] = ""
    until: Annotated[str, typer.Option(metavar="TIME", help="Only events before this time.")] = ""
    where: Annotated[
        str,
        typer.Option(
            metavar="SQL", help="Only calls that meet this condition on the view `calls`, or that this query returns."
        ),
    ] = ""
    source: Annotated[str, typer.Option(metavar="SOURCE", help=SOURCE_HELP)] = "auto"

    def selection(self, calls: tuple[str, ...] = ()) -> "Selection":
        """The selection, among these calls if some are named.

        Raises:
            UsageError: a time is written wrongly.

        """
        from orchestra.cli.ui.parse_time import moment
        from orchestra.replay.selection import Selection

        return Selection(
            calls=calls,
            caller=self.caller,
            app=self.of_app,
            line=self.line,
            since=moment(self.since) if self.since else None,
            until=moment(self.until) if self.until else None,
            where=self.where,
        )
