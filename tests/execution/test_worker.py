"""The execution worker alone: requests go in, chunks and results come out."""

import asyncio
import dataclasses
import time

import msgspec
import pytest

from orchestra.agents import App, Sentence, ToolContext, rule, tool
from orchestra.testing import TestBus
from orchestra_schemas import PromptCompleted, PromptRequested, ReplyChunk, ToolCompleted, ToolRequested
from tests.agents.team import Line, Parcels, team
from tests.servers.openai import OpenAIServer


async def prompt(line: Line, *, within_s: float = 18.0) -> tuple[PromptCompleted, list[str]]:
    """The answer to one prompt, and the sentences that were published."""
    request = PromptRequested(call=line.call, turn=1, agent="reception")
    async with line.bus.run(line.execution().consumer):
        await line.bus.publish(msgspec.structs.replace(request, deadline=time.time() + within_s))
        await line.bus.settled()
    (completed,) = await line.events(PromptCompleted)
    return completed, [chunk.text for chunk in await line.events(ReplyChunk)]


async def run_tool(line: Line, name: str, arguments: str = "{}", deadline: float = 0.0) -> ToolCompleted:
    async with line.bus.run(line.execution().consumer):
        await line.bus.publish(
            ToolRequested(
                call=line.call,
                turn=1,
                agent="tracking",
                name=name,
                arguments=arguments,
                deadline=deadline or time.time() + 18,
            )
        )
        await line.bus.settled()
    (completed,) = await line.events(ToolCompleted)
    return completed


def with_rules(*rules: object) -> App:
    return dataclasses.replace(team(Parcels()), rules=rules)  # type: ignore[arg-type]


@rule
def no_refunds(sentence: Sentence) -> str | None:
    return "I cannot promise that." if "refund" in sentence.text else None


@rule
def no_names(sentence: Sentence) -> str | None:
    return "" if "Bob" in sentence.text else None


@rule
def broken(sentence: Sentence) -> str | None:
    msg = f"cannot judge {sentence.text}"
    raise RuntimeError(msg)


async def test_rules_see_every_sentence_before_it_is_said(bus: TestBus) -> None:
    line = Line(bus, lambda _: "Hello. You get a **refund**. Ask Bob. Bye.", app=with_rules(no_refunds, no_names))
    completed, said = await prompt(line)
    assert said == ["Hello.", "I cannot promise that.", "Bye."]
    assert completed.text == "Hello. I cannot promise that. Bye."


async def test_a_sentence_is_not_said_if_its_rule_fails(bus: TestBus) -> None:
    completed, said = await prompt(Line(bus, lambda _: "A secret.", app=with_rules(broken)))
    assert said == ["I am sorry, that did not work."]
    assert completed.error


async def test_markdown_is_not_spoken(bus: TestBus) -> None:
    _, said = await prompt(Line(bus, lambda _: "## Hours\n- **Monday** to Friday\n- [Saturday](https://x.org)"))
    assert said == ["Hours", "Monday to Friday", "Saturday"]


async def test_the_first_chunk_says_how_long_the_first_token_took(bus: TestBus) -> None:
    line = Line(bus, lambda _: "One. Two.")
    completed, _ = await prompt(line)
    first, second = await line.events(ReplyChunk)
    assert first.first_token_ms == completed.first_token_ms > 0
    assert second.first_token_ms == 0
    assert completed.duration_ms >= completed.first_token_ms


async def test_a_prompt_is_not_run_after_its_deadline(bus: TestBus) -> None:
    line = Line(bus, lambda _: "Too late.")
    completed, said = await prompt(line, within_s=-1)
    assert line.model.prompts == []
    assert said == ["I am sorry, that did not work."]
    assert "after its deadline" in completed.error


async def test_a_model_that_does_not_begin_is_given_up(bus: TestBus) -> None:
    line = Line(bus, lambda _: "One. Two.")
    line.first_token_s = 0.05
    line.model.hold.clear()
    completed, said = await prompt(line)
    assert said == ["I am sorry, that did not work."]
    assert "has not answered within" in completed.error
    assert line.model.closed_early == 1


async def test_a_model_that_stops_in_the_middle_is_given_up_at_the_deadline(bus: TestBus) -> None:
    line = Line(bus, lambda _: "One. Two.", hold_at=2)
    line.model.hold.clear()
    completed, said = await prompt(line, within_s=2.0)
    assert said == ["One.", "I am sorry, that did not work."]
    assert completed.text == "One. I am sorry, that did not work."
    assert completed.finish_reason == "error"


async def test_a_very_long_answer_is_spoken_completely(bus: TestBus) -> None:
    text = "This is a sentence. " * 1500
    completed, said = await prompt(Line(bus, lambda _: text.strip()))
    assert len(said) == 1500
    assert completed.text == text.strip()


@tool
def thread_bound() -> str:
    """Do something that blocks."""
    time.sleep(0.01)
    return "done"


@tool(timeout_s=0.05, idempotent=True)
async def hanging() -> str:
    """Hang."""
    await asyncio.Event().wait()
    raise AssertionError


@tool(timeout_s=0.05, idempotent=True)
def blocking() -> str:
    """Block a thread."""
    time.sleep(0.3)
    return "too late"


@tool
async def failing() -> str:
    """Fail."""
    msg = "no database"
    raise OSError(msg)


@tool
async def huge() -> str:
    """Say too much."""
    return "x" * 1_000_000


@pytest.mark.parametrize(
    ("name", "failed", "result"),
    [
        ("thread_bound", False, "done"),
        ("hanging", True, "hanging took longer than 0.05 s; its outcome is not known."),
        ("blocking", True, "blocking took longer than 0.05 s; its outcome is not known."),
        ("failing", True, "failing failed: OSError"),
        ("unknown", True, "There is no tool named unknown."),
    ],
)
async def test_the_agent_learns_the_result_of_its_tool(bus: TestBus, name: str, failed: bool, result: str) -> None:
    line = Line(bus, lambda _: "", app=team(Parcels(), tools=(thread_bound, hanging, blocking, failing)))
    completed = await run_tool(line, name)
    assert (completed.failed, completed.result) == (failed, result)


async def test_a_tools_result_is_bounded(bus: TestBus) -> None:
    completed = await run_tool(Line(bus, lambda _: "", app=team(Parcels(), tools=(huge,))), "huge")
    assert len(completed.result) == 8000
    assert completed.result.endswith("(cut)")


async def test_a_tool_is_not_run_after_its_deadline(bus: TestBus) -> None:
    line = Line(bus, lambda _: "")
    completed = await run_tool(line, "find_parcel", '{"number":"1"}', deadline=time.time() - 1)
    assert completed.failed
    assert line.parcels.done == []


@tool(idempotent=True)
async def ask_service(url: str, context: ToolContext) -> str:
    """Ask another service."""
    response = await context.http.get(url)
    return f"{response.status_code} within {context.http.timeout.read:g} s"


async def test_tools_are_handed_an_http_client_with_limits(bus: TestBus) -> None:
    async with OpenAIServer(lambda *_: "") as server:
        line = Line(bus, lambda _: "", app=team(Parcels(), tools=(ask_service,)))
        completed = await run_tool(line, "ask_service", f'{{"url":"{server.base_url}/models"}}')
    assert completed.result == "200 within 4 s"
