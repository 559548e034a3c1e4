"""Lines as their author writes them: what fits together, and what is told about what does not."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestra import Agent, App, Hours, Line, Lines
from orchestra.agents.builtin import transfer_call
from orchestra.agents.loader import load_app, load_lines
from orchestra.errors import AppError, RejectedError
from orchestra_schemas import CallStarted


def office(name: str, *more: str, **options: Any) -> App:
    agents = tuple(Agent(name=agent, about=agent, prompt=f"You are {agent}.") for agent in ("desk", *more))
    return App(name=name, entry="desk", agents=agents, **options)


BANK, CLINIC = office("bank", "loans"), office("clinic", "nurse", greeting="Clinic.")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({}, "write Lines("),
        ({"15550100": BANK}, "'15550100' is not the name of a line: write a number with +"),
        ({"+0155501": BANK}, "write a number with + and its country's code"),
        (
            {"+15550100": BANK, "+1 (555) 01-00": CLINIC},
            "'+15550100' and '+1 (555) 01-00' are the same line, +15550100",
        ),
        ({"sip:help": BANK, "SIPS:Help;transport=tls": CLINIC}, "are the same line, sip:help: leave one out"),
        ({"\u0661\u0665\u0665\u0665\u0660\u0661\u0660\u0660": BANK}, "write a number with +"),
        ({"+1555\u0660100": BANK}, "write a number with +"),
        ({"sip:": BANK}, "write a SIP name as"),
        ({"h\u00e9lp": BANK}, "letters, digits and"),
        ({"a b": BANK}, "letters, digits and"),
        ({"": BANK}, "letters, digits and"),
        ({5550100: BANK}, "is 5550100, not text"),
        ({"web": "bank:app"}, "'web' is answered by str: write an App, or Line(app=…)"),
        ({"web": BANK, "*": office("bank", greeting="Other.")}, "two different apps are named 'bank'"),
    ],
)
def test_lines_that_do_not_fit_together_are_told(written: Any, problem: str) -> None:
    with pytest.raises(AppError) as told:
        Lines(written)
    assert problem in str(told.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "give app=…, or versions="),
        ({"app": BANK, "versions": {CLINIC: 1}}, "give app=…, or versions="),
        ({"versions": {BANK: 0, CLINIC: 0}}, "every share is 0"),
        ({"versions": {BANK: -1, CLINIC: 2}}, "the share of 'bank' is -1"),
        ({"versions": {BANK: float("nan")}}, "the share of 'bank' is nan"),
        ({"versions": {BANK: True}}, "the share of 'bank' is True"),
        ({"app": "bank"}, "str is not an orchestra.App"),
        ({"app": BANK, "hours": "9-5"}, "write hours=Hours("),
        ({"app": BANK, "max_calls": -1}, "max_calls is -1"),
        ({"app": BANK, "calls_per_minute": 1.5}, "calls_per_minute is 1.5"),
        ({"app": BANK, "greeting": 1}, "greeting is 1, not text"),
        ({"app": BANK, "closed": 3}, "closed is 3, not text"),
    ],
)
def test_a_line_that_cannot_be_answered_like_this_is_told(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(AppError) as told:
        Line(**options)
    assert problem in str(told.value)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("Mars/Olympus", {}), "'Mars/Olympus' is no time zone"),
        (("../etc/passwd", {}), "is no time zone"),
        (("UTC", {"someday": "9:00-17:00"}), "'someday' is no day"),
        (("UTC", {"mon-fri": "9-17"}), "'9-17' is no time of a day"),
        (("UTC", {"mon": "25:00-26:00"}), "is no time of a day"),
        (("UTC", {"mon": "9:00-9:00"}), "is no time of a day"),
        (("UTC", {"mon": "\u0669:00-17:00"}), "is no time of a day"),
        (("UTC", {"mon-wed": "9:00-17:00", "tue": ""}), "tue is in 'mon-wed' and in 'tue'"),
        (("UTC", {}, {"2026-02-30": ""}), "'2026-02-30' is no date"),
        (("UTC", {}, {"24.12.2026": ""}), "'24.12.2026' is no date"),
    ],
)
def test_hours_that_no_clock_shows_are_told(arguments: Any, problem: str) -> None:
    with pytest.raises(AppError) as told:
        Hours(*arguments)
    assert problem in str(told.value)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-06-01T09:00", True),  # a Monday
        ("2026-06-01T08:59", False),
        ("2026-06-01T12:30", False),
        ("2026-06-01T13:30", True),
        ("2026-06-01T17:00", False),
        ("2026-06-06T23:00", True),  # a Saturday, until two on Sunday
        ("2026-06-07T01:59", True),
        ("2026-06-07T02:00", False),
        ("2026-12-24T10:00", True),
        ("2026-12-24T13:00", False),
        ("2026-12-25T10:00", False),
        ("2026-03-29T03:30", False),  # the night in which the clocks go forward
    ],
)
def test_a_line_is_open_by_the_clock_of_its_zone(moment: str, is_open: bool) -> None:
    hours = Hours(
        "Europe/Berlin",
        {"mon-fri": "9:00-12:30, 13:30-17:00", "sat": "22:00-02:00"},
        {"2026-12-24": "9:00-12:00", "2026-12-25": ""},
    )
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert hours.is_open(at) is is_open


def test_a_journal_without_a_line_is_answered_by_what_was_dialled() -> None:
    lines = Lines({"+15550100": BANK, "*": CLINIC})
    assert lines.answering(CallStarted(call="c", to_number="+15550100")) is BANK
    assert lines.answering(CallStarted(call="c", to_number="+15550999")) is CLINIC
    assert lines.answering(CallStarted(call="c", to_number="+15550100", app="gone")) is BANK
    assert lines.answering(CallStarted(call="c", to_number="+15550100", app="clinic")) is CLINIC
    assert Lines({"+15550100": BANK}).answering(CallStarted(call="c", to_number="+15550999")) is None
    assert Lines.of(BANK).answering(CallStarted(call="c", app="another")) is BANK


def test_a_transfer_names_another_app_or_an_agent_of_one() -> None:
    lines = Lines({"+15550100": BANK, "web": CLINIC, "*": office("desk_only")})
    assert lines.transfer_target("clinic", BANK) == (CLINIC, CLINIC.team["desk"])
    assert lines.transfer_target("nurse", BANK) == (CLINIC, CLINIC.team["nurse"])
    assert lines.transfer_target("bank", BANK) is None
    assert lines.transfer_target("loans", BANK) is None
    assert lines.transfer_target("desk", BANK) is None  # of two other apps


def test_a_transfer_to_nobody_is_an_error_that_says_who_there_is() -> None:
    tool = office("bank", transfers=("clinic", "nurse"), transfer_target="+15550199").tools[transfer_call.name]
    assert tool.check('{"to": " Clinic"}') == {"to": "clinic", "briefing": ""}
    for wrong in ('{"to": "moon"}', "{}", '{"to": 3}', '{"to": ["clinic"]}'):
        with pytest.raises(RejectedError, match="choose one of person, clinic, nurse"):
            tool.check(wrong)


def test_lines_are_loaded_where_an_app_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "offices_of_two.py").write_text(
        "from orchestra import Agent, App, Lines\n"
        'desk = Agent(name="desk", about="all", prompt="Be brief.")\n'
        'bank = App(name="bank", entry="desk", agents=(desk,), transfers=("clinic",))\n'
        'clinic = App(name="clinic", entry="desk", agents=(desk,))\n'
        'lines = Lines({"+15550100": bank, "web": clinic})\n'
        'alone = Lines({"web": bank})\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert [app.name for app in load_lines("offices_of_two:lines").apps] == ["bank", "clinic"]
    assert load_lines("offices_of_two:clinic").plan is None
    with pytest.raises(AppError, match="these are lines, of the apps bank, clinic"):
        load_app("offices_of_two:lines")
    with pytest.raises(AppError, match="transfers to 'clinic', which is neither another app"):
        load_lines("offices_of_two:alone")
