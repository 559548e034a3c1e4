"""Whatever form an endpoint's answer has: the caller hears it once, the tool runs once, and nothing else is said."""

from typing import Any

import pytest

from orchestra.testing import TestBus
from orchestra_schemas import PromptCompleted, ReplyChunk, TurnCompleted
from tests.agents.test_openai_turn import RemoteLine
from tests.execution.test_model_faults import APOLOGY
from tests.servers.openai import OpenAIServer, Raw, Reply
from tests.servers.shapes import ANSWER, NUMBER, calls, fails, says

Dicts = list[dict[str, Any]]

SAYS, CALLS, FAILS = dict(says()), dict(calls()), {name: (raw, reason) for name, raw, reason in fails()}


async def turn(bus: TestBus, raw: Raw) -> RemoteLine:
    """A turn whose first answer comes in this form, and every one behind a tool's result in the usual one."""

    def respond(messages: Dicts, _: Dicts) -> Reply:
        return ANSWER if messages[-1]["role"] == "tool" else raw

    async with OpenAIServer(respond) as server:
        line = RemoteLine(bus, server, model_retries=0)
        async with line.running():
            await line.say("where is my parcel")
    return line


async def heard(line: RemoteLine) -> str:
    return " ".join(chunk.text for chunk in await line.events(ReplyChunk) if not chunk.filler)


@pytest.mark.parametrize("name", SAYS)
async def test_an_answer_in_any_form_is_said_once(bus: TestBus, name: str) -> None:
    line = await turn(bus, SAYS[name])
    assert await heard(line) == ANSWER
    assert line.parcels.done == []
    (completed,) = await line.events(PromptCompleted)
    assert (completed.text, completed.error) == (ANSWER, "")
    assert not (await line.events(TurnCompleted))[0].failed


@pytest.mark.parametrize("name", CALLS)
async def test_a_tool_call_in_any_form_is_made_once_and_never_spoken(bus: TestBus, name: str) -> None:
    line = await turn(bus, CALLS[name])
    assert (await heard(line)).removeprefix("Let me see. ") == ANSWER
    (done,) = line.parcels.done
    assert done.startswith(f"found {NUMBER} ")
    assert not (await line.events(TurnCompleted))[0].failed


@pytest.mark.parametrize("name", FAILS)
async def test_a_failure_in_any_form_is_an_apology_and_its_cause_is_known(bus: TestBus, name: str) -> None:
    raw, reason = FAILS[name]
    line = await turn(bus, raw)
    assert await heard(line) == APOLOGY
    (completed,) = await line.events(PromptCompleted)
    assert reason in completed.error
    assert line.parcels.done == []
