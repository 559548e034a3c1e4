"""The table ``utterances.csv``: the first thing that is done about an utterance, as it was said, and as it was heard.

``heard`` is what Whisper (tiny.en) made of it, spoken by Piper over an 8 kHz µ-law line. The rows of the set ``unseen``
were written after the model and the demo's examples were done, and nothing has been tuned on them.
"""

import csv
from pathlib import Path

import pytest

from orchestra.demo import app
from orchestra.demo.parcels import Parcels
from tests.execution.in_process import Answered, CallInProcess

_ROWS = list(csv.DictReader((Path(__file__).parent / "utterances.csv").read_text(encoding="utf-8").splitlines()))
_ASKED = {
    "Which parcel number": "ask:number",
    "Which day": "ask:day",
    "What went wrong": "ask:what",
    "call you back": "ask:call_back",
    "only help you with parcels": "decline",
    "How can I help": "greet",
}


def _outcome(answered: Answered) -> str:
    """The first action; what was asked or said, if there was none or only a search that found nothing."""
    told = next((name for words, name in _ASKED.items() if words in answered.reply), "say")
    if not answered.actions or (answered.actions[0] == "search_knowledge" and told == "decline"):
        return told
    return answered.actions[0]


async def _misses(parcels: Parcels, rows: list[dict[str, str]], column: str) -> list[str]:
    missed = []
    for row in rows:
        call = CallInProcess(app, parcels, agent=row["agent"])
        outcome = _outcome(await call.say(row[column]))
        if outcome not in row["expected"].split("|"):
            missed.append(f"{row['agent']}: {row[column]!r} → {outcome}, not {row['expected']}")
    return missed


@pytest.mark.parametrize(
    ("set_", "column", "least"),
    [("tuned", "said", 0.93), ("tuned", "heard", 0.92), ("unseen", "said", 0.85), ("unseen", "heard", 0.85)],
)
async def test_the_first_action_is_right(tmp_path: Path, set_: str, column: str, least: float) -> None:
    rows = [row for row in _ROWS if row["set"] == set_]
    missed = await _misses(Parcels(tmp_path / "parcels.sqlite"), rows, column)
    right = 1 - len(missed) / len(rows)
    assert right >= least, f"{right:.1%} of {len(rows)}:\n" + "\n".join(missed)


def test_the_table_has_several_wordings_for_each_thing_a_caller_may_want() -> None:
    wordings: dict[str, int] = {}
    for row in _ROWS:
        wordings[row["expected"]] = wordings.get(row["expected"], 0) + 1
    wanted = ("transfer_to_tracking", "transfer_to_redelivery", "transfer_to_complaints", "search_knowledge")
    assert all(wordings[name] >= 20 for name in wanted)
    assert all(wordings[name] >= 7 for name in ("end_call", "decline", "transfer_call|transfer_to_complaints"))
