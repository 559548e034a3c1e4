"""What the public may reach of the edges, and a proxy (Caddy) that lets it through and nothing else."""

from collections.abc import Sequence

from orchestra.deploy.roles import EDGE_PORT
from orchestra.voice.carriers.registry import carrier_names
from orchestra.voice.edge.hold_music import PATH as HOLD_MUSIC

IMAGE = "caddy:2.11.7"
#: a whole call's webhooks are short, its media stream lasts as long as the call: only requests have time-outs
_CONFIG = """\
{
    admin off
    persist_config off
    skip_install_trust
    servers {
        timeouts {
            read_header 10s
            read_body 10s
            idle 2m
        }
        max_header_size 16KB
    }
}

DOMAIN {
    @public path PATHS
    handle @public {
        request_body {
            max_size 1MB
        }
        reverse_proxy EDGES {
            lb_policy least_conn
            lb_try_duration 5s
            lb_try_interval 100ms
            fail_duration 5s
            health_uri /readyz
            health_interval 1s
            health_timeout 2s
        }
    }
    handle {
        respond 404
    }
    header -Server
}

http://127.0.0.1:2019 {
    respond "ok"
}
"""


def public_prefixes() -> list[str]:
    """The beginnings of the paths that carriers, browsers and telephone networks ask for."""
    # the SIP gateway stands inside
    return [*(f"/{name}/" for name in carrier_names() if name != "sip"), f"{HOLD_MUSIC}/"]


#: recordings by a signed link, with the call's id in place of the asterisk
RECORDING = "/calls/*/recording"


def caddyfile(domain: str, edges: Sequence[str]) -> str:
    """The proxy's configuration. ``edges``: host names; ``domain``: where Caddy gets a certificate for itself."""
    paths = " ".join([*(f"{prefix}*" for prefix in public_prefixes()), RECORDING])
    values = {"DOMAIN": domain, "PATHS": paths, "EDGES": " ".join(f"{edge}:{EDGE_PORT}" for edge in edges)}
    text = _CONFIG
    for name, value in values.items():
        text = text.replace(name, value)
    return text
