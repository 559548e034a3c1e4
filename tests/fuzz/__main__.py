"""`python -m tests.fuzz [--minutes M] [--door NAME] [--inputs N] [--seed S] [--json]`: odd input at every door.

A door is an entry point for data from outside. Each gets 100,000 inputs, or as many as its share of the time allows.
The rules: no crash, no uncaught exception, no traceback in the log, no more tasks, descriptors and memory than at the
start, and regular traffic alongside is never disturbed. The exit code is 1 if a rule is broken; the number and the
seed reproduce the input.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import uvloop

from orchestra.voice.pipeline.pipecat_logging import redirect_pipecat_log

redirect_pipecat_log()

from tests.fuzz import edge, environment, files, journal, mcp, models  # noqa: E402 - Pipecat greets when it is imported
from tests.fuzz.run import Door, Result, run  # noqa: E402

DOORS: dict[str, Door] = {
    "webhooks": edge.webhooks,
    "rest": edge.rest,
    "sockets": edge.sockets,
    "models": models.models,
    "mcp": mcp.mcp,
    "journal": journal.journal,
    "settings": environment.settings,
    "files": files.files,
}
_INPUTS = 100_000


def main(arguments: list[str]) -> int:
    """Test the doors one after another; 1 if one broke a rule."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, help="for all doors together; without it as long as the inputs take")
    parser.add_argument("--door", choices=DOORS, action="append", help="only these")
    parser.add_argument("--inputs", type=int, default=_INPUTS, help="a door")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    names = options.door or list(DOORS)
    share_s = options.minutes * 60 / len(names) if options.minutes else float("inf")
    results = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="orchestra-fuzz-") as folder:
            work = run(name, DOORS[name], Path(folder), inputs=options.inputs, seconds=share_s, seed=options.seed)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                results.append(runner.run(work))
        if not options.json:
            _tell(results[-1])
    if options.json:
        print(json.dumps([asdict(result) for result in results]))  # noqa: T201 - the output of the program
    return int(any(result.problems for result in results))


def _tell(result: Result) -> None:
    start = ", ".join(f"{amount:.0f} {name}" for name, amount in result.start.items())
    print(  # noqa: T201 - likewise
        f"{result.door:10} {result.inputs:7} inputs in {result.seconds:6.1f} s, {result.passed} past the first check, "
        f"{result.beside} looks beside, {result.growth_mb:+.1f} memory_mb, {result.tasks:+d} tasks, "
        f"{result.descriptors:+d} descriptors beyond {start}: "
        f"{'held' if not result.problems else f'{len(result.problems)} problems'} (seed {result.seed})",
        *(f"\n    {problem}" for problem in result.problems),
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
