"""The compose file, without an engine: what it names exists, and what it runs can be run."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from orchestra.bus.worker.process import load_consumer
from orchestra.cli import app
from orchestra.settings import Settings
from orchestra.stack import WORKERS
from orchestra.telemetry.otlp import otlp_headers

ROOT = Path(__file__).parents[2]
WORKING = (*WORKERS, "logging", "telemetry", "analysis", "curator", "webhooks", "archive")
OURS = ("edge", *WORKING, "sip", "console")


@cache
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return parsed


def services() -> dict[str, dict[str, Any]]:
    named: dict[str, dict[str, Any]] = compose()["services"]
    return named


def chosen(value: str) -> str:
    """A value as it is where .env has the secrets that must be there, and no others."""
    return re.sub(r"\$\{\w+:-(.*?)\}", r"\1", re.sub(r"\$\{\w+:\?.*?\}", "s3cret", value))


def test_every_part_of_the_system_is_a_service() -> None:
    assert set(services()) == {"redis", *OURS, "openobserve", "label-studio"}
    assert services()["edge"]["deploy"]["replicas"] == 2
    assert services()["redis"]["image"] == "redis:8"


def test_every_named_setting_exists() -> None:
    known = {f"ORCHESTRA_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"ORCHESTRA_[A-Z_]*[A-Z]", (ROOT / "compose.yaml").read_text()))
    assert named <= known


@pytest.mark.parametrize("name", OURS)
def test_its_settings_have_valid_values(name: str) -> None:
    values = {key: chosen(str(value)) for key, value in services()[name]["environment"].items()}
    settings = Settings(**{key.removeprefix("ORCHESTRA_").lower(): value for key, value in values.items()})
    # the gateway has no business with Redis
    assert settings.redis_url == (None if name == "sip" else "redis://:s3cret@redis:6379/0")
    assert settings.data_dir == Path("/data")


@pytest.mark.parametrize("name", OURS)
def test_every_command_runs_with_help(name: str) -> None:
    command = services()[name]["command"]
    told = CliRunner().invoke(app, [*command, "--help"])
    assert told.exit_code == 0
    assert "Usage" in told.stdout


@pytest.mark.parametrize("name", WORKING)
def test_a_worker_runs_the_consumer_of_its_name_and_its_health_is_checked(name: str) -> None:
    consumer = load_consumer(services()[name]["command"][1])
    assert consumer.name == name
    (_, check) = services()[name]["healthcheck"]["test"]
    assert check == f"""orchestra status --json | grep '"group":"{name}"' | grep -qv '"owner":""'"""


def test_every_service_with_a_health_endpoint_has_a_health_check() -> None:
    without = [name for name, service in services().items() if "healthcheck" not in service]
    assert without == ["openobserve"]


def test_every_volume_that_is_used_is_declared_and_ours_share_one_data_directory() -> None:
    used = {each.partition(":")[0] for service in services().values() for each in service.get("volumes", ())}
    used = {each for each in used if not each.startswith(".")}  # a file of the operator's
    assert used == set(compose()["volumes"])
    assert all("data:/data" in services()[name]["volumes"] for name in OURS)


def test_the_image_copies_existing_files_and_installs_existing_extras() -> None:
    recipe = services()["edge"]["build"]["dockerfile_inline"]
    for line in re.findall(r"^COPY (.*) \S+$", recipe, re.MULTILINE):
        assert all((ROOT / part).exists() for part in line.split())
    assert "uv sync --no-cache --no-dev --no-editable --extra all" in recipe


def test_metrics_and_traces_go_to_the_composed_openobserve_with_its_user() -> None:
    values = {
        key.removeprefix("ORCHESTRA_").lower(): chosen(str(value))
        for key, value in services()["telemetry"]["environment"].items()
    }
    assert values["otlp_url"] == f"{values['openobserve_url']}/api/default"
    assert otlp_headers(Settings.model_validate(values))["Authorization"].startswith("Basic ")


def test_events_that_waited_for_a_server_are_still_in_its_window() -> None:
    hours = services()["openobserve"]["environment"]["ZO_INGEST_ALLOWED_UPTO"]
    assert services()["logging"]["environment"]["ORCHESTRA_OPENOBSERVE_WINDOW_H"] == hours


def test_nothing_listens_beyond_this_machine_and_no_password_is_preset() -> None:
    for name, service in services().items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
    assert not re.search(r"(?:PASSWORD|TOKEN|KEY)[A-Z_]*:-[^}]", (ROOT / "compose.yaml").read_text())
    assert "--requirepass" in services()["redis"]["command"][2]


def test_each_service_has_its_own_secrets_and_the_networks_that_it_needs() -> None:
    assert services()["edge"]["env_file"] == [{"path": "settings.env", "required": False}]
    having = {name for name in OURS if "ORCHESTRA_TWILIO_AUTH_TOKEN" in services()[name]["environment"]}
    assert having == {"edge"}
    having = {name for name in OURS if "ORCHESTRA_MODEL_API_KEY" in services()[name]["environment"]}
    assert having == {"execution", "analysis"}
    assert services()["redis"]["networks"] == ["bus"]
    assert "bus" not in services()["openobserve"]["networks"] + services()["label-studio"]["networks"]
    for name in OURS:
        assert services()[name]["cap_drop"] == ["ALL"], name
        assert services()[name]["read_only"], name
