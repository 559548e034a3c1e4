"""The whole system on one machine, for Docker Compose."""

from typing import Any

from orchestra.deploy import redis_server
from orchestra.deploy.plan import GRACE_S, Plan
from orchestra.deploy.proxy import IMAGE as PROXY_IMAGE
from orchestra.deploy.proxy import caddyfile
from orchestra.deploy.roles import (
    CONSOLE,
    CONSOLE_PORT,
    EDGE,
    EDGE_PORT,
    ENDPOINT_SECRETS,
    REDIS_SECRETS,
    SECRETS,
    SIP,
    SIP_PORT,
    WORKER_PORT,
    WORKERS,
    Role,
    secrets_of,
    variable_of,
)
from orchestra.deploy.yaml_text import MERGE, Comment, Content, Shared, comment, dump

_OPENOBSERVE_IMAGE = "openobserve/openobserve:v0.92.2"
_LABEL_STUDIO_IMAGE = "heartexlabs/label-studio:1.23.2"
#: hours back that OpenObserve takes a record: what waited while it was away is still taken under its own time
_WINDOW_H = "168"
_USER = "1000:1000"

_HEAD = """\
The whole system on one machine. This file is written by `orchestra deploy compose`, which has options for the domain, \
the number of edges, the app, the carrier and its secrets: write it again instead of changing it.

Before the first start, in this folder:

  install -d -o 1000 -g 1000 -m 700 certificates   # the proxy's
  mkdir -m 700 secrets
  openssl rand -hex 32 > secrets/redis_password
  printf %s YOUR_TOKEN > secrets/NAME       # for every other name below `secrets:` at the end of this file
  find secrets -type f -exec chmod 444 {} + # the containers' users read them; the folder keeps others out
  echo DOMAIN=voice.example.com > .env
  docker compose up --build --wait

Every ORCHESTRA_… setting that is no secret goes into settings.env, for all processes. The public reaches the proxy, \
and through it only what carriers, browsers and links to recordings need. Edges and console also listen on this \
machine itself, for your own services. The console's token: `docker compose exec console orchestra console --token`.

A new version, one edge at a time, so that calls go on elsewhere (edge-1, then edge-2, …):

  docker compose build && docker compose up --no-deps --wait edge-1\
"""
_DOCKERFILE = """\
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY .ci/requirements.txt ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY orchestra orchestra
COPY workers workers
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
RUN useradd --uid 1000 orchestra && install -d -o orchestra -g orchestra -m 700 /data
USER orchestra
ENTRYPOINT ["orchestra"]
"""


def compose_file(plan: Plan) -> str:
    """The file, with comments."""
    domain = plan.domain or "${DOMAIN:?set it in .env}"
    edges = [f"edge-{number}" for number in range(1, plan.edges + 1)]
    environment = Shared(
        "environment",
        {
            "ORCHESTRA_REDIS_URL": "redis://redis:6379/0",
            **_secret_environment(REDIS_SECRETS),
            **plan.environment,
            "ORCHESTRA_PUBLIC_URL": f"https://{domain}",
        },
    )
    ours = Shared("orchestra", _ours(plan, environment))
    edge = Shared("edge", _edge(plan, ours, environment))
    services = {
        **_proxy(edges),
        "redis": _redis(),
        **{name: {MERGE: edge, "ports": [f"127.0.0.1:{EDGE_PORT + at}:{EDGE_PORT}"]} for at, name in enumerate(edges)},
        "console": _console(plan, ours, environment),
        **{worker.name: _worker(worker, plan, ours, environment) for worker in WORKERS if worker.name not in _APART},
        **_observed(plan, ours, environment),
        **_labelled(plan, ours, environment),
        **_webhooks(plan, ours, environment),
        **_sip(plan, ours, edges),
    }
    used = {name for service in (*services.values(), edge) if service for name in service.get("secrets", ())}
    content = {
        "x-orchestra": ours,
        "x-edge": edge,
        "services": services,
        "configs": {"proxy": {"content": caddyfile(domain, edges)}},
        Comment("each reaches no more of the system than it needs"): None,
        "networks": {
            "public": None,
            "edges": {"internal": True},
            "bus": {"internal": True},
            Comment("out to vendors, tool servers and stores"): None,
            "out": None,
            "logs": None,
            "labels": None,
        },
        "volumes": dict.fromkeys(("redis", "data", "openobserve", "label-studio")),
        "secrets": {
            name: {"file": f"./secrets/{name}"} for name in (*plan.all_secrets, *_MORE_SECRETS) if name in used
        },
    }
    return f"{comment(_HEAD)}\n\n{dump(content, apart='services')}"


