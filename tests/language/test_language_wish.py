"""Callers who ask for another language, and those who only name one."""

import pytest

from orchestra.language.language_wish import wished_language


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("In English, please.", "en"),
        ("Could we speak Spanish?", "es"),
        ("Do you speak German?", "de"),
        ("Sorry, can I talk to you in French, please?", "fr"),
        ("¿Habla español?", "es"),
        ("¿Podemos hablar en inglés, por favor?", "en"),
        ("Auf Deutsch, bitte.", "de"),
        ("Sprechen Sie Englisch?", "en"),
        ("Können wir bitte Deutsch sprechen?", "de"),
        ("Est-ce que vous parlez français ?", "fr"),
        ("En anglais, s'il vous plaît.", "en"),
        ("Parla italiano?", "it"),
        ("In inglese, per favore.", "en"),
        ("Você fala português?", "pt"),
        ("Podemos falar em inglês, por favor?", "en"),
        ("Spreekt u Nederlands?", "nl"),
        ("In het Engels, alstublieft.", "en"),
        ("Can we do this in Spanish?", "es"),
        ("Could I speak to someone in French?", "fr"),
        ("¿Podemos hacer esto en inglés?", "en"),
        ("Können wir das auf Englisch machen?", "en"),
        ("On peut faire ça en anglais ?", "en"),
        ("Possiamo farlo in inglese?", "en"),
        ("Podemos fazer isto em inglês?", "en"),
        ("Kunnen we dit in het Engels doen?", "en"),
    ],
)
def test_a_caller_asks_for_a_language(said: str, language: str) -> None:
    assert wished_language(said) == language


@pytest.mark.parametrize(
    "said",
    [
        "",
        "English",
        "I need the manual in German, please.",
        "I do not speak Spanish.",
        "My teacher is French.",
        "No hablo inglés.",
        "Ich spreche kein Englisch.",
        "Can you send this in English?",
        "This is in English.",
        "Dit is in het Engels.",
        "Quiero la factura en inglés.",
        "German or English?",
        "in English in English in English in English in English in English in English",
        "the Spanish order from last week",
        "Où est mon colis anglais",
    ],
)
def test_a_language_that_is_only_named_is_none_asked_for(said: str) -> None:
    assert wished_language(said) == ""
