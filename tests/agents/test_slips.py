"""The everyday slips of an author: one line that says what is wrong and how it is written."""

import sys
from pathlib import Path
from typing import Any

import pytest

from orchestra import Agent, App, Handoff, Knowledge, ToolUse, rule, tool
from orchestra.agents.loader import check_app, load_app
from orchestra.errors import AppError


@tool
def balance(account: str) -> str:
    """Say what lies on an account."""
    return account


def undecorated(account: str) -> str:
    """Say what lies on an account."""
    return account


@rule
def never(use: ToolUse) -> str | None:
    return None if use.tool else ""


def desk(**changed: Any) -> Agent:
    return Agent(**{"name": "desk", "about": "accounts", "prompt": "You answer for a bank.", **changed})


def bank(**changed: Any) -> App:
    return App(**{"name": "bank", "agents": (desk(),), "entry": "desk", **changed})


async def not_a_context() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tools": balance}, r"agent 'desk': tools is one Tool, not several: write tools=\(…,\) with the comma"),
        ({"tools": None}, "agent 'desk': tools is None, not a tuple: mark the function with @tool"),
        ({"tools": undecorated}, "agent 'desk': tools is function 'undecorated', not a tuple: mark the function"),
        ({"tools": (undecorated,)}, "tools has function 'undecorated' among them: mark the function with @tool"),
        ({"tools": [undecorated, balance]}, "tools has function 'undecorated' among them: mark the function"),
        ({"tools": (balance, (balance,))}, r"tools has a tuple among them: unpack it with a star, \*\(…\)"),
        ({"tools": {"balance": balance}}, "agent 'desk': tools is a dict, not a tuple"),
        ({"tools": "balance"}, "agent 'desk': tools is 'balance', not a tuple: mark the function with @tool"),
        ({"tools": ("balance",)}, "tools has 'balance' among them: mark the function with @tool"),
        ({"handoffs": "billing"}, r"handoffs is one str, not several: write handoffs=\('billing',\)"),
        ({"handoffs": (desk(),)}, r"handoffs has an Agent among them: name the other agents, as in handoffs="),
        ({"examples": "where is it"}, r"examples is one str, not several: write examples=\('where is it',\)"),
        ({"examples": (1,)}, "examples has 1 among them: write what callers say"),
        ({"prompt": None}, "agent 'desk': prompt is None, not text"),
        ({"about": ("accounts",)}, "agent 'desk': about is a tuple, not text"),
        ({"name": 7}, "an agent's name is 7, not text"),
        ({"parameters": ("temperature", 0.2)}, "agent 'desk': parameters is tuple: write them as"),
    ],
)
def test_an_agent_of_the_wrong_parts_is_refused_with_the_cure(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(AppError, match=said) as refused:
        desk(**changed)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"agents": desk()}, r"app 'bank': agents is one Agent, not several: write agents=\(…,\) with the comma"),
        ({"agents": (balance,)}, r"app 'bank': agents has a Tool among them: write agents=\(Agent\(…\), …\)"),
        ({"agents": {"desk": desk()}}, "app 'bank': agents is a dict, not a tuple"),
        ({"rules": never}, r"app 'bank': rules is one Rule, not several: write rules=\(…,\) with the comma"),
        ({"rules": (undecorated,)}, "rules has function 'undecorated' among them: mark the function with @rule"),
        ({"entry": desk()}, "app 'bank': entry is an Agent, not text"),
        ({"greeting": None}, "app 'bank': greeting is None, not text"),
        ({"transfer_target": 15550001}, "app 'bank': transfer_target is 15550001, not text"),
        ({"knowledge": "pages"}, r'app \'bank\': knowledge is str: write knowledge=Knowledge\("folder"\)'),
        ({"redact": ("AC[0-9]",)}, "app 'bank': redact is tuple: write redact="),
        ({"lifespan": not_a_context}, "app 'bank': lifespan is not a context manager: mark the function with"),
        ({"lifespan": "db"}, "app 'bank': lifespan is not a context manager"),
    ],
)
def test_an_app_of_the_wrong_parts_is_refused_with_the_cure(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(AppError, match=said) as refused:
        bank(**changed)
    assert "\n" not in str(refused.value)


def test_lists_are_as_good_as_tuples(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# Hours\nWe open at nine.", "utf-8")
    app = bank(agents=[desk(tools=[balance], examples=["my balance"])], rules=[never], knowledge=Knowledge(tmp_path))
    check_app(app, "bank:app")
    assert hash(app)
    assert app.tools["balance"] is balance


def test_an_annotation_that_is_nowhere_is_named_with_its_tool() -> None:
    def find(number: "Fop") -> str:  # type: ignore[name-defined]  # noqa: F821
        return str(number)

    with pytest.raises(AppError, match=r"tool find: an annotation cannot be resolved \(NameError: name 'Fop'"):
        tool(find)


def test_an_annotation_of_a_rule_that_is_nowhere_is_named() -> None:
    def check(step: "Hndoff") -> None:  # type: ignore[name-defined]  # noqa: F821
        del step

    with pytest.raises(AppError, match=r"rule check: an annotation cannot be resolved \(NameError: name 'Hndoff'"):
        rule(check)


def test_only_functions_can_be_tools_and_rules() -> None:
    def streaming(word: str) -> Any:
        yield word

    for what in ("balance", balance, Handoff, 7):
        with pytest.raises(AppError, match="@tool marks a function, not"):
            tool(what)  # type: ignore[call-overload]
    with pytest.raises(AppError, match="tool streaming: yields; a tool returns its result whole"):
        tool(streaming)
    with pytest.raises(AppError, match="tool f: timeout_s='5' is not a number of seconds"):
        tool(name="f", timeout_s="5")(undecorated)  # type: ignore[call-overload]
    with pytest.raises(AppError, match=r"tool f: examples is one str, not several: write examples=\('my balance',\)"):
        tool(name="f", examples="my balance")(undecorated)
    with pytest.raises(AppError, match="@rule marks a function, not Rule"):
        rule(never)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "import orchestra\napp = (",
            r"app 'slip:app' cannot be loaded: slip.py, line 2: SyntaxError: '\(",
        ),
        ("app = Ap()", "app 'slip:app' cannot be loaded: slip.py, line 1: NameError: name 'Ap' is not defined"),
        (
            "\nimport json\njson.loads('{')",
            "cannot be loaded: slip.py, line 3: JSONDecodeError: ",
        ),
        ("from orchestra import Appp", "cannot be loaded: slip.py, line 1: ImportError: cannot import name 'Appp'"),
        ("import nowhere", "there is no module 'nowhere'"),
        ("app = 1", "app 'slip:app': 'app' is int, not an orchestra.App"),
        ("from orchestra import Agent\napp = Agent(name='a', about='b', prompt='c', tools=5)", "agent 'a': tools is 5"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_named_with_the_line(
    written: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slip.py").write_text(written, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slip", raising=False)
    with pytest.raises(AppError, match=said) as refused:
        load_app("slip:app")
    assert "\n" not in str(refused.value)