_CHECKED = {"interval": "10s", "timeout": "5s", "start_period": "60s", "start_interval": "1s"}
#: workers with a server of their own beside them, or a file
_APART = ("logging", "telemetry", "curator", "webhooks")
_MORE_SECRETS = ("openobserve_password", "label_studio_api_key")


def _confined() -> dict[str, Any]:
    return {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "restart": "unless-stopped"}


def _ours(plan: Plan, environment: Shared) -> dict[Any, Any]:
    build = {} if plan.image else {"build": {"context": ".", "dockerfile_inline": _DOCKERFILE}}
    return {
        "image": plan.image_name,
        **build,
        "user": _USER,
        "env_file": [{"path": "settings.env", "required": False}],
        "environment": environment,
        "volumes": ["data:/data"],
        "depends_on": {"redis": {"condition": "service_healthy"}},
        "stop_grace_period": f"{GRACE_S}s",
        **_confined(),
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - in the container
    }


def _secret_environment(secrets: tuple[str, ...]) -> dict[str, str]:
    return {variable_of(secret): f"{SECRETS}/{secret}" for secret in secrets}


def _process(
    role: Role, given: tuple[str, ...], ours: Shared, environment: Shared, more: Content | None = None
) -> dict[Any, Any]:
    """What the services of our processes have; ``more`` is their environment beyond that of all."""
    secrets = secrets_of(role, given)
    own = _secret_environment(tuple(secret for secret in secrets if secret not in REDIS_SECRETS)) | dict(more or {})
    return {
        MERGE: ours,
        "command": list(role.arguments),
        **({"environment": {MERGE: environment, **own}} if own else {}),
        "secrets": list(secrets),
        "networks": ["bus", "out"],
        "healthcheck": _WORKER_CHECK if role.port == WORKER_PORT else _check(role.port),
    }


def _check(port: int, path: str = "/healthz") -> dict[str, Any]:
    asked = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}{path}', timeout=3)"
    return {"test": ["CMD", "python", "-c", asked], **_CHECKED}


_WORKER_CHECK = Shared("worker-check", _check(WORKER_PORT))


def _edge(plan: Plan, ours: Shared, environment: Shared) -> dict[Any, Any]:
    more = {**plan.edge_environment, "ORCHESTRA_SIP": "${ORCHESTRA_SIP:-false}"}
    return {
        **_process(EDGE, plan.all_secrets, ours, environment, more),
        "networks": ["bus", "edges", "out"],
        "stop_grace_period": f"{plan.edge_grace_s}s",
    }


def _console(plan: Plan, ours: Shared, environment: Shared) -> dict[Any, Any]:
    more = {"ORCHESTRA_CONSOLE_HOST": "0.0.0.0"}  # noqa: S104 - of its container
    return {
        **_process(CONSOLE, plan.all_secrets, ours, environment, more),
        "ports": [f"127.0.0.1:{CONSOLE_PORT}:{CONSOLE_PORT}"],
    }


