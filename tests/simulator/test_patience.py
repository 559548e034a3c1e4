"""When a simulated caller speaks: on a line whose clock the test turns, with an agent that takes its time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from orchestra.simulator import PhoneLine, ScriptedConversation, Utterance, measure_turns
from orchestra.voice.audio.mulaw import encode
from tests.simulator.tone_edge import silence, tone

ONE, TWO = Utterance("one", tone(0.4)), Utterance("two", tone(0.4))
Agent = Callable[[PhoneLine], Awaitable[None]]


class _Keys:
    """The carrier's end of the line, of which only the keys are of interest."""

    def __init__(self) -> None:
        self.pressed = ""

    async def send_audio(self, frame: bytes) -> None:
        del frame

    async def send_mark(self, name: str) -> None:
        del name

    async def send_digit(self, digit: str) -> None:
        self.pressed += digit


async def talked(
    utterances: Sequence[Utterance], agent: Agent, replying: Callable[[], bool] = lambda: False
) -> tuple[PhoneLine, ScriptedConversation, _Keys]:
    """Hold a conversation as fast as the machine can: no frame takes any time."""
    line, keys = PhoneLine(sleep=lambda _: asyncio.sleep(0)), _Keys()
    line.stream = keys
    talk = ScriptedConversation(utterances, replying=replying)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(line.run())
        tasks.create_task(agent(line))  # type: ignore[arg-type]
        await talk(line)
        line.end()
    return line, talk, keys


def say(line: PhoneLine, seconds: float) -> None:
    line.playout.put(encode(tone(seconds)))


async def pause(line: PhoneLine, seconds: float) -> None:
    await line.until(lambda: False, seconds)


async def heard(line: PhoneLine, times: int) -> None:
    """Wait until the caller has said that many utterances."""
    for _ in range(times):
        size = len(line.tracks.caller)
        await line.until(lambda size=size: line.tracks.caller[size:].any(), 300)  # type: ignore[misc]
        await pause(line, 0.6)


async def greet(line: PhoneLine) -> None:
    """Say something, hear the caller, and begin to answer."""
    say(line, 0.5)
    await heard(line, 1)
    say(line, 0.5)


async def slow_tool(line: PhoneLine) -> None:
    """Greets; after the first words a filler, three seconds of look-up, the reply."""
    await greet(line)
    await pause(line, 3.5)
    say(line, 1.0)
    await heard(line, 1)
    say(line, 0.5)


async def test_a_caller_who_waits_does_not_take_the_filler_for_the_reply() -> None:
    line, talk, _ = await talked([Utterance("one", tone(0.4), wait_s=5.0), TWO], slow_tool)
    _, first, second = measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)
    assert first.reply is not None
    assert first.reply.end_s - first.reply.start_s > 4
    assert talk.said_spans[1].start_s == pytest.approx(first.reply.end_s + 5.0, abs=0.1)
    assert (second.barge_in_stop_s, talk.unanswered_turn) == (None, 0)


async def test_a_caller_without_patience_talks_into_the_look_up() -> None:
    line, talk, _ = await talked([ONE, TWO], slow_tool)
    _, first, _ = measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)
    assert first.reply is not None
    assert first.reply.end_s - first.reply.start_s < 1


async def test_a_caller_who_can_see_that_a_reply_is_being_made_waits_for_it() -> None:
    at_work = False

    async def agent(line: PhoneLine) -> None:
        nonlocal at_work
        say(line, 0.5)
        await heard(line, 1)
        at_work = True
        say(line, 0.5)
        await pause(line, 3.5)
        say(line, 1.0)
        await pause(line, 1.0)
        at_work = False
        await heard(line, 1)
        say(line, 0.5)

    line, talk, _ = await talked([ONE, TWO], agent, replying=lambda: at_work)
    _, first, _ = measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)
    assert first.reply is not None
    assert first.reply.end_s - first.reply.start_s > 4


async def test_words_of_the_agent_in_a_scripted_silence_are_its_reply() -> None:
    async def agent(line: PhoneLine) -> None:
        await greet(line)
        await pause(line, 4.0)
        await greet(line)

    quiet = Utterance("(silence, 6 s)", silence(6.0), silent=True)
    line, talk, _ = await talked([ONE, quiet, TWO], agent)
    _, first, second, third = measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)
    assert talk.unanswered_turn == 0
    assert talk.said_spans[2].start_s - talk.said_spans[1].start_s > 6.0
    assert [len(turn.replies) for turn in (first, second, third)] == [1, 1, 1]
    assert (second.said, second.response_s) == (None, None)


async def test_a_scripted_silence_without_a_reply_is_not_a_missing_reply() -> None:
    async def agent(line: PhoneLine) -> None:
        await greet(line)

    _, talk, _ = await talked([Utterance("", silence(30.0), silent=True), TWO], agent)
    assert (talk.unanswered_turn, len(talk.said_spans)) == (0, 2)


async def test_keys_are_pressed_when_the_agent_has_asked_although_its_reply_waits_for_them() -> None:
    at_work = False

    async def agent(line: PhoneLine) -> None:
        nonlocal at_work
        say(line, 0.5)
        await heard(line, 1)
        at_work = True
        say(line, 0.5)
        await pause(line, 5.0)
        say(line, 0.5)
        at_work = False

    keyed = Utterance("(keys 42#)", silence(0), digits="42#", silent=True)
    _, talk, keys = await talked([ONE, keyed], agent, replying=lambda: at_work)
    assert keys.pressed == "42#"
    assert talk.said_spans[1].start_s < 5


async def test_the_first_words_may_be_spoken_into_the_greeting() -> None:
    async def agent(line: PhoneLine) -> None:
        say(line, 5.0)
        await heard(line, 1)
        line.playout.clear()
        say(line, 0.5)

    line, talk, _ = await talked([Utterance("one", tone(0.4), barge_in_after_s=1.0)], agent)
    assert talk.said_spans[0].start_s == pytest.approx(1.0, abs=0.1)
    assert measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)[1].barge_in_stop_s is not None
