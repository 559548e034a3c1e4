"""Valid streams damaged: seeded mutations of the shapes that endpoints send, and the rules that any outcome must keep.

``mutated(chance)`` makes one, `check` reads it and says what is wrong. A mutation of the form (fields dropped, retyped
or repeated, bytes cut anywhere, errors in between) may lose words, but must not make us speak anything that is not in
the answer; a mutation of the bytes may change words, but must never raise an exception.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestra.agents.arguments import argument_objects
from orchestra.errors import EngineError
from orchestra.execution.models.port import ModelAnswer
from orchestra.execution.models.wire.answer import AnswerAssembler
from orchestra.execution.models.wire.event_stream import EventStreamParser
from orchestra.language.english import LANGUAGE
from tests.servers.shapes import ANSWER, bytes_of, calls, event, fails, in_pieces, says

OFFERED = ("find_parcel", "book", "transfer_to_reception")
#: placed wherever nothing may be spoken from
SECRET = "xyzzy"
#: all that may be spoken, as often as a form contains it
_MAY_BE_SAID = f"Let me see. {ANSWER * 3}"
_ODD: list[Any] = [
    None, 0, -1, 3.0, 1e999, float("nan"), True, False, "", "0", SECRET, "\x00", "\ud800", "x" * 5_000, [], [None],
    [[]], {}, {"a": SECRET}, [SECRET], 10**30, json.loads("[" * 50 + "]" * 50), {"error": None}, {"type": SECRET},
]  # fmt: skip


def _delta(**fields: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": fields}]})


_JUNK: list[bytes] = [
    *(
        f"{line}\n\n".encode()
        for line in ("", f": {SECRET}", "data:", "data: null", "data: {}", "data: []", "data: 3", "id: 7\nretry: 1")
    ),
    b"event: ping\ndata: ping\n\n",
    *map(event, ({"choices": None}, {"choices": []}, {"choices": [{}]}, {"choices": [None, 3, "x"]})),
    event({"usage": {"completion_tokens": None, "x": SECRET}}),
    _delta(reasoning_content=SECRET),
    _delta(reasoning=[SECRET], thinking={"x": SECRET}),
    _delta(content=[{"type": "thinking", "thinking": SECRET}, {"type": SECRET}]),
    _delta(tool_calls=[{"function": {"name": SECRET, "arguments": SECRET}}]),
    _delta(tool_calls=SECRET, function_call=[SECRET], audio={"data": SECRET}),
]
_ERRORS = [{"error": {"message": SECRET}}, {"type": "error", "error": SECRET}, {"object": "error", "message": SECRET}]
#: what may be removed from or changed in a chunk without changing a word
_FIELDS = ("id", "object", "created", "model", "usage", "system_fingerprint", "service_tier", "x_groq")
_CHOICE_FIELDS = ("index", "finish_reason", "logprobs", "content_filter_results", "stop_reason")
_DELTA_FIELDS = ("role", "reasoning", "reasoning_content", "annotations", "audio", "name")


@dataclass(frozen=True, slots=True)
class Mutated:
    """A stream in the pieces in which it arrives; ``in_form``: its words are unchanged."""

    pieces: list[bytes]
    in_form: bool


_GOOD = [(list(raw.pieces), name) for name, raw in (*says(), *calls())]
_GOOD += [(list(raw.pieces), name) for name, raw, _ in fails()]


def mutated(chance: random.Random) -> Mutated:
    """One stream; the same chance gives the same stream."""
    good, name = chance.choice(_GOOD)
    body = [json.loads(json.dumps(each)) if isinstance(each, dict) else each for each in good]
    body = [each for each in body if isinstance(each, dict) or len(each) < 20_000]
    if all(isinstance(each, bytes) for each in body):
        body = [b"".join(body)]  # nothing comes between two pieces of one text
    # where the text contains marks, losing a piece of it may lose half a mark
    mutations = (
        _HARMLESS
        if any(word in name for word in ("thoughts", "in the text", "its end", "only", "beside"))
        else _MUTATIONS
    )
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        chance.choice(mutations)(body, chance)
    if chance.random() < 0.1:
        _beside(body, chance)
    data = bytes_of(body)
    in_form = chance.random() < 0.7
    if not in_form:
        data = _corrupted(data, chance)
    if chance.random() < 0.2:
        data = data.replace(b"\n", chance.choice((b"\r\n", b"\r")))
    size = chance.choice((1, 2, 7, 64, 1 << 20))
    return Mutated(in_pieces(data, size if len(data) < 4_000 else 1 << 20), in_form)


def check(stream: Mutated) -> ModelAnswer | None:
    """Read a stream and check the rules; returns the answer, or None where it failed in a permitted way.

    Raises:
        AssertionError: something was spoken or called that must not be.

    """
    events, answer, said = EventStreamParser(), AnswerAssembler(OFFERED, hold_s=0.6), ""
    problem = ""
    try:
        for piece in stream.pieces:
            for value in events.feed(piece):
                said += answer.take(value) or ""
        for value in events.end():
            said += answer.take(value) or ""
    except EngineError as error:
        problem = str(error)
    assert problem.isprintable()
    said += answer.end(whole=not problem)
    result = answer.result()
    assert result.text == said
    said.encode()
    if stream.in_form:
        rest = iter(_MAY_BE_SAID)
        assert all(letter in rest for letter in LANGUAGE.to_plain_text(said)), said
    assert type(result.prompt_tokens) is type(result.completion_tokens) is int
    assert min(result.prompt_tokens, result.completion_tokens) >= 0
    for call in result.tool_calls:
        assert call.name
        assert call.name.isascii()
        call.arguments.encode()
        try:
            (written,) = argument_objects(call.arguments)
        except ValueError:
            continue
        assert isinstance(json.loads(written), dict)
    return None if problem else result


def _chunk_of(body: list[Any], chance: random.Random) -> dict[str, Any] | None:
    chunks = [each for each in body if isinstance(each, dict)]
    return chance.choice(chunks) if chunks else None


def _set(owner: Any, fields: tuple[str, ...], chance: random.Random) -> None:
    if isinstance(owner, dict):
        name = chance.choice(fields)
        if chance.random() < 0.4 and name != "index":
            owner.pop(name, None)
        else:
            owner[name] = chance.choice(_ODD)


def _retype_field(body: list[Any], chance: random.Random) -> None:
    _set(_chunk_of(body, chance), _FIELDS, chance)


def _choice_of(body: list[Any], chance: random.Random) -> Any:
    choices = (_chunk_of(body, chance) or {}).get("choices")
    return choices[0] if isinstance(choices, list) and choices else None


def _retype_choice(body: list[Any], chance: random.Random) -> None:
    _set(_choice_of(body, chance), _CHOICE_FIELDS, chance)


def _retype_delta(body: list[Any], chance: random.Random) -> None:
    choice = _choice_of(body, chance)
    _set(
        choice.get("delta") if isinstance(choice, dict) else None,
        tuple(f for f in _DELTA_FIELDS if f != "refusal"),
        chance,
    )


def _empty(body: list[Any], chance: random.Random) -> None:
    """A chunk's delta, choices or content become empty, or something else that is not text."""
    chunk, choice = _chunk_of(body, chance), _choice_of(body, chance)
    if chance.random() < 0.3 and chunk is not None:
        chunk["choices"] = chance.choice([None, [], {}, 0, "", [None], SECRET])
    elif isinstance(choice, dict):
        choice["delta"] = chance.choice(
            [None, {}, [], 0, SECRET, {"content": None}, {"content": 0}, {"content": [SECRET * 0]}]
        )


