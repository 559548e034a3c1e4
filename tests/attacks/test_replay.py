"""A captured webhook is worthless: a call is admitted once, however often, late or elsewhere it is replayed."""

import asyncio
from urllib.parse import parse_qsl, quote

import pytest

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted
from tests.attacks.wire import Captured, a_caller_gets_through, incoming, parameters_of, send, stream_of
from tests.voice.edge.test_edge_faults import edge_on_a_server_of_its_own
from tests.voice.edges import running_edge

SID = "CA" + "a1" * 16
HANGS_UP = "<Response><Hangup /></Response>"


async def test_thirty_replays_use_one_line_and_get_one_answer(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, max_calls=2) as running:
        asked = incoming(running, SID)
        answers = {await send(running, asked) for _ in range(5)}
        answers |= set(await asyncio.gather(*(send(running, asked) for _ in range(25))))
        ((status, twiml),) = answers
        assert (status, bool(parameters_of(twiml))) == (200, True)
        await a_caller_gets_through(running)


async def test_replays_of_a_started_or_finished_call_get_no_token(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, max_calls=2, reconnect_s=0.1) as running:
        asked = incoming(running, SID)
        parameters = parameters_of((await send(running, asked))[1])
        async with stream_of(running, SID, parameters):
            await running.event(CallStarted)
            assert HANGS_UP in (await send(running, asked))[1]
        await running.event(CallEnded)
        assert HANGS_UP in (await send(running, asked))[1]
        await a_caller_gets_through(running)


async def test_a_replay_at_another_edge_or_after_a_restart_uses_no_line(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, max_calls=1, public_url="https://voice.example.com") as running:
        running.url = "https://voice.example.com"
        asked, here = incoming(running, SID), running.edge.settings.port
        running.url = f"http://127.0.0.1:{here}"
        first = await send(running, asked)
        async with running_edge(bus, settings, max_calls=1, public_url="https://voice.example.com") as other:
            assert await send(other, asked) == first
            async with stream_of(running, SID, parameters_of(first[1])):
                await running.event(CallStarted)
                assert HANGS_UP in (await send(other, asked))[1]
            assert len(other.edge.admission) == 0
            assert not other.edge.admission.is_full(0)
    async with running_edge(bus, settings, max_calls=1, public_url="https://voice.example.com") as restarted:
        assert HANGS_UP in (await send(restarted, asked))[1]
        assert not restarted.edge.admission.is_full(0)


async def test_a_form_split_differently_under_the_same_signature_is_refused(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        asked = incoming(running, SID)
        assert parameters_of((await send(running, asked))[1])
        fields = sorted(parse_qsl(asked.body.decode()))
        text = "".join(name + value for name, value in fields)
        for end in (12, 30, 50):  # the id ends sooner or later; the rest becomes another field
            body = f"CallSid={quote(text[7:end])}&{quote(text[end : end + 6])}={quote(text[end + 6 :])}"
            status, twiml = await send(running, asked, body=body.encode())
            assert (status, parameters_of(twiml)) == (403, {})


async def test_replays_of_a_call_refused_as_busy_use_no_line_later(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, max_calls=1) as running:
        first, second = incoming(running, "CA1"), incoming(running, "CA2")
        await send(running, first)
        assert 'reason="busy"' in (await send(running, second))[1]
        over = Captured.of(running, "/twilio/status", CallSid="CA1", CallStatus="completed")
        assert (await send(running, over))[0] == 204
        assert 'reason="busy"' in (await send(running, second))[1]
        await a_caller_gets_through(running)


@pytest.mark.parametrize("told_elsewhere", [False, True])
async def test_callers_who_hang_up_before_their_stream_starts_free_their_line_at_once(
    bus: TestBus, settings: Settings, *, told_elsewhere: bool
) -> None:
    async with (
        running_edge(bus, settings, max_calls=3) as running,
        running_edge(bus, settings, public_url=running.url) as other,
    ):
        asked = [incoming(running, f"CA{number}") for number in range(3)]
        for each in asked:
            assert parameters_of((await send(running, each))[1])
        for number in range(3):
            over = Captured.of(running, "/twilio/status", CallSid=f"CA{number}", CallStatus="completed")
            assert (await send(other if told_elsewhere else running, over))[0] == 204
        await a_caller_gets_through(running)
        assert [HANGS_UP in (await send(running, each))[1] for each in asked] == [True] * 3


@pytest.mark.faults
async def test_replays_while_redis_is_down_get_one_answer(settings: Settings) -> None:
    async with edge_on_a_server_of_its_own(settings) as (running, server):
        asked = incoming(running, SID)
        await server.kill()
        answers = {await send(running, asked) for _ in range(4)}
        assert len(answers) == 1
        ((status, twiml),) = answers
        assert (status, bool(parameters_of(twiml))) == (200, True)
        await server.start()


@pytest.mark.parametrize(
    "kept", ["", "nonsense", "07-x", "07-x soon waits", "07-x 1 dances", "07-x 99999999999999 waits \xff"]
)
async def test_an_invalid_index_entry_does_not_keep_callers_out(bus: TestBus, settings: Settings, kept: str) -> None:
    async with running_edge(bus, settings) as running:
        await bus.bus.redis.set(bus.bus.key(0, "provider", SID), kept.encode("latin-1"))
        assert (await send(running, incoming(running, SID)))[0] == 200
        over = Captured.of(running, "/twilio/status", CallSid=SID, CallStatus="completed")
        assert (await send(running, over))[0] == 204
        await a_caller_gets_through(running)
