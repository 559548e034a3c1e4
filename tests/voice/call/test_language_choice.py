"""When a call follows its caller into another language, and when it stays."""

import pytest

from orchestra.spoken_languages import SpokenLanguages
from orchestra.voice.call.language_choice import LanguageChoice

SPEAKS = SpokenLanguages(first="en", others=("es-MX", "de"), automatic=True)
SHORT, LONG = "quiero cambiar mi cita", "quiero cambiar mi cita para el lunes por la tarde"


def choice(speaks: SpokenLanguages = SPEAKS) -> LanguageChoice:
    return LanguageChoice("en", speaks)


def test_two_transcripts_in_a_row_or_a_long_one_change_the_language() -> None:
    calm = choice()
    assert [calm.heard(SHORT, "es"), calm.heard(SHORT, "es")] == ["", "es-MX"]
    assert choice().heard(LONG, "es-419") == "es-MX"


@pytest.mark.parametrize("said", ["ok", "no", "María Fernández", "mañana", "да"])
def test_short_words_and_names_never_do(said: str) -> None:
    calm = choice()
    assert [calm.heard(said, "es") for _ in range(5)] == [""] * 5


def test_words_in_the_language_of_the_call_begin_the_count_again_and_short_ones_do_not() -> None:
    calm = choice()
    assert [calm.heard(SHORT, "es"), calm.heard("yes I would like that", "en"), calm.heard(SHORT, "es")] == [""] * 3
    assert [calm.heard("ok", "en"), calm.heard(SHORT, "es")] == ["", "es-MX"]


def test_a_joined_transcript_takes_the_place_of_the_one_before_it() -> None:
    calm = choice()
    assert [calm.heard(SHORT, "es"), calm.heard("quiero cambiar mi cita ahora", "es", joined=True)] == ["", ""]
    assert calm.heard(SHORT, "es") == "es-MX"


@pytest.mark.parametrize(
    ("speaks", "language"),
    [(SPEAKS, "fr"), (SPEAKS, ""), (SpokenLanguages(first="en", others=("es",)), "es"), (SpokenLanguages(), "es")],
)
def test_it_stays_where_the_app_does_not_speak_it_or_does_not_follow(speaks: SpokenLanguages, language: str) -> None:
    assert choice(speaks).heard(LONG, language) == ""


def test_an_engine_that_wavers_moves_a_call_only_so_often() -> None:
    calm, language, changes = choice(), "en", 0
    for _ in range(30):
        found = calm.heard(LONG, "de" if language == "en" else "en")
        if found:
            calm, language, changes = calm.in_language(found, SPEAKS), found, changes + 1
    assert changes == 8


def test_a_caller_may_ask_for_a_language_that_the_app_names() -> None:
    wanted = SpokenLanguages(first="en", others=("es-MX",))
    assert choice(wanted).asked("¿Habla español?") == "es-MX"
    assert choice(wanted).asked("In English, please.") == ""
    assert choice(wanted).asked("Auf Deutsch, bitte.") == ""
