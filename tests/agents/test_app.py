import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from orchestra.agents import Agent, App, Sentence, ToolContext, load_app, rule, tool
from orchestra.agents.knowledge import Knowledge
from orchestra.agents.loader import check_app
from orchestra.errors import AppError

RECEPTION = Agent(name="reception", about="greets", prompt="You greet.", handoffs=("tracking",))
TRACKING = Agent(name="tracking", about="tracks", prompt="You track.")
APP = App(name="parcels", agents=(RECEPTION, TRACKING), entry="reception")


@tool
def find_parcel() -> str:
    """Find a parcel."""
    return ""


@tool(name="find_parcel")
def another() -> str:
    """Find another parcel."""
    return ""


@tool
def silent() -> str:
    return ""


@tool(timeout_s=90)
def slow() -> str:
    """Take your time."""
    return ""


def with_agent(**changes: object) -> App:
    return dataclasses.replace(APP, agents=(RECEPTION, dataclasses.replace(TRACKING, **changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("app", "complaint"),
    [
        (
            dataclasses.replace(APP, entry="desk"),
            "entry is 'desk', which is not an agent.*choose one of reception, tracking",
        ),
        (with_agent(handoffs=("desk",)), "'tracking' hands off to 'desk', which is not another agent.*reception"),
        (with_agent(handoffs=("tracking",)), "'tracking' hands off to 'tracking', which is not another agent"),
        (with_agent(name="reception"), "two agents are named 'reception'"),
        (with_agent(name="the desk"), "agent name 'the desk': use letters"),
        (with_agent(prompt=" "), "'tracking' has an empty prompt"),
        (with_agent(prompt=Path("/nowhere/prompt.txt")), "prompt file /nowhere/prompt.txt cannot be read"),
        (with_agent(knowledge=True), "'tracking' searches the knowledge, but the app has none"),
        (with_agent(tools=(find_parcel, another)), "has two tools named 'find_parcel'"),
        (with_agent(tools=(silent,)), "'silent' has no docstring"),
        (with_agent(tools=(slow,)), "'slow' has timeout_s=90: more than 0, at most 30"),
        (dataclasses.replace(APP, knowledge=Knowledge("/nowhere")), "/nowhere"),
    ],
)
def test_an_app_that_does_not_fit_together_is_refused_with_location_and_cure(app: App, complaint: str) -> None:
    with pytest.raises(AppError, match=complaint):
        check_app(app, "shop:app")


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("shop", "write it as module:attribute"),
        ("no_such_shop:app", "there is no module 'no_such_shop'"),
        ("tests.agents.test_app:RECEPTION", "'RECEPTION' is Agent, not an orchestra.App"),
        ("tests.agents.test_app:APPS", "'APPS' is NoneType, not an orchestra.App"),
    ],
)
def test_a_name_without_an_app_is_refused(place: str, complaint: str) -> None:
    with pytest.raises(AppError, match=complaint):
        load_app(place)


def test_an_app_is_loaded_by_its_name() -> None:
    assert load_app("orchestra.demo:app").entry == "reception"


def test_every_agent_may_end_the_call_and_transfer_it_where_there_is_somebody() -> None:
    with_person = dataclasses.replace(APP, transfer_target="+15550199")
    assert [each.name for each in APP.tools_of(RECEPTION)] == ["end_call"]
    assert [each.name for each in with_person.tools_of(RECEPTION)] == ["transfer_call", "end_call"]


@pytest.mark.parametrize("target", ["", "+15550199,,20"])
def test_whoever_joins_a_call_needs_a_number_without_an_extension(target: str) -> None:
    with pytest.raises(AppError, match="three_way needs a transfer_target without an extension"):
        dataclasses.replace(APP, transfer_target=target, three_way=True)


async def test_an_agent_with_knowledge_searches_it(tmp_path: Path) -> None:
    (tmp_path / "hours.md").write_text("# Opening hours\n\nWe open at nine.\n")
    agent = dataclasses.replace(RECEPTION, knowledge=True, handoffs=())
    app = dataclasses.replace(APP, agents=(agent,), knowledge=Knowledge(tmp_path))
    context = ToolContext(call="c", turn=1, idempotency_key="k")
    assert "We open at nine." in await app.tools["search_knowledge"](query="opening hours", context=context)
    assert "do not know" in await app.tools["search_knowledge"](query="elephants", context=context)


def test_a_prompt_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("You track parcels.\n")
    assert dataclasses.replace(TRACKING, prompt=tmp_path / "prompt.txt").instructions("en") == "You track parcels."


def test_a_rule_that_takes_something_else_is_refused() -> None:
    with pytest.raises(AppError, match="must take one argument annotated `Sentence`"):

        @rule
        def wrong(text: str) -> str:  # type: ignore[arg-type]
            return text


def test_a_rule_that_would_hold_up_the_reply_is_refused() -> None:
    with pytest.raises(AppError, match="is async"):

        @rule  # type: ignore[arg-type]
        async def slow_rule(sentence: Sentence) -> None:
            return None


def test_importing_orchestra_imports_nothing_else_of_it() -> None:
    code = "import orchestra, sys; print([name for name in sys.modules if name.startswith(('orchestra.', 'autogen'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
