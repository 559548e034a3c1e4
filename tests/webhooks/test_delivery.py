"""Chosen events reach real receivers: signed, redacted, in order per call, whatever the others do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.webhooks.handlers import Webhooks
from orchestra_schemas import CallEnded, CallStarted, Event, RecordingSaved, ReplySpoken
from tests.servers.webhook_receiver import SECRET, WebhookReceiver, json_of


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
    monkeypatch.setenv("CRM_SECRET", SECRET)
    file = tmp_path / "webhooks.toml"
    file.write_text(
        f'[crm]\nurl = "{crm.url}"\nsecret_env = "CRM_SECRET"\n'
        f'[billing]\nurl = "{billing.url}"\nsecret_env = "CRM_SECRET"\nevents = ["call.ended"]\napps = ["shop"]\n'
    )
    return settings.model_copy(update={"webhooks": file, "webhooks_private": True})


def a_call(call: str, app: str = "") -> list[Event]:
    return [
        CallStarted(call=call, app=app, from_number="+15550001"),
        ReplySpoken(call=call, text="Welcome."),
        CallEnded(call=call, reason="caller_hung_up", duration_s=5.0),
        RecordingSaved(call=call, url=f"file:///recordings/{call}.wav"),
    ]


KINDS = ["call.started", "call.ended", "recording.saved"]


async def test_what_an_endpoint_wants_arrives_signed_redacted_and_in_order(
    bus: TestBus, crm: WebhookReceiver, billing: WebhookReceiver
) -> None:
    calls = [bus.call() for _ in range(20)]
    async with bus.run(Webhooks().consumer):
        stored = [
            event
            for number, call in enumerate(calls)
            for event in await bus.publish(*a_call(call, ["shop", "help"][number % 2]))
        ]
        await crm.until(lambda: len(crm.delivered) == 60)
        await billing.until(lambda: len(billing.delivered) == 10)
    for call in calls:
        assert [each["type"] for each in crm.delivered if each["data"]["call"] == call] == KINDS
    assert {each["data"]["id"] for each in crm.delivered} == {
        event.id for event in stored if not isinstance(event, ReplySpoken)
    }
    assert {each["data"]["call"] for each in billing.delivered} == set(calls[::2])
    assert "5550001" not in "".join(map(json_of, crm.delivered))
    assert not crm.refused
    assert set(crm.headers[0]) >= {"webhook-id", "webhook-timestamp", "webhook-signature"}
