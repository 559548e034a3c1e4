"""`orchestra campaign`: call a list of people, watch it, pause it, stop it, and read what came of it."""

from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.ui.terminal import say, say_json
from orchestra.counted import counted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from orchestra.bus import Bus
    from orchestra.campaign import CampaignOptions, CampaignStore, Contact, Progress
    from orchestra.campaign.store import State

_app = typer.Typer(help="Call a list of people: each as often as needed, never twice for one attempt.")

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The campaign's name.")]
_Json = Annotated[bool, typer.Option("--json", help="One line of JSON in place of text.")]
#: a line of progress; counting a long list takes a while
_SHOW_EVERY_S = 5.0
_BAD_ROWS_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="campaign")


@_app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A column `number`; `zone` and others may follow.")],
    *,
    name: Annotated[str, typer.Option(help="The campaign's name; that of the file unless given.")] = "",
    line: Annotated[str, typer.Option(help="Our number that people see, and whose app speaks.")] = "",
    per_minute: Annotated[int, typer.Option(min=1, max=6000, help="How many calls are placed in a minute.")] = 10,
    at_a_time: Annotated[int, typer.Option(min=1, max=1000, help="How many calls run at a time.")] = 5,
    retry: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTCOME=TIMESxAFTER", help="busy=3x10m, no_answer=2x4h, machine=1x1d, failed=2x5m."),
    ] = None,
    do_not_call: Annotated[
        Path | None, typer.Option(help="A file with a number a line: nobody in it is called.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Call everybody in the file. Run again, it goes on where it was; the same file is needed."""
    import uvloop

    from orchestra.campaign import CampaignOptions, parse_retries

    options = CampaignOptions(line=line, per_minute=per_minute, at_a_time=at_a_time, retries=parse_retries(retry or []))
    uvloop.run(_run(file, name or file.stem, options, do_not_call, as_json=as_json))


@_app.command()
def status(name: _Name, *, as_json: _Json = False) -> None:
    """Show where a campaign stands."""
    import uvloop

    async def show() -> None:
        async with _campaign(name) as (store, _):
            _show(name, await store.progress(), as_json=as_json)

    uvloop.run(show())


@_app.command()
def pause(name: _Name) -> None:
    """Place no further call until `resume`. Calls that run go on."""
    _steer(name, "paused")


@_app.command()
def resume(name: _Name) -> None:
    """Place calls again; a process with `run` has to be there."""
    _steer(name, "running")


@_app.command()
def stop(name: _Name) -> None:
    """Place no further call, once and for all: when this returns, none is placed. Calls that run go on."""
    _steer(name, "stopped")


@_app.command()
def results(
    name: _Name, *, out: Annotated[Path | None, typer.Option(help="The file to write; without one: the screen.")] = None
) -> None:
    """Write a CSV file with what came of each contact."""
    import sys
    from io import TextIOWrapper

    import uvloop

    from orchestra.atomic_file import atomic_file
    from orchestra.campaign import write_results

    async def write() -> None:
        async with _campaign(name) as (store, _):
            if out is None:
                await write_results(store, sys.stdout)
                return
            with atomic_file(out, mode=0o600) as file:
                text = TextIOWrapper(file, encoding="utf-8", newline="")
                rows = await write_results(store, text)
                text.detach()  # flushes, and leaves the file open
        say(f"{counted(rows, 'contact')} in {out}")

    uvloop.run(write())


def _steer(name: str, state: "State") -> None:
    import asyncio

    import uvloop

    async def steer() -> None:
        async with _campaign(name) as (store, _):
            await store.set_state(state)
            while state != "running" and await store.is_placing():  # noqa: ASYNC110 - another process places
                await asyncio.sleep(0.05)  # the call that was begun before is placed, or refused

    uvloop.run(steer())
    say(f"{name}: {state}")


@asynccontextmanager
async def _campaign(name: str, *, new: bool = False) -> "AsyncIterator[tuple[CampaignStore, Bus]]":
    from orchestra.bus import Bus
    from orchestra.campaign import CampaignStore
    from orchestra.errors import UsageError
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    configure_logging(settings, "campaign")
    bus = await Bus.connect(settings)
    try:
        store = CampaignStore(bus, name)
        if not new and not await store.exists():
            msg = f"there is no campaign {name!r}"
            raise UsageError(msg)
        yield store, bus
    finally:
        await bus.close()


async def _run(file: Path, name: str, options: "CampaignOptions", do_not_call: Path | None, *, as_json: bool) -> None:
    import asyncio

    from orchestra.app_phrases import load_edge_lines
    from orchestra.campaign import CampaignRunner
    from orchestra.campaign.contacts import file_hash, read_numbers
    from orchestra.campaign.store import refuse_calls
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.settings import load_settings
    from orchestra.stack import find_running_stack

    with needs_extra("voice"):
        from orchestra.voice.carriers.registry import open_dial_carriers
        from orchestra.voice.edge.dialler import Dialler

    settings = load_settings()
    async with _campaign(name, new=True) as (store, bus):
        if do_not_call is not None:
            await refuse_calls(bus, read_numbers(do_not_call))
        await store.create(file_hash(file), options)
        bad: list[str] = []
        await store.add(_good(file, bad.append))
        for line in bad[:_BAD_ROWS_SHOWN]:
            say(line)
        if len(bad) > _BAD_ROWS_SHOWN:
            say(f"… and {counted(len(bad) - _BAD_ROWS_SHOWN, 'more row')} with nobody who can be called")
        plan = (await load_edge_lines(settings.app)).plan if options.line else None
        up = find_running_stack(settings)
        carriers = open_dial_carriers(settings, settings.public_url or (up.url if up else ""))
        dialler = Dialler(settings, bus, carriers[settings.carrier], plan, bus.new_call, sip=carriers.get("sip"))
        running = asyncio.create_task(CampaignRunner(store, dialler, bus, ring_s=settings.ring_s).run())
        while not running.done():
            _show(name, await store.progress(), as_json=as_json)
            await asyncio.wait([running], timeout=_SHOW_EVERY_S)
        await running
        _show(name, await store.progress(), as_json=as_json)


def _good(file: Path, report: Callable[[str], None]) -> "Iterator[Contact]":
    from orchestra.campaign import BadRow, read_contacts

    for row in read_contacts(file):
        if isinstance(row, BadRow):
            report(f"row {row.row}: {row.reason}")
        else:
            yield row


def _show(name: str, progress: "Progress", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        say_json({"campaign": name, **msgspec.to_builtins(progress)})
        return
    done = sum(progress.outcomes.values())
    outcomes = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in progress.outcomes.items())
    say(
        f"{name}: {progress.state}, {done}/{progress.contacts} done, {progress.calling} calling"
        + (f": {outcomes}" if outcomes else "")
    )
