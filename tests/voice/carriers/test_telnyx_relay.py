"""Telnyx's Conversation Relay: started by command once the leg is answered, and followed up by the edge itself."""

from orchestra.settings import Settings
from orchestra.simulator import PhoneLine
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallEndRequested, CallResumed, ReplySpoken, TurnCompleted, UserTurnEnded
from tests.voice.carriers.telnyx_edge import TelnyxEdge, telnyx_edge
from tests.voice.edges import relay_voice, tone

CHOSEN = {"voice": "Telnyx.Natural.abbie", "language": "en-US"}
PATIENCE_S = 60.0


def actions(edge: TelnyxEdge) -> list[str]:
    return [command.action for command in edge.network.commands]


async def test_the_relay_is_started_on_the_answered_leg_and_the_agents_end_the_call(
    bus: TestBus, settings: Settings
) -> None:
    async with telnyx_edge(bus, settings, "good bye", telnyx_media="relay", relay_attributes=CHOSEN) as edge:

        async def talk(line: PhoneLine) -> None:
            await edge.running.event(ReplySpoken, turn=0)
            line.say(tone(0.4))
            which = (await edge.running.event(UserTurnEnded)).call
            await bus.publish(CallEndRequested(call=which, turn=1), TurnCompleted(call=which, turn=1, agent="a"))
            await line.until(lambda: False, PATIENCE_S)

        outcome = await edge.call(talk, relay=relay_voice(edge.running))
        assert (outcome.how, (await edge.running.event(CallEnded)).reason) == ("agent_hung_up", "agent_hung_up")
        start = next(c.body for c in edge.network.commands if c.action == "conversation_relay_start")
    assert actions(edge) == ["answer", "conversation_relay_start", "hangup"]
    assert start.items() >= CHOSEN.items()
    assert start["url"].endswith("/telnyx/relay")
    assert start["custom_parameters"]["from_number"] == "+15550001"
    assert "stream_url" not in edge.network.commands[0].body


async def test_an_event_about_an_earlier_relay_changes_nothing(bus: TestBus, settings: Settings) -> None:
    async with telnyx_edge(bus, settings, telnyx_media="relay", reconnect_s=30) as edge:

        async def talk(line: PhoneLine) -> None:
            await edge.running.event(ReplySpoken, turn=0)
            (leg,) = edge.network.legs.values()
            late = edge.network.event(leg, "call.conversation.ended", reason="customer_disconnect")
            line.stream._socket.transport.abort()  # type: ignore[union-attr]
            await edge.running.event(CallResumed)
            assert await edge.post(late, edge.network.sign(late)) == 200
            assert await line.until(lambda: line.stream is not None, PATIENCE_S)

        outcome = await edge.call(talk, relay=relay_voice(edge.running))
        assert (outcome.how, outcome.streams) == ("caller_hung_up", 2)
    assert actions(edge).count("conversation_relay_start") == 2
    assert "hangup" not in actions(edge)
