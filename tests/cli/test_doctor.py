"""`orchestra doctor` asks each service whether it is there and takes our credentials."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.cli.doctor.command import _installed
from orchestra.cli.doctor.services import model, services
from orchestra.settings import Settings
from tests.servers.deepgram import DeepgramServer
from tests.servers.elevenlabs import ElevenLabsServer
from tests.servers.label_studio import TOKEN, LabelStudioServer
from tests.servers.openai import OpenAIServer
from tests.servers.openobserve import PASSWORD, USER, OpenObserveServer
from tests.servers.server import NO_FAULTS, Faults, ProtocolServer
from tests.servers.twilio import TwilioServer

pytestmark = [  # Twilio's client's own business
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]


class OtlpServer(ProtocolServer):
    """Takes spans of whoever has the key."""

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/traces", self._traces)]

    async def _traces(self, request: web.Request) -> web.Response:
        self.admit(request)
        return web.Response(status=200 if request.headers.get("key") == "right" else 401)


@dataclass
class Services:
    """All servers, and settings that name them with the right credentials."""

    servers: tuple[ProtocolServer, ...]
    values: dict[str, Any]

    async def found(self, **changed: object) -> dict[str, tuple[bool | None, str]]:
        findings = await services(Settings.model_validate(self.values | changed))
        return {finding.what: (finding.ok, finding.detail) for finding in findings}


@pytest.fixture
async def there() -> AsyncIterator[Services]:
    deepgram = DeepgramServer(key="dg-key")
    elevenlabs = ElevenLabsServer(key="el-key")
    twilio = TwilioServer("AC1", "token")
    openobserve, otlp, studio = OpenObserveServer(), OtlpServer(NO_FAULTS), LabelStudioServer()
    servers = (deepgram, elevenlabs, twilio, openobserve, otlp, studio)
    async with AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server)
        values = {
            "stt": "deepgram", "deepgram_url": deepgram.ws_url, "deepgram_api_key": "dg-key",
            "tts": "elevenlabs", "elevenlabs_url": elevenlabs.ws_url, "elevenlabs_api_key": "el-key",
            "elevenlabs_voice": "test-voice",
            "twilio_api_url": twilio.url, "twilio_account_sid": "AC1", "twilio_auth_token": "token",
            "twilio_number": twilio.number,
            "openobserve_url": openobserve.url, "openobserve_user": USER, "openobserve_password": PASSWORD,
            "otlp_url": otlp.url, "otlp_headers": "key=right",
            "label_studio_url": studio.url, "label_studio_api_key": TOKEN,
        }  # fmt: skip
        yield Services(servers, values)


@pytest.mark.faults
async def test_every_service_with_valid_credentials_is_ok(there: Services) -> None:
    found = await there.found()
    assert {what: ok for what, (ok, _) in found.items()} == dict.fromkeys(found, True)
    assert len(found) == len(there.servers)


async def test_every_wrong_credential_is_named_with_its_setting(there: Services) -> None:
    found = await there.found(
        deepgram_api_key="x", elevenlabs_api_key="x", twilio_auth_token="x", openobserve_password="x",
        otlp_headers="key=wrong", label_studio_api_key="x",
    )  # fmt: skip
    assert {ok for ok, _ in found.values()} == {False}
    for what, words in {
        "Deepgram": ("401", "ORCHESTRA_DEEPGRAM_API_KEY"),
        "ElevenLabs": ("401", "ORCHESTRA_ELEVENLABS_API_KEY"),
        "Twilio": ("401",),
        "OpenObserve": ("401", "ORCHESTRA_OPENOBSERVE_USER"),
        "OTLP": ("401", "ORCHESTRA_OTLP_HEADERS"),
        "Label Studio": ("401",),
    }.items():
        assert all(word in found[what][1] for word in words), found[what]


@pytest.mark.faults
async def test_a_model_voice_or_number_that_does_not_exist_is_said(there: Services) -> None:
    found = await there.found(deepgram_model="nova-9", elevenlabs_voice="nobody", twilio_number="+15550199")
    assert [(found[what][0], name in found[what][1]) for what, name in (
        ("Deepgram", "nova-9"), ("ElevenLabs", "nobody"), ("Twilio", "+15550199")
    )] == [(False, True)] * 3  # fmt: skip
    shared = await there.found(elevenlabs_voice="shared-voice", deepgram_model="flux-general-en")
    assert shared["ElevenLabs"] == (True, "key valid, voice Shared, eleven_flash_v2_5")
    assert shared["Deepgram"][0]


@pytest.mark.faults
async def test_services_that_are_not_there_are_said_to_be_away(there: Services) -> None:
    for server in there.servers[:2]:
        server.faults = Faults(status=503)
    away = "http://127.0.0.1:9"
    found = await there.found(twilio_api_url=away, openobserve_url=away, otlp_url=away, label_studio_url=away)
    assert {ok for ok, _ in found.values()} == {False}
    assert "503" in found["Deepgram"][1]
    assert away in found["OTLP"][1]


@pytest.mark.parametrize(
    ("changed", "ok", "words"),
    [
        ({}, True, "test-model at http"),
        ({"model": "small"}, True, "does not list it"),
        ({"model_api_key": "x"}, False, "ORCHESTRA_MODEL_API_KEY"),
        ({"model_url": "http://127.0.0.1:9/v1"}, False, "cannot be reached"),
        ({"model_url": None, "model_api_key": ""}, False, "ORCHESTRA_MODEL_URL"),
        ({"model": "offline"}, True, "stand-in"),
    ],
)
async def test_the_model_s_server_is_asked_too(changed: dict[str, Any], ok: bool, words: str) -> None:
    async with OpenAIServer(lambda _messages, _tools: "", key="right") as server:
        values = {"model": "test-model", "model_url": f"{server.url}/v1", "model_api_key": "right"} | changed
        finding = await model(Settings.model_validate(values))
    assert (finding.ok, words in finding.detail) == (ok, True), finding.detail


async def test_what_is_not_set_is_needed_only_where_it_is_used() -> None:
    unset = {finding.what: finding.ok for finding in await services(Settings())}
    assert set(unset.values()) == {None}
    used = {finding.what: finding.ok for finding in await services(Settings(stt="deepgram", tts="elevenlabs"))}
    assert (used["Deepgram"], used["ElevenLabs"], used["Twilio"]) == (False, False, None)


async def test_the_command_exits_1_for_a_wrong_key_and_lists_voices(
    there: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    keep = ("deepgram_url", "deepgram_api_key", "elevenlabs_url", "elevenlabs_api_key", "elevenlabs_voice")
    for name in keep:
        monkeypatch.setenv(f"ORCHESTRA_{name.upper()}", there.values[name])
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    right = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--voices"])
    assert right.exit_code == 0, right.output
    assert "test-voice" in right.output
    assert "flux-general-en" in right.output
    monkeypatch.setenv("ORCHESTRA_ELEVENLABS_API_KEY", "x")
    wrong = await asyncio.to_thread(CliRunner().invoke, app, ["doctor"])
    assert wrong.exit_code == 1
    assert "not ok" in wrong.output


async def test_the_sip_gateway_is_asked_where_one_is_wanted(there: Services) -> None:
    assert "SIP" not in await there.found()
    ok, said = (await there.found(sip=True, sip_url="http://127.0.0.1:9"))["SIP"]
    assert not ok
    assert "start `orchestra sip`" in said


def test_every_extra_of_the_package_is_looked_at() -> None:
    extras = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    printed = CliRunner().invoke(app, ["doctor"]).output
    assert [name for name in extras if name != "all" and f"extra {name} " not in printed] == []


def test_a_package_that_suppresses_noise_is_needed_where_noise_is_to_be_suppressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> str:
        if name == "webrtc-noise-gain":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr("orchestra.cli.doctor.command.version", missing)
    found = {strength: list(_installed(Settings(noise_suppression=strength))) for strength in ("off", "strong")}  # type: ignore[arg-type]
    assert [finding.ok for finding in found["off"] if finding.what == "extra noise"] == [None]
    assert [finding.ok for finding in found["strong"] if finding.what == "extra noise"] == [False]
