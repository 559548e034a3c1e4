"""``python -m tests.soak --hours 1 --kills 1000 --seed 1``: exits with 1 if anything is amiss."""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.soak.run import Plan, Soak

_LINES_SHOWN = 30


def main() -> int:
    """Run, and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=0.25)
    parser.add_argument("--kills", type=int, help="in all; 1,000 an hour unless given")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1_000_000))
    parser.add_argument("--voices", type=float, default=Plan.voices, help="callers by voice per minute")
    parser.add_argument("--texts", type=float, default=Plan.texts, help="callers by text per minute")
    parser.add_argument("--folder", type=Path, help="keeps data, log and calls; a new one unless given")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="orchestra-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    kills = round(given.hours * 1000) if given.kills is None else given.kills
    plan = Plan(given.hours, kills, given.seed, folder.resolve(), voices=given.voices, texts=given.texts)
    say(f"seed {plan.seed}, folder {plan.folder}")
    soak = Soak(plan)
    report = asyncio.run(soak.run(say))
    (folder / "report.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
    print(json.dumps(report, indent=2) if given.json else as_text(report))  # noqa: T201 - its output
    return 0 if soak.is_good else 1


def say(text: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def as_text(report: dict[str, Any]) -> str:
    """The report for people: lists by their length first, then their lines."""
    lines, details = [], []
    for name, value in report.items():
        match value:
            case [str(), *_]:
                lines.append(f"{name:26} {len(value)}")
                shown = [*value[:_LINES_SHOWN], *(["…"] if len(value) > _LINES_SHOWN else [])]
                details += [f"\n{name}:", *(f"  {line}" for line in shown)]
            case []:
                lines.append(f"{name:26} 0")
            case dict() if name == "memory of the longest lives":
                continue  # for programs
            case dict() if name == "processes":
                lines += _table(value)
            case dict():
                lines.append(f"{name:26} " + ", ".join(f"{key} {number}" for key, number in value.items()))
            case _:
                lines.append(f"{name:26} {value}")
    return "\n".join([*lines, *details])


def _table(rows: dict[str, dict[str, float]]) -> list[str]:
    columns = list(next(iter(rows.values()), {}))
    head = f"{'process':14}" + "".join(f"{column:>14}" for column in columns)
    return [head, *(f"{role:14}" + "".join(f"{row[column]:>14}" for column in columns) for role, row in rows.items())]


if __name__ == "__main__":
    sys.exit(main())
