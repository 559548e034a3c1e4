"""Calls that Telnyx controls for the edge: transfers, calls that we place, what is said where no agent can."""

import asyncio
from typing import Any, cast

import httpx
import pytest

from orchestra.errors import CarrierError, JournalUnavailableError, RejectedError, SettingError
from orchestra.history.ending import Transfer
from orchestra.settings import Settings
from orchestra.simulator import CallOutcome, PhoneLine, TelnyxCaller, TelnyxNetwork, TransferTarget
from orchestra.simulator.telnyx_network import Leg
from orchestra.testing import TestBus
from orchestra.voice.carriers.port import CallReport, Parties, Step
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.registry import open_carrier
from orchestra.voice.carriers.telnyx.call_flow import CallFlow
from orchestra.voice.carriers.telnyx.commands import Commands
from orchestra.voice.edge.call_control import EdgeCallControl
from orchestra_schemas import (
    CallAnswered,
    CallEnded,
    CallResumed,
    CallTransferRequested,
    ReplySpoken,
    TransferAccepted,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
)
from tests.voice.carriers.telnyx_edge import TelnyxEdge, telnyx_edge
from tests.voice.edges import Greeting, running_edge, tone

PATIENCE_S = 60.0


async def ask_for_a_person(edge: TelnyxEdge, line: PhoneLine, briefing: str = "They ask for a lorry.") -> None:
    running = edge.running
    await running.event(ReplySpoken, turn=0)
    line.say(tone(0.4))
    call = (await running.event(UserTurnEnded, turn=1)).call
    transfer = CallTransferRequested(call=call, turn=1, target="+15550003", briefing=briefing)
    await edge.running.bus.publish(transfer, TurnCompleted(call=call, turn=1, agent="a"))


@pytest.mark.integration
async def test_a_person_is_briefed_takes_the_call_with_a_key_and_is_heard(bus: TestBus, settings: Settings) -> None:
    person = TransferTarget(says=tone(0.5))
    async with telnyx_edge(bus, settings, "a person") as edge:

        async def talk(line: PhoneLine) -> None:
            await ask_for_a_person(edge, line)
            await line.until(lambda: False, PATIENCE_S)

        outcome = await edge.call(talk, transfer_target=person)
        assert (outcome.how, outcome.target) == ("transferred", "+15550003")
        await edge.running.event(TransferAccepted, target="+15550003")
        assert (await edge.running.event(CallEnded)).reason == "transferred"
        dialled = next(command.body for command in edge.network.commands if command.action == "dial")
    assert "They ask for a lorry." in person.briefed[0]
    assert (dialled["to"], dialled["from"]) == ("+15550003", "+15550100")


@pytest.mark.integration
@pytest.mark.parametrize("person", [TransferTarget(answers=False), TransferTarget(presses=""), "refused"])
async def test_where_nobody_takes_the_call_the_agents_have_it_again(
    bus: TestBus, settings: Settings, person: Any
) -> None:
    async with telnyx_edge(bus, settings, "a person") as edge:
        if person == "refused":
            edge.network.refuses.add("dial")
            person = TransferTarget()

        async def talk(line: PhoneLine) -> None:
            await ask_for_a_person(edge, line)
            await edge.running.event(TransferFailed, target="+15550003")
            await edge.running.event(CallResumed)
            await edge.running.event(ReplySpoken, text="Nobody is there.")

        outcome = await edge.call(talk, transfer_target=person)
        assert (outcome.how, outcome.streams, edge.done("bridge")) == ("caller_hung_up", 2, 0)


