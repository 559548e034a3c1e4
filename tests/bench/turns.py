"""Turn taking against known truth: whether the agent waits, answers, yields and keeps talking when a person would.

Conversations of people's recordings (Debian's packages, fetched once) and of the built-in voice go through the real
pipeline of the edge, once with Deepgram's nova-3 (a server that recognizes perfectly at the published delays) and once
with the local engine, and through stock Pipecat, all on a clock that leaves out only the time in which nothing happens
and otherwise counts processor time, or with `--busy` and `--wall` the machine's (see `_turns_clock.py`).
The truth is independent of both: the recordings' energy, and the names of their files.

Groups: `ends` (pauses inside turns), `yields` (interruptions, back-channels, noises, echo), `answers` (single short
words), `digits`. The score is that of EVA-Bench (see `_turns_score.py`).
"""

import argparse
import asyncio
import json
import os
import sys
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.bench._turns_score import percentile, ratio
from tests.bench._turns_speech import fetch_packages

_GROUPS = ("ends", "yields", "answers", "digits")
_SIDES = ("ours-nova", "ours-local", "stock")
_HEARD_SHARE = 0.9
_ROOT = Path(__file__).parents[2]
#: figure → (at most or at least, bound): what ours has to hold
HOLDS: dict[str, tuple[str, float]] = {
    "false_cutoffs": ("<=", 5.0),
    "false_yields": ("<=", 3.0),
    "missed_yields": ("<=", 3.0),
    "short_answers_noticed": (">=", 98.0),
    "digits_right": (">=", 97.0),
    "score": (">=", 0.9),
}


async def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The outcomes of every exchange, from as many processes as there are cores."""
    processes = 1 if options.case else options.processes
    order = {"groups": options.only or list(_GROUPS), "sides": options.side or list(_SIDES), "quick": options.quick,
             "case": options.case, "own_time": not (options.busy or options.wall), "cpu_s": options.cpu_s}  # fmt: skip
    fetch_packages()  # once, before the processes would do so all at the same time
    async with AsyncExitStack() as stack:
        for _ in range(options.busy):
            await stack.enter_async_context(_process("-c", "while True: pass"))
        shares = [order | {"share": [at, processes]} for at in range(processes)]
        found = await asyncio.gather(*(_share(stack, share) for share in shares))
    return [outcome for share in found for outcome in share]


async def _share(stack: AsyncExitStack, order: dict[str, Any]) -> list[dict[str, Any]]:
    child = await stack.enter_async_context(_process("-m", "tests.bench._turns_worker", json.dumps(order)))
    assert child.stdout is not None
    outcomes = []
    async for line in child.stdout:
        text = line.decode()
        if text.startswith("{"):
            outcomes.append(json.loads(text))
        else:
            print(text, end="")
    if await child.wait():
        msg = "a process of the benchmark failed"
        raise RuntimeError(msg)
    return outcomes


class _process:  # noqa: N801 - a context manager, as in the other benchmarks
    """A process that ends with the block."""

    def __init__(self, *command: str) -> None:
        self._command = command

    async def __aenter__(self) -> asyncio.subprocess.Process:
        environment = os.environ | {"PYTHONPATH": str(_ROOT)}
        self._child = await asyncio.create_subprocess_exec(
            sys.executable, *self._command, env=environment, stdout=asyncio.subprocess.PIPE, limit=2**20
        )
        return self._child

    async def __aexit__(self, *_: object) -> None:
        if self._child.returncode is None:
            self._child.kill()
        await self._child.wait()


def summary(outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of each side."""
    by_side: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for outcome in outcomes:
        by_side[outcome["side"]].append(outcome)
    return {side: figures(by_side[side]) for side in _SIDES if side in by_side}


