"""Calls over the real protocol, from the webhook to the last event."""

import asyncio
import time

import numpy as np
import pytest

from orchestra.bus import Bus, EmbeddedServer
from orchestra.prometheus_page import page
from orchestra.settings import Settings
from orchestra.simulator.audio_measure import is_audible
from orchestra.simulator.media_stream import MediaStream
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.twiml import ConnectStream
from orchestra.testing import TestBus
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallEndRequested,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SpeechMetered,
    TranscriptFinal,
    TranscriptPartial,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
)
from tests.voice.edges import Greeting, RunningEdge, running_edge, tone

#: so long that it is not over when a busy machine gets round to cutting it
LONG = " ".join(["Your parcel was sent from Denver on Monday and will come to your door on Friday before noon."] * 3)


async def answer(running: RunningEdge, turn: int, *sentences: str, then: Event | None = None) -> str:
    """Answer the caller's turn as the agents would. Returns the call's id."""
    call = (await running.event(UserTurnEnded, turn=turn)).call
    chunks = [ReplyChunk(call=call, turn=turn, text=text, agent="tracking", voice="amy") for text in sentences]
    completed = TurnCompleted(call=call, turn=turn, agent="tracking", text=" ".join(sentences))
    await running.bus.publish(*chunks, *([then] if then else []), completed)
    return call


async def until_audible(line: PhoneLine) -> None:
    heard_s = line.agent_audible_s
    assert await line.until(lambda: line.agent_audible_s > heard_s, 30)


