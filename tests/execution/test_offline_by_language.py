"""The offline model in Spanish and German: odd words crash nothing, and give no argument."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from orchestra.agents import Agent, App, tool
from orchestra.demo.parcels import Parcels
from orchestra.demo.team import in_german, in_spanish
from tests.execution.in_process import CallInProcess

_APPS = {"es": in_spanish, "de": in_german}
#: what a caller says until the argument is asked for, and the words of its question
_ASKED: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("es", "number"): (("¿Dónde está mi paquete?",), "¿Cuál es el número"),
    ("de", "number"): (("Wo ist mein Paket?",), "Wie ist die Paketnummer?"),
    ("es", "day"): (("Entréguelo otra vez, cuatro dos siete uno",), "¿Qué día le viene bien"),
    ("de", "day"): (("Bringen Sie es noch einmal, vier zwei sieben eins",), "Welcher Tag passt"),
    ("es", "what"): (("Quiero poner una queja, cuatro dos siete uno",), "¿Qué ha pasado?"),
    ("de", "what"): (("Ich möchte mich beschweren, vier zwei sieben eins",), "Was ist passiert?"),
    ("es", "call_back"): (("Quiero poner una queja, cuatro dos siete uno", "llegó roto"), "¿Quiere que alguien"),
    ("de", "call_back"): (("Ich möchte mich beschweren, vier zwei sieben eins", "es ist kaputt"), "Soll Sie jemand"),
}
_ODD = (
    ("es number", "no"),
    ("de number", "nein"),
    ("es number", "no lo sé"),
    ("de number", "weiß ich nicht"),
    ("es number", "4271 3692"),
    ("de number", "4271 3692"),
    ("es number", "4271 o mejor 3692"),
    ("de number", "4271 oder doch 3692"),
    ("es number", "uno dos tres cuatro cinco seis"),
    ("de number", "1 2 3"),
    ("es number", "four two seven one"),
    ("es number", "4 2 7 1 " * 4_000),
    ("de number", "vier zwei sieben eins " * 1_400),
    ("es number", "9" * 5_000 + " mil"),
    ("de number", "doppel " * 4_000),
    ("es day", "no el lunes"),
    ("de day", "nicht am Montag"),
    ("es day", "lunes o martes"),
    ("de day", "Montag oder Dienstag"),
    ("es day", "4 2 7 1"),
    ("de day", "Monday"),
    ("de day", "a" * 30_000),
    ("es what", "no"),
    ("de what", "nein danke"),
    ("es what", "¿?"),
    ("de what", "..."),
    ("es what", "ni idea"),
    ("de what", "keine Ahnung"),
    ("es call_back", "quizás"),
    ("de call_back", "vielleicht"),
    ("es call_back", "no lo sé"),
    ("de call_back", "weiß ich nicht"),
    ("es call_back", "maybe"),
    ("de call_back", "4271"),
)


async def _asked_for(language: str, argument: str, folder: Path) -> CallInProcess:
    call = CallInProcess(_APPS[language], Parcels(folder / "parcels.sqlite"), routed=True)
    said, question = _ASKED[language, argument]
    for words in said:
        reply = (await call.say(words)).reply
    assert question in reply
    return call


@pytest.mark.parametrize(("asked", "said"), _ODD, ids=[f"{asked}: {said[:30]}" for asked, said in _ODD])
async def test_odd_words_are_no_argument(tmp_path: Path, asked: str, said: str) -> None:
    language, argument = asked.split()
    call = await _asked_for(language, argument, tmp_path)
    answered = await call.say(said)
    assert not set(answered.tools) - {"search_knowledge"}
    assert _ASKED[language, argument][1] in answered.reply or answered.tools == ("search_knowledge",)


@pytest.mark.parametrize(
    ("asked", "said", "value"),
    [
        ("es number", "cuatro mil doscientos setenta y uno", "4271"),
        ("de number", "viertausendzweihunderteinundsiebzig", "4271"),
        ("es day", "no el lunes, el martes", "martes"),
        ("de day", "nicht am Montag, am Dienstag", "Dienstag"),
        ("es day", "el sábado, por favor", "sábado"),
        ("es call_back", "no, gracias", False),
        ("de call_back", "nein danke", False),
        ("es call_back", "sí", True),
        ("de call_back", "ja bitte", True),
    ],
)
async def test_an_answer_is_its_argument(tmp_path: Path, asked: str, said: str, value: object) -> None:
    language, argument = asked.split()
    call = await _asked_for(language, argument, tmp_path)
    (done,) = (await call.say(said)).calls
    assert json.loads(done.arguments)[argument] == value


@pytest.mark.parametrize("language", ["es", "de"])
@pytest.mark.parametrize(
    "said", ["", "...", "1 2 3 4 5 6 7 8 9", "Est-ce que mon colis est là ?", "a" * 30_000, "\0 😀 %s {}"]
)
async def test_a_first_turn_of_odd_words_uses_no_tool_of_the_app(tmp_path: Path, language: str, said: str) -> None:
    answered = await CallInProcess(_APPS[language], Parcels(tmp_path / "parcels.sqlite")).say(said)
    assert set(answered.actions) <= {"search_knowledge"}
    assert answered.reply


@tool(examples=("quiero una mesa",))
def mesa(
    sitio: Annotated[Literal["dentro", "dentro junto a la ventana", "fuera", "no", "2", "-"], "sitio. ¿En qué sitio?"],
    personas: Annotated[int, "cuántas personas. ¿Cuántas personas?"],
) -> str:
    """Reservar en el restaurante."""
    return f"Reservado {sitio} para {personas}."


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        (("dentro", "cuatro"), {"sitio": "dentro", "personas": 4}),
        (("dentro junto a la ventana", "somos 12"), {"sitio": "dentro junto a la ventana", "personas": 12}),
        (("no", "cuatro"), {"sitio": "no", "personas": 4}),
        (("la dos", "cuatro"), {"sitio": "2", "personas": 4}),
        (("dentro o fuera", "fuera", "no lo sé", "3"), {"sitio": "fuera", "personas": 3}),
        (("fuera", "9" * 60, "9" * 30_000, "tres"), {"sitio": "fuera", "personas": 3}),
        (("4 2 7 1", "fuera", "dos y media", "tres"), {"sitio": "fuera", "personas": 3}),
    ],
)
async def test_choices_that_share_words_and_whole_numbers(said: tuple[str, ...], arguments: dict[str, Any]) -> None:
    agent = Agent(name="mesas", about="mesas", prompt="Reservas mesas.", tools=(mesa,))
    call = CallInProcess(App(name="mesas", language="es", entry="mesas", agents=(agent,)))
    assert (await call.say("Quiero una mesa")).reply == "¿En qué sitio?"
    for words in said[:-1]:
        assert not (await call.say(words)).calls
    (done,) = (await call.say(said[-1])).calls
    assert json.loads(done.arguments) == arguments


@tool(examples=("spärra",))
def block(sure: Annotated[bool, "Säkert?"]) -> str:
    """Spärra kortet."""
    return f"Spärrat: {sure}."


async def test_a_language_without_words_of_its_own_knows_ok_and_asks_about_everything_else() -> None:
    agent = Agent(name="kort", about="kort", prompt="Spärra kort.", tools=(block,))
    call = CallInProcess(App(name="kort", language="sv", entry="kort", agents=(agent,)))
    for said in ("Spärra", "nej", "kanske", "ja"):
        assert (await call.say(said)).reply == "Säkert?"
    assert (await call.say("ok")).reply == "Spärrat: True."


@pytest.mark.parametrize(("language", "yes"), [("es", "sí"), ("de", "ja")])
async def test_a_yes_to_a_new_delivery_goes_to_the_agent_who_books_it(tmp_path: Path, language: str, yes: str) -> None:
    call = await _asked_for(language, "number", tmp_path)
    await call.say("4271")
    answered = await call.say(yes)
    assert (answered.agent, answered.tools) == ("redelivery", ())
    assert _ASKED[language, "day"][1] in answered.reply
