"""Captured requests of the carrier give an attacker no control over another caller's call."""

import asyncio

import pytest

from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallAnswered,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    ReplySpoken,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.attacks.wire import Captured, closed_with, incoming, parameters_of, send, stream_of
from tests.voice.edge.test_edge_returns import cut
from tests.voice.edges import Greeting, running_edge, tone

HANGS_UP = "<Response><Hangup /></Response>"


@pytest.mark.parametrize(
    "more",
    ["?#&call={}", "#?call={}", "?&call={}", "?call={}", "?x#&call={}", "/?call={}", "?call=&call={}", ";call={}"],
)
@pytest.mark.parametrize("path", ["/twilio/voice", "/twilio/after-stream", "/twilio/status"])
async def test_changing_the_address_of_a_captured_request_reaches_no_other_call(
    bus: TestBus, settings: Settings, path: str, more: str
) -> None:
    async with running_edge(bus, settings) as running:

        async def talk(line: PhoneLine) -> None:
            victim = (await running.event(CallStarted)).call
            captured = Captured.of(running, path, CallSid="CA" + "6" * 32, CallStatus="completed")
            status, answer = await send(running, captured, path + more.format(victim))
            assert (status in (400, 403, 404, 307), parameters_of(answer)) == (True, {})
            heard_s = line.agent_audible_s
            assert await line.until(lambda: line.agent_audible_s > heard_s or line.agent_audible_s > 0.15, 60)
            await running.event(ReplySpoken, turn=0)

        ending = await running.call(talk)
    assert (ending.how, ending.streams) == ("caller_hung_up", 1)


async def test_a_repeated_parameter_or_a_reordered_form_is_refused(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        twice = Captured.of(running, "/twilio/status?call=00-own&call=00-other", CallSid="CA1", CallStatus="completed")
        assert (await send(running, twice))[0] == 403
        captured = incoming(running, "CA1")
        for body in (captured.body + b"&CallSid=CA2", b"CallSid=CA2&" + captured.body):
            assert (await send(running, captured, body=body))[0] == 403


async def test_a_replayed_end_of_stream_request_opens_no_stream_while_a_later_one_runs(
    bus: TestBus, settings: Settings
) -> None:
    async with running_edge(bus, settings, app=Greeting(greeting="One two three four five six. " * 10)) as running:

        async def talk(line: PhoneLine) -> None:
            call = (await running.event(CallStarted)).call
            sid = (await running.event(CallStarted)).provider_call
            assert await line.until(lambda: line.agent_audible_s > 0.2, 60)
            cut(line)
            await running.event(CallResumed)
            captured = [
                Captured.of(running, f"/twilio/{path}?call={call}", CallSid=sid, CallStatus="in-progress")
                for path in ("after-stream", "after-dial")
            ]
            answers = [await send(running, each) for each in captured]
            assert [HANGS_UP in answer for _, answer in answers] == [True, True]
            heard_s = line.agent_audible_s
            assert await line.until(lambda: line.agent_audible_s > heard_s + 0.5, 60)

        ending = await running.call(talk)
        assert (ending.how, ending.streams) == ("caller_hung_up", 2)
        await running.event(CallEnded, reason="caller_hung_up")
    assert len(await bus.published(CallResumed)) == 1
    assert not await bus.published(TransferFailed)


async def test_a_replayed_report_fails_a_transfer_only_once(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "a person please", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            sid = (await running.event(CallStarted)).provider_call
            await bus.publish(
                CallTransferRequested(call=call, turn=1, target="+15550003"),
                TurnCompleted(call=call, turn=1, agent="a"),
            )
            await running.event(CallResumed)
            busy = Captured.of(
                running,
                f"/twilio/after-dial?call={call}",
                CallSid=sid,
                CallStatus="in-progress",
                DialCallStatus="no-answer",
            )
            answers = await asyncio.gather(*(send(running, busy) for _ in range(5)))
            assert [parameters_of(answer) for _, answer in answers] == [{}] * 5
            assert await line.until(lambda: line.agent_audible_s > 0.1, 60)  # "Nobody is there."

        assert (await running.call(talk, transfer_target=TransferTarget(presses=""))).streams == 2
    assert len(await bus.published(TransferFailed)) == 1
    assert len(await bus.published(CallResumed)) == 1


async def test_a_stream_token_opens_only_one_stream(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        asked = incoming(running, "CA1")
        first, second = [parameters_of((await send(running, asked))[1]) for _ in range(2)]
        assert first["token"] == second["token"]
        async with stream_of(running, "CA1", first) as socket:
            await running.event(CallStarted)
            async with stream_of(running, "CA1", second) as other:
                assert await closed_with(other) == 1008
            assert socket.close_code is None
    assert len(await bus.published(CallStarted)) == 1


async def test_the_result_of_machine_detection_is_published_once(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:
        call = bus.call()
        said = Captured.of(running, f"/twilio/machine?call={call}", CallSid="CA1", AnsweredBy="machine_end_beep")
        for _ in range(3):
            assert (await send(running, said))[0] == 204
    assert len(await bus.published(CallAnswered)) == 1
