"""`orchestra versions`: which versions of an app answer a line, and with which shares of its calls."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from orchestra.cli.ui.terminal import say, say_json
from orchestra.errors import UsageError

if TYPE_CHECKING:
    from orchestra.bus import Bus
    from orchestra.versions.changes import Change
    from orchestra.versions.running import LineVersions, RunningVersion

T = TypeVar("T")

_MOST_CHANGES = 10

versions = typer.Typer(help="Versions of an app: their shares of a line's calls.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Option(
        "--line", metavar="LINE", help="One line: a number, SIP name or *; all that share versions otherwise."
    ),
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who changes it, for the history; you unless given.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(versions, name="versions")


@versions.command("list")
def list_versions(
    line: Name = "", *, as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False
) -> None:
    """List the versions that run, their shares, and the last changes of these."""
    from orchestra.versions.decide import lines_with_versions

    found = [each for each in _with_bus(lines_with_versions) if line in ("", each.line)]
    if as_json:
        for each in found:
            say_json(each)
        return
    if not found:
        say(f"no edge answers the line {line}" if line else "no edge runs: start one, as `orchestra up` does")
    for each in found:
        _print(each)


@versions.command("split", no_args_is_help=True)
def split_versions(
    shares: Annotated[
        list[str],
        typer.Argument(metavar="VERSION=PERCENT…", help="3f2a=90 b771=10: by the hash's first digits, or the app."),
    ],
    line: Name = "",
    by: By = "",
) -> None:
    """Share the calls that begin from now on among versions; those that are not named get none."""
    from orchestra.versions.decide import split

    meant: dict[str, float] = {}
    for written in shares:
        name, _, percent = written.rpartition("=")
        try:
            meant[name] = float(percent.removesuffix("%"))
        except ValueError:
            msg = f"{written!r} is no share: write VERSION=PERCENT, as in 3f2a=90"
            raise UsageError(msg) from None
        if not name or len(meant) < len(shares[: shares.index(written) + 1]):
            msg = f"{written!r}: write each version once, as in 3f2a=90 b771=10"
            raise UsageError(msg)
    _changed(lambda bus: split(bus, line, meant, by=by or _operator()))


@versions.command("promote", no_args_is_help=True)
def promote_version(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="By the hash's first digits, or the app.")],
    line: Name = "",
    by: By = "",
) -> None:
    """Have one version answer all calls that begin from now on."""
    from orchestra.versions.decide import promote

    _changed(lambda bus: promote(bus, line, version, by=by or _operator()))


@versions.command("rollback")
def roll_back_versions(line: Name = "", by: By = "") -> None:
    """Take the last change back; once more, the one before it."""
    from orchestra.versions.decide import roll_back

    _changed(lambda bus: roll_back(bus, line, by=by or _operator()))


def _operator() -> str:
    import getpass
    import socket

    return f"{getpass.getuser()}@{socket.gethostname()}"


def _with_bus(ask: "Callable[[Bus], Awaitable[T]]") -> T:
    import uvloop

    from orchestra.bus import Bus
    from orchestra.settings import load_settings

    async def run() -> T:
        bus = await Bus.connect(load_settings())
        try:
            return await ask(bus)
        finally:
            await bus.close()

    return uvloop.run(run())


def _changed(act: "Callable[[Bus], Awaitable[dict[str, Change]]]") -> None:
    from orchestra.versions.changes import in_words

    for line, change in _with_bus(act).items():
        say(f"line {line}, from the next call on: {in_words(change.shares)}")


def _print(found: "LineVersions") -> None:
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.parse_time import shown
    from orchestra.cli.ui.table import columns, print_table
    from orchestra.versions.changes import in_words

    console = terminal()
    console.print(f"line {found.line}", style="bold", markup=False)
    heads = columns("version", "share", "in the code", "of the platform", "runs", right=("share", "in the code"))
    print_table(console, heads, [_row(each) for each in found.versions])
    if not found.in_force:
        console.print("no version of the last split runs: the shares in the code hold", style="red")
    for change in found.changes[:_MOST_CHANGES]:
        words = f"{change.number}. {shown(change.at)} {change.action} by {change.by}: {in_words(change.shares)}"
        console.print(words, style="dim", markup=False, soft_wrap=True)


def _row(version: "RunningVersion") -> tuple[str, ...]:
    if not version.version:
        runs = "nowhere"
    else:
        runs = f"not on {', '.join(version.missing_on)}" if version.missing_on else "everywhere"
    code = "–" if version.share_in_code is None else f"{version.share_in_code:g} %"
    return version.name, f"{version.share:g} %", code, version.version.partition("+")[0] or "–", runs