async def test_a_call_is_greeted_understood_answered_and_ended(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel") as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.say(tone(0.6))
            await answer(running, 1, "It is in Denver.")
            await running.event(ReplySpoken, turn=1)

        assert (await running.call(talk)).how == "caller_hung_up"
        await running.event(CallEnded, reason="caller_hung_up")
    journal = [event for event in await bus.published() if event.stream == "events"]
    assert [type(event) for event in journal if event.source != "test" and not isinstance(event, SpeechMetered)] == [
        CallStarted,
        ReplySpoken,
        UserSpeechStarted,
        TranscriptFinal,
        UserTurnEnded,
        ReplySpoken,
        TurnMeasured,
        CallEnded,
    ]
    started, greeted = journal[:2]
    assert isinstance(started, CallStarted)
    assert (started.from_number, started.to_number, started.greeting) == ("+15550001", "+15550100", "Hello there.")
    assert isinstance(greeted, ReplySpoken)
    assert greeted.text == "Hello there."
    assert [event.text for event in await bus.published(TranscriptPartial)] == ["where"]
    assert [event.text for event in await bus.published(UserTurnEnded)] == ["where is my parcel"]


async def test_the_use_of_the_speech_engines_is_metered_while_the_call_runs(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel") as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(SpeechMetered, turn=0, tts_characters=len("Hello there."))
            line.say(tone(0.6))
            await answer(running, 1, "It is in Denver.")
            await running.event(SpeechMetered, turn=1, tts_characters=len("It is in Denver."))

        await running.call(talk)
        ended = await running.event(CallEnded)
    metered = await bus.published(SpeechMetered)
    assert {(event.stt, event.tts) for event in metered} == {("script", "tone")}
    assert abs(sum(event.stt_s for event in metered) - ended.audio_ms / 1000) < 0.3


async def test_the_callers_words_cut_the_reply_at_the_word_heard_last(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel", "thank you", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await answer(running, 1, LONG)
            await until_audible(line)
            await line.until(lambda: False, 0.5)
            line.say(tone(0.4))
            assert await line.until(lambda: bool(line.cleared_s[1:]), 20)
            heard_s = line.agent_audible_s
            await running.event(UserTurnEnded, turn=2)
            assert line.agent_audible_s < heard_s + 0.05  # the sound fades out: not a word after the cut

        await running.call(talk)
        line = running.lines[0]
    (interrupted,) = await bus.published(ReplyInterrupted)
    heard = interrupted.heard.split()
    assert heard == LONG.split()[: len(heard)]
    # a word of these engines takes 0.1 s; a machine that stood still meanwhile may have made it one more
    assert abs(len(heard) - line.agent_audible_s / 0.1) <= 2.01
    second = (await bus.published(UserSpeechStarted))[1]
    assert second.interrupting
    assert not [spoken for spoken in await bus.published(ReplySpoken) if spoken.turn == 1]
    assert [measured.turn for measured in await bus.published(TurnMeasured)] == [1]


@pytest.mark.integration
async def test_after_a_noise_the_caller_hears_the_rest(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel", "", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await answer(running, 1, "One two three four five six seven eight.", "Nine ten.")
            await until_audible(line)
            await line.until(lambda: False, 0.3)
            line.say(tone(0.2))
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    (spoken,) = await bus.published(ReplySpoken)
    assert spoken.text == "One two three four five six seven eight. Nine ten."
    assert not await bus.published(ReplyInterrupted)
    assert len(await bus.published(UserTurnEnded)) == 1


async def test_a_late_reply_to_an_older_turn_is_never_heard(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "one", "two", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await running.event(UserTurnEnded, turn=1)
            line.say(tone(0.4))
            await running.event(UserTurnEnded, turn=2)
            await answer(running, 1, LONG)
            await answer(running, 2, "Yes.")
            await running.event(ReplySpoken, turn=2)

        await running.call(talk)
    assert running.lines[0].agent_audible_s < 0.3
    assert [event.turn for event in await bus.published(ReplyInterrupted)] == [1]


async def test_the_agent_hangs_up_after_its_last_words_were_heard(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "good bye", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            await answer(running, 1, "Good-bye and thank you.", then=CallEndRequested(call=call, turn=1))
            await line.until(lambda: False, 10)

        ending = await running.call(talk)
    assert (ending.how, ending.closed) == ("agent_hung_up", "1000")
    assert running.lines[0].agent_audible_s >= 0.38
    (ended,) = await bus.published(CallEnded)
    assert ended.reason == "agent_hung_up"
    assert (await bus.published(ReplySpoken))[0].text == "Good-bye and thank you."


async def test_a_caller_is_transferred_to_a_person_after_the_last_words(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "a person please", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            transfer = CallTransferRequested(call=call, turn=1, target="+15550003")
            await answer(running, 1, "I am connecting you.", then=transfer)
            await line.until(lambda: False, 10)

        ending = await running.call(talk)
    assert (ending.how, ending.target) == ("transferred", "+15550003")
    assert [event.target for event in await bus.published(CallTransferred)] == ["+15550003"]
    assert [event.reason for event in await bus.published(CallEnded)] == ["transferred"]


async def test_both_sides_are_recorded_where_they_were_heard(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel", "stop", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await answer(running, 1, LONG)
            await until_audible(line)
            await line.until(lambda: False, 0.6)
            line.say(tone(0.4))
            await running.event(UserTurnEnded, turn=2)

        await running.call(talk)
        line = running.lines[0]
    sides = {"caller": np.zeros(len(line.tracks.caller) + 8000, np.int16), "agent": np.zeros(0, np.int16)}
    sides["agent"] = sides["caller"].copy()
    chunks = await bus.published(AudioChunk)
    for chunk in chunks:
        place = chunk.offset_ms * 8
        samples = np.frombuffer(chunk.audio, np.int16)
        sides[chunk.speaker][place : place + len(samples)] = samples
    assert {len(chunk.audio) for chunk in chunks if chunk.speaker == "caller"} - {3200} == {
        len(chunk.audio) for chunk in chunks if chunk.speaker == "caller" and len(chunk.audio) < 3200
    }
    for side, heard in (("caller", line.tracks.caller), ("agent", line.tracks.agent)):
        assert abs(_first_sound(sides[side]) - _first_sound(heard)) < 0.5, side
        assert abs(_sound_s(sides[side]) - _sound_s(heard)) < 0.3, side
    (ended,) = await bus.published(CallEnded)
    assert ended.audio_ms == max(chunk.offset_ms + len(chunk.audio) // 16 for chunk in chunks)


def _frames(samples: np.ndarray) -> list[bool]:
    return [is_audible(samples[place : place + 160]) for place in range(0, len(samples) - 159, 160)]


def _first_sound(samples: np.ndarray) -> float:
    return _frames(samples).index(True) * 0.02


def _sound_s(samples: np.ndarray) -> float:
    return sum(_frames(samples)) * 0.02


async def test_the_stages_of_a_turn_are_measured(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await answer(running, 1, "In Denver.")
            await running.event(TurnMeasured, turn=1)

        await running.call(talk)
    (measured,) = await bus.published(TurnMeasured)
    assert b'orchestra_edge_turn_stage_seconds_count{stage="total"} 1.0' in page(running.edge.turn_latency.metrics())
    assert 350 < measured.turn_end_ms < 10_000  # 200 ms for the voice to be gone, 200 ms of patience
    assert 0 < measured.stt_ms <= measured.turn_end_ms
    assert measured.first_sentence_ms > 0
    parts = measured.turn_end_ms + measured.first_sentence_ms + measured.tts_ms + measured.output_ms
    assert abs(parts - measured.total_ms) < 1


async def test_a_caller_who_says_nothing_is_hung_up_on(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, caller_silence_s=0.5) as running:
        ending = await running.call(lambda line: _wait(line, 10))
    assert ending.how == "agent_hung_up"
    assert [event.reason for event in await bus.published(CallEnded)] == ["silence"]


async def test_a_call_ends_at_the_longest_length(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, max_call_s=0.5) as running:
        await running.call(lambda line: _wait(line, 10))
    assert [event.reason for event in await bus.published(CallEnded)] == ["time_limit"]


async def test_beyond_the_cap_the_line_is_busy_and_then_free_again(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, max_calls=1) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            assert (await running.call(lambda line: _wait(line, 5))).streams == 0

        assert (await running.call(talk)).streams == 1
        await running.event(CallEnded)
        assert (await running.call(lambda line: _wait(line, 0.2))).streams == 1
    assert len(await bus.published(CallStarted)) == 2


async def test_draining_ends_what_does_not_end_by_itself(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            await running.edge.admission.drain(0.2)
            assert (await running.call(lambda line: _wait(line, 5))).streams == 0

        await running.call(talk)
    assert [event.reason for event in await bus.published(CallEnded)] == ["failed"]


@pytest.mark.integration
async def test_a_call_survives_the_loss_of_redis_and_the_caller_is_told(settings: Settings) -> None:
    async with EmbeddedServer(settings.data_dir) as server:
        lost = Settings(redis_url=server.url, data_dir=settings.data_dir)
        connected = await Bus.connect(lost)
        bus = TestBus(connected)
        app = Greeting(holding="Just a moment.")
        async with running_edge(bus, lost, "where is my parcel", app=app) as running:

            async def talk(line: PhoneLine) -> None:
                await running.event(ReplySpoken, turn=0)
                await server.kill()
                line.say(tone(0.4))
                await until_audible(line)  # "Just a moment."
                await server.start()
                await answer(running, 1, "In Denver.")
                await running.event(ReplySpoken, turn=1)

            await running.call(talk)
            await running.event(CallEnded, reason="caller_hung_up")
        (spoken,) = [event for event in await bus.published(ReplySpoken) if event.turn == 1]
        assert spoken.text.startswith("Just a moment. ")
        assert spoken.text.endswith("Just a moment. In Denver.")
        await connected.close()


async def _wait(line: PhoneLine, seconds: float) -> None:
    await line.until(lambda: False, seconds)


async def test_a_call_of_another_edges_partition_hears_its_replies(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "hello", app=Greeting(greeting="")) as running:
        other = next(
            partition for partition in range(bus.bus.partitions) if partition not in running.edge.homes.partitions
        )
        call = bus.call(other)
        token = running.edge.carriers[0].tokens.issue(call, "CA1", time.time())
        line = PhoneLine()
        url = f"{running.url.replace('http', 'ws')}/twilio/stream"
        verb = ConnectStream(url, {"token": token, "call": call})
        stream = await MediaStream.open(verb, line, call_sid="CA1", account_sid="AC1")
        parts = [asyncio.create_task(stream.run()), asyncio.create_task(line.run())]
        line.say(tone(0.4))
        assert await answer(running, 1, "Hello.") == call
        await running.event(ReplySpoken, turn=1)
        await stream.hang_up()
        line.end()
        await asyncio.gather(*parts)


async def test_a_mark_that_does_not_come_back_does_not_keep_a_call_that_ended(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_stream: MediaStream, _name: str) -> None:
        """A carrier that forgets marks."""

    monkeypatch.setattr(MediaStream, "send_mark", lost)
    monkeypatch.setattr("orchestra.voice.call.awaited_mark._WITHIN_S", 0.3)
    async with running_edge(bus, settings, "good bye", app=Greeting(greeting="")) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            await answer(running, 1, "Good-bye.", then=CallEndRequested(call=call, turn=1))
            await line.until(lambda: False, 10)

        assert (await running.call(talk)).how == "agent_hung_up"


async def test_calls_at_the_same_time_do_not_hear_each_other(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "one", "one", app=Greeting(greeting="")) as running:
        calls: list[str] = []

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await asyncio.sleep(0)
            async with asyncio.timeout(45):
                while len(await bus.published(UserTurnEnded)) < 2:
                    await _wait(line, 0.05)
            if not calls:
                calls.append((await bus.published(UserTurnEnded))[0].call)
                await bus.publish(ReplyChunk(call=calls[0], turn=1, text=LONG))
            # whoever is not meant would hear it by now
            await line.until(lambda: any(each.agent_audible_s > 0.5 for each in running.lines), 30)

        await asyncio.gather(running.call(talk), running.call(talk))
    heard = sorted(line.agent_audible_s > 0 for line in running.lines)
    assert heard == [False, True]
