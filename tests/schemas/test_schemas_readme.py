"""The descriptions of the events in `schemas/README.md` are true."""

import itertools
import json
import re
from pathlib import Path

from orchestra_schemas import event_types

ROOT = Path(__file__).parents[2]
README = (ROOT / "schemas" / "README.md").read_text(encoding="utf-8")


def test_the_readme_describes_every_event_type_and_nothing_else() -> None:
    ours = {tag for tag, kind in event_types().items() if kind.__module__.startswith("orchestra_schemas.")}
    named = set(re.findall(r"`([a-z]+(?:\.[a-z]+)+)`", README))
    assert named == ours


def test_the_life_of_a_turn_is_in_the_order_of_a_recorded_turn() -> None:
    life = README.partition("## The life of a turn")[2].partition("## The life of a call")[0]
    written = re.findall(r"^\| `([a-z.]+)` ", life, re.MULTILINE)
    golden = ROOT / "tests" / "agents" / "golden" / "demo.jsonl"
    events = [json.loads(line) for line in golden.read_text(encoding="utf-8").splitlines()]
    recorded = [tag for tag, _ in itertools.groupby(event["type"] for event in events if event.get("turn") == 3)]
    left = iter(written)
    assert all(tag in left for tag in recorded), f"{recorded} is not in the order of {written}"
    assert {"agent.changed", "tool.completed", "reply.chunk", "reply.spoken"} <= set(recorded)
