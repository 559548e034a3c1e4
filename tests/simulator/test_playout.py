from orchestra.simulator.playout import PlayoutBuffer


def test_audio_is_played_in_the_order_in_which_it_came() -> None:
    buffer = PlayoutBuffer()
    buffer.put(b"abc")
    buffer.put(b"de")
    assert [buffer.take(2), buffer.take(2), buffer.take(2), buffer.take(2)] == [b"ab", b"cd", b"e", b""]


def test_a_mark_is_due_when_the_audio_before_it_was_played() -> None:
    buffer = PlayoutBuffer()
    buffer.put(b"abcd")
    buffer.mark("one")
    buffer.put(b"ef")
    buffer.mark("two")
    buffer.take(3)
    assert buffer.due_marks() == []
    buffer.take(2)
    assert buffer.due_marks() == ["one"]
    buffer.take(1)
    assert buffer.due_marks() == ["two"]


def test_a_mark_without_audio_before_it_is_due_at_once() -> None:
    buffer = PlayoutBuffer()
    buffer.mark("nothing before")
    assert buffer.due_marks() == ["nothing before"]


def test_clear_drops_the_audio_and_returns_all_marks() -> None:
    buffer = PlayoutBuffer()
    buffer.put(b"abcd")
    buffer.mark("one")
    buffer.take(1)
    assert buffer.clear() == 3
    assert (buffer.due_marks(), buffer.take(4)) == (["one"], b"")
