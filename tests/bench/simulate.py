"""Simulated calls by text: how many conversations a core holds in a minute, with a model that answers at once.

The callers of the demo's three scenarios, without a model, call the demo app with the offline model. Everything runs in
this process, except for the Redis server; the processor time of both counts. The first conversations are not counted:
they load what later ones find loaded.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

import uvloop

from orchestra.demo import app
from orchestra.demo.scenarios import scenarios
from orchestra.evaluation.sandbox import Candidate
from orchestra.evaluation.simulation.rule_based_persona import RuleBasedPersona
from orchestra.evaluation.simulation.simulate import Simulator, simulate
from orchestra.evaluation.simulation.text_conversation import open_text_conversations
from orchestra.log import quiet_logging
from orchestra.settings import Settings

_WARM_UP = 3


async def _measure(repeat: int, at_a_time: int, folder: Path) -> dict[str, Any]:
    settings = Settings(data_dir=folder, redis_url=None)
    quiet_logging(settings, "bench")
    candidate = Candidate(app=app, settings=settings, tools="live")
    async with open_text_conversations(candidate) as conversation:
        simulator = Simulator(
            candidate=candidate,
            conversation=conversation,
            plays_caller=lambda scenario, _: RuleBasedPersona(scenario),
        )
        await simulate(scenarios, simulator, repeat=_WARM_UP)
        began, used = time.monotonic(), time.process_time()
        found = await simulate(scenarios, simulator, repeat=repeat, at_a_time=at_a_time)
        took_s, process_s = time.monotonic() - began, time.process_time() - used
    server = resource.getrusage(resource.RUSAGE_CHILDREN)  # it has ended, so its whole life counts
    server_s = server.ru_utime + server.ru_stime
    conversations = len(found.runs)
    return {
        "conversations": conversations,
        "passed": sum(run.passed is True for run in found.runs),
        "turns": round(fmean(len(run.turns) for run in found.runs), 1),
        "at_a_time": at_a_time,
        "per_minute_and_core": round(60 * conversations / (process_s + server_s)),
        "per_minute": round(60 * conversations / took_s),
        "process_s": round(process_s, 2),
        "server_s": round(server_s, 2),
    }


def main(argv: list[str]) -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench simulate", description=__doc__)
    parser.add_argument("--repeat", type=int, default=100, help="conversations of each scenario")
    parser.add_argument("--at-a-time", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        found = uvloop.run(_measure(options.repeat, options.at_a_time, Path(folder)))
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:24} {value:>10}")
    if found["passed"] != found["conversations"]:
        sys.exit("not every conversation passed: the figure is of no use")
