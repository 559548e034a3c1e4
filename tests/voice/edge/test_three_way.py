"""Three-way calls: caller, agent and a person together on the line, and who hears whom."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from orchestra.errors import SettingError
from orchestra.language import DEFAULT_LANGUAGE
from orchestra.settings import Settings
from orchestra.simulator import Caller, PhoneLine
from orchestra.simulator.twilio_rest import TwilioRestServer
from orchestra.testing import TestBus
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples
from orchestra.voice.edge.three_way_check import check_three_way
from orchestra_schemas import (
    CallEnded,
    CallTransferRequested,
    OperatorJoined,
    OperatorLeft,
    OperatorTookOver,
    ReplySpoken,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, running_edge

# the twilio package signs in by what aiohttp is about to drop
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

ACCOUNT = "AC" + "1" * 32
PERSON = "+15550003"
APP = Greeting(transfer_target=PERSON, three_way=True)
#: the voices: the agent's is that of `tone`
AGENT_HZ, CALLER_HZ, PERSON_HZ = 440, 1000, 1700
#: two and a half seconds of the agent's voice
BRIEFING = " ".join(["word"] * 25)
PATIENCE_S = 60.0

Talk = Callable[[RunningEdge, PhoneLine], Awaitable[None]]


def voice(hz: int, seconds: float) -> Samples:
    return (6000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.int16)


def heard(samples: Samples, *voices: int) -> float:
    """For how many seconds all of these voices are heard at the same time."""
    frame = SAMPLE_RATE // 25
    whole = samples[: samples.size // frame * frame].reshape(-1, frame).astype(float)
    turns = np.arange(frame) / SAMPLE_RATE
    levels = [np.abs(whole @ np.exp(-2j * np.pi * hz * turns)) / frame for hz in voices]
    return float(np.logical_and.reduce([level > 400 for level in levels]).sum() * frame / SAMPLE_RATE)


@asynccontextmanager
async def office(
    bus: TestBus, settings: Settings, *hears: str, answers: Talk | None
) -> AsyncIterator[tuple[RunningEdge, PhoneLine]]:
    """An edge with a Twilio account, and the telephone of the person."""
    line = PhoneLine()
    edges: list[RunningEdge] = []

    async def ring(order: dict[str, str], sid: str) -> None:
        caller = Caller(
            edges[0].url,
            AUTH_TOKEN,
            from_number=order["From"],
            to_number=order["To"],
            answered_by="human",
            voice_url=order["Url"],
            call_sid=sid,
        )
        if answers is not None:
            await caller.call(line, lambda line: answers(edges[0], line))

    async with TwilioRestServer(ACCOUNT, AUTH_TOKEN, ring) as rest:
        account = {"twilio_account_sid": ACCOUNT, "twilio_number": "+15550100", "twilio_api_url": rest.url}
        async with running_edge(bus, settings, *hears, app=APP, **account) as running:  # type: ignore[arg-type]
            edges.append(running)
            yield running, line


async def asks_for_a_person(running: RunningEdge, line: PhoneLine) -> str:
    await running.event(ReplySpoken, turn=0)
    line.say(voice(CALLER_HZ, 0.4))
    call = (await running.event(UserTurnEnded, turn=1)).call
    wanted = CallTransferRequested(call=call, turn=1, target=PERSON, briefing=BRIEFING)
    await running.bus.publish(wanted, TurnCompleted(call=call, turn=1, agent="a"))
    return call


@pytest.mark.integration
async def test_caller_agent_and_person_hear_each_other_until_the_person_leaves(
    bus: TestBus, settings: Settings
) -> None:
    agreed = asyncio.Event()

    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver, operator=PERSON)
        assert await line.until(lambda: heard(line.tracks.agent, AGENT_HZ) > 0.2, PATIENCE_S)
        line.say(voice(PERSON_HZ, 1.0))  # while the agent says what it is about
        await line.until(agreed.is_set, PATIENCE_S)
        await line.press("*")

    async with office(bus, settings, "a person please", "hello", "my parcel", answers=person_talks) as (running, bob):

        async def talk(line: PhoneLine) -> None:
            call = await asks_for_a_person(running, line)
            await running.event(ReplySpoken, operator=PERSON, text="hello")
            line.say(voice(CALLER_HZ, 0.8))
            await running.event(UserTurnEnded, operator=PERSON, text="my parcel")
            await line.until(lambda: heard(bob.tracks.agent, CALLER_HZ) > 0.6, PATIENCE_S)
            agreed.set()
            back = DEFAULT_LANGUAGE.to_speech(DEFAULT_LANGUAGE.phrases.handed_back)
            await running.event(ReplySpoken, call=call, text=back)

        outcome = await running.call(talk)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 1)
        ann = running.lines[0].tracks.agent
        # the caller: both, and both at once
        assert heard(ann, PERSON_HZ) == pytest.approx(1.0, abs=0.2)
        assert heard(ann, AGENT_HZ, PERSON_HZ) > 0.6
        # the person: the agent and the caller, and not themselves
        assert heard(bob.tracks.agent, AGENT_HZ) > 2.0
        assert heard(bob.tracks.agent, CALLER_HZ) == pytest.approx(0.8, abs=0.2)
        assert heard(bob.tracks.agent, PERSON_HZ) < 0.1
        assert (await running.event(OperatorLeft, operator=PERSON)).reason == "left by key"
        assert len(await bus.published(OperatorJoined)) == 1
        assert (await running.event(CallEnded)).reason == "caller_hung_up"
        assert await bus.published(TransferFailed) == []


@pytest.mark.integration
async def test_the_person_is_hung_up_on_with_the_caller(bus: TestBus, settings: Settings) -> None:
    gone = asyncio.Event()

    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver, operator=PERSON)
        await line.until(lambda: False, PATIENCE_S)

    async with office(bus, settings, "a person please", answers=person_talks) as (running, bob):

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            await running.event(OperatorTookOver)

        await running.call(talk)
        await running.event(CallEnded)
        async with asyncio.timeout(PATIENCE_S):
            while not bob.ended:  # noqa: ASYNC110 - the line of another call
                await asyncio.sleep(0.02)
        gone.set()
    assert len(await bus.published(CallEnded)) == 1


@pytest.mark.integration
async def test_where_the_person_hangs_up_the_agents_have_the_caller(bus: TestBus, settings: Settings) -> None:
    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver, operator=PERSON)
        await line.until(lambda: line.agent_audible_s > 0.3, PATIENCE_S)

    async with office(bus, settings, "a person please", answers=person_talks) as (running, _):

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            back = DEFAULT_LANGUAGE.to_speech(DEFAULT_LANGUAGE.phrases.handed_back)
            await running.event(ReplySpoken, text=back)

        assert (await running.call(talk)).how == "caller_hung_up"
        assert (await running.event(OperatorLeft, operator=PERSON)).reason == "hung up"


async def test_a_carrier_that_rings_nobody_leaves_the_caller_with_the_agents(bus: TestBus, settings: Settings) -> None:
    async with running_edge(
        bus, settings, "a person please", app=APP, twilio_number="+15550100", twilio_api_url="http://127.0.0.1:9"
    ) as running:

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            assert "ACCOUNT_SID" in (await running.event(TransferFailed, target=PERSON)).reason
            await running.event(ReplySpoken, text="Nobody is there.")

        outcome = await running.call(talk)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 1)


@pytest.mark.parametrize(
    ("chosen", "target", "why"),
    [
        ({"carrier": "browser"}, PERSON, "a browser cannot ring anybody"),
        ({"carrier": "twilio", "twilio_media": "relay"}, PERSON, "ORCHESTRA_TWILIO_MEDIA=stream"),
        ({"carrier": "telnyx", "telnyx_media": "relay"}, PERSON, "ORCHESTRA_TELNYX_MEDIA=stream"),
        ({"carrier": "twilio", "twilio_number": ""}, PERSON, "ORCHESTRA_TWILIO_NUMBER"),
        ({"carrier": "twilio", "sip": False}, "sip:anna@pbx.example", "ORCHESTRA_SIP"),
    ],
)
def test_an_edge_that_cannot_have_the_person_s_voice_does_not_start(
    settings: Settings, chosen: dict[str, object], target: str, why: str
) -> None:
    changed = settings.model_copy(update=chosen)
    with pytest.raises(SettingError, match=why):
        check_three_way(changed, [Greeting(transfer_target=target, three_way=True)])
    check_three_way(changed, [Greeting(transfer_target=target)])
