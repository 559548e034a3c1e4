"""How well redaction does on a table of texts: ``python -m tests.telemetry.redaction_table``.

A row of ``redaction.csv`` has a text, and what of it must not remain; without that, the text must stay as it is. Texts
that follow one another in a call are separated by ``|``. The telephone numbers are the examples of ``phonenumbers``.
"""

import csv
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import msgspec

from orchestra.telemetry.redaction import Chain, Redaction
from orchestra_schemas import DigitPressed, encode

#: the patterns that apps give for ids of their own
PATTERNS = {
    "patient": r"P\d{3}",
    "dni": r"\d{8}[A-Z]",
    "nhs": r"\d{3} ?\d{3} ?\d{4}",
    "insurance": r"[A-Z]{2}\d{6}[A-Z]",
    "tax": r"\d{2} \d{3} \d{3} \d{3}",
}


class Row(NamedTuple):
    """A text of the table."""

    language: str
    kind: str
    text: str
    private: str


class Result(NamedTuple):
    """What redaction leaves of a row, and whether that is right."""

    row: Row
    left: str
    right: bool


def rows() -> list[Row]:
    """The table."""
    with (Path(__file__).parent / "redaction.csv").open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def result(row: Row) -> Result:
    """Redact one row."""
    redaction = Redaction(PATTERNS if row.kind == "app's id" else {})
    if row.kind == "keys":
        events = [encode(DigitPressed(call="07-1", digit=key))[b"body"] for key in row.text]
        left = "".join(
            msgspec.json.decode(redaction.event("07-1", "digit.pressed", event))["digit"] for event in events
        )
    elif row.kind == "two sentences":
        chain = Chain(redaction)
        left = "|".join(chain("caller", text) for text in row.text.split("|"))
    else:
        left = redaction.text(row.text)
    return Result(row, left, row.private not in left if row.private else left == row.text)


def counted(results: list[Result]) -> tuple[int, int]:
    """How many rows are missed, and how many are false alarms."""
    wrong = [each.row for each in results if not each.right]
    return sum(bool(row.private) for row in wrong), sum(not row.private for row in wrong)


def main() -> None:
    """Print the counts by kind, and every row that is wrong."""
    results = [result(row) for row in rows()]
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in results:
        kind = each.row.kind.split(" ")[0] if each.row.kind.startswith("phone") else each.row.kind
        kinds[kind] += Counter({"rows": 1, "wrong": int(not each.right)})
    for kind, counts in kinds.items():
        what = "false alarms" if kind == "harmless" else "missed"
        print(f"{kind:16} {counts['rows']:4} texts  {counts['wrong']:3} {what}")
    for each in results:
        if not each.right:
            print(f"  {each.row.language} {each.row.kind}: {each.row.text!r} -> {each.left!r}")
    missed, alarms = counted(results)
    print(f"{len(results)} texts: {missed} missed, {alarms} false alarms")


if __name__ == "__main__":
    main()
