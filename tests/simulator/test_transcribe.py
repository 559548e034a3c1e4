import numpy as np

from orchestra.simulator import Span, TurnAudio, match_reply, transcribe_reply
from tests.simulator.tone_edge import silence, tone

AGENT = np.concatenate([silence(1.0), tone(1.0), silence(0.5), tone(0.5), silence(1.0)])
TURN = TurnAudio(None, (Span(1.0, 2.0), Span(2.5, 3.0)))


class Engine:
    """Hears a text in whatever audio is as long as this says, and nothing in any other."""

    def __init__(self, texts: dict[float, str]) -> None:
        self.texts = texts
        self.lengths: list[float] = []

    def __call__(self, pcm16: bytes, rate: int) -> str:
        self.lengths.append(round(len(pcm16) / 2 / rate, 1))
        return self.texts.get(self.lengths[-1], "")


def test_the_words_of_a_reply_are_heard_from_its_first_to_its_last_sound() -> None:
    assert transcribe_reply(AGENT, TURN, Engine({2.2: "hello there"})) == "hello there"


def test_without_a_sound_nothing_is_heard() -> None:
    engine = Engine({})
    assert transcribe_reply(AGENT, TurnAudio(None, ()), engine) == ""
    assert match_reply(AGENT, TurnAudio(None, ()), engine, "Hello.").similarity == 0
    assert engine.lengths == []


def test_a_reply_that_matches_is_transcribed_once() -> None:
    engine = Engine({2.2: "hello there"})
    assert match_reply(AGENT, TURN, engine, "Hello there.").matches
    assert engine.lengths == [2.2]


def test_a_reply_that_the_engine_half_drops_is_transcribed_again_stretch_by_stretch() -> None:
    engine = Engine({2.2: "parcel 4.", 4.2: "parcel", 3.2: "parcel 4 2 7 1 is", 2.7: "on its way"})
    found = match_reply(AGENT, TURN, engine, "Parcel 4271 is on its way.")
    assert (found.similarity, found.heard) == (1, "parcel 4 2 7 1 is on its way")


def test_the_best_match_of_another_text_is_still_another_text() -> None:
    engine = Engine({2.2: "good bye", 4.2: "parcel lost"})
    found = match_reply(AGENT, TURN, engine, "Parcel 4271 is on its way.")
    assert (found.matches, found.heard) == (False, "parcel lost")
