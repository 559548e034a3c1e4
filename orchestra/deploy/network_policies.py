"""Who may talk to whom in the cluster: nobody to Redis but our own processes, nobody to anything unless it is said."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from orchestra.deploy.cluster import labels, metadata
from orchestra.deploy.redis_server import PORT as REDIS_PORT
from orchestra.deploy.roles import CONSOLE_PORT, EDGE, EDGE_PORT, WORKER_PORT

_API = "networking.k8s.io/v1"
_PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"]
_PART = "app.kubernetes.io/part-of"
_NAME = "app.kubernetes.io/name"


def network_policies(
    namespace: str, ingress: str, monitoring: str, *, redis_url: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The policies. ``ingress`` and ``monitoring``: the namespaces of the public proxy and of Prometheus."""
    ours = {"matchLabels": {_PART: "orchestra"}}
    processes = {**ours, "matchExpressions": [{"key": _NAME, "operator": "NotIn", "values": ["redis"]}]}

    def policy(name: str, pods: Mapping[str, Any], **rules: Any) -> Mapping[str, Any]:
        types = [kind for kind in ("Ingress", "Egress") if kind.lower() in rules]
        spec = {"podSelector": pods, "policyTypes": types, **{kind: rule for kind, rule in rules.items() if rule}}
        return {"apiVersion": _API, "kind": "NetworkPolicy", "metadata": metadata(namespace, name), "spec": spec}

    yield "nothing in or out, but for what follows", policy("deny-all", {}, ingress=[], egress=[])
    if not redis_url:
        from_ours = {"from": [{"podSelector": processes}], "ports": _ports(REDIS_PORT)}
        yield "", policy("redis", {"matchLabels": labels("redis")}, ingress=[from_ours])
    from_proxy = {"from": [_all_of(ingress)], "ports": _ports(EDGE_PORT)}
    yield "", policy("edge", {"matchLabels": labels(EDGE.name)}, ingress=[from_proxy])
    from_monitoring = {"from": [_all_of(monitoring)], "ports": _ports(EDGE_PORT, CONSOLE_PORT, WORKER_PORT)}
    yield "", policy("metrics", processes, ingress=[from_monitoring])
    names = {"to": [_all_of("kube-system")], "ports": [{"protocol": kind, "port": 53} for kind in ("UDP", "TCP")]}
    outside = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": _PRIVATE}}]}
    redis = _to_redis(redis_url)
    yield (
        "out to vendors, not into private networks: write a policy of your own for servers of tools there",
        policy("out", processes, egress=[names, redis, outside]),
    )


def _ports(*numbers: int) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": number} for number in numbers]


def _all_of(namespace: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def _to_redis(url: str) -> dict[str, Any]:
    if not url:
        return {"to": [{"podSelector": {"matchLabels": labels("redis")}}], "ports": _ports(REDIS_PORT)}
    # hosts are separated by commas; Sentinels and nodes name others, at ports that are known to them alone
    if "+" in urlsplit(url).scheme:
        return {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}
    return {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": _ports(urlsplit(url).port or REDIS_PORT)}