def _worker(role: Role, plan: Plan, ours: Shared, environment: Shared) -> dict[Any, Any]:
    if role.name != "archive" or "archive_url" in plan.secrets:
        return _process(role, plan.all_secrets, ours, environment)
    place = {
        Comment("or a bucket, s3://bucket/orchestra, with the store's driver (s3fs, gcsfs, adlfs) in the image"): None,
        "ORCHESTRA_ARCHIVE_URL": "/data/archive",
    }
    return _process(role, plan.all_secrets, ours, environment, place)


def _proxy(edges: list[str]) -> dict[Any, Any]:
    return {
        Comment("TLS, with certificates that it gets and renews by itself; its configuration is at the end"): None,
        "proxy": {
            "image": PROXY_IMAGE,
            "user": _USER,
            "configs": [{"source": "proxy", "target": "/etc/caddy/Caddyfile"}],
            "ports": ["80:80", "443:443", "443:443/udp"],
            "networks": ["public", "edges"],
            **_confined(),
            Comment("its program file asks for this one, and cannot be started without"): None,
            "cap_add": ["NET_BIND_SERVICE"],
            "volumes": ["./certificates:/data"],
            "read_only": True,
            "tmpfs": ["/config", "/tmp"],  # noqa: S108 - in the container
            "depends_on": {edge: {"condition": "service_healthy"} for edge in edges},
            "healthcheck": {
                "test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:2019/"],
                **_CHECKED,
            },
        },
    }


def _uninterpolated(shell: str) -> str:
    return shell.replace("$", "$$")  # it is the shell's, not Compose's


def _redis() -> dict[Any, Any]:
    return {
        "image": redis_server.IMAGE,
        "user": "redis",
        "command": ["sh", "-c", _uninterpolated(redis_server.COMMAND)],
        "secrets": ["redis_password"],
        "networks": ["bus"],
        "volumes": ["redis:/data"],
        **_confined(),
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - in the container
        Comment("time to write everything down"): None,
        "stop_grace_period": "60s",
        "healthcheck": {"test": ["CMD-SHELL", _uninterpolated(redis_server.CHECK)], **_CHECKED},
    }


def _apart(name: str) -> Role:
    (role,) = (role for role in WORKERS if role.name == name)
    return role


def _observed(plan: Plan, ours: Shared, environment: Shared) -> dict[Any, Any]:
    server = {
        "ORCHESTRA_OPENOBSERVE_URL": "http://openobserve:5080",
        "ORCHESTRA_OPENOBSERVE_USER": "${OPENOBSERVE_USER:-root@example.com}",
    }
    given = (*plan.all_secrets, "openobserve_password")

    def worker(name: str, more: Content) -> dict[Any, Any]:
        role = {**_process(_apart(name), given, ours, environment, {**server, **more}), "networks": ["bus", "logs"]}
        return {"profiles": ["openobserve"], **role}

    return {
        Comment(
            "`docker compose --profile openobserve up`: events, metrics and traces in OpenObserve. Its password is in "
            "secrets/openobserve_password, and once more in secrets/openobserve.env: ZO_ROOT_USER_PASSWORD=…"
        ): None,
        "logging": worker("logging", {"ORCHESTRA_OPENOBSERVE_WINDOW_H": _WINDOW_H}),
        "telemetry": worker("telemetry", {"ORCHESTRA_OTLP_URL": "http://openobserve:5080/api/default"}),
        "openobserve": {
            "image": _OPENOBSERVE_IMAGE,
            "profiles": ["openobserve"],
            "env_file": [{"path": "./secrets/openobserve.env", "required": False}],
            "environment": {
                "ZO_ROOT_USER_EMAIL": "${OPENOBSERVE_USER:-root@example.com}",
                "ZO_DATA_DIR": "/data",
                Comment("hours back that a record may lie: what waited while it was away keeps its own time"): None,
                "ZO_INGEST_ALLOWED_UPTO": _WINDOW_H,
                "ZO_TELEMETRY": "false",
                "ZO_MMDB_DISABLE_DOWNLOAD": "true",
            },
            "networks": ["logs"],
            "ports": ["127.0.0.1:5080:5080"],
            "volumes": ["openobserve:/data"],
            Comment("no health check: its image has nothing to run one with; the workers wait for it"): None,
            **_confined(),
        },
    }


