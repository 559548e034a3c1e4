"""A call on its edge that goes on in another language, and what another edge makes of it."""

from typing import Any

import pytest

from orchestra.agents import Agent, App
from orchestra.bus import Publisher
from orchestra.history.reduce import history_of
from orchestra.history.views.timeline import timeline
from orchestra.language import find_language
from orchestra.settings import Settings
from orchestra.spoken_languages import AUTO
from orchestra.testing import TestBus
from orchestra.voice.call.actions import Say, Speech
from orchestra.voice.call.call import Call
from orchestra.voice.carriers.port import Parties
from orchestra.voice.edge.answering import Answering
from orchestra_schemas import (
    CallStarted,
    LanguageChanged,
    ReplyChunk,
    TranscriptFinal,
    TurnCompleted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

DESK = Agent(name="desk", about="all", prompt="Help.")
SPANISH = "quiero cambiar mi cita para el lunes por la tarde"


def answering(settings: Settings, **languages: Any) -> Answering:
    return Answering(settings, [App(name="clinic", agents=(DESK,), entry="desk", greeting="Hello.", **languages)])


def a_call(bus: TestBus, publisher: Publisher, answers: Answering, said: list[Speech]) -> Call:
    parties = Parties(call=bus.call(), provider_call="CA1")
    call = Call(parties, answers.begin(parties, 0.0), "a/b", publisher, said.append, script_of_app=answers.of_app)
    call.started()
    return call


def speaks(call: Call, text: str, language: str = "") -> None:
    """The caller says this in a turn of its own."""
    call.conversation.caller_started()
    call.conversation.final(text, language=language)
    call.conversation.caller_stopped()
    call.conversation.turn_ended(text)


@pytest.fixture
def publisher(bus: TestBus) -> Publisher:
    return bus.bus.publisher("edge-1")


async def journal(bus: TestBus, publisher: Publisher, call: Call) -> list[Any]:
    await publisher.flush(5)
    return await bus.published(None, call.id)


async def test_the_call_follows_its_caller_into_another_language_and_back(
    bus: TestBus, publisher: Publisher, settings: Settings
) -> None:
    said: list[Speech] = []
    call = a_call(bus, publisher, answering(settings, language=AUTO, languages=("en", "es", "de")), said)
    followed: list[str] = []
    call.on_language_changed = lambda: followed.append(call.language)
    speaks(call, SPANISH, "es")
    call.take_event(ReplyChunk(call=call.id, turn=1, text="Muy bien.", language="es"))
    call.take_event(TurnCompleted(call=call.id, turn=1, agent="desk"))
    assert call.conversation.language is find_language("es")
    assert call.conversation.handed_back == find_language("es").to_speech(find_language("es").phrases.handed_back)
    speaks(call, "Auf Deutsch, bitte.", "de")
    speaks(call, "I am sorry, it was English after all", "en")
    assert followed == ["es", "de", "en"]
    assert [speech.language for speech in said if isinstance(speech, Say)] == ["es"]
    assert call.heard_language == AUTO
    events = await journal(bus, publisher, call)
    kinds = (LanguageChanged, TranscriptFinal, UserTurnEnded)
    order = [type(event).__name__ for event in events if isinstance(event, kinds)]
    assert order[:3] == ["TranscriptFinal", "LanguageChanged", "UserTurnEnded"]  # the turn is answered in it
    changes = [event for event in events if isinstance(event, LanguageChanged)]
    assert [(each.previous, each.language, each.reason, each.turn) for each in changes] == [
        ("en", "es", "heard", 1),
        ("es", "de", "asked", 2),
        ("de", "en", "heard", 3),
    ]


async def test_another_edge_goes_on_in_the_language_that_the_call_has_by_then(
    bus: TestBus, publisher: Publisher, settings: Settings
) -> None:
    answers = answering(settings, language=AUTO, languages=("en", "es"))
    call = a_call(bus, publisher, answers, [])
    speaks(call, SPANISH, "es")
    history = history_of(await journal(bus, publisher, call))
    assert history.resume.language == "es"
    script = answers.resume(history.resume, call.parties)
    assert (script.language, script.holding) == ("es", find_language("es").phrases.holding)
    again = Call(
        call.parties, script, "a/b", publisher, [].append, resume_state=history.resume, script_of_app=answers.of_app
    )
    assert again.conversation.language is find_language("es")
    assert "the call goes on in es (the caller speaks it)" in [line.what for line in timeline(history)]


async def test_what_was_begun_for_a_prediction_in_the_old_language_is_void(
    bus: TestBus, publisher: Publisher, settings: Settings
) -> None:
    call = a_call(bus, publisher, answering(settings, languages=("en", "es")), [])
    call.conversation.caller_started()
    call.conversation.turn_predicted("¿Habla español?")
    call.conversation.caller_stopped()
    call.conversation.turn_ended("¿Habla español?")
    events = await journal(bus, publisher, call)
    kinds = (UserTurnPredicted, UserTurnResumed, LanguageChanged, UserTurnEnded)
    order = [type(event).__name__ for event in events if isinstance(event, kinds)]
    assert order == ["UserTurnPredicted", "UserTurnResumed", "LanguageChanged", "UserTurnEnded"]
    assert not next(event for event in events if isinstance(event, UserTurnEnded)).predicted
    assert call.heard_language == "es"


async def test_an_agent_who_changes_the_language_is_followed_by_the_edge(
    bus: TestBus, publisher: Publisher, settings: Settings
) -> None:
    call = a_call(bus, publisher, answering(settings, languages=("en", "es")), [])
    call.take_event(LanguageChanged(call=call.id, id="x", language="es", reason="chosen"))
    assert (call.language, call.conversation.language.code) == ("es", "es")


async def test_an_english_call_names_no_language(bus: TestBus, publisher: Publisher, settings: Settings) -> None:
    call = a_call(bus, publisher, answering(settings), [])
    speaks(call, SPANISH, "es")
    events = await journal(bus, publisher, call)
    assert not [event for event in events if isinstance(event, LanguageChanged)]
    assert [event.language for event in events if isinstance(event, CallStarted)] == ["en"]
