"""The file for Docker Compose, without an engine: it is valid, what it names exists, nobody gets too much."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from typer.testing import CliRunner

from orchestra.bus.worker.process import load_consumer
from orchestra.cli import app
from orchestra.deploy.compose import compose_file
from orchestra.deploy.plan import Plan
from orchestra.deploy.roles import CARRIER_SECRETS, REDIS_SECRETS, ROLES, WORKERS, known_secrets, secrets_of
from orchestra.settings import Settings, settings_from_files
from orchestra.telemetry.otlp import otlp_headers

ROOT = Path(__file__).parents[2]
OURS = ("edge-1", "edge-2", "console", *(worker.name for worker in WORKERS), "sip")
OTHERS = ("proxy", "redis", "openobserve", "label-studio")


@cache
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return parsed


def services() -> dict[str, dict[str, Any]]:
    named: dict[str, dict[str, Any]] = compose()["services"]
    return named


def chosen(value: str) -> str:
    """A value as it is where .env has the domain, and nothing else."""
    return re.sub(r"\$\{\w+:-(.*?)\}", r"\1", re.sub(r"\$\{DOMAIN:\?.*?\}", "voice.example.com", value))


def settings_of(name: str) -> dict[str, str]:
    values = {key: chosen(str(value)) for key, value in services()[name]["environment"].items()}
    return {key.removeprefix("ORCHESTRA_").lower(): value for key, value in values.items()}


def test_the_file_at_the_top_is_what_the_command_prints() -> None:
    told = CliRunner().invoke(app, ["deploy", "compose"])
    assert told.exit_code == 0
    assert told.stdout == (ROOT / "compose.yaml").read_text(encoding="utf-8"), (
        "write it again: orchestra deploy compose > compose.yaml"
    )


@pytest.mark.parametrize(
    "plan",
    [
        Plan(),
        Plan(edges=1, domain="voice.example.com", app="shop.phone:app", carrier="vonage", image="registry.io:5000/o:7"),
        Plan(edges=9, carrier="telnyx", secrets=tuple(known_secrets()), drain_s=0),
    ],
)
def test_it_is_a_compose_file_as_the_specification_has_it(plan: Plan) -> None:
    text = compose_file(plan)
    parsed = yaml.safe_load(text)
    # the parser of the specification knows no merges below a service: they are carried out before
    found = PyCompose.from_yaml(yaml.safe_dump(parsed))
    assert len(found.service_names()) == len(services()) - 2 + plan.edges
    for kind in ("secrets", "volumes", "networks", "configs"):
        used = [each for service in parsed["services"].values() for each in service.get(kind) or ()]
        names = {each["source"] if isinstance(each, dict) else each.partition(":")[0] for each in used}
        assert {name for name in names if not name.startswith("./")} == set(parsed[kind]), kind


def test_every_part_of_the_system_is_a_service() -> None:
    assert set(services()) == {*OURS, *OTHERS}
    for name in ("webhooks", "sip"):
        assert services()[name]["profiles"] == [name]


def test_every_named_setting_exists() -> None:
    known = {f"ORCHESTRA_{name.upper()}" for name in Settings.model_fields}
    known |= {f"ORCHESTRA_{name.upper()}_FILE" for name in settings_from_files()}
    assert set(re.findall(r"ORCHESTRA_[A-Z_]*[A-Z]", (ROOT / "compose.yaml").read_text("utf-8"))) <= known


@pytest.mark.parametrize("name", OURS)
def test_its_settings_have_valid_values(name: str) -> None:
    given = {key: value for key, value in settings_of(name).items() if not key.endswith("_file")}
    settings = Settings.model_validate(given)
    # the gateway has no business with Redis
    assert settings.redis_url == (None if name == "sip" else "redis://redis:6379/0")
    assert settings.data_dir == Path("/data")
    assert settings.public_url == (None if name == "sip" else "https://voice.example.com")


@pytest.mark.parametrize("name", OURS[1:])
def test_every_command_runs_with_help(name: str) -> None:
    told = CliRunner().invoke(app, [*services()[name]["command"], "--help"])
    assert told.exit_code == 0
    assert "Usage" in told.stdout


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_a_worker_runs_the_consumer_of_its_name_and_its_health_is_checked(worker: Any) -> None:
    service = services()[worker.name]
    assert load_consumer(service["command"][1]).name == worker.name
    assert f"http://127.0.0.1:{worker.port}/healthz" in service["healthcheck"]["test"][3]
    assert service["command"][-2:] == ["--health-port", str(worker.port)]


def test_every_service_has_a_health_check_where_its_image_can_run_one() -> None:
    assert [name for name, service in services().items() if "healthcheck" not in service] == ["openobserve"]


def test_the_image_is_built_of_existing_files_and_of_packages_with_the_right_hashes() -> None:
    recipe = services()["edge-1"]["build"]["dockerfile_inline"]
    for line in re.findall(r"^COPY (.*) \S+$", recipe, re.MULTILINE):
        assert all((ROOT / part).exists() for part in line.split())
    assert "--require-hashes -r requirements.txt" in recipe
    assert re.search(r"^USER orchestra$", recipe, re.MULTILINE)
    assert "build" not in yaml.safe_load(compose_file(Plan(image="ours:1")))["x-orchestra"]


def test_metrics_and_traces_go_to_the_composed_openobserve_with_its_user() -> None:
    values = settings_of("telemetry")
    assert values["otlp_url"] == f"{values['openobserve_url']}/api/default"
    assert values.pop("openobserve_password_file") == "/run/secrets/openobserve_password"
    del values["redis_password_file"]
    settings = Settings.model_validate({**values, "openobserve_password": "s3cret"})
    assert otlp_headers(settings)["Authorization"].startswith("Basic ")


def test_events_that_waited_for_a_server_are_still_in_its_window() -> None:
    hours = services()["openobserve"]["environment"]["ZO_INGEST_ALLOWED_UPTO"]
    assert services()["logging"]["environment"]["ORCHESTRA_OPENOBSERVE_WINDOW_H"] == hours


def test_only_the_proxy_listens_beyond_this_machine() -> None:
    for name, service in services().items():
        outside = [port for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")]
        assert outside == (["80:80", "443:443", "443:443/udp"] if name == "proxy" else []), name


@pytest.mark.parametrize("carrier", CARRIER_SECRETS)
def test_secrets_are_in_files_and_each_process_has_its_own_only(carrier: str) -> None:
    plan = Plan(carrier=carrier, secrets=tuple(known_secrets()))
    parsed = yaml.safe_load(compose_file(plan))
    secrets = {*REDIS_SECRETS, *known_secrets()}
    for name, service in parsed["services"].items():
        environment = service.get("environment", {})
        inline = {key for key in environment if key.removeprefix("ORCHESTRA_").lower() in secrets}
        # where the composed servers are is no secret, and these two name files themselves
        assert {key for key in inline if not key.endswith("_URL")} <= {
            "ORCHESTRA_CONSOLE_TOKENS", "ORCHESTRA_SIP_CERTIFICATE",
        }, name  # fmt: skip
        files = {value for key, value in environment.items() if str(value).startswith("/run/secrets/")}
        if name in OURS:
            assert files == {f"/run/secrets/{secret}" for secret in service["secrets"]}, name
            (role,) = (role for role in ROLES if role.name == name.partition("-")[0])
            assert set(service["secrets"]) <= set(secrets_of(role, tuple(secrets)))
    having = {name for name in OURS if "twilio_auth_token" in services()[name].get("secrets", ())}
    assert having == {"edge-1", "edge-2"}


def test_every_secret_of_the_settings_reaches_a_process_or_none_is_meant_to_have_it() -> None:
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert secret - set(known_secrets()) == {"persona_api_key"}  # of `orchestra simulate`


def test_no_password_is_preset_and_none_is_in_an_argument() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert not re.search(r"(?:PASSWORD|TOKEN|KEY|SECRET)\w*(?::-|: +)(?!/run/secrets/)\S", text)
    command = services()["redis"]["command"][2]
    assert command.splitlines()[0] == "exec redis-server --appendonly yes --maxmemory-policy noeviction - <<END"
    assert command.splitlines()[1] == 'requirepass "$$(cat /run/secrets/redis_password)"'


def test_every_container_is_confined() -> None:
    for name, service in services().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if name not in ("openobserve", "label-studio"):  # what these write where is not known
            assert service["read_only"] is True, name
            assert service["user"] == ("redis" if name == "redis" else "1000:1000"), name


def test_networks_keep_the_images_of_others_away_from_what_is_not_for_them() -> None:
    assert compose()["networks"]["bus"] == compose()["networks"]["edges"] == {"internal": True}
    assert services()["redis"]["networks"] == ["bus"]
    assert services()["proxy"]["networks"] == ["public", "edges"]
    assert {name for name in services() if "edges" in services()[name].get("networks", ())} == {
        "proxy", "edge-1", "edge-2",
    }  # fmt: skip
    for name in ("openobserve", "label-studio"):
        assert len(services()[name]["networks"]) == 1
        assert not {"bus", "edges", "out"} & set(services()[name]["networks"])


@pytest.mark.parametrize("drain_s", [0, 120, 3600])
def test_an_edge_is_given_longer_than_its_calls_may_go_on(drain_s: int) -> None:
    edge = yaml.safe_load(compose_file(Plan(drain_s=drain_s)))["services"]["edge-1"]
    assert edge["environment"]["ORCHESTRA_DRAIN_S"] == str(drain_s)
    notice_s = int(edge["environment"]["ORCHESTRA_STOP_NOTICE_S"])
    assert int(edge["stop_grace_period"].removesuffix("s")) >= notice_s + drain_s + 15
