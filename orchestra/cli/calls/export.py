"""`orchestra calls play`, `export` and `find`: listen to recorded calls, export them, search them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.atomic_file import write_atomically
from orchestra.cli.ui.option_groups import option_groups
from orchestra.cli.ui.selection_options import SOURCE_HELP, SelectionOptions
from orchestra.cli.ui.terminal import complain, say_json
from orchestra.cli.ui.write_errors import writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestra.replay.search import Hit
    from orchestra.settings import Settings
    from orchestra_schemas import Event

_CALL = "The call's id, the beginning or end of it, or the file of a recorded journal."
#: programs that play a WAV file, and how
_PLAYERS = (
    ("paplay",),
    ("aplay", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("afplay",),
)
#: seconds that are played before the turn begins
_BEFORE_S = 0.3


def play(
    call: Annotated[str, typer.Argument(help=_CALL)],
    turn: Annotated[int, typer.Option(min=0, help="Start at this turn of the caller; 0 is the greeting.")] = 0,
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "auto",
) -> None:
    """Play a call's recording: the caller on the left, the agent on the right."""
    import uvloop

    from orchestra.settings import load_settings

    raise typer.Exit(uvloop.run(_play(load_settings(), call, turn, source)))


async def _play(settings: "Settings", call: str, turn: int, source: str) -> int:
    import asyncio
    import shutil

    from orchestra.cli.ui.console import QUIET, terminal
    from orchestra.errors import UsageError
    from orchestra.history.views.transcript import clock
    from orchestra.recordings.locate import recording_file, trim_start
    from orchestra.replay.selection import recorded_call

    events = await recorded_call(settings, call, source, on_warning=complain)
    from_s = _beginning(events, turn) if turn else 0.0
    player = next((each for each in _PLAYERS if shutil.which(each[0])), None)
    if player is None:
        names = ", ".join(each[0] for each in _PLAYERS)
        msg = f"no audio player is installed ({names}): `orchestra calls export {call} --to DIR` writes the WAV file"
        raise UsageError(msg)
    async with recording_file(settings, events) as path:
        terminal().print(f"{events[0].call} from {clock(from_s)} with {player[0]}; Ctrl-C ends it", style=QUIET)
        part = await asyncio.to_thread(trim_start, path, from_s)
        process = await asyncio.create_subprocess_exec(*player, str(part))
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()


def _beginning(events: "Sequence[Event]", turn: int) -> float:
    """The second of the call at which the turn begins."""
    from orchestra.errors import UsageError
    from orchestra.history.reduce import history_of
    from orchestra.history.views.dialogue import dialogue

    turns = {each.number: each for each in dialogue(history_of(events)).turns}
    if turn not in turns:
        numbers = ", ".join(map(str, sorted(turns))) or "none"
        msg = f"the call has no turn {turn}: its turns are {numbers}"
        raise UsageError(msg)
    found = turns[turn]
    begin = found.said_from_s if found.said_from_s is not None else found.heard_from_s
    return max(0.0, (begin or 0.0) - _BEFORE_S)


def export(
    call: Annotated[str, typer.Argument(help=_CALL)],
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the files; it is created if necessary.")],
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "auto",
) -> None:
    """Write a call's recording (WAV), transcript (text, WebVTT, JSON, CSV) and journal (JSON lines) to a folder."""
    import uvloop

    from orchestra.settings import load_settings

    raise typer.Exit(uvloop.run(_export(load_settings(), call, to, source)))


async def _export(settings: "Settings", call: str, to: Path, source: str) -> int:
    import asyncio

    from orchestra.cli.ui.console import WARNING, terminal
    from orchestra.errors import UsageError
    from orchestra.history.reduce import history_of
    from orchestra.history.views.files import FILES
    from orchestra.recordings.locate import file_name, recording_file
    from orchestra.replay.selection import recorded_call

    events = await recorded_call(settings, call, source, on_warning=complain)
    name = file_name(events[0].call)
    history = history_of(events)
    files = {ending: made(history, events) for ending, made in FILES.items()}
    console = terminal()
    try:
        async with recording_file(settings, events) as path:
            files["wav"] = await asyncio.to_thread(path.read_bytes)
    except UsageError as error:
        console.print(str(error), style=WARNING, soft_wrap=True)
    for ending, content in files.items():
        path = to / f"{name}.{ending}"
        await asyncio.to_thread(_write, path, content)
        console.print(str(path), soft_wrap=True)
    return 0 if "wav" in files else 1


def _write(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with writing(path):
        write_atomically(path, content)


@option_groups
def find(
    *,
    words: Annotated[str, typer.Argument(help='Words of one utterance; "in double quotes" for an exact phrase.')],
    chosen: SelectionOptions,
    limit: Annotated[int, typer.Option(min=1, help="How many utterances at most, the best matches first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each utterance.")] = False,
) -> None:
    """Find what callers or agents said, in the archive, the journal and the demo's runs."""
    import uvloop

    from orchestra.replay.search import find_words
    from orchestra.settings import load_settings

    found = find_words(load_settings(), words, chosen.selection(), chosen.source, limit=limit, on_warning=complain)
    hits = uvloop.run(found)
    if as_json:
        for hit in hits:
            say_json(hit)
        return
    _print_hits(hits)


def _print_hits(hits: "Sequence[Hit]") -> None:
    from rich.text import Text

    from orchestra.cli.ui.console import QUIET, terminal
    from orchestra.cli.ui.parse_time import shown

    console = terminal()
    for hit in hits:
        head = Text.assemble((hit.call, "bold"), f"  turn {hit.turn}  ", (f"{shown(hit.at)}  {hit.who}", QUIET))
        console.print(head, soft_wrap=True)
        console.print(Text(f"    {hit.snippet}"), soft_wrap=True)
    if not hits:
        console.print("nobody said that in the recorded calls", style=QUIET)
