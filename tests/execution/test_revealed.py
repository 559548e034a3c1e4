"""What a tool gives back of a secret value is hidden, however it is written; what only looks like it is left."""

import pytest

from orchestra.execution.secrets import Revealed

REVEALED = Revealed(
    {"ask_card": "5105105105105100 2031-05 987", "ask_word": "anna likes tea"},
    {"ask_card": "[card]", "ask_word": "[word]"},
)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("charged to 5105105105105100 2031-05 987.", "charged to [card]."),
        ("5105 1051 0510 5100", "[card]"),
        ("5105-1051-0510-5100, 2031-05", "[card], [card]"),
        ("5105  1051\u00a00510\n5100", "[card]"),
        ("5105_1051_0510_5100", "[card]"),
        ("tok_5105105105105100_eur", "tok_[card]_eur"),
        ("card5105105105105100", "card[card]"),
        ("005105105105105100", "00[card]"),
        ("cvc987, cvc_987, 9 8 7", "cvc[card], cvc_[card], [card]"),
        ("order 19870 of 1987", "order 19870 of 1987"),
        ("valid to 2031-05", "valid to [card]"),
        ("ending in 5100", "ending in 5100"),
        ("the word is anna likes tea", "the word is [word]"),
        ("pass_tea", "pass_[word]"),
        ("teapots for annabel", "teapots for annabel"),
    ],
)
def test_a_value_is_found_as_it_is_written(said: str, left: str) -> None:
    assert REVEALED.hide(said) == left


def test_values_in_json_are_found_whatever_their_type() -> None:
    given = {"5105105105105100": [5105105105105100, 987, 5105105105105100.0, True, None], "code": (19870, "x987")}
    left = {"[card]": ["[card]", "[card]", "[card].0", True, None], "code": [19870, "x[card]"]}
    assert REVEALED.hide_in(given) == left


def test_signs_in_a_value_cost_no_time() -> None:
    assert Revealed({"word": "!" * 40 + "a"}, {"word": "[word]"}).hide("!" * 20_000) == "!" * 20_000