@pytest.mark.integration
async def test_a_caller_who_hangs_up_while_the_person_is_rung_is_not_missed(bus: TestBus, settings: Settings) -> None:
    async with telnyx_edge(bus, settings, "a person", reconnect_s=1) as edge:
        ringing, hung_up = asyncio.Event(), asyncio.Event()

        async def talk(line: PhoneLine) -> None:
            await ask_for_a_person(edge, line)
            edge.network.dialled[next(iter(edge.network.legs))] = rung
            await ringing.wait()

        async def rung(leg: Leg, body: dict[str, Any]) -> None:
            del body
            ringing.set()
            await edge.running.event(CallEnded)
            await edge.network.send(leg, "call.answered")
            assert (await leg.commands.get()).action == "hangup"
            hung_up.set()

        assert (await edge.call(talk)).how == "caller_hung_up"
        await edge.running.event(CallEnded)
        async with asyncio.timeout(PATIENCE_S):
            await hung_up.wait()
    assert edge.done("gather_using_speak") == 0


@pytest.mark.integration
async def test_the_telephone_of_the_person_stops_ringing_where_the_caller_hangs_up(
    bus: TestBus, settings: Settings
) -> None:
    async with telnyx_edge(bus, settings, "a person", reconnect_s=1) as edge:
        control, stopped = EdgeCallControl(edge.running.edge), asyncio.Event()

        async def talk(line: PhoneLine) -> None:
            edge.network.dialled[next(iter(edge.network.legs))] = ring
            await ask_for_a_person(edge, line)
            call = (await edge.running.event(CallTransferRequested)).call
            async with asyncio.timeout(PATIENCE_S):
                while not await control.kept(call, "telnyx person"):
                    await line.until(lambda: False, 0.02)

        async def ring(leg: Leg, body: dict[str, Any]) -> None:
            del body
            assert (await leg.commands.get()).action == "hangup"
            stopped.set()

        assert (await edge.call(talk)).how == "caller_hung_up"
        async with asyncio.timeout(PATIENCE_S):
            await stopped.wait()


class HangsUpMeanwhile:
    """Telnyx's commands: the caller hangs up before the edge knows the call to the person."""

    def __init__(self, call: str) -> None:
        self.call, self.sent = call, list[tuple[str, str]]()
        self.flow: CallFlow

    async def dial(self, command_id: str, **fields: Any) -> str:
        del command_id, fields
        await self.flow.stop_ringing(self.call)
        return "person's leg"

    async def send(self, leg: str, action: str, command_id: str, **fields: Any) -> bool:
        del command_id, fields
        self.sent.append((leg, action))
        return True


async def test_it_stops_ringing_also_where_they_hang_up_before_its_call_is_known(
    bus: TestBus, settings: Settings
) -> None:
    changed = settings.model_copy(update={"telnyx_connection_id": "c"})
    telnyx = HangsUpMeanwhile(bus.call())
    async with running_edge(bus, settings) as running:
        control, tokens = EdgeCallControl(running.edge), cast("Any", None)
        telnyx.flow = CallFlow(changed, PublicUrl("https://edge.example"), tokens, cast("Commands", telnyx), control)
        report = CallReport(Parties(telnyx.call, "caller's leg"), request="stream")

        async def transfers(_: CallReport) -> Step:
            return Transfer("+15550003", "")

        await telnyx.flow.proceed(report, transfers)
    assert telnyx.sent == [("person's leg", "hangup")]


@pytest.mark.integration
async def test_a_caller_without_a_line_hears_the_message(bus: TestBus, settings: Settings) -> None:
    async with telnyx_edge(bus, settings, max_calls=1, busy_message="Call later.") as edge:

        async def talk(line: PhoneLine) -> None:
            await edge.running.event(ReplySpoken)
            outcome = await edge.call(lambda _: asyncio.sleep(0))
            assert (outcome.how, outcome.announcements) == ("refused", ("Call later.",))
            assert line.agent_audible_s

        assert (await edge.call(talk)).how == "caller_hung_up"


