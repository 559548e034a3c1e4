"""Several apps on one edge and one set of workers: what was dialled decides who answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from orchestra import Agent, App, Hours, Line, Lines
from orchestra.agents.handlers import Orchestration
from orchestra.agents.lines import app_id
from orchestra.app_phrases import edge_lines
from orchestra.execution.handlers import Execution
from orchestra.execution.models import ModelRegistry
from orchestra.history.ending import HangUp, Transfer
from orchestra.history.reduce import history_of
from orchestra.history.resume import ResumeState
from orchestra.language import find_language
from orchestra.lines import Shares, version_name
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.versions.decide import promote, roll_back
from orchestra.voice.carriers.port import Parties
from orchestra.voice.edge.answering import Answering
from orchestra_schemas import (
    AgentChanged,
    AppChanged,
    AudioChunk,
    CallEnded,
    CallStarted,
    CallTransferred,
    PromptRequested,
    ReplyChunk,
    ReplySpoken,
    TurnCompleted,
    UserTurnEnded,
)
from tests.agents.team import Decide, ScriptedModel
from tests.agents.team import call_of as tool_call
from tests.voice.edges import RunningEdge, running_edge, tone

NEVER = Hours("UTC", {})
ALWAYS = Hours("UTC", {"mon-sun": "0:00-24:00"})


def office(name: str, **more: Any) -> App:
    agent = Agent(name="desk", about="all", prompt=f"You answer for the {name}.", voice=name)
    return App(name=name, entry="desk", agents=(agent,), greeting=f"This is the {name}.", **{"holding": ""} | more)


BANK, CLINIC = office("bank"), office("clinic")


def who_am_i(prompt: PromptRequested) -> str:
    return f"I am the {prompt.messages[0].content.split()[-1].strip('.')}."


@asynccontextmanager
async def answering(
    bus: TestBus, settings: Settings, lines: Lines, *hears: str, decide: Decide = who_am_i, **changed: Any
) -> AsyncIterator[RunningEdge]:
    """An edge and the workers of these lines; each agent says who it is."""
    model = ScriptedModel(decide)

    @asynccontextmanager
    async def models(_: Settings) -> AsyncIterator[ModelRegistry]:
        yield ModelRegistry("scripted", lambda _: model)

    workers = [Orchestration(lines).consumer, Execution(lines, models).consumer]
    async with bus.run(*workers), running_edge(bus, settings, *hears, app=edge_lines(lines), **changed) as running:  # type: ignore[arg-type]
        yield running


async def ask(running: RunningEdge, line: PhoneLine, call: str) -> None:
    await running.event(ReplySpoken, turn=0, call=call)
    line.say(tone(0.4))
    await running.event(ReplySpoken, turn=1, call=call)


async def call_of(running: RunningEdge, **fields: Any) -> CallStarted:
    return await running.event(CallStarted, **fields)


async def test_two_apps_answer_two_numbers_at_once(bus: TestBus, settings: Settings) -> None:
    lines = Lines({"+15550100": BANK, "+1 (555) 020-0": CLINIC})
    async with answering(bus, settings, lines, "hello", "hello") as running:

        async def call(number: str) -> None:
            async def talk(line: PhoneLine) -> None:
                await ask(running, line, (await call_of(running, to_number=number)).call)

            await running.call(talk, to_number=number, from_number=f"+1555{number[-4:]}000")

        await asyncio.gather(call("+15550100"), call("+15550200"))
    for number, app in (("+15550100", BANK), ("+15550200", CLINIC)):
        (started,) = [each for each in await bus.published(CallStarted) if each.to_number == number]
        assert (started.app, started.version, started.line) == (app.name, app.version, number)
        journal = await bus.published(None, started.call)
        replies = [event.text for event in journal if isinstance(event, ReplySpoken)]
        assert replies == [f"This is the {app.name}.", f"I am the {app.name}."]
        named = [event.app for event in journal if isinstance(event, PromptRequested)]
        assert set(named) == {app.name}
        assert {event.version for event in journal if isinstance(event, TurnCompleted | ReplySpoken)} == {app.version}


def teller(prompt: PromptRequested) -> Any:
    """The bank passes the caller on to the clinic; the clinic's agent says what it knows and may do."""
    if "bank" not in prompt.messages[0].content:
        notes = prompt.messages[1].content.rpartition("briefing: ")[2]
        return f"I know {notes} and may {' '.join(tool.name for tool in prompt.tools)}."
    if prompt.messages[-1].role == "tool":
        return "Good luck."
    return [tool_call("transfer_call", '{"to": "Clinic", "briefing": "Has a headache."}')]


