"""What waits to be played, and the marks in it."""

from orchestra.sip.playout import Keys, PlayoutQueue


def test_a_mark_is_due_once_the_stack_has_played_the_audio_before_it() -> None:
    queue = PlayoutQueue()
    queue.put(b"ab" * 10)
    queue.mark("a")
    queue.take(20)
    assert queue.due_marks(2) == []
    assert queue.due_marks(0) == ["a"]
    assert not queue


def test_a_mark_with_no_audio_before_it_is_due_at_once() -> None:
    queue = PlayoutQueue()
    queue.mark("a")
    assert queue.due_marks(0) == ["a"]


def test_keys_are_due_in_their_place_and_those_that_are_cleared_are_not_pressed() -> None:
    queue = PlayoutQueue()
    queue.put(b"abcd")
    queue.mark(Keys("1#"))
    queue.mark("a")
    queue.take(4)
    assert queue.due_marks(2) == []
    assert queue.due_marks(0) == [Keys("1#"), "a"]
    queue.mark(Keys("2"))
    assert queue.clear() == []


def test_what_is_cleared_is_not_played_and_its_marks_come_back_in_their_order() -> None:
    queue = PlayoutQueue()
    queue.mark("a")
    queue.put(b"abcd")
    queue.mark("b")
    assert queue.clear() == ["a", "b"]
    assert not queue
    assert queue.peek(4) == b""


def test_what_the_stack_has_lost_is_played_next_and_its_mark_waits_for_it() -> None:
    queue = PlayoutQueue()
    queue.put(b"abcdefgh")
    queue.mark("a")
    queue.take(6)
    queue.give_back(4)
    assert queue.peek(10) == b"cdefgh"
    assert queue.due_marks(0) == []
    queue.take(6)
    assert queue.due_marks(0) == ["a"]


def test_what_was_cleared_is_not_given_back() -> None:
    queue = PlayoutQueue()
    queue.put(b"abcdefgh")
    queue.take(6)
    queue.clear()
    queue.give_back(4)
    assert queue.peek(10) == b""
