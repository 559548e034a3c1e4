import os
import subprocess
import sys
from pathlib import Path

from orchestra.evaluation.load.processes import ProcessMeter

BUSY = "import time\nwhile time.process_time() < 0.15: pass\nprint('x', flush=True)\ninput()"


def child(program: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([program, "-S", "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_children_are_measured_by_name_and_one_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    program = tmp_path / "measured"  # the test's own process has other children, too
    program.symlink_to(sys.executable)
    meter = ProcessMeter(os.getpid())
    for _ in range(2):
        with child(program) as started:
            meter.look()
            assert started.stdout is not None
            started.stdout.readline()
            meter.look()
            started.communicate(b"\n")
    meter.look()
    uses = {use.name: use for use in meter.uses}
    name = "measured"
    assert 0.1 < uses[name].cores * (meter._looked - meter._began) < 0.5
    assert (uses[name].restarts, uses["callers"].restarts) == (1, 0)
    assert uses[name].most_mb > 1
    assert uses["callers"].mb > 10


def test_of_a_system_elsewhere_only_the_callers_are_seen() -> None:
    assert [use.name for use in ProcessMeter(0).uses] == ["callers"]
