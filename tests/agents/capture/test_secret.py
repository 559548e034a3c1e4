"""What is asked for in secret stands nowhere in clear, and the tool that needs it gets it."""

import json
import re
import time
from typing import Annotated

import pytest
import structlog

from orchestra import ToolContext, tool
from orchestra.agents.capture import Card, Digits, ask
from orchestra.agents.tool import Tool
from orchestra.bus.vault import Vault
from orchestra.errors import AppError
from orchestra.storage.secrets import vault_key
from orchestra.testing import TestBus
from orchestra_schemas import (
    SECRET,
    SECRET_KEY,
    DigitPressed,
    PromptRequested,
    ToolCompleted,
    TranscriptFinal,
    TranscriptPartial,
    UserTurnEnded,
)
from tests.agents.capture.secret_call import SecretCall, everything_stored
from tests.agents.team import Parcels, call_of, last

CARD = ask(Card(cvc=True), "Which card?", name="ask_card")
PIN = ask(Digits(4), "What is your PIN?", name="ask_pin", secret=True)
NUMBER = "5105105105105100"
SPOKEN = "five one oh five, one oh five one, oh five one oh, five one double oh"
#: what must stand nowhere: in figures, in groups, in words, and the code
IN_CLEAR = (NUMBER, "5105 1051", "five one oh five", "987", "nine eight seven")


@tool(needs=(CARD,))
async def charge(amount: Annotated[str, "what is paid"], context: ToolContext) -> str:
    """Charge a card."""
    parcels: Parcels = context.resources
    card = context.call_state["ask_card"]
    parcels.done.append(f"{amount} {card}")
    context.call_state["paid_with"] = {"card": card, "number": int(card.split()[0])}
    return f"Charged {amount} to {card.split()[0][:4]} {card[4:8]} {card[8:12]} {card[12:16]}, code {card[-3:]}."


def pays(prompt: PromptRequested) -> object:
    if prompt.messages[-1].role == "tool":
        return f"Done: {prompt.messages[-1].content}"
    if "thank" in prompt.messages[-1].content:
        return "Good-bye."
    return [call_of("charge", json.dumps({"amount": "20"}))]


def asks(name: str) -> object:
    def decide(prompt: PromptRequested) -> object:
        return f"Got {last(prompt)}." if prompt.messages[-1].role == "tool" else [call_of(name)]

    return decide


async def nothing_in_clear(bus: TestBus, *values: str) -> None:
    for name, stored in (await everything_stored(bus)).items():
        for value in values:  # ids and times have digits, too
            assert not re.search(rf"(?<![\w.:-]){value}(?![\w-])", stored), f"{value} is in {name}"


async def test_a_card_is_charged_and_stands_nowhere_in_clear(bus: TestBus) -> None:
    with structlog.testing.capture_logs() as logs:
        async with SecretCall(bus, pays, (charge,)).answered() as line:
            await line.hears("where is my parcel")
            for words in (SPOKEN, "May 2031", "nine eight seven", "yes"):
                await line.hears(words)
            line.edge.conversation.final(SPOKEN)  # the engine recognizes late what was said before
            await line.hears("thank you")
    assert line.parcels.done == [f"20 {NUMBER} 2031-05 987"]
    assert (await line.said())[:4] == [
        "Which card?",
        "And until when is it valid, month and year?",
        "And the security code of the card?",
        "The card that ends in 5 1 0 0. Is that right?",
    ]
    assert [event.text for event in await line.events(UserTurnEnded)] == [
        "where is my parcel",
        *[SECRET] * 4,
        "thank you",
    ]
    completed = (await line.events(ToolCompleted))[-1]
    card = "Mastercard ending in 5100"
    assert completed.result == f"Charged 20 to {card}, code {card}."
    assert completed.noted == {"paid_with": {"card": card, "number": card}}
    assert {event.text for event in await line.events(TranscriptPartial)} == {SECRET, "where is my parcel", "thank you"}
    assert SECRET in {event.text for event in await line.events(TranscriptFinal)}
    await nothing_in_clear(bus, *IN_CLEAR)
    assert not [value for value in IN_CLEAR if value in repr(logs)]
    assert 0 < await bus.bus.redis.ttl(Vault.key(line.call)) <= 60


async def test_words_of_the_answer_that_come_after_a_newer_voice_began_are_hidden(bus: TestBus) -> None:
    async with SecretCall(bus, pays, (charge,)).answered() as line:
        await line.hears("where is my parcel")
        await line.hears(SPOKEN)
        said = time.time() - 1.0
        for words in ("May 2031", "nine eight seven", "yes"):
            await line.hears(words)
        await line.hears("thank you", late=(SPOKEN, said))
        await line.hears("good bye")
    await nothing_in_clear(bus, *IN_CLEAR)
    assert [event.text for event in await line.events(UserTurnEnded)][-2:] == [SECRET, "good bye"]


@pytest.mark.integration
async def test_an_agent_that_needs_no_card_gets_its_end(bus: TestBus) -> None:
    card = ask(Card(expiry=False), name="ask_card")
    async with SecretCall(bus, asks("ask_card"), (card,)).answered() as line:
        for words in ("where is my parcel", "5105 1051 0510 5101", "5105 1051", "0510 5100", "yes"):
            await line.hears(words)
    assert (await line.said())[1:3] == [
        "That does not seem to be right. What is the number of your card?",
        "Go on, please.",
    ]
    assert last(line.model.prompts[-1]) == "tool: Mastercard ending in 5100"
    await nothing_in_clear(bus, NUMBER, "5105 1051", "0510 5100")


