"""Languages are found by their code."""

import pytest

from orchestra.errors import AppError
from orchestra.language import DEFAULT_LANGUAGE, find_language
from orchestra.language.registry import COMPLETE_LANGUAGES, is_complete

CODES = [*sorted(COMPLETE_LANGUAGES), "pl", "ja", "ar"]


def test_a_language_is_found_by_its_code() -> None:
    assert find_language("en") is DEFAULT_LANGUAGE


@pytest.mark.parametrize(
    ("code", "found", "name"),
    [
        ("es", "es", "Spanish"),
        ("es-MX", "es-MX", "Spanish"),
        ("pt_br", "pt-BR", "Portuguese"),
        ("PT-pt", "pt-PT", "Portuguese"),
        ("de-at", "de-AT", "German"),
        ("zh-hant-tw", "zh-Hant-TW", "Chinese"),
        ("es-419", "es-419", "Spanish"),
        ("pl", "pl", "Polish"),
        ("fil", "fil", "Filipino"),
    ],
)
def test_a_language_has_the_code_that_was_asked_for(code: str, found: str, name: str) -> None:
    language = find_language(code)
    assert (language.code, language.name) == (found, name)
    assert find_language(found).phrases == language.phrases


def test_a_language_of_no_package_is_the_generic_one() -> None:
    assert not is_complete(find_language("pl"))
    assert is_complete(find_language("de-CH"))
    assert find_language("ru").agrees("да") is None


def test_the_phrases_of_portugal_are_not_those_of_brazil() -> None:
    assert find_language("pt-PT").phrases != find_language("pt-BR").phrases == find_language("pt").phrases


@pytest.mark.parametrize(
    ("code", "nearest"),
    [
        ("german", r"de \(German\)"),
        ("spanisch", r"es \(Spanish\)"),
        ("Deutsch", r"nl \(Dutch\)|de \(German\)"),
        ("en-UK", "en-GB"),
        ("xx", r"xh \(Xhosa\)"),
        ("english", r"en \(English\)"),
        ("", r"en \(English\)"),
        ("auto", "there is no language 'auto'"),
        ("es-MX-", "there is no language"),
        ("es;drop", "there is no language"),
        ("🙂", r"en \(English\)"),
    ],
)
def test_a_code_that_no_language_has_is_refused_with_the_nearest_ones(code: str, nearest: str) -> None:
    with pytest.raises(AppError, match=nearest):
        find_language(code)


@pytest.mark.parametrize("code", CODES)
def test_the_phrases_of_every_language_take_the_values_that_they_name(code: str) -> None:
    phrases = find_language(code).phrases
    assert "Parcels" in phrases.incoming_transfer.format(app="Parcels", briefing="A lost parcel.")
    assert "1" in phrases.accept_transfer.format(key="1")
    assert "cancel it, number 4" in phrases.confirmation.format(what="cancel it", details=", number 4")


@pytest.mark.parametrize("code", CODES)
def test_every_language_has_examples_for_the_tools_that_every_app_has(code: str) -> None:
    assert find_language(code).tool_examples.keys() == {"end_call", "transfer_call"}
