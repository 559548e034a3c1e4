"""The latency of a turn by stage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.voice.audio.call_audio import CallAudio
from orchestra.voice.call.conversation import Conversation
from orchestra.voice.call.turn_latency import TurnTimestamps
from orchestra_schemas import ReplyChunk, TurnCompleted, TurnMeasured
from orchestra_schemas.speech import TURN_STAGES


def test_stages_follow_one_another() -> None:
    times = TurnTimestamps(
        speech_ended=100.0,
        turn_ended=100.7,
        transcribed=100.6,
        prompted=100.71,
        first_token_ms=200.0,
        sentence=101.0,
        speech=101.2,
        sent=101.25,
    )
    assert times.to_event("07-a", 3) == TurnMeasured(
        call="07-a",
        turn=3,
        turn_end_ms=700.0,
        stt_ms=600.0,
        routing_ms=10.0,
        first_token_ms=200.0,
        first_sentence_ms=90.0,
        tts_ms=200.0,
        output_ms=50.0,
        total_ms=1250.0,
        ready="nothing",
    )


@given(st.lists(st.integers(1, 2000), min_size=6, max_size=6), st.integers(0, 5000))
def test_stages_add_up_to_the_wait_whatever_was_ready_when_the_turn_ended(steps_ms: list[int], end_ms: int) -> None:
    prompted, token, sentence, held, speech, sent = (
        100 + sum(steps_ms[: place + 1]) / 1000 for place in range(len(steps_ms))
    )
    turn_ended = 100 + end_ms / 1000
    times = TurnTimestamps(
        speech_ended=99.5,
        turn_ended=turn_ended,
        prompted=prompted,
        first_token_ms=(token - prompted) * 1000,
        sentence=sentence,
        held=held,
        speech=max(speech, turn_ended),
        sent=max(sent, turn_ended + 0.02),
        predicted=100.0,
    )
    measured = times.to_event("07-a", 1)
    assert measured is not None
    stages = [getattr(measured, stage) for stage in TURN_STAGES if stage != "stt_ms"]
    assert sum(stages) == pytest.approx(measured.total_ms, abs=0.5)
    moments = {"nothing": 100.0, "prompt": prompted, "sentence": sentence, "speech": held}
    assert measured.ready == [name for name, at in moments.items() if at <= turn_ended][-1]


def test_only_a_predicted_turn_has_something_ready_at_its_end() -> None:
    measured = TurnTimestamps(99.5, 100.0, prompted=99.9, sentence=99.95, speech=100.1, sent=100.2).to_event("07-a", 1)
    assert measured is not None
    assert (measured.ready, measured.predicted_ms) == ("nothing", 0.0)


def test_a_turn_of_which_nothing_was_heard_has_no_times() -> None:
    assert TurnTimestamps(100.0, 100.7, prompted=100.8).to_event("07-a", 1) is None


def test_clocks_that_disagree_by_a_little_give_no_negative_times() -> None:
    times = TurnTimestamps(100.0, 100.7, prompted=100.69, sentence=100.68, speech=100.8, sent=100.9)
    measured = times.to_event("07-a", 1)
    assert measured is not None
    assert (measured.routing_ms, measured.first_sentence_ms) == (0.0, 0.0)


def test_the_sound_of_another_reply_is_not_taken_for_this_ones() -> None:
    published: list[object] = []
    audio, speech = CallAudio(), bytes(2 * 800)
    call = Conversation("07-a", "local", audio, publish=published.append, speak=published.append, end=published.append)
    audio.playback.queue_audio("before", 100.0)
    call.turn_ended("where is my parcel")
    audio.take_agent_frame(speech)
    call.on_audio_sent()  # the rest of what was said before
    call.take(ReplyChunk(call="07-a", turn=1, text="In Denver."))
    call.on_audio_sent()
    call.on_tts_audio()
    audio.playback.queue_audio("reply", 100.0)
    call.on_audio_sent()  # still of before: so much was queued then
    call.take(TurnCompleted(call="07-a", turn=1, agent="tracking"))
    audio.playback.place_word("reply", "In Denver.", 0.0)
    call.mark_returned("1.0")
    assert not [event for event in published if isinstance(event, TurnMeasured)]
    call.turn_ended("and now")
    call.take(ReplyChunk(call="07-a", turn=2, text="In Boston."))
    call.on_tts_audio()
    audio.playback.queue_audio("next", 100.0)
    for _ in range(3):
        audio.take_agent_frame(speech)
    call.on_audio_sent()
    call.turn_ended("thank you")
    (measured,) = [event for event in published if isinstance(event, TurnMeasured)]
    assert (measured.turn, measured.output_ms < 10_000) == (2, True)
