"""What an agent is told of the calls that the caller made before."""

from orchestra.storage.callers import Callers
from orchestra.storage.keys import number_key
from orchestra.testing import TestBus
from schemas import CallEnded
from tests.conversation.team import Line
from workers.persistence import consumer as persistence


async def test_an_agent_knows_what_the_caller_called_about_before(bus: TestBus) -> None:
    first = Line(bus, lambda _: "It is in the van.")
    async with bus.run(persistence), first.running():
        await first.say("where is my parcel")
        await bus.publish(CallEnded(call=first.call, turn=1, reason="caller_hung_up"))
        await bus.settled()
    assert len(await Callers(bus.bus, number_key(bus.bus.settings)).recent("+15550001")) == 1
    second = Line(bus, lambda _: "Hello again.")
    async with second.running():
        await second.say("hello")
    system = second.model.prompts[0].messages[0]
    assert system.role == "system"
    assert system.content.startswith("You are the reception.\n\nThis caller has called before:")
    assert "where is my parcel" in system.content
    assert "+1555" not in system.content