@pytest.mark.integration
async def test_a_transfer_leads_to_another_app_in_the_same_call(bus: TestBus, settings: Settings) -> None:
    bank = office("bank", transfers=("clinic",))
    lines = Lines({"+15550100": bank, "+15550200": CLINIC})
    async with answering(bus, settings, lines, "my head hurts", "hello", decide=teller) as running:

        async def talk(line: PhoneLine) -> None:
            call = (await call_of(running)).call
            await ask(running, line, call)
            line.say(tone(0.4))
            await running.event(ReplySpoken, turn=2, call=call)

        await running.call(talk)
        ended = await running.event(CallEnded)
    journal = await bus.published(None, ended.call)
    (changed,) = [event for event in journal if isinstance(event, AppChanged)]
    assert (changed.app, changed.previous, changed.version, changed.agent) == ("clinic", "bank", CLINIC.version, "desk")
    assert changed.briefing == "Has a headache."
    assert [event.text for event in journal if isinstance(event, ReplySpoken)] == [
        "This is the bank.",
        "Good luck. This is the clinic.",
        'I know "Has a headache." and may end_call.',
    ]
    assert [event.voice for event in journal if isinstance(event, ReplyChunk)][:2] == ["bank", "clinic"]
    assert [event.app for event in journal if isinstance(event, PromptRequested)] == ["bank", "bank", "clinic"]
    assert ended.version == CLINIC.version
    record = history_of(journal).record
    assert (record.app, record.passed_to, record.line) == ("bank", "clinic", "+15550100")


async def talk_to_the_end(running: RunningEdge, **caller: Any) -> str:
    async def talk(line: PhoneLine) -> None:
        line.say(tone(0.4))
        await line.until(lambda: False, 60)

    return (await running.call(talk, **caller)).how


async def test_an_unknown_number_hears_a_phrase_and_reaches_nobody(bus: TestBus, settings: Settings) -> None:
    lines = Lines({"+15550100": BANK}, unknown="No such number.")
    async with answering(bus, settings, lines, "hello") as running:
        assert await talk_to_the_end(running, to_number="+15550999") == "agent_hung_up"
        assert running.edge.admission.unknown_lines == 1
    assert [(event.app, event.line) for event in await bus.published(CallStarted)] == [("", "")]
    assert [event.text for event in await bus.published(ReplySpoken)] == ["No such number."]
    assert not [event for event in await bus.published() if isinstance(event, AgentChanged | PromptRequested)]


def test_an_unknown_number_hears_a_phrase_in_the_language_of_the_first_app() -> None:
    spanish = office("banco", language="es")
    given = {"en": "No such number.", "es": "Ese número no existe."}
    dialled = Parties("c", "", to_number="+15550999")
    said = [edge_of(Lines({"+15550100": app}, unknown=given)).begin(dialled, 0.0).greeting for app in (BANK, spanish)]
    assert said == ["No such number.", "Ese número no existe."]
    ours = edge_of(Lines({"+15550100": spanish})).begin(dialled, 0.0).greeting
    assert ours == find_language("es").phrases.unknown_line
    portuguese = office("banco", language="pt")
    assert edge_of(Lines({"+15550100": portuguese}, unknown=given)).begin(dialled, 0.0).greeting.startswith("O número")


def test_a_person_who_is_rung_outside_the_hours_hears_why_in_the_language_of_the_line() -> None:
    lines = Lines({"*": Line(app=office("banco", language="es"), hours=NEVER, closed={"es": "+15550177"})})
    ending = edge_of(lines).begin(Parties("c", "", to_number="+15550100"), 0.0).ending
    assert ending == Transfer("+15550177", "La línea está cerrada.", language="es")


async def test_an_unknown_number_may_be_refused_as_busy(bus: TestBus, settings: Settings) -> None:
    async with answering(bus, settings, Lines({"+15550100": BANK}, unknown="")) as running:
        assert await talk_to_the_end(running, to_number="+15550999") == "refused"
        assert running.edge.admission.unknown_lines == 1
    assert not await bus.published()


async def test_outside_its_hours_a_line_says_so_and_no_agent_answers(bus: TestBus, settings: Settings) -> None:
    lines = Lines({"*": Line(app=BANK, hours=NEVER, closed="We are closed.")})
    async with answering(bus, settings, lines, "but I need you") as running:
        assert await talk_to_the_end(running) == "agent_hung_up"
    assert [event.text for event in await bus.published(ReplySpoken)] == ["We are closed."]
    assert [event.app for event in await bus.published(CallStarted)] == ["bank"]
    assert not await bus.published(UserTurnEnded)


