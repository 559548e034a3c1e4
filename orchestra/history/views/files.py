"""A call as files for people and programs: text, captions, turns as JSON and as a table, the journal itself. Pure."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence

import msgspec

from orchestra.history.call import CallHistory
from orchestra.history.views.dialogue import DialogueTurn, dialogue
from orchestra.history.views.transcript import json_lines, text, webvtt
from orchestra_schemas import Event
from orchestra_schemas.speech import TURN_TIMES

_SAID = ("turn", "said_from_s", "said", "agent", "heard_from_s", "heard", "meant", "interrupted", "failed", "tools")
_PREDICTED = ("ready", "predicted_ms", "wasted_predictions")
#: a table that begins a cell with one of these calculates what a caller has said
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def turns_json(history: CallHistory, _events: Sequence[Event]) -> bytes:
    """The call's id and its turns as one JSON object."""
    turns = {"call": history.call, "turns": dialogue(history).turns}
    return msgspec.json.format(msgspec.json.encode(turns)) + b"\n"


def turns_csv(history: CallHistory, _events: Sequence[Event]) -> bytes:
    """A line for each turn: what was said, and the ms of each stage; a comma between cells, UTF-8."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow((*_SAID, *TURN_TIMES, *_PREDICTED))
    rows.writerows(_cells(turn) for turn in dialogue(history).turns)
    return written.getvalue().encode("utf-8", "replace")


def _cells(turn: DialogueTurn) -> list[object]:
    said = (
        turn.number,
        turn.said_from_s,
        _plain(turn.transcript),
        _plain(turn.agent),
        turn.heard_from_s,
        _plain(turn.reply_heard),
        _plain(turn.reply),
        int(turn.interrupted),
        int(turn.failed),
        _plain(" ".join(turn.tools)),
    )
    return [*said, *(getattr(turn.latency, name, None) for name in (*TURN_TIMES, *_PREDICTED))]


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


#: what makes each file, by the ending of its name
FILES: Mapping[str, Callable[[CallHistory, Sequence[Event]], bytes]] = {
    "txt": lambda history, _: text(history).encode(),
    "vtt": lambda history, _: webvtt(history).encode(),
    "json": turns_json,
    "csv": turns_csv,
    "jsonl": lambda _, events: json_lines(events),
}
