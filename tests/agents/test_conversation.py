import pytest

from orchestra.agents.conversation import STILL_RUNNING, Conversation
from orchestra.language import DEFAULT_LANGUAGE
from orchestra_schemas import Message, ToolCall

CALL = ToolCall(id="c1", name="find_parcel", arguments="{}")


def said(text: str) -> Message:
    return Message(role="assistant", content=text)


def asked(text: str) -> Message:
    return Message(role="user", content=text)


def calling(text: str = "") -> Message:
    return Message(role="assistant", content=text, tool_calls=(CALL,))


def answered(text: str) -> Message:
    return Message(role="tool", name="find_parcel", content=text, tool_call_id="c1")


def conversation_of(*messages: Message, running: dict[str, str] | None = None) -> Conversation:
    conversation = Conversation(agent="reception")
    conversation.add_greeting("Hello.")
    conversation.add_turn(1, messages, agent="tracking", running=running or {})
    return conversation


def a_turn_with_a_tool() -> Conversation:
    return conversation_of(
        asked("where is it"), calling("Let me look."), answered(""), said("It is in the van. It comes today.")
    )


def texts(conversation: Conversation) -> list[str]:
    return [message.content for message in conversation.messages]


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
    conversation.truncate_reply(1, heard, DEFAULT_LANGUAGE)
    words = [message.content for message in conversation.messages[1:] if message.role == "assistant"]
    assert words == [text for at, text in enumerate(kept) if text or at == 0]
    assert [message.tool_call_id for message in conversation.messages if message.role == "tool"] == ["c1"]


def test_an_interrupted_greeting_is_remembered_up_to_the_words_that_were_heard() -> None:
    conversation = conversation_of(asked("hello?"))
    conversation.truncate_reply(0, "Hel", DEFAULT_LANGUAGE)
    assert texts(conversation) == ["Hel —", "hello?"]


def test_words_heard_of_a_reply_that_was_never_finished_are_remembered() -> None:
    conversation = conversation_of(asked("where is it"))
    conversation.add_turn(2, [asked("hello?")], agent="tracking", running={})
    conversation.truncate_reply(1, "It is", DEFAULT_LANGUAGE)
    assert texts(conversation) == ["Hello.", "where is it", "It is —", "hello?"]


def test_a_cancelled_turn_leaves_no_tool_call_without_an_answer() -> None:
    conversation = conversation_of(asked("where is it"), calling(), running={"request-1": "c1"})
    assert conversation.messages[-1] == answered(STILL_RUNNING)


def test_a_tool_that_ends_after_its_turn_is_remembered() -> None:
    conversation = conversation_of(asked("book it"), calling(), running={"request-1": "c1"})
    assert conversation.record_late_result("request-1", "Booked.")
    assert not conversation.record_late_result("request-1", "Booked.")
    assert conversation.messages[-1].content == "Booked."


def test_only_whole_turns_are_forgotten() -> None:
    conversation = Conversation(agent="tracking")
    for turn in range(1, 40):
        messages = [asked("where is it"), calling(), answered("here"), said("here")]
        conversation.add_turn(turn, messages, agent="tracking", running={})
    kept = Conversation.decode(conversation.encode())
    assert len(kept.lines) == 60
    assert kept.messages[0].role == "user"
    assert kept.lines[-1] == conversation.lines[-1]


def test_long_results_are_forgotten_sooner() -> None:
    conversation = Conversation(agent="tracking")
    for turn in range(1, 10):
        messages = [asked("where is it"), calling(), answered("here " * 1600), said("here")]
        conversation.add_turn(turn, messages, agent="tracking", running={})
    kept = Conversation.decode(conversation.encode())
    assert [line.turn for line in kept.lines] == [8] * 4 + [9] * 4


def test_a_conversation_is_the_same_after_storing_it() -> None:
    conversation = conversation_of(asked("where is it"), calling(), running={"request-1": "c1"})
    conversation.mark_interrupted(1)
    assert Conversation.decode(conversation.encode()) == conversation


def test_dropped_messages_are_kept_as_bounded_notes() -> None:
    conversation = Conversation(agent="tracking")
    for turn in range(1, 80):
        said = Message(role="user", content=f"question {turn} " + "about it " * 40)
        answer = Message(role="assistant", content=f"answer {turn}")
        conversation.add_turn(turn, [said, answer], agent="tracking", running={})
        conversation = Conversation.decode(conversation.encode())
    first_kept = int(conversation.messages[0].content.split()[1])
    assert conversation.forgotten[-1] == f"- you: answer {first_kept - 1}"
    assert sum(map(len, conversation.forgotten)) <= 2_400
    assert conversation.notes.startswith("Earlier in this call:\n- ")
