"""`orchestra doctor` asks each carrier that is configured whether it takes our credentials."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from orchestra.cli.doctor.services import services
from orchestra.settings import Settings
from orchestra.simulator import TelnyxNetwork
from orchestra.voice.carriers.registry import webhook_url
from tests.servers.plivo import PlivoServer
from tests.servers.vonage import VonageRestServer

SECRETS = ("account token", "KEY0123", "signing 4711")


@pytest.fixture
async def accounts() -> AsyncIterator[dict[str, Any]]:
    """Settings of an account at each."""
    async with AsyncExitStack() as parts:
        telnyx = await parts.enter_async_context(TelnyxNetwork())
        telnyx.application["webhook_event_url"] = "https://voice.example.com/telnyx/voice"
        plivo = await parts.enter_async_context(PlivoServer("MA1", "account token"))
        vonage = await parts.enter_async_context(VonageRestServer())
        yield {
            **telnyx.settings,
            "plivo_api_url": plivo.url,
            "plivo_auth_id": "MA1",
            "plivo_auth_token": "account token",
            "plivo_number": "+15550100",
            **vonage.settings,
            "vonage_signature_secret": "signing 4711",
        }


async def found(accounts: dict[str, Any], **changed: Any) -> dict[str, tuple[bool | None, str]]:
    findings = await services(Settings.model_validate(accounts | changed))
    assert not any(secret in finding.detail for finding in findings for secret in SECRETS)
    return {finding.what: (finding.ok, finding.detail) for finding in findings}


async def test_valid_credentials_are_ok(accounts: dict[str, Any]) -> None:
    rows = await found(accounts)
    assert rows["Telnyx"] == (True, "key valid, application office active")
    assert rows["Plivo"] == (True, "credentials valid, number there")
    assert rows["Vonage"] == (True, "application and key valid")


@pytest.mark.parametrize(
    ("carrier", "changed", "said"),
    [
        ("Telnyx", {"telnyx_api_key": "x"}, "401"),
        ("Telnyx", {"telnyx_public_key": "x"}, "ORCHESTRA_TELNYX_PUBLIC_KEY"),
        ("Telnyx", {"telnyx_connection_id": "1"}, "404"),
        ("Telnyx", {"telnyx_api_url": "http://127.0.0.1:9"}, "does not answer"),
        ("Telnyx", {"public_url": "https://other.example.com"}, "to https://other.example.com/telnyx/voice"),
        ("Plivo", {"plivo_auth_token": "x"}, "401"),
        ("Plivo", {"plivo_number": "+15550199"}, "+15550199 is not a number"),
        ("Plivo", {"plivo_api_url": "nonsense"}, "does not answer"),
        ("Vonage", {"vonage_application_id": "x"}, "401"),
        ("Vonage", {"vonage_private_key": "x"}, "ORCHESTRA_VONAGE_PRIVATE_KEY"),
        ("Vonage", {"vonage_api_url": "http://127.0.0.1:9"}, "does not answer"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_said(accounts: dict[str, Any], carrier: str, changed: Any, said: str) -> None:
    ok, detail = (await found(accounts, **changed))[carrier]
    assert (ok, said in detail) == (False, True), detail


async def test_webhooks_that_come_to_our_address_are_right(accounts: dict[str, Any]) -> None:
    assert (await found(accounts, public_url="https://voice.example.com/"))["Telnyx"][0]


async def test_what_cannot_be_checked_is_not_wrong(accounts: dict[str, Any]) -> None:
    for carrier, missing in (
        ("Telnyx", "telnyx_connection_id"),
        ("Plivo", "plivo_auth_id"),
        ("Vonage", "vonage_private_key"),
    ):
        ok, detail = (await found(accounts, **{missing: ""}))[carrier]
        assert (ok, f"ORCHESTRA_{missing.upper()}" in detail) == (None, True), detail


@pytest.mark.parametrize("carrier", ["telnyx", "plivo", "vonage"])
async def test_a_carrier_is_listed_if_it_is_chosen(carrier: str) -> None:
    rows = {finding.what: finding.ok for finding in await services(Settings.model_validate({"carrier": carrier}))}
    assert rows[carrier.title()] is False
    assert len({"Telnyx", "Plivo", "Vonage"} & rows.keys()) == 1


@pytest.mark.parametrize(
    ("carrier", "webhook"),
    [
        ("twilio", "https://a.example.com/twilio/voice"),
        ("telnyx", "https://a.example.com/telnyx/voice"),
        ("plivo", "https://a.example.com/plivo/answer"),
        ("vonage", "https://a.example.com/vonage/answer"),
        ("browser", ""),
        ("nobody", ""),
    ],
)
def test_the_webhook_s_address_is_the_carrier_s(carrier: str, webhook: str) -> None:
    assert webhook_url(Settings.model_validate({"carrier": carrier}), "https://a.example.com/") == webhook