async def test_outside_its_hours_a_line_may_ring_a_person(bus: TestBus, settings: Settings) -> None:
    lines = Lines({"*": Line(app=BANK, hours=NEVER, closed="+15550177")})
    async with answering(bus, settings, lines) as running:
        assert await talk_to_the_end(running) == "transferred"
    assert [event.target for event in await bus.published(CallTransferred)] == ["+15550177"]


def test_outside_its_hours_another_app_may_answer() -> None:
    edge = edge_of(Lines({"*": Line(app=BANK, greeting="Hello.", hours=NEVER, closed=CLINIC)}))
    script = edge.begin(Parties("c", "", to_number="+15550100"), 0.0)
    assert (script.app, script.version, script.greeting, script.ending) == (
        "clinic", CLINIC.version, "This is the clinic.", None,
    )  # fmt: skip


async def test_a_line_has_its_own_greeting_and_consent_and_keeps_no_audio(bus: TestBus, settings: Settings) -> None:
    lines = Lines({"*": Line(app=BANK, greeting="Good morning.", consent="", hours=ALWAYS, recording=False)})
    async with answering(bus, settings, lines, recording_consent="This call is recorded.") as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            line.end()

        await running.call(talk)
        await running.event(CallEnded)
    assert [event.text for event in await bus.published(ReplySpoken)] == ["Good morning."]
    assert not await bus.published(AudioChunk)