@pytest.mark.integration
async def test_a_pin_is_not_read_back_and_comes_by_key_where_speech_fails(bus: TestBus) -> None:
    async with SecretCall(bus, asks("ask_pin"), (PIN,)).answered() as line:
        for words in ("where is my parcel", "what", "my parcel is late"):
            await line.hears(words, settle=words in {"where is my parcel", "what"})
        await line.keys("4271", question=3)
    assert last(line.model.prompts[-1]) == f"tool: {SECRET}"
    assert {event.digit for event in await line.events(DigitPressed)} == {SECRET_KEY}
    assert await Vault(bus.bus, vault_key(bus.bus.settings)).get(line.call, "value:ask_pin") == "4271"
    await nothing_in_clear(bus, "4271", "parcel is late")


@pytest.mark.integration
async def test_keys_are_an_answer_and_may_be_mixed_with_speech(bus: TestBus) -> None:
    async with SecretCall(bus, pays, (charge,)).answered() as line:
        await line.presses("12#")  # nobody has asked for any
        await line.hears("where is my parcel")
        await line.hears("5105 1051")
        await line.presses("0510 5100#".replace(" ", ""))
        await line.edge_dies()
        await line.presses("0531#")
        await line.hears("987")
        await line.hears("yes")
    assert line.parcels.done == [f"20 {NUMBER} 2031-05 987"]
    assert {event.digit for event in await line.events(DigitPressed)} == {SECRET_KEY, *"12#"}
    assert SECRET in {event.text for event in await line.events(UserTurnEnded)}
    await nothing_in_clear(bus, *IN_CLEAR)


@pytest.mark.integration
async def test_the_question_is_asked_again_by_another_edge_and_its_answer_is_hidden(bus: TestBus) -> None:
    async with SecretCall(bus, pays, (charge,)).answered() as line:
        await line.hears("where is my parcel")
        await line.hears("5105 1051 0510 5100")
        await line.edge_dies()
        for words in ("May 2031", "987", "yes"):
            await line.hears(words)
    assert line.parcels.done == [f"20 {NUMBER} 2031-05 987"]
    await nothing_in_clear(bus, *IN_CLEAR)


@pytest.mark.integration
async def test_what_is_not_kept_any_more_is_asked_for_again(bus: TestBus) -> None:
    async with SecretCall(bus, pays, (charge,)).answered() as line:
        await line.hears("where is my parcel")
        await line.hears("5105 1051 0510 5100")
        await bus.bus.redis.delete(Vault.key(line.call))
        await line.hears("May 2031")
        assert (await line.said())[-1] == "Sorry, I did not get that. Which card?"
        for words in ("5105 1051 0510 5100 05/31 987", "yes"):
            await line.hears(words)
        assert line.parcels.done == [f"20 {NUMBER} 2031-05 987"]
        await bus.bus.redis.delete(Vault.key(line.call))
        await line.hears("again")
        assert "not kept any more" in last(line.model.prompts[-1])
        await line.hears("again")
        assert (await line.said())[-1] == "Which card?"


@pytest.mark.integration
async def test_who_changes_the_subject_is_with_the_agent_again_and_heard_again(bus: TestBus) -> None:
    async with SecretCall(bus, asks("ask_pin"), (PIN,)).answered() as line:
        await line.hears("where is my parcel")
        await line.hears("I don't know it, my number is 12 34")
        await line.hears("where are you")
    assert [message.content for message in line.model.prompts[-1].messages if message.role == "user"] == [
        "where is my parcel",
        SECRET,
        "where are you",
    ]
    await nothing_in_clear(bus, "12 34")


async def test_a_tool_that_fails_tells_neither_log_nor_agent(bus: TestBus) -> None:
    @tool(needs=(PIN,))
    async def open_door(context: ToolContext) -> str:
        """Open the door."""
        msg = f"the PIN {context.call_state['ask_pin']} is wrong"
        raise ValueError(msg)

    def opens(prompt: PromptRequested) -> object:
        return "Sorry." if prompt.messages[-1].role == "tool" else [call_of("open_door")]

    with structlog.testing.capture_logs() as logs:
        async with SecretCall(bus, opens, (open_door,)).answered() as line:
            await line.hears("where is my parcel")
            await line.hears("4 2 7 1")
    (failed,) = [entry for entry in logs if entry["event"] == "tool.failed"]
    assert f"ValueError: the PIN {SECRET} is wrong" in failed["error"]
    await nothing_in_clear(bus, "4271", "4 2 7 1")


@pytest.mark.parametrize("make", [lambda: ask(Digits(4), secret=True, reads_back=True)])
def test_what_is_secret_cannot_be_read_back(make: object) -> None:
    with pytest.raises(AppError, match="read back"):
        make()  # type: ignore[operator]


def test_a_secret_question_is_part_of_the_apps_version() -> None:
    def question(secret: bool) -> str:
        return ask(Digits(4), secret=secret).asks

    assert question(True) != question(False)
    assert isinstance(PIN, Tool)
