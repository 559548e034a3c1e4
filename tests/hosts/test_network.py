"""The network of hosts itself: what is cut is lost, and nothing is left behind, however a test ends."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.network import lacking

pytestmark = [pytest.mark.faults, pytest.mark.skipif(bool(lacking()), reason=lacking())]

_MAKES_ONE = """
import sys, time
from pathlib import Path
from tests.hosts.network import network
with network(Path(sys.argv[1]), "one", "other") as net:
    print(net.hosts["one"].start(["sleep", "600"], "sleep").pid, flush=True)
    time.sleep(600)
"""


def test_a_test_that_is_killed_leaves_no_process_and_no_interface_behind(tmp_path: Path) -> None:
    before = set(Path("/sys/class/net").iterdir())
    command = [sys.executable, "-c", _MAKES_ONE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as maker:
        assert maker.stdout is not None
        sleeper = os.pidfd_open(int(maker.stdout.readline()))
        maker.kill()
    ended, _, _ = select.select([sleeper], [], [], 10)
    os.close(sleeper)
    assert ended, "its process is still there"
    assert set(Path("/sys/class/net").iterdir()) == before
