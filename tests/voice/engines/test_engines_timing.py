"""Where words begin in the audio: pure arithmetic, by example."""

import pytest

from orchestra.voice.engines.local.word_timing import count_letters, place_words, word_start_times


@pytest.mark.parametrize(
    ("phonemes", "count"),
    [
        (["i", "t"], 2),
        (["\u02c8", "i", "\u02d0", " ", "t", ","], 2),
        (["^", "$", "_"], 0),
    ],
)
def test_letters_of_sound_leave_out_marks_spaces_and_punctuation(phonemes: list[str], count: int) -> None:
    assert count_letters(phonemes) == count


def test_words_are_shared_out_to_the_sentences_that_hold_them() -> None:
    assert place_words([2, 3, 4], [5, 4]) == [(0, 0.0), (0, 2.0), (1, 0.0)]


def test_words_keep_their_sentence_when_the_spoken_form_is_longer() -> None:
    # "4271" alone has as many letters as in the sentence, "of the" has fewer in it: the counts are scaled
    assert [sentence for sentence, _ in place_words([2, 3, 20], [4, 21])] == [0, 0, 1]


def test_a_text_without_sound_has_no_sentences() -> None:
    assert place_words([], []) == []
    assert place_words([0], []) == [(0, 0.0)]


def test_a_word_begins_where_its_phoneme_word_does() -> None:
    spoken = [("^", 0.05), ("i", 0.1), ("t", 0.1), (" ", 0.02), ("i", 0.1), ("z", 0.1)]
    assert word_start_times([0, 2], spoken) == pytest.approx([0.05, 0.27])


def test_a_place_near_the_beginning_of_a_phoneme_word_is_moved_to_it() -> None:
    spoken = [("a", 0.1), ("b", 0.1), ("c", 0.1), (" ", 0.0), ("d", 0.1), ("e", 0.1)]
    assert word_start_times([0, 2.4], spoken) == pytest.approx([0.0, 0.3])


def test_words_run_together_are_placed_between() -> None:
    spoken = [(letter, 0.1) for letter in "abcdefgh"]
    assert word_start_times([0, 4], spoken) == pytest.approx([0.0, 0.4])


def test_times_never_go_backwards_and_stay_within_what_is_spoken() -> None:
    spoken = [("a", 0.1), ("b", 0.1), (" ", 0.0), ("c", 0.1)]
    found = word_start_times([0, 2, 1, 9], spoken)
    assert found == sorted(found)
    assert max(found) <= 0.2


def test_silence_has_its_words_at_its_start() -> None:
    assert word_start_times([0, 3], [("_", 0.5)]) == [0.0, 0.0]
