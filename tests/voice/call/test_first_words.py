"""The first words of a call whose app is asked what it knows: they wait for it, and not longer than they may."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from orchestra.history.ending import HangUp
from orchestra.history.reduce import history_of
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.call.actions import Say, Speech
from orchestra.voice.call.call import Call
from orchestra.voice.call.script import Script
from orchestra.voice.carriers.port import Parties
from orchestra.voice.edge.answering import Answering
from orchestra_schemas import (
    CallGreeted,
    CallResumed,
    CallStarted,
    CallVariablesRequested,
    CallVariablesSet,
    Event,
    LanguageChanged,
    ReplySpoken,
)
from tests.voice.edge.test_edge_returns import cut
from tests.voice.edges import Greeting, running_edge

APP = Greeting(
    greeting="Hello {customer.name|there}.",
    apology="Sorry, {customer.name|say that again}.",
    voicemail="Please call back, {customer.name}.",
    asks_variables=True,
)
ADA = {"customer": {"name": "Ada"}}


class CallThatWaits:
    """A call of this app on an edge, which has just begun or is resumed."""

    def __init__(self, bus: TestBus, within_s: float = 10.0, *, app: Greeting = APP, **more: Any) -> None:
        self.bus = bus
        self.said: list[Speech] = []
        self.parties = more.pop("parties", None) or Parties(call=bus.call(), provider_call="CA1")
        answering = Answering(Settings(on_call_s=within_s), [app])
        state = more.get("resume_state")
        script: Script = more.pop("script", None) or (
            answering.begin(self.parties, 0.0) if state is None else answering.resume(state, self.parties)
        )
        self.publisher = bus.bus.publisher("edge-1")
        self.call = Call(
            self.parties,
            script,
            "a/b",
            self.publisher,
            self.said.append,
            script_of_app=answering.of_app,
            **more,
        )
        self.call.started()

    async def greeted(self) -> list[str]:
        """What is said once the first words are due."""
        await self.call.first_words.wait()
        self.call.greet()
        return [speech.text for speech in self.said if isinstance(speech, Say)]

    async def journal(self) -> list[Event]:
        await self.publisher.flush(5)
        return await self.bus.published(None, self.call.id)

    def answers(self, variables: dict[str, Any]) -> None:
        self.call.take_event(CallVariablesSet(call=self.call.id, variables=variables, id="v"))


async def test_they_wait_for_what_the_app_knows(bus: TestBus) -> None:
    waits = CallThatWaits(bus, parties=Parties(call=bus.call(), provider_call="C", variables={"ref": "7"}))
    greeting = asyncio.create_task(waits.greeted())
    await asyncio.sleep(0)
    assert not greeting.done()
    waits.answers(ADA)
    assert await greeting == ["Hello Ada."]
    started, asked, greeted = await waits.journal()
    assert isinstance(started, CallStarted)
    assert isinstance(asked, CallVariablesRequested)
    assert isinstance(greeted, CallGreeted)
    assert (started.greeting, asked.variables, greeted.greeting) == ("", {"ref": "7"}, "Hello Ada.")


async def test_time_is_up_and_a_late_answer_stands_in_what_is_said_later(bus: TestBus) -> None:
    waits = CallThatWaits(bus, 0.05)
    assert await waits.greeted() == ["Hello there."]
    waits.answers(ADA)
    waits.call.take_event(LanguageChanged(call=waits.call.id, language="en-GB", previous="en", reason="asked", id="l"))
    assert waits.call._script.apology == "Sorry, Ada."


async def test_an_app_that_is_not_asked_says_them_at_once_with_what_was_given(bus: TestBus) -> None:
    given = Parties(call=bus.call(), provider_call="C", direction="outbound", variables={"customer.name": "Bob"})
    waits = CallThatWaits(bus, app=replace(APP, asks_variables=False), parties=given)
    assert await asyncio.wait_for(waits.greeted(), 0.5) == ["Hello Bob."]
    (started,) = await waits.journal()
    assert isinstance(started, CallStarted)
    assert started.greeting == "Hello Bob."


async def test_an_answering_machine_hears_its_message_with_them(bus: TestBus) -> None:
    base = Answering(Settings(), [APP]).begin(Parties(call=bus.call(), provider_call="C"), 0.0)
    waits = CallThatWaits(bus, script=replace(base, greeting=base.voicemail, ending=HangUp()))
    waits.answers(ADA)
    assert await waits.greeted() == ["Please call back, Ada."]


@pytest.mark.parametrize("known", [True, False], ids=["answered before", "answered after"])
async def test_the_edge_after_a_lost_one_greets_with_the_recorded_answer_and_asks_nobody(
    bus: TestBus, known: bool
) -> None:
    first = CallThatWaits(bus)
    journal = await first.journal()
    answer = CallVariablesSet(call=first.call.id, variables=ADA, id="v")
    state = history_of([*journal, *([answer] if known else [])]).resume
    second = CallThatWaits(bus, parties=first.parties, resume_state=state)
    greeting = asyncio.create_task(second.greeted())
    await asyncio.sleep(0)
    if not known:
        second.call.take_event(answer)
    assert await asyncio.wait_for(greeting, 5) == ["Hello Ada."]
    kinds = [type(event).__name__ for event in await second.journal()]
    assert kinds == ["CallStarted", "CallVariablesRequested", "CallResumed", "CallGreeted"]


@pytest.mark.integration
async def test_a_call_whose_stream_breaks_while_the_app_is_asked_is_greeted_once(
    bus: TestBus, settings: Settings
) -> None:
    async with running_edge(bus, settings, app=APP, on_call_s=10.0) as running:

        async def talk(line: Any) -> None:
            asked = await running.event(CallVariablesRequested)
            cut(line)
            await running.event(CallResumed)
            await bus.publish(CallVariablesSet(call=asked.call, request=asked.id, variables=ADA))
            assert (await running.event(ReplySpoken, turn=0)).text == "Hello Ada."

        await running.call(talk)
    (greeted,) = await bus.published(CallGreeted)
    assert greeted.greeting == "Hello Ada."
    assert len(await bus.published(CallVariablesRequested)) == 1
