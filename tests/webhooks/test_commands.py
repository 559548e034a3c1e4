"""The commands of webhooks against a receiver and a running worker."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.cli.doctor.webhooks import webhooks as doctor
from orchestra.errors import UsageError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.webhooks.handlers import Webhooks
from orchestra_schemas import CallEnded, CallStarted
from tests.servers.webhook_receiver import SECRET, WebhookReceiver

Orchestra = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def orchestra(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Orchestra:
    """Run a command in this process: its exit code and its output."""
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", str(settings.redis_url))
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("ORCHESTRA_WEBHOOKS", str(settings.webhooks))
    monkeypatch.setenv("ORCHESTRA_WEBHOOKS_PRIVATE", "true")

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        if isinstance(result.exception, UsageError):
            return 2, str(result.exception)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


@pytest.mark.integration
async def test_endpoints_are_listed_tested_and_sent_to_again(
    bus: TestBus, crm: WebhookReceiver, billing: WebhookReceiver, orchestra: Orchestra
) -> None:
    call = bus.call()
    async with bus.run(Webhooks().consumer):
        _, ended = await bus.publish(CallStarted(call=call, app="shop"), CallEnded(call=call, reason="silence"))
        await crm.until(lambda: len(crm.delivered) == 2)
        code, out = await orchestra("webhooks", "resend", ended.id)
        assert (code, out.splitlines()) == (0, ["billing: 1 event sent again", "crm: 1 event sent again"])
        await crm.until(lambda: len(crm.delivered) == 3)
    (code, out), (_, shown) = await orchestra("webhooks", "list", "--json"), await orchestra("webhooks", "list")
    assert code == 0
    listed = {each["name"]: each for each in map(msgspec.json.decode, out.splitlines())}
    assert (listed["crm"]["messages"], listed["crm"]["status"]["delivered"]) == (0, 3)
    assert listed["billing"]["apps"] == ["shop"]
    assert "200 said" in shown
    assert SECRET not in out + shown


async def test_a_test_message_is_signed_and_its_answer_is_the_exit_code(
    bus: TestBus, crm: WebhookReceiver, orchestra: Orchestra
) -> None:
    good = await orchestra("webhooks", "test", "crm")
    url = await orchestra("webhooks", "test", crm.url, "--secret-env", "CRM_SECRET")
    assert (good[0], url[0]) == (0, 0)
    assert "200 said" in good[1]
    assert [each["type"] for each in crm.delivered] == ["webhook.test"] * 2
    crm.trouble = lambda _path, _message: 500
    bad, unknown = await orchestra("webhooks", "test", "crm"), await orchestra("webhooks", "test", "nobody")
    assert (bad[0], unknown[0]) == (1, 2)
    assert "no endpoint 'nobody'" in unknown[1]


async def test_the_doctor_says_whether_endpoints_can_be_reached_and_have_their_secrets(
    settings: Settings, crm: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [each.ok for each in await doctor(settings)] == [True, True]
    assert not crm.delivered
    monkeypatch.delenv("CRM_SECRET")
    assert "the variable CRM_SECRET is not set" in (await doctor(settings))[0].detail
    assert [each.ok for each in await doctor(Settings())] == [None]
