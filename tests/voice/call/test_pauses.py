"""A caller who may pause is not told to wait, and what they were asked is known to the next edge."""

from orchestra.history.resume import ResumeState
from tests.voice.call.virtual_call import HOLDING, VirtualCall


def thinking_caller(allowed_s: float) -> VirtualCall:
    """A caller who has begun to speak, and pauses in the middle of their turn."""
    call = VirtualCall()
    call.conversation.greet("Which one?")
    call.wait(2.0)
    call.voice_starts()
    call.wait(1.0)
    call.conversation.pause_allowed(allowed_s)
    call.voice_ends()
    return call


def heard_after(call: VirtualCall, seconds: float) -> list[str]:
    call.wait(seconds)
    return [text for _, text in call.heard[1:]]


def test_nothing_is_said_in_a_pause_that_the_caller_may_take() -> None:
    assert heard_after(thinking_caller(2.25), 2.6) == []


def test_a_caller_who_may_not_pause_waits_from_their_last_sound_on() -> None:
    assert heard_after(thinking_caller(0.0), 2.6) == [HOLDING]


def test_after_the_pause_the_caller_waits_as_any_other() -> None:
    assert heard_after(thinking_caller(1.0), 4.0) == [HOLDING]


def test_the_last_reply_is_what_the_caller_answers() -> None:
    call = VirtualCall()
    call.conversation.greet("What are the last four digits?")
    assert call.conversation.last_reply == ("", "What are the last four digits?")


def test_an_edge_that_resumes_a_call_knows_what_was_asked() -> None:
    call = VirtualCall()
    state = ResumeState(turn=3, agent="desk", over=True, all_heard="Hello. What are the last four digits?")
    call.conversation.resume(state, "Sorry?")
    assert call.conversation.last_reply == ("desk", "Hello. What are the last four digits?")
