import pytest

from orchestra.agents import Agent, App
from orchestra.agents.router import Router
from orchestra.demo import app as demo
from orchestra.demo.scripts import SCRIPTS


@pytest.mark.parametrize(
    ("current", "words", "agent"),
    [
        ("reception", "Hello, where is my parcel?", "tracking"),
        ("reception", "Excuse me. Where is my parcel? The number is four two seven one.", "tracking"),
        ("tracking", "Please deliver it again.", "redelivery"),
        ("reception", "your driver was very rude to me", "complaints"),
        ("complaints", "Where is my parcel?", "tracking"),
    ],
)
def test_words_that_name_another_agents_subject_move_the_call(current: str, words: str, agent: str) -> None:
    assert Router(demo).route(words, current) == agent


@pytest.mark.parametrize("agent", [agent.name for agent in demo.agents])
@pytest.mark.parametrize(
    "words", ["", "Yes, please.", "four two seven one", "On Friday.", "good bye", "ok", "Say that again?"]
)
def test_words_that_name_no_subject_leave_the_call_where_it_is(agent: str, words: str) -> None:
    assert Router(demo).route(words, agent) == agent


def test_the_demos_callers_reach_the_right_agent() -> None:
    router = Router(demo)
    for script in SCRIPTS.values():
        current = demo.entry
        for line in script.lines:
            chosen = router.route(line.text, current)
            assert line.agent in {"", chosen}, line.text
            current = chosen


def test_an_app_of_one_agent_has_nowhere_to_go() -> None:
    alone = App(name="one", agents=(Agent(name="only", about="everything", prompt="You."),), entry="only")
    assert Router(alone).route("everything about everything", "only") == "only"