def figures(outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one side."""
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for outcome in outcomes:
        if not outcome["void"]:
            kinds[outcome["kind"]].append(outcome)
    found: dict[str, Any] = {"void": sum(outcome["void"] for outcome in outcomes)}
    if kinds["end"]:
        found |= _ends(kinds["end"])
    if kinds["interruption"]:
        found["missed_yields"] = ratio(each["missed"] for each in kinds["interruption"])
        found |= _quantiles("yield", [each["yield_ms"] for each in kinds["interruption"]])
    kept = [each for kind in ("backchannel", "noise", "echo") for each in kinds[kind]]
    if kept:
        found["false_yields"] = ratio(each["heard"] < _HEARD_SHARE for each in kept)
        for kind in ("backchannel", "noise", "echo"):
            found[f"false_yields_{kind}"] = ratio(each["heard"] < _HEARD_SHARE for each in kinds[kind])
            found[f"answered_{kind}"] = ratio(each["turns"] > 0 for each in kinds[kind])
    if kinds["answer"]:
        found["short_answers_noticed"] = ratio(each["noticed"] for each in kinds["answer"])
        found |= _by_detail("short_answers_noticed", kinds["answer"], "noticed")
    if kinds["digits"]:
        found["digits_right"] = ratio(each["right"] for each in kinds["digits"])
        found |= _by_detail("digits_right", kinds["digits"], "right")
    scores = [each["score"] for each in outcomes if each["score"] is not None and not each["void"]]
    if scores:
        found["score"] = round(sum(scores) / len(scores), 3)
        found["scored_turns"] = len(scores)
    return found


def _ends(ends: list[dict[str, Any]]) -> dict[str, Any]:
    pauses = [pause for each in ends for pause in each["pauses"]]
    late = [each["end_ms"] for each in ends if each["end_ms"] is not None]
    found: dict[str, Any] = {
        "turn_ends": len(ends),
        "turn_ends_with_pauses": sum(bool(each["pauses"]) for each in ends),
        "false_cutoffs": ratio(cut for _, _, cut in pauses),
    }
    for kind in sorted({kind for kind, _, _ in pauses}):
        found[f"false_cutoffs_{kind}"] = ratio(cut for each, _, cut in pauses if each == kind)
    for low, high in ((0.2, 0.5), (0.5, 0.8), (0.8, 9.0)):
        found[f"false_cutoffs_{low}-{high}_s"] = ratio(cut for _, seconds, cut in pauses if low <= seconds < high)
    found["turns_cut"] = ratio(any(cut for _, _, cut in each["pauses"]) for each in ends)
    found["talked_over_caller"] = ratio(each["overlap_ms"] > 0 for each in ends)
    found["never_ended"] = ratio(each["end_ms"] is None for each in ends)
    found["ends_over_1_s"] = ratio(ms > 1000 for ms in late)
    found["ends_over_2_s"] = ratio(ms > 2000 for ms in late)
    found |= _quantiles("end", late)
    for kind in sorted({each["detail"] for each in ends}):
        known = [each["end_ms"] for each in ends if each["end_ms"] is not None and each["detail"] == kind]
        found[f"end_p50_ms {kind}"] = round(percentile(known, 0.5) or 0)
    return found | _quantiles("wait", [each["wait_ms"] for each in ends if each["wait_ms"] is not None])


def _quantiles(name: str, values: list[float]) -> dict[str, Any]:
    found = {f"{name}_p50_ms": percentile(values, 0.5), f"{name}_p95_ms": percentile(values, 0.95)}
    return {key: None if value is None else round(value) for key, value in found.items()}


def _by_detail(name: str, outcomes: list[dict[str, Any]], verdict: str) -> dict[str, Any]:
    details = sorted({each["detail"] for each in outcomes})
    return {f"{name}: {detail}": ratio(each[verdict] for each in outcomes if each["detail"] == detail)
            for detail in details}  # fmt: skip


def holds(result: dict[str, Any]) -> dict[str, bool]:
    """Which bounds our sides hold, of those that were measured."""
    found = {}
    for side, values in result.items():
        for name, (relation, bound) in HOLDS.items() if side.startswith("ours") else ():
            if (value := values.get(name)) is None:
                continue
            number = value["percent"] if isinstance(value, dict) else value
            if number is not None:
                found[f"{side} {name} {relation} {bound:g}"] = number <= bound if relation == "<=" else number >= bound
    return found


def table(result: dict[str, Any]) -> None:
    """Print the sides beside each other."""
    names = list(dict.fromkeys(name for values in result.values() for name in values))
    print(f"{'':38}" + "".join(f"{side:>30}" for side in result))
    for name in names:
        print(f"{name:38}" + "".join(f"{_cell(values.get(name)):>30}" for values in result.values()))


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        if value["percent"] is None:
            return "-"
        return f"{value['percent']:.1f} % ({value['low']:.1f}-{value['high']:.1f}) {value['count']}/{value['of']}"
    return "-" if value is None else str(value)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench turns", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--only", action="append", choices=_GROUPS, help="only this group (may be repeated)")
    parser.add_argument("--side", action="append", choices=_SIDES, help="only this side (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="every eighth conversation")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="this many busy loops beside")
    parser.add_argument("--wall", action="store_true", help="feel the machine's load")
    parser.add_argument(
        "--cpu-s", type=float, default=1e9, help="each process starts nothing after this much of its time"
    )
    parser.add_argument("--case", default="", help="play one exchange or conversation, and print its timeline")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a bound does not hold")
    parser.add_argument("--errors", action="store_true", help="print the names of the exchanges that went wrong")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    load = round(os.getloadavg()[0], 1)
    outcomes = asyncio.run(measure(options))
    result = summary(outcomes)
    kept = holds(result)
    if options.errors:
        for each in sorted(outcomes, key=lambda each: (each["side"], each["kind"], each["detail"])):
            if each["bad"] or each["void"]:
                print(f"{each['side']:11} {each['name']:48} heard={each['heard']} said={each['said']!r} "
                      f"text={each['text']!r} {'void' if each['void'] else ''}", file=sys.stderr)  # fmt: skip
    if options.json:
        print(json.dumps({"sides": result, "holds": kept, "load": load, "busy": options.busy}, indent=2))
    elif not options.case:
        table(result)
        print(f"load {load}, {options.busy} busy loops beside")
        for name, held in kept.items():
            print(f"{'holds' if held else 'FAILS'}  {name}")
    if options.check and not all(kept.values()):
        sys.exit(1)
