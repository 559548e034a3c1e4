"""A caller who decides in the call, on a line whose clock runs as fast as the machine can."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count, pairwise

import numpy as np
import pytest

from orchestra.errors import EngineError, UsageError
from orchestra.simulator import (
    DisturbedMicrophone,
    ImprovisedConversation,
    Listening,
    PhoneLine,
    Utterance,
    at_speech_level,
    make_noise,
    measure_turns,
)
from orchestra.simulator.audio_files import write_stereo
from orchestra.simulator.audio_measure import find_sounds
from orchestra.voice.audio.mulaw import Samples, decode, encode
from tests.simulator.tone_edge import silence, tone

Agent = Callable[[PhoneLine, ImprovisedConversation], Awaitable[None]]
WORDS = at_speech_level(np.concatenate([tone(0.3), silence(0.2), tone(0.3, 900)]))


@dataclass
class Mind:
    """Says these utterances, and listens to these replies in a way of their own."""

    says: list[Utterance]
    listens: dict[int, Listening] = field(default_factory=dict)
    decides_in: Callable[[], Awaitable[None]] | None = None
    heard_s: list[float] = field(default_factory=list)
    line: PhoneLine | None = None

    async def listening(self, number: int) -> Listening:
        return self.listens.get(number, Listening())

    async def utterance(self, number: int) -> Utterance | None:
        assert self.line is not None
        self.heard_s.append(self.line.now_s)
        if self.decides_in is not None:
            await self.decides_in()
        return self.says[number - 1] if number <= len(self.says) else None


class Sent:
    """The carrier's end of the line: what was sent, None for a frame that was lost."""

    def __init__(self) -> None:
        self.frames: list[bytes | None] = []
        self.pressed = ""

    async def send_audio(self, frame: bytes) -> None:
        self.frames.append(frame)

    async def lose_audio(self) -> None:
        self.frames.append(None)

    async def send_mark(self, name: str) -> None:
        del name

    async def send_digit(self, digit: str) -> None:
        self.pressed += digit


async def talked(
    mind: Mind, agent: Agent, microphone: DisturbedMicrophone | None = None
) -> tuple[PhoneLine, ImprovisedConversation, Sent]:
    line, sent = PhoneLine(sleep=lambda _: asyncio.sleep(0)), Sent()
    line.stream, mind.line = sent, line
    talk = ImprovisedConversation(mind, microphone=microphone)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(line.run())
        answering = tasks.create_task(agent(line, talk))  # type: ignore[arg-type]
        await talk(line)
        line.end()
        answering.cancel()
    return line, talk, sent


def answering(seconds: float, after_s: float = 0.5, greeting_s: float = 0.5) -> Agent:
    """An agent that greets, and answers whatever is said with a tone of this length."""

    async def agent(line: PhoneLine, talk: ImprovisedConversation) -> None:
        line.playout.put(encode(tone(greeting_s)))
        for number in count():
            if not await line.until(lambda number=number: len(talk.said_spans) > number, 300):  # type: ignore[misc]
                return
            said = talk.said_spans[number]
            await line.until(lambda: False, 0.2)
            line.playout.clear()
            await line.until(lambda: False, said.end_s + after_s - line.now_s)
            line.playout.put(encode(tone(seconds)))

    return agent


async def test_the_caller_hears_each_reply_out_decides_and_hangs_up_when_there_is_nothing_to_say() -> None:
    mind = Mind([Utterance("one", WORDS), Utterance("two", WORDS)])
    line, talk, _ = await talked(mind, answering(1.0))
    _, first, second = measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)
    assert first.reply is not None
    assert second.reply is not None
    assert talk.said_spans[1].start_s == pytest.approx(first.reply.end_s + 0.8, abs=0.2)
    assert mind.heard_s[2] == pytest.approx(second.reply.end_s + 0.8, abs=0.2)
    assert talk.unanswered_turn == 0
    assert line.now_s < mind.heard_s[2] + 0.2


async def test_a_reply_is_interrupted_at_the_chosen_point_unless_it_is_over_before() -> None:
    soon, late = Listening(interrupts_after_s=0.6), Listening(interrupts_after_s=30.0)
    mind = Mind([Utterance("one", WORDS)] * 3, {2: soon, 3: late})
    line, talk, _ = await talked(mind, answering(3.0))
    _, first, second, _ = measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)
    assert first.reply is not None
    assert talk.said_spans[1].start_s == pytest.approx(first.reply.start_s + 0.6, abs=0.15)
    assert second.barge_in_stop_s is not None
    assert second.reply is not None
    assert talk.said_spans[2].start_s == pytest.approx(second.reply.end_s + 0.8, abs=0.2)


