"""The whole system on Kubernetes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from orchestra.deploy.cluster import (
    FILES,
    Pod,
    autoscaler,
    deployment,
    disruption_budget,
    metadata,
    secret_volume,
    service,
)
from orchestra.deploy.network_policies import network_policies
from orchestra.deploy.plan import Plan
from orchestra.deploy.proxy import RECORDING, public_prefixes
from orchestra.deploy.redis_server import redis_server
from orchestra.deploy.roles import (
    CONSOLE,
    EDGE,
    ENDPOINT_SECRETS,
    SECRETS,
    SHARED_KEYS,
    WORKERS,
    Role,
    secrets_of,
    variable_of,
)
from orchestra.deploy.yaml_text import comment, dump
from orchestra.errors import SettingError
from orchestra.settings import Settings

#: workers that run only where they are asked for: each needs a server or a file of its own
OPTIONAL_WORKERS = ("logging", "telemetry", "curator", "webhooks")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
#: workers that callers wait for have a second one from the start
_CALLERS_WAIT = ("orchestration", "execution", "persistence")
_EDGES_AT_MOST = 4
#: entries of the journal that one worker may be behind before there is another
_LAG = 200
#: calls of an edge, of those that it takes, before there is another
_FILLED = 0.7

_HEAD = """\
The whole system on Kubernetes, 1.25 or newer. This file is written by `orchestra deploy kubernetes`: write it again \
instead of changing it. What it needs in the cluster:

  kubectl create namespace NAMESPACE
  kubectl create secret generic orchestra --namespace NAMESPACE \\
FILES
  kubectl create configmap orchestra-settings --namespace NAMESPACE --from-env-file=settings.env    # ORCHESTRA_…
  kubectl create secret tls orchestra-tls --namespace NAMESPACE --cert=… --key=…                    # of DOMAIN

redis_password, number_key, link_key and vault_key are random: `openssl rand -hex 32`. The image IMAGE must be where \
the cluster finds it. Autoscaling reads metrics of pods, which the Prometheus adapter offers from what Prometheus \
collects at the annotated ports; without them the numbers of replicas stay as they are.\
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlan:
    """A deployment on Kubernetes.

    Attributes:
        plan: what every deployment has; it needs a domain.
        namespace: where everything is.
        redis_url: of a server outside, without its password; empty: one that is part of this.
        store: URL of a bucket for recordings and archive; empty: a volume that several nodes mount.
        storage_class: of the volumes; empty: the cluster's default.
        ingress_class: whose proxy is the public one.
        ingress_namespace: where that proxy runs.
        monitoring_namespace: where Prometheus runs.
        workers: those of `OPTIONAL_WORKERS` that run.

    Raises:
        SettingError: one of them cannot be.

    """

    plan: Plan
    namespace: str = "orchestra"
    redis_url: str = ""
    store: str = ""
    storage_class: str = ""
    ingress_class: str = "nginx"
    ingress_namespace: str = "ingress-nginx"
    monitoring_namespace: str = "monitoring"
    workers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check everything that is written into a file."""
        if not self.plan.domain:
            msg = "write the host at which carriers and browsers reach the edges: --domain voice.example.com"
            raise SettingError(msg)
        for option in ("namespace", "storage_class", "ingress_class", "ingress_namespace", "monitoring_namespace"):
            value = getattr(self, option)
            if not _NAME.fullmatch(value) and not (option == "storage_class" and not value):
                msg = f"--{option.replace('_', '-')} is {value!r}: write lower-case letters, digits and hyphens"
                raise SettingError(msg)
        if unknown := [name for name in self.workers if name not in OPTIONAL_WORKERS]:
            msg = f"--with {unknown[0]!r} is no worker that can be added: there are {', '.join(OPTIONAL_WORKERS)}"
            raise SettingError(msg)
        for option, schemes in (("redis_url", _REDIS_SCHEMES), ("store", _STORE_SCHEMES)):
            _check_url(option, getattr(self, option), schemes)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The settings that are in the cluster's secret, each once."""
        return tuple(dict.fromkeys((*self.plan.all_secrets, *SHARED_KEYS)))


