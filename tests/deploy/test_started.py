"""What the containers of the compose file run, run as they would, and looked at from all sides."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.started import ENGINES, PASSWORD, PRIVATE, PUBLIC, SERVICES, TOKEN

ROOT = Path(__file__).parents[2]
#: a machine of its own for all containers, which end with its first process
IN_NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        sys.platform != "linux" or os.getuid() != 0, reason="only root may make namespaces, which stand for containers"
    ),
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("deployed")
    command = [*IN_NAMESPACES, sys.executable, "-m", "tests.deploy.started", str(folder)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-5000:]
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_a_call_goes_through_the_proxy_and_is_answered_by_the_agents(seen: dict[str, Any]) -> None:
    assert seen["call"]["code"] == 0, seen["call"]
    call = json.loads(seen["call"]["out"])
    assert (call["how"], call["unanswered"]) == ("caller_hung_up", 0)
    assert "Hill Street" in call["spoken"]


def test_the_public_reaches_what_is_public_and_nothing_else(seen: dict[str, Any]) -> None:
    answers = {path: status for path, (status, _) in seen["public"].items()}
    # each as the edge answers a stranger: not found by name, not allowed, or without a login
    assert answers == dict(zip(PUBLIC, (405, 200, 404, 401), strict=True))
    assert "no such music" in seen["public"]["/hold-music/none.wav"][1]
    assert {path: answer for path, answer in seen["private"].items() if answer != [404, ""]} == {}
    assert set(seen["private"]) == set(PRIVATE)


def test_networks_keep_apart_who_has_no_business_with_each_other(seen: dict[str, Any]) -> None:
    reach = {
        name: {door.partition(":")[0] for door, is_open in doors.items() if is_open}
        for name, doors in seen["reach"].items()
    }
    everything = {"redis", "edge-2", "execution", "console"}
    assert reach == {"caller": set(), "proxy": {"edge-2"}, "edge-1": everything, "execution": everything}
    assert seen["without a password"].startswith("NOAUTH")


def test_nobody_is_root_or_could_become_it_and_files_are_read_only(seen: dict[str, Any]) -> None:
    assert set(seen["status"]) == {*SERVICES, "caller"}
    for name, status in seen["status"].items():
        assert int(status["Uid"].split()[0]) > 0, name
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0, name
        assert int(status["CapBnd"], 16) == (1 << 10 if name == "proxy" else 0), name  # CAP_NET_BIND_SERVICE
        assert status["NoNewPrivs"] == "1", name
    for name, said in seen["written"].items():
        assert said.count("Read-only file system") == 4, f"{name}: {said}"
        assert "data\n" in said, name


def test_no_secret_is_in_an_argument_an_environment_or_a_log(seen: dict[str, Any]) -> None:
    assert "ORCHESTRA_TWILIO_AUTH_TOKEN_FILE=/run/secrets/twilio_auth_token" in seen["environments"]["edge-1"]
    for where in ("arguments", "environments", "logs"):
        for name, text in seen[where].items():
            for secret in (PASSWORD, TOKEN, *ENGINES.values()):
                assert secret not in text, f"{where} of {name}"


def test_the_metrics_that_autoscaling_reads_are_there(seen: dict[str, Any]) -> None:
    for name, page in seen["metrics"].items():
        assert f"\n{name}" in page, name


def test_an_edge_that_is_stopped_is_missed_by_nobody(seen: dict[str, Any]) -> None:
    assert set(seen["while an edge ends"]) == set(seen["after it"]) == {200}
    assert seen["edge ended"] == seen["redis ended"] == 0
