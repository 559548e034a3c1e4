"""A call that is forgotten is in no store any more, and what comes of it late is not stored."""

import asyncio
import json
import time
from errno import ENOSPC
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestra.atomic_file import write_atomically
from orchestra.bus.tombstones import forgotten_at
from orchestra.campaign.contacts import Contact
from orchestra.campaign.options import CampaignOptions
from orchestra.campaign.store import CampaignStore
from orchestra.curation.evaluation import SET_FILE, EvaluatedCall, write_set
from orchestra.errors import UsageError
from orchestra.filesystem import FileRoot
from orchestra.forgetting.chosen import is_of, parse_wanted
from orchestra.forgetting.forget import forget
from orchestra.forgetting.receipt import Receipt
from orchestra.retention.holds import Holds
from orchestra.settings import Settings
from orchestra.storage.callers import Callers
from orchestra.storage.secrets import number_key
from orchestra.testing import TestBus
from orchestra.voice.edge.dial_requests import DialRequest, DialRequests
from orchestra.webhooks.message import message_of
from orchestra.webhooks.queue import Addressed, add_messages
from orchestra_schemas import AudioChunk, CallAnalysed, CallEnded, CallStarted, Event, RecordingSaved, UserTurnEnded
from orchestra_workers.archive import consumer as archive
from orchestra_workers.persistence import consumer as persistence

GONE, KEPT = "+15550001", "+15559999"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"archive_flush_s": 0.05})


def a_call(call: str, number: str, words: str) -> list[Event]:
    return [
        CallStarted(call=call, from_number=number, to_number="+15550100", provider_call=f"CA{call[-12:]}"),
        UserTurnEnded(call=call, turn=1, text=words),
        AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\x10\x20" * 800),
        CallEnded(call=call, turn=1, reason="caller_hung_up", duration_s=0.1, audio_ms=100),
    ]


async def kept_by_redis(bus: TestBus) -> str:
    """Every key with its value as the server writes it into a dump, not compressed."""
    redis: Any = bus.bus.redis
    await redis.config_set("rdbcompression", "no")
    return "\n".join([f"{name!r} {await redis.dump(name)!r}" async for name in redis.scan_iter()])


def kept_in_files(folder: Path) -> str:
    """The names and contents of all files, those of Parquet decoded."""
    said = []
    for path in sorted(folder.rglob("*")):
        said.append(str(path))
        if path.suffix == ".parquet":
            said.append(str(duckdb.execute(f"FROM read_parquet('{path}')").fetchall()))
        elif path.is_file():
            said.append(path.read_bytes().decode("latin-1"))
    return "\n".join(said)


async def kept(bus: TestBus, settings: Settings) -> str:
    """What every store of this installation says."""
    return await kept_by_redis(bus) + await asyncio.to_thread(kept_in_files, settings.data_dir)


async def finished_calls(bus: TestBus) -> tuple[str, str]:
    """One call that is to go and one that stays, in every store that keeps anything of calls."""
    gone, stays = bus.call(1), bus.call(1)
    redis, key = bus.bus.redis, number_key(bus.bus.settings)
    async with bus.run(persistence, archive):
        for step in zip(a_call(gone, GONE, "rhubarb marmalade"), a_call(stays, KEPT, "where is it"), strict=True):
            await bus.publish(*step)
        await bus.settled()
    requests = DialRequests(bus.bus, 3600)
    campaign = CampaignStore(bus.bus, "spring")
    await campaign.create("hash", CampaignOptions())
    await campaign.add([Contact(row=2, number=GONE), Contact(row=3, number=KEPT)])
    for call, number, row in ((gone, GONE, 2), (stays, KEPT, 3)):
        await Callers(bus.bus, key).remember(number, call)
        await redis.hset(bus.bus.key(call, "mood", call), "tone", f"{number} is cross")  # state of somebody's consumer
        await redis.set(bus.bus.key(0, "provider", f"CA{call[-12:]}"), f"{call} 0 over")
        await redis.set(bus.bus.key(0, "signed", f"of {row}"), f"CA{call[-12:]}")
        await redis.hset(bus.bus.key(call, "published", "mood"), f"{call}:test.1", 1)
        await redis.hset(
            campaign._attempts,
            f"{row:09}", b'{"number":1,"call":"%s","outcome":"answered"}' % call.encode(),
        )  # fmt: skip
        await requests.begin(f"{call} please", DialRequest(asked="", call=call, at=time.time()))
        await redis.xadd(
            bus.bus.key(call, "dead", "mood"), {"type": "call.ended", "call": call, "body": f"{number} broke it"}
        )
        (entry,) = [
            each async for each in bus.bus.entries(1, "events") if each.call == call and each.type == "call.ended"
        ]
        message, _ = message_of(entry, None, 1.0)
        await add_messages(bus.bus, 1, [Addressed("crm", call, "", message)], "", 1.0)
        await redis.hset(bus.bus.key(1, "webhooks", "failing", "crm"), call, "{}")
    folder = bus.bus.settings.data_dir
    annotated = {call: EvaluatedCall(call=call, task=1, annotation=1, updated_at="") for call in (gone, stays)}
    write_set(folder / SET_FILE, annotated.values())
    kept = {"comparison": {"calls": [{"call": gone, "notes": ["rhubarb"]}, {"call": stays}]}}
    write_atomically(folder / "comparisons" / "1.json", json.dumps(kept).encode())
    return gone, stays


