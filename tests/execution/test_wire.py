"""The protocol's reader on the bytes of an answer alone: what it reads does not depend on where they are cut."""

import random

import pytest

from orchestra.execution.models.port import ModelAnswer
from orchestra.execution.models.wire.answer import AnswerAssembler
from orchestra.execution.models.wire.event_stream import EventStreamParser
from orchestra.language.english import LANGUAGE
from tests.servers.openai import Raw
from tests.servers.shapes import ANSWER, ARGUMENTS, bytes_of, calls, in_pieces, says

OFFERED = ("find_parcel", "book", "transfer_to_reception")


def read(pieces: list[bytes]) -> ModelAnswer:
    """The answer of a stream whose bytes come in these pieces."""
    events, answer = EventStreamParser(), AnswerAssembler(OFFERED, hold_s=0.6)
    said = ""
    for piece in pieces:
        for value in events.feed(piece):
            said += answer.take(value) or ""
    for value in events.end():
        said += answer.take(value) or ""
    said += answer.end()
    result = answer.result()
    assert result.text == said
    return result


def cuts(raw: Raw) -> list[list[bytes]]:
    body = bytes_of(raw.pieces)
    chance = random.Random(body)
    return [[body], in_pieces(body, 1), in_pieces(body, 2), in_pieces(body, chance.randint(3, 40))]


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in says()])
def test_an_answer_is_the_same_wherever_its_bytes_are_cut(raw: Raw) -> None:
    for pieces in cuts(raw):
        answer = read(pieces)
        assert LANGUAGE.to_plain_text(answer.text) == ANSWER
        assert answer.tool_calls == ()
        assert answer.prompt_tokens >= 0
        assert answer.completion_tokens >= 0


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in calls()])
def test_a_call_is_the_same_wherever_its_bytes_are_cut(raw: Raw) -> None:
    for pieces in cuts(raw):
        answer = read(pieces)
        assert answer.text.strip() in {"", "Let me see."}
        assert [(call.name, call.arguments.replace('":"', '": "')) for call in answer.tool_calls] == [
            ("find_parcel", ARGUMENTS)
        ]
