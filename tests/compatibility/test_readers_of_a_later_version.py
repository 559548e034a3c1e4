"""An edge in the middle of a call, and the console, read events of a later version and go on."""

from typing import Any

import pytest

from orchestra import Agent, App, Lines
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted, ReplySpoken, TurnCompleted
from tests.compatibility.every_event import LATER_TYPE, entries
from tests.console.consoles import as_operator, console_app, console_settings
from tests.voice.edge.test_lines import answering
from tests.voice.edges import tone

pytestmark = pytest.mark.integration

#: what would end the call, pass it on, or hold it
ACTS = ("call.", "operator.", "transfer.", "app.", "person.", "consent.")
BANK = App(name="bank", entry="desk", agents=(Agent(name="desk", about="all", prompt="You answer for the bank."),))


@pytest.mark.parametrize("kind", ["type", "field", "word"])
async def test_an_edge_and_the_console_go_on(bus: TestBus, settings: Settings, kind: str) -> None:
    lines = Lines.of(BANK)
    async with answering(bus, settings, lines, "hello") as running, console_app(console_settings(settings)) as console:

        async def talk(line: PhoneLine) -> None:
            call = (await running.event(CallStarted)).call
            for stream, fields in entries(call, kind):
                tag = fields["type"].decode()
                if tag == LATER_TYPE or not tag.startswith(ACTS):
                    turn = {b'"turn":1': b'"turn":0'}
                    body = fields["body"].replace(*next(iter(turn.items())))
                    later: Any = fields | {"body": body}
                    await bus.bus.redis.xadd(bus.bus.key(call, stream), later)
            line.say(tone(0.4))
            await running.event(TurnCompleted, turn=1, call=call)
            await running.event(ReplySpoken, turn=1, call=call)

        await running.call(talk)
        ended = await running.event(CallEnded)
        page = await console.http.get(f"/api/calls/{ended.call}", headers=as_operator("read"))
        assert page.status_code == 200, page.text
    replies = [event.text for event in await bus.published(ReplySpoken, ended.call) if event.source != "later"]
    assert replies == ["I am the bank."]
    assert ended.reason == "caller_hung_up"
