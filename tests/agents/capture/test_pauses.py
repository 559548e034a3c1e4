"""The default questions let callers pause while they dictate: the edge decides by the question (`utterance_state`)."""

import pytest

from orchestra.language import find_language
from orchestra.language.utterance_state import UtteranceState
from orchestra.language.values import values_of

#: an e-mail address up to its host, which is more to come
ADDRESSES = {
    "en": "john dot smith at",
    "es": "juan punto perez arroba",
    "de": "max punkt mustermann at",
    "fr": "jean point dupont arobase",
    "it": "mario punto rossi chiocciola",
    "pt": "joao ponto silva arroba",
    "nl": "jan punt jansen apenstaartje",
}
#: whole ones, in which the sign is also an ending, or a full stop is left out
WHOLE = {
    "de": "max ät firma punkt at",
    "es": "juan arroba empresa punto com mx",
    "fr": "jean at orange point fr",
    "it": "mario at libero punto it",
    "pt": "joao arroba uol com br",
    "nl": "jan at gmail com",
}


@pytest.mark.parametrize("code", ["en", "es", "de", "fr", "it", "pt", "nl"])
@pytest.mark.parametrize(("kind", "text"), [("digits", "4 2"), ("phone", "4 2"), ("address", "12 Main")])
def test_a_part_of_a_number_or_an_address_gets_a_long_pause(code: str, kind: str, text: str) -> None:
    question = values_of(code).phrases.questions[kind]
    assert find_language(code).utterance_state(text, question) is UtteranceState.DICTATION


@pytest.mark.parametrize("code", ["en", "es", "de", "fr", "it", "pt", "nl"])
def test_spelling_gets_a_long_pause(code: str) -> None:
    state = find_language(code).utterance_state("S M I", values_of(code).phrases.spell)
    assert state is UtteranceState.DICTATION


@pytest.mark.parametrize(("code", "text"), ADDRESSES.items())
def test_an_e_mail_address_gets_a_long_pause_before_its_host(code: str, text: str) -> None:
    question = values_of(code).phrases.questions["email"]
    assert find_language(code).utterance_state(text, question) is UtteranceState.DICTATION


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "max at"),
        ("de", "max punkt at"),
        ("fr", "jean at la poste de"),
        ("nl", "jan at"),
        ("es", "con arroba es"),
    ],
)
def test_a_small_word_is_not_the_end_of_a_host(code: str, text: str) -> None:
    question = values_of(code).phrases.questions["email"]
    assert find_language(code).utterance_state(text, question) is UtteranceState.DICTATION


@pytest.mark.parametrize(("code", "text"), WHOLE.items())
def test_a_whole_e_mail_address_is_the_answer(code: str, text: str) -> None:
    question = values_of(code).phrases.questions["email"]
    assert find_language(code).utterance_state(text, question) is UtteranceState.ANSWER