def _as_parts(body: list[Any], chance: random.Random) -> None:
    choice = _choice_of(body, chance)
    delta = choice.get("delta") if isinstance(choice, dict) else None
    if isinstance(delta, dict) and isinstance(delta.get("content"), str):
        text = {"type": "text", "text": delta["content"]}
        delta["content"] = chance.choice([text, [text], [{"type": "thinking", "thinking": SECRET}, text]])


def _insert(body: list[Any], chance: random.Random) -> None:
    body.insert(chance.randint(0, len(body)), chance.choice(_JUNK))


def _beside(body: list[Any], chance: random.Random) -> None:
    """A second answer next to the first."""
    chunks = (at for at, each in enumerate(body) if isinstance(each, dict) and isinstance(each.get("choices"), list))
    first = next((at for at in chunks if isinstance([*body[at]["choices"], None][0], dict)), len(body))
    if first < len(body):
        other = {"choices": [{"index": 9, "delta": {"content": SECRET}}]}
        body.insert(chance.randint(first + 1, len(body)), other)


def _fail(body: list[Any], chance: random.Random) -> None:
    body.insert(chance.randint(0, len(body)), chance.choice(_ERRORS))


def _cut(body: list[Any], chance: random.Random) -> None:
    del body[chance.randint(0, len(body)) :]


_Mutation = Callable[[list[Any], random.Random], None]
_HARMLESS: list[_Mutation] = [_retype_field, _retype_delta, _insert, _insert]
_MUTATIONS: list[_Mutation] = [*_HARMLESS, _retype_choice, _empty, _as_parts, _fail, _cut]


def _corrupted(data: bytes, chance: random.Random) -> bytes:
    """Bytes flipped, dropped, repeated or inserted."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        if not found:
            break
        at = chance.randrange(len(found))
        match chance.randrange(5):
            case 0:
                found[at] = chance.randrange(256)
            case 1:
                del found[at : at + chance.randint(1, 30)]
            case 2:
                found[at:at] = found[at : at + chance.randint(1, 60)]
            case 3:
                found[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
            case _:
                found[at:at] = chance.choice(
                    [b"{", b'"', b"\\u0000", b"\\ud800", b"[" * 3_000, b"<think>", b"```", b"\n\n"]
                )
    return bytes(found)
