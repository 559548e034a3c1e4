"""What an event tells of its origin: package and app, the model that answered, the rules that stepped in."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestra import Agent, App, Endpointing, Knowledge, Sentence, ToolUse, rule, tool
from orchestra.testing import TestBus
from orchestra.version import package_version
from orchestra_schemas import PromptCompleted, PromptRequested, TurnCompleted, UserTurnEnded
from tests.agents.team import Line, Parcels, call_of, last, team

PRICES = {"parcel": 4}


def _cost() -> int:
    return PRICES["parcel"]


@tool
def price(what: str) -> str:
    """Tell a price."""
    return f"{what} costs {_cost()}"


@rule
def no_swearing(sentence: Sentence) -> str | None:
    return sentence.text.replace("damn", "very") if "damn" in sentence.text else None


@rule
def nothing_found(use: ToolUse) -> str | None:
    return "I may not look." if use.tool == "find_parcel" else None


def shop(folder: Path | None = None) -> App:
    return App(
        name="shop",
        agents=(Agent(name="clerk", about="sells", prompt="You sell.", tools=(price,), knowledge=folder is not None),),
        entry="clerk",
        rules=(no_swearing,),
        knowledge=None if folder is None else Knowledge(folder),
    )


def with_agent(**changed: object) -> App:
    app = shop()
    return replace(app, agents=(replace(app.agents[0], **changed),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        with_agent(prompt="You sell more."),
        with_agent(model="other"),
        with_agent(parameters={"temperature": 0.2}),
        with_agent(tools=()),
        replace(shop(), rules=()),
        replace(shop(), greeting="Hello."),
        replace(shop(), endpointing=Endpointing(patience="patient")),
        with_agent(endpointing=Endpointing(max_pause_s=1.0)),
    ],
    ids=["prompt", "model", "parameters", "tools", "rules", "greeting", "endpointing", "endpointing of an agent"],
)
def test_everything_that_decides_an_answer_is_part_of_the_version(changed: App) -> None:
    assert changed.version != shop().version


def test_a_constant_that_a_tools_helper_uses_is_in_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = shop().version
    monkeypatch.setitem(PRICES, "parcel", 5)
    assert shop().version != before


def test_a_changed_page_of_the_knowledge_is_another_version_but_a_moved_folder_is_not(tmp_path: Path) -> None:
    versions = []
    for folder, text in (("a", "Open at nine."), ("b", "Open at nine."), ("c", "Open at ten.")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "hours.md").write_text(f"# Hours\n{text}\n")
        versions.append(shop(tmp_path / folder).version)
    assert versions[0] == versions[1] != versions[2]


def test_another_process_finds_the_same_version() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", "from orchestra.demo import app; print(app.version)"],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    from orchestra.demo import app  # noqa: PLC0415

    assert found == {app.version}


async def test_every_event_carries_the_version_of_its_publisher(bus: TestBus) -> None:
    line = Line(bus, lambda _: "Your parcel is here.")
    async with line.running():
        await line.say("where is my parcel")
    found = {event.source: event.version for event in await bus.published(None, line.call)}
    version = team(Parcels()).version
    assert found == {"test": package_version(), "orchestration": version, "execution": version}
    assert version.startswith(f"{package_version()}+")


async def test_prompts_and_turns_name_the_model_its_parameters_and_the_rules_that_stepped_in(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        if last(prompt).startswith("user: find"):
            return [call_of("find_parcel", '{"number": "1"}')]
        return "A damn good day."

    app = team(Parcels(), rules=(no_swearing, nothing_found))
    app = replace(app, agents=tuple(replace(agent, parameters={"temperature": 0.1}) for agent in app.agents))
    line = Line(bus, decide, app=app)  # type: ignore[arg-type]
    async with line.running():
        await line.say("hello")
        await line.say("find my parcel, where is my parcel")
        answers = await line.events(PromptCompleted)
        turns = await line.events(TurnCompleted)
    assert (answers[0].model, answers[0].parameters, answers[0].rules) == (
        "scripted",
        {"temperature": 0.1},
        ("no_swearing",),
    )
    assert [turn.parameters for turn in turns] == [{"temperature": 0.1}, {"temperature": 0.1}]
    assert [(turn.model, turn.rules) for turn in turns] == [("scripted", ()), ("scripted", ("nothing_found",))]


async def test_a_publisher_puts_its_version_on_its_events(bus: TestBus) -> None:
    publisher = bus.bus.publisher("edge", version="0.1.0+0123456789ab")
    call = bus.call()
    assert publisher.publish(UserTurnEnded(call=call, text="")).version == "0.1.0+0123456789ab"
    await publisher.close()
