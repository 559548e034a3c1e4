"""What the proxies let through is what carriers, browsers and links need, and nothing of the rest."""

from fnmatch import fnmatchcase
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from orchestra.deploy.proxy import RECORDING, caddyfile, public_prefixes
from orchestra.settings import Settings
from orchestra.voice.carriers.registry import carrier_names, open_carrier
from orchestra.voice.edge import dial_api
from orchestra.voice.edge.calls_api import calls_router

SECRETS = {
    "twilio_auth_token": "t",
    "telnyx_api_key": "k",
    "telnyx_public_key": "A" * 43 + "=",
    "plivo_auth_token": "t",
    "vonage_signature_secret": "s" * 32,
    "sip_token": "s" * 32,
}


def is_public(path: str) -> bool:
    return path.startswith(tuple(public_prefixes())) or fnmatchcase(path, RECORDING)


def paths_of(carrier: str) -> list[str]:
    settings = Settings.model_validate({**SECRETS, "carrier": carrier, "public_url": "https://voice.example.com"})
    routes = open_carrier(settings).routes(MagicMock()).routes
    return [cast("Any", route).path for route in routes]


@pytest.mark.parametrize("carrier", [name for name in carrier_names() if name != "sip"])
def test_everything_that_a_carrier_asks_for_is_public(carrier: str) -> None:
    found = paths_of(carrier)
    assert found
    # the address without a path leads to the page for this machine
    assert [path for path in found if not is_public(path)] == (["/"] if carrier == "browser" else [])


def test_nothing_else_of_an_edge_is_public() -> None:
    others = [*calls_router(Settings(), MagicMock()).routes, *dial_api.router.routes]
    private = [*paths_of("sip"), *(cast("Any", route).path for route in others), "/healthz", "/readyz", "/metrics"]
    assert {path for path in private if is_public(path)} == {"/calls/{call}/recording"}


def test_the_proxy_has_the_same_paths() -> None:
    text = caddyfile("voice.example.com", ["edge-1", "edge-2"])
    (line,) = (line.split() for line in text.splitlines() if "@public path" in line)
    assert line[2:] == [*(f"{prefix}*" for prefix in public_prefixes()), RECORDING]
    assert "reverse_proxy edge-1:8480 edge-2:8480 {" in text
