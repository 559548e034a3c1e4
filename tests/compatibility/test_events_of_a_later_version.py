"""During a roll-out this version reads events of a later one: with types, fields and words that it does not know."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from orchestra import After
from orchestra.agents.handlers import Orchestration
from orchestra.archive.archive import Archive
from orchestra.archive.handlers import ArchiveHandlers
from orchestra.bus import Consumer, Entry
from orchestra.curation.task import is_wanted, task
from orchestra.demo import app as demo
from orchestra.execution.handlers import Execution
from orchestra.history.reduce import history_of
from orchestra.history.views import transcript
from orchestra.history.views.dialogue import dialogue
from orchestra.history.views.spans import spans
from orchestra.history.views.timeline import timeline
from orchestra.history.views.turn_summaries import call_summary
from orchestra.post_call.handlers import Analysis
from orchestra.settings import Settings
from orchestra.storage.handlers import Persistence
from orchestra.telemetry.logging_handlers import Logging
from orchestra.testing import TestBus
from orchestra.webhooks.handlers import Webhooks
from tests.compatibility.every_event import LATER_FIELD, LATER_TYPE, LATER_WORD, entries
from tests.servers.openobserve import PASSWORD, USER, OpenObserveServer
from tests.servers.webhook_receiver import SECRET, WebhookReceiver

KINDS = ("type", "field", "word")


@pytest_asyncio.fixture
async def openobserve() -> AsyncIterator[OpenObserveServer]:
    async with OpenObserveServer() as server:
        yield server


@pytest_asyncio.fixture
async def crm() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
def settings(
    redis_url: str,
    tmp_path: Path,
    openobserve: OpenObserveServer,
    crm: WebhookReceiver,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    monkeypatch.setenv("CRM_SECRET", SECRET)
    file = tmp_path / "webhooks.toml"
    events = f'["call.ended", "{LATER_TYPE}"]'
    file.write_text(f'[crm]\nurl = "{crm.url}"\nsecret_env = "CRM_SECRET"\nevents = {events}\n')
    return Settings(
        redis_url=redis_url, data_dir=tmp_path, openobserve_url=openobserve.url, openobserve_user=USER,
        openobserve_password=PASSWORD, webhooks=file, webhooks_private=True, archive_flush_s=0.1,  # type: ignore[arg-type]
    )  # fmt: skip


def consumers() -> list[Consumer]:
    app = replace(demo, after=After(summary=True))
    handlers = (
        Orchestration(app),
        Execution(app),
        Persistence(),
        ArchiveHandlers(),
        Analysis(app),
        Logging(),
        Webhooks(),
    )
    return [each.consumer for each in handlers]


@pytest.mark.integration
async def test_every_consumer_survives_types_fields_and_words_that_it_does_not_know(
    bus: TestBus, openobserve: OpenObserveServer, crm: WebhookReceiver
) -> None:
    calls = {kind: bus.call() for kind in KINDS}
    written = {call: list(entries(call, kind)) for kind, call in calls.items()}
    running = consumers()
    async with bus.run(*running):
        for call, found in written.items():
            for stream, fields in found:
                await bus.bus.redis.xadd(bus.bus.key(call, stream), fields)  # type: ignore[arg-type]
        await bus.settled(allow_dead=True)
        ids = {fields["id"].decode() for found in written.values() for _, fields in found}
        async with asyncio.timeout(30):
            while not ids <= set(openobserve.ids()) or len(crm.delivered) < len(KINDS) + 1:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    dead = {each.name: [(letter.type, letter.error) for letter in await bus.dead(each.name)] for each in running}
    assert dead == {each.name: [] for each in running}

    # what is not known is kept as it was: in the archive, in the logs, for webhooks
    stored = {entry.id: entry for entry in await asyncio.to_thread(archived, bus.bus.settings)}
    for found in written.values():
        for stream, fields in found:
            if stream == "events":
                assert json.loads(stored[fields["id"].decode()].body) == json.loads(fields["body"])
    rows = [row for each in openobserve.rows.values() for row in each]
    assert any(json.loads(row["body"]).items() >= LATER_FIELD.items() for row in rows if "teleported" in row["body"])
    assert [each["type"] for each in crm.delivered].count(LATER_TYPE) == 1
    # and what is known is used
    for kind, call in calls.items():
        record = await bus.bus.redis.hgetall(bus.bus.key(call, "call", call))
        assert record[b"status"] == b"ended"
        assert record[b"end_reason"].decode() == (LATER_WORD if kind == "word" else "caller_hung_up")
        journal = await bus.bus.journal(call)
        history = history_of(journal)
        assert history.record.status == "ended"
        for view in (timeline, spans, transcript.webvtt, call_summary):
            assert view(history)
        assert history.resume.ended
        shown = dialogue(history)
        assert is_wanted(shown, "all")
        assert task(call, shown, "")["data"]


def archived(settings: Settings) -> list[Entry]:
    return list(Archive.of(settings).entries())
