import pytest

from orchestra.language.english.stemming import closest_term, phonetic_key, stem, terms
from orchestra.language.terms import one_edit


@pytest.mark.parametrize(
    ("forms", "root"),
    [
        (("delivery", "deliveries", "delivered", "delivering", "deliver"), "deliver"),
        (("parcel", "parcels", "package", "packages"), "parcel"),
        (("neighbour", "neighbours", "neighbor"), "neighbor"),
        (("stopping", "stopped", "stop", "stops"), "stop"),
        (("missed", "miss"), "miss"),
        (("missing",), "missing"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...], root: str) -> None:
    assert {stem(form) for form in forms} == {root}


def test_small_words_carry_no_meaning() -> None:
    assert terms("I'd like to know what you would do about my Parcel, please!") == ["parcel"]


@pytest.mark.parametrize("wrong", ["parsel", "partial", "parcle", "barcel"])
def test_words_that_sound_the_same_are_one(wrong: str) -> None:
    known, likeness = closest_term(stem(wrong), {"parcel", "person", "price"})
    assert known == "parcel"
    assert likeness >= 0.7


def test_words_that_are_nearly_alike_count_less_and_others_not_at_all() -> None:
    assert closest_term("puzzl", {"parcel"}) == ("parcel", 0.4)
    assert closest_term("weather", {"parcel", "where"}) == ("weather", 0.0)
    assert closest_term("parcel", {"parcel", "parsel"}) == ("parcel", 1.0)
    assert phonetic_key("customs") == phonetic_key("costumes")


@pytest.mark.parametrize(
    ("left", "right", "near"),
    [
        ("abc", "abc", True),
        ("abc", "abd", True),
        ("abc", "ab", True),
        ("abc", "xabc", True),
        ("abc", "acb", False),
        ("abc", "a", False),
    ],
)
def test_one_letter_more_less_or_other_is_one_edit(left: str, right: str, near: bool) -> None:
    assert one_edit(left, right) is near
