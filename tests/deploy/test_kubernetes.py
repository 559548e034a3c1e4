"""The objects for Kubernetes: valid by its own schemas, confined, probed, and without a secret in them."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.deploy.kubernetes import OPTIONAL_WORKERS, ClusterPlan, kubernetes_files
from orchestra.deploy.plan import Plan
from orchestra.deploy.proxy import public_prefixes
from orchestra.deploy.roles import ROLES, WORKERS, known_secrets
from orchestra.settings import Settings

ROOT = Path(__file__).parents[2]
#: of the package's schemas, which know every field
SCHEMAS = "kubernetes-json-schema/v1.37.0-local-strict"
PLAIN = ClusterPlan(plan=Plan(domain="voice.example.com"))
FULL = ClusterPlan(
    plan=Plan(
        domain="a.example.com", edges=5, carrier="vonage", image="registry.io/ours:1", secrets=tuple(known_secrets())
    ),
    namespace="calls",
    redis_url="rediss://user@redis.example.com:6380/0",
    store="s3://bucket",
    workers=OPTIONAL_WORKERS,
)
CLUSTER = ClusterPlan(
    plan=Plan(domain="a.example.com", drain_s=3600), redis_url="redis+sentinel://a,b/main", storage_class="nfs"
)
PLANS = {"plain": PLAIN, "full": FULL, "cluster": CLUSTER}


@cache
def objects(plan: str = "plain") -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(kubernetes_files(PLANS[plan])))


@cache
def definitions() -> Registry[Any]:
    return Resource.from_contents(schema_contents(f"{SCHEMAS}/_definitions.json", "")) @ Registry()


@cache
def validator(kind: str, api: str) -> Draft202012Validator:
    group, _, version = api.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], version)))
    schema = schema_contents(f"{SCHEMAS}/{name}.json", "")
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ definitions())


def problems(each: dict[str, Any]) -> list[str]:
    return [error.message for error in validator(each["kind"], each["apiVersion"]).iter_errors(each)]


def of_kind(kind: str, plan: str = "plain") -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in objects(plan) if each["kind"] == kind}


def pods(plan: str = "plain") -> dict[str, dict[str, Any]]:
    """The pods of everything that runs, by name."""
    found = {**of_kind("Deployment", plan), **of_kind("StatefulSet", plan)}
    return {name: each["spec"]["template"]["spec"] for name, each in found.items()}


def container(name: str, plan: str = "plain") -> dict[str, Any]:
    (found,) = pods(plan)[name]["containers"]
    return dict(found)


def environment(name: str, plan: str = "plain") -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(name, plan).get("env", ())}


@pytest.mark.parametrize("plan", PLANS)
def test_every_object_is_valid_by_the_schemas_of_kubernetes(plan: str) -> None:
    assert [problem for each in objects(plan) for problem in problems(each)] == []
    named = [(each["kind"], each["metadata"]["name"]) for each in objects(plan)]
    assert len(named) == len(set(named))
    space = PLANS[plan].namespace
    assert {each["metadata"].get("namespace", space) for each in objects(plan)} == {space}


def test_a_misspelt_field_would_be_found() -> None:
    edge = yaml.safe_load(yaml.safe_dump(of_kind("Deployment")["edge"]))
    edge["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    assert "readynessProbe" in "".join(problems(edge))


def test_the_command_prints_them_with_comments() -> None:
    told = CliRunner().invoke(app, ["deploy", "kubernetes", "--domain", "voice.example.com"])
    assert told.exit_code == 0
    assert told.stdout == kubernetes_files(PLAIN)
    assert "# edges: one that is to stop takes no new calls" in told.stdout


def test_everything_runs_and_what_needs_a_server_of_its_own_only_where_it_is_wanted() -> None:
    needed = {role.name for role in ROLES if role.name not in (*OPTIONAL_WORKERS, "sip")}
    assert set(pods()) == {*needed, "redis"}
    assert set(pods("full")) == {*needed, *OPTIONAL_WORKERS}


@pytest.mark.parametrize("plan", PLANS)
def test_every_pod_is_confined_as_the_restricted_policy_wants_it(plan: str) -> None:
    for name, pod in pods(plan).items():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
        assert container(name, plan)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {each["name"] for each in container(name, plan)["volumeMounts"]} == {
            each["name"] for each in pod["volumes"]
        } | ({"data"} if name == "redis" else set())
        assert container(name, plan)["resources"]["requests"]
    (space,) = of_kind("Namespace", plan).values()
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("plan", PLANS)
def test_secrets_are_named_and_each_process_gets_its_own_only(plan: str) -> None:
    by_name = {role.name: role for role in ROLES}
    for name, pod in pods(plan).items():
        secret = [
            volume["secret"] for volume in pod["volumes"] if volume.get("secret", {}).get("secretName") == "orchestra"
        ]
        keys = {item["key"] for each in secret for item in each["items"]}
        assert keys <= {"redis_password", *(by_name[name].secrets if name in by_name else ())}
        files = {value for value in environment(name, plan).values() if value.startswith("/run/secrets/")}
        assert files == ({f"/run/secrets/{key}" for key in keys} if name != "redis" else set())
        for variable in environment(name, plan):
            field = variable.removeprefix("ORCHESTRA_").lower()
            assert variable.endswith("_FILE") or "SecretStr" not in str(Settings.model_fields[field].annotation)
    assert not of_kind("Secret", plan)
    # without a directory that all of them have, nobody can make up the keys that they share
    given = {
        item["key"] for volume in pods(plan)["edge"]["volumes"] for item in volume.get("secret", {}).get("items", ())
    }
    assert {"link_key", "vault_key", "redis_password"} <= given


@pytest.mark.parametrize("plan", PLANS)
def test_the_settings_of_every_process_are_valid(plan: str) -> None:
    for name in set(pods(plan)) - {"redis"}:
        values = {
            key.removeprefix("ORCHESTRA_").lower(): value
            for key, value in environment(name, plan).items()
            if not key.endswith("_FILE")
        }
        settings = Settings.model_validate(values)
        assert settings.redis_url == (PLANS[plan].redis_url or "redis://redis:6379/0")
        (role,) = (role for role in ROLES if role.name == name)
        assert container(name, plan)["args"] == list(role.arguments)  # which Compose's test runs


def test_an_edge_is_ready_while_it_takes_calls_and_has_time_to_end() -> None:
    for plan in PLANS:
        edge = container("edge", plan)
        assert edge["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
        assert edge["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
        waits = int(environment("edge", plan)["ORCHESTRA_STOP_NOTICE_S"])
        drains = int(environment("edge", plan)["ORCHESTRA_DRAIN_S"])
        assert pods(plan)["edge"]["terminationGracePeriodSeconds"] >= waits + drains + 15
    assert of_kind("Deployment")["edge"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert of_kind("PodDisruptionBudget")["edge"]["spec"]["maxUnavailable"] == 1


def test_every_worker_is_probed_where_it_tells_how_it_is() -> None:
    for worker in WORKERS:
        found = container(worker.name, "full")
        assert found["args"][-2:] == ["--health-port", str(found["ports"][0]["containerPort"])]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert found[probe]["httpGet"] == {"path": "/healthz", "port": "http"}


@pytest.mark.parametrize("plan", PLANS)
def test_services_budgets_and_autoscalers_point_at_pods_that_there_are(plan: str) -> None:
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"]
        for name, each in {**of_kind("Deployment", plan), **of_kind("StatefulSet", plan)}.items()
    }
    for name, each in of_kind("Service", plan).items():
        assert each["spec"]["selector"] == labels[name]
        assert each["spec"]["ports"][0]["targetPort"] in {port["name"] for port in container(name, plan)["ports"]}
    for name, each in of_kind("PodDisruptionBudget", plan).items():
        assert each["spec"]["selector"]["matchLabels"] == labels[name]
    for name, each in of_kind("HorizontalPodAutoscaler", plan).items():
        assert each["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        assert "replicas" not in of_kind("Deployment", plan)[name]["spec"]


def test_workers_are_added_by_lag_and_edges_by_calls_with_metrics_that_there_are() -> None:
    source = "".join(
        (ROOT / "orchestra" / path).read_text("utf-8") for path in ("bus/worker/health.py", "voice/edge/metrics.py")
    )
    scalers = of_kind("HorizontalPodAutoscaler", "full")
    assert set(scalers) == {"edge", *(worker.name for worker in WORKERS)}
    for name, each in scalers.items():
        (metric,) = each["spec"]["metrics"]
        assert metric["pods"]["metric"]["name"] == ("orchestra_edge_calls" if name == "edge" else "orchestra_group_lag")
        assert f'gauge("{metric["pods"]["metric"]["name"]}"' in re.sub(r"\(\s+", "(", source)
    assert scalers["edge"]["spec"]["minReplicas"] == 5
    assert scalers["execution"]["spec"]["maxReplicas"] == Settings.model_fields["partitions"].default


def test_the_ingress_has_the_public_paths_only() -> None:
    (rule,) = of_kind("Ingress")["edge"]["spec"]["rules"]
    assert rule["host"] == "voice.example.com"
    found = {path["path"]: path["pathType"] for path in rule["http"]["paths"]}
    recording = "/calls/[^/]+/recording$"
    assert found == {**dict.fromkeys(public_prefixes(), "Prefix"), recording: "ImplementationSpecific"}
    assert re.fullmatch(recording, "/calls/07-01a2/recording")
    assert not re.match(recording, "/calls/07-01a2")


def test_only_our_own_processes_reach_redis_and_nobody_anything_that_is_not_said() -> None:
    policies = of_kind("NetworkPolicy")
    assert policies["deny-all"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (rule,) = policies["redis"]["spec"]["ingress"]
    assert rule["from"][0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/part-of": "orchestra"}
    (rule,) = policies["edge"]["spec"]["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}]
    assert "console" not in policies
    outside = policies["out"]["spec"]["egress"][-1]["to"][0]["ipBlock"]
    assert "10.0.0.0/8" in outside["except"]
    (_, redis, _) = of_kind("NetworkPolicy", "full")["out"]["spec"]["egress"]
    assert redis["ports"] == [{"protocol": "TCP", "port": 6380}]


def test_recordings_and_archive_are_where_edges_and_workers_both_find_them() -> None:
    for plan, place in (("plain", "/files"), ("full", "s3://bucket")):
        for name in ("edge", "persistence", "archive", "console"):
            mounts = {each["mountPath"] for each in container(name, plan)["volumeMounts"]}
            assert ("/files" in mounts) == (plan == "plain")
            values = environment(name, plan)
            assert values.get("ORCHESTRA_RECORDINGS_URL", values.get("ORCHESTRA_RECORDINGS_DIR", "")) in {
                f"{place}/recordings", "",
            }  # fmt: skip
    assert "/files" not in {each["mountPath"] for each in container("execution")["volumeMounts"]}
    (claim,) = of_kind("PersistentVolumeClaim").values()
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert not of_kind("PersistentVolumeClaim", "full")
