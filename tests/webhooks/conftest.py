from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from orchestra.settings import Settings
from tests.command_line import _logging_of_the_tests  # noqa: F401 - a fixture
from tests.servers.webhook_receiver import SECRET, WebhookReceiver


@pytest_asyncio.fixture
async def crm() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def billing() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
def settings(
    settings: Settings, crm: WebhookReceiver, billing: WebhookReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Two endpoints: ``crm`` gets the default types, ``billing`` the ends of the shop's calls."""
    monkeypatch.setenv("CRM_SECRET", SECRET)
    file = tmp_path / "webhooks.toml"
    file.write_text(
        f'[crm]\nurl = "{crm.url}"\nsecret_env = "CRM_SECRET"\n'
        f'[billing]\nurl = "{billing.url}"\nsecret_env = "CRM_SECRET"\nevents = ["call.ended"]\napps = ["shop"]\n'
    )
    return settings.model_copy(update={"webhooks": file, "webhooks_private": True})


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds between systems takes milliseconds between tests."""
    monkeypatch.setattr("orchestra.webhooks.endpoint_health._FIRST_S", 0.02)
    monkeypatch.setattr("orchestra.webhooks.handlers._STATUS_S", 0.05)
    monkeypatch.setattr("orchestra.webhooks.delivery._LOOK_S", 0.2)
