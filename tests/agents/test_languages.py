"""Which language agents speak: the call's, which callers, tools, hand-offs and other apps change."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from orchestra import Agent, App, Line, Lines
from orchestra.agents.capture import Digits, ask
from orchestra.agents.loader import load_app
from orchestra.app_phrases import EdgeLines, edge_lines
from orchestra.errors import AppError
from orchestra.language import find_language
from orchestra.language.values import values_of
from orchestra.spoken_languages import SpokenLanguages
from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    CallEndRequested,
    LanguageChanged,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
)
from tests.agents.team import Line as CallLine
from tests.agents.team import Parcels, call_of, last, team

SAID = {"en": "It is 3:30.", "es": "Son las 3.", "de": "Es kostet 3 €."}


def speaking(**changed: object) -> App:
    return replace(team(Parcels()), languages=("en", "es", "de"), **changed)  # type: ignore[arg-type]


def in_its_language(prompt: PromptRequested) -> object:
    return SAID[prompt.language]


async def change(line: CallLine, language: str) -> None:
    """What an edge publishes before the turn in which it has noticed the language."""
    await line.bus.publish(LanguageChanged(call=line.call, turn=line.turn + 1, language=language))
    await line.bus.settled()


async def test_a_call_that_changes_its_language_twice_and_back_is_answered_in_each(bus: TestBus) -> None:
    voices = {"en": "amy", "es": "lucia"}
    agents = (Agent(name="reception", about="all", prompt={"en": "Help.", "es": "Ayude."}, voice=voices),)
    app = speaking(agents=agents)
    async with CallLine(bus, in_its_language, app=app).running() as line:
        await line.say("what time is it")
        await change(line, "es")
        await line.say("¿qué hora es?")
        await change(line, "de")
        await line.say("was kostet das?")
        await change(line, "en")
        await line.say("what time is it")
    chunks = await line.events(ReplyChunk)
    assert [chunk.language for chunk in chunks] == ["en", "es", "de", "en"]
    assert [chunk.voice for chunk in chunks] == ["amy", "lucia", "", "amy"]
    assert [chunk.text for chunk in chunks] == [
        "It is three thirty.",
        "Son las tres.",
        "Es kostet drei Euro.",
        chunks[0].text,
    ]
    instructions = [prompt.messages[0].content for prompt in line.model.prompts]
    assert instructions == [
        "Help.\n\nThe caller speaks English; answer in English.",
        "Ayude.\n\nThe caller speaks Spanish; answer in Spanish.",
        "Help.\n\nThe caller speaks German; answer in German.",
        instructions[0],
    ]


async def test_an_agent_changes_the_language_with_its_tool_within_the_turn(bus: TestBus) -> None:
    def changes(prompt: PromptRequested) -> object:
        asked = last(prompt) == "user: ¿habla español?"
        return [call_of("change_language", '{"language":"Spanish"}')] if asked else SAID[prompt.language]

    async with CallLine(bus, changes, app=speaking()).running() as line:
        await line.say("¿habla español?")
        await line.say("gracias")
    (changed,) = await line.events(LanguageChanged)
    assert (changed.language, changed.previous, changed.reason) == ("es", "en", "chosen")
    assert [prompt.language for prompt in line.model.prompts] == ["en", "es", "es"]
    assert line.model.prompts[1].messages[0].content.endswith("answer in Spanish.")
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["Son las tres.", "Son las tres."]


async def test_a_language_that_the_app_does_not_speak_is_refused_with_those_that_it_speaks(bus: TestBus) -> None:
    def changes(prompt: PromptRequested) -> object:
        asked = last(prompt).startswith("user")
        return [call_of("change_language", '{"language":"pl"}')] if asked else "I am sorry."

    async with CallLine(bus, changes, app=speaking()).running() as line:
        await line.say("po polsku, proszę")
    (refused,) = await line.events(ToolCompleted)
    assert refused.failed
    assert "only English, Spanish and German can be spoken here" in refused.result
    assert await line.events(LanguageChanged) == []


async def test_a_handoff_to_an_agent_with_a_language_of_its_own_changes_that_of_the_call(bus: TestBus) -> None:
    def hands_off(prompt: PromptRequested) -> object:
        if prompt.agent == "reception" and last(prompt).startswith("user"):
            return [call_of("transfer_to_hilfe", "{}")]
        return SAID[prompt.language]

    agents = (
        Agent(name="reception", about="all", prompt="Help.", handoffs=("hilfe",)),
        Agent(name="hilfe", about="Germans", prompt="Hilf.", language="de"),
    )
    app = replace(team(Parcels()), agents=agents)
    async with CallLine(bus, hands_off, app=app).running() as line:
        await line.say("a German colleague, please")
        await line.say("was kostet das?")
        await change(line, "en")
        await line.say("once more")
    changed = [(event.language, event.reason) for event in await line.events(LanguageChanged)]
    assert changed == [("de", "agent"), ("en", "heard"), ("de", "agent")]
    assert [(prompt.agent, prompt.language) for prompt in line.model.prompts[:3]] == [
        ("reception", "en"),
        ("hilfe", "de"),
        ("hilfe", "de"),
    ]
    # the caller is heard in English again: the agent who speaks only German does not answer
    assert [event.agent for event in await line.events(AgentChanged)][:3] == ["reception", "hilfe", "reception"]


async def test_a_worker_that_takes_over_goes_on_in_the_language_of_the_call(bus: TestBus) -> None:
    line = CallLine(bus, in_its_language, app=speaking())
    async with line.running():
        await change(line, "es")
        await line.say("¿qué hora es?")
    async with bus.run(line.orchestration().consumer, line.execution().consumer):  # other workers
        await line.say("¿y ahora?")
    assert [chunk.language for chunk in await line.events(ReplyChunk)] == ["es", "es"]


async def test_a_call_in_spanish_has_the_platforms_words_in_spanish(bus: TestBus) -> None:
    def leaves(prompt: PromptRequested) -> object:
        return [call_of("end_call", '{"reason":"done"}')] if last(prompt).startswith("user") else last(prompt)[5:]

    app = replace(team(Parcels()), language="es", apology=None)
    async with CallLine(bus, leaves, app=app).running() as line:
        await line.say("adiós")
    (ended,) = await line.events(ToolCompleted)
    assert ended.result == "Gracias por su llamada. Adiós."
    assert await line.events(CallEndRequested)
    assert line.model.prompts[0].messages[0].content.endswith("The caller speaks Spanish; answer in Spanish.")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: App(name="a", agents=(), entry="", language="spanish"), "did you mean es"),
        (lambda: App(name="a", agents=(), entry="", language="fr", languages=("en", "es")), "'fr' is not among"),
        (lambda: App(name="a", agents=(), entry="", languages=("en", "xx")), "there is no language 'xx'"),
        (lambda: App(name="a", agents=(), entry="", greeting={"english": "Hello"}), "greeting: there is no language"),
        (lambda: Agent(name="a", about="", prompt="", language="es_mx"), "write 'es-MX' for 'es_mx'"),
        (lambda: Agent(name="a", about="", prompt="", voice={"es": 3}), r"voice\['es'\] is 3"),  # type: ignore[dict-item]
        (lambda: Line(app=speaking(), language="fr"), "'fr' is not among the languages of parcels"),
    ],
)
def test_a_language_that_there_is_not_is_refused_when_the_app_is_written(
    wrong: Callable[[], object], message: str
) -> None:
    with pytest.raises(AppError, match=message):
        wrong()


@pytest.mark.parametrize(
    ("app", "line", "agent", "first"),
    [
        ("en", "", "", "en"),
        ("es", "", "", "es"),
        ("es", "de", "", "de"),
        ("es", "de", "fr", "fr"),
        ("auto", "", "", "en"),
    ],
)
def test_the_line_comes_before_the_app_and_the_agent_before_the_line(
    app: str, line: str, agent: str, first: str
) -> None:
    whole = App(
        name="a", agents=(Agent(name="desk", about="", prompt="Help.", language=agent),), entry="desk", language=app
    )
    assert whole.speaks.on_line(line).first == first


def test_an_edge_gets_every_language_that_the_app_or_a_line_of_it_speaks() -> None:
    lines = Lines({"+15550100": Line(app=team(Parcels()), language="fr"), "*": team(Parcels())})
    read = msgspec.json.decode(msgspec.json.encode(edge_lines(lines)), type=EdgeLines)
    assert read.apps[0].said_in("fr").holding == find_language("fr").phrases.holding
    assert read.apps[0].said_in("en").holding == find_language("en").phrases.holding
    assert read.plan is not None
    assert read.plan.rules["+15550100"].language == "fr"


def test_an_app_of_one_language_has_no_tool_to_change_it() -> None:
    demo = load_app("orchestra.demo:app")
    assert demo.speaks == SpokenLanguages()
    assert "change_language" not in demo.tools
    assert "change_language" in speaking().tools


async def test_a_caller_who_is_asked_for_a_value_is_asked_again_in_the_language_that_the_call_has_now(
    bus: TestBus,
) -> None:
    def asks(prompt: PromptRequested) -> object:
        return [call_of("ask_digits")]

    app = replace(team(Parcels(), tools=(ask(Digits(4)),)), languages=("en", "es"))
    async with CallLine(bus, asks, app=app).running() as line:
        await line.say("where is my parcel")
        await change(line, "es")
        await line.say("hmm")
    english, spanish = (values_of(code).phrases for code in ("en", "es"))
    question, again = [chunk.text for chunk in await line.events(ReplyChunk)]
    assert question == english.questions["digits"]
    assert again == spanish.again.format(question=spanish.questions["digits"])