async def dial(edge: TelnyxEdge, detected: str) -> CallOutcome:
    """Place a call; who is called waits for the first words, and hangs up."""
    called: asyncio.Future[CallOutcome] = asyncio.get_running_loop().create_future()

    async def talk(line: PhoneLine) -> None:
        await line.until(lambda: detected != "machine" and line.agent_audible_s > 0.1, PATIENCE_S)

    async def answer(leg: Leg, body: dict[str, Any]) -> None:
        assert (body["to"], body["from"]) == ("+15550007", "+15550100")
        caller = TelnyxCaller(edge.network, edge.running.url, leg=leg, detected=detected)
        called.set_result(await caller.call(PhoneLine(), talk))

    edge.network.dialled[""] = answer
    carrier = edge.running.edge.carriers[0]
    await carrier.place_call(edge.running.edge.bus.new_call(), "+15550007")
    async with asyncio.timeout(PATIENCE_S):
        return await called


@pytest.mark.parametrize("detected", ["human", "not_sure"])
async def test_a_person_whom_we_call_hears_the_agents(bus: TestBus, settings: Settings, detected: str) -> None:
    async with telnyx_edge(bus, settings) as edge:
        outcome = await dial(edge, detected)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 1)
        assert (await edge.running.event(CallAnswered)).by == "human"


async def test_a_machine_that_answers_is_hung_up_on_unless_the_app_has_words_for_it(
    bus: TestBus, settings: Settings
) -> None:
    async with telnyx_edge(bus, settings) as edge:
        assert (await dial(edge, "machine")).how == "refused"
        assert (await edge.running.event(CallAnswered)).by == "machine"


@pytest.mark.integration
async def test_a_machine_hears_the_apps_message_after_its_greeting(bus: TestBus, settings: Settings) -> None:
    async with telnyx_edge(bus, settings, app=Greeting(voicemail="Call us back.")) as edge:
        outcome = await dial(edge, "machine")
        assert (outcome.how, outcome.streams) == ("agent_hung_up", 1)
        await edge.running.event(ReplySpoken, text="Call us back.")


async def test_without_waiting_for_detection_the_agents_speak_at_once(bus: TestBus, settings: Settings) -> None:
    async with telnyx_edge(bus, settings, machine_detection=False) as edge:
        assert (await dial(edge, "")).streams == 1
        dialled = edge.network.commands[0].body
    assert dialled["answering_machine_detection"] == "disabled"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("cause", "reason"), [("user_busy", "busy"), ("timeout", "no_answer"), ("unallocated", "failed")]
)
async def test_a_call_that_nobody_takes_ends_with_its_reason(
    bus: TestBus, settings: Settings, cause: str, reason: str
) -> None:
    async with telnyx_edge(bus, settings, reconnect_s=1, dial_token="dial token", dial_prefixes="+1") as edge:

        async def refuse(leg: Leg, body: dict[str, Any]) -> None:
            del body
            await edge.network.send(leg, "call.hangup", hangup_cause=cause)

        edge.network.dialled[""] = refuse
        url = f"{edge.running.url}/calls"
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(url, json={"to": "+15550007"}, headers=bearer(edge))
        assert answer.is_success, answer.text
        assert (await edge.running.event(CallEnded)).reason == reason


def bearer(edge: TelnyxEdge) -> dict[str, str]:
    return {"Authorization": f"Bearer {edge.running.edge.settings.dial_token.get_secret_value()}"}


@pytest.mark.parametrize("missing", ["telnyx_api_key", "telnyx_connection_id", "telnyx_number"])
async def test_a_call_without_the_account_is_not_placed(settings: Settings, missing: str) -> None:
    async with TelnyxNetwork() as network:
        chosen = Settings.model_validate(settings.model_dump() | network.settings | {missing: ""})
        with pytest.raises(SettingError, match=f"ORCHESTRA_{missing.upper()} is not set"):
            await open_carrier(chosen, "http://edge").place_call("00-a", "+15550007")
        assert network.commands == []