async def test_nothing_of_a_forgotten_call_is_left_in_any_store(bus: TestBus, settings: Settings) -> None:
    gone, stays = await finished_calls(bus)
    before = await kept(bus, settings)
    for trace in (gone, GONE, "rhubarb", f"CA{gone[-12:]}"):
        assert trace in before
    there, _ = await forget(bus.bus, parse_wanted([GONE]), dry_run=True)
    assert await kept(bus, settings) == before
    receipt, refused = await forget(bus.bus, parse_wanted(["+1 (555) 00-01"]))
    assert (refused, receipt.failed, receipt.found) == ([], (), there.found)
    after = await kept(bus, settings)
    for trace in (gone, GONE, GONE[1:], "rhubarb", f"CA{gone[-12:]}"):
        assert trace not in after
        assert trace not in str(receipt)
    assert {each.store for each in receipt.found} == {
        "recordings", "archive", "Redis: journal", "Redis: media stream", "Redis: record and state",
        "Redis: dead letters", "Redis: webhooks", "Redis: callers' memory", "Redis: contacts of campaigns",
        "Redis: ids and requests of the carrier", "evaluation set", "evaluations and comparisons",
    }  # fmt: skip
    assert before.count(stays) == after.count(stays)
    assert before.count(KEPT) == after.count(KEPT)
    assert list(await forgotten_at(bus.bus, [gone, stays])) == [gone]


async def test_what_comes_late_of_a_forgotten_call_is_stored_nowhere(bus: TestBus, settings: Settings) -> None:
    gone, stays = await finished_calls(bus)
    await forget(bus.bus, parse_wanted([gone]))
    async with bus.run(persistence, archive):
        for call in (gone, stays):
            await bus.publish(
                CallAnalysed(call=call, summary="they wanted rhubarb"),
                RecordingSaved(call=call, url=f"file:///{call}.wav", duration_s=1.0, sample_rate=8000),
            )
        await bus.settled()
    assert gone not in await kept(bus, settings)
    assert {event.call for event in await bus.published(CallAnalysed)} == {stays}


async def test_consumers_go_on_where_they_were_after_entries_were_deleted(bus: TestBus, settings: Settings) -> None:
    gone, stays = await finished_calls(bus)
    async with bus.run(persistence, archive):
        await forget(bus.bus, parse_wanted([gone]))
        await bus.publish(UserTurnEnded(call=stays, turn=2, text="and then"))
        await bus.settled()
        assert sum(runtime.missing for runtime in bus.runtimes) == 0
    groups = {status.group: status for status in await bus.bus.groups() if status.partition == 1}
    assert [(groups[name].lag, groups[name].pending) for name in ("archive", "persistence")] == [(0, 0), (0, 0)]
    assert "and then" in await asyncio.to_thread(kept_in_files, settings.data_dir)


async def test_a_running_call_and_a_held_one_are_refused_with_the_reason(bus: TestBus) -> None:
    gone, _ = await finished_calls(bus)
    running = bus.call(1)
    async with bus.run(persistence, archive):
        await bus.publish(CallStarted(call=running, from_number=GONE))
        await bus.settled()
    await Holds(bus.bus).hold_call(gone, "case 12")
    receipt, refused = await forget(bus.bus, parse_wanted([GONE]))
    assert dict(refused) == {
        gone: "it is held: case 12", running: "it is running: run the command again when it has ended"
    }  # fmt: skip
    assert receipt.calls == ()
    assert await bus.published(CallStarted, gone)
    await Holds(bus.bus).release(calls=[gone])
    await Holds(bus.bus).hold_party(GONE, [], "case 13")
    _, refused = await forget(bus.bus, parse_wanted([gone]))
    assert refused == [(gone, "it is held: case 13")]
    assert await Holds(bus.bus).held_calls() == {gone, running}