_REDIS_SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
_STORE_SCHEMES = ("s3", "gs", "gcs", "abfs", "az")


def _check_url(option: str, url: str, schemes: tuple[str, ...]) -> None:
    parts = urlsplit(url)
    if url and (parts.scheme not in schemes or not parts.netloc or not url.isprintable() or " " in url):
        msg = f"--{option.replace('_', '-')} is no URL that can be used: write {schemes[0]}://…"
        raise SettingError(msg)
    if ":" in parts.netloc.rpartition("@")[0] or "password" in parts.query:
        msg = f"--{option.replace('_', '-')} has a password in it: it belongs into the cluster's secret"
        raise SettingError(msg)


def kubernetes_files(cluster: ClusterPlan) -> str:
    """All objects, a document each, with comments."""
    given = " \\\n".join(f"    --from-file={name}=…" for name in cluster.secrets)
    values = {
        "NAMESPACE": cluster.namespace,
        "FILES": given,
        "DOMAIN": cluster.plan.domain,
        "IMAGE": cluster.plan.image_name,
    }
    head = _HEAD
    for name, value in values.items():
        head = head.replace(name, value)
    documents = [f"{comment(why)}\n{dump(content)}" if why else dump(content) for why, content in _objects(cluster)]
    return f"{comment(head)}\n---\n" + "---\n".join(documents)


Objects = Iterator[tuple[str, Mapping[str, Any]]]


def _objects(cluster: ClusterPlan) -> Objects:
    restricted = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
    yield "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace, "labels": restricted}}
    if not cluster.store:
        yield (
            "recordings and the archive: several pods write and read them, so its storage must allow that",
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": metadata(cluster.namespace, "files"),
                "spec": {
                    "accessModes": ["ReadWriteMany"],
                    **({"storageClassName": cluster.storage_class} if cluster.storage_class else {}),
                    "resources": {"requests": {"storage": "100Gi"}},
                },
            },
        )
    if not cluster.redis_url:
        yield from redis_server(cluster.namespace, cluster.storage_class)
    yield from _edges(cluster)
    yield from _console(cluster)
    for role in WORKERS:
        if role.name not in OPTIONAL_WORKERS or role.name in cluster.workers:
            yield from _worker(cluster, role)
    names = (cluster.namespace, cluster.ingress_namespace, cluster.monitoring_namespace)
    yield from network_policies(*names, redis_url=cluster.redis_url)


def _pod(cluster: ClusterPlan, role: Role, more: Mapping[str, str], **options: Any) -> Pod:
    secrets = secrets_of(role, cluster.secrets)
    places = (
        {"ORCHESTRA_RECORDINGS_URL": f"{cluster.store}/recordings", "ORCHESTRA_ARCHIVE_URL": f"{cluster.store}/archive"}
        if cluster.store
        else {"ORCHESTRA_RECORDINGS_DIR": f"{FILES}/recordings", "ORCHESTRA_ARCHIVE_URL": f"{FILES}/archive"}
    )
    if "archive_url" in cluster.secrets:
        del places["ORCHESTRA_ARCHIVE_URL"]
    return Pod(
        role=role,
        image=cluster.plan.image_name,
        environment={
            "ORCHESTRA_REDIS_URL": cluster.redis_url or "redis://redis:6379/0",
            **cluster.plan.environment,
            "ORCHESTRA_PUBLIC_URL": f"https://{cluster.plan.domain}",
            **places,
            **more,
            **{variable_of(secret): f"{SECRETS}/{secret}" for secret in secrets},
        },
        secrets=secrets,
        with_files=role.files and not cluster.store,
        **options,
    )


