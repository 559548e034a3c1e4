"""Objects of Kubernetes, as ours are: confined, probed, spread over nodes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestra.deploy.plan import GRACE_S
from orchestra.deploy.roles import SECRETS, Role
from orchestra.deploy.yaml_text import Comment

#: each pod's own files, and those that pods share
DATA, FILES = "/data", "/files"
#: the Secret with all secrets of the deployment, and the ConfigMap with its other settings
_SECRET, _SETTINGS = "orchestra", "orchestra-settings"
_USER = 1000
_READ_BY_ITS_GROUP = 0o440
_EVERY_S = 10
#: a process that has not started or has been without Redis for this long is started again, in seconds
_STARTS_WITHIN_S, _SILENT_S = 300, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """What runs in a pod, and how.

    Attributes:
        environment: beyond that of the settings.
        secrets: the keys of the Secret that it gets as files.
        with_files: it mounts the volume that pods share.
        volumes: more volumes, read-only, by where they are mounted.
        ready_path: answers 200 while requests may come.
        grace_s: after this long it is killed.

    """

    role: Role
    image: str
    environment: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    with_files: bool = False
    volumes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ready_path: str = "/healthz"
    grace_s: int = GRACE_S
    cpu: str = "250m"
    memory: str = "512Mi"


def labels(name: str) -> dict[str, str]:
    """By which a process's pods are found."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "orchestra"}


def metadata(namespace: str, name: str) -> dict[str, Any]:
    """Of an object."""
    return {"name": name, "namespace": namespace, "labels": labels(name)}


def confined_pod(user: int) -> dict[Any, Any]:
    """What the policy `restricted` asks of a pod, and that it has no account of the cluster."""
    return {
        "automountServiceAccountToken": False,
        Comment("variables that are named after services would be taken for settings"): None,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def confined_container() -> dict[str, Any]:
    """And of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def secret_volume(name: str, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """Some keys of a Secret as files, or all."""
    items = [{"key": key, "path": key} for key in keys]
    secret = {"secretName": name, "defaultMode": _READ_BY_ITS_GROUP, **({"items": items} if items else {})}
    return {"secret": secret}


def redis_secret_volume() -> dict[str, Any]:
    """The password of Redis as a file."""
    return secret_volume(_SECRET, ("redis_password",))


def deployment(namespace: str, pod: Pod, replicas: int | None = None) -> dict[str, Any]:
    """The pods of a process. ``replicas``: how many; None: an autoscaler decides."""
    name = pod.role.name
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": str(pod.role.port)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(namespace, name),
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "selector": {"matchLabels": labels(name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"metadata": {"labels": labels(name), "annotations": scraped}, "spec": _pod_spec(pod)},
        },
    }


def _pod_spec(pod: Pod) -> dict[Any, Any]:
    name = pod.role.name
    volumes: dict[str, Mapping[str, Any]] = {DATA: {"emptyDir": {}}, "/tmp": {"emptyDir": {}}}  # noqa: S108
    if pod.secrets:
        volumes[str(SECRETS)] = secret_volume(_SECRET, pod.secrets)
    if pod.with_files:
        volumes[FILES] = {"persistentVolumeClaim": {"claimName": "files"}}
    volumes |= pod.volumes
    named = {f"{at.strip('/').replace('/', '-')}": (at, volume) for at, volume in volumes.items()}
    read_only = {str(SECRETS), *pod.volumes}
    return {
        **confined_pod(_USER),
        "terminationGracePeriodSeconds": pod.grace_s,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels(name)},
            }
        ],
        "containers": [
            {
                "name": name,
                "image": pod.image,
                "args": list(pod.role.arguments),
                "envFrom": [{"configMapRef": {"name": _SETTINGS, "optional": True}}],
                "env": [{"name": variable, "value": value} for variable, value in pod.environment.items()],
                "ports": [{"name": "http", "containerPort": pod.role.port}],
                **_probes(pod),
                "resources": {"requests": {"cpu": pod.cpu, "memory": pod.memory}},
                "securityContext": confined_container(),
                "volumeMounts": [
                    {"name": volume, "mountPath": at, **({"readOnly": True} if at in read_only else {})}
                    for volume, (at, _) in named.items()
                ],
            }
        ],
        "volumes": [{"name": volume, **what} for volume, (_, what) in named.items()],
    }


def _probes(pod: Pod) -> dict[str, Any]:
    def probe(path: str, **more: int) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 5, **more}

    return {
        "startupProbe": probe("/healthz", periodSeconds=2, failureThreshold=_STARTS_WITHIN_S // 2),
        "readinessProbe": probe(pod.ready_path, periodSeconds=5, failureThreshold=2),
        "livenessProbe": probe("/healthz", periodSeconds=_EVERY_S, failureThreshold=_SILENT_S // _EVERY_S),
    }


def service(namespace: str, role: Role) -> dict[str, Any]:
    """The address of a process's pods within the cluster."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(namespace, role.name),
        "spec": {
            "selector": labels(role.name),
            "ports": [{"name": "http", "port": role.port, "targetPort": "http"}],
        },
    }


def disruption_budget(namespace: str, role: Role) -> dict[str, Any]:
    """Nodes are emptied one pod of the process at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(namespace, role.name),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels(role.name)}},
    }


def autoscaler(
    namespace: str, role: Role, *, replicas: tuple[int, int], metric: str, average: int, slow: bool = False
) -> dict[str, Any]:
    """As many pods as keep a metric's average per pod; ``slow``: one goes every five minutes, after ten quiet ones."""
    fewest, most = replicas
    behavior = {
        "scaleDown": {
            "stabilizationWindowSeconds": 600 if slow else 300,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300 if slow else 60}],
        }
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(namespace, role.name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": role.name},
            "minReplicas": fewest,
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": metric},
                        "target": {"type": "AverageValue", "averageValue": str(average)},
                    },
                }
            ],
            "behavior": behavior,
        },
    }
