from orchestra.execution.models import ModelAnswer, TextDelta
from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    CallEndRequested,
    CallTransferRequested,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
)
from tests.agents.team import Line, call_of, last


async def test_a_question_is_answered_sentence_by_sentence(bus: TestBus) -> None:
    async with Line(bus, lambda _: "We open at nine. Come by!").running() as line:
        await line.say("when do you open")
    assert await line.kinds() == [
        "CallStarted",
        "AgentChanged",
        "UserTurnEnded",
        "PromptRequested",
        "ReplyChunk",
        "ReplyChunk",
        "PromptCompleted",
        "TurnCompleted",
    ]
    chunks = await line.events(ReplyChunk)
    assert [(chunk.text, chunk.index, chunk.turn, chunk.agent) for chunk in chunks] == [
        ("We open at nine.", 0, 1, "reception"),
        ("Come by!", 1, 1, "reception"),
    ]
    (completed,) = await line.events(TurnCompleted)
    assert (completed.agent, completed.text, completed.steps) == ("reception", "We open at nine. Come by!", 1)


async def test_the_prompt_holds_the_whole_conversation_as_it_is_sent(bus: TestBus) -> None:
    async with Line(bus, lambda _: "Yes.").running() as line:
        await line.say("are you there")
        await line.say("really")
    messages = (await line.events(PromptRequested))[1].messages
    assert [(message.role, message.content) for message in messages] == [
        ("system", "You are the reception."),
        ("assistant", "Hello."),
        ("user", "are you there"),
        ("assistant", "Yes."),
        ("user", "really"),
    ]


async def test_the_callers_words_choose_the_agent_before_a_model_is_asked(bus: TestBus) -> None:
    async with Line(bus, lambda _: "Which number?").running() as line:
        await line.say("Where is my parcel?")
        await line.say("one two three four")
    changes = await line.events(AgentChanged)
    assert [(change.agent, change.previous, change.reason) for change in changes] == [
        ("reception", "", "entry"),
        ("tracking", "reception", "routed"),
    ]
    assert [(chunk.agent, chunk.voice) for chunk in await line.events(ReplyChunk)] == [("tracking", "amy")] * 2


