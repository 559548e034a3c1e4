"""MCP servers as they are: pages, odd names and schemas, answers of every kind, deaths, floods and silence."""

import asyncio
import base64
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from orchestra import Agent, App, mcp_tools, tool
from orchestra.agents import Tool, ToolContext
from orchestra.agents.loader import check_app
from orchestra.agents.mcp import connection
from orchestra.agents.mcp.schemas import accepted_names, accepted_parameters
from orchestra.errors import AppError, ToolFailed
from tests.servers.mcp_odd import NAMES

CONTEXT = ToolContext(call="07-x", turn=1, idempotency_key="key-1")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def odd(mode: str, *more: str) -> tuple[str, ...]:
    return (sys.executable, "-S", str(Path(__file__).parents[1] / "servers" / "mcp_odd.py"), mode, *more)


async def tools_of(mode: str, *more: str, **options: Any) -> tuple[Tool, ...]:
    """The tools of a server of this test alone."""
    env = {"DATA": os.environ["ORCHESTRA_DATA_DIR"], **options.pop("env", {})}
    return await asyncio.to_thread(mcp_tools, odd(mode, *more), env=env, **options)


@pytest_asyncio.fixture
async def result_text() -> AsyncIterator[Tool]:
    (tool,) = await tools_of("plain")
    yield tool
    await close(tool)


async def close(tool: Tool) -> None:
    assert tool.source is not None
    await tool.source.close()


async def ask(tool: Tool, **arguments: Any) -> str:
    """What a tool answers, as execution has it run."""
    if (ready := tool.ready()) is not None:
        await ready
    async with asyncio.timeout(30):
        return await tool.run(json.dumps(arguments), CONTEXT)


def app_of(*tools: Tool) -> App:
    return App(name="lab", agents=(Agent(name="lab", about="it", prompt="You help.", tools=tools),), entry="lab")


async def test_all_pages_of_a_list_are_taken() -> None:
    assert [each.name for each in await tools_of("pages")] == [f"tool_{page}_{n}" for page in range(5) for n in (0, 1)]


@pytest.mark.parametrize(("mode", "tools"), [("endless", 100), ("round", 1), ("crowd", 128)])
async def test_a_list_that_never_ends_is_cut(mode: str, tools: int) -> None:
    assert len(await tools_of(mode)) == tools


