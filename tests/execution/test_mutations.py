"""Streams that are mutations of good ones: never an exception, never anything spoken that is not the answer."""

import random

from orchestra.testing import TestBus
from orchestra_schemas import PromptCompleted, ReplyChunk, TurnCompleted
from tests.agents.test_openai_turn import RemoteLine
from tests.execution.test_model_faults import APOLOGY
from tests.servers.mutations import SECRET, Mutated, check, mutated
from tests.servers.openai import OpenAIServer, Raw
from tests.servers.shapes import ANSWER, chunk

#: streams that are read; ``python -m tests.fuzz`` reads more
_COUNT = 3_000


def test_a_mutated_stream_is_either_an_answer_or_a_failure() -> None:
    answered = 0
    for seed in range(_COUNT):
        stream = mutated(random.Random(seed))
        try:
            answered += check(stream) is not None
        except Exception as error:
            error.add_note(f"seed {seed}: {b''.join(stream.pieces)[:2_000]!r}")
            raise
    assert answered > _COUNT / 3  # most get past the first check


def test_the_check_notices_text_that_must_not_be_spoken() -> None:
    spoken_aloud = Mutated(
        [b'data: {"choices": [{"delta": {"content": "' + SECRET.encode() + b'"}}]}\n\n'], in_form=True
    )
    try:
        check(spoken_aloud)
    except AssertionError:
        return
    raise AssertionError


async def test_a_call_goes_on_whatever_its_models_stream_is(bus: TestBus) -> None:
    chance = random.Random(10)
    streams = [mutated(chance) for _ in range(12)]
    replies = iter([Raw([piece]) for piece in (b"".join(stream.pieces) for stream in streams)])
    good = Raw([chunk({"content": ANSWER}), chunk({}, "stop")])

    async with OpenAIServer(
        lambda messages, _: good if messages[-1]["role"] == "tool" else next(replies, good)
    ) as server:
        line = RemoteLine(bus, server, model_retries=0, model_breaker_failures=1000)
        async with line.running():
            for _ in streams:
                await line.say("where is my parcel")
            await line.say("where is my parcel now")
    turns = await line.events(TurnCompleted)
    assert len(turns) == len(streams) + 1
    assert turns[-1].text == ANSWER
    assert len(await line.events(PromptCompleted)) >= len(turns)
    for event in await line.events(ReplyChunk):
        assert event.text == APOLOGY or SECRET not in event.text
