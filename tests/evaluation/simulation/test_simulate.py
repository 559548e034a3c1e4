"""Simulated calls by text: the app's own agents and tools, a caller without a model, and what is true afterwards."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from orchestra import App, Disturbances, Line, Lines, NewCall, Scenario, Tool, collect_digits, tool
from orchestra.demo import app as demo
from orchestra.demo.parcels import Parcels
from orchestra.demo.scenarios import scenarios
from orchestra.demo.team import in_german
from orchestra.demo.tools import find_parcel
from orchestra.demo.tools import redeliver as working
from orchestra.errors import EngineError, UsageError
from orchestra.evaluation.sandbox import Candidate
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.persona import CallerTurn, Persona, Spoken
from orchestra.evaluation.simulation.rule_based_persona import RuleBasedPersona
from orchestra.evaluation.simulation.runs import HeldCall, SimulatedRun
from orchestra.evaluation.simulation.scoring import mean_pass_hat, score
from orchestra.evaluation.simulation.simulate import Opinion, Simulation, Simulator, failed_gates, simulate
from orchestra.evaluation.simulation.text_conversation import open_text_conversations
from orchestra.history.call import CallHistory
from orchestra.history.reduce import history_of
from orchestra.lines import AppId
from orchestra.settings import Settings

ParcelNumber = Annotated[str, msgspec.Meta(pattern=r"^\d{4}$", description="parcel number, four digits")]


@tool(name="redeliver", examples=working.examples)
def broken_redeliver(number: ParcelNumber, day: Literal["Thursday", "Friday", "Saturday"]) -> str:
    """Book a new delivery of a parcel on another day."""
    msg = f"the database is away: {number}, {day}"
    raise RuntimeError(msg)


def with_tools(name: str, agent: str, *tools: Tool) -> App:
    """The demo, one of whose agents has other tools."""
    agents = tuple(replace(each, tools=tools) if each.name == agent else each for each in demo.agents)
    return replace(demo, name=name, agents=agents)


class Script:
    """Says one line after the other, or fails, and then hangs up."""

    def __init__(self, *lines: str | CallerTurn | Exception) -> None:
        self.lines = list(lines)

    async def next(self, conversation: Sequence[Spoken]) -> CallerTurn:
        assert conversation
        line = self.lines.pop(0) if self.lines else CallerTurn(hang_up=True)
        if isinstance(line, Exception):
            raise line
        return CallerTurn(text=line) if isinstance(line, str) else line


def with_on_call() -> App:
    """The demo, which knows its callers."""
    app = replace(demo, name="known", greeting="Hello {name}, you have {tariff}.")

    @app.on_call
    def who_calls(call: NewCall) -> dict[str, str]:
        assert isinstance(call.resources, Parcels)
        return {"name": f"the caller from {call.from_number}"}

    return app


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    """What tools need that do not run."""
    yield


def fails(_: CallHistory, parcels: object) -> bool | str:
    """A check that is broken itself."""
    raise KeyError(parcels)


bilingual = replace(demo, name="bilingual", languages=("en", "es"))
HOURS, REDELIVERY, _ = scenarios
PLAIN = replace(HOURS, criterion="")
TRIED = (
    *scenarios,
    replace(REDELIVERY, name="broken", line="+15550002"),
    replace(PLAIN, name="words", words=("open at midnight",)),
    replace(PLAIN, name="tools", words=(), tools=("search_knowledge", "find_parcel")),
    replace(PLAIN, name="raises", words=(), success=fails),
    replace(PLAIN, name="nothing", words=(), success=lambda *_: None),  # type: ignore[arg-type, return-value]
    replace(PLAIN, name="fine", tools=("end_call",), success=lambda history, _: history.ended is not None),
    replace(PLAIN, name="agent"),
    replace(PLAIN, name="down"),
    replace(PLAIN, name="loops"),
    replace(PLAIN, name="lost", satisfied_by=("nobody says this",), words=("nobody says this",)),
    replace(PLAIN, name="talks", max_turns=2),
    replace(PLAIN, name="cut", disturbances=Disturbances(interruptions=(2,), interrupt_after_words=3)),
    replace(PLAIN, name="gone", disturbances=Disturbances(hang_up_after=1)),
    replace(PLAIN, name="silent", disturbances=Disturbances(silences=(2,), silence_s=130.0)),
    replace(PLAIN, name="known", line="+15550004", number="+15550777", variables={"tariff": "gold"}),
    replace(PLAIN, name="keys", line="+15550003", words=("Hill Street",)),
    *(replace(HOURS, name=word, criterion=word) for word in ("yes", "no", "undecided")),
)
CALLERS: dict[str, Persona] = {
    "agent": Script("How can I help you today?"),
    "down": Script("What are your opening hours?", EngineError("model m: HTTP 500")),
    "loops": Script(*["Are you open?", "Where is my parcel?", "Are you open?", "Does it cost anything?"] * 3),
    "talks": Script("What are your opening hours?", "And on Sundays?", "And at night?", "And tomorrow?"),
    "keys": Script("Where is my parcel?", "I would like to type it in.", CallerTurn(keys="4271#")),
}
OPINIONS = {"yes": Opinion(passed=True), "no": Opinion(passed=False, reason="rude", turns=(1,))}


async def judge(history: CallHistory, criterion: str) -> Opinion:
    assert history.ended
    return OPINIONS.get(criterion, Opinion(passed=None, reason="HTTP 500"))


async def simulated(tried: Sequence[Scenario], folder: Path, *, repeat: int = 1, seed: int = 1) -> Simulation:
    answer = Lines(
        {
            "*": demo,
            "+15550002": with_tools("broken", "redelivery", broken_redeliver),
            "+15550004": with_on_call(),
            "+15550003": with_tools("keypad", "tracking", find_parcel, collect_digits),
        }
    )
    candidate = Candidate(app=answer, settings=Settings(data_dir=folder, redis_url=None), tools="live")
    async with open_text_conversations(candidate) as conversation:
        simulator = Simulator(
            candidate=candidate,
            conversation=conversation,
            plays_caller=lambda scenario, _: CALLERS.get(scenario.name) or RuleBasedPersona(scenario),
            asks_judge=judge,
        )
        return await simulate(tried, simulator, repeat=repeat, seed=seed)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """Every scenario, simulated once and at the same time."""
    return asyncio.run(simulated(TRIED, tmp_path_factory.mktemp("simulated")))


def one(found: Simulation, name: str) -> SimulatedRun:
    return next(run for run in found.runs if run.scenario == name)


def test_the_scenarios_of_the_demo_pass_without_a_model(found: Simulation) -> None:
    assert [run.passed for run in found.runs[1:3]] == [True, True]
    corrected = one(found, "wrong-number-corrected")
    assert "no, sorry, 3692." in corrected.conversation[3].text
    assert corrected.ended == "agent_hung_up"


def test_a_broken_tool_fails_the_run_and_names_the_turn(found: Simulation) -> None:
    broken = one(found, "broken")
    assert broken.passed is False
    tool_failed = next(failure for failure in broken.failures if failure.what == "tool")
    assert tool_failed.reason.startswith("redeliver failed: ")
    assert {failure.turn for failure in broken.failures if failure.what == "success"} == {tool_failed.turn}
    assert broken.turns[tool_failed.turn - 1].tools


def test_what_a_scenario_wants_besides_is_checked_and_what_its_function_raises_is_no_success(found: Simulation) -> None:
    assert one(found, "words").failures[0].reason == "the agents never say 'open at midnight'"
    assert one(found, "tools").failures[0].reason.startswith("expected find_parcel(), got search_knowledge(")
    assert one(found, "raises").failures[0].reason.startswith("fails fails itself: KeyError")
    assert "returns None: return True, or why it is no success" in one(found, "nothing").failures[0].reason
    assert one(found, "fine").passed is True


def test_a_caller_who_leaves_the_role_makes_the_run_invalid_and_never_a_pass(found: Simulation) -> None:
    reasons = {name: one(found, name).invalid for name in ("agent", "down", "loops")}
    assert "plays the agent" in reasons["agent"]
    assert reasons["down"] == "nobody plays the caller: model m: HTTP 500"
    assert "again and again" in reasons["loops"]
    assert [one(found, name).passed for name in reasons] == [None] * 3
    assert "agent has no valid run" in failed_gates(found, 0.0)


def test_a_judge_decides_too_and_a_run_without_a_decision_does_not_count(found: Simulation) -> None:
    assert one(found, "yes").passed is True
    assert [(each.what, each.reason, each.turn) for each in one(found, "no").failures] == [("judge", "rude", 1)]
    assert one(found, "undecided").passed is None
    assert one(found, "undecided").invalid == "the judge has not decided: HTTP 500"


def test_a_caller_who_gets_nowhere_gives_up_and_one_who_goes_on_for_ever_has_no_turns_left(found: Simulation) -> None:
    lost, talks = one(found, "lost"), one(found, "talks")
    assert next(each.reason for each in lost.failures if each.what == "caller").startswith(
        "the caller hangs up without what they wanted: no use for 'We are open"
    )
    assert (talks.ended, talks.passed) == ("turn_limit", False)
    assert talks.failures[0].reason == "the caller has not got what they wanted within 2 turns"


def test_a_text_call_can_be_interrupted_hung_up_on_and_silent_and_keys_are_pressed(found: Simulation) -> None:
    assert one(found, "cut").conversation[2].text == "We are open"
    assert one(found, "cut").turns[0].interrupted
    assert (one(found, "gone").ended, len(one(found, "gone").turns)) == ("caller_hung_up", 1)
    assert one(found, "silent").ended == "silence"
    assert (one(found, "keys").passed, one(found, "keys").turns[-1].keys) == (True, "4271#")


def test_an_app_is_asked_who_calls(found: Simulation) -> None:
    assert one(found, "known").conversation[0].text == "Hello the caller from +15550777, you have gold."
    assert one(found, "known").passed is True


async def test_each_run_has_its_own_parcels_and_seed_and_what_cannot_be_opened_ends_the_simulation(
    tmp_path: Path,
) -> None:
    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        msg = "no database"
        raise OSError(msg)
        yield

    twice = await simulated([REDELIVERY], tmp_path, repeat=2, seed=7)
    assert [(run.seed, run.passed) for run in twice.runs] == [(7, True), (8, True)]
    assert twice.scores[0].pass_hat == (1.0, 1.0)
    assert failed_gates(twice, 1.0) == []
    with pytest.raises(ExceptionGroup) as raised:
        await simulated([replace(PLAIN, lifespan=away)], tmp_path)
    (error,) = raised.value.exceptions
    assert isinstance(error, UsageError)
    assert "cannot be opened: OSError: no database" in str(error)


def test_pass_hat_k_is_the_chance_of_k_passes_in_a_row() -> None:
    runs = [
        SimulatedRun(scenario="hours", seed=seed, passed=passed)
        for seed, passed in enumerate([True, True, False, None])
    ]
    scored = score(PLAIN, runs)
    assert (scored.valid, scored.passed, scored.invalid) == (3, 2, 1)
    assert scored.pass_hat == (2 / 3, 1 / 3, 0.0, None)
    assert (mean_pass_hat([scored], 2), mean_pass_hat([scored], 4), mean_pass_hat([], 1)) == (1 / 3, None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a b"}, "a scenario's name is 'a b'"),
        ({"goal": " "}, "has no goal"),
        ({"words": ()}, "nothing says what success is"),
        ({"words": "seven"}, "write a list of texts"),
        ({"facts": {"number": 4271}}, "write texts by name"),
        ({"tools": ({"nam": "x"},)}, "tools: Object contains unknown field `nam`"),
        ({"max_turns": 0}, "from 1 to 200"),
        ({"language": "klingon"}, "language"),
        ({"success": "yes"}, "success is str: write a function"),
        ({"disturbances": {"noise": "hum"}}, "write Disturbances"),
    ],
)
def test_a_scenario_that_cannot_be_played_is_refused_where_it_is_written(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"name": "hours", "goal": "know the hours", "words": ("seven",), **change}
    with pytest.raises(UsageError, match=re.escape(message)):
        Scenario(**given)


@pytest.mark.parametrize(
    ("answers", "line", "own", "spoken"),
    [
        (in_german, "", "", "de"),
        (in_german, "", "fr", "fr"),
        (Lines({"+15550100": Line(app=bilingual, language="es"), "*": bilingual}), "+15550100", "", "es"),
        (Lines({"*": Line(app=bilingual, language="es")}), "", "", "es"),
        (Lines({"+15550100": Line(app=bilingual, language="es"), "*": bilingual}), "", "", "en"),
    ],
)
async def test_a_caller_without_a_language_speaks_and_is_judged_in_that_of_the_call(
    tmp_path: Path, answers: App | Lines, line: str, own: str, spoken: str
) -> None:
    played = []

    def plays(scenario: Scenario, _: int) -> Persona:
        played.append(scenario.language)
        return Script()

    async def hold(caller: SimulatedCaller, _: Mapping[AppId, Any]) -> HeldCall:
        played.extend((caller.language, caller.scenario.language))
        return HeldCall(call="1", events=(), history=history_of(()))

    candidate = Candidate(app=answers, settings=Settings(data_dir=tmp_path, redis_url=None), tools="live")
    scenario = replace(PLAIN, line=line, language=own, lifespan=nothing)
    await Simulator(candidate=candidate, conversation=hold, plays_caller=plays).run(scenario, 1)
    assert played == [spoken] * 3
