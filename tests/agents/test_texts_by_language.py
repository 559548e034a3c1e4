"""What an app's author writes for callers and models may be one text, or one for each language."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestra import Agent, App, Knowledge, Lines, Sentence, ToolContext, ToolUse, demo, rule, tool
from orchestra.agents.app_checks import texts_by_language
from orchestra.agents.autogen.toolset import AgentToolset
from orchestra.agents.capture import Choice, Digits, ask
from orchestra.agents.capture.choice import Choice as ChoiceKind
from orchestra.agents.router import Router
from orchestra.app_phrases import edge_lines
from orchestra.errors import AppError
from orchestra.language import find_language
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.edge.answering import Answering
from orchestra_schemas import LanguageChanged, PromptRequested, ReplyChunk
from tests.agents.team import Line, Parcels, call_of, last, team

EXAMPLES = {"en": ("where is my parcel",), "es": ("dónde está mi paquete", "cuándo llega")}
SENDS = {"en": "Shall I send it on {day}?", "es-MX": "¿Se lo envío el {day}?"}


@tool(needs_confirmation=SENDS, examples=EXAMPLES, filler={"es": "Un momento."})
def send(day: str) -> str:
    """Send a parcel."""
    return day


def shop(**agent: Any) -> App:
    tracking = Agent(name="tracking", prompt="Track.", tools=(send,), **({"about": "parcels"} | agent))
    desk = Agent(name="desk", about="all", prompt="Help.", handoffs=("tracking",))
    return App(name="shop", entry="desk", languages=("en", "es"), agents=(desk, tracking))


def test_a_model_reads_examples_of_tools_and_agents_in_the_language_of_the_call() -> None:
    app = shop(about={"en": "parcels", "es": "paquetes"}, examples={"es": ("mi paquete no llega",)})
    toolset = AgentToolset(app)
    (handoff,) = [each for each in toolset.offered("desk", ("tracking",), "es") if each.name == "transfer_to_tracking"]
    assert handoff.description == 'Hand the caller over to tracking: paquetes. Examples: "mi paquete no llega".'
    read = {each.name: each for each in toolset.offered("tracking", (), "en")}
    assert read["send"].description == 'Send a parcel. Examples: "where is my parcel".'
    assert '"good bye"' in read["end_call"].description
    gone = {each.name: each for each in toolset.offered("tracking", (), "es")}
    assert gone["send"].description == 'Send a parcel. Examples: "dónde está mi paquete", "cuándo llega".'
    assert '"adiós"' in gone["end_call"].description
    assert gone["send"].parameters == read["send"].parameters


def test_the_router_goes_by_what_callers_say_in_the_language_of_the_call() -> None:
    app = shop(about={"en": "lost and late parcels", "es": "paquetes perdidos o retrasados"})
    spanish, english = Router(app, find_language("es")), Router(app, find_language("en"))
    assert spanish.route("¿y cuándo llega?", "desk") == "tracking"
    assert spanish.route("tengo un paquete perdido y retrasado", "desk") == "tracking"
    assert english.route("¿y cuándo llega?", "desk") == "desk"
    assert english.route("where is my parcel", "desk") == "tracking"


def test_a_language_without_a_text_of_its_own_has_no_examples_and_the_first_description() -> None:
    agent = Agent(name="a", about={"es": "paquetes"}, prompt="Help.", examples=EXAMPLES)
    assert (agent.about_in("de"), agent.examples_in("de")) == ("paquetes", ())
    assert agent.examples_in("es-MX") == EXAMPLES["es"]
    assert send.schema_in("de").description == "Send a parcel."


def test_a_confirmation_is_asked_in_the_language_of_the_call() -> None:
    def question(code: str) -> str:
        return send.question('{"day":"lunes"}', find_language(code))

    assert question("es") == "¿Se lo envío el lunes?"
    assert question("en") == "Shall I send it on lunes?"
    assert question("de") == find_language("de").phrases.confirmation.format(
        what="send a parcel", details=", day lunes"
    )


async def test_a_call_in_two_languages_is_asked_in_each(bus: TestBus) -> None:
    @rule
    def no_money(sentence: Sentence) -> str | None:
        """Money is not promised."""
        return {"es": "Eso no lo sé."}.get(sentence.language, "I cannot say.") if "money" in sentence.text else None

    @rule
    def knows_the_language(use: ToolUse) -> str | None:
        """The rule is asked in the language of the call."""
        return None if use.language == asked[-1] else f"wrong language {use.language}"

    asked: list[str] = []

    def decide(prompt: PromptRequested) -> object:
        asked.append(prompt.language)
        if last(prompt).startswith("user: send"):
            return [call_of("send", '{"day":"viernes"}')]
        return "You get money."

    app = replace(team(Parcels()), languages=("en", "es"), rules=(no_money, knows_the_language))
    app = replace(app, agents=(Agent(name="desk", about="all", prompt="Help.", tools=(send,)),), entry="desk")
    async with Line(bus, decide, app=app).running() as line:
        await line.say("send it")
        await line.say("no, do I get money?")
        await bus.publish(LanguageChanged(call=line.call, turn=line.turn + 1, language="es"))
        await bus.settled()
        await line.say("send it")
        await line.say("no, ¿me dan dinero?")
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == [
        "Shall I send it on viernes?",
        "I cannot say.",
        "¿Se lo envío el viernes?",
        "Eso no lo sé.",
    ]


def test_a_value_is_asked_for_and_its_choices_are_named_in_the_language_of_the_call() -> None:
    number = ask(Digits(4), {"en": "Which parcel?", "es": "¿Qué paquete?"}, examples=EXAMPLES)
    assert [number.question_in(code) for code in ("en", "es-MX", "de")] == [
        "Which parcel?",
        "¿Qué paquete?",
        "Welche Nummer ist es, Ziffer für Ziffer?",
    ]
    assert number.examples_in("es") == EXAMPLES["es"]
    size = ask(Choice({"large": {"en": ("large", "big"), "es": ("grande",)}, "small": {"es": ("pequeño",)}}))
    assert size.question_in("es") == "¿Cuál prefiere: grande o pequeño?"
    assert size.question_in("en") == "Which one would you like: large or small?"


async def test_a_caller_gets_an_answer_from_the_pages_in_their_language() -> None:
    pages = Path(demo.__file__).parent / "knowledge"
    known = {code: Knowledge(pages / code, language=code) for code in ("en", "es")}
    app = replace(shop(knowledge=True), knowledge=known)

    async def found(query: str, language: str) -> str:
        context = ToolContext(call="c", turn=1, idempotency_key="k", language=language)
        return await app.tools["search_knowledge"].run(msgspec.json.encode({"query": query}).decode(), context)

    assert "lunes a sábado" in await found("¿Cuál es su horario?", "es-MX")
    assert "Monday to Saturday" in await found("What are your opening hours?", "en")
    assert app.knowledge_in("de") is known["en"]
    other = replace(shop(knowledge=True), knowledge={"en": known["en"]})
    assert other.version != app.version


def test_a_word_may_be_said_otherwise_in_one_language_than_in_another() -> None:
    app = shop()
    app = replace(app, pronunciations={"Nguyen": {"en": "win", "es": "uin"}, "SQL": "sequel"})
    (edge_app,) = edge_lines(Lines.of(app)).apps
    edge = Answering(Settings(), (edge_app,))
    said = {}
    for code in ("en", "es", "de"):
        script = edge.of_app("shop", app.version, "", code)
        assert script is not None
        said[code] = script.pronunciations.say("Nguyen SQL")
    assert said == {"en": "win sequel", "es": "uin sequel", "de": "Nguyen sequel"}
    with pytest.raises(AppError, match=r"pronunciations\['X'\]: there is no language 'xx9'"):
        replace(app, pronunciations={"X": {"xx9": "ex"}})
    with pytest.raises(AppError, match="knowledge is str"):
        replace(app, knowledge={"es": "folder"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: tool(send.function, name="s", examples={"es": "hola"}), "tool s: examples is one str, not several"),  # type: ignore[call-overload]
        (lambda: tool(name="s", examples={"xx9": ("a",)})(send.function), "there is no language 'xx9'"),
        (
            lambda: tool(name="s", needs_confirmation={"es": "¿{dia}?"})(send.function),
            "tool s: needs_confirmation names {dia}, which is none of its arguments",
        ),
        (
            lambda: tool(name="s", needs_confirmation={"es": 4})(send.function),
            "needs_confirmation['es'] is 4, not text",
        ),  # type: ignore[dict-item]
        (lambda: Agent(name="a", about={"xx9": "all"}, prompt="Help."), "agent 'a': about: there is no language"),
        (lambda: Agent(name="a", about="all", prompt="Help.", examples={"en": "hi"}), "examples is one str"),  # type: ignore[dict-item]
        (lambda: ask(Digits(4), {"spanish": "¿Cuál?"}), "question: there is no language 'spanish'"),
        (lambda: ChoiceKind({"a": {"es": "uno"}, "b": ()}), "Choice: words for 'a' is one str"),  # type: ignore[dict-item]
        (lambda: texts_by_language({}, "tool s: examples", cure="write some"), "is a dict, not a tuple: write some"),
    ],
)
def test_what_is_written_wrong_is_refused_where_it_is_written(make: Any, problem: str) -> None:
    with pytest.raises(AppError) as refused:
        make()
    assert problem in str(refused.value)


def test_every_text_is_part_of_the_version() -> None:
    def version(**changed: Any) -> str:
        return shop(**changed).version

    plain = version()
    assert version(about={"en": "parcels", "es": "paquetes"}) != plain
    assert version(examples={"es": ("a",)}) != version(examples={"es": ("b",)})
