"""What holds for words in any script."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestra.language.terms import stemmer
from orchestra.language.utterance import contains_words, has_words, is_echo, same_words, split_words
from orchestra.language.word_error_rate import word_errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's a co-op, d’accord?", ["it's", "a", "co-op", "d’accord"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("はい、4271番", ["は", "い", "4271", "番"]),
        ("สวัสดี 42", ["ส", "วั", "ส", "ดี", "42"]),
        ("می\u200cخواهم بروم", ["می\u200cخواهم", "بروم"]),
        ("Cafe\u0301 CAFÉ", ["café", "café"]),
        ("안녕하세요 세계", ["안녕하세요", "세계"]),
        ("ДА, нет", ["да", "нет"]),
        ("👍 … \ud83d", []),
    ],
)
def test_words_are_found_in_every_script(text: str, words: list[str]) -> None:
    assert split_words(text) == words
    assert has_words(text) == bool(words)


def test_words_that_differ_in_their_vowel_signs_are_not_the_same() -> None:
    assert not same_words("कल आइए", "काल आइए")
    assert same_words("Ça va ?", "ça va")
    assert contains_words("私は明日行きます", "明日")
    assert not contains_words("私は明日行きます", "昨日")


@pytest.mark.parametrize(
    ("said", "heard", "errors", "words"),
    [
        ("twenty-one cafés", "twenty one cafés", 0, 3),
        ("はい、わかりました", "はい、わかりません", 2, 8),
        ("काल आइए", "कल आइए", 1, 2),
        ("Größe", "grösse", 0, 1),
    ],
)
def test_errors_are_counted_in_words_and_without_spaces_in_letters(
    said: str, heard: str, errors: int, words: int
) -> None:
    assert word_errors(said, heard) == (errors, words)


def test_an_echo_is_one_in_a_script_without_spaces_and_a_short_answer_is_none() -> None:
    reply = "お荷物は明日の午前中にお届けします。よろしいですか。"
    assert is_echo("荷物は明日の午前中に", reply, least=3)
    assert not is_echo("いいです", reply, least=3)
    assert not is_echo("明日はいません", reply, least=3)


def test_stems_are_right_whichever_threads_ask_for_them() -> None:
    words = [f"{word}{ending}" for word in ("paquete", "entrega", "pedido", "factura") for ending in ("", "s")] * 200
    stem = stemmer("es")
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(stem, words)) == [stem(word) for word in words]