async def test_a_line_takes_no_more_calls_than_it_may(bus: TestBus, settings: Settings) -> None:
    lines = Lines({"+15550100": Line(app=BANK, max_calls=1), "*": Line(app=CLINIC, calls_per_minute=1)})
    async with answering(bus, settings, lines) as running:
        began: list[str] = []

        async def talk(_: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            began.append((await running.call(_end, from_number="+15550002")).how)  # the bank's only call is running
            began.extend([(await running.call(_end, to_number="+15550300")).how for _ in range(3)])

        async def _end(line: PhoneLine) -> None:
            line.end()

        await running.call(talk)
        await running.event(CallEnded)
    busy, *of_the_minute = began
    assert busy == "refused"
    # three calls are in two minutes at most, one of which has two of them
    assert 1 <= of_the_minute.count("refused") <= 2


@pytest.mark.integration
async def test_an_app_that_is_reloaded_changes_no_call_of_another(bus: TestBus, settings: Settings) -> None:
    lines = Lines({"+15550100": BANK, "+15550200": CLINIC})
    changed = Lines({"+15550100": replace(BANK, greeting="This is the new bank."), "+15550200": CLINIC})
    async with answering(bus, settings, lines, "hello", "hello") as running:

        async def talk(line: PhoneLine) -> None:
            call = (await call_of(running, app="clinic")).call
            await running.event(ReplySpoken, turn=0, call=call)
            await running.edge.use_app(edge_lines(changed))
            await running.call(greeted, to_number="+15550100", from_number="+15550002")
            await ask(running, line, call)

        async def greeted(_: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0, call=(await call_of(running, app="bank")).call)

        await running.call(talk, to_number="+15550200")
    replies = await bus.published(ReplySpoken)
    assert {event.text: event.version for event in replies} == {
        "This is the clinic.": CLINIC.version,
        "This is the new bank.": changed.apps[0].version,
        "I am the clinic.": CLINIC.version,
    }


def edge_of(lines: Lines, splits: Mapping[str, Shares] | None = None, **settings: Any) -> Answering:
    return Answering(Settings(**settings), edge_lines(lines).apps, lines.plan, lambda: splits or {})


def test_another_edge_goes_on_with_the_app_that_has_the_call() -> None:
    line = Line(app=BANK, consent="Recorded.", recording=False)
    edge = edge_of(Lines({"+15550100": line, "+15550200": CLINIC}))
    parties = Parties("c", "p", to_number="+15550200")  # whatever the carrier says by now
    passed_on = ResumeState(started_at=1.0, app="clinic", version=CLINIC.version, line="+15550100")
    script = edge.resume(passed_on, parties)
    assert (script.app, script.line, script.consent, script.recording) == ("clinic", "+15550100", "Recorded.", False)
    older = ResumeState(started_at=1.0, app="bank", version="of another day", line="+15550100")
    assert edge.resume(older, parties).version == BANK.version
    assert edge.resume(ResumeState(), parties).app == "clinic"
    assert edge_of(Lines.of(BANK)).resume(older, parties).app == "bank"


def test_who_is_called_from_an_unknown_number_hears_nothing_of_it() -> None:
    edge = edge_of(Lines({"+15550100": BANK}))
    script = edge.begin(Parties("c", "", from_number="+15550999", to_number="+15550001", direction="outbound"), 0.0)
    assert (script.app, script.first_words, script.ending) == ("", "", HangUp())


def test_a_robot_hears_the_introduction_of_the_line_that_calls() -> None:
    shop = replace(BANK, introduction="The bank.")
    own = {"+15550100": Line(app=shop, introduction="Your branch in the high street."), "*": shop}
    edge, parties = edge_of(Lines(own)), Parties("c", "", from_number="+15550100", direction="outbound")
    assert edge.begin(parties, 0.0).introduction == "Your branch in the high street."
    assert (
        edge.resume(ResumeState(app="bank", line="+15550100"), parties).introduction
        == "Your branch in the high street."
    )
    assert edge.begin(replace(parties, from_number="+15550200"), 0.0).introduction == "The bank."


def test_hours_do_not_limit_the_calls_that_the_system_places() -> None:
    edge = edge_of(Lines({"*": Line(app=BANK, hours=NEVER)}))
    parties = Parties("c", "", from_number="+15550100", to_number="+15550001", direction="outbound")
    assert edge.begin(parties, 0.0).ending is None
    assert edge.begin(replace(parties, direction="inbound"), 0.0).ending == HangUp()


NEW = replace(BANK, apology="Pardon?")


@pytest.mark.parametrize("by_caller", [False, True])
def test_a_share_of_the_calls_reaches_each_version_and_workers_find_the_same_as_edges(by_caller: bool) -> None:
    lines = Lines({"*": Line(versions={BANK: 90, NEW: 10}, by_caller=by_caller)})
    edge = edge_of(lines)
    versions: list[str] = []
    for number in range(1000):
        call, caller = ("c", f"+1555{number:07d}") if by_caller else (f"c{number}", "+15550001")
        versions.append(edge.begin(Parties(call, "", from_number=caller), 0.0).version)
        app = lines.answering(CallStarted(call=call, from_number=caller, line="*"))
        assert app is not None
        assert app.version == versions[-1]
    assert 0.87 < versions.count(BANK.version) / len(versions) < 0.93


def test_a_caller_keeps_their_version_only_where_the_line_says_so() -> None:
    for by_caller, reached in ((False, 2), (True, 1)):
        edge = edge_of(Lines({"*": Line(versions={BANK: 50, NEW: 50}, by_caller=by_caller)}))
        calls = [edge.begin(Parties(f"c{call}", "", from_number="+15550001"), 0.0).version for call in range(50)]
        assert len(set(calls)) == reached
    withheld = [edge.begin(Parties(f"c{call}", ""), 0.0).version for call in range(50)]
    assert set(withheld) == {BANK.version, NEW.version}


def test_a_split_holds_in_place_of_the_shares_in_the_code() -> None:
    lines = Lines({"*": Line(versions={BANK: 100, NEW: 0})})
    old, new = (version_name(app_id(app)) for app in (BANK, NEW))

    def reached(shares: Shares) -> set[str]:
        edge = edge_of(lines, {"*": shares, "+15550100": {old: 100}})
        return {edge.begin(Parties(f"c{call}", ""), 0.0).version for call in range(50)}

    assert reached({}) == {BANK.version}
    assert reached({new: 100}) == {NEW.version}
    assert reached({old: 50, new: 50}) == {BANK.version, NEW.version}
    # a release of the platform changes no name, and of what is not here the code decides
    assert reached({new: 20, "bank+000000000000": 80}) == {NEW.version}
    assert reached({"bank+000000000000": 100}) == {BANK.version}


def test_an_edge_names_the_lines_that_versions_share_and_one_for_each_other_app() -> None:
    shared = Line(versions={BANK: 90, NEW: 10})
    lines = Lines({"+15550100": shared, "+15550101": shared, "+15550102": CLINIC, "web": CLINIC})
    assert list(edge_of(lines).versions) == ["+15550100", "+15550101", "+15550102"]
    assert edge_of(lines).versions["+15550101"] == {version_name(app_id(BANK)): 90, version_name(app_id(NEW)): 10}
    assert edge_of(Lines.of(BANK)).versions == {"*": {version_name(app_id(BANK)): 1}}


def test_a_caller_who_is_passed_on_reaches_the_versions_that_a_split_names() -> None:
    lines = Lines({"+15550100": CLINIC, "*": Line(versions={BANK: 100, NEW: 0})})
    split = {"*": {version_name(app_id(NEW)): 100.0}}
    for splits, app in (({}, BANK), (split, NEW)):
        found = lines.transfer_target("bank", CLINIC, call="c", splits=splits)
        assert found is not None
        assert found[0] is app


@pytest.mark.integration
async def test_a_split_is_in_force_for_the_next_call_and_a_call_that_runs_keeps_its_version(
    bus: TestBus, settings: Settings
) -> None:
    lines = Lines({"*": Line(versions={BANK: 100, NEW: 0})})
    async with answering(bus, settings, lines, *["hello"] * 4) as running:

        async def version(caller: str, during: Awaitable[Any] | None = None) -> str:
            async def talk(line: PhoneLine) -> None:
                call = (await call_of(running, from_number=caller)).call
                await ask(running, line, call)
                if during is not None:
                    await during
                    line.say(tone(0.4))
                    await running.event(ReplySpoken, turn=2, call=call)

            await running.call(talk, from_number=caller)
            started = await call_of(running, from_number=caller)
            journal = await bus.published(None, started.call)
            assert {each.version for each in journal if isinstance(each, TurnCompleted | ReplySpoken)} == {
                started.version
            }
            return started.version

        assert await version("+15550001") == BANK.version
        await promote(bus.bus, "", version_name(app_id(NEW)), by="ann")
        assert await version("+15550002", during=roll_back(bus.bus, "", by="ann")) == NEW.version
        assert await version("+15550003") == BANK.version


def test_a_call_keeps_its_version_when_the_code_of_both_has_changed() -> None:
    lines = Lines({"*": Line(versions={BANK: 50, replace(BANK, apology="Pardon?"): 50})})
    later = Lines({"*": Line(versions={replace(BANK, holding="Hm."): 50, replace(BANK, apology="What?"): 50})})
    for number in range(50):
        started = CallStarted(call=f"c{number}", line="*")
        app = lines.answering(started)
        assert app is not None
        found = later.find("bank", app.version, line="*", call=started.call)
        assert found is not None
        assert later.apps.index(found) == lines.apps.index(app)


@pytest.mark.parametrize(
    ("party", "line"),
    [
        ({"to_number": "+15550100"}, "+15550100"),
        ({"to_number": "sip:help@10.0.0.1:5060;transport=tcp"}, "sip:help"),
        ({"to_number": "SIP:+15550100@trunk.example.com"}, "+15550100"),
        ({"to_number": "web"}, "web"),
        ({"to_number": "+15550777", "from_number": "+15550100", "direction": "outbound"}, "+15550100"),
        ({"to_number": "+15550777", "from_number": "+15550888", "direction": "outbound", "line": "web"}, "web"),
        ({"to_number": "+\u0661\u0665\u0665\u0665\u0660\u0661\u0660\u0660"}, ""),
        ({"to_number": "+15550100\n"}, "+15550100"),
        ({"to_number": "sip:help@[::1]:5060"}, "sip:help"),
        ({"to_number": "sip:@"}, ""),
        ({"to_number": "x" * 100_000}, ""),
        ({"to_number": ""}, ""),
    ],
)
def test_what_was_dialled_is_found_however_it_is_written(party: dict[str, str], line: str) -> None:
    lines = Lines({"+1 555 0100": BANK, "sip:Help": CLINIC, "Web": CLINIC})
    parties = Parties("c", "", **party)  # type: ignore[arg-type]
    assert Answering(Settings(), edge_lines(lines).apps, lines.plan).line_of(parties) == line


@pytest.mark.parametrize(
    ("dialled", "line"),
    [
        ("15550001234", "+15550001234"), ("00 1 555 000-1234", "+15550001234"), ("tel:+1-555-000-1234", "+15550001234"),
        ("sip:15550001234@10.0.0.1", "+15550001234"), ("sip:0015550001234@trunk.example.com", "+15550001234"),
        ("sip:15550005678@10.0.0.1", "sip:15550005678"),
        ("sip:15550005678@pbx.example.com", "sip:15550005678@pbx.example.com"),
        ("sip:+15550005678@10.0.0.1", "+15550005678"),
        ("5550001234", "*"), ("015550001234", "*"), ("00015550001234", "*"), ("115550001234", "*"),
        ("hotel:+15550001234", "*"),
    ],
)  # fmt: skip
def test_a_number_whose_plus_a_trunk_leaves_out_is_found_only_after_a_name_that_is_written_like_it(
    dialled: str, line: str
) -> None:
    at_pbx, elsewhere = "sip:15550005678@pbx.example.com", "sip:15550005678"
    lines = Lines({"+15550001234": BANK, at_pbx: BANK, elsewhere: CLINIC, "+15550005678": BANK, "*": CLINIC})
    assert lines.plan is not None
    assert lines.plan.find(dialled) == line
