"""Three-way calls: caller, agent and a person together on the line, and who hears whom."""

import asyncio
from typing import Any

import pytest

from orchestra.errors import SettingError
from orchestra.language import DEFAULT_LANGUAGE
from orchestra.settings import Settings
from orchestra.simulator import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.edge.three_way_check import check_three_way
from orchestra_schemas import (
    CallAnswered,
    CallEnded,
    CallResumed,
    OperatorJoined,
    OperatorLeft,
    OperatorTookOver,
    ReplySpoken,
    TransferFailed,
    UserTurnEnded,
)
from tests.voice.carriers.office import (
    AGENT_HZ,
    APP,
    BRIEFING,
    CALLER_HZ,
    PATIENCE_S,
    PERSON,
    PERSON_HZ,
    asks_for_a_person,
    heard,
    office,
    voice,
)
from tests.voice.edge.test_dial_api import tell_who_answered
from tests.voice.edges import Greeting, RunningEdge, running_edge

# the twilio package signs in by what aiohttp is about to drop
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]


@pytest.mark.integration
@pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo", "vonage", "sip"])
async def test_caller_agent_and_person_hear_each_other_until_the_person_leaves(
    bus: TestBus, settings: Settings, carrier: str
) -> None:
    agreed = asyncio.Event()

    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver)
        assert await line.until(lambda: heard(line.tracks.agent, AGENT_HZ) > 0.2, PATIENCE_S)
        line.say(voice(PERSON_HZ, 1.0))  # while the agent says what it is about
        await line.until(agreed.is_set, PATIENCE_S)
        await line.press("*")

    said = ("a person please", "hello", "my parcel")
    async with office(bus, settings, *said, answers=person_talks, carrier=carrier) as at:
        running, bob = at.running, at.person
        person = running.edge.answering.apps[0].transfer_target

        def late_s() -> float:
            """How long this machine stood still: what comes too late to be heard in time is left out."""
            return max(bob.max_late_s, running.lines[0].max_late_s)

        async def talk(line: PhoneLine) -> None:
            call = await asks_for_a_person(running, line)
            await running.event(ReplySpoken, operator=person, text="hello")
            line.say(voice(CALLER_HZ, 0.8))
            await running.event(UserTurnEnded, operator=person, text="my parcel")
            await line.until(lambda: heard(bob.tracks.agent, CALLER_HZ) > 0.6 - late_s(), PATIENCE_S)
            agreed.set()
            back = DEFAULT_LANGUAGE.to_speech(DEFAULT_LANGUAGE.phrases.handed_back)
            await running.event(ReplySpoken, call=call, text=back)

        outcome = await at.call(talk)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 1)
        ann = running.lines[0].tracks.agent
        # the caller: both, and both at once
        assert heard(ann, PERSON_HZ) == pytest.approx(1.0, abs=0.2 + late_s())
        assert heard(ann, AGENT_HZ, PERSON_HZ) > 0.6
        # the person: the agent and the caller, and not themselves
        assert heard(bob.tracks.agent, AGENT_HZ) > 2.0
        assert heard(bob.tracks.agent, CALLER_HZ) == pytest.approx(0.8, abs=0.2 + late_s())
        assert heard(bob.tracks.agent, PERSON_HZ) < 0.1
        assert (await running.event(OperatorLeft, operator=person)).reason == "left by key"
        assert len(await bus.published(OperatorJoined)) == 1
        assert (await running.event(CallEnded)).reason == "caller_hung_up"
        assert await bus.published(TransferFailed) == []


