"""The Redis server of a deployment, where it has one of its own: with a password, and everything on disk."""

from collections.abc import Iterator, Mapping
from typing import Any

from orchestra.deploy.cluster import confined_container, confined_pod, labels, metadata, redis_secret_volume
from orchestra.deploy.roles import SECRETS

IMAGE = "redis:8"
PORT = 6379
#: the password reaches the server by its standard input: arguments are seen by every user of the machine
COMMAND = f"""\
exec redis-server --appendonly yes --maxmemory-policy noeviction - <<END
requirepass "$(cat {SECRETS}/redis_password)"
END
"""
CHECK = f'REDISCLI_AUTH="$(cat {SECRETS}/redis_password)" redis-cli ping | grep -q PONG'

_NAME = "redis"
#: of the image
_USER = 999


def redis_server(namespace: str, storage_class: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Its objects on Kubernetes. ``storage_class``: of its volume; empty: the cluster's default."""
    check = {"exec": {"command": ["sh", "-c", CHECK]}, "timeoutSeconds": 5, "periodSeconds": 10}
    container = {
        "name": _NAME,
        "image": IMAGE,
        "command": ["sh", "-c", COMMAND],
        "workingDir": "/data",
        "ports": [{"name": _NAME, "containerPort": PORT}],
        "startupProbe": {**check, "periodSeconds": 2, "failureThreshold": 150},
        "readinessProbe": check,
        "livenessProbe": {**check, "failureThreshold": 6},
        "resources": {"requests": {"cpu": "500m", "memory": "2Gi"}},
        "securityContext": confined_container(),
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "secrets", "mountPath": str(SECRETS), "readOnly": True},
        ],
    }
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            **({"storageClassName": storage_class} if storage_class else {}),
            "resources": {"requests": {"storage": "50Gi"}},
        },
    }
    yield (
        "the journal: everything that is said. With Sentinels or a cluster of your own, use --redis-url",
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": metadata(namespace, _NAME),
            "spec": {
                "serviceName": _NAME,
                "replicas": 1,
                "selector": {"matchLabels": labels(_NAME)},
                "template": {
                    "metadata": {"labels": labels(_NAME)},
                    "spec": {
                        **confined_pod(_USER),
                        "terminationGracePeriodSeconds": 60,
                        "containers": [container],
                        "volumes": [{"name": "secrets", **redis_secret_volume()}],
                    },
                },
                "volumeClaimTemplates": [claim],
            },
        },
    )
    yield (
        "",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(namespace, _NAME),
            "spec": {"selector": labels(_NAME), "ports": [{"name": _NAME, "port": PORT, "targetPort": _NAME}]},
        },
    )
