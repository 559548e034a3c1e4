"""The table of a scripted call: a row for each of the caller's turns, times in ms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestra.cli.conversation import QUIET, WARNING

if TYPE_CHECKING:
    from orchestra.voice.caller import TurnRecord

_STAGES = (
    ("turn end", "turn_end_ms"),
    ("of it stt", "stt_ms"),
    ("routing", "routing_ms"),
    ("model", "first_token_ms"),
    ("sentence", "first_sentence_ms"),
    ("voice", "tts_ms"),
    ("output", "output_ms"),
)


def turn_table(turns: Sequence["TurnRecord"]) -> RenderableType:
    """What was said and understood, the time to the first sound of the reply as the caller heard it, and its stages."""
    table = Table(box=None, padding=(0, 2, 1, 0), header_style=QUIET, show_edge=False)
    table.add_column("turn", justify="right")
    table.add_column("caller said · understood as", ratio=1, min_width=24)
    table.add_column("first audio", justify="right", style="bold", min_width=5)
    for title, _ in _STAGES:
        table.add_column(title, justify="right", style=QUIET if title.startswith("of it") else "", min_width=5)
    for turn in turns[1:]:
        table.add_row(str(turn.account.number), _words(turn), _first_audio(turn), *_stages(turn))
    return Group(table, *_barge_ins(turns))


def _words(turn: "TurnRecord") -> RenderableType:
    return Group(Text(turn.said), Text(turn.account.understood or "(nothing)", style=QUIET))


def _first_audio(turn: "TurnRecord") -> Text:
    response_s = turn.audio.response_s
    return Text("none", style=WARNING) if response_s is None else Text(f"{1000 * response_s:.0f}")


def _stages(turn: "TurnRecord") -> list[str]:
    measured = turn.account.measured
    return ["" if measured is None else f"{getattr(measured, stage):.0f}" for _, stage in _STAGES]


def _barge_ins(turns: Sequence["TurnRecord"]) -> list[Text]:
    return [
        Text(f"turn {number} interrupted the reply before: the agent fell silent after {1000 * yielded_s:.0f} ms")
        for number, turn in enumerate(turns)
        if (yielded_s := turn.audio.yielded_s) is not None
    ]