async def test_what_is_no_number_is_not_called(settings: Settings) -> None:
    async with TelnyxNetwork() as network:
        chosen = Settings.model_validate(settings.model_dump() | network.settings)
        with pytest.raises(RejectedError, match="is not a telephone number"):
            await open_carrier(chosen, "http://edge").place_call("00-a", "0800 call me")


async def test_a_carrier_that_refuses_or_is_away_is_told_apart_from_one_that_rings(settings: Settings) -> None:
    async with TelnyxNetwork() as network:
        known = settings.model_dump() | network.settings
        network.refuses.add("dial")
        with pytest.raises(CarrierError, match="refuses `dial`: status 500"):
            await open_carrier(Settings.model_validate(known), "http://edge").place_call("00-a", "+15550007")
        wrong = Settings.model_validate(known | {"telnyx_api_key": "another"})
        with pytest.raises(CarrierError, match="status 401 10009"):
            await open_carrier(wrong, "http://edge").place_call("00-b", "+15550007")
    with pytest.raises(CarrierError, match="does not answer"):
        await open_carrier(Settings.model_validate(known), "http://edge").place_call("00-c", "+15550007")


async def test_a_call_that_is_placed_twice_rings_once(settings: Settings) -> None:
    async with TelnyxNetwork() as network:
        chosen = Settings.model_validate(settings.model_dump() | network.settings)
        legs = [await open_carrier(chosen, "http://edge").place_call("00-a", "+15550007") for _ in range(2)]
    assert (len(set(legs)), len(network.commands), network.repeated) == (1, 1, 1)


@pytest.mark.parametrize("missing", ["telnyx_api_key", "telnyx_public_key"])
async def test_without_its_keys_no_call_is_taken(settings: Settings, missing: str) -> None:
    async with TelnyxNetwork() as network:
        chosen = Settings.model_validate(settings.model_dump() | network.settings | {missing: ""})
        with pytest.raises(SettingError, match=f"ORCHESTRA_{missing.upper()} is not set"):
            open_carrier(chosen).check_settings()


class Forgetful(TelnyxCaller):
    """A Telnyx that never says that a stream has ended."""

    async def _stream_over(self) -> None:
        self._stream = self._receiving = None


async def cut(edge: TelnyxEdge, line: PhoneLine) -> None:
    await edge.running.event(ReplySpoken)
    stream: Any = line.stream
    stream._socket.transport.abort()


@pytest.mark.integration
async def test_a_lost_stream_is_started_again_also_where_no_webhook_says_that_it_ended(
    bus: TestBus, settings: Settings
) -> None:
    async with telnyx_edge(bus, settings, reconnect_s=30) as edge:

        async def talk(line: PhoneLine) -> None:
            await cut(edge, line)
            await edge.running.event(CallResumed)
            assert await line.until(lambda: line.stream is not None, PATIENCE_S)

        async with asyncio.timeout(PATIENCE_S):
            outcome = await Forgetful(edge.network, edge.running.url).call(PhoneLine(), talk)
        assert (outcome.how, outcome.streams, edge.done("streaming_start")) == ("caller_hung_up", 2, 1)


@pytest.mark.integration
async def test_a_caller_hears_that_it_takes_a_moment_while_no_journal_can_be_read(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, away = EdgeCallControl._state, []

    async def unreadable(control: EdgeCallControl, call: str) -> Any:
        if len(away) < 2:
            away.append(call)
            raise JournalUnavailableError
        return await state(control, call)

    async with telnyx_edge(bus, settings, app=Greeting(holding="One moment."), reconnect_s=30) as edge:

        async def talk(line: PhoneLine) -> None:
            await edge.running.event(ReplySpoken)
            monkeypatch.setattr(EdgeCallControl, "_state", unreadable)
            await cut(edge, line)
            await edge.running.event(CallResumed)
            assert await line.until(lambda: line.stream is not None, PATIENCE_S)

        outcome = await edge.call(talk)
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 2)
    assert outcome.announcements[0] == "One moment."
