import pytest

from orchestra.simulator.transcript_match import compare, normalise

REPLY = "Parcel 4 2 7 1 is out for delivery. It should reach you on Friday, between two and four in the afternoon."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's Friday!", "it s friday"),
        ("We're open, aren't we? I'll see.", "we are open are not we i will see"),
        ("parcel 4271", "parcel 4 2 7 1"),
        ("parcel four two seven one", "parcel 4 2 7 1"),
        ("parcel 42-71", "parcel 4 2 7 1"),
        ("twenty five, forty, 19", "2 5 4 0 1 9"),
        ("the 2nd of June, the second", "the 2 of june the 2"),
        ("at 9 a.m. or 5 PM", "at 9 am or 5 pm"),
        ("£4.50 and 10%", "4 pounds 5 0 and 1 0 percent"),
        ("Okay, cannot.", "ok can not"),
        ("it\u2019s", "it s"),
        ("", ""),
    ],
)
def test_texts_are_normalized(text: str, words: str) -> None:
    assert " ".join(normalise(text)) == words


@pytest.mark.parametrize(
    "heard",
    [
        REPLY,
        "parcel four two seven one is out for delivery it should reach you on friday between 2 and 4 in the afternoon",
        "Parcel 4271 is out for deliveries. It should reach you on Friday between 2 and 4 in the after noon.",
        "Parcel's 4271 is out for delivery, it should reach you Friday between two and four in the afternoon.",
    ],
)
def test_the_same_words_match_whatever_the_speech_engine_made_of_them(heard: str) -> None:
    assert compare(REPLY, heard).matches


@pytest.mark.parametrize(
    "heard",
    [
        "",
        "Parcel 4271 is out for delivery.",
        "I am sorry, I did not get that. Could you please say it again, or ask for a person?",
        "It should reach you on Friday.",
    ],
)
def test_a_missing_or_another_sentence_does_not_match(heard: str) -> None:
    assert not compare(REPLY, heard).matches


def test_words_with_other_boundaries_match() -> None:
    assert compare("Goodbye, redelivery is booked.", "Good bye. Re-delivery is booked.").similarity == 1


def test_nothing_said_and_nothing_heard_match() -> None:
    assert compare("", " … ").similarity == 1


@pytest.mark.parametrize(
    ("heard", "matches"),
    [
        ("parcel 4271 is out for delivery it should", True),
        ("parcel 4271 is out for deli", True),
        ("parcel 4271", False),
        ("", False),
    ],
)
def test_a_reply_that_was_cut_off_matches_up_to_where_it_was_cut(heard: str, matches: bool) -> None:
    assert compare("Parcel 4271 is out for delivery. It", heard, open_end=True).matches is matches


#: replies of the demo, and what Whisper base made of them on a telephone line
_HEARD = {
    "es": {
        "Bienvenido a Swift Parcel. ¿En qué puedo ayudarle?": "Bienvenidos a su vis parcel. ¿En qué puedo ayudarle?",
        "Su paquete cuatro dos siete uno está en la oficina de la calle Mayor. ¿Quiere una nueva entrega?": (
            "Su paquete 4271 está en la oficina de la calle mayor. ¿Quieres una nueva entrega?"
        ),
        "Hecho. Su paquete cuatro dos siete uno se entregará el viernes.": (
            "hecho, su paquete 4-271 se entregará el viernes"
        ),
        "¿Qué día le viene bien, de lunes a sábado?": "¿Qué día le viene bien, de lunes asábado?",
    },
    "de": {
        "Willkommen bei Swift Parcel. Wie kann ich Ihnen helfen?": (
            "Willkommen bei Swissparken. Wie kann ich Ihnen helfen?"
        ),
        "Ihr Paket vier zwei sieben eins liegt in der Filiale in der Bergstraße. Sollen wir es noch einmal bringen?": (
            "4 Paket 4271 liegt in der Filiale in der Bergstraße, sollen wir es noch einmal bringen?"
        ),
        "Erledigt. Ihr Paket vier zwei sieben eins wird am Freitag gebracht.": (
            "Erledigt, Ihr Paket 4271 wird am Freitag gebracht."
        ),
        "Welcher Tag passt Ihnen, Montag bis Samstag?": "Welcher Tag passt Ihnen, nun Tag bis am Tag?",
    },
}


@pytest.mark.parametrize("language", _HEARD)
def test_a_reply_matches_what_was_heard_of_it_and_of_no_other(language: str) -> None:
    for said in _HEARD[language]:
        matching = [
            reply for reply, heard in _HEARD[language].items() if compare(said, heard, language=language).matches
        ]
        assert matching == [said]


def test_number_words_are_digits_in_the_language_of_the_text() -> None:
    assert normalise("Veintitrés, cuatro, Añejo", "es-MX") == ["2", "3", "4", "anejo"]
    assert normalise("vier-271 Straße", "de") == ["4", "2", "7", "1", "strasse"]
