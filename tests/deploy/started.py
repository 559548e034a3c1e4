"""Starts the composed system and looks at it from all sides: `unshare … python -m tests.deploy.started FOLDER`."""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import certifi

from orchestra.deploy.compose import compose_file
from orchestra.deploy.plan import Plan
from tests.deploy.containers import Container, Engine

DOMAIN = "voice.orchestra.internal"  # of a name that is nobody's, Caddy makes the certificate itself
TOKEN = "twilio-token-of-a-test"
PASSWORD = "redis-password/of a test"
#: calls come as text, so these engines have nothing to do; unlike the local ones they are loaded at once
ENGINES = {"deepgram_api_key": "deepgram-key-of-a-test", "elevenlabs_api_key": "elevenlabs-key-of-a-test"}
SETTINGS = """\
ORCHESTRA_STT=deepgram
ORCHESTRA_TTS=elevenlabs
ORCHESTRA_TWILIO_MEDIA=relay
ORCHESTRA_PRERENDER=false
"""
SERVICES = ("redis", "edge-1", "edge-2", "console", "orchestration", "execution", "persistence", "archive", "proxy")
#: what a stranger asks for, as it is written; a proxy may read the odd ones in several ways
PUBLIC = ("/twilio/voice", "/browser/", "/hold-music/none.wav", "/calls/07-01/recording")
PRIVATE = (
    "/", "/metrics", "/healthz", "/readyz", "/calls", "/calls/07-01", "/sip/calls", "/api/live", "/twilio", "/docs",
    "/twilio/../metrics", "/twilio/%2e%2e/metrics", "/twilio/..%2fmetrics", "//metrics", "/./metrics", "/METRICS",
    "/calls/07-01/recording/", "/calls/07-01/recording/../../../metrics", "/calls/a/b/recording", "/calls//recording",
    "/twilio%2f..%2fmetrics", "/metrics?/twilio/", "/metrics#/twilio/", "/metrics;/twilio/", "/twilio\\..\\metrics",
)  # fmt: skip
_PAGES = [f"/browser/?{number}" for number in range(10)]
_ASK = """
import http.client, json, ssl, sys
found = {}
for path in json.loads(sys.argv[2]):
    line = http.client.HTTPSConnection(sys.argv[1], context=ssl.create_default_context(), timeout=10)
    line.putrequest("GET", path, skip_accept_encoding=True)
    line.endheaders()
    answer = line.getresponse()
    found[path] = [answer.status, answer.read().decode("utf-8", "replace")[:200]]
print(json.dumps(found))
"""
_REACH = """
import json, socket, sys
found = {}
for name, (host, port) in json.loads(sys.argv[1]).items():
    try:
        socket.create_connection((host, port), 0.3).close()
        found[name] = True
    except OSError:
        found[name] = False
print(json.dumps(found))
"""
_GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"


def prepare(folder: Path) -> None:
    """What the head of the file tells the operator to do."""
    (folder / "compose.yaml").write_text(compose_file(Plan(secrets=tuple(ENGINES))), encoding="utf-8")
    (folder / ".env").write_text(f"DOMAIN={DOMAIN}\n", encoding="utf-8")
    (folder / "settings.env").write_text(SETTINGS, encoding="utf-8")
    (folder / "secrets").mkdir(mode=0o700)
    for name, secret in {"redis_password": PASSWORD, "twilio_auth_token": TOKEN, **ENGINES}.items():
        (folder / "secrets" / name).write_text(f"{secret}\n", encoding="utf-8")
        (folder / "secrets" / name).chmod(0o444)


def caller_at(engine: Engine) -> Container:
    """A stranger in the public network, who trusts the proxy's certificate."""
    roots = engine.folder / "certificates" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    service = {
        "image": "stranger",
        "user": "1000:1000",
        "command": ["sleep", "infinity"],
        "networks": ["public"],
        "secrets": ["twilio_auth_token"],
        "environment": {"SSL_CERT_FILE": certifi.where()},
        "volumes": ["caller:/data", f"{roots}:{certifi.where()}:ro"],
        "tmpfs": ["/tmp"],
        "read_only": True,
    }
    return engine.start("caller", service, {DOMAIN: engine.containers["proxy"].addresses["public"]})