def _edges(cluster: ClusterPlan) -> Objects:
    plan, namespace = cluster.plan, cluster.namespace
    pod = _pod(
        cluster,
        EDGE,
        plan.edge_environment,
        ready_path="/readyz",
        grace_s=plan.edge_grace_s,
        cpu="1",
        memory="1Gi",
    )
    most: int = Settings.model_fields["max_calls"].default
    yield (
        "edges: one that is to stop takes no new calls, and its calls go on for a while, then with another",
        (deployment(namespace, pod)),
    )
    yield "", service(namespace, EDGE)
    yield "", disruption_budget(namespace, EDGE)
    yield (
        f"another edge when each has {_FILLED:.0%} of the calls that it takes",
        autoscaler(
            namespace,
            EDGE,
            replicas=(plan.edges, plan.edges * _EDGES_AT_MOST),
            metric="orchestra_edge_calls",
            average=int(most * _FILLED),
            slow=True,
        ),
    )
    yield (
        "the public paths, and no others; links to recordings need a proxy that reads their path as an expression",
        (_ingress(cluster)),
    )


def _ingress(cluster: ClusterPlan) -> Mapping[str, Any]:
    backend = {"service": {"name": EDGE.name, "port": {"name": "http"}}}
    recording = RECORDING.replace("*", "[^/]+") + "$"
    paths = [
        *({"path": prefix, "pathType": "Prefix", "backend": backend} for prefix in public_prefixes()),
        {"path": recording, "pathType": "ImplementationSpecific", "backend": backend},
    ]
    annotations = {
        "nginx.ingress.kubernetes.io/use-regex": "true",
        "nginx.ingress.kubernetes.io/proxy-body-size": "1m",
        # a media stream lasts as long as its call
        "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
        "nginx.ingress.kubernetes.io/proxy-send-timeout": "3600",
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {**metadata(cluster.namespace, EDGE.name), "annotations": annotations},
        "spec": {
            "ingressClassName": cluster.ingress_class,
            "tls": [{"hosts": [cluster.plan.domain], "secretName": "orchestra-tls"}],
            "rules": [{"host": cluster.plan.domain, "http": {"paths": paths}}],
        },
    }


def _console(cluster: ClusterPlan) -> Objects:
    more = {"ORCHESTRA_CONSOLE_HOST": "0.0.0.0"}  # noqa: S104 - of its pod
    yield (
        "not public: `kubectl port-forward service/console 8470`",
        (deployment(cluster.namespace, _pod(cluster, CONSOLE, more), replicas=1)),
    )
    yield "", service(cluster.namespace, CONSOLE)


def _worker(cluster: ClusterPlan, role: Role) -> Objects:
    more, volumes = {}, {}
    if role.name == "webhooks":
        more = {"ORCHESTRA_WEBHOOKS": "/etc/orchestra/webhooks.toml"}
        volumes = {
            "/etc/orchestra": {"configMap": {"name": "orchestra-webhooks"}},
            str(ENDPOINT_SECRETS): secret_volume("orchestra-webhooks"),
        }
    why = {
        "webhooks": "needs the ConfigMap orchestra-webhooks with webhooks.toml, and the Secret orchestra-webhooks with "
        f'those of its endpoints, secret_file = "{ENDPOINT_SECRETS}/NAME"',
        "logging": "needs ORCHESTRA_OPENOBSERVE_URL and its login",
        "telemetry": "needs ORCHESTRA_OTLP_URL",
        "curator": "needs ORCHESTRA_LABEL_STUDIO_URL and its token",
    }
    yield why.get(role.name, ""), deployment(cluster.namespace, _pod(cluster, role, more, volumes=volumes))
    partitions: int = Settings.model_fields["partitions"].default
    yield (
        "",
        autoscaler(
            cluster.namespace,
            role,
            replicas=(2 if role.name in _CALLERS_WAIT else 1, partitions),
            metric="orchestra_group_lag",
            average=_LAG,
        ),
    )
