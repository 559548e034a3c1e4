"""What a waiting caller is told, second by second, and whether their words can be trusted."""

import pytest

from orchestra.language.english.backchannel import is_backchannel
from orchestra.language.utterance import is_echo
from orchestra.voice.audio.playback import PlaybackTracker
from orchestra.voice.call.line_checks import LineChecks
from orchestra.voice.call.silence_watch import SilenceWatch

PHRASE_S = 1.2  # how long a phrase sounds


def told(
    seconds: float, *, at_work: bool = False, away: bool = False, patient: bool = False
) -> list[tuple[str, float]]:
    """What a caller who finished at 100 s is told in the ``seconds`` after, and when, if looked at each 200 ms."""
    waiting = SilenceWatch()
    waiting.caller_heard(100.0)
    steps = []
    for tick in range(round(seconds * 5)):
        now = 100.0 + tick / 5
        step = waiting.next_step(now, at_work=at_work, away=away, patient=patient)
        if step == "give up":
            return [*steps, (step, round(now - 100, 1))]
        if step != "nothing":
            waiting.note_step(now, step)
            waiting.sounded_at = now + PHRASE_S
            steps.append((step, round(now - 100, 1)))
    return steps


def test_a_caller_without_an_answer_is_asked_to_wait_and_then_to_repeat() -> None:
    assert told(30) == [("hold", 2.2), ("apologise", 6.8)]


def test_a_caller_is_asked_to_wait_as_long_as_the_agents_work_but_not_for_ever() -> None:
    steps = told(90, at_work=True)
    assert steps[:4] == [("hold", 2.2), ("hold", 7.0), ("hold", 15.4), ("hold", 23.8)]
    assert steps[-1] == ("give up", 60.2)


def test_a_caller_whose_platform_is_away_is_held_until_it_is_back() -> None:
    steps = told(300, away=True)
    assert {step for step, _ in steps} == {"hold"}
    assert len(steps) > 30


def test_a_platform_that_is_back_has_time_to_answer() -> None:
    waiting = SilenceWatch(since=100.0)
    waiting.note_step(102.0, "hold")
    waiting.next_step(119.0, at_work=False, away=True, patient=False)
    waiting.note_step(119.0, "hold")
    assert waiting.next_step(120.0, at_work=False, away=False, patient=False) == "nothing"
    assert waiting.next_step(126.0, at_work=False, away=False, patient=False) == "apologise"


def test_a_caller_who_is_pressing_keys_is_not_waiting_yet() -> None:
    assert told(8, patient=True) == [("hold", 7.2)]


def test_the_wait_starts_again_when_the_caller_speaks_again() -> None:
    waiting = SilenceWatch()
    waiting.caller_heard(100.0)
    waiting.note_step(107.0, "apologise")
    assert waiting.next_step(120.0, at_work=False, away=False, patient=False) == "nothing"
    waiting.caller_heard(121.0)
    assert waiting.next_step(123.5, at_work=False, away=False, patient=False) == "hold"


@pytest.mark.parametrize(
    ("text", "listening"),
    [
        *((text, True) for text in ("okay", "Okay.", "OK", "yeah", "Yeah, right.", "right", "Uh huh", "uh-huh", "mhm")),
        *((text, True) for text in ("M-H-M.", "H n.", "I see.", "Got it.", "All right.", "Alright", "Mm-hmm, ok")),
        *((text, False) for text in ("No", "okay stop", "right now", "да", "はい", "نعم", "不要", "हाँ", "ja")),
        *((text, False) for text in ("see", "it", "Amy", "Hm, no", "I", "all", "4271", "ok 4", "err no", "yeah no")),
    ],
)
def test_only_back_channels_leave_the_turn_to_the_agent(text: str, *, listening: bool) -> None:
    assert is_backchannel(text) == listening


SAID = "Welcome to the board. Your parcel 4271 is at the depot in Hill Street, and it comes on Friday."


@pytest.mark.parametrize(
    ("text", "echo"),
    [
        ("Welcome to the board.", True),
        ("Your parcel 4271 is at the", True),
        ("and it comes on Friday", True),
        ("Welcome to the bored.", True),  # one word of four heard wrongly
        ("to the", False),  # too few words to tell
        ("No, not that parcel.", False),
        ("Is it in Hill Street in London?", False),
        ("please stop the parcel on Friday", False),
        ("", False),
        ("ваша посылка в пути", False),
    ],
)
def test_an_echo_is_recognized_by_its_words(text: str, *, echo: bool) -> None:
    assert is_echo(text, SAID, least=3) == echo


def test_words_that_the_caller_repeats_after_the_agent_are_no_echo() -> None:
    doubts = LineChecks()
    doubts.voice_started(at=11.0, agent_sounded=10.0)
    assert not doubts.is_echo("is at the depot in Hill Street", SAID)
    doubts.voice_started(at=10.2, agent_sounded=10.3)
    assert doubts.is_echo("is at the depot in Hill Street", SAID)
    assert doubts.is_echo("Hill Street", SAID)  # the line is known to echo now


@pytest.mark.parametrize(
    ("spoke", "stood_still", "doubtful"),
    [
        ((10.0, 12.0), (11.0, 15.0), True),  # in mid-sentence
        ((15.1, 16.0), (11.0, 15.0), True),  # what was said meanwhile comes at once
        ((16.0, 17.0), (11.0, 15.0), False),
        ((8.0, 10.0), (11.0, 15.0), False),
    ],
)
def test_words_spoken_into_a_stall_are_not_trusted(
    spoke: tuple[float, float], stood_still: tuple[float, float], *, doubtful: bool
) -> None:
    doubts = LineChecks()
    doubts.note_stall(*stood_still)
    doubts.voice_started(spoke[0], agent_sounded=0.0)
    doubts.voice_ended(spoke[1])
    assert doubts.turn_ended() == doubtful
    assert not doubts.turn_ended()


@pytest.mark.parametrize(("stall_s", "doubtful"), [(0.9, False), (1.5, True)])
def test_of_a_short_stall_only_a_turn_without_words_is_doubtful(stall_s: float, *, doubtful: bool) -> None:
    for has_words in (True, False):
        doubts = LineChecks()
        doubts.note_stall(10.0, 10.0 + stall_s)
        doubts.voice_started(10.1 + stall_s, agent_sounded=0.0)
        doubts.voice_ended(11.0 + stall_s)
        assert doubts.turn_ended(has_words) == (doubtful and not has_words)


def test_words_without_any_audio_were_not_heard() -> None:
    playback = PlaybackTracker()
    playback.begin_speech("a")
    playback.place_word("a", "It is in Denver.", 0.0)
    assert (playback.word_count, playback.words_played(1e9)) == (0, [])
    playback.queue_audio("a", 400.0)
    assert (playback.word_count, playback.words_played(400.0)) == (4, ["It is in Denver."])


def test_if_an_engine_gives_up_on_words_only_those_with_audio_were_heard() -> None:
    playback = PlaybackTracker()
    playback.begin_speech("a")
    playback.queue_audio("a", 500.0)
    playback.place_word("a", "It", 0.0)
    playback.place_word("a", "is", 200.0)
    playback.place_word("a", "in Denver on Friday.", 400.0)  # told at the end of the speech, where 100 ms are left
    assert playback.word_count == 4
    assert " ".join(playback.words_played(500.0)) == "It is in Denver"
