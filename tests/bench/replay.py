"""Archive, query, replay and compare: 1,000 synthetic calls of 200 events.

The targets: archive ≥ 50,000 events/s and core, ≤ 60 bytes an event, p95 latency by stage over a million events in
≤ 500 ms, 1,000 calls replayed into a consumer in ≤ 30 s.
"""

import argparse
import json
from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec

import uvloop

#: each part: its module, and its function, which takes the number of calls
PARTS = {
    "archive": ("_replay_archive", "archive_figures"),
    "replay": ("_replay_consumer", "replay_figures"),
    "compare": ("_replay_compare", "compare_calls"),
}
_HELD: dict[str, Callable[[float], bool]] = {
    "archive_events_per_s_per_core": lambda value: value >= 50_000,
    "bytes_per_event": lambda value: value <= 60,
    "query_1m_events_ms": lambda value: value <= 500,
    "replay_1000_calls_s": lambda value: value <= 30,
}


async def measure(parts: list[str], calls: int | None) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in parts:
        name, function = PARTS[part]
        module = f"{__package__}.{name}"
        if find_spec(module) is None:
            continue
        figures: Callable[..., Awaitable[dict[str, float]]] = getattr(import_module(module), function)
        found |= await (figures() if calls is None else figures(calls))
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench replay", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--calls", type=int, help="fewer or more calls than each part takes by itself")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="one part; repeat for more")
    options = parser.parse_args(arguments)
    found = uvloop.run(measure(options.only or list(PARTS), options.calls))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        held = "" if name not in _HELD else "  holds" if _HELD[name](value) else "  does NOT hold"
        print(f"{name:32} {value:>12,}{held}")