async def test_an_agent_hands_over_and_the_next_one_uses_its_tool(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        if prompt.agent == "reception":
            return [call_of("transfer_to_tracking")]
        if last(prompt).startswith("tool: found"):
            return "It is in the van."
        return [call_of("find_parcel", '{"number":"4271"}')]

    async with Line(bus, decide).running() as line:
        await line.say("I want to know about it")
    assert [(change.agent, change.reason) for change in await line.events(AgentChanged)] == [
        ("reception", "entry"),
        ("tracking", "handoff"),
    ]
    (requested,) = await line.events(ToolRequested)
    (completed,) = await line.events(ToolCompleted)
    assert (completed.request, completed.result, completed.failed) == (requested.id, "found 4271", False)
    assert line.parcels.done == [f"found 4271 ({requested.id})"]
    (turn,) = await line.events(TurnCompleted)
    assert (turn.agent, turn.text, turn.steps) == ("tracking", "It is in the van.", 4)


async def test_two_agents_cannot_play_the_caller_back_and_forth(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        handoffs = [tool.name for tool in prompt.tools if tool.name.startswith("transfer_to_")]
        return [call_of(handoffs[0])] if handoffs else f"I am {prompt.agent}."

    async with Line(bus, decide).running() as line:
        await line.say("hello")
    assert [change.agent for change in await line.events(AgentChanged)] == ["reception", "tracking", "billing"]
    assert (await line.events(TurnCompleted))[0].text == "I am billing."


async def test_two_handoffs_at_once_are_one(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        if prompt.agent == "reception":
            return [call_of("transfer_to_tracking", "[]", "c1"), call_of("transfer_to_billing", "{", "c2")]
        return f"I am {prompt.agent}."

    async with Line(bus, decide).running() as line:
        await line.say("hello")
    assert (await line.events(TurnCompleted))[0].text == "I am tracking."


async def test_an_agent_that_keeps_calling_tools_has_to_answer_in_the_end(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return [call_of("find_parcel", '{"number":"1"}')] if prompt.tools else "I cannot find it."

    async with Line(bus, decide).running() as line:
        await line.say("where is my parcel")
    assert len(line.parcels.done) == 5
    assert (await line.events(TurnCompleted))[0].text == "I cannot find it."


async def test_tool_calls_with_the_same_id_are_distinguished(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        if last(prompt).startswith("user"):
            calls = ("1", "2", "3")
            return [call_of("find_parcel", f'{{"number":"{number}"}}', "same") for number in calls]
        return "Found them."

    async with Line(bus, decide).running() as line:
        await line.say("where is my parcel")
    prompt = line.model.prompts[-1]
    asked = [call.id for message in prompt.messages for call in message.tool_calls]
    answered = [message.tool_call_id for message in prompt.messages if message.role == "tool"]
    assert len(set(asked)) == 3
    assert answered == asked
    assert [message.content for message in prompt.messages[-3:]] == ["found 1", "found 2", "found 3"]


async def test_the_call_is_ended_with_one_more_prompt_for_the_last_words(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return [call_of("end_call", '{"reason":"done"}')] if last(prompt).startswith("user") else "Good-bye!"

    async with Line(bus, decide).running() as line:
        await line.say("bye")
    (requested,) = await line.events(CallEndRequested)
    assert (requested.reason, requested.turn) == ("done", 1)
    assert line.model.prompts[-1].tools == ()
    assert (await line.events(TurnCompleted))[0].text == "Good-bye!"


async def test_last_words_said_with_the_call_that_ends_it_are_not_said_again(bus: TestBus) -> None:
    line = Line(bus, lambda _: "unused")

    async def stream(prompt: PromptRequested) -> object:
        line.model.prompts.append(prompt)
        yield TextDelta("You are put through.")
        yield ModelAnswer(text="You are put through.", tool_calls=(call_of("transfer_call"),))

    line.model.stream = stream
    async with line.running():
        await line.say("a person please")
    assert len(line.model.prompts) == 1
    assert [event.target for event in await line.events(CallTransferRequested)] == ["+15550199"]
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["You are put through."]
    assert (await line.events(TurnCompleted))[0].text == "You are put through."


async def test_wrong_arguments_go_back_to_the_agent(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        if last(prompt).startswith("user"):
            return [call_of("find_parcel", '{"numbre":"4271"}')]
        return "I did that wrong." if "wrong arguments" in last(prompt) else "?"

    async with Line(bus, decide).running() as line:
        await line.say("where is my parcel")
    assert (await line.events(ToolCompleted))[0].failed
    assert line.parcels.done == []
    assert (await line.events(TurnCompleted))[0].text == "I did that wrong."


async def test_invalid_json_arguments_are_reported_to_the_agent(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return [call_of("find_parcel", '{"number"')] if last(prompt).startswith("user") else "I did that wrong."

    async with Line(bus, decide).running() as line:
        await line.say("where is my parcel")
    assert (await line.events(TurnCompleted))[0].text == "I did that wrong."


async def test_a_model_that_fails_leaves_no_caller_in_silence(bus: TestBus) -> None:
    moves = iter([RuntimeError("no memory"), "I am back."])
    async with Line(bus, lambda _: next(moves)).running() as line:
        await line.say("hello")
        await line.say("again")
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["I am sorry, that did not work.", "I am back."]
    assert [turn.failed for turn in await line.events(TurnCompleted)] == [True, False]
    assert "no memory" in (await line.events(PromptCompleted))[0].error


async def test_an_empty_answer_is_a_failure(bus: TestBus) -> None:
    async with Line(bus, lambda _: "").running() as line:
        await line.say("hello")
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["I am sorry, that did not work."]
    assert (await line.events(TurnCompleted))[0].failed
