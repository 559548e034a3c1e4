from typing import Any

import numpy as np
import pytest

from orchestra.simulator.audio_measure import Span, TurnAudio, cut, find_sounds, measure_turns
from orchestra.voice.audio.mulaw import Samples, decode, encode
from tests.simulator.tone_edge import silence, tone


def track(*parts: Samples) -> Samples:
    """As it comes over the telephone."""
    return decode(encode(np.concatenate(parts)))


def near(seconds: float) -> Any:
    return pytest.approx(seconds, abs=0.011)


def test_sounds_are_found_where_they_are() -> None:
    found = find_sounds(track(silence(0.5), tone(0.4), silence(1.0), tone(0.2), silence(0.3)))
    assert found == [Span(near(0.5), near(0.9)), Span(near(1.9), near(2.1))]


def test_a_pause_between_words_does_not_split_a_sound() -> None:
    assert len(find_sounds(track(tone(0.4), silence(0.2), tone(0.4)))) == 1


def test_a_click_and_a_noise_floor_are_not_sounds() -> None:
    noise = np.random.default_rng(1).normal(0, 30, 8000).astype(np.int16)
    assert find_sounds(track(silence(0.5), tone(0.01), silence(0.5), noise)) == []


def test_an_empty_track_has_no_sounds() -> None:
    assert find_sounds(silence(0)) == []


def test_the_response_is_the_gap_between_the_callers_last_and_the_agents_first_sound() -> None:
    # the utterance has silence at both ends: the clock runs from sound to sound
    caller = track(silence(2.0), silence(0.1), tone(1.0), silence(0.2), silence(3.0))
    agent = track(tone(1.0), silence(1.0), silence(1.1), silence(0.73), tone(0.5), silence(0.5), tone(0.5), silence(1))
    greeting, turn = measure_turns(caller, agent, [Span(2.0, 3.3)])
    assert greeting == TurnAudio(None, (Span(near(0), near(1.0)),))
    assert turn.said == Span(near(2.1), near(3.1))
    assert turn.response_s == near(0.73)
    assert turn.reply == Span(near(3.83), near(5.33))
    assert len(turn.replies) == 2
    assert turn.barge_in_stop_s is None
    assert turn.talk_over_s == 0


def test_a_barge_in_is_measured_from_the_callers_first_to_the_agents_last_sound() -> None:
    caller = track(tone(1.0), silence(2.0), tone(1.0), silence(3.0))
    agent = track(silence(1.5), tone(1.5), tone(0.31), silence(1.19), tone(1.0), silence(1.5))
    _, first, second = measure_turns(caller, agent, [Span(0, 1.0), Span(3.0, 4.0)])
    assert (first.response_s, first.reply) == (near(0.5), Span(near(1.5), near(3.31)))
    assert second.barge_in_stop_s == near(0.31)
    assert (second.response_s, second.talk_over_s) == (near(0.5), 0)


def test_a_reply_that_continues_into_a_barge_in_after_a_short_pause_is_still_the_old_one() -> None:
    caller = track(tone(1.0), silence(2.0), tone(1.0), silence(2.0))
    agent = track(silence(1.5), tone(1.3), silence(0.4), tone(0.2), silence(1.1), tone(0.5), silence(1.0))
    _, first, second = measure_turns(caller, agent, [Span(0, 1.0), Span(3.0, 4.0)])
    assert len(first.replies) == 2
    assert (second.barge_in_stop_s, second.response_s) == (near(0.4), near(0.5))


def test_an_agent_that_speaks_before_the_caller_has_ended_talks_over_them() -> None:
    caller = track(tone(1.0), silence(0.5), tone(1.0), silence(2.0))
    agent = track(silence(1.3), tone(0.4), silence(1.3), tone(0.5), silence(1.0))
    _, turn = measure_turns(caller, agent, [Span(0, 2.5)])
    assert (turn.talk_over_s, turn.response_s) == (near(0.4), near(0.5))


def test_a_turn_without_a_reply_has_no_response() -> None:
    _, turn = measure_turns(track(tone(1.0), silence(1.0)), silence(2.0), [Span(0, 1.0)])
    assert (turn.response_s, turn.reply) == (None, None)


def test_an_utterance_without_a_sound_measures_nothing() -> None:
    assert measure_turns(silence(1.0), silence(1.0), [Span(0, 1.0)])[1] == TurnAudio(None, ())


def test_a_span_is_cut_out_with_a_margin() -> None:
    assert cut(silence(1.0), Span(0.05, 0.5), margin_s=0.1).size == 0.6 * 8000