async def test_who_listens_says_so_into_the_reply_and_hears_the_rest() -> None:
    listens = Listening(backchannel=at_speech_level(tone(0.2)), backchannel_after_s=0.7)
    line, talk, _ = await talked(Mind([Utterance("one", WORDS)], {2: listens}), answering(3.0, greeting_s=1.0))
    said = find_sounds(line.tracks.caller)
    (reply,) = measure_turns(line.tracks.caller, line.tracks.agent, talk.said_spans)[1].replies
    assert len(talk.said_spans) == 1
    assert said[-1].start_s == pytest.approx(reply.start_s + 0.7, abs=0.1)
    assert line.now_s > reply.end_s + 0.7


async def test_the_caller_hangs_up_in_mid_reply() -> None:
    mind = Mind([Utterance("one", WORDS), Utterance("two", WORDS)], {2: Listening(hangs_up_after_s=0.5)})
    line, talk, _ = await talked(mind, answering(5.0))
    assert len(talk.said_spans) == 1
    assert line.now_s == pytest.approx(talk.said_spans[0].end_s + 0.5 + 0.3 + 0.5, abs=0.3)


async def test_a_silent_caller_is_silent_and_then_speaks() -> None:
    mind = Mind([Utterance("one", WORDS)], {1: Listening(silence_s=6.0)})
    _, talk, _ = await talked(mind, answering(1.0))
    assert talk.said_spans[0].start_s == pytest.approx(0.5 + 0.8 + 6.0, abs=0.3)


async def test_keys_are_pressed_after_what_was_said() -> None:
    mind = Mind([Utterance("", silence(0), digits="42#", silent=True), Utterance("two", WORDS)])

    async def agent(line: PhoneLine, talk: ImprovisedConversation) -> None:
        line.playout.put(encode(tone(0.5)))
        await line.until(lambda: sent_keys() == "42#", 60)
        line.playout.put(encode(tone(0.5)))
        await line.until(lambda: len(talk.said_spans) > 1, 60)
        await line.until(lambda: False, 1.5)
        line.playout.put(encode(tone(0.5)))

    def sent_keys() -> str:
        assert mind.line is not None
        assert isinstance(mind.line.stream, Sent)
        return mind.line.stream.pressed

    _, talk, sent = await talked(mind, agent)
    assert sent.pressed == "42#"
    assert (len(talk.said_spans), talk.unanswered_turn) == (2, 0)


async def test_who_gets_no_answer_says_something_again_and_then_gives_up() -> None:
    async def agent(line: PhoneLine, _: ImprovisedConversation) -> None:
        line.playout.put(encode(tone(0.5)))

    line, talk, _ = await talked(Mind([Utterance("one", WORDS)] * 3), agent)
    first, second = talk.said_spans
    assert talk.unanswered_turn == 2
    assert second.start_s == pytest.approx(first.end_s + 20, abs=0.2)
    assert line.now_s == pytest.approx(second.end_s + 20, abs=0.2)


async def test_a_mind_that_does_not_decide_ends_the_call_with_an_error() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    line = PhoneLine(sleep=lambda _: asyncio.sleep(0))
    clock = asyncio.create_task(line.run())
    line.playout.put(encode(tone(0.2)))
    with pytest.raises(EngineError, match="has not decided within 60 s what to say in turn 1"):
        await ImprovisedConversation(Mind([], decides_in=never, line=line))(line)
    line.end()
    await clock


async def test_a_call_that_ends_while_the_mind_decides_is_over_at_once() -> None:
    mind = Mind([])

    async def hangs_up() -> None:
        assert mind.line is not None
        mind.line.end()
        await asyncio.Event().wait()

    mind.decides_in = hangs_up
    _, talk, _ = await talked(mind, answering(1.0))
    assert talk.said_spans == []


# -- the line


def microphone(seed: int, **more: float | bool) -> DisturbedMicrophone:
    noise = make_noise("street", seed, lambda _: WORDS)
    return DisturbedMicrophone(seed, noise=noise, snr_db=10.0, packet_loss=0.1, **more)  # type: ignore[arg-type]


