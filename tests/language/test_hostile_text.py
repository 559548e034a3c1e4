"""Whatever callers' engines, models and tools write, no function of a language fails, hangs or speaks noise."""

import time
from collections.abc import Callable

import pytest

from orchestra.language import Language, find_language
from orchestra.language.registry import COMPLETE_LANGUAGES

CODES = [*sorted(COMPLETE_LANGUAGES), "ja", "ar", "th"]
TEXTS = {
    "nothing": "",
    "spaces": " \t\n\u00a0\u3000 ",
    "marks": "?!.,;:…¿¡»«*#_|`~^'’\"-–—()[]{}<>/\\",
    "mixed scripts": "Hola, Иван: はい、わかりました。 نعم؟ ok 你好 ἀγάπη हाँ।",
    "right to left": "\u202eتمام\u202c abc \u200fשלום\u200e 123",
    "emoji": "👍🏽👩‍👩‍👧‍👦 🇩🇪 ★★★☆ ♥️ 1️⃣",
    "half a surrogate pair": "ja \ud83d no \udc4d nein nee não non",
    "control characters": "a\x00b\x1b[31mc\x07\x7f\u0085\u2028\u2029d",
    "combining marks": "e\u0301" * 50 + "\u0301" * 300,
    "a long word": "a" * 30_000,
    "a long word in another script": "字" * 3_000,
    "long digits": "7" * 10_000,
    "many dots": "." * 10_000,
    "many words": "sí, " * 500,
    "many full stops": "Dr. 3. a. " * 500,
    "many spaces": " " * 30_000 + "x",
    "unclosed marks": "**a [b](c `d ```e __f ~~g <h " * 100,
    "elisions": "l'" * 1_000,
    "hyphens": "a-" * 1_000,
}
#: such text is no caller's turn: this only tells that no function's time explodes with the length
SLOWEST_S = 2.0


def functions(language: Language) -> dict[str, Callable[[str], object]]:
    def split(text: str) -> list[str]:
        splitter = language.sentence_splitter()
        return [*splitter.feed(text), *splitter.end()]

    return {
        "to_plain_text": language.to_plain_text,
        "to_speech": language.to_speech,
        "sentences": split,
        "in_words": lambda text: language.in_words([text, {text[:9]: text}], ()),
        "words": language.words,
        "stem": language.stem,
        "terms": language.terms,
        "closest_term": lambda text: language.closest_term(text, ["parcel", "字字", "entrega"]),
        "strip_pleasantries": language.strip_pleasantries,
        "agrees": language.agrees,
        "simply_agrees": language.simply_agrees,
        "is_backchannel": language.is_backchannel,
        "may_become_backchannel": language.may_become_backchannel,
        "screening_cue": lambda text: language.screening_cue(text, screened=True),
        "only_greets": language.only_greets,
        "utterance_state": lambda text: language.utterance_state(text, text[:500]),
    }


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("code", CODES)
def test_no_text_makes_a_function_fail_or_hang(code: str, name: str) -> None:
    language = find_language(code)
    for function, call in functions(language).items():
        before = time.perf_counter()
        call(TEXTS[name])
        assert time.perf_counter() - before < SLOWEST_S, function


@pytest.mark.parametrize("code", CODES)
def test_nothing_of_it_is_spoken_as_noise(code: str) -> None:
    language = find_language(code)
    assert language.to_plain_text("\u202eok\u202c 👍🏽🇩🇪 \ud83d sí") == "ok sí"
    assert language.to_plain_text("x" * 300) == ""
    assert language.to_plain_text("A → B") == "A, B"
    assert language.to_plain_text("می\u200cخواهم") == "می\u200cخواهم"


@pytest.mark.parametrize("code", CODES)
def test_no_text_but_a_yes_is_one(code: str) -> None:
    language = find_language(code)
    assert not any(language.agrees(text) for name, text in TEXTS.items() if name not in {"mixed scripts", "many words"})
    assert not any(language.simply_agrees(text) for name, text in TEXTS.items() if name != "many words")