async def test_chat_endpoints_accept_the_names_and_schemas(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    tools = await tools_of("names", str(calls))
    assert len({each.name for each in tools}) == len(tools) == len(NAMES)
    assert all(NAME.match(each.name) for each in tools)
    for each in tools:
        _check_schema(each.parameters)
    check_app(app_of(*tools), "lab:app")
    by_name = {each.name for each in tools}
    assert {"files_read", "a_b", "get_lab_docs", "mcp_end_call", "mcp_transfer_to_billing", "mcp_7up"} <= by_name
    for each in tools:
        await ask(each, **dict.fromkeys(each.parameters.get("required", ()), "x"))
    made = [json.loads(line)["name"] for line in calls.read_text("utf-8").splitlines()]
    assert sorted(made) == sorted(NAMES)  # each is called by the name that its server knows
    await close(tools[0])


def _check_schema(schema: Any) -> None:
    """As strict endpoints check it: an object with properties, whole, without booleans for schemas."""
    assert schema["type"] == "object"
    assert isinstance(schema["properties"], dict)
    assert set(schema.get("required", [])) <= set(schema["properties"])
    assert not {"anyOf", "oneOf", "allOf", "enum", "not", "$defs", "$schema"} & set(schema)
    text = json.dumps(schema)
    assert "$ref" not in text
    assert len(text) < 50_000
    assert all(isinstance(inner, dict) for inner in schema["properties"].values())


def test_names_do_not_depend_on_the_order_of_the_list() -> None:
    assert accepted_names(["a.b", "a_b", "a-b"]) == accepted_names(["a-b", "a_b", "a.b"])
    assert accepted_names(["a.b", "a_b"])["a_b"] == "a_b"
    assert accepted_names(["get docs"], prefix="lab-") == {"get docs": "lab_get_docs"}


@pytest.mark.parametrize(
    ("schema", "parameters"),
    [
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"properties": {"x": True}}, {"type": "object", "properties": {"x": {}}}),
        (
            {
                "properties": {"a/b": {"$ref": "#/definitions/a~1b", "title": "T"}},
                "definitions": {"a/b": {"minLength": 1}},
            },
            {"type": "object", "properties": {"a/b": {"minLength": 1, "title": "T"}}},
        ),
        (
            {
                "allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}}],
                "required": ["b", "c"],
            },
            {"type": "object", "properties": {"b": {}, "a": {}}, "required": ["b", "a"]},
        ),
        ({"$ref": "#"}, {"type": "object", "properties": {}}),
        ({"properties": {"$ref": {"type": "string"}}}, {"type": "object", "properties": {"$ref": {"type": "string"}}}),
        (None, {"type": "object", "properties": {}}),
    ],
)
def test_a_schema_is_completed(schema: Any, parameters: dict[str, Any]) -> None:
    assert accepted_parameters(schema) == parameters


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text", "one\ntwo"),
        ("structured", '{"price":4.5,"open":null}'),
        ("both", '{"price": 4.5}'),
        ("summary", 'It is cheap.\n{"price":4.5}'),
        ("wrapped", "it"),
        ("list", "a\nb"),
        ("array", '{"result":[1,2]}'),
        ("resource", "what stands in it"),
        ("blob", "(file of type application/pdf that cannot be shown here, file:///a.pdf)"),
        ("link", "(a link to 'Our terms': what holds, https://a.example/t)"),
        ("image", "(image of type image/png that cannot be shown here)"),
        ("audio", "(audio of type audio/wav that cannot be shown here)\nso"),
        ("video", "(a video that cannot be shown here)\nso"),
        ("odd", "plain" + "\n(a part that cannot be shown here)" * 2 + "\n(a text that cannot be shown here)"
                "\n(a image that cannot be shown here)\n(a resource that cannot be shown here)"),
        ("none", "It is done; the tool has said nothing."),
        ("null", "It is done; the tool has said nothing."),
        ("garbage", "plain: garbage"),
    ],
)  # fmt: skip
async def test_every_kind_of_result_becomes_text(result_text: Tool, kind: str, text: str) -> None:
    assert await ask(result_text, kind=kind) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [("error", "there is no such parcel"), ("mute error", "told failed."), ("nothing", "cannot be read")],
)
async def test_every_form_of_a_servers_failure_is_recognized(result_text: Tool, kind: str, text: str) -> None:
    with pytest.raises(ToolFailed, match=text):
        await ask(result_text, kind=kind)


async def test_a_servers_error_is_passed_on_without_characters_that_no_event_can_carry() -> None:
    command = [sys.executable, "-m", "tests.fuzz.mcp_server"]
    tools = await asyncio.to_thread(mcp_tools, command, env={"PYTHONPATH": str(Path(__file__).parents[2])})
    (tool,) = [each for each in tools if each.name == "told"]
    error = json.dumps(
        {"jsonrpc": "2.0", "id": "@id", "error": {"code": -32602, "message": "no\ud800\0 " + "x" * 30_000}}
    )
    raw = base64.b64encode(error.replace('"@id"', "@id").encode()).decode()
    with pytest.raises(ToolFailed, match=r"^no\ufffd x") as raised:
        await tool.run(json.dumps({"raw": raw}), CONTEXT)
    assert len(str(raised.value)) < 20_001
    assert tool.source is not None
    await tool.source.close()


@pytest.mark.parametrize("kind", ["large", "many"])
async def test_a_gigantic_answer_is_cut(result_text: Tool, kind: str) -> None:
    assert len(await ask(result_text, kind=kind)) == 20_000


@pytest.mark.parametrize("kind", ["die", "flood", "chatter"])
async def test_a_server_that_goes_mad_in_a_call_is_started_again_for_the_next(result_text: Tool, kind: str) -> None:
    assert await ask(result_text) == "one\ntwo"
    with pytest.raises(ToolFailed, match="its outcome is not known"):
        await ask(result_text, kind=kind)
    assert await ask(result_text) == "one\ntwo"


async def test_a_server_that_dies_between_two_calls_costs_neither(result_text: Tool, tmp_path: Path) -> None:
    (tool,) = await tools_of("plain", str(tmp_path / "calls"))
    for _ in range(3):
        assert await ask(tool) == "one\ntwo"
        opened = tool.source.server._connection  # type: ignore[union-attr]
        opened._end()
    assert len((tmp_path / "calls").read_text().splitlines()) == 3
    await close(tool)


