"""Who wants to be spoken to more slowly or faster, and who speaks of something else."""

import pytest

from orchestra.language.pace import pace_wish


@pytest.mark.parametrize(
    "text",
    [
        "Slower, please.",
        "Could you speak a bit slower?",
        "Please speak more slowly.",
        "Can you say that again slowly?",
        "A little slower please",
        "You're talking too fast.",
        "Slow down, please.",
        "Más despacio, por favor.",
        "¿Puede hablar más despacio?",
        "Habla usted demasiado rápido.",
        "Bitte etwas langsamer.",
        "Können Sie bitte langsamer sprechen?",
        "Sie sprechen zu schnell.",
        "Plus lentement, s'il vous plaît.",
        "Vous parlez trop vite.",
        "Pouvez-vous parler moins vite ?",
        "Più piano, per favore.",
        "Può parlare più lentamente?",
        "Pode falar mais devagar, por favor?",
        "Mais devagar, por favor.",
        "Kunt u iets langzamer praten?",
        "Langzamer, alstublieft.",
        "You talk so fast.",
        "Not so fast, please.",
        "Nicht so schnell, bitte.",
        "Pas si vite, s'il vous plaît.",
        "¿Puede repetirlo más despacio?",
        "Können Sie das langsamer wiederholen?",
        "Pouvez-vous répéter plus lentement ?",
        "Può ripetere più lentamente?",
        "Pode repetir mais devagar?",
        "Kunt u dat langzamer herhalen?",
    ],
)
def test_slower(text: str) -> None:
    assert pace_wish(text) == "slower"


@pytest.mark.parametrize(
    "text",
    [
        "Can you speak faster?",
        "Faster, please.",
        "You speak too slowly.",
        "¿Puede hablar más rápido?",
        "Sprechen Sie bitte schneller.",
        "Vous parlez trop lentement.",
        "Può parlare più velocemente?",
        "Fale mais rápido, por favor.",
        "Praat sneller alsjeblieft.",
    ],
)
def test_faster(text: str) -> None:
    assert pace_wish(text) == "faster"


@pytest.mark.parametrize(
    "text",
    [
        "Can you ship it faster?",
        "The internet is slower than last week.",
        "My connection is too slow.",
        "Is there a faster train?",
        "¿Hay un tren más rápido?",
        "Gibt es eine schnellere Lieferung?",
        "Is express shipping any faster?",
        "Can you redo it faster?",
        "Not slower, please.",
        "Bitte nicht langsamer.",
        "They say it will be faster.",
        "Did you say it is slower?",
        "Why is it so fast?",
        "Il parlamento è più lento.",
        "He said it runs slower than the old one",
        "no",
        "",
        "I would like to speak to somebody about why my internet has become slower and slower over the last few weeks",
    ],
)
def test_another_matter(text: str) -> None:
    assert pace_wish(text) == ""