def look(folder: Path) -> dict[str, Any]:
    """Start everything, look, and tell what was seen."""
    began = time.monotonic()
    prepare(folder)
    engine = Engine(folder)
    edge_environment = engine.file["services"]["edge-1"]["environment"]
    edge_environment["ORCHESTRA_STOP_NOTICE_S"] = "4"  # enough for a proxy that looks every second
    engine.reserve(SERVICES, {"caller": ["public"]})
    engine.start("redis")
    engine.wait_until_healthy("redis")
    others = [name for name in SERVICES if name != "redis"]
    for name in others:
        engine.start(name)
    engine.wait_until_healthy(*others)
    caller, edge, redis = caller_at(engine), engine.containers["edge-1"], engine.containers["redis"]
    seen: dict[str, Any] = {"started_s": round(time.monotonic() - began, 1)}
    seen["public"] = asked(caller, PUBLIC)
    seen["private"] = asked(caller, PRIVATE)
    call = caller.run("python", "-m", "tests.deploy.text_call", f"https://{DOMAIN}", "/run/secrets/twilio_auth_token")
    seen["call"] = {"code": call.returncode, "out": call.stdout, "err": call.stderr}
    seen["reach"] = {
        name: reached(engine, engine.containers[name]) for name in ("caller", "proxy", "edge-1", "execution")
    }
    seen["without a password"] = edge.run("redis-cli", "-h", "redis", "ping").stdout.strip()
    seen["arguments"] = {
        name: Path(f"/proc/{each.process.pid}/cmdline").read_bytes().decode().replace("\0", " ")
        for name, each in engine.containers.items()
    }
    seen["status"] = {name: each.status() for name, each in engine.containers.items()}
    seen["written"] = {
        name: each.run(
            "sh", "-c", "touch /etc/x /usr/x /x /run/secrets/x 2>&1; touch /data/x && echo data; id -u"
        ).stdout
        for name, each in engine.containers.items()
        if name != "proxy"
    }
    seen["environments"] = {
        name: Path(f"/proc/{each.process.pid}/environ").read_bytes().decode()
        for name, each in engine.containers.items()
    }
    seen["metrics"] = {
        "orchestra_edge_calls": edge.run("python", "-c", _GET, "http://127.0.0.1:8480/metrics").stdout,
        "orchestra_group_lag": engine.containers["execution"]
        .run("python", "-c", _GET, "http://127.0.0.1:9100/metrics")
        .stdout,
    }
    edge.process.send_signal(signal.SIGTERM)
    seen["while an edge ends"] = []
    while edge.process.poll() is None or not seen["while an edge ends"]:
        seen["while an edge ends"] += [status for status, _ in asked(caller, _PAGES).values()]
    seen["after it"] = [status for status, _ in asked(caller, _PAGES).values()]
    seen["edge ended"] = edge.process.returncode
    redis.process.send_signal(signal.SIGTERM)
    seen["redis ended"] = redis.process.wait(60)
    seen["logs"] = {name: each.log.read_text("utf-8", "replace") for name, each in engine.containers.items()}
    seen["took_s"] = round(time.monotonic() - began, 1)
    return seen


def asked(caller: Container, paths: "tuple[str, ...] | list[str]") -> dict[str, Any]:
    """Status and beginning of the proxy's answer to each path."""
    told = caller.run("python", "-c", _ASK, DOMAIN, json.dumps(paths))
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def shared_address(of: Container, seen_from: Container) -> str:
    """The address in a network that both are in, or any."""
    networks = [network for network in of.addresses if network in seen_from.addresses] or list(of.addresses)
    return of.addresses[networks[0]]


def reached(engine: Engine, container: Container) -> dict[str, bool]:
    """Which of the others it can connect to."""
    doors = {
        f"{other}:{port}": (address, port)
        for other, port in (("redis", 6379), ("edge-2", 8480), ("execution", 9100), ("console", 8470))
        for address in [shared_address(engine.containers[other], container)]
    }
    told = container.run("python", "-c", _REACH, json.dumps(doors))
    found: dict[str, bool] = json.loads(told.stdout)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(Path(sys.argv[1]))))
