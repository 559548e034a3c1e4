"""Languages are found by their code."""

import pytest

from orchestra.errors import AppError
from orchestra.language import DEFAULT_LANGUAGE, find_language
from orchestra.language.registry import languages


def test_a_language_is_found_by_its_code() -> None:
    assert find_language("en") is DEFAULT_LANGUAGE


def test_a_code_that_no_language_has_is_refused_with_the_choices() -> None:
    with pytest.raises(AppError, match=r"language 'xx' is not supported: choose one of en"):
        find_language("xx")


@pytest.mark.parametrize("code", sorted(languages()))
def test_the_phrases_of_every_language_take_the_values_that_they_name(code: str) -> None:
    phrases = find_language(code).phrases
    assert "Parcels" in phrases.incoming_transfer.format(app="Parcels", briefing="A lost parcel.")
    assert "1" in phrases.accept_transfer.format(key="1")
    assert "cancel it, number 4" in phrases.confirmation.format(what="cancel it", details=", number 4")


@pytest.mark.parametrize("code", sorted(languages()))
def test_every_language_has_examples_for_the_tools_that_every_app_has(code: str) -> None:
    assert find_language(code).tool_examples.keys() == {"end_call", "transfer_call"}
