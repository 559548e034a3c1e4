"""The check of a caller's words finds missing and repeated ones; after a take-over a sentence may begin again."""

import pytest

from tests.faults.spoken.tones import Heard
from tests.faults.spoken.verdict import Sentence, judge

SENTENCES = [Sentence(1, ["one", "two", "three"], optional=False), Sentence(1, ["four", "five"], optional=False)]


def heard(words: str) -> list[Heard]:
    """Words half a second apart; a dash is half a second of silence."""
    return [Heard(word, place * 0.5, 0.12) for place, word in enumerate(words.split()) if word != "-"]


@pytest.mark.parametrize(
    ("words", "breaks_s", "right"),
    [
        ("one two three four five", [], True),
        ("one two four five", [], False),  # a word is missing
        ("one two three four", [], False),  # the end is missing
        ("", [], False),
        ("one two two three four five", [], False),
        ("one two three four five four five", [], False),
        ("one two three one two three four five", [], False),
        ("one two three four one two three four five", [1.9], True),  # it had only just ended, so nobody knew
        ("one two three - - - - one two three four five", [3.2], False),  # it had ended long before
        ("one two three one two three four five", [0.9], True),  # its last word had arrived when the stream broke
        ("one two one two three four five", [0.7], True),
        ("one two three four four five", [1.7], True),
        ("one two three four two three four five", [1.7], False),
        ("one two - three four five", [0.7], True),
        ("one two hold on three four five", [], True),  # the edge says this on its own
    ],
)
def test_the_check_accepts_only_words_heard_once_and_in_order(words: str, breaks_s: list[float], right: bool) -> None:
    assert (judge(heard(words), breaks_s, SENTENCES).wrong == []) is right


@pytest.mark.parametrize(
    ("stood_still_s", "right"), [([(1.2, 3.0)], True), ([(1.9, 2.4)], False), ([(3.2, 9.0)], False)]
)
def test_an_edge_that_stood_still_could_not_tell_that_a_sentence_had_ended(
    stood_still_s: list[tuple[float, float]], right: bool
) -> None:
    words = heard("one two three - - - - one two three four five")
    assert (judge(words, [3.2], SENTENCES, stood_still_s).wrong == []) is right


def test_a_word_that_is_cut_short_does_not_count_as_heard() -> None:
    words = heard("one two three four five")
    words[3].for_s = 0.03
    assert judge(words, [], SENTENCES).wrong


def test_an_interrupted_reply_only_has_to_be_heard_up_to_the_interruption() -> None:
    cut = [Sentence(1, ["one", "two", "three"], optional=True), Sentence(2, ["four", "five"], optional=False)]
    assert judge(heard("one two four five"), [], cut).wrong == []
    assert judge(heard("one two four"), [], cut).wrong


def test_who_asks_again_may_be_answered_in_the_words_of_the_reply_that_was_cut_off() -> None:
    words = ["one", "two", "three"]
    asked_again = [Sentence(1, words, optional=True), Sentence(2, words, optional=False), SENTENCES[1]]
    assert judge(heard("one two three four five"), [], asked_again).wrong == []
    assert judge(heard("one one two three four five"), [], asked_again).wrong == []
    assert judge(heard("four five"), [], asked_again).wrong
    assert judge(heard("one two three one two three four five"), [], asked_again).wrong == []
    assert judge(heard("one two three one two three one two three four five"), [], asked_again).wrong
