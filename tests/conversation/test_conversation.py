import pytest

from orchestra.agents.conversation import STILL_RUNNING, Conversation
from schemas import Message, ToolCall

CALL = ToolCall(id="c1", name="find_parcel", arguments="{}")


def said(text: str) -> Message:
    return Message(role="assistant", content=text)


def a_turn_with_a_tool() -> Conversation:
    conversation = Conversation(agent="tracking")
    conversation.caller_said(1, "where is it")
    conversation.add(1, Message(role="assistant", content="Let me look.", tool_calls=(CALL,)))
    conversation.add(1, Message(role="tool", name="find_parcel", content="", tool_call_id="c1"))
    conversation.add(1, said("It is in the van. It comes today."))
    return conversation


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ("Let me look. It is in the van.", ["Let me look.", "It is in the van. —"]),
        ("Let me look. One moment. It is", ["Let me look.", "One moment. It is —"]),
        ("Let me look. It is in the van. It comes today.", ["Let me look.", "It is in the van. It comes today."]),
        ("Let me look.", ["Let me look.", ""]),
        ("Let me", ["Let me —", ""]),
        ("", ["", ""]),
    ],
)
def test_the_history_keeps_only_what_the_caller_heard(heard: str, kept: list[str]) -> None:
    conversation = a_turn_with_a_tool()
    conversation.heard(1, heard)
    texts = [message.content for message in conversation.messages if message.role == "assistant"]
    assert texts == [text for at, text in enumerate(kept) if text or at == 0]
    assert [message.tool_call_id for message in conversation.messages if message.role == "tool"] == ["c1"]


def test_words_heard_of_a_reply_that_was_never_finished_are_remembered() -> None:
    conversation = Conversation(agent="tracking")
    conversation.caller_said(1, "where is it")
    conversation.cancelled(1, {})
    conversation.caller_said(2, "hello?")
    conversation.heard(1, "It is")
    assert [message.content for message in conversation.messages] == ["where is it", "It is —", "hello?"]


def test_a_cancelled_turn_leaves_no_tool_call_without_an_answer() -> None:
    conversation = Conversation(agent="tracking")
    conversation.caller_said(1, "where is it")
    conversation.add(1, Message(role="assistant", tool_calls=(CALL,)))
    conversation.cancelled(1, {"request-1": "c1"})
    assert conversation.messages[-1] == Message(
        role="tool", name="find_parcel", content=STILL_RUNNING, tool_call_id="c1"
    )


def test_a_tool_that_ends_after_its_turn_was_cancelled_is_remembered() -> None:
    conversation = Conversation(agent="tracking")
    conversation.caller_said(1, "book it")
    conversation.add(1, Message(role="assistant", tool_calls=(CALL,)))
    conversation.cancelled(1, {"request-1": "c1"})
    assert conversation.tool_ended("request-1", "Booked.")
    assert not conversation.tool_ended("request-1", "Booked.")
    assert conversation.messages[-1].content == "Booked."


def test_a_turn_begun_twice_holds_the_callers_words_once() -> None:
    conversation = Conversation(agent="tracking")
    conversation.caller_said(1, "hello")
    conversation.caller_said(1, "hello")
    assert len(conversation.messages) == 1


def test_only_whole_turns_are_forgotten() -> None:
    conversation = Conversation(agent="tracking")
    for turn in range(1, 40):
        conversation.caller_said(turn, "where is it")
        conversation.add(turn, Message(role="assistant", tool_calls=(CALL,)))
        conversation.add(turn, Message(role="tool", name="find_parcel", content="here", tool_call_id="c1"))
        conversation.add(turn, said("here"))
    kept = Conversation.decode(conversation.encode())
    assert len(kept.lines) == 60
    assert kept.messages[0].role == "user"
    assert kept.lines[-1] == conversation.lines[-1]


def test_what_is_stored_is_what_was_remembered() -> None:
    conversation = a_turn_with_a_tool()
    conversation.cancelled(1, {"request-1": "c1"})
    assert Conversation.decode(conversation.encode()) == conversation
