"""Whoever lives is waited for, and whoever stalls is not: limits of prompts and turns, and what they are called."""

from collections.abc import Iterator
from typing import Any

import pytest

from orchestra.testing import TestBus
from orchestra_schemas import PromptCompleted, TurnCompleted
from tests.agents.test_openai_turn import RemoteLine
from tests.execution.test_model_faults import APOLOGY, heard
from tests.servers.openai import OpenAIServer, Raw, Reply
from tests.servers.shapes import ANSWER, ARGUMENTS, DONE, called, chunk, piece, said

Dicts = list[dict[str, Any]]
#: in all longer than the limits of these tests, which are long enough for a busy machine
PAUSE_S, LIMIT_S = 0.15, 1.5


def slowly(*chunks: Any) -> Raw:
    return Raw(chunks, pause_s=PAUSE_S)


def lives() -> Iterator[tuple[str, Raw]]:
    yield "thoughts apart", slowly(*[chunk({"reasoning_content": "Hm. "})] * 12, chunk({"content": ANSWER}), DONE)
    yield (
        "thoughts in the text",
        slowly(*(chunk({"content": text}) for text in ["<think>", *["Hm. "] * 12, "</think>", ANSWER]), DONE),
    )
    yield (
        "a long answer",
        slowly(*(chunk({"content": word}) for word in ["It is ", "in ", "the ", *["very "] * 9, "van."]), DONE),
    )


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in lives()])
async def test_an_answer_that_lives_is_not_cut_off(bus: TestBus, raw: Raw) -> None:
    async with OpenAIServer(lambda *_: raw) as server:
        line = RemoteLine(bus, server, model_first_token_s=LIMIT_S, model_stall_s=LIMIT_S, model_retries=0)
        said = await heard(line, "hello")
    assert APOLOGY not in said
    assert said[0].startswith("It is in the ")
    assert [completed.error for completed in await line.events(PromptCompleted)] == [""]


@pytest.mark.integration
async def test_a_tool_call_that_is_long_in_coming_is_waited_for(bus: TestBus) -> None:
    parts = [ARGUMENTS[:-1], *[" "] * 12, ARGUMENTS[-1:]]
    long = called(piece("", "find_parcel", index=0, id="x1"), *(piece(part, index=0) for part in parts))

    def respond(messages: Dicts, _: Dicts) -> Reply:
        return ANSWER if messages[-1]["role"] == "tool" else slowly(*long)

    async with OpenAIServer(respond) as server:
        line = RemoteLine(bus, server, model_first_token_s=LIMIT_S, model_stall_s=LIMIT_S, model_retries=0)
        assert await heard(line, "where is my parcel") == ["It is in the van.", "It comes today."]
    assert len(line.parcels.done) == 1


@pytest.mark.parametrize(
    ("raw", "spoken", "reason"),
    [
        (Raw([*said(ANSWER)[:-2], b""], pause_s=0), ["It is in the van."], "sent nothing more for 0.5 s"),
        (Raw([chunk({"reasoning_content": "Hm."})]), [], "sent nothing more for 0.5 s"),
        (Raw([b": ping\n\n"] * 300, pause_s=0.1), [], "has not answered within"),
        (Raw([chunk({"role": "assistant", "content": ""})] * 300, pause_s=0.1), [], "has not answered within"),
    ],
    ids=["text", "thoughts", "comments", "roles"],
)
@pytest.mark.integration
async def test_an_answer_that_stalls_is_given_up(bus: TestBus, raw: Raw, spoken: list[str], reason: str) -> None:
    stalls = Raw([*raw.pieces, *[b": ping\n\n"] * 600], pause_s=raw.pause_s or 0.05)
    async with OpenAIServer(lambda *_: stalls) as server:
        line = RemoteLine(bus, server, model_first_token_s=3, model_stall_s=0.5, model_retries=0)
        assert await heard(line, "hello") == [*spoken, APOLOGY]
    (completed,) = await line.events(PromptCompleted)
    assert reason in completed.error


async def test_an_answer_that_never_ends_is_ended_with_the_turn(bus: TestBus) -> None:
    endless = Raw([chunk({"content": "And on. "})] * 400, pause_s=0.05)
    async with OpenAIServer(lambda *_: endless) as server:
        line = RemoteLine(bus, server, turn_s=1.5, model_retries=0)
        said = await heard(line, "hello")
    assert (said[0], said[-1]) == ("And on.", APOLOGY)
    assert "not come to an end within 2 s" in (await line.events(PromptCompleted))[0].error


@pytest.mark.integration
async def test_a_long_answer_outlives_the_limit_of_its_prompt(bus: TestBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_PROMPT_S", "1")
    monkeypatch.setenv("ORCHESTRA_MODEL_FIRST_TOKEN_S", "0.4")
    long = Raw([*(chunk({"content": "And on. "}) for _ in range(40)), DONE], pause_s=PAUSE_S)
    async with OpenAIServer(lambda *_: long) as server:  # 6 s: two looks at whether it lives
        said = await heard(RemoteLine(bus, server, model_retries=0), "hello")
    assert said == ["And on."] * 40


async def test_a_turn_has_a_limit_of_its_own(bus: TestBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_TURN_S", "1")
    async with OpenAIServer(lambda *_: Raw([chunk({"content": "And on. "})] * 60, pause_s=0.05)) as server:
        line = RemoteLine(bus, server, model_retries=0)
        async with line.running():
            await line.say("hello")
    (completed,) = await line.events(TurnCompleted)
    assert completed.failed
