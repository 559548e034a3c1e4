"""What callers hear on a busy machine: ``python -m tests.busy_demo --loops 2 --times 20 --json``.

Runs the demo's scripts beside processes that only use CPU time, and reports for each caller the longest dead air and
whether every reply that the journal calls spoken was audible.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from orchestra.demo.scripts import SCRIPTS, SHOWS
from orchestra.simulator.audio_measure import Span, find_sounds
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

#: a longer silence is dead air, in seconds
DEAD_AIR_S = 4.0
#: the fastest voice takes longer than this per word, in seconds
_SHORTEST_WORD_S = 0.08
#: the clocks of the caller and the edge agree to within this, in seconds
_CLOCKS_S = 1.5


@dataclass(frozen=True, slots=True)
class CallerHeard:
    """One caller's call.

    Attributes:
        script: its name.
        dead_air_s: the longest time in which both sides are silent.
        dead_air_s: the longest silence on both sides.
        dead_air_at_s: where it begins in the recording.
        replies: the number that the journal calls spoken; ``unheard`` lists those of which too little was audible.

    """

    script: str
    good: bool
    dead_air_s: float
    dead_air_at_s: float
    replies: int
    unheard: list[str]


def main() -> int:
    """Run and report; 1 if a caller had dead air or a reply was not audible."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", type=int, default=2, help="busy processes beside the demo")
    parser.add_argument("--times", type=int, default=1, help="how often each script is run")
    parser.add_argument("--scripts", nargs="+", default=[*SCRIPTS], choices=[*SCRIPTS, *SHOWS])
    parser.add_argument("--keep", type=Path, help="folder for recordings and journals")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    chosen = parser.parse_args()
    worst = 0
    with tempfile.TemporaryDirectory() as scratch, busy(chosen.loops):
        for number in range(chosen.times):
            for script in chosen.scripts:
                heard = call(script, (chosen.keep or Path(scratch)) / f"{script}-{number}")
                sys.stdout.write((json.dumps(asdict(heard)) if chosen.json else row(heard)) + "\n")
                sys.stdout.flush()
                worst = max(worst, heard.dead_air_s > DEAD_AIR_S or bool(heard.unheard))
    return int(worst)


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """This many processes that only use CPU time."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def call(script: str, folder: Path) -> CallerHeard:
    """Run a script and judge by its recording and journal."""
    command = [sys.executable, "-m", "orchestra.cli", "demo", "--script", script, "--keep", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if not (folder / "call.wav").exists():
        return CallerHeard(script, False, float("inf"), 0.0, 0, [run.stderr[-200:] or run.stdout[-200:]])
    caller, agent = tracks(folder / "call.wav")
    journal = [json.loads(line) for line in (folder / "journal.jsonl").read_bytes().splitlines()]
    dead = dead_air(caller, agent)
    spoken, unheard = replies(journal, agent)
    return CallerHeard(
        script, run.returncode == 0, round(dead.end_s - dead.start_s, 2), round(dead.start_s, 2), spoken, unheard
    )


def tracks(path: Path) -> tuple[Samples, Samples]:
    """The caller's and the agent's side of a recording."""
    with wave.open(str(path)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


def dead_air(caller: Samples, agent: Samples) -> Span:
    """The longest silence between two sounds, or after the caller's last one."""
    spans = sorted([*find_sounds(caller), *find_sounds(agent)])
    longest, until_s = Span(0.0, 0.0), spans[0].end_s if spans else 0.0
    end_s = len(agent) / SAMPLE_RATE
    callers = find_sounds(caller)
    owed = bool(callers) and callers[-1].end_s >= max(span.end_s for span in spans)
    for span in [*spans, *([Span(end_s, end_s)] if owed else [])]:
        if span.start_s - until_s > longest.end_s - longest.start_s:
            longest = Span(until_s, span.start_s)
        until_s = max(until_s, span.end_s)
    return longest


def replies(journal: list[dict[str, Any]], agent: Samples) -> tuple[int, list[str]]:
    """How many replies the journal calls spoken, and those with too little sound before them for their words."""
    started = next((event["at"] for event in journal if event["type"] == "call.started"), 0.0)
    spoken = [event for event in journal if event["type"] == "reply.spoken"]
    spans, unheard, since_s = find_sounds(agent), [], 0.0
    for event in spoken:
        until_s = event["at"] - started + _CLOCKS_S
        sounded_s = sum(max(0.0, min(span.end_s, until_s) - max(span.start_s, since_s)) for span in spans)
        if sounded_s < _SHORTEST_WORD_S * len(event.get("text", "").split()):
            unheard.append(event.get("text", ""))
        since_s = max(0.0, until_s - 2 * _CLOCKS_S)
    return len(spoken), unheard


def row(heard: CallerHeard) -> str:
    """One caller as a line of text."""
    verdict = "ok " if heard.good else "BAD"
    return (
        f"{heard.script:<10} {verdict} dead air {heard.dead_air_s:5.2f} s at {heard.dead_air_at_s:6.2f} s   "
        f"{heard.replies} replies, {len(heard.unheard)} unheard {heard.unheard or ''}"
    )


if __name__ == "__main__":
    sys.exit(main())