def turn(talk: ImprovisedConversation, sent: Sent, number: int) -> list[bytes | None]:
    span = talk.said_spans[number - 1]
    return sent.frames[round(span.start_s / 0.02) : round(span.end_s / 0.02)]


async def test_the_same_seed_and_words_send_the_same_bytes_however_long_the_agent_takes() -> None:
    says = [Utterance("one", WORDS), Utterance("two", WORDS)]
    runs = [
        await talked(Mind(says), answering(1.0, after_s=delay_s), microphone(seed, bad_line=True))
        for delay_s, seed in ((0.3, 5), (1.7, 5), (0.3, 6))
    ]
    (_, first, sent), (_, again, sent_again), (_, other, sent_other) = runs
    assert first.said_spans[1] != again.said_spans[1]
    for number in (1, 2):
        assert turn(first, sent, number) == turn(again, sent_again, number)
        assert turn(first, sent, number) != turn(other, sent_other, number)
    assert None in sent.frames
    assert turn(first, sent, 1) != turn(first, sent, 2)


async def test_the_noise_is_under_the_whole_call_and_the_caller_is_recorded_without_it() -> None:
    noise = make_noise("hum", 1, lambda _: WORDS)
    line, _, sent = await talked(
        Mind([Utterance("one", WORDS)]), answering(1.0), DisturbedMicrophone(1, noise=noise, snr_db=10.0)
    )
    levels = [np.sqrt(np.mean(np.square(decode(frame).astype(float)))) for frame in sent.frames if frame is not None]
    assert min(levels) > 32768 * 10 ** (-36 / 20)
    assert np.count_nonzero(line.tracks.caller) <= WORDS.size


@pytest.mark.parametrize("loss", [0.05, 0.8])
def test_as_many_frames_are_lost_as_were_to_be_and_in_bursts(loss: float) -> None:
    lossy = DisturbedMicrophone(1, packet_loss=loss, loss_burst=4.0)
    lost = [lossy(bytes(160)) is None for _ in range(20_000)]
    assert np.mean(lost) == pytest.approx(loss, rel=0.2)
    begins = sum(not before and now for before, now in pairwise(lost))
    assert sum(lost) / begins == pytest.approx(4.0, rel=0.2)


def through(disturbed: DisturbedMicrophone, samples: Samples) -> Samples:
    frames = [disturbed(encode(samples[at : at + 160])) for at in range(0, samples.size - 159, 160)]
    return decode(b"".join(frame for frame in frames if frame is not None))


def level(samples: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(samples[800:].astype(float)))) / 32768))


def test_a_bad_line_is_narrow_and_clips_and_gain_is_gain() -> None:
    bad = DisturbedMicrophone(1, bad_line=True)
    loud = {hz: level(through(bad, tone(1.0, hz, 3000))) for hz in (200, 1000, 3200)}
    assert loud[1000] == pytest.approx(level(tone(1.0, 1000, 3000)), abs=0.5)
    assert loud[200] < loud[1000] - 10
    assert loud[3200] < loud[1000] - 20
    assert np.abs(through(bad, tone(1.0, 1000, 20_000))).max() < 7_000
    quiet = through(DisturbedMicrophone(1, gain_db=-20.0), tone(1.0, 1000, 10_000))
    assert level(quiet) == pytest.approx(level(tone(1.0, 1000, 10_000)) - 20, abs=0.3)


def test_speech_is_brought_to_one_level_and_noise_is_as_loud_as_it_is_to_be(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for amplitude in (500, 20_000):
        assert level(at_speech_level(tone(1.0, 440, amplitude))) == pytest.approx(-20.0, abs=0.2)
    assert not at_speech_level(silence(1.0)).any()
    path = tmp_path_factory.mktemp("noise") / "own.wav"
    write_stereo(path, tone(2.0, 300), tone(2.0, 300))
    for kind in ("babble", "street", "hum", str(path)):
        noise = make_noise(kind, 1, lambda _: tone(1.0))
        assert level(through(DisturbedMicrophone(1, noise=noise, snr_db=12.0), silence(3.0))) == pytest.approx(
            -32, abs=1.5
        )
    assert np.array_equal(make_noise("street", 4, tone), make_noise("street", 4, tone))  # type: ignore[arg-type]
    write_stereo(path, silence(1.0), silence(1.0))
    with pytest.raises(UsageError, match="silent"):
        make_noise(str(path), 1, lambda _: tone(1.0))