@pytest.mark.integration
async def test_both_are_together_again_after_each_of_their_streams_was_lost(bus: TestBus, settings: Settings) -> None:
    over = asyncio.Event()

    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver)
        await line.until(over.is_set, PATIENCE_S)

    def lose(line: PhoneLine) -> None:
        stream: Any = line.stream
        stream._socket.transport.abort()

    async with office(bus, settings, "a person please", "", "hello", answers=person_talks) as at:
        running, bob = at.running, at.person

        async def hear_each_other(line: PhoneLine) -> None:
            before = heard(line.tracks.agent, PERSON_HZ), heard(bob.tracks.agent, CALLER_HZ)
            bob.say(voice(PERSON_HZ, 0.6))
            assert await line.until(lambda: heard(line.tracks.agent, PERSON_HZ) > before[0] + 0.3, PATIENCE_S)
            line.say(voice(CALLER_HZ, 0.6))
            assert await line.until(lambda: heard(bob.tracks.agent, CALLER_HZ) > before[1] + 0.3, PATIENCE_S)

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            await running.event(ReplySpoken, text=BRIEFING)
            lose(line)
            await running.event(CallResumed)
            assert await line.until(lambda: line.stream is not None, PATIENCE_S)
            await hear_each_other(line)
            lose(bob)
            async with asyncio.timeout(PATIENCE_S):
                while len(await bus.published(OperatorTookOver)) < 2:
                    await line.until(lambda: False, 0.1)
            await hear_each_other(line)
            over.set()

        outcome = await at.call(talk)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 2)


@pytest.mark.integration
async def test_the_person_is_hung_up_on_with_the_caller(bus: TestBus, settings: Settings) -> None:
    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver, operator=PERSON)
        await line.until(lambda: False, PATIENCE_S)

    async with office(bus, settings, "a person please", answers=person_talks) as at:
        running, bob = at.running, at.person

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            await running.event(OperatorTookOver)

        await at.call(talk)
        await running.event(CallEnded)
        async with asyncio.timeout(PATIENCE_S):
            while not bob.ended:  # noqa: ASYNC110 - the line of another call
                await asyncio.sleep(0.02)
    assert len(await bus.published(CallEnded)) == 1


@pytest.mark.integration
async def test_where_the_person_hangs_up_the_agents_have_the_caller(bus: TestBus, settings: Settings) -> None:
    async def person_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver, operator=PERSON)
        await line.until(lambda: line.agent_audible_s > 0.3, PATIENCE_S)

    async with office(bus, settings, "a person please", answers=person_talks) as at:
        running = at.running

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            back = DEFAULT_LANGUAGE.to_speech(DEFAULT_LANGUAGE.phrases.handed_back)
            await running.event(ReplySpoken, text=back)

        assert (await at.call(talk)).how == "caller_hung_up"
        assert (await running.event(OperatorLeft, operator=PERSON)).reason == "hung up"


@pytest.mark.integration
@pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo", "vonage"])
async def test_a_machine_that_answers_the_person_s_telephone_is_not_put_through(
    bus: TestBus, settings: Settings, carrier: str
) -> None:
    async def machine_talks(running: RunningEdge, line: PhoneLine) -> None:
        del running
        line.say(voice(PERSON_HZ, 5.0))
        await line.until(lambda: False, PATIENCE_S)

    async with office(bus, settings, "a person please", answers=machine_talks, carrier=carrier, machine=True) as at:
        running = at.running

        async def talk(line: PhoneLine) -> None:
            await asks_for_a_person(running, line)
            assert (await running.event(TransferFailed, target=PERSON)).reason == "machine"
            await running.event(ReplySpoken, text="Nobody is there.")

        outcome = await at.call(talk)
    assert (outcome.how, outcome.streams) == ("caller_hung_up", 1)
    assert heard(running.lines[0].tracks.agent, PERSON_HZ) == 0
    assert await bus.published(OperatorJoined) == []


@pytest.mark.integration
async def test_a_machine_that_is_found_out_on_the_line_is_hung_up_on(bus: TestBus, settings: Settings) -> None:
    settings = settings.model_copy(update={"machine_detection_async": True})

    async def machine_talks(running: RunningEdge, line: PhoneLine) -> None:
        await running.event(OperatorTookOver)
        await tell_who_answered(running, at.orders[0], "machine_start")
        await line.until(lambda: False, PATIENCE_S)

    async with office(bus, settings, "a person please", answers=machine_talks) as at:
        running = at.running

        async def talk(line: PhoneLine) -> None:
            call = await asks_for_a_person(running, line)
            assert (await running.event(OperatorLeft, call=call)).reason == "machine"
            back = DEFAULT_LANGUAGE.to_speech(DEFAULT_LANGUAGE.phrases.handed_back)
            await running.event(ReplySpoken, text=back)

        assert (await at.call(talk)).how == "caller_hung_up"
    assert len(await bus.published(OperatorLeft)) == 1
    assert await bus.published(CallAnswered) == []  # the person's call is none of its own


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
