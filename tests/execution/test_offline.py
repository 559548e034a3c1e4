"""The offline model with apps that it was not made for, and its port."""

import json
from dataclasses import replace
from typing import Annotated, Literal

import pytest

from orchestra.agents import Agent, App, tool
from orchestra.execution.models import ModelAnswer, TextDelta
from orchestra.execution.models.offline import OfflineModel
from orchestra_schemas import Message, PromptRequested, ToolCall, ToolSchema
from tests.execution.in_process import CallInProcess


@tool(examples=("what is my balance",))
def balance(account: Annotated[str, "account number, six digits"]) -> str:
    """Look up the balance of an account."""
    return f"The balance of account {account} is 120 dollars."


@tool(examples=("book a table",))
def book_table(
    people: Annotated[int, "how many people. For how many people?"],
    place: Annotated[Literal["inside", "outside"], "where to sit. Inside or outside?"],
    window: Annotated[bool, "a table at the window"],
    note: Annotated[str, "special wishes"] = "",
) -> dict[str, str]:
    """Book a table in the restaurant."""
    return {"table": f"for {people}, {place}", "at_window": str(window), "note": note}


@tool
def broken() -> str:
    """Reset the modem."""
    return "broken failed: ConnectionError: no route"


def _desk(*tools: object, prompt: str = "You answer the phone.") -> App:
    return App(name="desk", entry="desk", agents=(Agent(name="desk", about="all", prompt=prompt, tools=tools),))  # type: ignore[arg-type]


async def test_the_length_of_a_number_is_read_from_its_description() -> None:
    call = CallInProcess(_desk(balance))
    assert (await call.say("What is my balance?")).reply == "Which account number is it?"
    assert (await call.say("1 2 3")).reply == "I heard 1 2 3. Which account number is it?"
    answered = await call.say("No, one two three four five six")
    assert answered.reply.startswith("The balance of account 1 2 3 4 5 6 is 120 dollars.")


async def test_integers_choices_and_yes_or_no_are_filled_by_schema() -> None:
    call = CallInProcess(_desk(book_table))
    assert (await call.say("I would like to book a table.")).reply == "For how many people?"
    assert (await call.say("Four, please.")).reply == "Inside or outside?"
    assert (await call.say("Outsight.")).reply == "A table at the window, yes or no?"
    booked = await call.say("Yes.")
    assert json.loads(booked.calls[0].arguments) == {"people": 4, "place": "outside", "window": True}
    assert booked.reply.startswith("Table: for 4, outside. At window: true.")


async def test_values_said_at_once_are_all_taken_at_once() -> None:
    booked = await CallInProcess(_desk(book_table)).say("Book a table for six people inside.")
    assert booked.reply == "A table at the window, yes or no?"


async def test_a_failed_tool_is_an_apology() -> None:
    assert (await CallInProcess(_desk(broken)).say("Reset my modem.")).reply.startswith(
        "I am sorry, I could not do that"
    )


async def test_an_agent_without_knowledge_declines_questions_that_fit_no_tool() -> None:
    assert (
        await CallInProcess(_desk(balance)).say("Tell me a joke.")
    ).reply == "I am sorry, I cannot help you with that."


async def test_the_apps_own_words_for_declining_are_taken_from_its_prompt() -> None:
    app = _desk(balance, prompt='You answer for a bank. Out of scope: "That I cannot do, I am a bank."')
    assert (await CallInProcess(app).say("Tell me a joke.")).reply == "That I cannot do, I am a bank."


async def _answer(prompt: PromptRequested) -> tuple[list[str], ModelAnswer]:
    deltas, answers = [], []
    async for part in OfflineModel().stream(prompt):
        if isinstance(part, TextDelta):
            deltas.append(part.text)
        else:
            answers.append(part)
    assert len(answers) == 1
    return deltas, answers[0]


async def test_words_are_streamed_one_by_one_and_add_up_to_the_answer() -> None:
    deltas, answer = await _answer(PromptRequested(call="c", agent="a", messages=(Message(role="user", content="hi"),)))
    assert deltas == ["Hello. ", "How ", "can ", "I ", "help ", "you?"]
    assert answer.text == "".join(deltas)
    assert answer.finish_reason == "stop"


async def test_the_same_prompt_gets_the_same_answer_with_the_same_id() -> None:
    prompt = CallInProcess(_desk(balance), messages=[Message(role="user", content="balance of 123456")]).prompt()
    answers = [(await _answer(prompt))[1] for _ in range(3)]
    assert answers[0].tool_calls[0].arguments == '{"account": "123456"}'
    assert answers[1:] == answers[:-1]


async def test_without_tools_it_says_something() -> None:
    prompt = PromptRequested(
        call="c",
        agent="a",
        tool_choice="none",
        tools=(balance.schema_in("en"),),
        messages=(Message(role="user", content="balance"),),
    )
    assert (await _answer(prompt))[1].text


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (Message(role="system", content="x"),),
        (Message(role="user", content=""),),
        (Message(role="tool", content="orphan", tool_call_id="x"),),
        (
            Message(role="assistant", tool_calls=(ToolCall(id="1", name="balance", arguments="{"),)),
            Message(role="user", content="no"),
        ),
        (Message(role="user", content="(((" * 1000),),
        (Message(role="user", content="äöü ☎ 你好"),),
    ],
)
async def test_odd_histories_get_an_answer(messages: tuple[Message, ...]) -> None:
    odd = ToolSchema(name="odd", parameters={"properties": {"x": {"type": "array"}, "y": {}}, "required": ["x", "y"]})
    answer = (
        await _answer(PromptRequested(call="c", agent="a", messages=messages, tools=(odd, balance.schema_in("en"))))
    )[1]
    assert answer.text or answer.tool_calls


async def test_a_caller_who_names_another_app_is_passed_on_to_it_and_else_to_a_person() -> None:
    team = replace(_desk(), transfers=("clinic", "night_desk"), transfer_target="+15550199")
    for words, to, reply in (
        ("Can you connect me with the clinic, please?", "clinic", "I am connecting you now."),
        ("I would like to speak to the night desk.", "night_desk", "I am connecting you now."),
        ("Let me talk to a person.", "person", "I am connecting you to a person now."),
    ):
        said = await CallInProcess(team).say(words)
        assert json.loads(said.calls[0].arguments)["to"] == to
        assert said.reply.startswith(reply)
    assert not (await CallInProcess(team).say("I have been to the clinic.")).calls
