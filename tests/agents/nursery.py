"""A process that has everything loaded and forks workers of `tests.agents.kill_targets` on demand, in no time.

It reads the name of a group, a line each, and answers with the new process's id: fifty kills must not wait fifty times
for the seconds that Python takes to import AutoGen.
"""

import os
import signal
import sys

import uvloop

from orchestra.bus.worker.process import load_consumer, run_worker
from orchestra.child_process import die_with_parent
from orchestra.log import configure_logging
from orchestra.settings import load_settings


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who is killed needs no burial
    groups = {name: load_consumer(f"tests.agents.kill_targets:{name}") for name in ("orchestration", "execution")}
    __import__("orchestra.agents.autogen")
    settings = load_settings()
    configure_logging(settings, "doomed")
    print("ready", flush=True)  # noqa: T201 - its output is its protocol
    for line in sys.stdin:
        within = die_with_parent()
        child = os.fork()
        if child == 0:
            within()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            uvloop.run(run_worker([groups[line.strip()]], settings))
            os._exit(0)
        print(child, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
