"""The table of a scripted call: one row per turn, times in ms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestra.cli.ui.console import QUIET, WARNING
from orchestra_schemas.speech import TURN_STAGES

if TYPE_CHECKING:
    from orchestra.simulator import CheckedTurn

_WIDE = 110


def turn_table(turns: Sequence["CheckedTurn"], width: int) -> RenderableType:
    """What was said and understood, the time to the first sound of the reply as the caller heard it, and its stages.

    The stages are columns where the terminal is wide enough for them, else a line under the words.
    """
    columns = width >= _WIDE
    table = Table(box=None, padding=(0, 2, 1, 0), header_style=QUIET, show_edge=False)
    table.add_column("turn", justify="right")
    table.add_column("caller said · understood as", ratio=1)
    table.add_column("first audio", justify="right", style="bold")
    for title in TURN_STAGES.values() if columns else ():
        table.add_column(title, justify="right")
    for turn in turns[1:]:
        words = [Text(turn.said), Text(turn.recorded.transcript or "(nothing)", style=QUIET)]
        stages = [f"{value:.0f}" for value in _stages(turn)]
        if stages and not columns:
            named = zip(TURN_STAGES.values(), stages, strict=True)
            words.append(Text(" · ".join(f"{title} {value}" for title, value in named), style=QUIET))
        table.add_row(str(turn.recorded.number), Group(*words), _first_audio(turn), *(stages if columns else ()))
    return Group(table, *_barge_ins(turns))


def _first_audio(turn: "CheckedTurn") -> Text:
    response_s = turn.audio.response_s
    return Text("none", style=WARNING) if response_s is None else Text(f"{1000 * response_s:,.0f} ms")


def _stages(turn: "CheckedTurn") -> list[float]:
    measured = turn.recorded.latency
    return [] if measured is None else [getattr(measured, stage) for stage in TURN_STAGES]


def _barge_ins(turns: Sequence["CheckedTurn"]) -> list[Text]:
    return [
        Text(f"turn {number} interrupted the reply before: the agent fell silent after {1000 * barge_in_stop_s:.0f} ms")
        for number, turn in enumerate(turns)
        if (barge_in_stop_s := turn.audio.barge_in_stop_s) is not None
    ]