async def test_a_person_is_held_however_a_carrier_writes_the_number(bus: TestBus) -> None:
    holds = Holds(bus.bus)
    for held, said in (("sip:ann@pbx.example.com", "sip:ann"), ("sip:+15550001234@trunk.example.com", "0015550001234")):
        (party,) = parse_wanted([held]).parties
        await holds.hold_party(party, [], "case 14")
        assert list(await holds.of({"call": said, "other": "+15550001235"})) == ["call"]
        assert await holds.release(parties=[party]) == 1
        assert await holds.of({"call": said}) == {}


async def test_nothing_is_forgotten_before_every_group_has_handled_it_unless_it_is_given_up(bus: TestBus) -> None:
    gone, _ = await finished_calls(bus)
    await bus.bus.redis.xgroup_create(bus.bus.key(1, "events"), "slow", "0")
    with pytest.raises(UsageError, match=r"not handled by slow \(\d\). Run the workers, or give --past slow"):
        await forget(bus.bus, parse_wanted([gone]), within_s=0)
    assert await bus.published(CallEnded, gone)
    receipt: Receipt
    receipt, _ = await forget(bus.bus, parse_wanted([gone]), within_s=0, past=["slow"])
    assert len(receipt.calls) == 1
    assert not await bus.published(CallEnded, gone)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("web", "neither the id of a call nor somebody's number"),
        ("15550001", "neither the id of a call nor somebody's number"),
        ("0015550001", "write a number with"),
        ("tel:15550001", "neither the id of a call nor somebody's number"),
        ("*", "neither the id of a call nor somebody's number"),
        ("+266696687", "what carriers send for every withheld number"),
        ("sip:+266696687@trunk.example.com", "what carriers send for every withheld number"),
    ],
)
def test_only_calls_and_people_can_be_forgotten(what: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_wanted([what])


@pytest.mark.parametrize(
    ("asked", "said_by_the_carrier", "is_meant"),
    [
        ("+1 (555) 000-1234", "+15550001234", True), ("tel:+1-555-000-1234", "+15550001234", True),
        ("+15550001234", "+1 555 000 1234", True), ("+15550001234", "tel:+15550001234;phone-context=x", True),
        ("+15550001234", "0015550001234", True), ("+15550001234", "15550001234", True),
        ("+15550001234", "sip:15550001234", True), ("+15550001234", "sip:0015550001234@trunk.example.com", True),
        ("+15550001234", "sip:+15550001234@trunk.example.com;user=phone", True),
        ("sip:+15550001234@trunk.example.com", "+15550001234", True),
        ("sip:+15550001234@trunk.example.com", "sip:15550001234@other.example.com", True),
        ("sip:ann@pbx.example.com", "sip:ann", True), ("sip:ann@pbx.example.com", "sip:ann@other.example.com", False),
        ("sip:ann", "sip:ann@pbx.example.com", True), ("+15550001234", "+15550001235", False),
        ("+15550001234", "5550001234", False), ("+4712345678", "4712345678", False), ("+15550001234", "", False),
        ("sip:201", "sip:201", True), ("sip:201@pbx.example.com", "+2010000", False),
    ],
)  # fmt: skip
def test_a_person_is_meant_however_a_carrier_writes_the_number(
    asked: str, said_by_the_carrier: str, is_meant: bool
) -> None:
    assert is_of(said_by_the_carrier, parse_wanted([asked]).parties) is is_meant


async def test_while_the_archive_cannot_be_written_the_calls_are_still_found_by_the_number(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, _ = await finished_calls(bus)
    with monkeypatch.context() as full:

        def write(root: FileRoot, path: str, content: bytes) -> None:
            raise OSError(ENOSPC, f"no space for {len(content)} bytes of {root}/{path}")

        full.setattr(FileRoot, "write", write)
        receipt, _ = await forget(bus.bus, parse_wanted([GONE]))
        assert len(receipt.failed) == 1
        assert "no space" in receipt.failed[0]
    receipt, _ = await forget(bus.bus, parse_wanted([GONE]))
    assert (receipt.failed, len(receipt.calls)) == ((), 1)
    assert gone not in await kept(bus, settings)
