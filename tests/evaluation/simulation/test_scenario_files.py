"""Scenarios in YAML and Python: what is read, what is refused and where, and those made from recorded calls."""

from pathlib import Path

import pytest

from orchestra.errors import UsageError
from orchestra.evaluation.dataset import WantedTool
from orchestra.evaluation.simulation.disturbances import Disturbances
from orchestra.evaluation.simulation.from_recording import scenario_of
from orchestra.evaluation.simulation.scenario_files import load_scenarios, read_yaml, to_yaml
from orchestra.history.call import CallHistory
from orchestra.history.reduce import history_of
from orchestra_schemas import CallStarted, ReplyChunk, ToolCompleted, ToolRequested, UserTurnEnded
from orchestra_schemas.user import SECRET

FILE = Path("shop.yaml")
GOOD = """
scenarios:
  - name: redelivery
    goal: have it delivered again
    opening: Where is my parcel?
    facts: {parcel number: 0042, day: no}
    success: checks:booked
    tools:
      - end_call
      - {name: redeliver, arguments: {number: 0042}}
    disturbances: {corrections: [2], packet_loss: 0.1}
    max_turns: 5
"""


def test_yaml_is_read_as_it_is_written_and_its_functions_are_found_beside_it(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text("def booked(history, resources):\n    return 'never'\n")
    (scenario,) = read_yaml(GOOD.encode(), tmp_path / "shop.yaml")
    assert scenario.facts == {"parcel number": "0042", "day": "no"}
    assert scenario.wanted_tools[0] == WantedTool(name="end_call")
    assert scenario.wanted_tools[1] == WantedTool(name="redeliver", arguments={"number": "0042"})
    assert scenario.disturbances == Disturbances(corrections=(2,), packet_loss=0.1)
    assert scenario.max_turns == 5
    assert scenario.success is not None
    assert scenario.success(CallHistory(), None) == "never"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scenarios: [", "shop.yaml is no YAML"),
        ("- a", "shop.yaml: there are none: write the scenarios as a list below `scenarios:`"),
        ("scenarios: []", "there are none"),
        ("scenarios: [a]", "shop.yaml, scenario 1: Expected `object`, got `str`"),
        ("senarios: [a]\nscenarios: [{name: a}]", "'senarios' is unknown at the top"),
        ("scenarios: [{name: a}]", "shop.yaml, scenario a: Object missing required field `goal`"),
        ("scenarios: [{name: a, goal: b, persna: c}]", "Object contains unknown field `persna`"),
        ("scenarios: [{name: a, goal: b, max_turns: many}]", "Expected `int`, got `str` - at `$.max_turns`"),
        ("scenarios: [{name: a, goal: b}]", "nothing says what success is"),
        ("scenarios: [{name: a, goal: b, success: booked}]", "write it as module:function"),
        ("scenarios: [{name: a, goal: b, success: 'no_such_module:f'}]", "cannot be loaded: ModuleNotFoundError"),
        ("scenarios: [{name: a, goal: b, success: 're:nothing'}]", "re has no function 'nothing'"),
        ("scenarios: [{name: a, goal: b, words: [c], disturbances: {nois: hum}}]", "disturbances have no 'nois'"),
        ("scenarios: [{name: a, goal: b, words: [c], disturbances: {packet_loss: 7}}]", "packet_loss is 0 to 0.9"),
        ("&a [*a, *a]", "is no YAML: found unconstructable recursive node"),
    ],
)
def test_what_is_no_scenario_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_yaml(text.encode(), FILE)
    assert message in str(raised.value)


def test_files_are_found_in_folders_and_beside_the_app_and_no_name_is_there_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = "scenarios:\n  - {name: NAME, goal: b, words: [c]}\n"
    (tmp_path / "a.yaml").write_text(one.replace("NAME", "first"))
    (tmp_path / "b.py").write_text(
        "from orchestra import Scenario\nscenarios = [Scenario(name='second', goal='b', words=('c',))]"
    )
    assert [each.name for each in load_scenarios([tmp_path], "no:app")] == ["first", "second"]
    assert [each.name for each in load_scenarios([], "orchestra.demo:app")][:2] == ["opening-hours", "redelivery"]
    (tmp_path / "c.yml").write_text(one.replace("NAME", "first"))
    with pytest.raises(UsageError, match="two scenarios are named 'first'"):
        load_scenarios([tmp_path], "no:app")
    (tmp_path / "b.py").write_text("from orchestra import Scenario\nscenarios = [Scenario(name='x', goal='')]")
    with pytest.raises(UsageError, match=r"b\.py: scenario 'x': it has no goal"):
        load_scenarios([tmp_path / "b.py"], "no:app")
    (tmp_path / "b.py").write_text("import nothing_of_this_name")
    with pytest.raises(UsageError, match=r"b\.py cannot be loaded: ModuleNotFoundError"):
        load_scenarios([tmp_path / "b.py"], "no:app")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="there are no scenarios beside no:app"):
        load_scenarios([], "no:app")


def recorded(*said: str) -> CallHistory:
    """A call in which a parcel is found and delivered again, unless the caller says something else."""
    asked = ToolRequested(
        call="c", id="t", turn=2, agent="a", name="redeliver", arguments='{"number":"4271","pin":"99"}'
    )
    words = said or ("Deliver it again.", "The number is four two seven one.", f"My card is {SECRET}.")
    events = [
        CallStarted(call="c", greeting="Hello."),
        *(UserTurnEnded(call="c", turn=number, text=text) for number, text in enumerate(words, 1)),
        ReplyChunk(call="c", turn=1, agent="a", text="Gladly. Which parcel is it?"),
        asked,
        ToolCompleted(call="c", turn=2, request="t", name="redeliver", result="Done."),
        ReplyChunk(call="c", turn=2, agent="a", text="Done. Your card, please?"),
    ]
    return history_of(sorted(events, key=lambda event: event.turn))


def test_a_recorded_call_becomes_a_scenario_of_what_its_caller_wanted_said_and_knew() -> None:
    written = scenario_of(recorded())
    assert (written.opening, written.language) == ("Deliver it again.", "en")
    assert written.facts == {"number": "4271"}  # the pin they have not said
    assert written.answers == {"Which parcel is it": "The number is four two seven one."}
    assert SECRET not in to_yaml([written])
    (again,) = read_yaml(to_yaml([written]).encode(), FILE)
    assert again.wanted_tools == (WantedTool(name="redeliver", arguments={"number": "4271", "pin": "99"}),)
    with pytest.raises(UsageError, match="no words of the caller's"):
        scenario_of(history_of([CallStarted(call="c")]))