async def test_a_server_that_hangs_is_started_again_after_three_calls(result_text: Tool) -> None:
    assert await ask(result_text) == "one\ntwo"
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(result_text, kind="mute"), 0.2)
    assert await ask(result_text) == "one\ntwo"


async def test_output_of_a_server_that_is_not_a_message_is_ignored() -> None:
    (tool,) = await tools_of("chatty")
    assert await ask(tool) == "one\ntwo"
    await close(tool)


async def test_tools_that_come_while_the_app_runs_are_the_agents_tools_too(result_text: Tool) -> None:
    app = app_of(result_text)
    assert "new_one" not in app.tools
    await ask(result_text, kind="add", name="new.one")
    async with asyncio.timeout(20):
        while "new_one" not in app.tools:  # noqa: ASYNC110 - other processes look as often as they need it, too
            await asyncio.sleep(0.02)
    assert [tool.name for tool in app.tools_of(app.agents[0])] == ["told", "new_one", "end_call"]
    assert app.tools["told"] is result_text
    assert await ask(app.tools["new_one"]) == "one\ntwo"


async def test_a_tool_that_comes_later_under_the_name_of_another_is_left_out(result_text: Tool) -> None:
    @tool(name="new_one")
    def own() -> str:
        """Do it here."""
        return "own"

    app = app_of(result_text, own)
    revision = app.revision
    await ask(result_text, kind="add", name="new.one")
    await ask(result_text, kind="add", name="other")
    async with asyncio.timeout(20):
        while "other" not in app.tools:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert app.revision > revision
    assert [each.name for each in app.tools_of(app.agents[0])] == ["told", "other", "new_one", "end_call"]
    assert app.tools["new_one"] is own


async def test_a_server_that_never_answers_costs_its_own_tools_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.agents.mcp.server._UNKNOWN_S", 0.3)
    monkeypatch.setattr("orchestra.agents.mcp.server._PATIENCE_S", 0.3)
    with structlog.testing.capture_logs() as log:
        tools = await tools_of("mute")
    assert [entry["problem"] for entry in log if entry["event"] == "mcp.away"] == ["it has not answered within 0.3 s"]
    check_app(app_of(*tools), "lab:app")
    with pytest.raises(ToolFailed, match="These tools are away right now"):
        await ask(tools[0])


async def test_the_same_server_in_two_agents_is_one() -> None:
    first, second = await tools_of("plain"), await tools_of("plain", only=["told"])
    assert first[0] is second[0]
    other = await tools_of("plain", needs_confirmation=True)
    assert other[0] is not first[0]


async def test_a_tool_that_a_server_has_under_another_name_can_be_chosen_by_both() -> None:
    for name in ("get-lab-docs", "get_lab_docs"):
        assert [tool.name for tool in await tools_of("names", only=[name])] == ["get_lab_docs"]
    with pytest.raises(AppError, match="has no tool 'fly': choose among told"):
        await tools_of("plain", only=["fly"])


async def test_a_command_finds_the_variables_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TOKEN", "s3cret")
    with pytest.raises(AppError, match="env TOKEN needs the environment variable NO_TOKEN: set it"):
        await tools_of("plain", env={"TOKEN": "${NO_TOKEN}"})
    tools = await tools_of("plain", env={"TOKEN": "Bearer ${LAB_TOKEN}"})
    address = tools[0].source.server._address  # type: ignore[union-attr]
    assert address.environment["TOKEN"] == "Bearer s3cret"
    assert "s3cret" not in repr(address)


async def test_a_server_is_shown_without_its_secrets() -> None:
    for server in ("https://u:S3CRET@lab.example:8443/mcp?key=S3CRET", ("npx", "--key=S3CRET", "lab-server", "S3CRET")):
        name = connection.ServerAddress(server)
        from orchestra.agents.mcp.server import _name  # noqa: PLC0415

        assert "S3CRET" not in _name(name)


async def test_a_servers_hints_say_which_tools_may_be_repeated_and_which_may_run_for_nothing() -> None:
    tools = {tool.name: tool for tool in await tools_of("hints")}
    assert {name for name, tool in tools.items() if tool.idempotent} == {"reads", "sets"}
    assert {name for name, tool in tools.items() if tool.runs_early} == {"reads"}
    confirmed = {tool.name: tool for tool in await tools_of("hints", needs_confirmation=True)}
    assert not any(tool.runs_early for tool in confirmed.values())
