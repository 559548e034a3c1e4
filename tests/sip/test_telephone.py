"""A telephone that is strict about SIP calls through the gateway: what it hears, and what the journal says."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from orchestra.settings import Settings
from orchestra.simulator import PhoneLine
from orchestra.simulator.sip import Faults, Leg, Telephone
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    CallEndRequested,
    CallStarted,
    DigitPressed,
    ReplyInterrupted,
    ReplySpoken,
    TurnCompleted,
    UserTurnEnded,
)
from tests.sip.sip_line import PATIENCE_S, SipLine, hear_greeting, quiet, sip_line
from tests.voice.edges import Greeting, tone

pytestmark = pytest.mark.integration

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


def leg_of(line: SipLine) -> Leg:
    leg = line.callers[-1].leg
    assert leg is not None
    return leg


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_is_answered_a_turn_is_heard_and_who_calls_is_known(
    bus: TestBus, settings: Settings, transport: str
) -> None:
    async with sip_line(bus, settings, "where is it", sip_headers="X-Campaign") as line:

        async def talk(phone: PhoneLine) -> None:
            which = await line.asks(phone)
            await quiet(phone)
            before = phone.agent_audible_s
            await line.answer(which, "In a lorry.")
            await line.edge.event(ReplySpoken, turn=1)
            await quiet(phone)
            assert phone.agent_audible_s - before == pytest.approx(0.3, abs=0.06)

        outcome = await line.call(
            talk, user="help", transport=transport, from_user="+15550007", headers=[("x-campaign", "spring")]
        )
        assert (outcome.how, line.complaints) == ("caller_hung_up", [])
        assert (await line.edge.event(CallEnded)).reason == "caller_hung_up"
        started = await line.edge.event(CallStarted)
    assert (started.from_number, started.to_number) == ("+15550007", "sip:help")
    assert started.variables == {"X-Campaign": "spring", "caller_name": "Ann Caller"}
    assert (await line.edge.event(UserTurnEnded)).text == "where is it"


async def test_an_interruption_stops_the_agent(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, "stop that please", app=Greeting(greeting=LONG)) as line:

        async def talk(phone: PhoneLine) -> None:
            assert await phone.until(lambda: phone.agent_audible_s > 0.5, PATIENCE_S)
            phone.say(tone(0.6))
            await line.edge.event(ReplyInterrupted)
            await quiet(phone)

        await line.call(talk)
        heard = (await line.edge.event(ReplyInterrupted)).heard
    assert LONG.startswith(heard)
    # each word is 100 ms of sound
    assert line.edge.lines[0].agent_audible_s == pytest.approx(0.1 * len(heard.split()), abs=0.3)
    assert line.edge.lines[0].agent_audible_s < 1.5


async def test_keys_of_the_caller_are_heard_in_their_order(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings) as line:

        async def talk(phone: PhoneLine) -> None:
            await line.edge.event(ReplySpoken)
            await phone.press("19*0#")
            await line.edge.event(DigitPressed, digit="#")

        await line.call(talk)
    assert "".join([event.digit for event in await bus.published(DigitPressed)]) == "19*0#"


async def test_an_agent_hangs_up(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, "good bye") as line:

        async def talk(phone: PhoneLine) -> None:
            which = await line.asks(phone)
            await bus.publish(CallEndRequested(call=which, turn=1), TurnCompleted(call=which, turn=1, agent="a"))
            await phone.until(lambda: False, PATIENCE_S)

        assert (await line.call(talk)).how == "agent_hung_up"
        assert (await line.edge.event(CallEnded)).reason == "agent_hung_up"
    assert line.complaints == []


async def test_a_caller_holds_the_call_and_takes_it_up_again(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, "after the hold") as line:

        async def talk(phone: PhoneLine) -> None:
            await line.edge.event(ReplySpoken)
            assert await leg_of(line).hold() == 200
            await phone.until(lambda: False, 1.0)
            assert await leg_of(line).resume() == 200
            which = await line.asks(phone)
            await quiet(phone)
            before = phone.agent_audible_s
            await line.answer(which, "Still here.")
            assert await phone.until(lambda: phone.agent_audible_s - before > 0.15, PATIENCE_S)

        assert (await line.call(talk)).how == "caller_hung_up"
    assert line.complaints == []


async def test_a_caller_connects_the_agents_with_somebody_whom_they_have_asked(
    bus: TestBus, settings: Settings
) -> None:
    asked: list[Leg] = []

    async def take(leg: Leg) -> None:
        asked.append(leg)
        await leg.answer()

    async with sip_line(bus, settings) as line, Telephone(user="carol", on_call=take) as carol:

        async def talk(phone: PhoneLine) -> None:
            await line.edge.event(ReplySpoken)
            consultation = await line.callers[-1].telephone.call(carol.uri)
            assert await leg_of(line).transfer_to(consultation) == 200
            await consultation.wait_ended()
            connected = asked[0].transferred
            assert connected is not None
            assert await phone.until(lambda: len(connected.rtp.heard) > 20, PATIENCE_S)
            assert await bus.published(CallEnded) == []
            await connected.hang_up()
            await line.edge.event(CallEnded)

        await line.call(talk)
    assert [*line.complaints, *carol.complaints] == []


async def test_a_call_beyond_the_limit_hears_that_it_is_busy(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, sip_max_calls=1) as line, Telephone() as other:

        async def talk(phone: PhoneLine) -> None:
            await line.edge.event(ReplySpoken)
            assert (await other.call(line.target())).status == 486

        assert (await line.call(talk)).how == "caller_hung_up"
        assert await line.gateway.metric("orchestra_sip_calls_refused_total") == 1


async def test_a_gateway_that_drains_lets_its_calls_end(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, "still there") as line, Telephone() as other:

        async def talk(phone: PhoneLine) -> None:
            await line.edge.event(ReplySpoken)
            line.gateway.terminate()
            async with asyncio.timeout(PATIENCE_S):
                while (await line.gateway.healthz())["status"] != "draining":  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
            assert (await other.call(line.target())).status == 486
            await line.asks(phone)

        assert (await line.call(talk)).how == "caller_hung_up"
        async with asyncio.timeout(PATIENCE_S):
            assert await line.gateway.process.wait() == 0


async def test_strangers_and_nonsense_get_no_answer_and_are_counted(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, sip_allow="127.0.0.1/32") as line:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))
            stranger.settimeout(1.0)
            via = f"127.0.0.2:{stranger.getsockname()[1]};branch=z9hG4bK1"
            request = (
                f"OPTIONS {line.target()} SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\n"
                "From: <sip:scan@127.0.0.2>;tag=1\r\nTo: <sip:scan@127.0.0.2>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
                "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            ).encode()
            for _ in range(500):
                stranger.sendto(request, ("127.0.0.1", line.gateway.port))
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(stranger.recv, 2048)
        assert await line.gateway.metric("orchestra_sip_packets_dropped_total") == 500
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noisy:
            noisy.bind(("127.0.0.1", 0))
            for junk in (b"\0" * 900, b"INVITE", request[:200], b"INVITE sip:a@b SIP/2.0\r\n" * 400, b"\xff\xfe" * 20):
                noisy.sendto(junk, ("127.0.0.1", line.gateway.port))
        assert (await line.call(hear_greeting)).how == "caller_hung_up"
    assert line.complaints == []


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(ack_after_s=0.8), id="late ACK"),
        pytest.param(Faults(swap_every=5), id="packets out of order"),
    ],
)
async def test_a_telephone_that_misbehaves_is_understood(bus: TestBus, settings: Settings, faults: Faults) -> None:
    async with sip_line(bus, settings, "hello") as line:

        async def talk(phone: PhoneLine) -> None:
            await hear_greeting(phone)
            await line.asks(phone)

        assert (await line.call(talk, faults=faults)).how == "caller_hung_up"


@pytest.mark.parametrize("faults", [Faults(lost=0.05), Faults(lost=0.1, lost_at_once=6)], ids=["singly", "in bursts"])
async def test_a_telephone_that_loses_packets_is_understood_and_answered(
    bus: TestBus, settings: Settings, faults: Faults
) -> None:
    async with sip_line(bus, settings, "hello") as line:

        async def talk(phone: PhoneLine) -> None:
            await hear_greeting(phone)
            which = await line.asks(phone, for_s=1.5)
            await quiet(phone)
            before = phone.agent_audible_s
            await line.answer(which, "In a lorry.")
            assert await phone.until(lambda: phone.agent_audible_s > before + 0.2, PATIENCE_S)

        assert (await line.call(talk, faults=faults)).how == "caller_hung_up"


async def test_a_telephone_that_sends_no_audio_is_given_up(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, sip_rtp_timeout_s=2) as line:

        async def talk(phone: PhoneLine) -> None:
            await phone.until(lambda: False, PATIENCE_S)

        assert (await line.call(talk, faults=Faults(silent=True))).how == "agent_hung_up"
        await line.edge.event(CallEnded)


async def test_a_gateway_that_is_killed_leaves_no_folder(
    bus: TestBus, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    async with sip_line(bus, settings) as line:
        line.gateway.process.kill()
        await line.gateway.process.wait()
    assert os.listdir(folder) == []  # noqa: PTH208 - a loop may not wait for a Path


async def test_a_call_whose_gateway_is_killed_ends_with_a_reason(bus: TestBus, settings: Settings) -> None:
    async with sip_line(bus, settings, edge={"reconnect_s": 2}) as line:

        async def talk(phone: PhoneLine) -> None:
            await line.edge.event(ReplySpoken)
            line.gateway.process.kill()
            await phone.until(lambda: False, PATIENCE_S)

        assert (await line.call(talk, rtp_timeout_s=2.0)).how == "cut_off"
        assert (await line.edge.event(CallEnded)).reason