def _labelled(plan: Plan, ours: Shared, environment: Shared) -> dict[Any, Any]:
    given = (*plan.all_secrets, "label_studio_api_key")
    server = {"ORCHESTRA_LABEL_STUDIO_URL": "http://label-studio:8080"}
    curator = {**_process(_apart("curator"), given, ours, environment, server), "networks": ["bus", "labels"]}
    asked = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=3)"
    return {
        Comment(
            "`docker compose --profile label-studio up`: finished calls in Label Studio. The password of its first "
            "account is in secrets/label-studio.env, LABEL_STUDIO_PASSWORD=…; sign in at port 8080 of this machine, "
            "and put the personal access token of the account's page into secrets/label_studio_api_key"
        ): None,
        "curator": {"profiles": ["label-studio"], **curator},
        "label-studio": {
            "image": _LABEL_STUDIO_IMAGE,
            "profiles": ["label-studio"],
            "env_file": [{"path": "./secrets/label-studio.env", "required": False}],
            "environment": {
                "LABEL_STUDIO_USERNAME": "${LABEL_STUDIO_USER:-curator@example.com}",
                "COLLECT_ANALYTICS": "false",
                "LATEST_VERSION_CHECK": "false",
                "SENTRY_DSN": "",
                "FRONTEND_SENTRY_DSN": "",
            },
            "networks": ["labels"],
            "ports": ["127.0.0.1:8080:8080"],
            "volumes": ["label-studio:/label-studio/data"],
            **_confined(),
            "healthcheck": {"test": ["CMD", "python3", "-c", asked], **_CHECKED, "start_period": "180s"},
        },
    }


def _webhooks(plan: Plan, ours: Shared, environment: Shared) -> dict[Any, Any]:
    place = {"ORCHESTRA_WEBHOOKS": "/etc/orchestra/webhooks.toml"}
    process = _process(_apart("webhooks"), plan.all_secrets, ours, environment, place)
    endpoints = ["./webhooks.toml:/etc/orchestra/webhooks.toml:ro", f"./secrets/webhooks:{ENDPOINT_SECRETS}:ro"]
    return {
        Comment(
            "`docker compose --profile webhooks up`: the endpoints are in webhooks.toml, with their secrets in "
            f'secrets/webhooks: secret_file = "{ENDPOINT_SECRETS}/NAME"'
        ): None,
        "webhooks": {"profiles": ["webhooks"], **process, "volumes": ["data:/data", *endpoints]},
    }


def _sip(plan: Plan, ours: Shared, edges: list[str]) -> dict[Any, Any]:
    secrets = secrets_of(SIP, plan.all_secrets)
    urls = [f"http://127.0.0.1:{EDGE_PORT + at}" for at in range(len(edges))]
    return {
        Comment(
            "`docker compose --profile sip up`, with ORCHESTRA_SIP=true in .env: telephones send their audio to many "
            "ports, so the gateway has this machine's network; it needs no Redis, and its priority keeps what callers "
            "hear from being delayed"
        ): None,
        "sip": {
            "profiles": ["sip"],
            MERGE: ours,
            "command": list(SIP.arguments),
            "environment": {
                **plan.environment,
                "ORCHESTRA_SIP_EDGES": ",".join(urls),
                **_secret_environment(secrets),
            },
            **({"secrets": list(secrets)} if secrets else {}),
            "network_mode": "host",
            "ulimits": {"rtprio": 5},
            "depends_on": {edge: {"condition": "service_healthy"} for edge in edges},
            "stop_grace_period": "1h",
            "healthcheck": _check(SIP_PORT),
        },
    }
