"""Personal data in the journal: placeholders for all, and in clear for those that work on the call."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from orchestra import Consumer, Context
from orchestra.bus import Bus
from orchestra.bus.group.dead_letters import dead_letters, resolve
from orchestra.bus.sealing import Sealing, sealing_of
from orchestra.bus.stream.publish_once import publish_once
from orchestra.errors import SealedError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.carriers.port import Parties
from orchestra.voice.edge.dial_requests import DialRequests
from orchestra_schemas import (
    CallAnalysed,
    CallVariablesSet,
    DigitPressed,
    DigitsRequested,
    Event,
    Message,
    OperatorSaid,
    OperatorWhispered,
    PromptRequested,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolRequested,
    TranscriptFinal,
    TranscriptPartial,
    UserTurnEnded,
    tag_of,
)

SAID = "my number is 555 010 1234"
HIDDEN = "my number is [phone]"
DIGITS = "555 010 1234"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"redact_at_rest": True})


async def everything_in(bus: TestBus) -> str:
    """All that the server holds."""
    redis, found = bus.bus.redis, []
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        read = {b"stream": redis.xrange, b"hash": redis.hgetall, b"string": redis.get, b"set": redis.smembers}.get(kind)
        found.append(await redis.zrange(key, 0, -1) if read is None else await read(key))
    return repr(found)


async def test_who_works_on_a_call_reads_in_clear_what_the_server_does_not_hold(bus: TestBus) -> None:
    heard: dict[str, list[Any]] = {"agents": [], "later": [], "stranger": []}
    agents = Consumer("agents", streams=("events", "media"), in_clear=True)
    stranger = Consumer("stranger", streams=("events", "media"))

    @agents.on(TranscriptFinal, TranscriptPartial)
    async def direct(event: TranscriptFinal) -> None:
        heard["agents"].append(event.text)

    @agents.on(UserTurnEnded)
    async def answer(event: UserTurnEnded, context: Context) -> None:
        context.state.set("said", event.text.encode())
        await context.publish(ReplyChunk(call=event.call, turn=1, text=f"{DIGITS}, thank you."))
        if context.attempt == 1:
            msg = f"{DIGITS} is not known"
            raise ValueError(msg)
        heard["agents"] += [event.text, [each.text for each in await context.resume()]]

    @agents.on(ReplyInterrupted)
    async def read_state(_event: ReplyInterrupted, context: Context) -> None:
        heard["later"] += [await context.state.get("said"), await context.state.all()]

    @stranger.on(TranscriptFinal, TranscriptPartial, UserTurnEnded, ReplyChunk)
    async def look(event: TranscriptFinal) -> None:
        heard["stranger"].append(event.text)

    call = bus.call()
    async with bus.run(agents, stranger):
        stored = await bus.publish(
            TranscriptFinal(call=call, text=SAID), TranscriptPartial(call=call, text=SAID),
            UserTurnEnded(call=call, turn=1, text=SAID), TranscriptFinal(call=call, text="good-bye"),
        )  # fmt: skip
        await bus.settled()
        assert stored[0].text == SAID  # type: ignore[attr-defined]
        await bus.publish(ReplyInterrupted(call=call, turn=1))
        await bus.settled()
        held = await everything_in(bus)
    assert sorted(map(str, heard["agents"])) == sorted(
        map(str, [SAID, SAID, "good-bye", SAID, [f"{DIGITS}, thank you."]])
    )
    assert heard["later"] == [SAID.encode(), {"said": SAID.encode()}]
    assert sorted(heard["stranger"]) == sorted(["good-bye", HIDDEN, HIDDEN, HIDDEN, "[phone], thank you."])
    assert HIDDEN in held
    assert DIGITS not in held
    in_clear = [event.text for event in await bus.bus.journal(call, in_clear=True) if isinstance(event, UserTurnEnded)]
    assert (in_clear, (await bus.published(UserTurnEnded))[0].text) == ([SAID], HIDDEN)
    assert [entry.event().text async for entry in bus.bus.entries(int(call[:2]), "media", in_clear=True)] == [SAID]  # type: ignore[union-attr]


async def test_a_dead_letter_quotes_nobody_and_is_handled_in_clear_when_it_is_requeued(bus: TestBus) -> None:
    agents, heard, again = Consumer("agents", max_attempts=1, in_clear=True), list[str](), asyncio.Event()

    @agents.on(UserTurnEnded)
    async def answer(event: UserTurnEnded) -> None:
        if not heard:
            heard.append(event.text)
            msg = f"cannot answer {event.text!r}"
            raise ValueError(msg)
        heard.append(event.text)
        again.set()

    async with bus.run(agents):
        await bus.publish(UserTurnEnded(call=bus.call(), turn=1, text=SAID))
        await bus.settled(allow_dead=True)
        (letter,) = await dead_letters(bus.bus, "agents")
        assert HIDDEN in letter.error
        assert DIGITS not in await everything_in(bus)
        assert await resolve(bus.bus, [letter], "requeue") == 1
        async with asyncio.timeout(10):
            await again.wait()
        await bus.settled()
    assert heard == [SAID, SAID]
    assert DIGITS not in await everything_in(bus)


async def test_what_was_sealed_is_opened_in_its_place_only_and_with_the_key_only(
    bus: TestBus, settings: Settings
) -> None:
    call, other = bus.call(3), bus.call(3)
    await bus.publish(UserTurnEnded(call=call, turn=1, text=SAID))
    (entry,) = [each async for each in bus.bus.entries(3, "events")]
    sealing = bus.bus.sealing
    assert sealing.open(call, entry.id, entry.sealed) is not None
    with capture_logs() as logs:
        assert sealing.open(other, entry.id, entry.sealed) is None
        assert sealing.open(call, f"{entry.id}1", entry.sealed) is None
        assert sealing.open(call, entry.id, b"short") is None
        assert Sealing(lambda: b"another key").open(call, entry.id, entry.sealed) is None
    assert [each["event"] for each in logs] == ["journal.sealed_by_another_key"] * 2
    state = sealing.seal_state(call, "said", b"x")
    with pytest.raises(SealedError, match="ORCHESTRA_VAULT_KEY"):
        sealing.open_state(call, "heard", state)
    unsealed = await Bus.connect(settings.model_copy(update={"redact_at_rest": False}))
    try:  # the setting is changed while calls go on
        assert [e.text for e in await unsealed.journal(call, in_clear=True) if isinstance(e, UserTurnEnded)] == [SAID]
        assert unsealed.sealing.open_state(call, "said", state) == b"x"
        assert unsealed.sealing.seal_state(call, "said", b"x") == b"x"
        assert sealing.open_state(call, "said", b"x") == b"x"
    finally:
        await unsealed.close()


async def test_every_kind_of_event_is_sealed_where_it_quotes_somebody(bus: TestBus) -> None:
    call = bus.call()
    messages = (Message(role="user", content=SAID), Message(role="user", content="Ann?"))
    events: list[tuple[Event, str]] = [
        (DigitPressed(call=call, digit="7"), '"digit":"*"'),
        (DigitsRequested(call=call, digits="4711"), '"digits":"****"'),
        (CallVariablesSet(call=call, variables={"name": "Annabel"}), '"name":"[variable]"'),
        (OperatorSaid(call=call, operator="Kim", text=f"Call {DIGITS}."), "Call [phone]."),
        (OperatorWhispered(call=call, operator="Kim", note=f"Call {DIGITS}."), "Call [phone]."),
        (PromptRequested(call=call, turn=1, agent="desk", messages=messages), HIDDEN),
        (ToolRequested(call=call, turn=1, agent="desk", name="find", arguments=f'{{"number": "{DIGITS}"}}'), "[phone]"),
        (ReplySpoken(call=call, turn=1, text="five five five, zero one zero, one two three four"), "[phone]"),
        (CallAnalysed(call=call, summary=f"Calls from {DIGITS}"), "Calls from [phone]"),
    ]
    stored = await bus.publish(*(event for event, _ in events))
    entries = [entry async for entry in bus.bus.entries(int(call[:2]), "events")]
    bodies = {entry.type: entry.body.decode() for entry in entries}
    for event, shown in events:
        assert shown in bodies[tag_of(type(event))], bodies[tag_of(type(event))]
    assert await bus.bus.journal(call, in_clear=True) == stored


async def test_without_a_key_nothing_is_in_clear_and_it_is_said_once(tmp_path: Path) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("no folder")
    sealing = sealing_of(Settings(data_dir=blocked, redact_at_rest=True))
    body = f'{{"type":"user.turn.ended","text":"{SAID}"}}'.encode()
    with capture_logs() as logs:
        for call in ("01-1", "01-2"):
            redacted, sealed = sealing.seal(call, "user.turn.ended", "1", body)
            assert (HIDDEN in redacted.decode(), sealed, sealing.open(call, "1", b"x" * 40)) == (True, b"", None)
    assert [each["event"] for each in logs] == ["journal.sealed_by_another_key"]
    with pytest.raises(SealedError, match="ORCHESTRA_VAULT_KEY"):
        sealing.seal_state("01-1", "said", b"x")


async def test_requests_are_sealed_too(bus: TestBus, settings: Settings) -> None:
    call, dials = bus.call(), DialRequests(bus.bus, 60)
    await publish_once(bus.bus, UserTurnEnded(call=call, turn=1, text=SAID), source="desk", request="1")
    await dials.keep(call, {"name": "Ann"}, "sales")
    held = await everything_in(bus)
    assert (DIGITS in held, "Ann" in held, HIDDEN in held) == (False, False, True)
    begun = await dials.complete(Parties(call=call, provider_call="CA1", direction="outbound"))
    assert (begun.variables, begun.line) == ({"name": "Ann"}, "sales")
    assert not sealing_of(settings.model_copy(update={"redact_at_rest": False})).seals
